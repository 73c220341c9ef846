package dump

import (
	"encoding/binary"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/kafka/record"
)

var writeSamples = flag.String("write-samples", "", "write a segment, its indexes, and damaged ones below this directory")

// TestWriteSamples makes the files that the stories of kafka-dump-log show. They are kept, so that the stories stay
// what Java has printed of them.
func TestWriteSamples(t *testing.T) {
	if *writeSamples == "" {
		return // other versions of the codecs may compress otherwise
	}
	w := &sampleFiles{t: t, dir: filepath.Join(*writeSamples, "plain")}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.segment()
	w.indexes()
	w.snapshots()
	w.damaged()
}

type sampleFiles struct {
	t         *testing.T
	dir       string
	log       []byte
	positions []int // of the batches
	compress  record.Compressor
}

func (w *sampleFiles) write(name string, b []byte) {
	if err := os.WriteFile(filepath.Join(w.dir, name), b, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *sampleFiles) batch(o record.BatchOptions, fill func(b *record.Builder)) {
	var b record.Builder
	b.Reset(o)
	fill(&b)
	batch, err := b.Build(&w.compress)
	if err != nil {
		w.t.Fatal(err)
	}
	w.positions = append(w.positions, len(w.log))
	w.log = append(w.log, batch...)
}

const sampleTime = 1700000000000

// segment has a batch of every sort.
func (w *sampleFiles) segment() {
	three := func(b *record.Builder) {
		b.Append(sampleTime, []byte("k1"), []byte("value 1"))
		b.Append(sampleTime+5, nil, []byte("Größe"), record.Header{Key: "h", Value: []byte("x")}, record.Header{Key: "null"})
		b.Append(sampleTime+3, []byte{0xff, 'k'}, nil)
	}
	w.batch(record.BatchOptions{LeaderEpoch: 2}, three)
	for i, c := range []record.Codec{record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		w.batch(record.BatchOptions{BaseOffset: int64(3 + 3*i), LeaderEpoch: 2, Codec: c}, three)
	}
	w.batch(record.BatchOptions{BaseOffset: 15, LogAppendTime: true, AppendTimeMs: sampleTime + 1000}, three)
	w.batch(record.BatchOptions{BaseOffset: 18, Producer: &record.Producer{ID: 7, Epoch: 1, BaseSequence: 2147483646}, Transactional: true}, three)
	for _, m := range []record.EndTxnMarker{{Commit: true, CoordinatorEpoch: 4, ProducerID: 7, ProducerEpoch: 1, TimestampMs: sampleTime}, {ProducerID: 9, TimestampMs: sampleTime}} {
		b := record.Batch(m.Append(nil))
		b.SetBaseOffset(int64(21 + len(w.positions) - 7))
		w.positions = append(w.positions, len(w.log))
		w.log = append(w.log, b...)
	}
	w.positions = append(w.positions, len(w.log))
	w.log = append(w.log, record.Empty(23, 30, 5)...)
	w.batch(record.BatchOptions{BaseOffset: 35}, func(b *record.Builder) { // a gap before it, and in it
		for _, o := range []int64{35, 38} {
			if err := b.AppendRecord(&record.Record{Offset: o, Timestamp: sampleTime + 2000, Value: binary.BigEndian.AppendUint64(nil, uint64(o))}); err != nil {
				w.t.Fatal(err)
			}
		}
		b.KeepLastOffset(40)
	})
	w.write("00000000000000000000.log", w.log)
}

func (w *sampleFiles) indexes() {
	last := func(i int) int64 { return batchAt(w.log[w.positions[i]:]).LastOffset() }
	var good, times []byte
	for _, i := range []int{2, 5, 8, 10} {
		good = offsetOf(good, uint32(last(i)), uint32(w.positions[i]))
	}
	for _, e := range [][2]int64{{sampleTime + 5, last(2)}, {sampleTime + 1000, last(5)}, {sampleTime + 2000, last(10)}} {
		times = timeOf(times, e[0], uint32(e[1]))
	}
	w.write("00000000000000000000.index", append(good, make([]byte, 16)...))
	w.write("00000000000000000000.timeindex", append(times, make([]byte, 24)...))

	// Beside a copy of the segment, indexes that do not fit.
	bad := offsetOf(nil, uint32(last(2)), uint32(w.positions[3]))
	w.write("1.log", w.log)
	w.write("1.index", offsetOf(bad, uint32(last(3)), uint32(w.positions[4])))
	badTimes := timeOf(nil, sampleTime+9, uint32(last(2))-1)
	badTimes = timeOf(badTimes, sampleTime+8, 3)
	badTimes = timeOf(badTimes, sampleTime+7, 900)
	w.write("1.timeindex", badTimes)
	w.write("2.log", w.log)
	w.write("2.index", nil)
	w.write("2.timeindex", nil)
	w.write("3.log", w.log)
	w.write("3.index", append(good, 1, 2, 3))
	w.write("3.timeindex", append(times, 1, 2, 3))
}

func batchAt(b []byte) record.Batch {
	out, _, err := record.Next(b)
	if err != nil {
		panic(err)
	}
	return out
}

func offsetOf(b []byte, relative, position uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, relative), position)
}

func timeOf(b []byte, timestamp int64, relative uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, uint64(timestamp)), relative)
}

func ints(b []byte, all ...int64) []byte {
	for _, v := range all {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func (w *sampleFiles) snapshots() {
	var aborted []byte
	for i := range int64(2) {
		aborted = ints(append(aborted, 0, 0), 7+i, 10*i, 10*i+5, 10*i+6)
	}
	w.write("00000000000000000000.txnindex", append(aborted, 1, 2, 3))
	be := binary.BigEndian
	entry := func(id int64, epoch uint16, sequence uint32, offset int64, delta uint32, first int64) []byte {
		b := be.AppendUint16(ints(nil, id), epoch)
		b = be.AppendUint32(b, sequence)
		b = be.AppendUint32(ints(b, offset), delta)
		b = be.AppendUint32(ints(b, sampleTime), 3)
		return ints(b, first)
	}
	body := be.AppendUint32(nil, 3)
	body = append(body, entry(7, 1, 2, 20, 5, 18)...)
	body = append(body, entry(8, 0, 9, 30, 2, -1)...)
	body = append(body, entry(9, 0, 0, -1, 0, -1)...)
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	w.write("00000000000000000041.snapshot", append(be.AppendUint32([]byte{0, 1}, sum), body...))
	w.write("00000000000000000042.snapshot", append(be.AppendUint32([]byte{0, 1}, sum+1), body...))
	w.write("00000000000000000043.snapshot", append(be.AppendUint32([]byte{0, 2}, sum), body...))
}

func (w *sampleFiles) damaged() {
	w.write("10.log", w.log[:w.positions[4]+70]) // torn
	w.write("11.log", make([]byte, 100))         // zeroes
	flipped := append([]byte(nil), w.log[:w.positions[2]]...)
	flipped[w.positions[1]-2] ^= 1 // in the first batch's last record
	w.write("12.log", flipped)
	w.write("13.log", nil)
	odd := append([]byte(nil), w.log[:w.positions[1]]...)
	odd[22] |= 7 // a codec that there is not
	w.write("14.log", odd)
	w.write("name.log", []byte(strings.Repeat("x", 40)))
	w.write("notes.txt", []byte("hello\n"))
}
