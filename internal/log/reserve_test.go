package log

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// Records stop at the reserve, and what is not a record goes on behind it.
func TestRecordsLeaveTheReserveFree(t *testing.T) {
	const reserved = 50_000
	mem := vfs.NewMem()
	d, err := OpenDir(DirOptions{FS: mem, Path: "/data", Manual: true, Reserve: reserved})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Open(Partition{"t", 0}, testID, Config{FlushBeforeAck: true})
	if err != nil {
		t.Fatal(err)
	}
	mem.SetQuota(mem.Used() + 3*reserved)
	now := time.Now()
	appended := 0
	for round := range 5 {
		for {
			_, err := l.Append(plain(t, 10, strings.Repeat("x", 200)), AppendOptions{Now: now})
			if errors.Is(err, kerr.KafkaStorageError) && errors.Is(err, syscall.ENOSPC) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			appended++
		}
		if free, _, err := mem.Free("/data"); err != nil || free < reserved-5000 || !d.ReadOnly() {
			t.Fatalf("round %d: %d bytes are free, read-only %v, %v", round, free, d.ReadOnly(), err)
		}
		now = now.Add(time.Second)
		if err := d.Step(now); err != nil { // syncs, and writes the state log
			t.Fatal(err)
		}
		if l.DurableOffset() != l.EndOffset() || d.Failed() != nil {
			t.Fatalf("durable to %d of %d", l.DurableOffset(), l.EndOffset())
		}
		mem.SetQuota(mem.Used() + 2*reserved)
		now = now.Add(time.Second)
		if err := d.Step(now); err != nil || d.ReadOnly() {
			t.Fatalf("round %d: still read-only, %v", round, err)
		}
	}
	if l.EndOffset() != int64(10*appended) || appended < 50 {
		t.Errorf("%d batches, and the log ends at %d", appended, l.EndOffset())
	}
}
