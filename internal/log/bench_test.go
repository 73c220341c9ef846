package log

import (
	"context"
	"io/fs"
	"testing"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// nullFS lets writes of segments vanish, so that a benchmark of Append measures
// this package and not the kernel.
type nullFS struct{ vfs.FS }

func (f nullFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	return nullFile{file}, err
}

type nullFile struct{ vfs.File }

func (nullFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func benchLog(tb testing.TB, fs vfs.FS, path string) (*Dir, *Log) {
	d, err := OpenDir(DirOptions{FS: fs, Path: path})
	if err != nil {
		tb.Fatal(err)
	}
	l, err := d.Open(testTP, testID, Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return d, l
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		fs   vfs.FS
		pid  bool
	}{
		{"null", nullFS{vfs.NewMem()}, false},
		{"null,idempotent", nullFS{vfs.NewMem()}, true},
		{"disk", vfs.New(), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := "/data"
			if c.name == "disk" {
				path = b.TempDir()
			}
			d, l := benchLog(b, c.fs, path)
			o := record.BatchOptions{}
			if c.pid {
				o.Producer = &record.Producer{ID: 5}
			}
			batch := batchOf(b, 10, epoch0.UnixMilli(), "0123456789012345678901234567890123456789012345678901234567890123456789", o)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if c.pid {
					setSequence(batch, int32(i*10))
				}
				if _, err := l.Append(batch, AppendOptions{LeaderEpoch: 1, Now: epoch0}); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := d.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// setSequence patches the base sequence; the log does not check the CRC.
func setSequence(b record.Batch, seq int32) {
	b[53], b[54], b[55], b[56] = byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
}

func BenchmarkReadTail(b *testing.B) {
	d, l := benchLog(b, vfs.New(), b.TempDir())
	batch := plain(b, 10, "some payload")
	for range 1000 {
		if _, err := l.Append(batch, AppendOptions{Now: epoch0}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := l.Read(l.EndOffset()-10, 1<<20, l.EndOffset(), true)
		if err != nil || r.Len() != len(batch) {
			b.Fatal(r, err)
		}
		r.Release()
	}
	if err := d.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReadRandom(b *testing.B) {
	d, l := benchLog(b, vfs.New(), b.TempDir())
	batch := plain(b, 10, "some payload")
	for range 100_000 {
		if _, err := l.Append(batch, AppendOptions{Now: epoch0}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	var at int64
	for b.Loop() {
		at = (at + 777_777) % l.EndOffset()
		r, err := l.Read(at, 64<<10, l.EndOffset(), true)
		if err != nil {
			b.Fatal(r, err)
		}
		r.Release()
	}
	if err := d.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// TestAllocations holds the hot paths to what they cost: nothing.
func TestAllocations(t *testing.T) {
	d, l := benchLog(t, nullFS{vfs.NewMem()}, "/data")
	batch := batchOf(t, 10, epoch0.UnixMilli(), "payload", record.BatchOptions{Producer: &record.Producer{ID: 5}})
	seq := int32(0)
	o := AppendOptions{LeaderEpoch: 1, Now: epoch0}
	// An index page is written about each 1 MiB: that may allocate.
	if n := testing.AllocsPerRun(5000, func() {
		setSequence(batch, seq)
		seq += 10
		if _, err := l.Append(batch, o); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		r, err := l.Read(l.EndOffset()-10, 1<<20, l.EndOffset(), true)
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}); n > 0 {
		t.Errorf("Read: %v allocations", n)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
