package log

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

const testPath = "/data/orders-3"

// cut replaces the harness's disk by what a power cut leaves, and changes the boot.
func (h *harness) cut(o vfs.CrashOptions) {
	h.t.Helper()
	h.fs = h.fs.(*vfs.Mem).CrashClone(o)
	h.dir.Abandon()
	h.boot += "+"
	h.open()
}

// TestNamesOfAKilledProcess: the process that made a partition is killed before
// it has synced anything. What the next one calls durable survives a power cut,
// and so does the partition.
func TestNamesOfAKilledProcess(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *harness)
	}{
		{"created", func(*harness) {}},
		{"checkpoint", func(h *harness) {
			// The state log may know of the partition before its first sync.
			h.dir.touch(h.log)
			if err := h.dir.saveTouched(); err != nil {
				h.t.Fatal(err)
			}
		}},
		{"written", func(h *harness) { h.append(plain(h.t, 2, "early")) }},
		{"killed twice", func(h *harness) { h.kill() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, Config{FlushBeforeAck: true})
			c.do(h)
			h.kill()
			a := h.append(plain(t, 1, "kept"))
			h.dir.SyncPending()
			if got := h.log.DurableOffset(); got != a.LastOffset+1 {
				t.Fatal("durable", got)
			}
			h.cut(vfs.CrashOptions{})
			if got := h.log.EndOffset(); got != a.LastOffset+1 {
				t.Fatalf("end offset %d after a power cut, %d was durable", got, a.LastOffset+1)
			}
			if h.log.TopicID() != testID {
				t.Error(h.log.TopicID())
			}
		})
	}
}

// TestStartOfAKilledProcess: a start offset that the last process has moved, and
// had no time to make durable, is durable before it is answered.
func TestStartOfAKilledProcess(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	h.append(plain(t, 4, "a"))
	if err := h.dir.Step(epoch0); err != nil {
		t.Fatal(err)
	}
	h.log.SetHighWatermark(4)
	var killed *vfs.Mem
	faulty := vfs.NewFaulty(h.fs)
	faulty.Before(func(c vfs.Call) {
		if c.Op == vfs.OpSyncDir && killed == nil { // partition.metadata has been renamed
			killed = h.fs.(*vfs.Mem).KillClone()
		}
	})
	h.dir.fs = faulty
	if _, err := h.log.DeleteRecordsBefore(2); err != nil {
		t.Fatal(err)
	}
	h.dir.Abandon()
	h.fs = killed
	h.open()
	h.log.SetHighWatermark(4)
	start, err := h.log.DeleteRecordsBefore(2)
	if err != nil || start != 2 {
		t.Fatal(start, err)
	}
	h.cut(vfs.CrashOptions{})
	if got := h.log.StartOffset(); got != 2 {
		t.Fatalf("start offset %d after a power cut", got)
	}
}

// TestUnopenedInACleanSession: the clean stop of a session that did not open a
// log says nothing of that log, nor does its boot.
func TestUnopenedInACleanSession(t *testing.T) {
	between := func(h *harness) {
		t.Helper()
		if err := h.tryDir(); err != nil {
			t.Fatal(err)
		}
		h.stop()
		h.open()
	}
	t.Run("names", func(t *testing.T) {
		h := newHarness(t, Config{FlushBeforeAck: true})
		h.fs = h.fs.(*vfs.Mem).KillClone()
		h.dir.Abandon()
		between(h)
		h.append(plain(t, 1, "kept"))
		h.dir.SyncPending()
		h.cut(vfs.CrashOptions{})
		if got := h.log.EndOffset(); got != 1 {
			t.Fatal("end offset", got)
		}
	})
	t.Run("torn", func(t *testing.T) {
		h := newHarness(t, Config{})
		h.append(plain(t, 2, "a"))
		h.restart()
		pos := h.log.Size()
		h.append(plain(t, 2, "b"))
		h.fs = h.fs.(*vfs.Mem).KillClone()
		h.dir.Abandon()
		flip(t, h.fs, filepath.Join(testPath, segmentName(0, logSuffix)), pos+70, 3)
		h.boot = "boot-2"
		between(h)
		if got := h.log.EndOffset(); got != 2 || len(h.log.Damages()) > 0 {
			t.Fatal("end offset", got, h.log.Damages())
		}
	})
}

// TestTornBeforeLastSegment: a power cut tears the last batch of a segment, and
// leaves the next one without a sound batch. The log ends before the torn one.
func TestTornBeforeLastSegment(t *testing.T) {
	h := newHarness(t, Config{SegmentBytes: 400, FlushBeforeAck: true})
	for i := range 2 {
		h.append(plain(t, 2, fmt.Sprint("t", i)))
	}
	if err := h.dir.Step(epoch0); err != nil {
		t.Fatal(err)
	}
	first := h.append(plain(t, 2, "torn"))
	h.append(plain(t, 2, "last"))
	last := h.log.Segments()
	if len(last) != 2 || last[0].NextOffset != first.LastOffset+1 {
		t.Fatal(last, first)
	}
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	names := [2]string{}
	for i, s := range last {
		names[i] = filepath.Join(testPath, segmentName(s.BaseOffset, logSuffix))
	}
	resize := func(n int64) func(*testing.T, vfs.FS) {
		return func(t *testing.T, fs vfs.FS) {
			edit(t, fs, names[1], func(f vfs.File) {
				if err := f.Truncate(n); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	for _, c := range []struct {
		name string
		next func(*testing.T, vfs.FS)
		keep bool
	}{
		{"empty", resize(0), false},
		{"torn", resize(70), false},
		{"bad", func(t *testing.T, fs vfs.FS) { flip(t, fs, names[1], 75, 1) }, false},
		{"gone", func(t *testing.T, fs vfs.FS) {
			if err := fs.Remove(names[1]); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"sound", func(*testing.T, vfs.FS) {}, true},
	} {
		for _, short := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " short=", short), func(t *testing.T) {
				img := disk.KillClone()
				c.next(t, img)
				if short {
					edit(t, img, names[0], func(f vfs.File) {
						if err := f.Truncate(last[0].Size - 5); err != nil {
							t.Fatal(err)
						}
					})
				} else {
					flip(t, img, names[0], last[0].Size-5, 2)
				}
				d, l, err := openTest(img, "boot-2", Config{SegmentBytes: 400})
				if err != nil {
					t.Fatal(err)
				}
				defer d.Abandon()
				seen := survey(t, l)
				torn := last[0].NextOffset - 2
				if c.keep && !short {
					if seen[torn] != "bad" || l.EndOffset() != last[1].NextOffset {
						t.Fatal("a bad batch with a sound one behind it:", l.EndOffset(), seen)
					}
					return
				}
				if l.EndOffset() != torn || len(l.Damages()) > 0 || len(seen) != int(torn) {
					t.Fatal("end", l.EndOffset(), "want", torn, l.Damages(), seen)
				}
				if a, err := l.Append(plain(t, 1, "next"), AppendOptions{Now: epoch0}); err != nil || a.BaseOffset != torn {
					t.Fatal(a, err)
				}
			})
		}
	}
}

// TestLostHeader: a batch whose header a power cut has left zero is cut though a
// sound one follows it. Without a power cut it is damage, and is kept.
func TestLostHeader(t *testing.T) {
	h := newHarness(t, Config{})
	h.append(plain(t, 2, "a"))
	pos := h.log.Size()
	h.append(plain(t, 2, "b"))
	h.append(plain(t, 2, "c"))
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	edit(t, disk, filepath.Join(testPath, segmentName(0, logSuffix)), func(f vfs.File) {
		if _, err := f.WriteAt(make([]byte, magicPos+1), pos); err != nil {
			t.Fatal(err)
		}
	})
	for boot, want := range map[string]int64{"boot-1": 6, "boot-2": 2} {
		d, l, err := openTest(disk.KillClone(), boot, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if l.EndOffset() != want {
			t.Errorf("%s: end offset %d, want %d", boot, l.EndOffset(), want)
		}
		d.Abandon()
	}
}

// TestKilledRecovery kills the recovery from a power cut before each of its
// calls to the disk: the next one comes to the same end, though the machine has
// not started since.
func TestKilledRecovery(t *testing.T) {
	for seed := range seeds(t, 8) {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		h := newHarness(t, Config{SegmentBytes: 500})
		for i := range 30 {
			h.append(plain(t, 1+rng.IntN(3), fmt.Sprint("k", i)))
			if rng.IntN(12) == 0 {
				h.dir.SyncPending()
			}
			if rng.IntN(12) == 0 {
				_ = h.dir.Step(epoch0)
			}
		}
		disk := h.fs.(*vfs.Mem).CrashClone(vfs.CrashOptions{UnsyncedPercent: 60, RNG: rng, Tear: true})
		h.dir.Abandon()
		outcome := func(fs vfs.FS) string {
			t.Helper()
			d, l, err := openTest(fs, "boot-2", h.conf)
			if err != nil {
				return err.Error()
			}
			defer d.Abandon()
			return fmt.Sprint(l.StartOffset(), l.EndOffset(), l.Damages(), survey(t, l))
		}
		want := outcome(disk.KillClone())
		var images []*vfs.Mem
		first := disk.KillClone()
		faulty := vfs.NewFaulty(first)
		faulty.Before(func(c vfs.Call) {
			if c.Op&vfs.OpMutates != 0 {
				images = append(images, first.KillClone())
			}
		})
		outcome(faulty)
		for i, img := range images {
			if got := outcome(img); got != want {
				t.Fatalf("seed %d: recovery killed at its call %d of %d ends at\n%s\nundisturbed at\n%s", seed, i, len(images), got, want)
			}
		}
	}
}

// TestNamesake: the state of a partition that was moved aside, or whose
// directory an operator has replaced, is not taken for that of its namesake.
func TestNamesake(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	h.dir.snapshotEvery = 1
	id := int64(7)
	send := func(n int) {
		t.Helper()
		o := record.BatchOptions{Producer: &record.Producer{ID: id}}
		for range n {
			h.append(batchOf(t, 1, epoch0.UnixMilli(), "p", o))
			o.Producer.BaseSequence++
			h.dir.SyncPending()
			h.log.SetHighWatermark(h.log.EndOffset())
			if err := h.dir.Step(epoch0); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(9)
	h.stop()
	if err := h.tryDir(); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.log, err = h.dir.Open(testTP, TopicID{9}, h.conf); err != nil {
		t.Fatal(err)
	}
	id = 8
	send(1)
	h.fs = h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	if err := h.tryDir(); err != nil {
		t.Fatal(err)
	}
	if h.log, err = h.dir.Open(testTP, TopicID{9}, h.conf); err != nil {
		t.Fatal(err)
	}
	got := h.log.ActiveProducers()
	if len(got) != 1 || got[0].ProducerID != 8 || h.log.EndOffset() != 1 {
		t.Fatal(got, h.log.EndOffset())
	}
}

// TestSessionNumbers: without its own record a session goes on from the number
// that the checkpoints know.
func TestSessionNumbers(t *testing.T) {
	h := newHarness(t, Config{})
	h.append(plain(t, 1, "a"))
	for range 3 {
		h.restart()
	}
	was := h.dir.boot.session
	h.stop()
	edit(t, h.fs, "/data/"+stateName, func(f vfs.File) {
		b, err := readFile(h.fs, "/data/"+stateName, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for pos := len(stateHeader); pos < len(b); {
			n, _ := stateRecordAt(b[pos:])
			if stateKind(b[pos+12]) == kindSession {
				b[pos+n-1] ^= 1
			}
			pos += n
		}
		if _, err := f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
	})
	h.open()
	if got := h.dir.boot.session; got <= was || h.dir.CleanStop() {
		t.Fatal(got, was, h.dir.CleanStop())
	}
}

// TestOpenFullDisk: a directory on a full disk opens, serves reads, deletes, and
// takes appends again when space returns; its clean stop is used up all the same.
func TestOpenFullDisk(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprint("clean=", clean), func(t *testing.T) {
			h := newHarness(t, Config{FlushBeforeAck: true, DeleteDelay: time.Millisecond})
			other := Partition{Topic: "other"}
			if _, err := h.dir.Open(other, TopicID{5}, h.conf); err != nil {
				t.Fatal(err)
			}
			h.append(plain(t, 3, "a"))
			if err := h.dir.Step(epoch0); err != nil {
				t.Fatal(err)
			}
			if clean {
				h.stop()
			} else {
				h.fs = h.fs.(*vfs.Mem).KillClone()
				h.dir.Abandon()
			}
			mem := h.fs.(*vfs.Mem)
			mem.SetQuota(mem.Used())
			h.open()
			if !h.dir.ReadOnly() || h.dir.Failed() != nil || h.dir.CleanStop() != clean {
				t.Fatal(h.dir.ReadOnly(), h.dir.Failed(), h.dir.CleanStop())
			}
			if keys := h.keys(); len(keys) != 3 {
				t.Fatal(keys)
			}
			if _, err := h.log.Append(plain(t, 1, "b"), AppendOptions{Now: epoch0}); !errors.Is(err, kerr.KafkaStorageError) {
				t.Fatal(err)
			}
			l, err := h.dir.Open(other, TopicID{5}, h.conf)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.dir.Delete(l); err != nil {
				t.Fatal(err)
			}
			killed := mem.KillClone()
			d, err := OpenDir(DirOptions{FS: killed, Path: "/data", BootID: h.boot, Manual: true})
			if err != nil || d.CleanStop() || !d.ReadOnly() {
				t.Fatal("after a kill on the full disk", err, d.CleanStop(), d.ReadOnly())
			}
			d.Abandon()

			mem.SetQuota(0)
			if err := h.dir.Step(epoch0.Add(time.Second)); err != nil || h.dir.ReadOnly() {
				t.Fatal(err, h.dir.ReadOnly())
			}
			h.append(plain(t, 1, "b"))
			session := h.dir.boot.session
			h.kill()
			if h.dir.CleanStop() || h.dir.boot.session != session+1 || len(h.keys()) != 4 {
				t.Fatal(h.dir.CleanStop(), h.dir.boot.session, h.keys())
			}
			if got := len(h.dir.Stored()); got != 1 {
				t.Fatal(h.dir.Stored())
			}
		})
	}
}

// TestQuarantine: a partition that no topic owns is moved aside, whole, and the
// name is free for a successor.
func TestQuarantine(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	h.append(plain(t, 3, "old"))
	if err := h.dir.Quarantine(testTP); err == nil {
		t.Fatal("an open partition was moved away")
	}
	h.restart()
	if got := len(h.keys()); got != 3 {
		t.Fatal(got)
	}
	h.stop()
	if err := h.tryDir(); err != nil {
		t.Fatal(err)
	}
	if err := h.dir.Quarantine(Partition{Topic: "nothing"}); err == nil {
		t.Fatal("a partition that is not there was moved away")
	}
	if err := h.dir.Quarantine(testTP); err != nil {
		t.Fatal(err)
	}
	if got := h.dir.Stored(); len(got) != 0 {
		t.Fatal(got)
	}
	h.fs = h.fs.(*vfs.Mem).CrashClone(vfs.CrashOptions{}) // durable on return
	h.dir.Abandon()
	entries, err := h.fs.ReadDir("/data/orders-3." + testID.String() + straySuffix)
	if err != nil || !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == segmentName(0, logSuffix)
	}) {
		t.Fatal(entries, err)
	}
	h.boot += "+"
	h.open()
	if got := h.log.EndOffset(); got != 0 {
		t.Fatal("the successor begins at", got)
	}
}
