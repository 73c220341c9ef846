package txn

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// The first versions of requests whose clients know PRODUCER_FENCED; before,
// they get INVALID_PRODUCER_EPOCH.
const (
	initFenced          = 4
	addPartitionsFenced = 2
	addOffsetsFenced    = 2
	endFenced           = 2
)

// InitProducerID is a request of a producer with a transactional id, not null.
type InitProducerID struct {
	To      shard.Caller
	Request *kmsg.InitProducerIDRequest
	// Enable2PC and KeepPreparedTxn are fields of version 6 (KIP-939), of which
	// Kafka 4.3.1 serves the first, behind transaction.two.phase.commit.enable.
	Enable2PC, KeepPreparedTxn bool
	// NewProducerID is one that nobody has had, if it has been drawn.
	NewProducerID *int64
}

// producer is what a producer of KIP-360 says that it was.
type producer struct {
	id    int64
	epoch int16
}

// InitProducerID gives a transactional id's producer its id and epoch, which
// fences every producer before it; an ongoing transaction is aborted first, and
// the client told to come again. The only error is ErrProducerIDWanted
// (TransactionCoordinator.handleInitProducerId).
func (s *Shard) InitProducerID(now time.Time, in InitProducerID) (*shard.Result, error) {
	o := &op{now: now}
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.Version = in.Request.Version
	resp.ProducerID, resp.ProducerEpoch = noProducerID, noEpoch
	to, err := s.initProducerID(o, &in)
	switch {
	case errors.Is(err, ErrProducerIDWanted):
		return nil, err
	case err != nil:
		resp.ErrorCode = code(err, in.Request.Version, initFenced)
	case to.state == PrepareAbort:
		resp.ErrorCode = kerr.ConcurrentTransactions.Code // when the abort is committed
	default:
		resp.ProducerID, resp.ProducerEpoch = to.producerID, to.epoch
	}
	o.answer(in.To, resp)
	return &o.res, nil
}

// code is an error's code for clients of a version.
func code(err error, version, knowsFenced int16) int16 {
	c := wire.CodeOf(err)
	if c == kerr.ProducerFenced.Code && version < knowsFenced {
		return kerr.InvalidProducerEpoch.Code
	}
	return c
}

func (s *Shard) initProducerID(o *op, in *InitProducerID) (*metadata, error) {
	expected, err := s.checkInit(in)
	if err != nil {
		return nil, err
	}
	t, err := s.findOrMake(in)
	if err != nil {
		return nil, err
	}
	m := t.is
	if m == nil {
		if m, err = s.fresh(o, in); err != nil {
			return nil, err
		}
	}
	if expected != nil && !m.wasProducer(expected) {
		return nil, kerr.ProducerFenced
	}
	timeoutMs := in.Request.TransactionTimeoutMillis
	if in.Enable2PC {
		timeoutMs = noTimeout
	}
	var to metadata
	switch {
	case m.state != Ongoing:
		to, err = m.reinitialized(expected, in.NewProducerID, timeoutMs, o.nowMs())
	case expected != nil && *expected != (producer{m.producerID, m.epoch}):
		// Deviation: Kafka compares epochs only when the transaction is aborted,
		// so a fenced producer can still end another one's transaction.
		err = kerr.ProducerFenced
	default:
		to, err = s.fence(o, m, in.NewProducerID)
	}
	if err != nil {
		return nil, err
	}
	s.decide(o, t, to)
	return &to, nil
}

// checkInit checks what needs no state, in Kafka's order, and returns what the
// producer says it was, nil if it says nothing.
func (s *Shard) checkInit(in *InitProducerID) (*producer, error) {
	r := in.Request
	timeout := time.Duration(r.TransactionTimeoutMillis) * time.Millisecond
	switch {
	case (r.ProducerID == noProducerID) != (r.ProducerEpoch == noEpoch):
		return nil, kerr.InvalidRequest
	case r.TransactionalID == nil || *r.TransactionalID == "":
		return nil, kerr.InvalidRequest
	case in.Enable2PC && !s.cfg.TwoPhaseCommit:
		return nil, kerr.TransactionalIDAuthorizationFailed
	case in.KeepPreparedTxn:
		return nil, kerr.UnsupportedVersion
	case !in.Enable2PC && (timeout <= 0 || timeout > s.cfg.MaxTimeout):
		return nil, kerr.InvalidTransactionTimeout
	case r.ProducerID == noProducerID:
		return nil, nil
	}
	return &producer{r.ProducerID, r.ProducerEpoch}, nil
}

// findOrMake finds the id, if nothing is under way, or makes it.
func (s *Shard) findOrMake(in *InitProducerID) (*transaction, error) {
	t := s.ids[*in.Request.TransactionalID]
	if t == nil {
		return &transaction{id: *in.Request.TransactionalID}, nil
	}
	if t.busy() {
		return nil, kerr.ConcurrentTransactions
	}
	return t, nil
}

func (s *Shard) fresh(o *op, in *InitProducerID) (*metadata, error) {
	if in.NewProducerID == nil {
		return nil, ErrProducerIDWanted
	}
	return newMetadata(*in.NewProducerID, o.nowMs()), nil
}

// wasProducer says whether a producer that asks for another epoch may be the
// id's: it is, or it was, until its last epoch, and has not heard of the id that
// followed; or nobody is (its id had expired).
func (m *metadata) wasProducer(p *producer) bool {
	return m.epoch == noEpoch || p.id == m.producerID || p.id == m.prevProducerID && epochExhausted(p.epoch)
}

// reinitialized is an id without a transaction after InitProducerId: with the
// next epoch, or a new producer id if there is none, or as it is, if a producer
// asks again for what it was given and did not hear.
func (m *metadata) reinitialized(expected *producer, newProducerID *int64, timeoutMs int32, nowMs int64) (metadata, error) {
	last := noEpoch
	if expected != nil {
		last = m.epoch
	}
	switch {
	case expected == nil || m.epoch == noEpoch || expected.epoch == m.epoch:
	case expected.epoch == m.lastEpoch:
		// Deviation: also of an exhausted epoch, where Kafka fails with
		// UNKNOWN_SERVER_ERROR; it was given to this producer.
		return m.initialized(m.epoch, m.lastEpoch, timeoutMs, nowMs), nil
	default:
		return metadata{}, kerr.ProducerFenced
	}
	if !m.exhausted() {
		return m.initialized(m.epoch+1, last, timeoutMs, nowMs), nil
	}
	if newProducerID == nil {
		return metadata{}, ErrProducerIDWanted
	}
	return m.rotated(*newProducerID, last, timeoutMs, nowMs), nil
}
