package record

import (
	"encoding/binary"
	"fmt"
)

// ControlType says what a control record means. Numbers as in Kafka's
// ControlRecordType.
type ControlType int16

// The control records of partitions; the others belong to Kafka's own quorum.
const (
	ControlAbort  ControlType = 0
	ControlCommit ControlType = 1
)

// EndTxnMarker ends a transaction in one partition.
type EndTxnMarker struct {
	Commit           bool
	CoordinatorEpoch int32
	ProducerID       int64
	ProducerEpoch    int16
	TimestampMs      int64
}

// Append appends the marker's control batch at offset 0 to dst. It is
// uncompressed, and has no sequence number: it is not the producer's.
func (m EndTxnMarker) Append(dst []byte) []byte {
	typ := ControlAbort
	if m.Commit {
		typ = ControlCommit
	}
	var key [4]byte // version 0 and type
	binary.BigEndian.PutUint16(key[2:], uint16(typ))
	var value [6]byte // version 0 and coordinator epoch
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))
	b := Builder{buf: make([]byte, 0, 128)}
	b.Reset(BatchOptions{
		Producer:      &Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch, BaseSequence: -1},
		Transactional: true, Control: true, LeaderEpoch: -1,
	})
	b.Append(m.TimestampMs, key[:], value[:])
	b.header(b.buf)
	return append(dst, b.buf...)
}

// ParseControl reads a control record's type and, of a transaction marker, the
// coordinator's epoch. Later versions of either are read as version 0, as
// Kafka does. The error wraps ErrCorrupt.
func ParseControl(r *Record) (typ ControlType, coordinatorEpoch int32, err error) {
	if len(r.Key) < 4 || int16(binary.BigEndian.Uint16(r.Key)) < 0 {
		return 0, 0, fmt.Errorf("%w: key of a control record", ErrCorrupt)
	}
	typ = ControlType(binary.BigEndian.Uint16(r.Key[2:]))
	if typ != ControlAbort && typ != ControlCommit {
		return typ, 0, nil
	}
	if len(r.Value) < 6 || int16(binary.BigEndian.Uint16(r.Value)) < 0 {
		return 0, 0, fmt.Errorf("%w: value of a transaction marker", ErrCorrupt)
	}
	return typ, int32(binary.BigEndian.Uint32(r.Value[2:])), nil
}
