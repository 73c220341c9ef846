package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

var t0 = log.Partition{Topic: "t", Partition: 0}

// mover is a world with two directories, /a and /b, that nothing works on beside
// the test, and a controller that records directories when it is asked to.
type mover struct {
	*world
	disk vfs.FS
	// known is the directory that the controller has recorded.
	known metadata.UUID
	asked []func()
	acked []string
}

// newMover makes a mover with t-0 in /a.
func newMover(t *testing.T, mem *vfs.Mem, disk vfs.FS) *mover {
	w := &mover{world: newWorld(t), disk: disk, known: dirA}
	w.fs = mem
	w.settings.Log.SegmentBytes = 2000
	w.openDirs()
	w.apply(inDir(topicID, "t", dirA)...)
	return w
}

// openDirs opens the directories and a manager without metadata.
func (w *mover) openDirs() {
	w.t.Helper()
	var dirs []Dir
	for _, path := range []string{"/a", "/b"} {
		d, err := log.OpenDir(log.DirOptions{FS: w.disk, Path: path, BootID: "boot", Manual: true})
		if err != nil {
			w.t.Fatal(err)
		}
		dirs = append(dirs, Dir{Dir: d, ID: metadata.UUID{path[1]}})
	}
	w.img = metadata.Empty()
	w.m = NewManager(Options{
		BrokerID: self, Dirs: dirs, Settings: func(*metadata.Image, string) *Settings { s := w.settings; return &s },
		Located: func(_ metadata.TopicID, _ int32, dir metadata.UUID, done func()) {
			w.asked = append(w.asked, func() {
				w.known = dir
				if done != nil {
					done()
				}
			})
		},
	})
}

func (w *mover) part() *Partition { return w.m.Partition("t", 0) }

func (w *mover) sync() {
	for _, d := range w.m.Dirs() {
		d.SyncPending()
	}
}

// add commits records.
func (w *mover) add(n int) {
	w.t.Helper()
	for range n {
		v := fmt.Sprintf("%d.%s", len(w.acked), strings.Repeat("v", 100))
		a := w.produce(w.part(), v)
		w.sync()
		if w.part().HighWatermark() <= a.LastOffset {
			w.t.Fatalf("offset %d is not committed", a.LastOffset)
		}
		w.acked = append(w.acked, v)
	}
}

// stepAll takes every move one step further, and lets the controller answer.
func (w *mover) stepAll() {
	for _, mv := range w.m.currentMoves() {
		w.m.step(mv, time.Now())
	}
	asked := w.asked
	w.asked = nil
	for _, record := range asked {
		record()
	}
}

// finish steps until no move is left.
func (w *mover) finish() {
	w.t.Helper()
	for n := 0; len(w.m.currentMoves()) > 0; n++ {
		if w.stepAll(); n > 1000 {
			w.t.Fatal("the move does not end")
		}
	}
}

// check reads all that was committed, from where the log begins.
func (w *mover) check(where string) {
	w.t.Helper()
	p := w.part()
	if p == nil {
		w.t.Fatalf("the partition is not here: %v", w.m.OpenError("t", 0))
	}
	if got := p.Log().Dir().Path(); where != "" && got != where {
		w.t.Fatalf("it is in %s, not in %s", got, where)
	}
	got := w.values(p)
	if want := w.acked[p.Log().StartOffset():]; len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		w.t.Fatalf("it holds %d records from offset %d on, %d were committed", len(got), p.Log().StartOffset(), len(w.acked))
	}
}

func (w *mover) values(p *Partition) (out []string) {
	w.t.Helper()
	for next := p.Log().StartOffset(); next < p.HighWatermark(); {
		r, err := p.Read(ReadOptions{From: next, MaxBytes: 1 << 20, MinOne: true, LeaderEpoch: -1})
		if err != nil {
			w.t.Fatal(err)
		}
		b := make([]byte, r.Range.Len())
		if _, err := r.Range.ReadAt(b, 0); err != nil {
			w.t.Fatal(err)
		}
		next = r.Range.NextOffset()
		r.Range.Release()
		for len(b) > 0 {
			batch, rest, err := record.Next(b)
			if err != nil || batch.CheckCRC() != nil {
				w.t.Fatalf("batch: %v, %v", err, batch.CheckCRC())
			}
			it := batch.Iterate(batch.Records())
			for i := int64(0); ; i++ {
				var r record.Record
				if !it.Next(&r) {
					break
				}
				if batch.BaseOffset()+i >= p.Log().StartOffset() {
					out = append(out, string(r.Value))
				}
			}
			b = rest
		}
	}
	return out
}

// here lists what a directory has of the partition.
func (w *mover) here(dir string) (names []string) {
	w.t.Helper()
	entries, err := w.fs.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "t-0") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAMoveTakesEverythingAlong(t *testing.T) {
	mem := vfs.NewMem()
	w := newMover(t, mem, mem)
	w.add(100)
	if err := w.tryApply(&metadata.PartitionChangeRecord{TopicID: topicID, Leader: self, ISR: []int32{self}}); err != nil {
		t.Fatal(err) // a leader epoch without a batch
	}
	if _, err := w.part().DeleteRecordsBefore(7); err != nil {
		t.Fatal(err)
	}
	if err := w.m.MoveTo(t0, "/b"); err != nil {
		t.Fatal(err)
	}
	w.stepAll()
	if got := w.here("/b"); len(got) != 1 || !strings.HasSuffix(got[0], "-future") {
		t.Errorf("/b has %v while the partition moves", got)
	}
	w.add(10)
	if mv := w.m.Moves(); len(mv) != 1 || mv[0].Lag != 10 || mv[0].Size == 0 || mv[0].Dir.Path() != "/b" {
		t.Errorf("the move is described as %+v", mv)
	}
	epoch := w.part().Log().LatestEpoch()
	w.finish()
	w.check("/b")
	if got := w.here("/b"); !slices.Equal(got, []string{"t-0"}) {
		t.Errorf("/b has %v", got)
	}
	if got := w.here("/a"); len(got) != 1 || !strings.HasSuffix(got[0], "-delete") {
		t.Errorf("/a has %v", got)
	}
	if got := w.part().Log().LatestEpoch(); got != epoch || epoch != 4 || w.part().Log().StartOffset() != 7 {
		t.Errorf("the newest epoch is %d, was %d; the start offset is %d", got, epoch, w.part().Log().StartOffset())
	}
	w.add(10)
	w.restart()
	w.check("/b")
	w.add(1)
}

// restart closes all in order and opens it again, with the directory that the
// controller knows.
func (w *mover) restart() {
	w.t.Helper()
	w.m.suspendMoves()
	for _, d := range w.m.Dirs() {
		if err := d.Close(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.openDirs()
	w.apply(inDir(topicID, "t", w.known)...)
	if err := w.m.Quarantine(w.img); err != nil {
		w.t.Fatal(err)
	}
}

func TestAMoveGoesOnAfterARestart(t *testing.T) {
	mem := vfs.NewMem()
	w := newMover(t, mem, mem)
	w.add(50)
	if err := w.m.MoveTo(t0, "/b"); err != nil {
		t.Fatal(err)
	}
	for mv := w.m.moveOf(t0); !mv.told; {
		w.m.step(mv, time.Now())
	}
	w.restart() // copied, and the controller not told
	w.check("/a")
	if len(w.m.Moves()) != 1 {
		t.Fatal("the move is forgotten")
	}
	w.stepAll()
	w.add(1)
	if w.known != dirB {
		t.Fatal("the controller was not told")
	}
	w.restart() // the controller knows, and the log is still where it was
	w.check("/a")
	w.add(1)
	w.finish()
	w.check("/b")
	if w.known != dirB {
		t.Errorf("the controller believes %s", w.known)
	}
}

// A producer whose batches retention has deleted is still known after a move.
func TestAMoveRemembersProducers(t *testing.T) {
	mem := vfs.NewMem()
	w := newMover(t, mem, mem)
	once := func() log.Appended {
		var b record.Builder
		b.Reset(record.BatchOptions{Producer: &record.Producer{ID: 44}})
		b.Append(time.Now().UnixMilli(), nil, []byte("once"))
		batch, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.part().Append(batch, AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		w.sync()
		return a
	}
	once()
	w.acked = append(w.acked, "once")
	w.add(100)
	if _, err := w.part().DeleteRecordsBefore(50); err != nil {
		t.Fatal(err)
	}
	if n, err := w.part().Retain(time.Now()); err != nil || n == 0 {
		t.Fatalf("%d segments deleted, %v", n, err)
	}
	if err := w.m.MoveTo(t0, "/b"); err != nil {
		t.Fatal(err)
	}
	w.finish()
	if a := once(); !a.Duplicate || a.BaseOffset != 0 {
		t.Errorf("after the move the batch is appended again: %+v", a)
	}
	for _, d := range w.m.Dirs() {
		d.Abandon()
	}
	w.openDirs()
	w.apply(inDir(topicID, "t", w.known)...)
	if a := once(); !a.Duplicate {
		t.Errorf("after a kill the batch is appended again: %+v", a)
	}
	w.check("/b")
}

func TestAMoveIsCalledOff(t *testing.T) {
	for name, off := range map[string]func(w *mover){
		"by a move back": func(w *mover) {
			if err := w.m.MoveTo(t0, "/a"); err != nil {
				w.t.Fatal(err)
			}
		},
		"by the topic's end": func(w *mover) {
			w.apply(&metadata.RemoveTopicRecord{TopicID: topicID})
			w.acked, w.known, w.asked = nil, dirA, nil
			w.apply(inDir(metadata.TopicID{8}, "t", dirA)...)
		},
	} {
		for steps := range 3 {
			t.Run(fmt.Sprintf("%s after %d steps", name, steps), func(t *testing.T) {
				mem := vfs.NewMem()
				w := newMover(t, mem, mem)
				w.add(20)
				if err := w.m.MoveTo(t0, "/b"); err != nil {
					t.Fatal(err)
				}
				for mv := range steps {
					if w.stepAll(); mv == 1 && w.part().Log().Dir().Path() != "/a" {
						return // it was too fast to be called off
					}
				}
				w.apply(&metadata.PartitionChangeRecord{TopicID: topicID, Leader: metadata.NoLeaderChange, Directories: []metadata.UUID{w.known}})
				off(w)
				if len(w.m.Moves()) != 0 {
					t.Error("the move goes on")
				}
				w.add(3)
				w.check("/a")
				w.stepAll()
				if w.known != dirA {
					t.Errorf("the controller believes %s", w.known)
				}
				for _, left := range w.here("/b") {
					if !strings.HasSuffix(left, "-delete") {
						t.Errorf("/b still has %s", left)
					}
				}
			})
		}
	}
}

func TestAMoveMeetsAFault(t *testing.T) {
	mem := vfs.NewMem()
	disk := vfs.NewFaulty(mem)
	w := newMover(t, mem, disk)
	w.add(20)
	if err := w.m.MoveTo(t0, "/b"); err != nil {
		t.Fatal(err)
	}
	disk.Add(vfs.Rule{Op: vfs.OpWrite, Path: "/b/*/*.log", Err: syscall.ENOSPC})
	w.stepAll()
	if len(w.m.Moves()) != 1 {
		t.Fatal("a full disk has ended the move")
	}
	disk.Clear()
	w.m.moveOf(t0).retryAt = time.Time{}
	w.finish()
	w.check("/b")

	if err := w.m.MoveTo(t0, "/a"); err != nil {
		t.Fatal(err)
	}
	disk.Add(vfs.Rule{Op: vfs.OpSync, Path: "/a/*/*", Err: syscall.EIO})
	w.finish()
	w.check("/b")
	w.add(5)
	if err := w.m.MoveTo(t0, "/a"); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("a move into a directory that has failed: %v", err)
	}
	for len(w.asked) > 0 {
		w.stepAll()
	}
	if w.known != dirB {
		t.Errorf("the controller believes %s", w.known)
	}
}

func TestMovesAreRefused(t *testing.T) {
	mem := vfs.NewMem()
	w := newMover(t, mem, mem)
	for _, c := range []struct {
		name log.Partition
		path string
		want error
	}{
		{t0, "/nowhere", kerr.LogDirNotFound},
		{log.Partition{Topic: strings.Repeat("x", 220)}, "/b", kerr.InvalidTopicException},
		{log.Partition{Topic: "unknown"}, "/b", kerr.UnknownTopicOrPartition},
		{t0, "/a", nil},
		{t0, "/a/", nil},
	} {
		if err := w.m.MoveTo(c.name, c.path); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s to %s: %v", c.name, c.path, err)
		}
	}
	if len(w.m.Moves()) > 0 {
		t.Error("something moves")
	}
	// One that was asked for before there was a partition says where it goes.
	w.apply(inDir(metadata.TopicID{9}, "unknown", metadata.DirUnassigned)...)
	if p := w.m.Partition("unknown", 0); p.Log().Dir().Path() != "/b" {
		t.Errorf("the preferred directory was forgotten: %s", p.Log().Dir().Path())
	}
}

// A partition whose directory is gone for good is given up by a move.
func TestAMoveGivesUpWhatIsLost(t *testing.T) {
	w := newWorld(t)
	w.openOn(w.fs, "/a", "/b")
	w.apply(inDir(topicID, "t", dirB)...)
	if err := w.reopen(nil, "/a"); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatal(err)
	}
	if err := w.m.MoveTo(t0, "/a"); !errors.Is(err, kerr.ReplicaNotAvailable) {
		t.Fatal(err)
	}
	w.m.Retry()
	w.commit(w.m.Partition("t", 0), "x")
}

// At every change of the disk the power goes, or the process: the partition is
// there afterwards with all that was committed, once, and its move comes to an
// end.
func TestACrashAtEveryStepOfAMove(t *testing.T) {
	type crash struct {
		mem   *vfs.Mem
		known metadata.UUID
		acked []string
		call  vfs.Call
	}
	mem := vfs.NewCrashableMem()
	disk := vfs.NewFaulty(mem)
	w := newMover(t, mem, disk)
	w.add(40)
	var crashes []crash
	disk.Before(func(c vfs.Call) {
		if c.Op&vfs.OpMutates == 0 {
			return
		}
		note := func(m *vfs.Mem) {
			crashes = append(crashes, crash{m, w.known, slices.Clone(w.acked), c})
		}
		note(mem.KillClone())
		for seed := range uint64(3) {
			note(mem.CrashClone(vfs.CrashOptions{UnsyncedPercent: int(50 * seed), Tear: true, RNG: rand.New(rand.NewPCG(seed, uint64(c.Seq)))}))
		}
	})
	if err := w.m.MoveTo(t0, "/b"); err != nil {
		t.Fatal(err)
	}
	for n := 0; len(w.m.currentMoves()) > 0; n++ {
		w.stepAll()
		w.add(2)
		for _, d := range w.m.Dirs() {
			if err := d.Step(time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.add(2)
	disk.Before(nil)
	w.check("/b")
	if len(crashes) < 200 {
		t.Fatalf("only %d crashes", len(crashes))
	}
	after := map[string]int{}
	for i, c := range crashes {
		v := &mover{world: &world{t: t, fs: c.mem, settings: w.settings}, disk: c.mem, known: c.known, acked: c.acked}
		v.openDirs()
		if err := v.tryApply(inDir(topicID, "t", c.known)...); err != nil {
			t.Fatalf("crash %d at %v: %v", i, c.call, err)
		}
		if err := v.m.Quarantine(v.img); err != nil {
			t.Fatal(err)
		}
		v.check("")
		after[v.part().Log().Dir().Path()]++
		v.acked = v.values(v.part()) // what was written and not acknowledged may be there
		v.add(1)
		v.finish()
		v.check("")
		v.stepAll()
		if dir := v.m.dirOf(v.part().Log()); dir.ID != v.known {
			t.Fatalf("crash %d at %v: the partition is in %s, the controller believes %s", i, c.call, dir.Path(), v.known)
		}
		if _, err := c.mem.Stat("/a/t-0"); err == nil {
			if _, err := c.mem.Stat("/b/t-0"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("crash %d at %v: both directories have it: %v", i, c.call, err)
			}
		}
		for _, d := range v.m.Dirs() {
			d.Abandon()
		}
	}
	if after["/a"] == 0 || after["/b"] == 0 {
		t.Errorf("after the crashes the partition was in %v", after)
	}
}

// Every call of a move fails once. Whatever is acknowledged then, in the old
// place, in the new one or nowhere, is there after a restart.
func TestAFaultAtEveryStepOfAMove(t *testing.T) {
	stranded, served := 0, 0
	for skip := 0; ; skip++ {
		mem := vfs.NewMem()
		disk := vfs.NewFaulty(mem)
		w := newMover(t, mem, disk)
		w.add(10)
		hit := false
		disk.Add(vfs.Rule{Op: vfs.OpMutates, Skip: skip, Times: 1, Err: syscall.EIO, Do: func(vfs.Call) { hit = true }})
		if err := w.m.MoveTo(t0, "/b"); err != nil {
			t.Fatal(err)
		}
		for n := 0; len(w.m.currentMoves()) > 0 && n < 100; n++ {
			w.stepAll()
		}
		if !hit {
			if skip < 15 {
				t.Fatalf("a move has %d calls", skip)
			}
			break
		}
		p := w.part()
		switch {
		case p.Offline():
			stranded++
			if _, err := p.Append(batch(t, "x"), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()}); !errors.Is(err, kerr.KafkaStorageError) {
				t.Errorf("call %d: an append off line: %v", skip, err)
			}
		default:
			served++
			w.add(3)
		}
		for _, d := range w.m.Dirs() {
			d.Abandon()
		}
		// The controller may not have heard the last word.
		w.openDirs()
		if err := w.tryApply(inDir(topicID, "t", w.known)...); err != nil {
			t.Fatalf("call %d: %v", skip, err)
		}
		w.check("")
		w.finish()
		w.check("")
	}
	if stranded == 0 || served == 0 {
		t.Errorf("off line %d times, serving %d times", stranded, served)
	}
}

// Producers and consumers go on while a partition moves to and fro.
func TestAPartitionServesWhileItMoves(t *testing.T) {
	w := newWorld(t)
	w.settings.Log.SegmentBytes = 20_000
	w.openOn(w.fs, "/a", "/b")
	w.m.opts.Located = func(_ metadata.TopicID, _ int32, _ metadata.UUID, done func()) {
		if done != nil {
			go done()
		}
	}
	w.apply(inDir(topicID, "t", dirA)...)
	p := w.m.Partition("t", 0)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.m.RunMoves(ctx); err != nil {
			t.Error(err)
		}
	})
	var acked, stop atomic.Int64
	wg.Go(func() {
		for stop.Load() == 0 {
			a, err := p.Append(batch(t, strings.Repeat("x", 300)), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()})
			if err != nil || a.BaseOffset != acked.Load() {
				t.Errorf("append at %d instead of %d: %v", a.BaseOffset, acked.Load(), err)
				return
			}
			c := make(waiter, 1)
			p.WhenCommitted(a.LastOffset+1, c)
			if err := <-c; err != nil {
				t.Error(err)
				return
			}
			acked.Store(a.LastOffset + 1)
		}
	})
	wg.Go(func() {
		for from := int64(0); stop.Load() == 0; {
			r, err := p.Read(ReadOptions{From: from, MaxBytes: 10_000, MinOne: true, LeaderEpoch: -1})
			if err != nil || r.HighWatermark < from {
				t.Errorf("read at %d, high watermark %d: %v", from, r.HighWatermark, err)
				return
			}
			if r.Range.Len() > 0 {
				from = r.Range.NextOffset()
			}
			r.Range.Release()
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range 6 {
		to := []string{"/b", "/a"}[i%2]
		if err := w.m.MoveTo(t0, to); err != nil {
			t.Fatal(err)
		}
		seen := acked.Load()
		for began := time.Now(); p.Log().Dir().Path() != to || acked.Load() < seen+5; <-tick.C {
			if time.Since(began) > time.Minute || t.Failed() {
				t.Fatalf("move %d does not end: %+v", i, w.m.Moves())
			}
		}
	}
	stop.Store(1)
	cancel()
	wg.Wait()
	if p.Log().EndOffset() < acked.Load() {
		t.Errorf("the log ends at %d, %d was acknowledged", p.Log().EndOffset(), acked.Load())
	}
	for _, dir := range []string{"/a", "/b"} {
		if _, err := w.fs.Stat(filepath.Join(dir, "t-0")); (err == nil) != (dir == "/a") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
