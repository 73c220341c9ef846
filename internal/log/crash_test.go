package log

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// reduced says that the tests leave most of the cases out.
func reduced() bool { return os.Getenv("HEADRACE_LOG_SEEDS") == "" }

// seeds returns how many random runs a test makes: few by default, as many as
// HEADRACE_LOG_SEEDS says in a long run.
func seeds(t *testing.T, few int) int {
	if n, err := strconv.Atoi(os.Getenv("HEADRACE_LOG_SEEDS")); err == nil {
		return n
	}
	t.Logf("reduced: %d seeds; HEADRACE_LOG_SEEDS=n runs n", few)
	return few
}

// history is what the log of a crash run should hold: one entry per batch ever
// appended and not truncated since, and its promises.
type history struct {
	batches []histBatch
	start   int64
	end     int64
	durable int64
}

type histBatch struct {
	base, next int64
	epoch      int32
	bytes      []byte // as stored
}

func (h *history) clone() history {
	c := *h
	c.batches = slices.Clone(h.batches)
	return c
}

// crashRun drives one log with random operations, and takes images of the disk
// before every call that may change it.
type crashRun struct {
	t     *testing.T
	rng   *rand.Rand
	mem   *vfs.Mem
	fs    *vfs.Faulty
	dir   *Dir
	log   *Log
	conf  Config
	now   time.Time
	epoch int32
	pids  map[int64]int32 // next sequence
	hist  history
	snaps []image
	step  string
	n     int
	seen  map[string]int
}

// image is the disk as a crash would leave it.
type image struct {
	fs   *vfs.Mem
	cut  bool // power cut; else kill -9
	call vfs.Call
}

func newCrashRun(t *testing.T, seed uint64) *crashRun {
	r := &crashRun{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), mem: vfs.NewCrashableMem(),
		now: epoch0, epoch: 1, pids: map[int64]int32{}, seen: map[string]int{},
	}
	r.fs = vfs.NewFaulty(r.mem)
	r.conf = Config{SegmentBytes: 900, FlushBeforeAck: r.rng.IntN(3) > 0, DeleteEnabled: true, RetentionBytes: 2500, IndexIntervalBytes: 200}
	return r
}

func openTest(fs vfs.FS, boot string, conf Config) (*Dir, *Log, error) {
	d, err := OpenDir(DirOptions{FS: fs, Path: "/data", BootID: boot, Manual: true, MaxOpenFiles: 4})
	if err != nil {
		return nil, nil, err
	}
	d.snapshotEvery = 1000
	d.state.minSize = 1500
	l, err := d.Open(testTP, testID, conf)
	if err != nil {
		d.Abandon()
		return nil, nil, err
	}
	return d, l, nil
}

func (r *crashRun) open() {
	var err error
	if r.dir, r.log, err = openTest(r.fs, "boot", r.conf); err != nil {
		r.t.Fatalf("%s: %v", r.step, err)
	}
}

func (r *crashRun) snap(c vfs.Call) {
	if c.Op&vfs.OpMutates == 0 {
		return
	}
	r.snaps = append(r.snaps, image{fs: r.mem.KillClone(), call: c})
	for range 2 {
		r.snaps = append(r.snaps, image{cut: true, call: c, fs: r.mem.CrashClone(vfs.CrashOptions{
			UnsyncedPercent: []int{0, 20, 50, 80, 100}[r.rng.IntN(5)], RNG: r.rng,
			Tear: r.rng.IntN(2) == 0,
		})})
	}
}

// do runs one operation and then examines every image taken meanwhile.
func (r *crashRun) do(name string, op func()) {
	r.n++
	r.step = fmt.Sprintf("step %d: %s", r.n, name)
	r.seen[name]++
	before := r.hist.clone()
	r.snaps = r.snaps[:0]
	r.fs.Before(r.snap)
	op()
	r.fs.Before(nil)
	r.hist.durable = r.log.DurableOffset()
	for i := range r.snaps {
		r.examine(&r.snaps[i], &before)
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
}

func (r *crashRun) append() {
	var o record.BatchOptions
	pid := int64(-1)
	if r.rng.IntN(2) == 0 {
		pid = int64(r.rng.IntN(3))
		o.Producer = &record.Producer{ID: pid, Epoch: 0, BaseSequence: r.pids[pid]}
	}
	if r.rng.IntN(8) == 0 {
		r.epoch++
	}
	n := 1 + r.rng.IntN(4)
	b := batchOf(r.t, n, r.now.UnixMilli(), fmt.Sprintf("s%d-%s", r.n, bytes.Repeat([]byte{'x'}, r.rng.IntN(60))), o)
	a, err := r.log.Append(b, AppendOptions{LeaderEpoch: r.epoch, Now: r.now})
	if err != nil {
		r.t.Fatalf("%s: %v", r.step, err)
	}
	if a.BaseOffset != r.hist.end {
		r.t.Fatalf("%s: appended at %d, end was %d", r.step, a.BaseOffset, r.hist.end)
	}
	if pid >= 0 {
		r.pids[pid] += int32(n)
	}
	r.hist.end = a.LastOffset + 1
	r.hist.batches = append(r.hist.batches, histBatch{a.BaseOffset, r.hist.end, r.epoch, b})
}

func (r *crashRun) truncate() {
	lo := max(r.log.HighWatermark(), r.hist.start)
	if lo >= r.hist.end {
		return
	}
	to := lo + r.rng.Int64N(r.hist.end-lo)
	if err := r.log.TruncateTo(to); err != nil {
		r.t.Fatalf("%s: %v", r.step, err)
	}
	for n := len(r.hist.batches); n > 0 && r.hist.batches[n-1].next > to; n-- {
		r.hist.batches = r.hist.batches[:n-1]
	}
	r.hist.end = r.log.EndOffset()
	r.recountSequences()
}

func (r *crashRun) recountSequences() {
	clear(r.pids)
	for _, b := range r.hist.batches {
		if h := record.Batch(b.bytes); h.ProducerID() >= 0 {
			r.pids[h.ProducerID()] = h.BaseSequence() + h.Count()
		}
	}
}

func (r *crashRun) turn() {
	switch k := r.rng.IntN(100); {
	case k < 50:
		r.do("append", r.append)
	case k < 62:
		r.do("sync", r.dir.SyncPending)
	case k < 78:
		r.do("keep", func() {
			r.now = r.now.Add(time.Second)
			if err := r.dir.Step(r.now); err != nil {
				r.t.Fatal(r.step, err)
			}
		})
	case k < 86:
		r.do("watermark", func() { r.log.SetHighWatermark(r.log.DurableOffset()) })
	case k < 90:
		r.do("truncate", r.truncate)
	case k < 94:
		r.do("retain", func() {
			if _, err := r.log.Retain(r.now); err != nil {
				r.t.Fatal(r.step, err)
			}
			r.hist.start = r.log.StartOffset()
		})
	case k < 97:
		r.do("delete records", func() {
			hw := r.log.HighWatermark()
			if _, err := r.log.DeleteRecordsBefore(r.hist.start + r.rng.Int64N(hw-r.hist.start+1)); err != nil {
				r.t.Fatal(r.step, err)
			}
			r.hist.start = r.log.StartOffset()
		})
	default:
		r.do("restart", func() {
			if err := r.dir.Close(context.Background()); err != nil {
				r.t.Fatal(r.step, err)
			}
			r.open()
		})
	}
}

// examine opens an image and holds it against the history before and after the
// operation that the crash interrupted.
func (r *crashRun) examine(img *image, before *history) {
	boot := "boot"
	if img.cut {
		boot = "next boot"
	}
	fail := func(format string, args ...any) {
		r.t.Errorf("%s, crash (power cut %v) before %s %s: %s", r.step, img.cut, img.call.Op, img.call.Path, fmt.Sprintf(format, args...))
	}
	d, l, err := openTest(img.fs, boot, r.conf)
	if err != nil {
		fail("%v", err)
		return
	}
	a, b := before, &r.hist
	lo, hi := min(a.end, b.end), max(a.end, b.end)
	if img.cut {
		lo = min(a.durable, b.durable)
	}
	start, end := l.StartOffset(), l.EndOffset()
	if end < lo || end > hi {
		fail("end offset %d not in [%d, %d]", end, lo, hi)
	}
	if start < min(a.start, b.start) || start > max(a.start, b.start) {
		fail("start offset %d not in [%d, %d]", start, a.start, b.start)
	}
	if l.DurableOffset() != end {
		fail("durable offset %d, end %d", l.DurableOffset(), end)
	}
	batches := a.batches
	if len(b.batches) > len(batches) {
		batches = b.batches
	}
	r.sameContent(l, batches, fail)
	r.sameProducers(l, batches, fail)
	// What has been recovered must survive a power cut from now on.
	again := img.fs.CrashClone(vfs.CrashOptions{})
	d.Abandon()
	d2, l2, err := openTest(again, "third boot", r.conf)
	if err != nil {
		fail("second crash: %v", err)
		return
	}
	if l2.EndOffset() != end {
		fail("end offset %d after recovery, %d after a second crash", end, l2.EndOffset())
	}
	d2.Abandon()
}

func (r *crashRun) sameContent(l *Log, batches []histBatch, fail func(string, ...any)) {
	at := l.StartOffset()
	for _, want := range batches {
		if want.next <= at || want.base >= l.EndOffset() {
			continue
		}
		rg, err := l.Read(max(at, want.base), 1, l.EndOffset(), true)
		if err != nil {
			fail("read %d: %v", want.base, err)
			return
		}
		got := make([]byte, rg.Len())
		if _, err := rg.ReadAt(got, 0); err != nil {
			fail("read %d: %v", want.base, err)
		}
		at = rg.NextOffset()
		rg.Release()
		if !bytes.Equal(got, want.bytes) {
			fail("batch at %d differs", want.base)
			return
		}
		if e := l.EpochForOffset(max(want.base, l.StartOffset())); e != want.epoch {
			fail("epoch of %d is %d, not %d", want.base, e, want.epoch)
		}
	}
	if at != l.EndOffset() {
		fail("content ends at %d, log at %d", at, l.EndOffset())
	}
}

func (r *crashRun) sameProducers(l *Log, batches []histBatch, fail func(string, ...any)) {
	want := map[int64]int32{}
	for _, b := range batches {
		if h := record.Batch(b.bytes); b.next <= l.EndOffset() && h.ProducerID() >= 0 {
			want[h.ProducerID()] = h.BaseSequence() + h.Count() - 1
		}
	}
	got := map[int64]int32{}
	for _, p := range l.ActiveProducers() {
		got[p.ProducerID] = p.LastSequence
	}
	if !maps.Equal(want, got) {
		fail("producers %v, want %v", got, want)
	}
}

// TestCrashAtEveryCall kills the process, and cuts the power, before every call
// that reaches the disk.
func TestCrashAtEveryCall(t *testing.T) {
	var mu sync.Mutex
	total := map[string]int{}
	n := seeds(t, 200)
	if testing.Short() {
		n = min(n, 20)
	}
	t.Run("seeds", func(t *testing.T) {
		for seed := range n {
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				t.Parallel()
				r := newCrashRun(t, uint64(seed))
				turns := 20 + int(r.rng.Int32N(60))
				if reduced() {
					turns = 5 + turns/8
				}
				r.do("open", r.open)
				for range turns {
					r.turn()
				}
				r.dir.Abandon()
				mu.Lock()
				defer mu.Unlock()
				for name, times := range r.seen {
					total[name] += times
				}
			})
		}
	})
	for _, name := range []string{"append", "sync", "keep", "truncate", "retain", "delete records", "restart"} {
		if total[name] == 0 {
			t.Errorf("no run came to %q", name)
		}
	}
}
