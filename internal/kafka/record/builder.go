package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// Producer identifies an idempotent producer's batch (KIP-98).
type Producer struct {
	ID           int64
	Epoch        int16
	BaseSequence int32 // -1 in control batches
}

// noProducer is what a batch carries that no idempotent producer sent.
var noProducer = Producer{ID: -1, Epoch: -1, BaseSequence: -1}

// BatchOptions say what a Builder's batch is like. The zero value is an
// uncompressed batch at offset 0 of a producer that is not idempotent, with the
// records' own timestamps.
type BatchOptions struct {
	BaseOffset  int64
	LeaderEpoch int32
	// Producer is nil for a producer that is not idempotent.
	Producer      *Producer
	Transactional bool
	Control       bool
	// LogAppendTime makes AppendTimeMs the timestamp of all records.
	LogAppendTime bool
	AppendTimeMs  int64
	// Codec compresses the records in Build, at Level (see Compressor).
	Codec Codec
	Level Level
}

// Builder makes one batch at a time: Reset, Append for each record, Build. It
// keeps its buffer for the next one. The zero value is ready after Reset.
type Builder struct {
	o         BatchOptions
	buf       []byte // header, then the records
	scratch   []byte // the compressed batch
	count     int32
	lastDelta int32
	baseTime  int64
	maxTime   int64
}

// Reset begins a batch. It invalidates the batch that Build returned before.
func (b *Builder) Reset(o BatchOptions) {
	if o.Producer == nil {
		p := noProducer
		o.Producer = &p
	}
	*b = Builder{o: o, buf: b.buf, scratch: b.scratch, lastDelta: -1, maxTime: -1}
	if cap(b.buf) < HeaderSize {
		b.buf = make([]byte, HeaderSize, 512)
	}
	b.buf = b.buf[:HeaderSize]
}

// Append adds a record at the offset after the last one's. The timestamp is in
// milliseconds, -1 for none; a nil key or value is null. All is copied.
func (b *Builder) Append(timestamp int64, key, value []byte, headers ...Header) {
	size := fieldSize(key) + fieldSize(value) + varintSize(int64(len(headers)))
	for i := range headers {
		h := &headers[i]
		size += varintSize(int64(len(h.Key))) + len(h.Key) + fieldSize(h.Value)
	}
	b.begin(b.lastDelta+1, timestamp, size)
	b.buf = appendField(b.buf, key)
	b.buf = appendField(b.buf, value)
	b.buf = appendVarint(b.buf, int32(len(headers)))
	for i := range headers {
		h := &headers[i]
		b.buf = appendVarint(b.buf, int32(len(h.Key)))
		b.buf = append(b.buf, h.Key...)
		b.buf = appendField(b.buf, h.Value)
	}
}

// AppendRecord adds a copy of r at its own offset, which must be above the last
// record's, at or above the base offset, and less than 2³¹ after it.
func (b *Builder) AppendRecord(r *Record) error {
	delta := r.Offset - b.o.BaseOffset
	if delta <= int64(b.lastDelta) || delta > math.MaxInt32 {
		return fmt.Errorf("offset %d does not fit after %d in a batch at %d", r.Offset, b.o.BaseOffset+int64(b.lastDelta), b.o.BaseOffset)
	}
	size := fieldSize(r.Key) + fieldSize(r.Value) + varintSize(int64(r.HeaderCount)) + len(r.headers)
	b.begin(int32(delta), r.Timestamp, size)
	b.buf = appendField(b.buf, r.Key)
	b.buf = appendField(b.buf, r.Value)
	b.buf = appendVarint(b.buf, r.HeaderCount)
	b.buf = append(b.buf, r.headers...)
	return nil
}

// begin writes the fields before a record's key; size is that of the rest.
func (b *Builder) begin(delta int32, timestamp int64, size int) {
	if b.count == 0 {
		b.baseTime = timestamp
	}
	b.maxTime = max(b.maxTime, timestamp)
	timeDelta := timestamp - b.baseTime
	size += 1 + varintSize(timeDelta) + varintSize(int64(delta))
	b.buf = appendVarint(b.buf, int32(size))
	b.buf = append(b.buf, 0)
	b.buf = appendVarlong(b.buf, timeDelta)
	b.buf = appendVarint(b.buf, delta)
	b.count++
	b.lastDelta = delta
}

func fieldSize(p []byte) int {
	if p == nil {
		return 1
	}
	return varintSize(int64(len(p))) + len(p)
}

func appendField(dst, p []byte) []byte {
	if p == nil {
		return appendVarint(dst, -1)
	}
	dst = appendVarint(dst, int32(len(p)))
	return append(dst, p...)
}

// Count is the number of records so far.
func (b *Builder) Count() int { return int(b.count) }

// Size is the batch's size in bytes so far, before compression.
func (b *Builder) Size() int { return len(b.buf) }

// KeepLastOffset makes the batch end at that offset though its last record is
// earlier, as compaction does.
func (b *Builder) KeepLastOffset(offset int64) {
	b.lastDelta = max(b.lastDelta, int32(offset-b.o.BaseOffset))
}

// Build finishes the batch. c compresses it and may be nil if the codec is
// None. The result belongs to the Builder and is valid until its next Reset.
func (b *Builder) Build(c *Compressor) (Batch, error) {
	out := b.buf
	if b.o.Codec != None {
		if c == nil {
			c = new(Compressor)
		}
		var err error
		b.scratch = append(b.scratch[:0], b.buf[:HeaderSize]...)
		out, err = c.Append(b.scratch, b.buf[HeaderSize:], b.o.Codec, b.o.Level)
		if err != nil {
			return nil, err
		}
		b.scratch = out
	}
	if len(out) > math.MaxInt32 {
		return nil, fmt.Errorf("record batch of %d bytes is too large", len(out))
	}
	batch := Batch(slices.Clip(out))
	b.header(batch)
	return batch, nil
}

// header fills in the batch's header.
func (b *Builder) header(h Batch) {
	be := binary.BigEndian
	attrs := Attributes(b.o.Codec) & codecMask
	maxTime := b.maxTime
	if b.o.LogAppendTime {
		attrs |= logAppendTime
		maxTime = b.o.AppendTimeMs
	}
	if b.o.Transactional {
		attrs |= transactional
	}
	if b.o.Control {
		attrs |= control
	}
	be.PutUint64(h[posBaseOffset:], uint64(b.o.BaseOffset))
	be.PutUint32(h[posLength:], uint32(len(h)-LogOverhead))
	be.PutUint32(h[posLeaderEpoch:], uint32(b.o.LeaderEpoch))
	h[posMagic] = Magic
	be.PutUint16(h[posAttributes:], uint16(attrs))
	be.PutUint32(h[posLastOffsetDelta:], uint32(b.lastDelta))
	be.PutUint64(h[posBaseTimestamp:], uint64(b.baseTime))
	be.PutUint64(h[posMaxTimestamp:], uint64(maxTime))
	be.PutUint64(h[posProducerID:], uint64(b.o.Producer.ID))
	be.PutUint16(h[posProducerEpoch:], uint16(b.o.Producer.Epoch))
	be.PutUint32(h[posBaseSequence:], uint32(b.o.Producer.BaseSequence))
	be.PutUint32(h[posCount:], uint32(b.count))
	be.PutUint32(h[posCRC:], crc32.Checksum(h[posAttributes:], castagnoli))
}
