package log

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// TestFailedSync: after one failed sync nothing is acknowledged ever again,
// though the next sync would succeed.
func TestFailedSync(t *testing.T) {
	for _, c := range []struct{ name, path string }{
		{"segment", "*.log"}, {"state log", stateName + "*"}, {"metadata", metaName},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			fs := vfs.NewFaulty(mem)
			told := 0
			d, err := OpenDir(DirOptions{FS: fs, Path: "/data", Manual: true, OnFailure: func(_ *Dir, err error) {
				told++
				if !errors.Is(err, syscall.EIO) {
					t.Error(err)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			l, err := d.Open(testTP, testID, Config{FlushBeforeAck: true})
			if err != nil {
				t.Fatal(err)
			}
			fs.Add(vfs.Rule{Op: vfs.OpSync, Path: c.path, Times: 1, Err: syscall.EIO})
			if _, err := l.Append(plain(t, 1, "a"), AppendOptions{Now: epoch0}); err != nil {
				t.Fatal(err)
			}
			_ = d.Step(epoch0)
			_ = d.Step(epoch0.Add(time.Second))
			if c.name != "state log" && l.DurableOffset() != 0 {
				t.Error("durable", l.DurableOffset())
			}
			if d.Failed() == nil || told != 1 {
				t.Fatal(d.Failed(), told)
			}
			if _, err := l.Append(plain(t, 1, "b"), AppendOptions{Now: epoch0}); !errors.Is(err, kerr.KafkaStorageError) {
				t.Error(err)
			}
			if _, err := l.Read(0, 100, 1, true); !errors.Is(err, kerr.KafkaStorageError) {
				t.Error(err)
			}
			if err := l.Sync(); !errors.Is(err, kerr.KafkaStorageError) {
				t.Error(err)
			}
			d.Abandon()
		})
	}
}

// TestFullDisk: produce gets an error, reads go on, retention frees space, and
// service resumes by itself.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewCrashableMem()
	d, l, err := openTest(mem, "b", Config{SegmentBytes: 3000, FlushBeforeAck: true, DeleteEnabled: true, RetentionBytes: 4000})
	if err != nil {
		t.Fatal(err)
	}
	mem.SetQuota(20_000)
	now := epoch0
	var n int64
	for full := 0; full < 20; now = now.Add(300 * time.Millisecond) {
		a, err := l.Append(plain(t, 1, fmt.Sprintf("%0100d", n)), AppendOptions{Now: now})
		if err == nil {
			if a.BaseOffset != n {
				t.Fatal(a, n)
			}
			n++
			continue
		}
		if !errors.Is(err, kerr.KafkaStorageError) || !errors.Is(err, syscall.ENOSPC) || !d.ReadOnly() {
			t.Fatal(err, d.ReadOnly())
		}
		full++
		_ = d.Step(now)
	}
	if d.Failed() != nil {
		t.Fatal(d.Failed())
	}
	if keys, err := keysFrom(l, 0); err != nil || int64(len(keys)) != n {
		t.Fatal(len(keys), n, err)
	}
	l.SetHighWatermark(l.EndOffset())
	if deleted, err := l.Retain(now); err != nil || deleted == 0 {
		t.Fatal(deleted, err)
	}
	now = now.Add(time.Second)
	if a, err := l.Append(plain(t, 1, "again"), AppendOptions{Now: now}); err != nil || a.BaseOffset != n || d.ReadOnly() {
		t.Fatal(a, err, d.ReadOnly())
	}
	if err := d.Step(now); err != nil || l.DurableOffset() != n+1 {
		t.Fatal(err, l.DurableOffset())
	}
	image := mem.CrashClone(vfs.CrashOptions{})
	d.Abandon()
	d, l2, err := openTest(image, "c", Config{})
	if err != nil || l2.EndOffset() != n+1 || l2.StartOffset() != l.StartOffset() {
		t.Fatal(l2, err)
	}
	if keys, err := keysFrom(l2, l2.StartOffset()); err != nil || int64(len(keys)) != n+1-l2.StartOffset() {
		t.Fatal(len(keys), err)
	}
	d.Abandon()
}

// TestShortWrite: what a failed write has left is cut, so that the next batch
// begins where the last whole one ends.
func TestShortWrite(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewCrashableMem())
	d, l, err := openTest(fs, "b", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abandon()
	for i := range 3 {
		now := epoch0.Add(time.Duration(i) * time.Second)
		if _, err := l.Append(plain(t, 2, fmt.Sprint(i)), AppendOptions{Now: now}); err != nil {
			t.Fatal(err)
		}
		fs.Add(vfs.Rule{Op: vfs.OpWrite, Path: "*.log", Times: 1, Err: syscall.ENOSPC, Short: 50})
		if _, err := l.Append(plain(t, 2, "lost"), AppendOptions{Now: now}); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatal(err)
		}
		if got := sizeOf(t, fs, l.mem.active().path()); got != l.Size() {
			t.Fatalf("file of %d bytes, log of %d", got, l.Size())
		}
		_ = d.Step(now)
	}
	if keys, err := keysFrom(l, 0); err != nil || len(keys) != 6 {
		t.Fatal(keys, err)
	}
}

// TestTooManyOpenFiles: running out of descriptors is not the disk's fault.
func TestTooManyOpenFiles(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewMem())
	d, l, err := openTest(fs, "b", Config{SegmentBytes: 300})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abandon()
	for i := range 10 {
		if _, err := l.Append(plain(t, 2, fmt.Sprint(i)), AppendOptions{Now: epoch0}); err != nil {
			t.Fatal(err)
		}
		if err := d.Step(epoch0); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.OpenFiles(); n > 5 {
		t.Errorf("%d files open, bound is 4", n)
	}
	fs.Add(vfs.Rule{Op: vfs.OpOpen, Times: 1, Err: syscall.EMFILE})
	if _, err := l.Read(0, 100, 20, true); !errors.Is(err, kerr.KafkaStorageError) || d.Failed() != nil {
		t.Fatal(err, d.Failed())
	}
	if keys, err := keysFrom(l, 0); err != nil || len(keys) != 20 {
		t.Fatal(keys, err)
	}
}
