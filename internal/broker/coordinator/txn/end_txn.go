package txn

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// endBumps is the first version of EndTxn whose clients are of transaction
// version 2.
const endBumps = 5

// EndTxn is a request to commit or abort.
type EndTxn struct {
	To      shard.Caller
	Request *kmsg.EndTxnRequest
	// NewProducerID is one that nobody has had, if it has been drawn.
	NewProducerID *int64
}

// verdict is what an end of a transaction means in some state.
type verdict uint8

const (
	invalid    verdict = iota // INVALID_TXN_STATE
	repeated                  // it was decided so, and is complete
	decide                    // the transaction ends
	abortEmpty                // an abort without a transaction: only the epoch rises
)

// ending is a row's key in the tables of verdicts.
type ending struct {
	state  State
	commit bool
	// retry says that the producer shows the epoch of before the end: it asks
	// again for what it did not hear of.
	retry bool
}

// verdicts of clients of transaction version 2. States in which markers are
// written stand in none: they are busy.
var verdicts = map[ending]verdict{
	{Ongoing, true, false}:         decide,
	{Ongoing, false, false}:        decide,
	{Empty, false, false}:          abortEmpty,
	{CompleteCommit, true, true}:   repeated,
	{CompleteCommit, false, false}: abortEmpty,
	{CompleteAbort, false, true}:   repeated,
	{CompleteAbort, false, false}:  abortEmpty,
}

// oldVerdicts of clients before: the epoch tells nothing, so a retry looks like
// a second end.
var oldVerdicts = map[ending]verdict{
	{Ongoing, true, false}:        decide,
	{Ongoing, false, false}:       decide,
	{CompleteCommit, true, false}: repeated,
	{CompleteAbort, false, false}: repeated,
}

// EndTxn commits or aborts a transaction: the answer goes out when the decision
// is committed, markers follow. Version 5 tells the producer its next id and
// epoch (KIP-890). The only error is ErrProducerIDWanted
// (TransactionCoordinator.handleEndTransaction).
func (s *Shard) EndTxn(now time.Time, in EndTxn) (*shard.Result, error) {
	o := &op{now: now}
	req := in.Request
	resp := kmsg.NewPtrEndTxnResponse()
	resp.Version = req.Version
	end := s.endOld
	if req.Version >= endBumps && s.clientVersion(epochBump) >= epochBump {
		end = s.end
	}
	p, err := end(o, &in)
	if errors.Is(err, ErrProducerIDWanted) {
		return nil, err
	}
	resp.ErrorCode = code(err, req.Version, endFenced)
	resp.ProducerID, resp.ProducerEpoch = p.id, p.epoch
	o.answer(in.To, resp)
	return &o.res, nil
}

// endOld ends a transaction of a client before transaction version 2.
func (s *Shard) endOld(o *op, in *EndTxn) (producer, error) {
	req, none := in.Request, producer{noProducerID, noEpoch}
	t, err := s.find(req.TransactionalID)
	if err != nil {
		return none, err
	}
	if t.is != nil {
		if err := t.is.checkProducer(producer{req.ProducerID, req.ProducerEpoch}); err != nil {
			return none, err
		}
	}
	if t.is == nil || t.busy() {
		return none, kerr.ConcurrentTransactions
	}
	switch oldVerdicts[ending{t.is.state, req.Commit, false}] {
	case decide:
		s.decide(o, t, t.is.decided(prepareOf(req.Commit), 0, noProducerID, o.nowMs()))
		return none, nil
	case repeated:
		return none, nil
	default:
		return none, kerr.InvalidTxnState
	}
}

// end ends a transaction of a client of transaction version 2, and returns the
// producer's next id and epoch.
func (s *Shard) end(o *op, in *EndTxn) (producer, error) {
	req, none := in.Request, producer{noProducerID, noEpoch}
	t, err := s.find(req.TransactionalID)
	if err != nil {
		return none, err
	}
	if t.busy() {
		return none, kerr.ConcurrentTransactions
	}
	m := t.is
	retry, err := m.checkEnd(producer{req.ProducerID, req.ProducerEpoch})
	if err != nil {
		return none, err
	}
	switch verdicts[ending{m.state, req.Commit, retry}] {
	case decide, abortEmpty:
		next, err := s.nextProducerID(m, epochBump, in.NewProducerID)
		if err != nil {
			return none, err
		}
		to := m.decided(prepareOf(req.Commit), epochBump, next, o.nowMs())
		s.decide(o, t, to)
		after := to.completed(o.nowMs())
		return producer{after.producerID, after.epoch}, nil
	case repeated:
		return producer{m.producerID, m.epoch}, nil
	default:
		return none, kerr.InvalidTxnState
	}
}

func prepareOf(commit bool) State {
	if commit {
		return PrepareCommit
	}
	return PrepareAbort
}

// checkEnd says whether a producer may end a transaction, and whether it asks
// again: it shows the epoch of before the last end, or of before the producer id
// that followed because there was no further epoch.
func (m *metadata) checkEnd(p producer) (retry bool, err error) {
	overflown := p.id == m.prevProducerID && p.epoch == maxEpoch-1 && m.epoch == 0
	bumped := int(m.epoch) == int(p.epoch)+1
	complete := m.state == CompleteCommit || m.state == CompleteAbort
	switch {
	case p.id != m.producerID && !overflown:
		return false, kerr.InvalidProducerIDMapping
	case complete && (bumped || overflown):
		return true, nil
	case p.id == m.producerID && p.epoch == m.epoch:
		return false, nil
	}
	return false, kerr.ProducerFenced
}
