package log

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

func noPace(int) error { return nil }

// verifyAll reads the whole log from the disk.
func (h *harness) verifyAll() {
	h.t.Helper()
	if err := h.log.Verify(noPace); err != nil {
		h.t.Fatal(err)
	}
}

// damagedLog has ten batches of two records in segments of three, and flips a
// bit in the batches with the given numbers.
func damagedLog(t *testing.T, clean bool, numbers ...int) *harness {
	t.Helper()
	h := newHarness(t, Config{SegmentBytes: 400, IndexIntervalBytes: 100, FlushBeforeAck: true})
	places := map[int]struct {
		name string
		pos  int64
	}{}
	for i := range 10 {
		h.append(plain(t, 2, fmt.Sprint("t", i)))
		s := h.log.mem.active()
		p := places[i]
		p.name, p.pos = s.path(), s.size-8
		places[i] = p
	}
	h.dir.SyncPending()
	h.log.SetHighWatermark(20)
	if err := h.dir.Step(epoch0); err != nil {
		t.Fatal(err)
	}
	if clean {
		h.stop()
	} else {
		h.fs = h.fs.(*vfs.Mem).KillClone()
		h.dir.Abandon()
	}
	for _, n := range numbers {
		flip(t, h.fs, places[n].name, places[n].pos, 3)
	}
	h.open()
	return h
}

// TestSkip: damage anywhere is skipped, reads go around, no offset is given out
// again, and restarts of every kind leave it so.
func TestSkip(t *testing.T) {
	for _, numbers := range [][]int{{0}, {4}, {9}, {3, 4, 5}, {0, 2, 9}, {1, 4, 7}} {
		for _, clean := range []bool{true, false} {
			t.Run(fmt.Sprint(numbers, " clean=", clean), func(t *testing.T) {
				h := damagedLog(t, clean, numbers...)
				h.verifyAll()
				for n := 0; len(h.log.Damages()) > 0; n++ {
					if n > len(numbers) {
						t.Fatal("still there:", h.log.Damages())
					}
					if err := h.log.Skip(h.log.Damages()[0]); err != nil {
						t.Fatal(err)
					}
				}
				var want []string
				for i := range 10 {
					if !slices.Contains(numbers, i) {
						want = append(want, fmt.Sprintf("%d:t%d-0", 2*i, i), fmt.Sprintf("%d:t%d-1", 2*i+1, i))
					}
				}
				check := func(when string) {
					t.Helper()
					if got := h.keys(); !slices.Equal(got, want) {
						t.Fatalf("%s: %v, want %v", when, got, want)
					}
					for at := range int64(20) { // from every offset
						if _, err := keysFrom(h.log, at); err != nil {
							t.Fatalf("%s: from %d: %v", when, at, err)
						}
					}
					h.verifyAll()
					if d := h.log.Damages(); len(d) > 0 {
						t.Fatal(when, d)
					}
					if h.log.EndOffset() != 20 || h.log.HighWatermark() != 20 {
						t.Fatal(when, h.log.EndOffset(), h.log.HighWatermark())
					}
				}
				check("skipped")
				h.restart()
				check("restarted")
				h.kill()
				check("killed")
				h.cut(vfs.CrashOptions{})
				check("power cut")
				h.stop()
				if err := h.fs.Remove("/data/" + stateName); err != nil {
					t.Fatal(err)
				}
				h.open() // the segments speak for themselves
				h.log.SetHighWatermark(20)
				check("state log lost")
				if a := h.append(plain(t, 1, "new")); a.BaseOffset != 20 {
					t.Fatal(a)
				}
			})
		}
	}
}

// TestSkipNothing: only what is damaged can be skipped.
func TestSkipNothing(t *testing.T) {
	h := damagedLog(t, true, 4)
	h.verifyAll()
	d := h.log.Damages()[0]
	d.Next++
	if err := h.log.Skip(d); !errors.Is(err, ErrNoDamage) {
		t.Fatal(err)
	}
	if got := h.log.Damages(); len(got) != 1 {
		t.Fatal(got)
	}
}

// TestSkipGap: a segment that is gone leaves a gap, which can be skipped too.
func TestSkipGap(t *testing.T) {
	h := damagedLog(t, true)
	segs := h.log.Segments()
	h.stop()
	gone := segs[1]
	if err := h.fs.Remove(filepath.Join(testPath, segmentName(gone.BaseOffset, logSuffix))); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.verifyAll()
	if _, err := h.log.Read(gone.BaseOffset, 1000, 20, true); !errors.Is(err, kerr.CorruptMessage) && !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatal(err)
	}
	got := h.log.Damages()
	if len(got) != 1 || got[0].First != gone.BaseOffset || got[0].Next != gone.NextOffset {
		t.Fatal(got, gone)
	}
	if err := h.log.Skip(got[0]); err != nil {
		t.Fatal(err)
	}
	want := 20 - int(gone.NextOffset-gone.BaseOffset)
	for range 2 {
		if keys := h.keys(); len(keys) != want || h.log.EndOffset() != 20 {
			t.Fatal(keys, h.log.EndOffset())
		}
		h.restart()
	}
}

// TestSkipAtEveryCall kills the process, and cuts the power, before each of the
// calls of a skip: the damage is there then, or skipped, and nothing else is lost.
func TestSkipAtEveryCall(t *testing.T) {
	for _, n := range []int{0, 4, 9} {
		h := damagedLog(t, false, n)
		h.verifyAll()
		mem := h.fs.(*vfs.Mem)
		h.dir.Abandon()
		faulty := vfs.NewFaulty(mem)
		h.fs = faulty
		h.open()
		h.verifyAll()
		type image struct {
			fs   *vfs.Mem
			boot string
			call vfs.Call
		}
		var images []image
		faulty.Before(func(c vfs.Call) {
			if c.Op&vfs.OpMutates == 0 {
				return
			}
			images = append(images, image{mem.KillClone(), "boot-1", c}, image{mem.CrashClone(vfs.CrashOptions{}), "boot-2", c},
				image{mem.CrashClone(vfs.CrashOptions{UnsyncedPercent: 100}), "boot-2", c})
		})
		if err := h.log.Skip(h.log.Damages()[0]); err != nil {
			t.Fatal(err)
		}
		faulty.Before(nil)
		images = append(images, image{mem.CrashClone(vfs.CrashOptions{}), "boot-2", vfs.Call{}})
		skipped := 0
		for _, img := range images {
			c := &harness{t: t, fs: img.fs, conf: h.conf, boot: img.boot}
			c.open()
			c.verifyAll()
			if c.log.EndOffset() != 20 {
				t.Fatalf("%d, %v: end offset %d", n, img.call, c.log.EndOffset())
			}
			seen := survey(t, c.log)
			for o := range int64(20) {
				got, want := seen[o], fmt.Sprintf("%d:t%d-%d", o, o/2, o%2)
				if int(o/2) == n && (got == "bad" || got == "") {
					continue
				}
				if got != want {
					t.Fatalf("%d, %v: offset %d is %q", n, img.call, o, got)
				}
			}
			if len(c.log.Damages()) == 0 {
				skipped++
			}
			c.dir.Abandon()
		}
		if skipped == 0 || skipped == len(images) {
			t.Fatalf("%d of %d skipped", skipped, len(images))
		}
		h.dir.Abandon()
	}
}
