package txn

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// addBatches is the first version of AddPartitionsToTxn that brokers send, for
// many transactions at once and for clients of transaction version 2.
const addBatches = 4

// addition is one transaction of AddPartitionsToTxn, in either form.
type addition struct {
	id       string
	producer producer
	topics   []Topic
	// version is the client's transaction version.
	version int16
}

// AddPartitionsToTxn adds partitions to transactions, or, where a transaction
// says VerifyOnly, tells which are in it. All ids belong to this shard; all
// partitions exist. The answer waits until what was added is committed
// (TransactionCoordinator.handleAddPartitionsToTransaction,
// handleVerifyPartitionsInTransaction).
func (s *Shard) AddPartitionsToTxn(now time.Time, to shard.Caller, req *kmsg.AddPartitionsToTxnRequest) *shard.Result {
	o := &op{now: now}
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	resp.Version = req.Version
	if req.Version < addBatches {
		resp.Topics = s.addOne(o, req)
	} else {
		resp.Transactions = make([]kmsg.AddPartitionsToTxnResponseTransaction, 0, len(req.Transactions))
		for i := range req.Transactions {
			resp.Transactions = append(resp.Transactions, s.addBatched(o, &req.Transactions[i]))
		}
	}
	o.answer(to, resp)
	return &o.res
}

// addOne serves the form of clients.
func (s *Shard) addOne(o *op, req *kmsg.AddPartitionsToTxnRequest) []kmsg.AddPartitionsToTxnResponseTopic {
	a := addition{id: req.TransactionalID, producer: producer{req.ProducerID, req.ProducerEpoch}}
	for _, t := range req.Topics {
		a.topics = append(a.topics, Topic{t.Topic, t.Partitions})
	}
	c := code(s.add(o, &a), req.Version, addPartitionsFenced)
	topics := make([]kmsg.AddPartitionsToTxnResponseTopic, 0, len(a.topics))
	for _, t := range a.topics {
		rt := kmsg.NewAddPartitionsToTxnResponseTopic()
		rt.Topic = t.Name
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: c})
		}
		topics = append(topics, rt)
	}
	return topics
}

// addBatched serves one transaction of the form of brokers.
func (s *Shard) addBatched(o *op, req *kmsg.AddPartitionsToTxnRequestTransaction) kmsg.AddPartitionsToTxnResponseTransaction {
	a := addition{id: req.TransactionalID, producer: producer{req.ProducerID, req.ProducerEpoch}, version: s.clientVersion(epochBump)}
	for _, t := range req.Topics {
		a.topics = append(a.topics, Topic{t.Topic, t.Partitions})
	}
	var in partitionSet
	var err error
	if req.VerifyOnly {
		in, err = s.verify(&a)
	} else {
		err = s.add(o, &a)
	}
	all := wire.CodeOf(err)
	resp := kmsg.NewAddPartitionsToTxnResponseTransaction()
	resp.TransactionalID = req.TransactionalID
	resp.Topics = make([]kmsg.AddPartitionsToTxnResponseTransactionTopic, 0, len(a.topics))
	for _, t := range a.topics {
		rt := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		rt.Topic = t.Name
		for _, p := range t.Partitions {
			c := all
			if req.VerifyOnly && err == nil && !in.has(t.Name, p) {
				c = kerr.TransactionAbortable.Code
			}
			rt.Partitions = append(rt.Partitions, kmsg.AddPartitionsToTxnResponseTransactionTopicPartition{Partition: p, ErrorCode: c})
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// clientVersion is the transaction version by which a client is served: 0 where
// records could not hold what version 2 needs.
func (s *Shard) clientVersion(version int16) int16 {
	if valueVersion(s.version) == 0 {
		return 0
	}
	return version
}

// AddOffsetsToTxn adds a partition of __consumer_offsets to a transaction: that
// of the request's group (KIP-98, 447). Clients of transaction version 2 do not
// send it.
func (s *Shard) AddOffsetsToTxn(now time.Time, to shard.Caller, req *kmsg.AddOffsetsToTxnRequest, offsetsTopic string, partition int32) *shard.Result {
	o := &op{now: now}
	resp := kmsg.NewPtrAddOffsetsToTxnResponse()
	resp.Version = req.Version
	resp.ErrorCode = code(s.add(o, &addition{
		id: req.TransactionalID, producer: producer{req.ProducerID, req.ProducerEpoch},
		topics: []Topic{{offsetsTopic, []int32{partition}}},
	}), req.Version, addOffsetsFenced)
	o.answer(to, resp)
	return &o.res
}

func (s *Shard) add(o *op, a *addition) error {
	t, err := s.find(a.id)
	if err != nil {
		return err
	}
	// First, since the producer may know of a producer id that is pending.
	if t.busy() {
		return kerr.ConcurrentTransactions
	}
	if err := t.is.checkProducer(a.producer); err != nil {
		return err
	}
	partitions := setOf(a.topics)
	if t.is.state == Ongoing && t.is.partitions.hasAll(partitions) {
		return nil
	}
	s.decide(o, t, t.is.added(partitions, a.version, o.nowMs()))
	return nil
}

// verify returns the partitions of the transaction that is going on. What is
// pending does not count: the log checks again when the batch is appended.
func (s *Shard) verify(a *addition) (partitionSet, error) {
	t, err := s.find(a.id)
	if err != nil {
		return nil, err
	}
	if t.is == nil {
		return nil, kerr.InvalidProducerIDMapping
	}
	if err := t.is.checkProducer(a.producer); err != nil {
		return nil, err
	}
	if t.is.state.preparing() {
		return nil, kerr.ConcurrentTransactions
	}
	return t.is.partitions, nil
}

// find finds the id of a request about a transaction.
func (s *Shard) find(id string) (*transaction, error) {
	if id == "" {
		return nil, kerr.InvalidRequest
	}
	t := s.ids[id]
	if t == nil {
		return nil, kerr.InvalidProducerIDMapping
	}
	return t, nil
}

func (m *metadata) checkProducer(p producer) error {
	switch {
	case p.id != m.producerID:
		return kerr.InvalidProducerIDMapping
	case p.epoch != m.epoch:
		return kerr.ProducerFenced
	}
	return nil
}
