package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kerr"
)

const testNow = 1_700_000_000_000

// rules are a topic's with everything at its default.
func rules() *Rules {
	return &Rules{
		MaxMessageBytes: 1 << 20, NowMs: testNow,
		BeforeMaxMs: math.MaxInt64, AfterMaxMs: 3_600_000,
		Decompressor: new(Decompressor), Compressor: new(Compressor),
	}
}

// batchOf builds a batch of n records around testNow.
func batchOf(t testing.TB, codec Codec, n int) Batch {
	t.Helper()
	var b Builder
	b.Reset(BatchOptions{Codec: codec, LeaderEpoch: -1})
	for i := range n {
		b.Append(testNow-int64(i), []byte(fmt.Sprint("key", i)), []byte("value of the record"), Header{"h", []byte("v")})
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(out)
}

// seal makes the checksum right again.
func seal(b Batch) Batch {
	binary.BigEndian.PutUint32(b[posCRC:], b.ComputeCRC())
	return b
}

// raw makes a batch of count records around a payload as it is.
func raw(codec Codec, count int32, payload []byte) Batch {
	b := Batch(make([]byte, HeaderSize, HeaderSize+len(payload)))
	b = append(b, payload...)
	be := binary.BigEndian
	be.PutUint32(b[posLength:], uint32(len(b)-LogOverhead))
	b[posMagic] = Magic
	be.PutUint16(b[posAttributes:], uint16(codec))
	be.PutUint32(b[posLastOffsetDelta:], uint32(count-1))
	be.PutUint64(b[posBaseTimestamp:], testNow)
	be.PutUint64(b[posMaxTimestamp:], testNow)
	be.PutUint64(b[posProducerID:], math.MaxUint64)
	be.PutUint16(b[posProducerEpoch:], math.MaxUint16)
	be.PutUint32(b[posBaseSequence:], math.MaxUint32)
	be.PutUint32(b[posCount:], uint32(count))
	return seal(b)
}

func put32(b Batch, pos int, v int32) Batch {
	binary.BigEndian.PutUint32(b[pos:], uint32(v))
	return b
}

func put64(b Batch, pos int, v int64) Batch {
	binary.BigEndian.PutUint64(b[pos:], uint64(v))
	return b
}

func attribute(b Batch, a Attributes) Batch {
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(b.Attributes()|a))
	return b
}

// produce runs a partition's bytes through One and Validate.
func produce(p []byte, r *Rules) (Result, error) {
	b, err := One(p)
	if err != nil {
		return Result{}, err
	}
	return Validate(b, r)
}

func codeOf(t *testing.T, err error) int16 {
	t.Helper()
	if err == nil {
		return 0
	}
	var ie *InvalidError
	if !errors.As(err, &ie) {
		t.Fatalf("%v is no InvalidError", err)
	}
	if ie.Message == "" || strings.Contains(ie.Message, "%!") {
		t.Errorf("message %q", ie.Message)
	}
	ke, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		t.Fatalf("%v has no code", err)
	}
	return ke.Code
}

// TestHostileBatches is the list of what hostile producers were seen to send
// and of the codes that they get.
func TestHostileBatches(t *testing.T) {
	plain := func() Batch { return batchOf(t, None, 1) }
	record := func(body ...byte) Batch {
		return raw(None, 1, append(appendVarint(nil, int32(len(body))), body...))
	}
	zeroes := make([]byte, 9<<20)
	allow8MB := func(r *Rules) { r.MaxDecompressedBytes = 8 << 20 }
	compressed := func(c Codec) []byte {
		out, err := new(Compressor).Append(nil, zeroes, c, Level{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tc := range []struct {
		name string
		in   []byte
		want *kerr.Error
		mod  func(*Rules)
	}{
		{name: "honest", in: plain()},
		{"null record set", nil, kerr.InvalidRecord, nil},
		{"empty record set", []byte{}, kerr.InvalidRecord, nil},
		{"wrong checksum", func() Batch { b := plain(); b[len(b)-1] ^= 1; return b }(), kerr.CorruptMessage, nil},
		{"count 2 with 1 record", seal(put32(plain(), posCount, 2)), kerr.InvalidRecord, nil},
		{"count and delta 2 with 1 record", seal(put32(put32(plain(), posCount, 2), posLastOffsetDelta, 1)), kerr.InvalidRecord, nil},
		{"count 2³¹-1", seal(put32(plain(), posCount, math.MaxInt32)), kerr.InvalidRecord, nil},
		{"count 2³¹-1 with its delta", seal(put32(put32(plain(), posCount, math.MaxInt32), posLastOffsetDelta, math.MaxInt32-1)), kerr.InvalidRecord, nil},
		{"count 0", seal(put32(plain(), posCount, 0)), kerr.InvalidRecord, nil},
		{"count -1", seal(put32(plain(), posCount, -1)), kerr.InvalidRecord, nil},
		{"count 0 with delta -1", seal(put32(put32(plain(), posCount, 0), posLastOffsetDelta, -1)), kerr.InvalidRecord, nil},
		{"last offset delta 5", seal(put32(plain(), posLastOffsetDelta, 5)), kerr.InvalidRecord, nil},
		{"last offset delta -1", seal(put32(plain(), posLastOffsetDelta, -1)), kerr.InvalidRecord, nil},
		{"magic 1", func() Batch { b := plain(); b[posMagic] = 1; return b }(), kerr.InvalidRecord, nil},
		{"magic 0", func() Batch { b := plain(); b[posMagic] = 0; return b }(), kerr.InvalidRecord, nil},
		{"magic 3", func() Batch { b := plain(); b[posMagic] = 3; return b }(), kerr.CorruptMessage, nil},
		{"magic -1", func() Batch { b := plain(); b[posMagic] = 0xff; return b }(), kerr.CorruptMessage, nil},
		{"base offset 100", put64(plain(), posBaseOffset, 100), kerr.InvalidRecord, nil},
		{"control bit", seal(attribute(plain(), control)), kerr.InvalidRecord, nil},
		{"two batches", append(plain(), plain()...), kerr.InvalidRecord, nil},
		{"one batch and the start of another", append(plain(), plain()[:70]...), nil, nil},
		{"61 zero bytes", make([]byte, 61), kerr.CorruptMessage, nil},
		{"batch length 0", put32(plain(), posLength, 0), kerr.CorruptMessage, nil},
		{"batch length 20", put32(plain(), posLength, 20), kerr.CorruptMessage, nil},
		{"batch length -1", put32(plain(), posLength, -1), kerr.CorruptMessage, nil},
		{"batch length 2³¹-1", put32(plain(), posLength, math.MaxInt32), kerr.CorruptMessage, nil},
		{"batch cut short", plain()[:80], kerr.InvalidRecord, nil},
		{"codec 7", raw(7, 1, []byte{0}), kerr.UnsupportedCompressionType, nil},
		{"gzip flag on plain records", raw(Gzip, 1, plain().Records()), kerr.CorruptMessage, nil},
		{"snappy flag on plain records", raw(Snappy, 1, bytes.Repeat([]byte{0xff}, 40)), kerr.CorruptMessage, nil},
		{"lz4 flag on plain records", raw(LZ4, 1, plain().Records()), kerr.CorruptMessage, nil},
		{"zstd flag on plain records", raw(Zstd, 1, plain().Records()), kerr.CorruptMessage, nil},
		{"zstd before version 7", batchOf(t, Zstd, 1), kerr.UnsupportedCompressionType, func(r *Rules) { r.NoZstd = true }},
		{"undefined attribute bits", seal(attribute(plain(), 0x0f00|0x80)), nil, nil},
		{"record length huge", raw(None, 1, append(appendVarint(nil, math.MaxInt32), make([]byte, 20)...)), kerr.InvalidRecord, nil},
		{"record length negative", raw(None, 1, append(appendVarint(nil, -7), make([]byte, 20)...)), kerr.InvalidRecord, nil},
		{"record length of six bytes", raw(None, 1, append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 1}, make([]byte, 20)...)), kerr.InvalidRecord, nil},
		{"header count 2³¹-1", record(append([]byte{0, 0, 0, 1, 1}, appendVarint(nil, math.MaxInt32)...)...), kerr.InvalidRecord, nil},
		{"header count negative", record(0, 0, 0, 1, 1, 1), kerr.InvalidRecord, nil},
		{"header with null key", record(0, 0, 0, 1, 1, 2, 1, 1), kerr.InvalidRecord, nil},
		{"bytes after a record's headers", record(0, 0, 0, 1, 1, 0, 9), kerr.InvalidRecord, nil},
		{"bytes after the last record", raw(None, 1, append(plain().Records(), 1, 2, 3)), kerr.InvalidRecord, nil},
		{"offset delta of the record wrong", record(0, 0, 4, 1, 1, 0), kerr.InvalidRecord, nil},
		{"key length below -1 is null", record(0, 0, 0, 5, 1, 0), nil, nil},
		{"timestamp 2⁶²", seal(put64(plain(), posBaseTimestamp, 1<<62)), kerr.InvalidTimestamp, nil},
		{"timestamp min", seal(put64(plain(), posBaseTimestamp, math.MinInt64)), kerr.InvalidTimestamp, nil},
		{"producer id with sequence -1", seal(put64(plain(), posProducerID, 7)), kerr.InvalidRecord, nil},
		{"producer id -1 with epoch 5", func() Batch { b := plain(); b[posProducerEpoch], b[posProducerEpoch+1] = 0, 5; return seal(b) }(), kerr.InvalidRecord, nil},
		{"producer id -1 with epoch 0, as kafkajs", func() Batch { b := plain(); b[posProducerEpoch], b[posProducerEpoch+1] = 0, 0; return seal(b) }(), nil, nil},
		{"producer id -1 with sequence 0, as sarama", seal(put32(plain(), posBaseSequence, 0)), nil, nil},
		{"larger than max.message.bytes", batchOf(t, None, 100), kerr.MessageTooLarge, func(r *Rules) { r.MaxMessageBytes = 100 }},
		{"gzip bomb", raw(Gzip, 1, compressed(Gzip)), kerr.MessageTooLarge, allow8MB},
		{"gzip bomb within the bound", raw(Gzip, 1, compressed(Gzip)), nil, nil},
		{"snappy bomb", raw(Snappy, 1, compressed(Snappy)), kerr.MessageTooLarge, allow8MB},
		{"zstd bomb", raw(Zstd, 1, compressed(Zstd)), kerr.MessageTooLarge, allow8MB},
		{"zstd run-length bomb, 2 GB", raw(Zstd, 1, zstdBomb(16384)), kerr.MessageTooLarge, allow8MB},
		// Zeroes are no records: the walk ends at the first of them.
		{"zstd run-length bomb, looked into", raw(Zstd, 1, zstdBomb(16384)), kerr.InvalidRecord, func(r *Rules) { r.Deep = true }},
		{"lz4 bomb", raw(LZ4, 1, compressed(LZ4)), kerr.MessageTooLarge, allow8MB},
		{"zstd window 2⁴¹", raw(Zstd, 1, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0}), kerr.CorruptMessage, nil},
		{"snappy claims 2³¹-1", raw(Snappy, 1, append([]byte{0xff, 0xff, 0xff, 0xff, 7}, make([]byte, 30)...)), kerr.CorruptMessage, nil},
		{"snappy claims 2³²-1", raw(Snappy, 1, append([]byte{0xff, 0xff, 0xff, 0xff, 15}, make([]byte, 30)...)), kerr.CorruptMessage, nil},
		{"framed snappy with block length 2³¹", raw(Snappy, 1, append([]byte(snappyMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0, 0, 0, 1)), kerr.CorruptMessage, nil},
		{"lz4 garbage", raw(LZ4, 1, []byte{0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 9, 9, 9, 9, 9}), kerr.CorruptMessage, nil},
	} {
		r := rules()
		if tc.mod != nil {
			tc.mod(r)
		}
		_, err := produce(tc.in, r)
		want := int16(0)
		if tc.want != nil {
			want = tc.want.Code
		}
		if got := codeOf(t, err); got != want {
			t.Errorf("%s: code %d (%v), want %d", tc.name, got, err, want)
		}
	}
}

// zstdBomb makes a frame of run-length blocks of 128 KiB each, four bytes per
// block.
func zstdBomb(blocks int) []byte {
	out := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x38}
	for i := range blocks {
		head := uint32(zstdMaxBlock)<<3 | zstdRunBlock<<1
		if i == blocks-1 {
			head |= 1
		}
		out = append(out, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return out
}

// TestBombCostsNoMemory: a declared size is never allocated, nor an expanded
// one that nobody asked to keep.
func TestBombCostsNoMemory(t *testing.T) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdMaxWindow), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	tiny := enc.EncodeAll([]byte("x"), nil)
	for name, p := range map[string][]byte{
		"zstd run-length bomb": zstdBomb(16384),
		"zstd window, 128 MiB": append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3}, 1, 0, 0),
		"zstd tiny":            tiny,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := new(Decompressor).Measure(p, Zstd, 4<<20)
		runtime.ReadMemStats(&after)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		bytesPer := after.TotalAlloc - before.TotalAlloc
		if bytesPer > 3<<20 {
			t.Errorf("%s: %d bytes allocated", name, bytesPer)
		}
	}
}

func TestValidateTimestamps(t *testing.T) {
	const hour = 3_600_000
	for _, codec := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		for _, tc := range []struct {
			name       string
			batch      func() Batch
			mod        func(*Rules)
			want       *kerr.Error
			max        int64
			appendTime bool // the batch is of LogAppendTime afterwards
			records    int
		}{
			{name: "create time", max: testNow},
			{name: "log append time", mod: func(r *Rules) { r.TimestampType, r.NowMs = LogAppendTime, testNow+5 }, max: testNow + 5, appendTime: true},
			{name: "largest unset", batch: func() Batch { return seal(put64(batchOf(t, codec, 3), posMaxTimestamp, -1)) }, max: testNow},
			{name: "too late", mod: func(r *Rules) { r.NowMs -= hour + 1 }, want: kerr.InvalidTimestamp, records: 1},
			{name: "just in time", mod: func(r *Rules) { r.NowMs -= hour }, max: testNow},
			{name: "too early", mod: func(r *Rules) { r.BeforeMaxMs, r.NowMs = 10, testNow+11 }, want: kerr.InvalidTimestamp, records: 3},
			{name: "just early enough", mod: func(r *Rules) { r.BeforeMaxMs, r.NowMs = 10, testNow+8 }, max: testNow},
			{
				name: "producer's log append time on such a topic", want: kerr.InvalidTimestamp, records: 3,
				batch: func() Batch { return seal(attribute(batchOf(t, codec, 3), logAppendTime)) },
				mod:   func(r *Rules) { r.TimestampType = LogAppendTime },
			},
			{
				name: "producer's log append time is cleared", max: testNow,
				batch: func() Batch { return seal(attribute(batchOf(t, codec, 3), logAppendTime)) },
			},
		} {
			b := batchOf(t, codec, 3)
			if tc.batch != nil {
				b = tc.batch()
			}
			r := rules()
			if tc.mod != nil {
				tc.mod(r)
			}
			got, err := Validate(b, r)
			name := fmt.Sprint(codec, ": ", tc.name)
			if tc.want != nil {
				var ie *InvalidError
				if !errors.As(err, &ie) || ie.Code != tc.want {
					t.Errorf("%s: %v", name, err)
				}
				if codec == None && len(ie.Records) != tc.records {
					t.Errorf("%s: record errors %v", name, ie.Records)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got.MaxTimestamp != tc.max || got.Batch.MaxTimestamp() != tc.max || got.Rebuilt ||
				got.Batch.CheckCRC() != nil || got.Batch.Attributes().LogAppendTime() != tc.appendTime {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestValidateCompacted(t *testing.T) {
	for _, codec := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		var b Builder
		b.Reset(BatchOptions{Codec: codec})
		for i := range 5 {
			var key []byte
			if i%2 == 0 {
				key = []byte("k")
			}
			b.Append(testNow, key, nil)
		}
		batch, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := rules()
		if _, err := Validate(bytes.Clone(batch), r); err != nil {
			t.Errorf("%s: %v", codec, err)
		}
		r.Compacted = true
		_, err = Validate(bytes.Clone(batch), r)
		ie, ok := errors.AsType[*InvalidError](err)
		if !ok || ie.Code != kerr.InvalidRecord {
			t.Fatalf("%s: %v", codec, err)
		}
		var at []int32
		for _, e := range ie.Records {
			at = append(at, e.Index)
		}
		if diff := cmp.Diff([]int32{1, 3}, at); diff != "" {
			t.Errorf("%s: %s", codec, diff)
		}
		if _, err := Validate(batchOf(t, codec, 5), r); err != nil {
			t.Errorf("%s with keys: %v", codec, err)
		}
	}
}

// TestRecordErrorsAreBounded: a batch of refused records costs no list of them
// all.
func TestRecordErrorsAreBounded(t *testing.T) {
	var b Builder
	b.Reset(BatchOptions{})
	for range 5000 {
		b.Append(testNow, nil, nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rules()
	r.Compacted = true
	_, err = Validate(batch, r)
	ie, ok := errors.AsType[*InvalidError](err)
	if !ok || len(ie.Records) != maxRecordErrors || !strings.Contains(ie.Message, "5000") {
		t.Errorf("%v", err)
	}
}

func TestValidateRecompress(t *testing.T) {
	all := []Codec{None, Gzip, Snappy, LZ4, Zstd}
	for _, from := range all {
		for _, to := range all {
			in := batchOf(t, from, 50)
			want := each(t, in, new(Decompressor))
			r := rules()
			r.Recompress, r.Codec = true, to
			got, err := Validate(in, r)
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			if got.Rebuilt != (from != to) || got.Batch.Attributes().Codec() != to || got.Batch.CheckCRC() != nil {
				t.Errorf("%s to %s: rebuilt %v, codec %s", from, to, got.Rebuilt, got.Batch.Attributes().Codec())
			}
			if b, rest, err := Next(got.Batch); err != nil || len(rest) != 0 || len(b) != len(got.Batch) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if diff := cmp.Diff(want, each(t, got.Batch, new(Decompressor))); diff != "" {
				t.Errorf("%s to %s: %s", from, to, diff)
			}
		}
	}
	r := rules()
	r.Recompress, r.Codec, r.MaxMessageBytes = true, None, 2000
	if _, err := Validate(batchOf(t, Zstd, 500), r); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("too large after expansion: %v", err)
	}
	r = rules()
	r.Recompress, r.Codec, r.TimestampType, r.NowMs = true, LZ4, LogAppendTime, testNow+9
	got, err := Validate(batchOf(t, Gzip, 3), r)
	if err != nil || got.MaxTimestamp != testNow+9 || !got.Batch.Attributes().LogAppendTime() {
		t.Errorf("%+v %v", got, err)
	}
}

// TestDeepAgreesWithPlain: the stream over a compressed batch and the iterator
// over the same records find the same.
func TestDeepAgreesWithPlain(t *testing.T) {
	bodies := [][]byte{
		{0, 0, 0, 1, 1, 0},
		{0, 0, 0, 1, 1, 1},
		{0, 0, 2, 1, 1, 0},
		{},
		{0},
		{0, 0, 0, 1, 1, 2, 1, 1},
		{0, 0, 0, 1, 1, 2, 0, 1},
		{0, 0, 0, 5, 1, 0},
		{0, 0, 0, 4, 'k', 'k', 1, 0},
		{0, 0, 0, 6, 'k', 'k', 1, 0},
		{0, 0, 0, 1, 1, 0, 0},
	}
	for _, body := range bodies {
		for _, tail := range [][]byte{nil, {1}} {
			payload := append(append(appendVarint(nil, int32(len(body))), body...), tail...)
			want := codeOf(t, func() error { _, err := Validate(raw(None, 1, payload), rules()); return err }())
			for _, c := range []Codec{Gzip, Snappy, LZ4, Zstd} {
				packed, err := new(Compressor).Append(nil, payload, c, Level{})
				if err != nil {
					t.Fatal(err)
				}
				r := rules()
				r.Deep = true
				_, err = Validate(raw(c, 1, packed), r)
				if got := codeOf(t, err); got != want {
					t.Errorf("%s %x: code %d (%v), uncompressed %d", c, payload, got, err, want)
				}
			}
		}
	}
}

// TestValidateAllocatesNothing on the paths that every produce takes.
func TestValidateAllocatesNothing(t *testing.T) {
	for _, tc := range []struct {
		codec Codec
		mod   func(*Rules)
	}{
		{None, func(*Rules) {}},
		{None, func(r *Rules) { r.Compacted = true }},
		{None, func(r *Rules) { r.TimestampType = LogAppendTime }},
		{Gzip, func(*Rules) {}},
		{Snappy, func(*Rules) {}},
		{LZ4, func(*Rules) {}},
		{Zstd, func(*Rules) {}},
		{Snappy, func(r *Rules) { r.Compacted = true }},
		{LZ4, func(r *Rules) { r.Compacted = true }},
	} {
		b, r := batchOf(t, tc.codec, 100), rules()
		tc.mod(r)
		if n := testing.AllocsPerRun(50, func() {
			if _, err := Validate(b, r); err != nil {
				t.Fatal(err)
			}
			b.setMaxTimestamp(CreateTime, testNow)
		}); n != 0 {
			t.Errorf("%s: %v allocations", tc.codec, n)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, codec := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		for _, deep := range []bool{false, true} {
			if codec == None && deep {
				continue
			}
			batch, r := batchOf(b, codec, 1000), rules()
			r.Deep = deep
			b.Run(fmt.Sprintf("%s/deep=%v", codec, deep), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(batch)))
				for b.Loop() {
					if _, err := Validate(batch, r); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
			})
		}
	}
}

// FuzzValidate looks for panics, for codes that are not a client's fault, and
// for batches that are accepted and cannot be read.
func FuzzValidate(f *testing.F) {
	for _, g := range golden(f) {
		if len(g.batch) < 2000 {
			f.Add([]byte(g.batch), uint8(0))
		}
	}
	f.Add([]byte(raw(Zstd, 1, zstdBomb(20))), uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, how uint8) {
		b, err := One(p)
		if err != nil {
			codeOf(t, err)
			return
		}
		b = seal(slices.Clone(b))
		r := rules()
		r.MaxDecompressedBytes = 4 << 20
		r.Compacted, r.Deep = how&1 != 0, how&2 != 0
		r.TimestampType = TimestampType(how >> 2 & 1)
		r.Recompress, r.Codec = how&8 != 0, Codec(how>>4%5)
		before := slices.Clone(b)
		got, err := Validate(b, r)
		if err != nil {
			codeOf(t, err)
			if !bytes.Equal(before, b) {
				t.Fatal("a refused batch was changed")
			}
			return
		}
		if got.Batch.CheckCRC() != nil || len(got.Batch) != got.Batch.Size() {
			t.Fatal("accepted and corrupt")
		}
		if before.Attributes().Codec() != None && !r.Deep && !r.Compacted && !got.Rebuilt {
			return
		}
		payload, err := new(Decompressor).Records(nil, got.Batch, 4<<20)
		if err != nil {
			t.Fatal(err)
		}
		it := got.Batch.Iterate(payload)
		var rec Record
		n := int32(0)
		for it.Next(&rec) {
			if rec.OffsetDelta != n || r.Compacted && rec.Key == nil || rec.Timestamp > got.MaxTimestamp {
				t.Fatalf("record %d: %+v, largest timestamp %d", n, rec, got.MaxTimestamp)
			}
			n++
		}
		if it.Err() != nil || n != got.Batch.Count() {
			t.Fatalf("%d of %d records: %v", n, got.Batch.Count(), it.Err())
		}
	})
}
