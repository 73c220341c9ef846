package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
)

// The runtime serves any shard: here one that keeps a sum. What the group
// coordinator asks of it is tested there, with failovers and held commits.

// sums is a shard whose records are numbers.
type sums struct {
	values  []int64 // by offset
	next    int64
	skipped int
	due     time.Time // when it adds a thousand by itself
}

func (s *sums) sum() (n int64) {
	for _, v := range s.values {
		n += v
	}
	return n
}

func (s *sums) Load(offset, _ int64, _, value []byte) error {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		s.skipped++
		return shard.ErrMalformedRecord
	}
	s.values, s.next = append(s.values, n), offset+1
	return nil
}

func (s *sums) Skipped() int { return s.skipped }

func (s *sums) Loaded(_ time.Time, end int64) *shard.Result { s.next = end; return &shard.Result{} }

func (s *sums) NextOffset() int64 { return s.next }

func (s *sums) Deadline() (time.Time, bool) { return s.due, !s.due.IsZero() }

func (s *sums) Advance(now time.Time) *shard.Result {
	if s.due.IsZero() || now.Before(s.due) {
		return &shard.Result{}
	}
	s.due = time.Time{}
	return s.add(1000, nil)
}

func (s *sums) Committed(int64) {}

func (s *sums) Revert(_ time.Time, offset int64, _ error) *shard.Result {
	s.values, s.next = s.values[:len(s.values)-int(s.next-offset)], offset
	return &shard.Result{}
}

func (s *sums) Finish(time.Time, shard.Event, error) *shard.Result { return &shard.Result{} }

func (s *sums) Unload(time.Time) *shard.Result { return &shard.Result{} }

func (s *sums) add(n int64, to shard.Caller) *shard.Result {
	s.values = append(s.values, n)
	s.next++
	res := &shard.Result{Records: []shard.Record{{Value: strconv.AppendInt(nil, n, 10)}}}
	if n == 1000 {
		res.Effects = []shard.Effect{"a thousand"}
	}
	if to != nil {
		res.Deferred = []shard.Reply{{To: to, Response: kmsg.NewPtrHeartbeatResponse()}}
	}
	return res
}

// memory is a log that commits at once, or fails.
type memory struct {
	mu      sync.Mutex
	batches []byte
	end     int64
	fail    error
}

func (m *memory) Append(_ context.Context, batch []byte, _ int32) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return 0, m.fail
	}
	b, _, err := record.Next(batch)
	if err != nil {
		return 0, err
	}
	b.SetBaseOffset(m.end)
	m.end = b.NextOffset()
	m.batches = append(m.batches, b...)
	return m.end - 1, nil
}

func (m *memory) WhenCommitted(_ int64, done func(error)) { done(nil) }

func (m *memory) Read(from int64, _ int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := m.batches; len(p) > 0; {
		b, rest, err := record.Next(p)
		if err != nil || b.NextOffset() > from {
			return p, err
		}
		p = rest
	}
	return nil, nil
}

func (m *memory) StartOffset() int64 { return 0 }

func (m *memory) EndOffset() int64 { m.mu.Lock(); defer m.mu.Unlock(); return m.end }

func (m *memory) setFail(err error) { m.mu.Lock(); m.fail = err; m.mu.Unlock() }

type summer struct {
	t *testing.T
	r *Runtime[*sums]
}

// add adds n and returns the error that its caller got.
func (s *summer) add(n int64) (err error) {
	answered := 0
	c := NewCall(func(kmsg.Response) { answered++ }, func(e error) { answered++; err = e })
	e, lookup := s.r.Executor(0)
	if lookup != nil {
		return lookup
	}
	if err := e.Do(func(sh *sums, _ time.Time) (*shard.Result, error) { return sh.add(n, c), nil }); err != nil {
		return err
	}
	synctest.Wait()
	if answered != 1 {
		s.t.Errorf("answered %d times", answered)
	}
	return err
}

func (s *summer) mustSum(want int64) {
	s.t.Helper()
	synctest.Wait()
	e, err := s.r.Executor(0)
	if err == nil {
		err = e.Read(func(sh *sums) {
			if got := sh.sum(); got != want {
				s.t.Errorf("the sum is %d, want %d", got, want)
			}
		})
	}
	if err != nil {
		s.t.Error(err)
	}
}

func TestRuntimeOfAnyShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &memory{}
		var effects []string
		r := NewRuntime(Options[*sums]{
			New:  func() *sums { return &sums{} },
			Open: func(context.Context, int32) (Log, error) { return log, nil },
			Effects: func(partition, leaderEpoch int32, list []shard.Effect) {
				effects = append(effects, fmt.Sprintf("partition %d epoch %d: %v", partition, leaderEpoch, list))
			},
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		s := &summer{t, r}
		if err := s.add(1); !errors.Is(err, kerr.NotCoordinator) {
			t.Errorf("before the election: %v", err)
		}
		r.Elected(0, 1)
		synctest.Wait()
		for n := range int64(4) {
			if err := s.add(n); err != nil {
				t.Fatal(err)
			}
		}
		s.mustSum(6)

		// What cannot be appended is taken back, and its caller hears of it.
		log.setFail(kerr.NotEnoughReplicas)
		if err := s.add(100); !errors.Is(err, kerr.CoordinatorNotAvailable) {
			t.Errorf("append without replicas: %v", err)
		}
		log.setFail(nil)
		s.mustSum(6)

		// A deadline that comes nearer is kept without an input.
		e, err := r.Executor(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Touch(func(sh *sums, now time.Time) error { sh.due = now.Add(time.Minute); return nil }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // of the bubble
		s.mustSum(1006)
		if want := []string{"partition 0 epoch 1: [a thousand]"}; !slices.Equal(effects, want) {
			t.Errorf("effects %q, want %q", effects, want)
		}

		// A panic costs the shard its soft state; it is loaded again.
		err = e.Do(func(*sums, time.Time) (*shard.Result, error) { panic("planted") })
		if !errors.Is(err, kerr.UnknownServerError) {
			t.Errorf("a panic gave %v", err)
		}
		s.mustSum(1006)

		r.Resigned(0)
		r.Elected(0, 2)
		s.mustSum(1006)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.add(1); !errors.Is(err, kerr.CoordinatorNotAvailable) {
			t.Errorf("after the end: %v", err)
		}
	})
}
