package dump

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/record"
)

// Sizes in Kafka's log files, as DefaultRecordBatch and LegacyRecord.
const (
	headerUpToMagic = 17
	smallestBatch   = 14 // of the oldest format, behind offset and length
	magicAt         = 16
)

// segment shows the batches of a .log, or of a .checkpoint of Kafka's metadata, as DumpLogSegments.dumpLog.
func (d *Dumper) segment() error {
	if err := d.segmentHead(); err != nil {
		return err
	}
	f, size, err := open(d.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.MaxBytes < 0 {
		return illegalArgument("Invalid size: %d in read from %s", d.MaxBytes, d.file)
	}
	scan := &batches{f: f, end: min(size, d.MaxBytes), path: d.file}
	last := int64(-1)
	for {
		b, err := scan.next()
		if err != nil {
			return err
		}
		if b.bytes == nil {
			break
		}
		if err := d.batch(b, &last); err != nil {
			return err
		}
	}
	if left := scan.end - scan.pos; left > 0 && d.MaxBytes == All {
		return d.emit("trailingBytes", trailing{left, filepath.Base(d.file)})
	}
	return nil
}

type trailing struct {
	Bytes int64 `json:"bytes"`
	name  string
}

func (t trailing) text(w *bufio.Writer) {
	fmt.Fprintf(w, "Found %d invalid bytes at the end of %s\n", t.Bytes, t.name)
}

// segmentHead tells what the file's name says.
func (d *Dumper) segmentHead() error {
	name := filepath.Base(d.file)
	stem, ok := strings.CutSuffix(name, ".checkpoint")
	switch {
	case !ok:
		base, err := baseOffset(name)
		if err != nil {
			return err
		}
		return d.emit("segment", segmentHead{base})
	case name == "bootstrap.checkpoint":
		return d.emit("bootstrap", bootstrapHead{})
	case len(stem) != 31:
		return &javaerr.Exception{Class: "java.util.NoSuchElementException", Message: "No value present"}
	}
	end, err := parseLong(stem[:20])
	if err != nil {
		return err
	}
	epoch, err := parseLong(stem[21:])
	if err != nil {
		return err
	}
	return d.emit("snapshot", snapshotHead{end, epoch})
}

type segmentHead struct {
	StartOffset int64 `json:"startOffset"`
}

func (h segmentHead) text(w *bufio.Writer) {
	fmt.Fprintf(w, "Log starting offset: %d\n", h.StartOffset)
}

type bootstrapHead struct{}

func (bootstrapHead) text(w *bufio.Writer) { fmt.Fprintln(w, "KRaft bootstrap snapshot") }

type snapshotHead struct {
	EndOffset int64 `json:"endOffset"`
	Epoch     int64 `json:"epoch"`
}

func (h snapshotHead) text(w *bufio.Writer) {
	fmt.Fprintf(w, "Snapshot end offset: %d, epoch: %d\n", h.EndOffset, h.Epoch)
}

// baseOffset is the number that a file's name begins with.
func baseOffset(name string) (int64, error) {
	stem, _, _ := strings.Cut(name, ".")
	return parseLong(stem)
}

func parseLong(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, &javaerr.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", s), Cause: err}
	}
	return n, nil
}

// batches reads the batches of a file, as FileLogInputStream.
type batches struct {
	f        *os.File
	r        *bufio.Reader
	pos, end int64
	path     string
	buf      []byte
}

// rawBatch is a batch of any format; the bytes are valid until the next one is read.
type rawBatch struct {
	bytes    []byte // nil at the end
	position int64
}

func (s *batches) next() (b rawBatch, err error) {
	if s.r == nil {
		s.r = bufio.NewReaderSize(io.NewSectionReader(s.f, s.pos, max(0, s.end-s.pos)), 256<<10)
	}
	if s.pos >= s.end-headerUpToMagic {
		return b, nil
	}
	head, err := s.r.Peek(record.LogOverhead)
	if err != nil {
		return b, err
	}
	size := int64(int32(binary.BigEndian.Uint32(head[8:])))
	if size < smallestBatch {
		return b, corruptRecord("Found record size %d smaller than minimum record overhead (%d) in file %s.", size, smallestBatch, s.path)
	}
	if s.pos > s.end-record.LogOverhead-size {
		return b, nil
	}
	size += record.LogOverhead
	if int64(cap(s.buf)) < size {
		s.buf = make([]byte, size)
	}
	s.buf = s.buf[:size]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return b, err
	}
	b = rawBatch{s.buf, s.pos}
	s.pos += size
	return b, nil
}

func corruptRecord(format string, args ...any) error {
	return &javaerr.Exception{Class: "org.apache.kafka.common.errors.CorruptRecordException", Message: fmt.Sprintf(format, args...)}
}

// batch shows one batch, and its records where they are wanted.
func (d *Dumper) batch(raw rawBatch, last *int64) error {
	if magic := int8(raw.bytes[magicAt]); magic < record.Magic {
		return corruptRecord("%s has a record of magic %d at position %d; record formats before 2 are not read", d.file, magic, raw.position)
	}
	b, _, err := record.Next(raw.bytes)
	if err != nil {
		return corruptRecord("%s at position %d: %v", d.file, raw.position, err)
	}
	l := describe(b, raw.position)
	if !b.Attributes().Codec().Valid() {
		if !d.JSON {
			l.head(d.out) // the original has printed it by then
		}
		return illegalArgument("Unknown compression type id: %d", b.Attributes().Codec())
	}
	if err := d.emit("batch", l); err != nil || !d.Deep {
		return err
	}
	payload, err := d.expand.Records(d.payload[:0], b, 0)
	if err != nil {
		return corruptRecord("%s: the batch with base offset %d: %v", d.file, b.BaseOffset(), err)
	}
	if b.Attributes().Codec() != record.None {
		d.payload = payload
	}
	it := b.Iterate(payload)
	var r record.Record
	for it.Next(&r) {
		if r.Offset != *last+1 {
			d.problems.gap(d.file, *last, r.Offset)
		}
		*last = r.Offset
		if err := d.record(b, &r); err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return errors.Join(d.out.Flush(), &javaerr.Exception{
			Class:   "org.apache.kafka.common.InvalidRecordException",
			Message: fmt.Sprintf("the batch with base offset %d: %v", b.BaseOffset(), err),
		})
	}
	return nil
}

// batchLine is the line of a batch.
type batchLine struct {
	BaseOffset           int64  `json:"baseOffset"`
	LastOffset           int64  `json:"lastOffset"`
	Count                int32  `json:"count"`
	BaseSequence         int32  `json:"baseSequence"`
	LastSequence         int32  `json:"lastSequence"`
	ProducerID           int64  `json:"producerId"`
	ProducerEpoch        int16  `json:"producerEpoch"`
	PartitionLeaderEpoch int32  `json:"partitionLeaderEpoch"`
	IsTransactional      bool   `json:"isTransactional"`
	IsControl            bool   `json:"isControl"`
	DeleteHorizonMs      *int64 `json:"deleteHorizonMs"`
	Position             int64  `json:"position"`
	TimestampType        string `json:"timestampType"`
	MaxTimestamp         int64  `json:"maxTimestamp"`
	Size                 int    `json:"size"`
	Magic                int8   `json:"magic"`
	Codec                string `json:"compressionType"`
	CRC                  uint32 `json:"crc"`
	IsValid              bool   `json:"isValid"`
}

func describe(b record.Batch, position int64) batchLine {
	a := b.Attributes()
	l := batchLine{
		BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset(), Count: b.Count(),
		BaseSequence: b.BaseSequence(), LastSequence: sequenceAfter(b.BaseSequence(), b.LastOffsetDelta()),
		ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), PartitionLeaderEpoch: b.LeaderEpoch(),
		IsTransactional: a.Transactional(), IsControl: a.Control(), Position: position, TimestampType: timestampType(a),
		MaxTimestamp: b.MaxTimestamp(), Size: b.Size(), Magic: b.Magic(), Codec: a.Codec().String(), CRC: b.CRC(),
		IsValid: b.ComputeCRC() == b.CRC(),
	}
	if a.HasDeleteHorizon() {
		l.DeleteHorizonMs = new(b.BaseTimestamp())
	}
	return l
}

func timestampType(a record.Attributes) string {
	if a.LogAppendTime() {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// sequenceAfter is DefaultRecordBatch.incrementSequence: numbers go round behind the largest.
func sequenceAfter(base, delta int32) int32 {
	switch {
	case base < 0:
		return -1
	case base > math.MaxInt32-delta:
		return delta - (math.MaxInt32 - base) - 1
	}
	return base + delta
}

func optionalLong(v *int64) string {
	if v == nil {
		return "OptionalLong.empty"
	}
	return fmt.Sprintf("OptionalLong[%d]", *v)
}

// head is the part of the line that every batch has.
func (l batchLine) head(w *bufio.Writer) {
	fmt.Fprintf(w, "baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d "+
		"partitionLeaderEpoch: %d isTransactional: %t isControl: %t deleteHorizonMs: %s",
		l.BaseOffset, l.LastOffset, l.Count, l.BaseSequence, l.LastSequence, l.ProducerID, l.ProducerEpoch,
		l.PartitionLeaderEpoch, l.IsTransactional, l.IsControl, optionalLong(l.DeleteHorizonMs))
}

func (l batchLine) text(w *bufio.Writer) {
	l.head(w)
	fmt.Fprintf(w, " position: %d %s: %d size: %d magic: %d compresscodec: %s crc: %d isvalid: %t\n",
		l.Position, l.TimestampType, l.MaxTimestamp, l.Size, l.Magic, l.Codec, l.CRC, l.IsValid)
}

// recordLine is the line of a record.
type recordLine struct {
	Offset        int64           `json:"offset"`
	TimestampType string          `json:"timestampType"`
	Timestamp     int64           `json:"timestamp"`
	KeySize       int             `json:"keySize"`
	ValueSize     int             `json:"valueSize"`
	Sequence      int32           `json:"sequence"`
	Headers       []headerLine    `json:"headers"`
	Control       *control        `json:"control,omitempty"`
	Key           json.RawMessage `json:"key,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`
	Error         string          `json:"error,omitempty"`

	contents             Contents
	noMetadata, contains bool
}

type headerLine struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

// record shows one record.
func (d *Dumper) record(b record.Batch, r *record.Record) error {
	a := b.Attributes()
	l := recordLine{
		Offset: r.Offset, TimestampType: timestampType(a), Timestamp: r.Timestamp, KeySize: sizeOf(r.Key), ValueSize: sizeOf(r.Value),
		Sequence: sequenceAfter(b.BaseSequence(), r.OffsetDelta), Headers: []headerLine{}, noMetadata: d.SkipMetadata,
	}
	for key, value := range r.Headers {
		h := headerLine{Key: javaText(key)}
		if value != nil {
			h.Value = new(javaText(value))
		}
		l.Headers = append(l.Headers, h)
	}
	if a.Control() && !d.SkipMetadata {
		c, err := readControl(r)
		if err != nil {
			return err
		}
		l.Control = &c
	}
	if d.Contents && !a.Control() {
		c, err := d.Decoder.Decode(r)
		if err != nil {
			if !d.JSON {
				l.head(d.out) // the original has printed it by then
			}
			return err
		}
		l.contents, l.contains = c, true
		l.Key, l.Payload, l.Error = c.Key.raw(), c.Payload.raw(), c.Problem
	}
	return d.emit("record", &l)
}

// sizeOf is -1 for null.
func sizeOf(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// head is the part of the line before the contents.
func (l *recordLine) head(w *bufio.Writer) {
	if l.noMetadata {
		return
	}
	keys := make([]string, len(l.Headers))
	for i, h := range l.Headers {
		keys[i] = h.Key
	}
	fmt.Fprintf(w, "| offset: %d %s: %d keySize: %d valueSize: %d sequence: %d headerKeys: [%s]",
		l.Offset, l.TimestampType, l.Timestamp, l.KeySize, l.ValueSize, l.Sequence, strings.Join(keys, ","))
	if l.Control != nil {
		l.Control.text(w)
	}
}

func (l *recordLine) text(w *bufio.Writer) {
	l.head(w)
	if l.contains {
		prefix := " "
		if l.noMetadata {
			prefix = "| "
		}
		if key, ok := l.contents.keyText(); ok {
			fmt.Fprintf(w, "%skey: %s", prefix, key)
			prefix = " "
		}
		if payload, ok := l.contents.Payload.get(); ok {
			fmt.Fprintf(w, "%spayload: %s", prefix, payload)
		}
	}
	fmt.Fprintln(w)
}
