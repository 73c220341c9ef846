package log

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// TestVerifiedOnce: what this process has appended or checked is handed out as
// it lies; the first read of anything else reads and checks all of it before.
func TestVerifiedOnce(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	faulty := vfs.NewFaulty(h.fs)
	h.stop()
	mem := h.fs
	h.fs = faulty
	h.open()
	read := 0
	faulty.Before(func(c vfs.Call) {
		if c.Op == vfs.OpRead && filepath.Ext(c.Path) == logSuffix {
			read += c.Size
		}
	})
	fetch := func(from int64, maxBytes int) (int, error) {
		t.Helper()
		read = 0
		r, err := h.log.Read(from, maxBytes, h.log.EndOffset(), true)
		if err != nil {
			return 0, err
		}
		defer r.Release()
		return r.Len(), nil
	}
	var half int64
	for i := range 400 {
		if i == 200 {
			half = h.log.Size()
		}
		h.append(plain(t, 2, fmt.Sprintf("%0500d", i)))
	}
	size := int(h.log.Size())
	if n, err := fetch(0, 1<<30); err != nil || n != size || read != 0 {
		t.Fatalf("%d of %d bytes, %v: %d were read of what has just been written", n, size, err, read)
	}
	h.restart()
	faulty.Before(nil)
	h.dir.keep.touched = nil
	faulty.Before(func(c vfs.Call) {
		if c.Op == vfs.OpRead && filepath.Ext(c.Path) == logSuffix {
			read += c.Size
		}
	})
	const some = 50_000
	n, err := fetch(0, some)
	if err != nil || n > some || read < n {
		t.Fatalf("%d bytes handed out, %d read before: %v", n, read, err)
	}
	if again, err := fetch(0, some); err != nil || again != n || read >= n {
		t.Fatalf("%d bytes handed out, %d read the second time: %v", again, read, err)
	}
	// Of a range that is half known, the other half is checked.
	flip(t, mem, filepath.Join(testPath, segmentName(0, logSuffix)), half+300, 4)
	n, err = fetch(0, 1<<30)
	if err != nil || int64(n) != half {
		t.Fatalf("%d bytes handed out, the damage begins at %d: %v", n, half, err)
	}
	if _, err = fetch(400, 1000); !errors.Is(err, kerr.CorruptMessage) {
		t.Fatal(err)
	}
	if n, err = fetch(402, 1<<30); err != nil || n == 0 || read < n {
		t.Fatalf("behind the damage: %d handed out, %d read: %v", n, read, err)
	}
}

// lying is a disk whose n-th write to a segment tells that it has been done, and
// went elsewhere or nowhere.
type lying struct {
	vfs.FS
	n     int
	where func(f vfs.File, p []byte, off int64) error
}

func (l *lying) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	if err != nil || filepath.Ext(name) != logSuffix || filepath.Base(name) == stateName {
		return f, err
	}
	return lyingFile{f, l}, nil
}

type lyingFile struct {
	vfs.File
	l *lying
}

func (f lyingFile) WriteAt(p []byte, off int64) (int, error) {
	f.l.n--
	if f.l.n != 0 {
		return f.File.WriteAt(p, off)
	}
	return len(p), f.l.where(f.File, p, off)
}

// TestLyingDisk: a write that is lost, or lands in another place, is damage that
// is found: by the scrubber, by the first read after a start, or at recovery. No
// record is ever read at an offset that is not its own.
func TestLyingDisk(t *testing.T) {
	for name, where := range map[string]func(f vfs.File, p []byte, off int64) error{
		"lost": func(vfs.File, []byte, int64) error { return nil },
		"half": func(f vfs.File, p []byte, off int64) error {
			_, err := f.WriteAt(p[:len(p)/2], off)
			return err
		},
		"moved back": func(f vfs.File, p []byte, off int64) error {
			if off < 64 {
				return nil
			}
			_, err := f.WriteAt(p, off-64)
			return err
		},
		"moved to the start": func(f vfs.File, p []byte, off int64) error {
			if off == 0 {
				return nil
			}
			_, err := f.WriteAt(p, 0)
			return err
		},
		"moved on": func(f vfs.File, p []byte, off int64) error {
			_, err := f.WriteAt(p, off+4096)
			return err
		},
	} {
		for n := 1; n <= 10; n++ {
			for _, how := range []string{"scrub", "clean", "kill"} {
				t.Run(fmt.Sprint(name, " write ", n, " ", how), func(t *testing.T) {
					h := newHarness(t, Config{SegmentBytes: 500, IndexIntervalBytes: 64, FlushBeforeAck: true})
					mem := h.fs.(*vfs.Mem)
					h.stop()
					h.fs = &lying{FS: mem, n: n, where: where}
					h.open()
					for i := range 10 {
						h.append(plain(t, 2, fmt.Sprint("t", i)))
						h.dir.SyncPending()
					}
					h.log.SetHighWatermark(20)
					if err := h.dir.Step(epoch0); err != nil {
						t.Fatal(err)
					}
					switch how {
					case "scrub":
						h.verifyAll()
						if len(h.log.Damages()) == 0 {
							t.Fatal("the sweep has found nothing")
						}
						h.dir.Abandon()
						return // reads of what was verified before show what lies there
					case "clean":
						h.stop()
					case "kill":
						h.dir.Abandon()
						mem = mem.KillClone()
					}
					h.fs = mem
					h.open()
					defer h.dir.Abandon()
					seen, bad := survey(t, h.log), 0
					for o := range int64(20) {
						switch want := fmt.Sprintf("%d:t%d-%d", o, o/2, o%2); seen[o] {
						case want:
						case "bad", "":
							bad++
						default:
							t.Fatalf("offset %d is %q", o, seen[o])
						}
					}
					if bad == 0 || h.log.EndOffset() < 20 {
						t.Fatalf("%d bad, end offset %d", bad, h.log.EndOffset())
					}
					if a := h.append(plain(t, 1, "new")); a.BaseOffset < 20 {
						t.Fatal(a)
					}
				})
			}
		}
	}
}
