package txn

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// Marker is an effect: the end of a transaction is to be written to each of the
// partitions (WriteTxnMarkers), at their leaders of the moment, with the epoch of
// the coordinator's leadership. Each partition is to be answered by
// MarkersWritten, once, unless that leadership has ended.
type Marker struct {
	TransactionalID string
	// Prepared is the offset of the record with the decision. It tells the
	// transactions of one producer epoch apart.
	Prepared      int64
	ProducerID    int64
	ProducerEpoch int16
	// Commit is false for an abort.
	Commit bool
	// TransactionVersion is how strictly a partition checks the epoch: from 2 on
	// it must be above what the partition knows (KIP-1228).
	TransactionVersion int16
	// Topics are sorted, and belong to the receiver.
	Topics []Topic
}

// MarkerResults is what became of markers of one transaction.
type MarkerResults struct {
	TransactionalID string
	Prepared        int64 // as in the Marker
	Partitions      []MarkerResult
}

// MarkerResult is what became of a marker at one partition. Err is nil once the
// marker is committed there, ErrPartitionGone if the partition does not exist,
// else an error that wraps a kerr.Error.
type MarkerResult struct {
	Topic     string
	Partition int32
	Err       error
}

// ErrPartitionGone says that a marker's partition is not in the metadata: its
// topic was deleted.
var ErrPartitionGone = errors.New("the partition does not exist any more")

// outcome is what an answer to a marker means.
type outcome uint8

const (
	unexpected outcome = iota // tried again, and said so
	retriable                 // tried again
	written                   // done
	dropped                   // there is nothing to end: done
	refused                   // the partition knows a later epoch: done, and said so
	fenced                    // another coordinator ends this transaction
)

// outcomes has Kafka's rows (TransactionMarkerRequestCompletionHandler); what
// has none is unexpected, where Kafka gives the marker up.
//
// Deviation: after INVALID_PRODUCER_EPOCH Kafka leaves the transaction open, and
// its id answers 51 until the coordinator moves, and then again. A partition
// that knows a later epoch of the producer has nothing of this transaction left
// to end, so here it counts as done.
var outcomes = map[int16]outcome{
	0:                                      written,
	kerr.UnknownTopicOrPartition.Code:      retriable, // the leader has not heard of it
	kerr.NotLeaderForPartition.Code:        retriable,
	kerr.NotEnoughReplicas.Code:            retriable,
	kerr.NotEnoughReplicasAfterAppend.Code: retriable,
	kerr.RequestTimedOut.Code:              retriable,
	kerr.KafkaStorageError.Code:            retriable,
	kerr.NetworkException.Code:             retriable, // no answer
	kerr.InvalidProducerEpoch.Code:         refused,
	kerr.TransactionCoordinatorFenced.Code: fenced,
	kerr.UnsupportedForMessageFormat.Code:  dropped,
	kerr.UnsupportedVersion.Code:           dropped,
}

func outcomeOf(err error) outcome {
	if errors.Is(err, ErrPartitionGone) {
		return dropped
	}
	return outcomes[wire.CodeOf(err)]
}

// handOut asks for the markers of the transactions whose decision has just been
// committed.
func (s *Shard) handOut(o *op) {
	for _, t := range s.decided {
		s.ask(o, t, t.open.left)
	}
	clear(s.decided)
	s.decided = s.decided[:0]
}

// ask asks for markers, or completes a transaction that needs none.
func (s *Shard) ask(o *op, t *transaction, partitions partitionSet) {
	if len(t.open.left) == 0 {
		s.complete(o, t)
		return
	}
	o.res.Effects = append(o.res.Effects, Marker{
		TransactionalID:    t.id,
		Prepared:           t.at,
		ProducerID:         t.is.producerID,
		ProducerEpoch:      t.is.epoch,
		Commit:             t.is.state == PrepareCommit,
		TransactionVersion: t.is.version,
		Topics:             partitions.clone(),
	})
}

// complete ends a transaction whose markers are all written.
func (s *Shard) complete(o *op, t *transaction) {
	s.timers.Cancel(&t.open.timer)
	s.decide(o, t, t.is.completed(o.nowMs()))
}

// MarkersWritten takes the answers to a Marker: of some or all of its
// partitions. What has failed is asked for again after a while.
func (s *Shard) MarkersWritten(now time.Time, r MarkerResults) *shard.Result {
	o := &op{now: now}
	t := s.ids[r.TransactionalID]
	if t == nil || t.is == nil || !t.is.state.preparing() || t.at != r.Prepared || t.to != nil {
		return &o.res // of a transaction that is over
	}
	for i := range r.Partitions {
		s.markerWritten(o, t, &r.Partitions[i])
	}
	switch {
	case len(t.open.left) == 0:
		s.complete(o, t)
	case len(t.open.again) > 0 && !t.open.timer.Armed():
		s.retryLater(now, t)
	}
	return &o.res
}

func (s *Shard) markerWritten(o *op, t *transaction, r *MarkerResult) {
	if !t.open.left.has(r.Topic, r.Partition) {
		return // told before
	}
	args := []any{"transactionalId", t.id, "topic", r.Topic, "partition", r.Partition, "error", r.Err}
	done, again := false, false
	switch outcomeOf(r.Err) {
	case written:
		done = true
	case dropped:
		done = true
		o.note("transaction marker is not needed", args...)
	case refused:
		done = true
		o.warn("transaction marker was refused: the partition knows a later epoch of the producer", args...)
	case fenced:
		o.warn("transaction marker was refused: a later coordinator ends the transaction", args...)
	case retriable:
		again = true
	default:
		again = true
		o.warn("transaction marker failed and is tried again", args...)
	}
	if done {
		t.open.left.remove(r.Topic, r.Partition)
	}
	if again {
		t.open.again.add(r.Topic, r.Partition)
	} else {
		t.open.again.remove(r.Topic, r.Partition)
	}
}

// retryLater arms the next try to complete a transaction.
func (s *Shard) retryLater(now time.Time, t *transaction) {
	wait := minRetry << min(t.open.tries, 10)
	t.open.tries++
	s.timers.Set(&t.open.timer, now.Add(min(wait, maxRetry)))
}

// tryAgain asks for the markers that have failed, or appends the completion
// that has.
func (s *Shard) tryAgain(o *op, t *transaction) {
	if t.to != nil {
		return
	}
	again := t.open.again
	t.open.again = nil
	s.ask(o, t, again)
}
