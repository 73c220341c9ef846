package record

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestVarints(t *testing.T) {
	for _, v := range []int64{0, -1, 1, 63, -64, 64, 8191, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		p := appendVarlong(nil, v)
		if got, n := varlong(p); got != v || n != len(p) || n != varintSize(v) {
			t.Errorf("varlong(%d) = %d in %d bytes", v, got, n)
		}
		for cut := range p {
			if _, n := varlong(p[:cut]); n != 0 {
				t.Errorf("%d cut to %d bytes", v, cut)
			}
		}
		if int64(int32(v)) != v {
			continue
		}
		if got, n := varint(p); got != int32(v) || n != len(p) {
			t.Errorf("varint(%d) = %d in %d bytes", v, got, n)
		}
	}
	long := bytes.Repeat([]byte{0x80}, 11)
	if _, n := varint(long); n != 0 {
		t.Error("varint of eleven bytes")
	}
	if _, n := varlong(long); n != 0 {
		t.Error("varlong of eleven bytes")
	}
}

// FuzzRecord: no panic, and a record that is valid is what kmsg reads.
func FuzzRecord(f *testing.F) {
	for _, g := range golden(f) {
		if g.batch.Attributes().Codec() == None {
			f.Add([]byte(g.batch.Records()))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var got Record
		rest, err := got.parse(p)
		var lean skimmed
		if n, skimErr := lean.skim(p); (err == nil) != (skimErr == nil) || err == nil && n != got.Size {
			t.Fatalf("parse: %v, skim: %v", err, skimErr)
		}
		if err != nil {
			return
		}
		if lean != (skimmed{got.Timestamp, got.OffsetDelta, got.Key != nil}) {
			t.Fatalf("parse: %+v, skim: %+v", got, lean)
		}
		if got.Size+len(rest) != len(p) {
			t.Fatalf("%d and %d bytes of %d", got.Size, len(rest), len(p))
		}
		want := kmsg.NewRecord()
		if err := want.ReadFrom(p); err != nil {
			t.Fatalf("kmsg refuses: %v", err)
		}
		ours := kmsg.NewRecord()
		ours.Length = want.Length
		ours.Attributes, ours.TimestampDelta64 = got.Attributes, got.Timestamp
		ours.TimestampDelta = int32(got.Timestamp)
		ours.OffsetDelta, ours.Key, ours.Value = got.OffsetDelta, got.Key, got.Value
		for key, value := range got.Headers {
			ours.Headers = append(ours.Headers, kmsg.Header{Key: string(key), Value: value})
		}
		if len(want.Headers) == 0 {
			want.Headers = nil
		}
		if diff := cmp.Diff(want, ours); diff != "" {
			t.Fatalf("-kmsg +ours\n%s", diff)
		}
		checkCopy(t, &got)
	})
}

// checkCopy builds a batch of a record and reads it back.
func checkCopy(t *testing.T, r *Record) {
	t.Helper()
	var b Builder
	b.Reset(BatchOptions{})
	r.Offset = 5
	if err := b.AppendRecord(r); err != nil {
		t.Fatal(err)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	it := batch.Iterate(batch.Records())
	var back Record
	if !it.Next(&back) || it.Next(new(Record)) || it.Err() != nil {
		t.Fatal(it.Err())
	}
	if describe(r) != describe(&back) {
		t.Fatalf("%s became %s", describe(r), describe(&back))
	}
}

func TestBuilderOffsets(t *testing.T) {
	var b Builder
	b.Reset(BatchOptions{BaseOffset: 100})
	for _, offset := range []int64{100, 105, 300} {
		if err := b.AppendRecord(&Record{Offset: offset, Timestamp: offset, Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, offset := range []int64{300, 99, 100 + 1<<31} {
		if err := b.AppendRecord(&Record{Offset: offset}); err == nil {
			t.Errorf("offset %d was taken", offset)
		}
	}
	b.KeepLastOffset(400)
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if batch.BaseOffset() != 100 || batch.LastOffset() != 400 || batch.NextOffset() != 401 || batch.Count() != 3 ||
		batch.MaxTimestamp() != 300 || batch.BaseTimestamp() != 100 || batch.CheckCRC() != nil || b.Count() != 3 {
		t.Errorf("%v", each(t, batch, new(Decompressor)))
	}
	if diff := cmp.Diff([]string{"100 100 - x76", "105 105 - x76", "300 300 - x76"}, each(t, batch, new(Decompressor))); diff != "" {
		t.Error(diff)
	}
}

func TestNext(t *testing.T) {
	b := batchOf(t, None, 2)
	two := append(bytes.Clone(b), b...)
	first, rest, err := Next(two)
	if err != nil || !bytes.Equal(first, b) || !bytes.Equal(rest, b) || cap(first) != len(first) {
		t.Errorf("%d %d %v", len(first), len(rest), err)
	}
	for n := range b {
		if _, _, err := Next(b[:n]); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, err := Next(put32(bytes.Clone(b), posLength, 48)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("length 48: %v", err)
	}
}

func TestIterateAllocatesNothing(t *testing.T) {
	b := batchOf(t, None, 50)
	var d Decompressor
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		payload, err := d.Records(nil, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		it := b.Iterate(payload)
		var r Record
		for it.Next(&r) {
			for key, value := range r.Headers {
				sum += len(key) + len(value)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkIterate(b *testing.B) {
	batch := batchOf(b, None, 1000)
	b.ReportAllocs()
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		it := batch.Iterate(batch.Records())
		var r Record
		for it.Next(&r) {
		}
		if it.Err() != nil {
			b.Fatal(it.Err())
		}
	}
}
