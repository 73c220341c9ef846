package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TimestampType says whose clock a topic's timestamps come from, as
// message.timestamp.type.
type TimestampType int8

// The timestamp types.
const (
	CreateTime    TimestampType = 0
	LogAppendTime TimestampType = 1
)

// DefaultMaxDecompressedBytes is what a batch may expand to where nothing else
// is configured (max.decompressed.message.bytes).
const DefaultMaxDecompressedBytes = 256 << 20

// Rules are what a topic asks of a client's batch. They are read only, but for
// the two helpers at the end, so that one goroutine at a time may use them.
type Rules struct {
	// MaxMessageBytes bounds the batch's size in bytes, as max.message.bytes;
	// 0 means no bound.
	MaxMessageBytes int
	// MaxDecompressedBytes bounds what it may expand to; 0 means
	// DefaultMaxDecompressedBytes.
	MaxDecompressedBytes int
	// Compacted asks for a key in every record.
	Compacted bool
	// Deep looks at every record of compressed batches too, as Kafka does.
	Deep          bool
	TimestampType TimestampType
	// BeforeMaxMs and AfterMaxMs bound a CreateTime against NowMs, as
	// message.timestamp.before.max.ms and …after.max.ms; math.MaxInt64 is no
	// bound.
	BeforeMaxMs int64
	AfterMaxMs  int64
	// NowMs is the time of the append in milliseconds.
	NowMs int64
	// Recompress stores batches with Codec and Level, whatever the producer
	// chose, as a compression.type other than "producer".
	Recompress bool
	Codec      Codec
	Level      Level
	// NoZstd refuses zstd, as Produce before version 7 does (KIP-110).
	NoZstd bool

	// Decompressor and Compressor are made where they are needed if nil.
	Decompressor *Decompressor
	Compressor   *Compressor
}

// Result is what Validate made of a batch.
type Result struct {
	// Batch is what to append: the batch given, patched in place, or a new one.
	Batch Batch
	// Rebuilt says that Batch is a new one, in memory of its own.
	Rebuilt bool
	// MaxTimestamp is the batch's largest timestamp in milliseconds, -1 if it
	// has none; the time of the append with LogAppendTime.
	MaxTimestamp int64
}

// Validate checks a client's batch (see One) against a topic's rules, and makes
// its timestamps what the topic asks for. It gives out no offset and no leader
// epoch: both are patched later, outside the checksum. Errors are
// *InvalidError.
//
// The checks and codes are those of Kafka's LogValidator and
// UnifiedLog.analyzeAndValidateRecords, KIP-467 for the list of records.
//
// Deviation: of a compressed batch only the header, the codec's outer form and a
// bound of the expanded size are checked, unless the topic is compacted, Deep is
// set, or the producer left the largest timestamp to the broker. What Kafka
// answers with UNKNOWN_SERVER_ERROR gets a code that says what is wrong, and
// expanded sizes are bounded (MESSAGE_TOO_LARGE).
//
// On the usual paths, an uncompressed batch or a compressed one that is not
// looked into, it allocates nothing.
func Validate(b Batch, r *Rules) (Result, error) {
	if err := checkHeader(b, r); err != nil {
		return Result{}, err
	}
	source := b.Attributes().Codec()
	if r.Recompress && r.Codec != source {
		return rebuild(b, r)
	}
	maxTimestamp, err := checkRecords(b, r)
	if err != nil {
		return Result{}, err
	}
	if r.TimestampType == LogAppendTime {
		maxTimestamp = r.NowMs
	}
	b.setMaxTimestamp(r.TimestampType, maxTimestamp)
	return Result{Batch: b, MaxTimestamp: maxTimestamp}, nil
}

// checkHeader checks all that can be told without the records, the checksum
// included.
func checkHeader(b Batch, r *Rules) error {
	codec := b.Attributes().Codec()
	count := b.Count()
	switch {
	case r.NoZstd && codec == Zstd:
		return invalid(kerr.UnsupportedCompressionType, "zstd needs version 7 of the Produce API.")
	case b.BaseOffset() != 0:
		return invalid(kerr.InvalidRecord, fmt.Sprintf("The base offset of a produced batch must be 0, not %d.", b.BaseOffset()))
	case r.MaxMessageBytes > 0 && len(b) > r.MaxMessageBytes:
		return tooLarge(len(b), r.MaxMessageBytes)
	case b.CheckCRC() != nil:
		return invalid(kerr.CorruptMessage, fmt.Sprintf("The record batch's checksum %08x is wrong.", b.CRC()))
	case !codec.Valid():
		return invalid(kerr.UnsupportedCompressionType, fmt.Sprintf("There is no compression codec %d.", codec))
	case count <= 0 || int64(b.LastOffsetDelta())+1 != int64(count):
		return invalid(kerr.InvalidRecord, fmt.Sprintf("A record count of %d does not fit a last offset delta of %d.", count, b.LastOffsetDelta()))
	case b.Attributes().Control():
		return invalid(kerr.InvalidRecord, "Clients may not write control records.")
	case codec == None && int(count) > len(b.Records())/minRecordSize:
		return invalid(kerr.InvalidRecord, fmt.Sprintf("The record batch has no room for its %d records.", count))
	}
	return checkProducer(b)
}

// minRecordSize is the size in bytes of the smallest record: no key, no value.
const minRecordSize = 7

func tooLarge(size, limit int) error {
	return invalid(kerr.MessageTooLarge, fmt.Sprintf("The record batch has %d bytes; the topic takes at most %d.", size, limit))
}

// checkProducer checks producer id, epoch and sequence. Without an id, kafkajs
// sends epoch 0, and it and sarama send sequence 0.
func checkProducer(b Batch) error {
	id, epoch := b.ProducerID(), b.ProducerEpoch()
	switch {
	case id < -1 || id == -1 && epoch != -1 && epoch != 0:
		return invalid(kerr.InvalidRecord, fmt.Sprintf("Producer epoch %d does not go with producer id %d.", epoch, id))
	case id >= 0 && b.BaseSequence() < 0:
		return invalid(kerr.InvalidRecord, fmt.Sprintf("Sequence number %d of producer id %d is negative.", b.BaseSequence(), id))
	case id >= 0 && epoch < 0:
		return invalid(kerr.InvalidRecord, fmt.Sprintf("Epoch %d of producer id %d is negative.", epoch, id))
	}
	return nil
}

// checkRecords checks the records, or of a compressed batch what its header
// and bound say of them, and returns their largest timestamp.
func checkRecords(b Batch, r *Rules) (maxTimestamp int64, err error) {
	attrs := b.Attributes()
	if attrs.Codec() == None {
		return checkPayload(b, b.Records(), r)
	}
	bound, err := Bound(attrs.Codec(), b.Records())
	if err != nil {
		return 0, codecError(err, attrs.Codec(), r)
	}
	if r.Compacted || r.Deep || r.TimestampType == CreateTime && b.MaxTimestamp() == -1 {
		return walkCompressed(b, r)
	}
	if bound > int64(r.maxDecompressed()) {
		if _, err := r.decompressor().Measure(b.Records(), attrs.Codec(), r.maxDecompressed()); err != nil {
			return 0, codecError(err, attrs.Codec(), r)
		}
	}
	var c checker
	c.reset(b, r)
	c.check(0, b.BaseTimestamp(), true)
	c.check(0, b.MaxTimestamp(), true)
	// Which record it is, the header does not tell.
	if c.code != nil {
		return 0, invalid(c.code, c.records[0].Message)
	}
	return b.MaxTimestamp(), nil
}

// checkPayload checks the records of a batch, uncompressed. Their own timestamps
// count even if the producer has set LogAppendTime: a CreateTime topic clears
// that, and they come to light.
func checkPayload(b Batch, payload []byte, r *Rules) (maxTimestamp int64, err error) {
	var c checker
	c.reset(b, r)
	base := b.BaseTimestamp()
	var rec skimmed
	for count := b.Count(); c.index < count; {
		n, err := rec.skim(payload)
		if err != nil {
			return 0, malformed(c.index, err)
		}
		payload = payload[n:]
		if rec.offsetDelta != c.index {
			return 0, errOffsetDelta(c.index, rec.offsetDelta)
		}
		c.record(base+rec.timeDelta, rec.hasKey)
	}
	if len(payload) > 0 {
		return 0, malformed(c.index, errSurplus)
	}
	return c.maxTimestamp, c.err()
}

func errOffsetDelta(index, delta int32) error {
	return invalid(kerr.InvalidRecord, fmt.Sprintf("Record %d has offset delta %d.", index, delta))
}

func malformed(index int32, err error) error {
	return invalid(kerr.InvalidRecord, fmt.Sprintf("Record %d cannot be read: %v.", index, err))
}

// walkCompressed checks the records of a compressed batch as a stream.
func walkCompressed(b Batch, r *Rules) (maxTimestamp int64, err error) {
	codec := b.Attributes().Codec()
	d := r.decompressor()
	in, _, err := d.open(codec, b.Records())
	if err != nil {
		return 0, codecError(err, codec, r)
	}
	defer d.release(codec)
	var c checker
	c.reset(b, r)
	s := stream{in: in, buf: d.window(), left: int64(r.maxDecompressed())}
	for range b.Count() {
		rec, err := s.record()
		switch {
		case errors.Is(err, errStreamRecord):
			return 0, malformed(c.index, err)
		case err != nil:
			return 0, codecError(err, codec, r)
		case rec.offsetDelta != c.index:
			return 0, errOffsetDelta(c.index, rec.offsetDelta)
		}
		c.record(b.BaseTimestamp()+rec.timeDelta, rec.hasKey)
	}
	switch err := s.atEnd(); {
	case errors.Is(err, errStreamRecord):
		return 0, malformed(c.index, err)
	case err != nil:
		return 0, codecError(err, codec, r)
	}
	return c.maxTimestamp, c.err()
}

// codecError gives an error of a codec its code.
func codecError(err error, c Codec, r *Rules) error {
	if errors.Is(err, ErrTooLarge) {
		return invalid(kerr.MessageTooLarge, fmt.Sprintf("The record batch expands beyond %d bytes.", r.maxDecompressed()))
	}
	return invalid(kerr.CorruptMessage, fmt.Sprintf("The record batch is no valid %s data: %v.", c, err))
}

func (r *Rules) maxDecompressed() int {
	if r.MaxDecompressedBytes > 0 {
		return r.MaxDecompressedBytes
	}
	return DefaultMaxDecompressedBytes
}

func (r *Rules) decompressor() *Decompressor {
	if r.Decompressor != nil {
		return r.Decompressor
	}
	return new(Decompressor)
}

// checker checks records one after another.
type checker struct {
	rules        *Rules
	appendTime   bool // as the producer set it
	strict       bool // records need keys
	earliest     int64
	latest       int64
	index        int32
	maxTimestamp int64
	code         *kerr.Error
	records      []RecordError // the first of those at fault
	refused      int           // how many are at fault
}

func (c *checker) reset(b Batch, r *Rules) {
	c.rules = r
	c.strict = r.Compacted
	c.appendTime = b.Attributes().LogAppendTime()
	c.maxTimestamp = -1
	c.earliest, c.latest = math.MinInt64, math.MaxInt64
	if r.TimestampType == LogAppendTime {
		return
	}
	if r.NowMs >= math.MinInt64+r.BeforeMaxMs {
		c.earliest = r.NowMs - r.BeforeMaxMs
	}
	if r.NowMs <= math.MaxInt64-r.AfterMaxMs {
		c.latest = r.NowMs + r.AfterMaxMs
	}
}

// record checks the next record.
func (c *checker) record(timestamp int64, hasKey bool) {
	if timestamp < c.earliest || timestamp > c.latest || c.strict && !hasKey || c.appendTime {
		c.check(c.index, timestamp, hasKey) // nearly none needs the closer look
	}
	c.maxTimestamp = max(c.maxTimestamp, timestamp)
	c.index++
}

// check is LogValidator's validateKey and validateTimestamp: the producer's own
// LogAppendTime is refused only where its time is not checked.
func (c *checker) check(index int32, timestamp int64, hasKey bool) {
	switch {
	case c.rules.Compacted && !hasKey:
		if c.refuse(kerr.InvalidRecord) {
			c.note(index, "A compacted topic takes no record without a key.")
		}
	case c.rules.TimestampType == CreateTime && timestamp != -1:
		if (timestamp < c.earliest || timestamp > c.latest) && c.refuse(kerr.InvalidTimestamp) {
			c.note(index, fmt.Sprintf("Timestamp %d is outside [%d, %d], which the topic asks for.", timestamp, c.earliest, c.latest))
		}
	case c.appendTime:
		if c.refuse(kerr.InvalidTimestamp) {
			c.note(index, "A producer may not set LogAppendTime.")
		}
	}
}

// refuse gives the batch its code and reports whether the list has room for
// the record.
func (c *checker) refuse(code *kerr.Error) bool {
	if c.code != kerr.InvalidTimestamp { // which outweighs INVALID_RECORD, as in Kafka
		c.code = code
	}
	c.refused++
	return len(c.records) < maxRecordErrors
}

func (c *checker) note(index int32, message string) {
	c.records = append(c.records, RecordError{Index: index, Message: message})
}

func (c *checker) err() error {
	if c.code == nil {
		return nil
	}
	message := fmt.Sprintf("%d of the batch's records were refused; the first, at index %d: %s",
		c.refused, c.records[0].Index, c.records[0].Message)
	return &InvalidError{Code: c.code, Message: message, Records: c.records}
}

// setMaxTimestamp gives the batch its largest timestamp and timestamp type, and
// a new checksum if anything changed. Unused attribute bits are cleared with it,
// as Kafka does.
func (b Batch) setMaxTimestamp(t TimestampType, maxTimestamp int64) {
	old := b.Attributes()
	attrs := old &^ logAppendTime
	if t == LogAppendTime {
		attrs |= logAppendTime
	}
	if attrs == old && b.MaxTimestamp() == maxTimestamp {
		return
	}
	attrs &= codecMask | logAppendTime | transactional | control | deleteHorizon
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attrs))
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(b[posCRC:], b.ComputeCRC())
}

// rebuild checks a batch record by record and stores its records with the
// topic's codec. They stay byte for byte: offsets and timestamps are relative to
// fields of the header that stay too.
func rebuild(b Batch, r *Rules) (Result, error) {
	codec := b.Attributes().Codec()
	payload, err := r.decompressor().Records(nil, b, r.maxDecompressed())
	if err != nil {
		return Result{}, codecError(err, codec, r)
	}
	maxTimestamp, err := checkPayload(b, payload, r)
	if err != nil {
		return Result{}, err
	}
	c := r.Compressor
	if c == nil {
		c = new(Compressor)
	}
	out := make([]byte, HeaderSize, HeaderSize+len(payload)/2+512)
	copy(out, b)
	out, err = c.Append(out, payload, r.Codec, r.Level)
	if err != nil {
		return Result{}, fmt.Errorf("recompress a record batch: %w", err)
	}
	if len(out) > math.MaxInt32 || r.MaxMessageBytes > 0 && len(out) > r.MaxMessageBytes {
		return Result{}, tooLarge(len(out), r.MaxMessageBytes)
	}
	if r.TimestampType == LogAppendTime {
		maxTimestamp = r.NowMs
	}
	nb := Batch(slices.Clip(out))
	binary.BigEndian.PutUint32(nb[posLength:], uint32(len(nb)-LogOverhead))
	attrs := b.Attributes()&(transactional|deleteHorizon) | Attributes(r.Codec)
	if r.TimestampType == LogAppendTime {
		attrs |= logAppendTime
	}
	binary.BigEndian.PutUint16(nb[posAttributes:], uint16(attrs))
	binary.BigEndian.PutUint64(nb[posMaxTimestamp:], uint64(maxTimestamp))
	binary.BigEndian.PutUint32(nb[posCRC:], nb.ComputeCRC())
	return Result{Batch: nb, Rebuilt: true, MaxTimestamp: maxTimestamp}, nil
}
