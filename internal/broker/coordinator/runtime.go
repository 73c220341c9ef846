package coordinator

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Runtime is the group coordinator of one broker. Create it with NewRuntime and
// start Run. All methods are safe for concurrent use and none of them waits for
// another machine or for the disk's cache to be flushed.
//
// Each request method answers by calling reply exactly once, from any goroutine
// and perhaps before it returns; reply must not block. The request belongs to
// the runtime until then, its strings for ever (decode with ReadFrom, not
// UnsafeReadFrom); the response belongs to the receiver. Requests are expected
// to be authorized.
type Runtime struct {
	opts  Options
	log   *slog.Logger
	jobs  jobs
	wheel wheel

	// mu is taken before any executor's.
	mu struct {
		sync.RWMutex
		executors map[int32]*executor // partitions that this broker leads
		stopped   bool
	}
}

// ClientInfo is what a group remembers of a member's connection.
type ClientInfo struct {
	// ID is the client id of the request header, empty if it had none.
	ID string
	// Host is the client's address as Java prints it: "/127.0.0.1".
	Host string
}

// NewRuntime returns a runtime with no partition.
func NewRuntime(o Options) *Runtime {
	o.setDefaults()
	r := &Runtime{opts: o, log: o.Logger}
	r.jobs.ready = make(chan struct{}, 1)
	r.wheel.wake = make(chan struct{}, 1)
	r.mu.executors = map[int32]*executor{}
	return r
}

// Run owns the runtime's goroutines: timers and loading. It returns nil when
// ctx ends, after every waiting caller has got COORDINATOR_NOT_AVAILABLE.
func (r *Runtime) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.turnWheel(ctx) })
	for range r.opts.Loaders {
		wg.Go(func() { r.jobs.work(ctx) })
	}
	wg.Wait()
	r.stop()
	return nil
}

func (r *Runtime) stop() {
	r.mu.Lock()
	r.mu.stopped = true
	all := r.mu.executors
	r.mu.executors = map[int32]*executor{}
	r.mu.Unlock()
	for _, e := range all {
		e.close(kerr.CoordinatorNotAvailable)
	}
}

// Elected says that this broker leads the internal topic's partition since
// leaderEpoch. The shard is loaded in the background; until then requests get
// COORDINATOR_LOAD_IN_PROGRESS. A leaderEpoch that is not newer is ignored.
func (r *Runtime) Elected(partition, leaderEpoch int32) {
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
func (r *Runtime) Resigned(partition int32) {
	r.mu.Lock()
	e := r.mu.executors[partition]
	delete(r.mu.executors, partition)
	r.mu.Unlock()
	if e != nil {
		e.close(kerr.NotCoordinator)
	}
}

// PartitionFor is the partition of the internal topic that keeps the group;
// ok is false while the topic does not exist.
func (r *Runtime) PartitionFor(groupID string) (partition int32, ok bool) {
	n := r.opts.Partitions()
	if n <= 0 {
		return 0, false
	}
	return group.PartitionFor(groupID, n), true
}

// Loading is the number of partitions that this broker leads but cannot serve
// yet.
func (r *Runtime) Loading() int {
	n := 0
	for _, e := range r.all() {
		if e.usable() != nil {
			n++
		}
	}
	return n
}

// route finds the executor of a group.
func (r *Runtime) route(groupID string) (*executor, error) {
	p, ok := r.PartitionFor(groupID)
	if !ok {
		return nil, kerr.CoordinatorNotAvailable
	}
	return r.executor(p)
}

func (r *Runtime) executor(partition int32) (*executor, error) {
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

// all is every executor, by partition.
func (r *Runtime) all() []*executor {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]*executor, 0, len(r.mu.executors))
	for _, e := range r.mu.executors {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *executor) int { return int(a.partition) - int(b.partition) })
	return list
}

// deliver sends what an executor has decided. No lock is held.
func (r *Runtime) deliver(out *outbox) {
	for i := range out.notes {
		n := &out.notes[i]
		r.log.Log(context.Background(), n.level, n.message, n.args...)
	}
	for i := range out.replies {
		if c, ok := out.replies[i].To.(*call); ok {
			c.answer(out.replies[i].Response)
		}
	}
	for i := range out.failed {
		if c, ok := out.failed[i].to.(*call); ok {
			c.fail(out.failed[i].err)
		}
	}
}

// outbox collects answers and log lines while a lock is held.
type outbox struct {
	replies []shard.Reply
	failed  []failure
	notes   []note
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

func randomID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}
