package dump

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// Sizes of the entries of Kafka's indexes.
const (
	offsetEntry  = 8
	timeEntry    = 12
	abortedEntry = 34
)

// sibling is the file beside the one that is shown with another suffix.
func (d *Dumper) sibling(suffix string) string {
	stem, _, _ := strings.Cut(filepath.Base(d.file), ".")
	return filepath.Join(filepath.Dir(d.file), stem+suffix)
}

// kafkaIndex is a file of Kafka's OffsetIndex or TimeIndex.
type kafkaIndex struct {
	b    []byte
	size int // of an entry
	base int64
}

func (x kafkaIndex) entries() int { return len(x.b) / x.size }

// offset reads an entry of an OffsetIndex.
func (x kafkaIndex) offset(i int) (offset, position int64) {
	e := x.b[i*offsetEntry:]
	return x.base + int64(int32(binary.BigEndian.Uint32(e))), int64(int32(binary.BigEndian.Uint32(e[4:])))
}

// time reads an entry of a TimeIndex.
func (x kafkaIndex) time(i int) (timestamp, offset int64) {
	e := x.b[i*timeEntry:]
	return int64(binary.BigEndian.Uint64(e)), x.base + int64(int32(binary.BigEndian.Uint32(e[8:])))
}

// lookup gives the position of the last entry whose offset is not above.
func (x kafkaIndex) lookup(offset int64) int64 {
	i := sort.Search(x.entries(), func(i int) bool { o, _ := x.offset(i); return o > offset })
	if i == 0 {
		return 0
	}
	_, position := x.offset(i - 1)
	return position
}

// openIndex opens the segment and reads an index of it.
func (d *Dumper) openIndex(size int) (x kafkaIndex, f *os.File, end int64, err error) {
	if x.base, err = baseOffset(filepath.Base(d.file)); err != nil {
		return x, nil, 0, err
	}
	if f, end, err = open(d.sibling(".log")); err != nil {
		return x, nil, 0, err
	}
	x.size = size
	if x.b, err = readFile(d.file); err != nil {
		_ = f.Close() // nothing was written to it
	}
	return x, f, end, err
}

type sanity struct {
	Sound bool `json:"sound"`
	file  string
}

func (s sanity) text(w *bufio.Writer) { fmt.Fprintf(w, "%s passed sanity check.\n", s.file) }

type emptyFile struct{ file string }

func (e emptyFile) text(w *bufio.Writer) { fmt.Fprintf(w, "%s is empty.\n", e.file) }

func corruptIndex(format string, args ...any) error {
	return &javaerr.Exception{Class: "org.apache.kafka.storage.internals.log.CorruptIndexException", Message: fmt.Sprintf(format, args...)}
}

type offsetLine struct {
	Offset   int64 `json:"offset"`
	Position int64 `json:"position"`
}

func (l offsetLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "offset: %d position: %d\n", l.Offset, l.Position)
}

// offsetIndex shows an .index, as DumpLogSegments.dumpIndex.
func (d *Dumper) offsetIndex() error {
	x, f, end, err := d.openIndex(offsetEntry)
	if err != nil {
		return err
	}
	defer f.Close()
	if x.entries() == 0 {
		return d.emit("empty", emptyFile{d.file})
	}
	if d.SanityOnly {
		if last, _ := x.offset(x.entries() - 1); last < x.base {
			return corruptIndex("Corrupt index found, index file %s has non-zero size but the last offset is %d which is less than the base offset %d",
				absolute(d.file), last, x.base)
		}
		if len(x.b)%offsetEntry != 0 {
			return corruptIndex("Index file %s is corrupt, found %d bytes which is neither positive nor a multiple of %d", absolute(d.file), len(x.b), offsetEntry)
		}
		return d.emit("sanity", sanity{true, d.file})
	}
	for i := range x.entries() {
		offset, position := x.offset(i)
		if offset == x.base && i > 0 { // what a crash has left of a file that was made longer ahead
			return nil
		}
		scan := &batches{f: f, pos: position, end: min(end, position+d.MaxMessageBytes), path: d.file}
		raw, err := scan.next()
		if err != nil {
			return err
		}
		if raw.bytes == nil {
			return &javaerr.Exception{Class: "java.util.NoSuchElementException"}
		}
		if last := lastOffset(raw); last != offset {
			d.problems.offsetMismatch(d.file, offset, last)
		}
		if !d.VerifyOnly {
			if err := d.emit("offset", offsetLine{offset, position}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastOffset is that of a batch of any format: the old ones keep it in the place of the base offset.
func lastOffset(raw rawBatch) int64 {
	first := int64(binary.BigEndian.Uint64(raw.bytes))
	if raw.bytes[magicAt] < record.Magic || len(raw.bytes) < record.HeaderSize {
		return first
	}
	return record.Batch(raw.bytes).LastOffset()
}

type timeLine struct {
	Timestamp int64 `json:"timestamp"`
	Offset    int64 `json:"offset"`
}

func (l timeLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "timestamp: %d offset: %d\n", l.Timestamp, l.Offset)
}

// timeIndex shows a .timeindex, as DumpLogSegments.dumpTimeIndex.
func (d *Dumper) timeIndex() error {
	x, f, end, err := d.openIndex(timeEntry)
	if err != nil {
		return err
	}
	defer f.Close()
	offsets := kafkaIndex{size: offsetEntry, base: x.base}
	if offsets.b, err = readFile(d.sibling(".index")); err != nil {
		return err
	}
	if d.SanityOnly {
		return d.timeSanity(x)
	}
	before := int64(-1)
	for i := range x.entries() {
		timestamp, offset := x.time(i)
		if offset == x.base && i > 0 {
			return nil
		}
		if err := d.checkTime(&batches{f: f, pos: offsets.lookup(offset), end: end, path: d.file}, timestamp, offset, before); err != nil {
			return err
		}
		if !d.VerifyOnly {
			if err := d.emit("time", timeLine{timestamp, offset}); err != nil {
				return err
			}
		}
		before = timestamp
	}
	return nil
}

func (d *Dumper) timeSanity(x kafkaIndex) error {
	if n := x.entries(); n > 0 {
		first, _ := x.time(0)
		last, offset := x.time(n - 1)
		if last < first {
			return corruptIndex("Corrupt time index found, time index file (%s) has non-zero size but the last timestamp is %d which is less than the first timestamp %d",
				absolute(d.file), last, first)
		}
		if offset < x.base {
			return corruptIndex("Corrupt time index found, time index file (%s) has non-zero size but the last offset is %d which is less than the first offset %d",
				absolute(d.file), offset, x.base)
		}
	}
	if len(x.b)%timeEntry != 0 {
		return corruptIndex("Time index file %s is corrupt, found %d bytes which is neither positive nor a multiple of %d", absolute(d.file), len(x.b), timeEntry)
	}
	return d.emit("sanity", sanity{true, d.file})
}

// checkTime looks whether the batch that an entry names has its timestamp.
func (d *Dumper) checkTime(scan *batches, timestamp, offset, before int64) error {
	for {
		raw, err := scan.next()
		if err != nil {
			return err
		}
		if raw.bytes == nil {
			d.problems.add(&d.problems.notFound, d.file, offset, -1)
			return nil
		}
		last := lastOffset(raw)
		if last < offset {
			continue
		}
		if last > offset {
			d.problems.add(&d.problems.notFound, d.file, offset, last)
			return nil
		}
		largest, err := d.largestTimestamp(raw)
		if err != nil {
			return err
		}
		if largest != timestamp {
			d.problems.add(&d.problems.mismatch, d.file, timestamp, largest)
		}
		if before >= timestamp {
			d.problems.add(&d.problems.disorder, d.file, timestamp, before)
		}
		return nil
	}
}

func (d *Dumper) largestTimestamp(raw rawBatch) (int64, error) {
	b, _, err := record.Next(raw.bytes)
	if err != nil {
		return 0, corruptRecord("at position %d: %v", raw.position, err)
	}
	payload, err := d.expand.Records(nil, b, 0)
	if err != nil {
		return 0, corruptRecord("the batch with base offset %d: %v", b.BaseOffset(), err)
	}
	largest, it := int64(-1), b.Iterate(payload)
	var r record.Record
	for it.Next(&r) {
		largest = max(largest, r.Timestamp)
	}
	if err := it.Err(); err != nil {
		return 0, corruptRecord("the batch with base offset %d: %v", b.BaseOffset(), err)
	}
	return largest, nil
}

type abortedLine struct {
	Version          int16 `json:"version"`
	ProducerID       int64 `json:"producerId"`
	FirstOffset      int64 `json:"firstOffset"`
	LastOffset       int64 `json:"lastOffset"`
	LastStableOffset int64 `json:"lastStableOffset"`
}

func (l abortedLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "version: %d producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d\n",
		l.Version, l.ProducerID, l.FirstOffset, l.LastOffset, l.LastStableOffset)
}

// transactionIndex shows a .txnindex.
func (d *Dumper) transactionIndex() error {
	if _, err := baseOffset(filepath.Base(d.file)); err != nil {
		return err
	}
	b, err := os.ReadFile(d.file)
	if os.IsNotExist(err) {
		return nil // a segment without aborted transactions has none
	}
	if err != nil {
		return err
	}
	be := binary.BigEndian
	for ; len(b) >= abortedEntry; b = b[abortedEntry:] {
		l := abortedLine{
			int16(be.Uint16(b)), int64(be.Uint64(b[2:])), int64(be.Uint64(b[10:])), int64(be.Uint64(b[18:])), int64(be.Uint64(b[26:])),
		}
		if l.Version > 0 {
			return &javaerr.Exception{Class: "org.apache.kafka.common.KafkaException", Message: fmt.Sprintf(
				"Unexpected aborted transaction version %d in transaction index %s, current version is 0", l.Version, absolute(d.file))}
		}
		if err := d.emit("abortedTransaction", l); err != nil {
			return err
		}
	}
	return nil
}

type producerLine struct {
	ProducerID            int64              `json:"producerId"`
	ProducerEpoch         int64              `json:"producerEpoch"`
	CoordinatorEpoch      int64              `json:"coordinatorEpoch"`
	CurrentTxnFirstOffset *int64             `json:"currentTxnFirstOffset"`
	LastTimestamp         int64              `json:"lastTimestamp"`
	Batch                 *producerBatchLine `json:"lastBatch"`
}

type producerBatchLine struct {
	FirstSequence int32 `json:"firstSequence"`
	LastSequence  int32 `json:"lastSequence"`
	LastOffset    int64 `json:"lastOffset"`
	OffsetDelta   int32 `json:"offsetDelta"`
	Timestamp     int64 `json:"timestamp"`
}

func (l producerLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d",
		l.ProducerID, l.ProducerEpoch, l.CoordinatorEpoch, optionalLong(l.CurrentTxnFirstOffset), l.LastTimestamp)
	if b := l.Batch; b != nil {
		fmt.Fprintf(w, " firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d",
			b.FirstSequence, b.LastSequence, b.LastOffset, b.OffsetDelta, b.Timestamp)
	}
	fmt.Fprintln(w)
}

// sequenceBefore is DefaultRecordBatch.decrementSequence.
func sequenceBefore(last, delta int32) int32 {
	if last < delta {
		return math.MaxInt32 - (delta - last) + 1
	}
	return last - delta
}

// producerEntriesAt is where the CRC of a producer snapshot begins to cover it.
const producerEntriesAt = 6

// producerSnapshot shows a .snapshot of ProducerStateManager.
func (d *Dumper) producerSnapshot() error {
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	list, problem := readProducers(b)
	if problem != "" {
		if err := d.out.Flush(); err != nil {
			return err
		}
		if d.JSON {
			d.problems.own(d.file, "%s", problem)
			return nil
		}
		fmt.Fprintln(d.err, problem)
		return nil
	}
	for _, v := range list {
		o, _ := v.(schema.Object)
		n := func(name string) int64 { i, _ := o.Get(name).(int64); return i }
		l := producerLine{
			ProducerID: n("producerId"), ProducerEpoch: n("epoch"), CoordinatorEpoch: n("coordinatorEpoch"), LastTimestamp: n("timestamp"),
		}
		if first := n("currentTxnFirstOffset"); first >= 0 {
			l.CurrentTxnFirstOffset = &first
		}
		if n("lastOffset") >= 0 {
			last, delta := int32(n("lastSequence")), int32(n("offsetDelta"))
			l.Batch = &producerBatchLine{sequenceBefore(last, delta), last, n("lastOffset"), delta, n("timestamp")}
		}
		if err := d.emit("producer", l); err != nil {
			return err
		}
	}
	return nil
}

// readProducers returns the entries, or what the original says is wrong.
func readProducers(b []byte) (list []schema.Value, problem string) {
	version, rest, err := schema.Version(b, "snapshot")
	if err != nil {
		return nil, "Snapshot failed schema validation: " + schema.ErrShort.Error()
	}
	m := schema.Named("ProducerSnapshot")
	if !m.Has(version) {
		return nil, fmt.Sprintf("Snapshot failed schema validation: Snapshot contained an unknown file version %d", version)
	}
	o, _, err := m.Decode(rest, version)
	if err != nil {
		return nil, "Snapshot failed schema validation: " + err.Error()
	}
	stored, _ := o.Get("crc").(int64)
	computed := int64(crc32.Checksum(b[producerEntriesAt:], crc32.MakeTable(crc32.Castagnoli)))
	if stored != computed {
		return nil, fmt.Sprintf("Snapshot is corrupt (CRC is no longer valid). Stored crc: %d. Computed crc: %d", stored, computed)
	}
	list, _ = o.Get("producerEntries").([]schema.Value)
	return list, ""
}
