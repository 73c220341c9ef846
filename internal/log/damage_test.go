package log

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// smallLog writes a log of several segments, and a little one beside it, and
// stops cleanly or not. It returns the disk.
func smallLog(t *testing.T, clean bool) *vfs.Mem {
	t.Helper()
	h := newHarness(t, flippedConf)
	n, err := h.dir.Open(neighbour, TopicID{9}, flippedConf)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := n.Append(plain(t, 2, fmt.Sprint("n", i)), AppendOptions{Now: epoch0}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		o := record.BatchOptions{}
		if i%3 == 0 {
			o.Producer = &record.Producer{ID: 7, BaseSequence: int32(i / 3 * 2)}
		}
		b := batchOf(t, 2, epoch0.UnixMilli()+int64(i), fmt.Sprint("m", i), o)
		if _, err := h.log.Append(b, AppendOptions{LeaderEpoch: int32(i / 4), Now: epoch0}); err != nil {
			t.Fatal(err)
		}
		if i == 5 {
			h.log.SetHighWatermark(h.log.EndOffset())
			if err := h.dir.Step(epoch0); err != nil {
				t.Fatal(err)
			}
			if _, err := h.log.DeleteRecordsBefore(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !clean {
		m := h.fs.(*vfs.Mem).KillClone()
		h.dir.Abandon()
		return m
	}
	h.stop()
	return h.fs.(*vfs.Mem)
}

// edit changes a file of a disk.
func edit(t *testing.T, fs vfs.FS, name string, fn func(vfs.File)) {
	t.Helper()
	f, err := fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fn(f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, fs vfs.FS, name string, pos int64, bit int) {
	edit(t, fs, name, func(f vfs.File) {
		var b [1]byte
		if _, err := f.ReadAt(b[:], pos); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1 << bit
		if _, err := f.WriteAt(b[:], pos); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	})
}

func sizeOf(t *testing.T, fs vfs.FS, name string) int64 {
	t.Helper()
	info, err := fs.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// survey reads every offset of a log and tells what became of it: the record,
// or "bad". Any other answer fails the test.
func survey(t *testing.T, l *Log) map[int64]string {
	t.Helper()
	seen := map[int64]string{}
	for at := l.StartOffset(); at < min(l.EndOffset(), 64); at++ {
		keys, err := keysFrom1(l, at)
		switch {
		case errors.Is(err, kerr.CorruptMessage):
			seen[at] = "bad"
		case err != nil:
			t.Fatalf("read %d: %v", at, err)
		default:
			for _, k := range keys {
				var o int64
				if _, err := fmt.Sscanf(k, "%d:", &o); err != nil {
					t.Fatal(err)
				}
				if prev, ok := seen[o]; ok && prev != k {
					t.Fatalf("offset %d is %q and %q", o, prev, k)
				}
				seen[o] = k
			}
		}
	}
	return seen
}

// keysFrom1 reads one batch.
func keysFrom1(l *Log, at int64) (keys []string, err error) {
	r, err := l.Read(at, 1, l.EndOffset(), true)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	b := make([]byte, r.Len())
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, err
	}
	h := record.Batch(b)
	if err := h.CheckCRC(); err != nil {
		return nil, fmt.Errorf("handed out unchecked: %w", err)
	}
	var rec record.Record
	it := h.Iterate(h.Records())
	for it.Next(&rec) {
		keys = append(keys, fmt.Sprintf("%d:%s", rec.Offset, rec.Key))
	}
	return keys, it.Err()
}

// TestFlippedBit flips a bit of every byte of every file of a small log, one at a time,
// and opens what is left: no record may change, move or vanish unless the flip
// hit its batch, no offset may be given out twice.
func TestFlippedBit(t *testing.T) {
	for _, clean := range []bool{true, false} {
		disk := smallLog(t, clean)
		files := slices.Sorted(maps.Keys(contents(t, disk, "/data")))
		for _, name := range files {
			size := sizeOf(t, disk, name)
			for pos := range size {
				if reduced() && pos%8 != 0 || testing.Short() && pos%48 != 0 {
					continue // an eighth of the bytes in the short run
				}
				bit := int(pos/8) % 8
				if !reduced() {
					bit = int(pos) % 8
				}
				img := disk.KillClone()
				flip(t, img, name, pos, bit)
				where := fmt.Sprintf("clean %v, %s byte %d bit %d", clean, name, pos, bit)
				checkFlipped(t, img, where, name)
				if t.Failed() {
					return
				}
			}
		}
	}
}

// flippedConf is that of smallLog's partitions.
var flippedConf = Config{SegmentBytes: 700, IndexIntervalBytes: 100, FlushBeforeAck: true}

// neighbour is a partition of the same directory.
var neighbour = Partition{Topic: "orders", Partition: 4}

// checkFlipped starts on the image twice: what the first start makes of it, the
// second must find, and the neighbour must have noticed nothing.
func checkFlipped(t *testing.T, img *vfs.Mem, where, name string) {
	inSegment := strings.HasSuffix(name, logSuffix) && strings.Contains(name, "orders-3")
	var first map[int64]string
	for try := range 2 {
		d, l, err := openTest(img, "boot-1", flippedConf)
		if err != nil {
			t.Errorf("%s, start %d: %v", where, try, err)
			return
		}
		seen := checkLog(t, l, where, inSegment, try)
		if try > 0 && inSegment && !maps.Equal(first, seen) {
			t.Errorf("%s: the second start reads %v, the first %v", where, seen, first)
		}
		first = seen
		n, err := d.Open(neighbour, TopicID{9}, flippedConf)
		switch {
		case err != nil:
			t.Errorf("%s: the neighbour: %v", where, err)
		case strings.Contains(name, neighbour.String()) && strings.HasSuffix(name, logSuffix):
			if n.EndOffset() != 4 {
				t.Errorf("%s: the neighbour ends at %d", where, n.EndOffset())
			}
		default:
			if keys, err := keysFrom(n, 0); err != nil || len(keys) != 4 || n.TopicID() != (TopicID{9}) {
				t.Errorf("%s: the neighbour has %v %v", where, keys, err)
			}
		}
		img = img.KillClone()
		d.Abandon()
	}
}

// checkLog holds one start's log against what smallLog has written, with try
// records more. It returns what there is of that.
func checkLog(t *testing.T, l *Log, where string, inSegment bool, try int) map[int64]string {
	if end := int64(24 + try); l.EndOffset() < end || !inSegment && l.EndOffset() != end {
		t.Errorf("%s: end offset %d", where, l.EndOffset())
	}
	seen := survey(t, l)
	lost := 0
	for o := range int64(24) {
		got, want := seen[o], fmt.Sprintf("%d:m%d-%d", o, o/2, o%2)
		if o == 0 && l.StartOffset() == 1 && got == "" {
			continue // batches hold two records: reading 1 shows 0 too
		}
		if got == "bad" || got == "" {
			lost++
		} else if got != want {
			t.Errorf("%s: offset %d is %q", where, o, got)
		}
	}
	if lost > 2 || lost > 0 && !inSegment {
		t.Errorf("%s: %d records lost: %v", where, lost, seen)
	}
	if l.StartOffset() != 1 {
		t.Errorf("%s: start offset %d", where, l.StartOffset())
	}
	if a, err := l.Append(plain(t, 1, "new"), AppendOptions{LeaderEpoch: 9, Now: epoch0}); err != nil || a.BaseOffset < 24 {
		t.Errorf("%s: append: %+v %v", where, a, err)
	}
	l.dir.SyncPending()
	if seq := l.ActiveProducers(); !inSegment && (len(seq) != 1 || seq[0].LastSequence != 7) {
		t.Errorf("%s: producers %+v", where, seq)
	}
	for o, e := range map[int64]int32{1: 0, 8: 1, 16: 2} {
		if got := l.EpochForOffset(o); !inSegment && got != e {
			t.Errorf("%s: epoch of %d is %d", where, o, got)
		}
	}
	maps.DeleteFunc(seen, func(o int64, _ string) bool { return o >= 24 })
	return seen
}

// TestTornTail cuts the log at every byte of its last batches, as an
// interrupted write does, after the death of the process and after a power cut.
func TestTornTail(t *testing.T) {
	h := newHarness(t, Config{})
	var ends []int64
	for i := range 4 {
		h.append(plain(t, 2, fmt.Sprint("t", i)))
		ends = append(ends, h.log.Size())
	}
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	name := filepath.Join("/data/orders-3", segmentName(0, logSuffix))
	for _, boot := range []string{"boot-1", "boot-2"} {
		for n := range ends[3] + 1 {
			img := disk.KillClone()
			edit(t, img, name, func(f vfs.File) {
				if err := f.Truncate(n); err != nil {
					t.Fatal(err)
				}
			})
			d, l, err := openTest(img, boot, Config{})
			if err != nil {
				t.Fatal(n, err)
			}
			whole, _ := slices.BinarySearch(ends, n+1)
			if want := int64(2 * whole); l.EndOffset() != want || len(l.Damages()) > 0 {
				t.Errorf("%s, cut at %d: end %d, want %d, damages %v", boot, n, l.EndOffset(), want, l.Damages())
			}
			if keys, err := keysFrom(l, 0); err != nil || len(keys) != 2*whole {
				t.Errorf("cut at %d: %v %v", n, keys, err)
			}
			a, err := l.Append(plain(t, 1, "next"), AppendOptions{Now: epoch0})
			if err != nil || a.BaseOffset != int64(2*whole) {
				t.Errorf("cut at %d: %+v %v", n, a, err)
			}
			d.Abandon()
		}
	}
}

// TestGarbageTail: after a power cut the bad end of a log is cut; after a kill
// whole batches are kept, marked, and their offsets not used again.
func TestGarbageTail(t *testing.T) {
	h := newHarness(t, Config{})
	var pos int64
	for i := range 4 {
		pos = h.log.Size()
		h.append(plain(t, 2, fmt.Sprint("t", i)))
	}
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	flip(t, disk, filepath.Join("/data/orders-3", segmentName(0, logSuffix)), pos+70, 3)
	for boot, want := range map[string]int64{"boot-1": 8, "boot-2": 6} {
		d, l, err := openTest(disk.KillClone(), boot, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if l.EndOffset() != want || len(l.Damages()) != int(want-6)/2 {
			t.Errorf("%s: end %d, damages %v", boot, l.EndOffset(), l.Damages())
		}
		seen := survey(t, l)
		if want == 8 && (seen[6] != "bad" || seen[7] != "bad") {
			t.Errorf("%s: %v", boot, seen)
		}
		d.Abandon()
	}
}

// TestBadBatchAmong: a bad batch with a good one behind it stays where it is,
// and the rest is served around it.
func TestBadBatchAmong(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	var at []int64
	for i := range 5 {
		at = append(at, h.log.Size())
		h.append(plain(t, 2, fmt.Sprint("t", i)))
	}
	h.stop()
	name := filepath.Join("/data/orders-3", segmentName(0, logSuffix))
	flip(t, h.fs, name, at[2]+80, 0)
	h.open()
	r, err := h.log.Read(0, 1<<20, 10, true)
	if err != nil || r.NextOffset() != 4 || r.Len() != int(at[2]) {
		t.Fatalf("%+v %v", r, err)
	}
	r.Release()
	if _, err := h.log.Read(4, 1<<20, 10, true); !errors.Is(err, kerr.CorruptMessage) {
		t.Fatal(err)
	}
	if got, err := keysFrom(h.log, 6); err != nil || len(got) != 4 {
		t.Fatal(got, err)
	}
	want := []Damage{{First: 4, Next: 6, Pos: at[2], Size: at[3] - at[2]}}
	if got := h.log.Damages(); !slices.Equal(got, want) {
		t.Fatal(got)
	}
}

// TestMetadataLost: with partition.metadata and state log both gone, a log of
// records is not adopted by whatever topic has the name now.
func TestMetadataLost(t *testing.T) {
	disk := smallLog(t, false)
	for _, name := range []string{"/data/" + stateName, "/data/orders-3/" + metaName} {
		if err := disk.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := openTest(disk, "boot-1", Config{})
	if !errors.Is(err, kerr.KafkaStorageError) || !strings.Contains(err.Error(), metaName) {
		t.Fatal(err)
	}
}

// TestStray: a directory of a predecessor is moved aside, and its records are
// not seen again.
func TestStray(t *testing.T) {
	h := newHarness(t, Config{})
	h.append(plain(t, 2, "old"))
	h.stop()
	if err := h.tryDir(); err != nil {
		t.Fatal(err)
	}
	l, err := h.dir.Open(testTP, TopicID{9}, h.conf)
	if err != nil || l.EndOffset() != 0 {
		t.Fatal(l, err)
	}
	entries, _ := h.fs.ReadDir("/data")
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Contains(names, "orders-3."+testID.String()+"-stray") {
		t.Fatal(names)
	}
}

func (h *harness) tryDir() (err error) {
	h.dir, err = OpenDir(DirOptions{FS: h.fs, Path: "/data", BootID: h.boot, Manual: true})
	return err
}

// TestMarkedAtRecovery: damage above the recovery point is known when the log
// has been opened, in closed segments too, and so is a missing segment.
func TestMarkedAtRecovery(t *testing.T) {
	h := newHarness(t, Config{SegmentBytes: 400})
	for i := range 10 {
		h.append(plain(t, 2, fmt.Sprint("t", i)))
	}
	segments := h.log.Segments()
	disk := h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	flip(t, disk, filepath.Join(testPath, segmentName(segments[0].BaseOffset, logSuffix)), 8+61, 3)
	gone := segments[1]
	if err := disk.Remove(filepath.Join(testPath, segmentName(gone.BaseOffset, logSuffix))); err != nil {
		t.Fatal(err)
	}
	d, l, err := openTest(disk, "boot-1", h.conf)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abandon()
	got := l.Damages()
	if len(got) != 2 || got[0].First != 0 || got[0].Next != 2 || got[1].First != gone.BaseOffset || got[1].Next != gone.NextOffset || l.EndOffset() != 20 {
		t.Fatal(got, l.EndOffset(), segments)
	}
}
