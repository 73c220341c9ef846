// Package txn is the transaction coordinator's decisions: one Shard keeps the
// transactional ids of one partition of __transaction_state. It is pure: state,
// request and now in, a shard.Result out. As Kafka's TransactionCoordinator,
// TransactionStateManager and TransactionMarkerChannelManager (KIP-98, 360, 447,
// 664, 890, 939, 1228).
//
// A decision about an id is pending from the moment in which its record is
// handed out until that is committed; meanwhile the id answers
// CONCURRENT_TRANSACTIONS (51), and reads tell of what is committed. If the
// record cannot be appended, the decision is dropped and the id stands where it
// stood. So nobody ever hears of something that could be taken back, no epoch
// goes up that is not in the log, and what a crash leaves is a state in which
// any coordinator can go on.
//
// What drives it:
//
//   - the runtime of package coordinator, for one partition's leadership:
//     loading, appends, commits, timers (the methods of coordinator.Shard);
//   - requests of clients and brokers: InitProducerID, AddPartitionsToTxn,
//     AddOffsetsToTxn, EndTxn, and the reads Describe and List. They are expected
//     to be authorized, and partitions to exist;
//   - producer ids, which are drawn outside: a request that needs one that it
//     was not given returns ErrProducerIDWanted, and comes again with one; a
//     timeout that needs one asks for it with the effect ProducerIDWanted, and
//     AbortTimedOut brings it;
//   - markers: once the decision to commit or abort is committed, the effect
//     Marker says what has to be written where (WriteTxnMarkers), and
//     MarkersWritten brings back what became of it at each partition. When all
//     are written the shard completes the transaction. A new leader hands out
//     the markers of every transaction that is decided and not complete, so the
//     effects of a shard end with its leadership.
package txn

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// ErrProducerIDWanted says that a request needs a producer id that nobody has
// had. It has done nothing: draw one and ask again.
var ErrProducerIDWanted = errors.New("a new producer id is wanted")

// ProducerIDWanted is an effect: to abort the timed-out transaction of this id
// takes a new producer id. Draw one and call AbortTimedOut. It is asked for
// again while the transaction stays open.
type ProducerIDWanted struct{ TransactionalID string }

// Shard is the coordinator of the transactional ids of one partition. It is not
// safe for concurrent use. Its life: New, Load for every record in the log,
// Loaded, then requests, Advance, Committed, Finish and Revert, in the end
// Unload.
type Shard struct {
	cfg Config
	// version is the finalized transaction.version.
	version int16
	ids     map[string]*transaction
	// next is the offset that the next record will get.
	next int64
	// pending are the ids with a decision on its way to the log, by offset.
	pending []*transaction
	// decided are the ids whose decision to commit or abort has been committed
	// and whose markers have not been handed out.
	decided []*transaction
	timers  shard.Timers
	expiry  shard.Timer
	// base is when the checks for timeouts began to count.
	base time.Time
	// skipped counts records that Load could not use.
	skipped int
}

// transaction is a transactional id.
type transaction struct {
	id string
	// is what is committed, at offset at; nil while the id is new.
	is *metadata
	at int64
	// to is the decision that is pending at offset toAt; nil if there is none.
	// In state Dead it is a tombstone.
	to   *metadata
	toAt int64
	// open is there while a transaction is.
	open *open
}

// busy says that something is under way that must end first: a pending
// decision, or markers being written (in Kafka, the completion is pending then).
func (t *transaction) busy() bool { return t.to != nil || t.is.state.preparing() }

// open is the soft state of a transaction that is not complete.
type open struct {
	// timer is the timeout while the transaction is ongoing, and the next try
	// while it completes.
	timer shard.Timer
	// left are the partitions whose marker is not written yet; again those of
	// them that are to be tried again.
	left, again partitionSet
	tries       int
}

// op is one input being handled: its time and what comes out of it.
type op struct {
	now time.Time
	res shard.Result
}

func (o *op) nowMs() int64 { return o.now.UnixMilli() }

// answer sends the response at once, unless the op has decided something: then
// when that is committed.
func (o *op) answer(to shard.Caller, r kmsg.Response) {
	reply := shard.Reply{To: to, Response: r}
	if len(o.res.Records) == 0 {
		o.res.Replies = append(o.res.Replies, reply)
		return
	}
	o.res.Deferred = append(o.res.Deferred, reply)
}

func (o *op) note(message string, args ...any) {
	o.res.Notes = append(o.res.Notes, shard.Note{Message: message, Args: args})
}

func (o *op) warn(message string, args ...any) {
	o.res.Notes = append(o.res.Notes, shard.Note{Warn: true, Message: message, Args: args})
}

// What the timers of the shard itself stand for; a transaction's timer has the
// *transaction.
type idsExpire struct{}

// decisionStored is the event of records that decide transactions: their markers
// follow. It wakes the shard up; what is to be done stands in Shard.decided.
type decisionStored struct{}

// New returns an empty shard.
func New(cfg Config) *Shard {
	s := &Shard{cfg: cfg, version: cfg.TransactionVersion, ids: map[string]*transaction{}}
	s.expiry.What = idsExpire{}
	return s
}

// SetTransactionVersion tells of the finalized level of transaction.version: how
// records are written, and how the coordinator itself ends transactions.
func (s *Shard) SetTransactionVersion(level int16) { s.version = level }

// Load applies one record of the log at its offset. A nil value is a tombstone.
// Nothing of key and value is kept. An error (shard.ErrUnknownRecord,
// shard.ErrMalformedRecord) means that the record has been skipped and counted;
// the shard is still sound. Transactional records do not occur in this log:
// producerID is ignored.
func (s *Shard) Load(offset, _ int64, key, value []byte) error {
	err := s.replay(offset, key, value)
	if err != nil {
		s.skipped++
		return err
	}
	s.next = offset + 1
	return nil
}

func (s *Shard) replay(offset int64, key, value []byte) error {
	id, err := decodeKey(key)
	if err != nil {
		return err
	}
	if value == nil {
		delete(s.ids, id)
		return nil
	}
	m, err := decodeValue(value)
	if err != nil {
		return err
	}
	s.ids[id] = &transaction{id: id, is: m, at: offset}
	return nil
}

// Skipped is the number of records that Load could not use.
func (s *Shard) Skipped() int { return s.skipped }

// Loaded ends loading: the log ends at endOffset, all of it committed. The
// markers of transactions that are decided and not complete are handed out.
func (s *Shard) Loaded(now time.Time, endOffset int64) *shard.Result {
	o := &op{now: now}
	s.next, s.base = endOffset, now
	for _, id := range slices.Sorted(maps.Keys(s.ids)) {
		s.opened(s.ids[id])
	}
	s.handOut(o)
	s.timers.Set(&s.expiry, now.Add(s.cfg.ExpiryInterval))
	return &o.res
}

// NextOffset is the offset that the next record must get in the log.
func (s *Shard) NextOffset() int64 { return s.next }

// Deadline is when Advance has something to do, at the latest; it may be early.
func (s *Shard) Deadline() (time.Time, bool) {
	if len(s.decided) > 0 {
		return s.base, true // since long: at once
	}
	return s.timers.Next()
}

// Advance handles what has expired at now.
func (s *Shard) Advance(now time.Time) *shard.Result {
	o := &op{now: now}
	s.handOut(o)
	for t := s.timers.Pop(now); t != nil; t = s.timers.Pop(now) {
		switch e := t.What.(type) {
		case *transaction:
			s.due(o, e)
		case idsExpire:
			s.expireIDs(o)
		}
	}
	return &o.res
}

// due is what a transaction's timer is for.
func (s *Shard) due(o *op, t *transaction) {
	switch {
	case t.is.state == Ongoing:
		s.timeOut(o, t, nil)
	case t.is.state.preparing():
		s.tryAgain(o, t)
	}
}

// Finish tells the outcome of an Event: nil once its records are committed, or
// an error that wraps a kerr.Error. If that is a timeout, the records may still
// be committed: then Advance hands out what follows.
func (s *Shard) Finish(now time.Time, _ shard.Event, _ error) *shard.Result {
	o := &op{now: now}
	s.handOut(o)
	return &o.res
}

// Unload ends the shard's life: leadership is gone. Nobody waits in a shard of
// transactions, so there is nobody to answer.
func (s *Shard) Unload(time.Time) *shard.Result { return &shard.Result{} }
