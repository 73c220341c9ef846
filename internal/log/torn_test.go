package log

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headrace/headrace/internal/vfs"
)

// tornDisk is a log of two segments, of which the recovery point covers the
// first three of eight batches, as a kill leaves it; where its batches of the
// second segment end, and that segment's name and bytes.
type tornDisk struct {
	disk  *vfs.Mem
	name  string
	ends  []int64 // in the second segment
	base  int64   // its base offset
	bytes []byte
}

func newTornDisk(t *testing.T, clean bool) tornDisk {
	t.Helper()
	h := newHarness(t, Config{SegmentBytes: 450, FlushBeforeAck: true})
	var d tornDisk
	for i := range 8 {
		h.append(plain(t, 2, fmt.Sprint("t", i)))
		if s := h.log.mem.active(); s.base > 0 {
			d.name, d.base, d.ends = s.path(), s.base, append(d.ends, s.size)
		}
		if i == 2 {
			h.dir.SyncPending()
			if err := h.dir.Step(epoch0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(h.log.Segments()) != 2 || len(d.ends) < 3 {
		t.Fatal(h.log.Segments())
	}
	if clean {
		h.stop()
		d.disk = h.fs.(*vfs.Mem)
	} else {
		d.disk = h.fs.(*vfs.Mem).KillClone()
		h.dir.Abandon()
	}
	var err error
	if d.bytes, err = readFile(d.disk, d.name, 1<<20); err != nil {
		t.Fatal(err)
	}
	return d
}

// tornForms are what an interrupted write may leave behind the byte at n.
var tornForms = []struct {
	name string
	tail func(whole []byte, n int64) []byte
}{
	{"short", func([]byte, int64) []byte { return nil }},
	{"zeroes", func(whole []byte, n int64) []byte { return make([]byte, int64(len(whole))-n) }},
	{"garbage", func(whole []byte, n int64) []byte {
		b := bytes.Repeat([]byte{0xa5}, int(int64(len(whole))-n))
		for i := range b {
			b[i] ^= byte(i * 7)
		}
		return b
	}},
}

// TestTornAtEveryByte tears the last segment at every byte, in every form, after
// a kill and after a power cut. What was whole is there, no offset that was
// given out is given out again unless its batch was torn, and a second crash
// changes nothing more.
func TestTornAtEveryByte(t *testing.T) {
	d := newTornDisk(t, false)
	for _, boot := range []string{"boot-1", "boot-2"} {
		for _, form := range tornForms {
			for n := range int64(len(d.bytes)) {
				if reduced() && n%3 != 0 && form.name != "short" || testing.Short() && n%11 != 0 {
					continue
				}
				img := d.disk.KillClone()
				edit(t, img, d.name, func(f vfs.File) {
					if err := f.Truncate(n); err != nil {
						t.Fatal(err)
					}
					if _, err := f.WriteAt(form.tail(d.bytes, n), n); err != nil {
						t.Fatal(err)
					}
				})
				where := fmt.Sprintf("%s, %s from byte %d", boot, form.name, n)
				// A tail may be what was there: batches end in a byte of zeroes.
				torn := slices.Concat(d.bytes[:n], form.tail(d.bytes, n))
				whole := 0
				for whole < len(d.ends) && d.ends[whole] <= int64(len(torn)) && bytes.Equal(torn[:d.ends[whole]], d.bytes[:d.ends[whole]]) {
					whole++
				}
				d.check(t, img, boot, where, d.base+int64(2*whole), form.name)
			}
		}
	}
}

// check opens a torn log whose whole batches end at the offset want.
func (d tornDisk) check(t *testing.T, img *vfs.Mem, boot, where string, want int64, form string) {
	t.Helper()
	conf := Config{SegmentBytes: 450}
	dir, l, err := openTest(img, boot, conf)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	seen := survey(t, l)
	for o := range want {
		if got := fmt.Sprintf("%d:t%d-%d", o, o/2, o%2); seen[o] != got {
			t.Fatalf("%s: offset %d is %q", where, o, seen[o])
		}
	}
	end := l.EndOffset()
	// Only after a kill, where no sector can be missing, is a batch with a sound
	// length kept for damage.
	if end < want || end > want && (form == "short" || boot == "boot-2" && form == "zeroes") {
		t.Fatalf("%s: end offset %d, whole are %d", where, end, want)
	}
	for o := want; o < min(end, 64); o++ {
		if seen[o] != "bad" {
			t.Fatalf("%s: offset %d is %q", where, o, seen[o])
		}
	}
	a, err := l.Append(plain(t, 1, "new"), AppendOptions{LeaderEpoch: 1, Now: epoch0})
	if err != nil || a.BaseOffset != end {
		t.Fatalf("%s: %+v %v", where, a, err)
	}
	if err := l.Sync(); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	again := img.CrashClone(vfs.CrashOptions{})
	dir.Abandon()
	dir, l, err = openTest(again, "boot-3", conf)
	if err != nil || l.EndOffset() != end+1 {
		t.Fatalf("%s, second crash: %v, end offset %d of %d", where, err, l.EndOffset(), end+1)
	}
	dir.Abandon()
}

// TestShortAfterCleanStop cuts a file of a log that was stopped cleanly: that is
// no torn write, for all of it was durable. What is left is served, and no
// offset is given out again.
func TestShortAfterCleanStop(t *testing.T) {
	d := newTornDisk(t, true)
	for _, boot := range []string{"boot-1", "boot-2"} {
		for n := range int64(len(d.bytes)) {
			img := d.disk.KillClone()
			edit(t, img, d.name, func(f vfs.File) {
				if err := f.Truncate(n); err != nil {
					t.Fatal(err)
				}
			})
			where := fmt.Sprintf("%s, %s cut at %d", boot, filepath.Base(d.name), n)
			dir, l, err := openTest(img, boot, Config{SegmentBytes: 450})
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			whole, _ := slices.BinarySearch(d.ends, n+1)
			seen := survey(t, l)
			for o := range int64(16) {
				want := fmt.Sprintf("%d:t%d-%d", o, o/2, o%2)
				if o >= d.base+int64(2*whole) {
					want = "bad"
				}
				if seen[o] != want {
					t.Fatalf("%s: offset %d is %q, want %q", where, o, seen[o], want)
				}
			}
			if a, err := l.Append(plain(t, 1, "new"), AppendOptions{LeaderEpoch: 1, Now: epoch0}); err != nil || a.BaseOffset != 16 {
				t.Fatalf("%s: %+v %v", where, a, err)
			}
			dir.Abandon()
		}
	}
}
