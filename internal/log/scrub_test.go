package log

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// scrubbed is a directory with a scrubber, in a bubble of synctest.
type scrubbed struct {
	t    *testing.T
	fs   vfs.FS
	conf Config
	dir  *Dir
	logs []*Log
	said bytes.Buffer
}

func (s *scrubbed) open(o ScrubOptions) {
	s.t.Helper()
	d, err := OpenDir(DirOptions{
		FS: s.fs, Path: "/data", BootID: "b", Scrub: o, Logger: slog.New(slog.NewTextHandler(&s.said, nil)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.dir, s.logs = d, nil
	for i := range 4 {
		l, err := d.Open(Partition{Topic: fmt.Sprint("topic", i)}, TopicID{byte(i + 1)}, s.conf)
		if err != nil {
			s.t.Fatal(err)
		}
		s.logs = append(s.logs, l)
	}
}

func (s *scrubbed) fill(batches int) {
	s.t.Helper()
	for _, l := range s.logs {
		for i := range batches {
			if _, err := l.Append(plain(s.t, 3, fmt.Sprint("b", i)), AppendOptions{Now: time.Now()}); err != nil {
				s.t.Fatal(err)
			}
		}
		if err := l.Sync(); err != nil {
			s.t.Fatal(err)
		}
	}
	synctest.Wait()
}

func (s *scrubbed) close() {
	s.t.Helper()
	if err := s.dir.Close(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

// TestScrub: a bit that flips while the broker runs is found without a read,
// marked as a first read would, and what can be made again is.
func TestScrub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewCrashableMem()
		s := &scrubbed{t: t, fs: mem, conf: Config{SegmentBytes: 1000, IndexIntervalBytes: 64, FlushBeforeAck: true}}
		s.open(ScrubOptions{BytesPerSecond: 1 << 20, Interval: time.Hour})
		s.fill(20)
		seg := s.logs[2].mem.segments[1]
		name, index, meta := seg.path(), s.logs[1].mem.segments[0].indexPath(), s.logs[3].path+"/"+metaName
		time.Sleep(scrubDelay + time.Minute)
		synctest.Wait()
		if st := s.dir.Stats(); st.Scrub.Rounds != 1 || st.DamageFound != 0 || st.Scrub.Done < s.logs[0].Size()*4 || st.Scrub.LastFinished.IsZero() {
			t.Fatalf("%+v", st)
		}
		flip(t, mem, name, 300, 2)
		flip(t, mem, index, 40, 1)
		flip(t, mem, meta, 30, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		st := s.dir.Stats()
		if st.Scrub.Rounds != 2 || st.DamageFound != 1 || st.Damaged != 1 {
			t.Fatalf("%+v\n%s", st, s.said.String())
		}
		d := s.logs[2].Damages()
		if len(d) != 1 || d[0].Segment != seg.base || d[0].Pos > 300 || d[0].Pos+d[0].Size <= 300 {
			t.Fatal(d)
		}
		if _, err := keysFrom1(s.logs[2], d[0].First); err == nil {
			t.Error("damage is served")
		}
		if _, err := readMeta(mem, s.logs[3].path); err != nil {
			t.Error(err)
		}
		if _, err := mem.Stat(index); err == nil {
			t.Error("the damaged index is still there")
		}
		if got, err := keysFrom(s.logs[1], 0); err != nil || len(got) != 60 {
			t.Error(len(got), err)
		}
		// The next round tells the same once only.
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(s.said.String(), "reads of them answer CORRUPT_MESSAGE"); n != 1 || s.dir.Stats().DamageFound != 1 {
			t.Errorf("told %d times", n)
		}
		s.close()
	})
}

// TestScrubGoesOn: a restart goes on where the round was, and a finished round
// is not repeated before its time. Reading is as slow as it is told to be.
func TestScrubGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewCrashableMem()
		var mu sync.Mutex
		counted := map[string]int{}
		fs := vfs.NewFaulty(mem)
		count := func(c vfs.Call) {
			if c.Op == vfs.OpRead && strings.Contains(c.Path, "topic") && strings.HasSuffix(c.Path, logSuffix) {
				mu.Lock()
				defer mu.Unlock()
				counted[strings.Split(c.Path, "/")[2]]++
			}
		}
		seen := func() map[string]int {
			mu.Lock()
			defer mu.Unlock()
			return maps.Clone(counted)
		}
		s := &scrubbed{t: t, fs: fs}
		s.open(ScrubOptions{})
		s.fill(100)
		size := s.logs[0].Size() + 2*fileCost
		s.close()
		o := ScrubOptions{BytesPerSecond: size / 1000, Interval: 24 * time.Hour} // a log takes 1,000 s
		s.open(o)
		fs.Before(count)
		time.Sleep(scrubDelay + 1500*time.Second)
		synctest.Wait()
		if reads := seen(); len(reads) != 2 || reads["topic0-0"] == 0 || reads["topic1-0"] == 0 {
			t.Fatalf("%v after 1,500 s of 1,000 s each", reads)
		}
		if st := s.dir.Stats().Scrub; !st.Running || st.Total < 4*size || st.Done < 2*size || st.Done > 2*size+fileCost {
			t.Fatalf("%+v", st)
		}
		before := time.Now()
		s.close()
		if waited := time.Since(before); waited != 0 {
			t.Errorf("the stop has waited for %v", waited)
		}
		fs.Before(nil)
		s.open(o)
		clear(counted)
		fs.Before(count)
		time.Sleep(scrubDelay + 2500*time.Second)
		synctest.Wait()
		if reads := seen(); len(reads) != 2 || reads["topic2-0"] == 0 || reads["topic3-0"] == 0 {
			t.Fatalf("%v after a restart before the third log", reads)
		}
		st := s.dir.Stats().Scrub
		if st.Running || st.Rounds != 1 {
			t.Fatalf("%+v", st)
		}
		s.close()
		fs.Before(nil)
		s.open(o)
		clear(counted)
		fs.Before(count)
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		if reads := seen(); len(reads) != 0 || s.dir.Stats().Scrub.LastFinished != st.LastFinished {
			t.Fatalf("%v long before the next round", reads)
		}
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		if reads := seen(); len(reads) != 4 {
			t.Fatalf("%v in the next round", reads)
		}
		s.close()
	})
}

// TestScrubState: records of the state log that have rotted are written again
// from memory, so that the next start finds them.
func TestScrubState(t *testing.T) {
	size := int64(0)
	for at := int64(len(stateHeader)); at == int64(len(stateHeader)) || at < size; at += 7 {
		h := newHarness(t, Config{FlushBeforeAck: true})
		h.dir.snapshotEvery = 1
		h.append(plain(t, 2, "a"))
		h.dir.SyncPending()
		h.log.SetHighWatermark(2)
		if err := h.dir.Step(epoch0); err != nil {
			t.Fatal(err)
		}
		mem := h.fs.(*vfs.Mem)
		size = sizeOf(t, mem, "/data/"+stateName)
		flip(t, mem, "/data/"+stateName, at, int(at%8))
		s := scrubber{d: h.dir}
		s.sweep.pace = noPace
		if err := s.mendState(); err != nil {
			t.Fatal(err)
		}
		if err := h.dir.Step(epoch0.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if bad, err := h.dir.state.verify(noPace); err != nil || len(bad) > 0 {
			t.Fatal(at, bad, err)
		}
		h.kill()
		if h.log.HighWatermark() != 2 || h.log.EndOffset() != 2 || h.dir.boot.session != 2 {
			t.Fatal(at, h.log.HighWatermark(), h.log.EndOffset(), h.dir.boot)
		}
		h.dir.Abandon()
	}
}

// TestScrubUnderTraffic: a sweep beside appends, truncations and retention finds
// no damage where there is none.
func TestScrubUnderTraffic(t *testing.T) {
	r := newCrashRun(t, 11)
	r.open()
	sweeps := 0
	r.fs.Before(nil)
	turns := 200
	if testing.Short() {
		turns = 50
	}
	for range turns {
		r.turn()
		calls := 0
		err := r.log.Verify(func(int) error {
			if calls++; calls%3 == 1 {
				r.turnInside()
			}
			return nil
		})
		if err != nil || len(r.log.Damages()) > 0 {
			t.Fatal(r.step, err, r.log.Damages())
		}
		sweeps++
	}
	if sweeps == 0 {
		t.Fatal("nothing swept")
	}
	r.dir.Abandon()
}

// turnInside is a turn in the middle of another's reads.
func (r *crashRun) turnInside() {
	switch r.rng.IntN(4) {
	case 0:
		r.append()
	case 1:
		r.dir.SyncPending()
	case 2:
		r.log.SetHighWatermark(r.log.DurableOffset())
		if _, err := r.log.Retain(r.now); err != nil {
			r.t.Fatal(err)
		}
		r.hist.start = r.log.StartOffset()
	default:
		r.truncate()
	}
	r.hist.durable = r.log.DurableOffset()
}
