package log

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// TestManyPartitions makes, fills, closes and opens many logs on the machine's
// disk: 300 by default, as many as HEADRACE_LOG_PARTITIONS says in a long run.
// It prints what they cost.
func TestManyPartitions(t *testing.T) {
	n := 300
	if v, err := strconv.Atoi(os.Getenv("HEADRACE_LOG_PARTITIONS")); err == nil {
		n = v
	} else {
		t.Log("reduced: 300 partitions; HEADRACE_LOG_PARTITIONS=n makes n")
	}
	path := t.TempDir()
	const maxOpen = 64
	batch := plain(t, 3, "one of many")
	pass := func(name string, fill bool) {
		began := time.Now()
		d, err := OpenDir(DirOptions{FS: vfs.New(), Path: path, MaxOpenFiles: maxOpen})
		if err != nil {
			t.Fatal(err)
		}
		logs := make([]*Log, n)
		for i := range n {
			if logs[i], err = d.Open(Partition{"many", int32(i)}, testID, Config{DeleteEnabled: true}); err != nil {
				t.Fatal(err)
			}
		}
		opened := time.Since(began)
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		for i, l := range logs {
			if !fill {
				break
			}
			if _, err := l.Append(batch, AppendOptions{Now: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if i%maxOpen == 0 {
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
		began = time.Now()
		if err := d.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: opened %d in %v, heap %d KiB (%d bytes each), closed in %v", name, n, opened.Round(time.Millisecond),
			m.HeapAlloc>>10, m.HeapAlloc/uint64(n), time.Since(began).Round(time.Millisecond))
		runtime.KeepAlive(logs)
	}
	pass("new", true)
	pass("after a clean stop", false)
	d, err := OpenDir(DirOptions{FS: vfs.New(), Path: path})
	if err != nil {
		t.Fatal(err)
	}
	d.Abandon()
	pass("after a crash", false)
}
