package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
)

// phase is where an executor is in its life.
type phase uint8

const (
	loading phase = iota // reading the log, or waiting to try again
	active               // serving
	closed               // leadership is gone; final
)

// Executor runs one partition's shard for one term of leadership: it serialises
// requests, appends what they decide and answers when that is committed.
//
// The shard applies its records at once, so later requests build on them; their
// answers wait. If an append fails the shard takes back everything from that
// offset on, and everybody who waits for it gets the error. Requests that decide
// while an append runs go into the next batch together.
//
// The log is never called with mu held.
type Executor[S Shard] struct {
	r                *Runtime[S]
	partition, epoch int32
	timer            shard.Timer // in the runtime's wheel

	mu struct {
		sync.Mutex
		phase phase
		term  uint64 // counts shards: who finds another one is late
		// lost says that the log knows of no leadership: clients look for the
		// coordinator elsewhere, and loading is tried again.
		lost   bool
		shard  S // the zero S while there is none: see loaded
		loaded bool
		log    Log
		// committed is the offset below which all is committed.
		committed int64
		queue     []decided // applied, not appended yet
		writes    []write   // who waits for commits, by offset
		appending bool
		kicked    bool // a flush job is queued
		retryAt   time.Time
		armed     time.Time // what the wheel knows
	}
	// Used by whoever has set appending.
	builder    record.Builder
	compressor record.Compressor
}

// decided is what one request has to append.
type decided struct {
	first     int64
	records   []shard.Record
	size      int // bytes in a batch, roughly
	divisible bool
}

// write is somebody who waits until the record at last is committed.
type write struct {
	last     int64
	deferred []shard.Reply
	event    shard.Event
	deadline time.Time
}

func newExecutor[S Shard](r *Runtime[S], partition, epoch int32) *Executor[S] {
	e := &Executor[S]{r: r, partition: partition, epoch: epoch}
	e.timer.What = e
	return e
}

// Partition is the index of the internal topic's partition.
func (e *Executor[S]) Partition() int32 { return e.partition }

// usable returns why the executor cannot serve.
func (e *Executor[S]) usable() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ready()
}

func (e *Executor[S]) ready() error {
	switch e.mu.phase {
	case loading:
		if e.mu.lost {
			return kerr.NotCoordinator
		}
		return kerr.CoordinatorLoadInProgress
	case closed:
		return kerr.NotCoordinator
	default:
		return nil
	}
}

// Request is one input of a shard. An error means that it did nothing.
type Request[S Shard] func(s S, now time.Time) (*shard.Result, error)

// Do hands the shard a request. Its answers go out before Do returns, or when
// what it appended is committed; an error is for Do's caller to answer.
func (e *Executor[S]) Do(f Request[S]) error {
	now := e.r.opts.Now()
	var out outbox
	e.mu.Lock()
	err := e.step(now, f, &out)
	e.arm()
	queued := len(e.mu.queue) > 0
	e.mu.Unlock()
	e.r.deliver(&out)
	if queued {
		e.flush(context.Background()) // once decided, an append is not called off
	}
	return err
}

// Read runs f on the shard; it must not change it.
func (e *Executor[S]) Read(f func(s S)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	f(e.mu.shard)
	return nil
}

// Touch runs f, which appends nothing and answers nothing but may move the
// shard's deadlines. It is the path of heartbeats: no allocation, and no timer
// unless a deadline comes earlier.
func (e *Executor[S]) Touch(f func(s S, now time.Time) error) error {
	now := e.r.opts.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	err := f(e.mu.shard, now)
	if at, ok := e.mu.shard.Deadline(); ok && at.Before(e.mu.armed) {
		e.arm()
	}
	return err
}

// step runs one input with mu held.
func (e *Executor[S]) step(now time.Time, f Request[S], out *outbox) error {
	if err := e.ready(); err != nil {
		return err
	}
	return e.guard(now, out, func() error {
		first := e.mu.shard.NextOffset()
		res, err := f(e.mu.shard, now)
		if err == nil {
			e.take(now, first, res, out)
		}
		return err
	})
}

// guard runs code of the shard. A panic there is a bug: it costs this shard its
// soft state, not the process its life.
func (e *Executor[S]) guard(now time.Time, out *outbox, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = fmt.Errorf("shard of partition %d failed: %v: %w", e.partition, p, kerr.UnknownServerError)
		out.note(slog.LevelError, "coordinator shard failed and loads anew",
			"partition", e.partition, "panic", p, "stack", string(debug.Stack()))
		e.reload(now, kerr.CoordinatorLoadInProgress, out)
	}()
	return f()
}

// take accepts a Result whose first record has offset first.
func (e *Executor[S]) take(now time.Time, first int64, res *shard.Result, out *outbox) {
	out.replies = append(out.replies, res.Replies...)
	for i := range res.Notes {
		level := slog.LevelInfo
		if res.Notes[i].Warn {
			level = slog.LevelWarn
		}
		out.note(level, res.Notes[i].Message, res.Notes[i].Args...)
	}
	if len(res.Effects) > 0 {
		out.effects = append(out.effects, effects{e.partition, e.epoch, res.Effects})
	}
	if len(res.Records) > 0 {
		d := decided{first: first, records: res.Records, divisible: res.Divisible}
		for i := range res.Records {
			d.size += recordSize(&res.Records[i])
		}
		e.mu.queue = append(e.mu.queue, d)
	}
	if len(res.Deferred) == 0 && res.Event == nil {
		return
	}
	last := e.mu.shard.NextOffset() - 1
	if last < e.mu.committed && res.Event == nil {
		out.replies = append(out.replies, res.Deferred...)
		return
	}
	e.mu.writes = append(e.mu.writes, write{last, res.Deferred, res.Event, now.Add(e.r.opts.CommitTimeout)})
}

// finish ends one wait: err is nil when its records are committed.
func (e *Executor[S]) finish(now time.Time, w *write, err error, out *outbox) {
	if err == nil {
		out.replies = append(out.replies, w.deferred...)
	} else {
		out.fail(w.deferred, err)
	}
	if w.event == nil {
		return
	}
	first := e.mu.shard.NextOffset()
	e.take(now, first, e.mu.shard.Finish(now, w.event, err), out)
}

// tick handles what is due: the shard's timers, waits that took too long, the
// next try to load.
func (e *Executor[S]) tick(now time.Time) {
	var out outbox
	e.mu.Lock()
	e.mu.armed = time.Time{}
	switch {
	case e.mu.phase == active:
		e.expireWrites(now, &out)
		for e.mu.phase == active {
			var more bool
			_ = e.step(now, func(s S, now time.Time) (*shard.Result, error) {
				res := s.Advance(now)
				more = !res.Empty()
				return res, nil
			}, &out) // the request has no error of its own, and a failure is logged
			if !more {
				break
			}
		}
	case e.mu.phase == loading && !e.mu.retryAt.IsZero() && !now.Before(e.mu.retryAt):
		e.mu.retryAt = time.Time{}
		e.r.jobs.add(e.load)
	}
	e.arm()
	e.kick()
	e.mu.Unlock()
	e.r.deliver(&out)
}

// expireWrites answers who has waited longer than offsets.commit.timeout.ms.
// Their records may still be committed.
func (e *Executor[S]) expireWrites(now time.Time, out *outbox) {
	_ = e.guard(now, out, func() error {
		for len(e.mu.writes) > 0 && !now.Before(e.mu.writes[0].deadline) {
			w := e.mu.writes[0]
			e.mu.writes = dropFront(e.mu.writes, 1)
			e.finish(now, &w, clientError(kerr.RequestTimedOut), out)
		}
		return nil
	}) // a failure is logged and the shard loads anew
}

// arm tells the wheel of the earliest deadline, with mu held.
func (e *Executor[S]) arm() {
	var at time.Time
	switch e.mu.phase {
	case active:
		if !e.r.opts.ReadOnly {
			at, _ = e.mu.shard.Deadline()
		}
		if len(e.mu.writes) > 0 {
			at = earlier(at, e.mu.writes[0].deadline)
		}
	case loading:
		at = e.mu.retryAt
	}
	if at.IsZero() || at.Equal(e.mu.armed) {
		return
	}
	e.mu.armed = at
	e.r.wheel.set(&e.timer, at)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// close ends the executor's life; everybody who waits gets the error.
func (e *Executor[S]) close(err error) {
	var out outbox
	e.mu.Lock()
	if e.mu.phase != closed {
		e.drop(e.r.opts.Now(), err, &out)
		e.mu.phase = closed
	}
	e.mu.Unlock()
	e.r.wheel.cancel(&e.timer)
	e.r.deliver(&out)
}

// reload drops the shard and loads it anew, with mu held.
func (e *Executor[S]) reload(now time.Time, err error, out *outbox) {
	if e.mu.phase == closed {
		return
	}
	e.drop(now, err, out)
	e.mu.phase = loading
	e.r.jobs.add(e.load)
}

// drop forgets the shard and what waits for it.
func (e *Executor[S]) drop(now time.Time, err error, out *outbox) {
	for i := range e.mu.writes {
		out.fail(e.mu.writes[i].deferred, err)
	}
	e.mu.writes, e.mu.queue = nil, nil
	e.mu.term++
	if e.mu.loaded {
		var none S
		unload(e.mu.shard, now, out)
		e.mu.shard, e.mu.loaded = none, false
	}
}

// unload collects the answers of a shard's waiting requests. It is called on a
// shard that may have failed, so a second failure is swallowed: it was logged.
func unload(s Shard, now time.Time, out *outbox) {
	defer func() { _ = recover() }()
	out.replies = append(out.replies, s.Unload(now).Replies...)
}

func dropFront[T any](q []T, n int) []T {
	m := copy(q, q[n:])
	clear(q[m:])
	return q[:m]
}
