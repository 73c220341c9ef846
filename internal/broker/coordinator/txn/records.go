package txn

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// TransactionLog is the one record type of __transaction_state: the first field
// of a key (Kafka's CoordinatorRecordType.TRANSACTION_LOG).
const TransactionLog int16 = 0

const (
	// maxValueVersion is the newest version of TransactionLogValue; it is the
	// first with compact lengths and tags, and written from transaction.version 1
	// on (KIP-890).
	maxValueVersion = 1
	// minTopic is the least size in bytes of a topic in a value: an empty name
	// and an empty array. It bounds what is allocated from a declared count.
	minTopic = 2
)

// The tagged fields of TransactionLogValue. Tag 3, the epoch of the next
// producer id (KIP-939), Kafka 4.3.1 reads and forgets.
const (
	tagPreviousProducerID = 0
	tagNextProducerID     = 1
	tagClientVersion      = 2
	tagNextProducerEpoch  = 3
)

func decodeKey(key []byte) (transactionalID string, err error) {
	t, err := shard.RecordType(key)
	if err != nil {
		return "", err
	}
	if t != TransactionLog {
		return "", fmt.Errorf("%w: type %d", shard.ErrUnknownRecord, t)
	}
	f := shard.NewFields(key[2:])
	transactionalID = f.Text()
	return transactionalID, f.Err("transactional id")
}

// decodeValue decodes what a transactional id is, in any version; value is not
// nil. What could not have been written by a coordinator is malformed, or put
// right where it is of no weight, so that no record can stop a partition.
func decodeValue(value []byte) (*metadata, error) {
	if err := shard.CheckValueVersion(value, maxValueVersion); err != nil {
		return nil, err
	}
	v, err := decodeLogValue(value)
	if err != nil {
		return nil, err
	}
	m := &metadata{
		producerID: v.ProducerID, prevProducerID: v.PreviousProducerID, nextProducerID: v.NextProducerID,
		epoch: v.ProducerEpoch, lastEpoch: noEpoch,
		timeoutMs: v.TimeoutMillis, startMs: v.StartTimestamp, updateMs: v.LastUpdateTimestamp,
		version: v.ClientTransactionVersion, state: State(v.State),
	}
	if m.state == Empty {
		m.startMs = noStart
	} else {
		if m.startMs == noStart {
			m.startMs = max(m.updateMs, 0)
		}
		topics := make([]Topic, len(v.Topics))
		for i, t := range v.Topics {
			topics[i] = Topic{t.Topic, t.Partitions}
		}
		m.partitions = setOf(topics)
	}
	if m.nextProducerID < 0 || m.nextProducerID == m.producerID {
		m.nextProducerID = noProducerID
	}
	if !m.state.written() || m.producerID < 0 || m.epoch < 0 {
		return nil, fmt.Errorf("%w: producer %d with epoch %d is %s", shard.ErrMalformedRecord, m.producerID, m.epoch, m.state)
	}
	return m, nil
}

// decodeLogValue is kmsg's decoder with bounds. Fuzzed against it.
func decodeLogValue(b []byte) (*kmsg.TxnMetadataValue, error) {
	f := shard.NewFields(b)
	v := kmsg.NewTxnMetadataValue()
	v.Version = f.Int16()
	f.SetFlexible(v.Version >= 1)
	v.ProducerID = f.Int64()
	v.ProducerEpoch = f.Int16()
	v.TimeoutMillis = f.Int32()
	v.State = kmsg.TransactionState(f.Int8())
	n := f.NullableCount(minTopic)
	if n >= 0 {
		v.Topics = []kmsg.TxnMetadataValueTopic{}
	}
	for ; n > 0 && !f.Bad(); n-- {
		t := kmsg.NewTxnMetadataValueTopic()
		t.Topic = f.Text()
		t.Partitions = make([]int32, f.Count(4))
		for i := range t.Partitions {
			t.Partitions[i] = f.Int32()
		}
		f.Tags(nil)
		v.Topics = append(v.Topics, t)
	}
	v.LastUpdateTimestamp = f.Int64()
	v.StartTimestamp = f.Int64()
	f.Tags(func(tag int, field []byte) {
		t := shard.NewFields(field)
		switch tag {
		case tagPreviousProducerID:
			v.PreviousProducerID = t.Int64()
		case tagNextProducerID:
			v.NextProducerID = t.Int64()
		case tagClientVersion:
			v.ClientTransactionVersion = t.Int16()
		case tagNextProducerEpoch:
			v.NextProducerEpoch = t.Int16()
		}
		if t.Bad() {
			f.Fail()
		}
	})
	return &v, f.Err("transaction log value")
}

func encodeKey(transactionalID string) []byte {
	k := kmsg.TxnMetadataKey{Version: TransactionLog, TransactionalID: transactionalID}
	return k.AppendTo(make([]byte, 0, 4+len(transactionalID)))
}

// valueVersion is the version of TransactionLogValue that brokers of a
// finalized transaction.version write (TransactionVersion.transactionLogValueVersion).
func valueVersion(transactionVersion int16) int16 {
	return min(max(transactionVersion, 0), maxValueVersion)
}

// encode makes the record of a transactional id (TransactionLog.valueToBytes).
func encode(transactionalID string, m *metadata, transactionVersion int16) shard.Record {
	v := kmsg.NewTxnMetadataValue()
	v.Version = valueVersion(transactionVersion)
	v.ProducerID, v.PreviousProducerID, v.NextProducerID = m.producerID, m.prevProducerID, m.nextProducerID
	v.ProducerEpoch, v.ClientTransactionVersion = m.epoch, m.version
	v.TimeoutMillis, v.State = m.timeoutMs, kmsg.TransactionState(m.state)
	v.LastUpdateTimestamp, v.StartTimestamp = m.updateMs, m.startMs
	size := 96
	if m.state != Empty { // else null
		v.Topics = make([]kmsg.TxnMetadataValueTopic, len(m.partitions))
		for i, t := range m.partitions {
			v.Topics[i].Topic, v.Topics[i].Partitions = t.Name, t.Partitions
			size += 12 + len(t.Name) + 4*len(t.Partitions)
		}
	}
	return shard.Record{Key: encodeKey(transactionalID), Value: v.AppendTo(make([]byte, 0, size))}
}

func tombstone(transactionalID string) shard.Record {
	return shard.Record{Key: encodeKey(transactionalID)}
}

// String shows a set as "t-0 t-1 u-5".
func (s partitionSet) String() string {
	var b strings.Builder
	for _, t := range s {
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, " %s-%d", t.Name, p)
		}
	}
	return strings.TrimPrefix(b.String(), " ")
}
