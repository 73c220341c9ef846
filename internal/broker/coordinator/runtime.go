package coordinator

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Runtime drives the shards of one internal topic on one broker: S is what keeps
// one of its partitions. Create it with NewRuntime and start Run. All methods
// are safe for concurrent use and none of them waits for another machine or for
// the disk's cache to be flushed.
type Runtime[S Shard] struct {
	opts  Options[S]
	log   *slog.Logger
	jobs  jobs
	wheel wheel

	// mu is taken before any executor's.
	mu struct {
		sync.RWMutex
		executors map[int32]*Executor[S] // partitions that this broker leads
		stopped   bool
	}
}

// NewRuntime returns a runtime with no partition.
func NewRuntime[S Shard](o Options[S]) *Runtime[S] {
	o.setDefaults()
	r := &Runtime[S]{opts: o, log: o.Logger}
	r.jobs.ready = make(chan struct{}, 1)
	r.wheel.wake = make(chan struct{}, 1)
	r.mu.executors = map[int32]*Executor[S]{}
	return r
}

// Run owns the runtime's goroutines: timers and loading. It returns nil when
// ctx ends, after every waiting caller has got COORDINATOR_NOT_AVAILABLE.
func (r *Runtime[S]) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.turnWheel(ctx) })
	for range r.opts.Loaders {
		wg.Go(func() { r.jobs.work(ctx) })
	}
	wg.Wait()
	r.stop()
	return nil
}

func (r *Runtime[S]) stop() {
	r.mu.Lock()
	r.mu.stopped = true
	all := r.mu.executors
	r.mu.executors = map[int32]*Executor[S]{}
	r.mu.Unlock()
	for _, e := range all {
		e.close(kerr.CoordinatorNotAvailable)
	}
}

// Elected says that this broker leads the internal topic's partition since
// leaderEpoch. The shard is loaded in the background; until then requests get
// COORDINATOR_LOAD_IN_PROGRESS. A leaderEpoch that is not newer is ignored.
func (r *Runtime[S]) Elected(partition, leaderEpoch int32) {
	r.mu.Lock()
	old := r.mu.executors[partition]
	if r.mu.stopped || old != nil && old.epoch >= leaderEpoch {
		r.mu.Unlock()
		return
	}
	e := newExecutor(r, partition, leaderEpoch)
	r.mu.executors[partition] = e
	r.mu.Unlock()
	if old != nil {
		old.close(kerr.NotCoordinator)
	}
	r.jobs.add(e.load)
}

// Resigned says that this broker does not lead the partition any more. Waiting
// callers get NOT_COORDINATOR.
func (r *Runtime[S]) Resigned(partition int32) {
	r.mu.Lock()
	e := r.mu.executors[partition]
	delete(r.mu.executors, partition)
	r.mu.Unlock()
	if e != nil {
		e.close(kerr.NotCoordinator)
	}
}

// Loading is the number of partitions that this broker leads but cannot serve
// yet.
func (r *Runtime[S]) Loading() int {
	n := 0
	for _, e := range r.All() {
		if e.usable() != nil {
			n++
		}
	}
	return n
}

// Executor returns who serves a partition: NOT_COORDINATOR if this broker does not
// lead it, COORDINATOR_NOT_AVAILABLE once the runtime has stopped.
func (r *Runtime[S]) Executor(partition int32) (*Executor[S], error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.mu.stopped {
		return nil, kerr.CoordinatorNotAvailable
	}
	e := r.mu.executors[partition]
	if e == nil {
		return nil, kerr.NotCoordinator
	}
	return e, nil
}

// All returns every executor, by partition.
func (r *Runtime[S]) All() []*Executor[S] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]*Executor[S], 0, len(r.mu.executors))
	for _, e := range r.mu.executors {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *Executor[S]) int { return int(a.partition) - int(b.partition) })
	return list
}

// deliver sends what an executor has decided. No lock is held.
func (r *Runtime[S]) deliver(out *outbox) {
	for i := range out.notes {
		n := &out.notes[i]
		r.log.Log(context.Background(), n.level, n.message, n.args...)
	}
	for i := range out.replies {
		if c, ok := out.replies[i].To.(*Call); ok {
			c.answer(out.replies[i].Response)
		}
	}
	for i := range out.effects {
		r.opts.Effects(out.effects[i].partition, out.effects[i].leaderEpoch, out.effects[i].list)
	}
	for i := range out.failed {
		if c, ok := out.failed[i].to.(*Call); ok {
			c.Fail(out.failed[i].err)
		}
	}
}

// outbox collects answers, effects and log lines while a lock is held.
type outbox struct {
	replies []shard.Reply
	failed  []failure
	effects []effects
	notes   []note
}

type effects struct {
	partition, leaderEpoch int32
	list                   []shard.Effect
}

type note struct {
	level   slog.Level
	message string
	args    []any
}

type failure struct {
	to  shard.Caller
	err error
}

func (o *outbox) note(level slog.Level, message string, args ...any) {
	o.notes = append(o.notes, note{level, message, args})
}

func (o *outbox) fail(replies []shard.Reply, err error) {
	for i := range replies {
		o.failed = append(o.failed, failure{replies[i].To, err})
	}
}
