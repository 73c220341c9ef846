package log

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// Partitions that are made, and appends to many of them, leave no more files
// open than the bound says: who wants one more waits for a sync to let one go.
func TestOpenFilesStayBoundedWhileNothingIsSynced(t *testing.T) {
	const bound, partitions = 8, 100
	for name, c := range map[string]Config{"flush before ack": {FlushBeforeAck: true}, "lazy": {}} {
		t.Run(name, func(t *testing.T) {
			d, err := OpenDir(DirOptions{FS: vfs.NewMem(), Path: "/data", MaxOpenFiles: bound})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := d.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			var logs []*Log
			most := 0
			for i := range partitions {
				l, err := d.Open(Partition{"many", int32(i)}, testID, c)
				if err != nil {
					t.Fatal(err)
				}
				logs = append(logs, l)
				most = max(most, d.OpenFiles())
			}
			batch := plain(t, 1, "one of many")
			for _, l := range logs {
				if _, err := l.Append(batch, AppendOptions{Now: time.Now()}); err != nil {
					t.Fatal(err)
				}
				most = max(most, d.OpenFiles())
			}
			if most > bound {
				t.Errorf("%d files were open, the bound is %d", most, bound)
			}
		})
	}
}

// A file that was made, never written to and removed before its sync does not
// keep the log from getting durable.
func TestSyncOfAFileThatIsGone(t *testing.T) {
	d, err := OpenDir(DirOptions{FS: vfs.NewMem(), Path: "/data", Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Open(Partition{"moved", 0}, testID, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.TruncateFullyAndStartAt(100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(plain(t, 1, "after"), AppendOptions{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(); err != nil || l.DurableOffset() != 101 {
		t.Errorf("durable up to %d, want 101: %v", l.DurableOffset(), err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A reader that holds more files than the bound does not wait for itself.
func TestReadersDoNotWaitForRoom(t *testing.T) {
	const bound, partitions = 4, 12
	synctest.Test(t, func(t *testing.T) {
		d, err := OpenDir(DirOptions{FS: vfs.NewMem(), Path: "/data", MaxOpenFiles: bound})
		if err != nil {
			t.Fatal(err)
		}
		var logs []*Log
		for i := range partitions {
			l, err := d.Open(Partition{"many", int32(i)}, testID, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Append(plain(t, 1, "x"), AppendOptions{Now: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			logs = append(logs, l)
		}
		began := time.Now()
		var held []Range
		for _, l := range logs {
			r, err := l.Read(0, 1<<20, 1, true)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, r)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the reads waited %s", waited)
		}
		for i := range held {
			held[i].Release()
		}
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
