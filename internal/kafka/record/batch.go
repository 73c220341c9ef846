// Package record holds what Kafka's protocol says about record batches: the
// layout of version 2 (magic 2), its checks and its compression. It has no
// state and starts nothing. Layout: Apache Kafka documentation, "Record Batch";
// KIP-98 (producer ids, control batches), KIP-82 (headers).
package record

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Positions of the fields of a batch header, in bytes from the batch's start.
const (
	posBaseOffset      = 0
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posCount           = 57

	// HeaderSize is the size in bytes of a batch without its records.
	HeaderSize = 61
	// LogOverhead is the part of the header that BatchLength does not count.
	LogOverhead = 12

	// Magic is the format version of every batch here (KIP-98).
	Magic = 2
)

// ErrCorrupt marks bytes that can be no valid batch: a wrong checksum, a
// length that does not fit, an unknown magic.
var ErrCorrupt = errors.New("corrupt record batch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is a view on exactly one record batch of magic 2: len(b) is
// b.Size(). It owns nothing; it is valid as long as the bytes under it are.
// Make one with Next, which has checked the length.
type Batch []byte

// Next splits the first batch off p. It checks only the length field, so that
// every accessor of the result is in bounds. It returns ErrCorrupt if the
// length is impossible and ErrShort if p ends within the batch.
func Next(p []byte) (b Batch, rest []byte, err error) {
	if len(p) < LogOverhead {
		return nil, p, ErrShort
	}
	n := int64(int32(binary.BigEndian.Uint32(p[posLength:]))) + LogOverhead
	if n < HeaderSize {
		return nil, p, ErrCorrupt
	}
	if n > int64(len(p)) {
		return nil, p, ErrShort
	}
	return Batch(p[:n:n]), p[n:], nil
}

// ErrShort says that the bytes end before the batch does.
var ErrShort = errors.New("record batch is not whole")

func (b Batch) i64(p int) int64 { return int64(binary.BigEndian.Uint64(b[p:])) }
func (b Batch) i32(p int) int32 { return int32(binary.BigEndian.Uint32(b[p:])) }
func (b Batch) i16(p int) int16 { return int16(binary.BigEndian.Uint16(b[p:])) }

// Size is the whole batch's size in bytes, header included.
func (b Batch) Size() int { return int(b.i32(posLength)) + LogOverhead }

// BaseOffset is the offset of the batch's first record.
func (b Batch) BaseOffset() int64 { return b.i64(posBaseOffset) }

// LastOffset is the offset of the batch's last record; it stays when
// compaction removes that record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset after the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return b.i32(posLeaderEpoch) }

// Magic is the format version; Headrace stores 2 only.
func (b Batch) Magic() int8 { return int8(b[posMagic]) }

// CRC is the stored CRC-32C of everything from the attributes on.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

// Attributes are the flag bits as stored.
func (b Batch) Attributes() Attributes { return Attributes(b.i16(posAttributes)) }

// LastOffsetDelta is the last record's offset relative to the base.
func (b Batch) LastOffsetDelta() int32 { return b.i32(posLastOffsetDelta) }

// BaseTimestamp is the timestamp that record deltas count from, in
// milliseconds since the Unix epoch.
func (b Batch) BaseTimestamp() int64 { return b.i64(posBaseTimestamp) }

// MaxTimestamp is the largest timestamp in the batch, in milliseconds.
func (b Batch) MaxTimestamp() int64 { return b.i64(posMaxTimestamp) }

// ProducerID is -1 for a batch of a producer that is not idempotent.
func (b Batch) ProducerID() int64 { return b.i64(posProducerID) }

// ProducerEpoch is -1 without a producer id.
func (b Batch) ProducerEpoch() int16 { return b.i16(posProducerEpoch) }

// BaseSequence is the sequence number of the first record, -1 without a
// producer id and in control batches.
func (b Batch) BaseSequence() int32 { return b.i32(posBaseSequence) }

// Count is the number of records that the header declares.
func (b Batch) Count() int32 { return b.i32(posCount) }

// Records are the bytes after the header, compressed if the attributes say so.
func (b Batch) Records() []byte { return b[HeaderSize:] }

// SetBaseOffset patches the base offset, which the CRC does not cover.
func (b Batch) SetBaseOffset(o int64) { binary.BigEndian.PutUint64(b[posBaseOffset:], uint64(o)) }

// SetLeaderEpoch patches the leader epoch, which the CRC does not cover.
func (b Batch) SetLeaderEpoch(e int32) { binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(e)) }

// ComputeCRC returns the CRC-32C that the batch should carry.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

// CheckCRC returns ErrCorrupt unless magic is 2 and the checksum is right.
func (b Batch) CheckCRC() error {
	if b.Magic() != Magic || b.CRC() != b.ComputeCRC() {
		return ErrCorrupt
	}
	return nil
}

// Attributes are a batch's flag bits.
type Attributes int16

// The bits of Attributes.
const (
	codecMask     Attributes = 0x07
	logAppendTime Attributes = 0x08
	transactional Attributes = 0x10
	control       Attributes = 0x20
	deleteHorizon Attributes = 0x40
)

// Codec returns the compression codec's number, 0 to 7.
func (a Attributes) Codec() Codec { return Codec(a & codecMask) }

// LogAppendTime reports that MaxTimestamp is the broker's time of append.
func (a Attributes) LogAppendTime() bool { return a&logAppendTime != 0 }

// Transactional reports that the batch belongs to a transaction.
func (a Attributes) Transactional() bool { return a&transactional != 0 }

// Control reports that the batch holds a transaction marker or another
// control record.
func (a Attributes) Control() bool { return a&control != 0 }

// HasDeleteHorizon reports that BaseTimestamp is the delete horizon that
// compaction has set (KIP-534).
func (a Attributes) HasDeleteHorizon() bool { return a&deleteHorizon != 0 }

// Codec is a compression codec's number on the wire.
type Codec int8

// The codecs of Kafka's protocol.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)
