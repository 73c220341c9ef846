package txn

import (
	"math"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// watch arms the timeout of an ongoing transaction: at the first check after
// it, and after the time notBeforeMs (ms since the epoch).
func (s *Shard) watch(t *transaction, notBeforeMs int64) {
	if t.is.twoPhase() {
		return
	}
	due := t.is.startMs + int64(t.is.timeoutMs)
	if due < t.is.startMs {
		due = math.MaxInt64 // a record with an impossible time
	}
	s.timers.Set(&t.open.timer, s.checkAfter(max(due, notBeforeMs)))
}

// checkAfter is the first check for timeouts after a time (ms since the epoch).
// Kafka looks through all ids each AbortInterval; here only those that are due
// then are touched.
func (s *Shard) checkAfter(ms int64) time.Time {
	interval := max(s.cfg.AbortInterval.Milliseconds(), 1)
	base := s.base.UnixMilli()
	if ms < base {
		return time.UnixMilli(base + interval)
	}
	n := (ms-base)/interval + 1
	if n > (math.MaxInt64-base)/interval {
		return time.UnixMilli(math.MaxInt64)
	}
	return time.UnixMilli(base + n*interval)
}

// timeOut aborts an ongoing transaction that has taken too long, and fences its
// producer (TransactionCoordinator.abortTimedOutTransactions).
func (s *Shard) timeOut(o *op, t *transaction, newProducerID *int64) {
	if t.to != nil {
		s.watch(t, o.nowMs()) // what is on its way may end it
		return
	}
	to, err := s.fence(o, t.is, newProducerID)
	if err != nil {
		o.res.Effects = append(o.res.Effects, ProducerIDWanted{t.id})
		s.watch(t, o.nowMs())
		return
	}
	o.note("transaction timed out and is aborted", "transactionalId", t.id, "producerId", t.is.producerID,
		"producerEpoch", t.is.epoch, "timeoutMs", t.is.timeoutMs)
	s.decide(o, t, to)
}

// AbortTimedOut brings the producer id that the effect ProducerIDWanted has
// asked for. Nothing happens if the transaction has ended meanwhile.
func (s *Shard) AbortTimedOut(now time.Time, transactionalID string, newProducerID int64) *shard.Result {
	o := &op{now: now}
	t := s.ids[transactionalID]
	if t != nil && t.is != nil && t.is.state == Ongoing && t.to == nil && s.timedOut(o, t.is) {
		s.timeOut(o, t, &newProducerID)
	}
	return &o.res
}

func (s *Shard) timedOut(o *op, m *metadata) bool {
	return !m.twoPhase() && o.nowMs()-m.startMs > int64(m.timeoutMs)
}

// fence is an ongoing transaction's abort that its producer has not asked for.
func (s *Shard) fence(o *op, m *metadata, newProducerID *int64) (metadata, error) {
	next, err := s.nextProducerID(m, s.version, newProducerID)
	if err != nil {
		return metadata{}, err
	}
	return m.fenced(s.version, next, o.nowMs()), nil
}

// nextProducerID is what takes over from a producer id when a transaction ends:
// -1 unless its epochs are exhausted, and always where ends bump no epoch.
func (s *Shard) nextProducerID(m *metadata, version int16, newProducerID *int64) (int64, error) {
	if version < epochBump || !m.exhausted() {
		return noProducerID, nil
	}
	if newProducerID == nil {
		return 0, ErrProducerIDWanted
	}
	return *newProducerID, nil
}

// expireIDs removes the ids that have not changed for a long time and have no
// transaction (TransactionStateManager.removeExpiredTransactionalIds).
func (s *Shard) expireIDs(o *op) {
	s.timers.Set(&s.expiry, o.now.Add(s.cfg.ExpiryInterval))
	limit := o.now.Add(-s.cfg.IDExpiration).UnixMilli()
	n := 0
	for _, t := range s.sorted() {
		if t.is != nil && t.to == nil && t.is.state.idle() && t.is.updateMs <= limit {
			s.bury(o, t)
			n++
		}
	}
	if n > 0 {
		o.note("transactional ids expired", "tombstones", n)
	}
}
