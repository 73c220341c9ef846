package record

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/golden/batches.txt
var goldenText string // from Apache Kafka by test/golden/capture/RecordBatches.java

// goldenBatch is one batch that Apache Kafka wrote, and what it read back.
type goldenBatch struct {
	name    string
	batch   Batch
	size    int    // of the records, expanded
	sum     string // CRC-32C of the records, expanded
	records []string
}

func golden(t testing.TB) []goldenBatch {
	t.Helper()
	var out []goldenBatch
	for line := range strings.Lines(goldenText) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "batch":
			name, text, _ := strings.Cut(rest, " ")
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, goldenBatch{name: name, batch: b})
		case "payload":
			size, sum, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(size)
			if err != nil {
				t.Fatal(err)
			}
			out[len(out)-1].size, out[len(out)-1].sum = n, sum
		case "record":
			g := &out[len(out)-1]
			g.records = append(g.records, rest)
		}
	}
	return out
}

func goldenNamed(t testing.TB, name string) Batch {
	t.Helper()
	for _, g := range golden(t) {
		if g.name == name {
			return bytes.Clone(g.batch)
		}
	}
	t.Fatalf("no golden batch %q", name)
	return nil
}

// describe writes a record as the capture program does.
func describe(r *Record) string {
	field := func(p []byte) string {
		if p == nil {
			return "-"
		}
		return "x" + hex.EncodeToString(p)
	}
	s := fmt.Sprintf("%d %d %s %s", r.Offset, r.Timestamp, field(r.Key), field(r.Value))
	for key, value := range r.Headers {
		s += " " + hex.EncodeToString(key) + "=" + strings.TrimPrefix(field(value), "x")
	}
	return s
}

// each returns all records of a batch, described.
func each(t testing.TB, b Batch, d *Decompressor) []string {
	t.Helper()
	payload, err := d.Records(nil, b, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	it := b.Iterate(payload)
	var r Record
	for it.Next(&r) {
		out = append(out, describe(&r))
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGoldenRead(t *testing.T) {
	var d Decompressor // one for all, as in production
	for _, g := range golden(t) {
		b, rest, err := Next(g.batch)
		if err != nil || len(rest) > 0 || b.CheckCRC() != nil {
			t.Fatalf("%s: %v %v", g.name, err, b.CheckCRC())
		}
		payload, err := d.Records(nil, b, 0)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		if sum := fmt.Sprintf("%08x", crc32.Checksum(payload, castagnoli)); len(payload) != g.size || sum != g.sum {
			t.Errorf("%s: %d bytes with sum %s, want %d, %s", g.name, len(payload), sum, g.size, g.sum)
		}
		bound, err := Bound(b.Attributes().Codec(), b.Records())
		if err != nil || bound < int64(g.size) {
			t.Errorf("%s: bound %d of %d bytes, %v", g.name, bound, g.size, err)
		}
		n, err := d.measured(b)
		if err != nil || n != g.size {
			t.Errorf("%s: measured %d, %v", g.name, n, err)
		}
		if len(g.records) == 0 {
			continue
		}
		if diff := cmp.Diff(g.records, each(t, b, &d)); diff != "" {
			t.Errorf("%s: -Kafka +ours\n%s", g.name, diff)
		}
	}
}

// measured is Measure for any codec.
func (d *Decompressor) measured(b Batch) (int, error) {
	if b.Attributes().Codec() == None {
		return len(b.Records()), nil
	}
	return d.Measure(b.Records(), b.Attributes().Codec(), 1<<30)
}

// TestGoldenWrite builds the same batches: without compression byte for byte.
func TestGoldenWrite(t *testing.T) {
	small := func(o BatchOptions) Batch {
		var b Builder
		o.LeaderEpoch = -1
		b.Reset(o)
		const ts = 1700000000000
		b.Append(ts, []byte("key"), []byte("value"))
		b.Append(ts+100, nil, []byte("value"))
		b.Append(ts-70000, []byte("tombstone"), nil)
		b.Append(ts+3, []byte{}, []byte{}, Header{"h", []byte("1")}, Header{"h", nil}, Header{"größe", []byte{0, 0xff}})
		b.Append(ts+4, []byte("key"), bytes.Repeat([]byte("x"), 300))
		out, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, got := range map[string]Batch{
		"none":          small(BatchOptions{}),
		"append-time":   small(BatchOptions{LogAppendTime: true, AppendTimeMs: 1700000000500}),
		"transactional": small(BatchOptions{Transactional: true, Producer: &Producer{4000, 3, 77}}),
		"marker-commit": EndTxnMarker{true, 12, 4000, 3, 1700000000000}.Append(nil),
		"marker-abort":  EndTxnMarker{false, 12, 4000, 3, 1700000000000}.Append(nil),
		"snappy":        nil, "lz4": nil, "gzip": nil, "zstd": nil, // other bytes, the same records
	} {
		want := goldenNamed(t, name)
		if got != nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -Kafka +ours\n%s", name, diff)
			}
			continue
		}
		got = small(BatchOptions{Codec: want.Attributes().Codec()})
		if diff := cmp.Diff(each(t, want, new(Decompressor)), each(t, got, new(Decompressor))); diff != "" {
			t.Errorf("%s: -Kafka +ours\n%s", name, diff)
		}
		if diff := cmp.Diff(want[posAttributes:HeaderSize], got[posAttributes:HeaderSize]); diff != "" {
			t.Errorf("%s header: -Kafka +ours\n%s", name, diff)
		}
	}
}

func TestGoldenControl(t *testing.T) {
	for name, want := range map[string]ControlType{"marker-commit": ControlCommit, "marker-abort": ControlAbort} {
		b := goldenNamed(t, name)
		it := b.Iterate(b.Records())
		var r Record
		if !it.Next(&r) {
			t.Fatal(it.Err())
		}
		typ, epoch, err := ParseControl(&r)
		if typ != want || epoch != 12 || err != nil {
			t.Errorf("%s: %d %d %v", name, typ, epoch, err)
		}
	}
	for _, r := range []Record{{}, {Key: []byte{0, 0, 0}}, {Key: []byte{0xff, 0, 0, 0}}, {Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0}}} {
		if _, _, err := ParseControl(&r); err == nil {
			t.Errorf("%x %x is a control record", r.Key, r.Value)
		}
	}
}
