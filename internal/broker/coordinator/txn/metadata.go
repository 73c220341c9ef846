package txn

import (
	"fmt"
	"math"
)

const (
	noProducerID int64 = -1
	noEpoch      int16 = -1
	noStart      int64 = -1
	// maxEpoch is never given to a client, so that the last one can be fenced.
	maxEpoch int16 = math.MaxInt16
	// noTimeout is the timeout of two-phase-commit transactions (KIP-939).
	noTimeout int32 = math.MaxInt32
	// epochBump is the transaction version from which a transaction's end bumps
	// the producer's epoch (KIP-890).
	epochBump int16 = 2
)

// metadata is all that outlives the coordinator about one transactional id, and
// lastEpoch, which Kafka's records have no place for (Kafka's
// TransactionMetadata, TxnTransitMetadata). It is never changed: each decision
// makes another one.
type metadata struct {
	producerID int64
	// prevProducerID is producerID before the last change of anything: a
	// producer that did not hear of its new id is known by it.
	prevProducerID int64
	// nextProducerID takes over when the transaction completes, because the
	// epochs of producerID are exhausted; -1 if they are not.
	nextProducerID int64
	startMs        int64 // ms since the epoch; -1 without a transaction
	updateMs       int64 // ms since the epoch
	timeoutMs      int32
	epoch          int16
	// lastEpoch is the epoch before the last bump that a producer asked for; -1
	// if there was none, or the coordinator has moved since.
	lastEpoch int16
	// version is the transaction version of the client that began or ended the
	// transaction: 0 or 2.
	version    int16
	state      State
	partitions partitionSet
}

func epochExhausted(epoch int16) bool { return epoch >= maxEpoch-1 }

func (m *metadata) exhausted() bool { return epochExhausted(m.epoch) }

// next is a copy for a change to state to.
func (m *metadata) next(to State, nowMs int64) metadata {
	n := *m
	n.prevProducerID, n.state, n.updateMs = m.producerID, to, nowMs
	return n
}

// newMetadata is an id that nobody has used: InitProducerId turns its epoch to 0.
func newMetadata(producerID, nowMs int64) *metadata {
	return &metadata{
		producerID: producerID, prevProducerID: noProducerID, nextProducerID: noProducerID,
		startMs: noStart, updateMs: nowMs, epoch: noEpoch, lastEpoch: noEpoch, state: Empty,
	}
}

// initialized is the id with another epoch, for a producer that starts anew
// (TransactionMetadata.prepareIncrementProducerEpoch). lastEpoch is what a retry
// may show.
func (m *metadata) initialized(epoch, lastEpoch int16, timeoutMs int32, nowMs int64) metadata {
	n := m.next(Empty, nowMs)
	n.epoch, n.lastEpoch, n.timeoutMs = epoch, lastEpoch, timeoutMs
	n.startMs, n.partitions = noStart, nil
	return n
}

// rotated is initialized, with a new producer id because the epochs of the old
// one are exhausted (TransactionMetadata.prepareProducerIdRotation).
func (m *metadata) rotated(producerID int64, lastEpoch int16, timeoutMs int32, nowMs int64) metadata {
	n := m.initialized(0, lastEpoch, timeoutMs, nowMs)
	n.producerID = producerID
	return n
}

// added is the transaction with more partitions; the first ones start it
// (TransactionMetadata.prepareAddPartitions).
func (m *metadata) added(partitions partitionSet, version int16, nowMs int64) metadata {
	n := m.next(Ongoing, nowMs)
	if m.state.idle() {
		n.startMs = nowMs
	}
	n.partitions, n.version = m.partitions.union(partitions), version
	return n
}

// decided is the transaction's end, before its markers
// (TransactionMetadata.prepareAbortOrCommit). From version 2 on it bumps the
// epoch; nextProducerID is -1 unless the epochs are exhausted.
func (m *metadata) decided(to State, version int16, nextProducerID, nowMs int64) metadata {
	n := m.next(to, nowMs)
	if version >= epochBump {
		n.epoch, n.lastEpoch = min(m.epoch, maxEpoch-1)+1, m.epoch
	}
	if m.state.idle() {
		n.startMs = nowMs // an abort without a transaction still has a start
	}
	n.nextProducerID, n.version = nextProducerID, version
	return n
}

// fenced is decided as an abort that no client asked for: the epoch rises, so
// that the producer cannot go on. Up to version 1, nothing else bumps it.
func (m *metadata) fenced(version int16, nextProducerID, nowMs int64) metadata {
	if version >= epochBump {
		return m.decided(PrepareAbort, version, nextProducerID, nowMs)
	}
	n := m.decided(PrepareAbort, 0, noProducerID, nowMs)
	n.epoch, n.lastEpoch = min(m.epoch, maxEpoch-1)+1, noEpoch
	return n
}

// completed is the id after all markers (TransactionMetadata.prepareComplete).
// lastEpoch stays: of an exhausted producer id it is the last epoch that its
// producer saw.
func (m *metadata) completed(nowMs int64) metadata {
	n := m.next(completeOf(m.state), nowMs)
	if m.version >= epochBump && m.nextProducerID != noProducerID {
		n.producerID, n.epoch = m.nextProducerID, 0
	}
	n.nextProducerID, n.partitions = noProducerID, nil
	return n
}

func completeOf(s State) State {
	if s == PrepareCommit {
		return CompleteCommit
	}
	return CompleteAbort
}

// twoPhase says that the transaction has no timeout.
func (m *metadata) twoPhase() bool { return m.timeoutMs == noTimeout }

// check says why to may not follow m, nil if it may
// (TransactionMetadata.completeTransitionTo). m is nil for a new id.
func (m *metadata) check(to *metadata) error {
	if m == nil {
		m = newMetadata(to.producerID, to.updateMs)
	}
	broken := ""
	switch {
	case !to.state.written() || !to.state.mayFollow(m.state):
		broken = "the state may not follow"
	case to.producerID < 0 || to.epoch < 0:
		broken = "no producer"
	case to.prevProducerID != m.producerID:
		broken = "the previous producer id is another one"
	case to.producerID == m.producerID && (to.epoch < m.epoch || int(to.epoch) > int(m.epoch)+1):
		broken = "the epoch is neither the same nor the next"
	case to.producerID != m.producerID && to.epoch != 0:
		broken = "a new producer id starts with another epoch than 0"
	case to.state == Empty && (len(to.partitions) > 0 || to.startMs != noStart):
		broken = "a transaction before it has begun"
	case to.state != Empty && to.startMs == noStart:
		broken = "a transaction without a start"
	case to.state != Empty && to.timeoutMs != m.timeoutMs:
		broken = "the timeout changes within a transaction"
	case to.state == Ongoing && (to.epoch != m.epoch || !to.partitions.hasAll(m.partitions)):
		broken = "an epoch or partitions change"
	case to.state.preparing() && (to.producerID != m.producerID || to.partitions.len() != m.partitions.len()):
		broken = "producer id or partitions change at the end"
	case to.state.preparing() && !m.state.idle() && to.startMs != m.startMs:
		broken = "the start changes at the end"
	case m.state.preparing() && (len(to.partitions) > 0 || to.lastEpoch != m.lastEpoch):
		broken = "partitions are left, or the last epoch changes"
	}
	if broken == "" {
		return nil
	}
	return fmt.Errorf("transaction goes from %+v to %+v: %s", *m, *to, broken)
}
