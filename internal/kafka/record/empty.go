package record

import (
	"encoding/binary"
	"math"
)

// Empty makes a batch without records that stands for the offsets [first, next),
// of which there are at most 2³¹: the log cleaner of Kafka leaves such batches
// where an offset must be kept and its record not (RecordBatch.writeEmptyHeader).
// Readers pass over it.
func Empty(first, next int64, leaderEpoch int32) Batch {
	const none = math.MaxUint64 // -1
	b := Batch(make([]byte, HeaderSize))
	be := binary.BigEndian
	be.PutUint32(b[posLength:], HeaderSize-LogOverhead)
	b[posMagic] = Magic
	be.PutUint32(b[posLastOffsetDelta:], uint32(next-1-first))
	be.PutUint64(b[posBaseTimestamp:], none)
	be.PutUint64(b[posMaxTimestamp:], none)
	be.PutUint64(b[posProducerID:], none)
	be.PutUint16(b[posProducerEpoch:], math.MaxUint16)
	be.PutUint32(b[posBaseSequence:], math.MaxUint32)
	b.SetBaseOffset(first)
	b.SetLeaderEpoch(leaderEpoch)
	be.PutUint32(b[posCRC:], b.ComputeCRC())
	return b
}
