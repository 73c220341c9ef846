package txn

import (
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// decide hands out the record of a decision, which is pending from now on. Each
// record means something alone: a batch may end between any two. An impossible
// decision is a bug, which costs the shard its soft state.
func (s *Shard) decide(o *op, t *transaction, to metadata) {
	if t.to != nil {
		panic("txn: two decisions at once for " + t.id)
	}
	if err := t.is.check(&to); err != nil {
		panic("txn: " + t.id + ": " + err.Error())
	}
	if t.is == nil {
		s.ids[t.id] = t
	}
	if to.state.preparing() {
		o.res.Event = decisionStored{}
	}
	o.res.Records = append(o.res.Records, encode(t.id, &to, s.version))
	s.pend(o, t, &to)
}

// bury hands out the tombstone of an id.
func (s *Shard) bury(o *op, t *transaction) {
	o.res.Records = append(o.res.Records, tombstone(t.id))
	s.pend(o, t, &metadata{state: Dead})
}

func (s *Shard) pend(o *op, t *transaction, to *metadata) {
	o.res.Divisible = true
	t.to, t.toAt = to, s.next
	s.next++
	s.pending = append(s.pending, t)
}

// Committed says that all records below offset are committed: the decisions in
// them hold.
func (s *Shard) Committed(offset int64) {
	n := 0
	for n < len(s.pending) && s.pending[n].toAt < offset {
		t := s.pending[n]
		n++
		if t.to.state == Dead {
			s.closed(t)
			delete(s.ids, t.id)
			continue
		}
		began := t.is == nil || t.is.state != t.to.state
		t.is, t.at, t.to = t.to, t.toAt, nil
		if began {
			s.opened(t)
		}
	}
	s.pending = trimFront(s.pending, n)
}

// opened keeps the soft state of an id up with a state that it has just entered.
func (s *Shard) opened(t *transaction) {
	switch {
	case t.is.state == Ongoing:
		t.open = &open{timer: shard.Timer{What: t}}
		s.watch(t, t.is.startMs)
	case t.is.state.preparing():
		s.closed(t)
		t.open = &open{timer: shard.Timer{What: t}, left: t.is.partitions.clone()}
		s.decided = append(s.decided, t)
	default:
		s.closed(t)
	}
}

func (s *Shard) closed(t *transaction) {
	if t.open != nil {
		s.timers.Cancel(&t.open.timer)
		t.open = nil
	}
}

// Revert drops the decisions in every record from offset on: they could not be
// appended, for the reason err. The driver answers who waits for them.
func (s *Shard) Revert(now time.Time, offset int64, _ error) *shard.Result {
	n := len(s.pending)
	for n > 0 && s.pending[n-1].toAt >= offset {
		n--
		t := s.pending[n]
		s.pending[n] = nil
		t.to = nil
		switch {
		case t.is == nil:
			delete(s.ids, t.id)
		case t.is.state == Ongoing:
			s.watch(t, now.UnixMilli()) // its abort may have been what failed
		case t.is.state.preparing():
			s.retryLater(now, t) // its completion was
		}
	}
	s.pending = s.pending[:n]
	s.next = min(s.next, offset)
	return &shard.Result{}
}

// trimFront drops the first n elements and keeps the array when little is left,
// so that the queue does not creep through memory.
func trimFront[T any](q []T, n int) []T {
	if n == 0 {
		return q
	}
	m := copy(q, q[n:])
	clear(q[m:])
	return q[:m]
}
