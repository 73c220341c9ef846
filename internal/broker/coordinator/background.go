package coordinator

import (
	"context"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// jobs is a queue of work that may wait for the disk: loading shards, and
// appends of goroutines that must not wait. Each executor has at most two jobs
// in it, which bounds it.
type jobs struct {
	ready chan struct{} // has room for one
	mu    sync.Mutex
	list  []func(context.Context)
}

func (j *jobs) add(f func(context.Context)) {
	j.mu.Lock()
	j.list = append(j.list, f)
	j.mu.Unlock()
	signal(j.ready)
}

func (j *jobs) take() (f func(context.Context), more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.list) == 0 {
		return nil, false
	}
	f = j.list[0]
	j.list[0] = nil
	j.list = j.list[1:]
	return f, len(j.list) > 0
}

// work runs jobs until ctx ends.
func (j *jobs) work(ctx context.Context) {
	for ctx.Err() == nil {
		f, more := j.take()
		if more {
			signal(j.ready) // for the next worker
		}
		if f != nil {
			f(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-j.ready:
		}
	}
}

// wheel is the one place where the runtime waits for time. Each executor has one
// entry, for the earliest of its deadlines: the members' are in its shard, where
// a heartbeat moves one without touching the wheel.
type wheel struct {
	wake chan struct{} // has room for one
	mu   sync.Mutex
	q    shard.Timers
}

// set arms the entry for at.
func (w *wheel) set(t *shard.Timer, at time.Time) {
	w.mu.Lock()
	first, any := w.q.Next()
	w.q.Set(t, at)
	w.mu.Unlock()
	if !any || at.Before(first) {
		signal(w.wake)
	}
}

func (w *wheel) cancel(t *shard.Timer) {
	w.mu.Lock()
	w.q.Cancel(t)
	w.mu.Unlock()
}

func (w *wheel) pop(now time.Time) *shard.Timer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.q.Pop(now)
}

func (w *wheel) next() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.q.Next()
}

// turnWheel lets executors handle their deadlines until ctx ends.
func (r *Runtime[S]) turnWheel(ctx context.Context) {
	const idle = time.Hour
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := r.opts.Now()
		for t := r.wheel.pop(now); t != nil; t = r.wheel.pop(now) {
			if e, ok := t.What.(*Executor[S]); ok {
				e.tick(now)
			}
		}
		wait := idle
		if at, ok := r.wheel.next(); ok {
			wait = max(at.Sub(r.opts.Now()), 0)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-r.wheel.wake:
		case <-timer.C:
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
