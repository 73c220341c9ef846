package txn

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

//go:embed testdata/golden/records.txt
var golden string // from Apache Kafka by test/golden/capture/TxnRecords.java

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("wrote %x\nKafka   %x", got, want)
	}
}

// goldenLines are the fields of golden's lines of one kind.
func goldenLines(kind string) (out [][]string) {
	for line := range strings.Lines(golden) {
		if f := strings.Split(strings.TrimSpace(line), " "); f[0] == kind {
			out = append(out, f)
		}
	}
	return out
}

func goldenRecord(t testing.TB, name, version string) (key, value []byte) {
	t.Helper()
	for _, f := range goldenLines("record") {
		if f[1] == name && f[2] == version {
			return unhex(t, f[3]), unhex(t, f[4])
		}
	}
	t.Fatalf("no golden record %s %s", name, version)
	return nil, nil
}

// TestGoldenRecords reads what Kafka wrote and writes the same bytes.
func TestGoldenRecords(t *testing.T) {
	lines := goldenLines("record")
	if len(lines) != 26 {
		t.Errorf("%d records, want 26", len(lines))
	}
	for _, f := range lines {
		t.Run(f[1]+"/"+f[2], func(t *testing.T) {
			key, value := unhex(t, f[3]), unhex(t, f[4])
			id, err := decodeKey(key)
			if err != nil || id != "txn-é" {
				t.Fatalf("id %q, %v", id, err)
			}
			same(t, key, encodeKey(id))
			if value == nil {
				if r := tombstone(id); r.Value != nil {
					t.Error("a tombstone has a value")
				}
				return
			}
			v, err := decodeLogValue(value)
			if err != nil {
				t.Fatal(err)
			}
			same(t, value, v.AppendTo(nil))
		})
	}
}

// TestGoldenWrites compares the records that the shard writes with Kafka's, by
// level of transaction.version.
func TestGoldenWrites(t *testing.T) {
	const now = 1700000000000
	for level := range int16(3) {
		client := int16(0)
		if level == 2 {
			client = 2
		}
		one := partitionSet{{"t", []int32{0}}}
		for name, m := range map[string]metadata{
			"empty":            {epoch: 0, state: Empty, startMs: -1},
			"ongoing":          {epoch: 3, state: Ongoing, partitions: one},
			"prepare-commit":   {epoch: 4, state: PrepareCommit, partitions: one},
			"prepare-abort":    {epoch: 4, state: PrepareAbort},
			"prepare-overflow": {epoch: maxEpoch, state: PrepareCommit, partitions: one, nextProducerID: 2000},
			"complete-commit":  {epoch: 4, state: CompleteCommit},
			"complete-abort":   {producerID: 2000, epoch: 0, state: CompleteAbort},
		} {
			if m.producerID == 0 {
				m.producerID = 1000
			}
			if m.nextProducerID == 0 {
				m.nextProducerID = noProducerID
			}
			if m.startMs == 0 {
				m.startMs = now
			}
			m.prevProducerID, m.timeoutMs, m.updateMs, m.version = 1000, 60_000, now+1, client
			key, value := goldenRecord(t, name, strconv.Itoa(int(level)))
			r := encode("txn-é", &m, level)
			same(t, key, r.Key)
			same(t, value, r.Value)
			back, err := decodeValue(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			if level == 0 { // which has no place for these
				m.prevProducerID, m.nextProducerID = noProducerID, noProducerID
			}
			m.lastEpoch = noEpoch
			if text(back) != text(&m) {
				t.Errorf("%s %d: read back %s, wrote %s", name, level, text(back), text(&m))
			}
		}
	}
}

func TestGoldenLoad(t *testing.T) {
	for _, f := range goldenLines("record") {
		s := New(DefaultConfig())
		if err := s.Load(7, -1, unhex(t, f[3]), unhex(t, f[4])); err != nil {
			t.Fatalf("%s %s: %v", f[1], f[2], err)
		}
		s.Loaded(time.UnixMilli(1700000000002), 8)
		if err := s.check(); err != nil {
			t.Errorf("%s %s: %v", f[1], f[2], err)
		}
	}
	_, value := goldenRecord(t, "all-tags", "1")
	m, err := decodeValue(value)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Ongoing producer=1/4 prev=2 next=3 last=-1 timeout=6ms start=8 update=7 version=2 [a-7 b-0 b-1]"; text(m) != want {
		t.Errorf("read %s\nwant %s", text(m), want)
	}
}

// TestGoldenPartitions compares the placement of ids with Kafka's.
func TestGoldenPartitions(t *testing.T) {
	for _, f := range goldenLines("partition") {
		count, _ := strconv.Atoi(f[2])
		want, _ := strconv.Atoi(f[3])
		if got := shard.PartitionFor(string(unhex(t, f[1])), int32(count)); got != int32(want) {
			t.Errorf("PartitionFor(%s, %d) = %d, Kafka says %d", f[1], count, got, want)
		}
	}
}

func TestLoadSkipsWhatItDoesNotKnow(t *testing.T) {
	key, value := goldenRecord(t, "ongoing", "2")
	with := func(at int, b ...byte) []byte {
		v := bytes.Clone(value)
		copy(v[at:], b)
		return v
	}
	cases := []struct {
		name       string
		key, value []byte
		want       error
	}{
		{"unknown type", []byte{0, 1, 0, 1, 't'}, value, shard.ErrUnknownRecord},
		{"unknown version", key, with(0, 0, 2), shard.ErrUnknownRecord},
		{"no type", []byte{0}, value, shard.ErrMalformedRecord},
		{"no version", key, []byte{}, shard.ErrMalformedRecord},
		{"cut key", key[:5], value, shard.ErrMalformedRecord},
		{"cut value", key, value[:len(value)-3], shard.ErrMalformedRecord},
		{"no producer", key, with(2, 0xff), shard.ErrMalformedRecord},
		{"no epoch", key, with(10, 0xff), shard.ErrMalformedRecord},
		{"dead", key, with(16, 6), shard.ErrMalformedRecord},
		{"unknown state", key, with(16, 8), shard.ErrMalformedRecord},
		{"negative state", key, with(16, 0xff), shard.ErrMalformedRecord},
		{"many topics", key, with(17, 0xff, 0xff, 0xff, 0xff, 0x07), shard.ErrMalformedRecord},
		{"short tag", key, append(bytes.Clone(value[:len(value)-3]), 1, 0), shard.ErrMalformedRecord},
	}
	for _, c := range cases {
		s := New(DefaultConfig())
		if err := s.Load(0, -1, c.key, c.value); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if s.Skipped() != 1 || len(s.ids) != 0 {
			t.Errorf("%s: skipped %d, state %q", c.name, s.Skipped(), s.text())
		}
	}
}

func addGolden(f *testing.F, add func(key, value []byte, tombstone bool)) {
	for _, l := range goldenLines("record") {
		add(unhex(f, l[3]), unhex(f, l[4]), l[4] == "-")
	}
}

// FuzzLoad loads an arbitrary record: what was taken in is sound, and every
// request, timeout and marker can be served on top of it.
func FuzzLoad(f *testing.F) {
	addGolden(f, func(key, value []byte, tombstone bool) { f.Add(key, value, tombstone, uint8(0)) })
	f.Fuzz(func(t *testing.T, key, value []byte, tombstone bool, seed uint8) {
		if tombstone {
			value = nil
		}
		w := newWorld(t, DefaultConfig())
		if w.s.Load(0, -1, key, value) != nil {
			if len(w.s.ids) != 0 {
				t.Fatalf("a record that was skipped left %q", w.s.text())
			}
			return
		}
		w.log = append(w.log, shard.Record{Key: key, Value: value})
		w.take(w.s.Loaded(w.now, 1))
		w.exercise(seed)
		if err := w.s.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDecode compares the decoder with kmsg's: what it takes, kmsg must take,
// too, and read the same.
func FuzzDecode(f *testing.F) {
	addGolden(f, func(_, value []byte, _ bool) { f.Add(value) })
	f.Fuzz(func(t *testing.T, b []byte) {
		if shard.CheckValueVersion(b, maxValueVersion) != nil {
			return
		}
		got, err := decodeLogValue(b)
		if err != nil {
			return
		}
		want := kmsg.NewTxnMetadataValue()
		if err := want.ReadFrom(b); err != nil {
			t.Fatalf("kmsg refuses: %v", err)
		}
		want.UnknownTags = kmsg.Tags{}
		for i := range want.Topics {
			want.Topics[i].UnknownTags = kmsg.Tags{}
		}
		if !bytes.Equal(want.AppendTo(nil), got.AppendTo(nil)) {
			t.Fatalf("got %+v, kmsg %+v", got, want)
		}
	})
}
