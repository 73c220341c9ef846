package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// goldenRequest is a request body that Apache Kafka's own classes wrote.
type goldenRequest struct {
	key     *Key
	version int16
	variant string // full or bare
	body    []byte
}

func (g goldenRequest) String() string {
	return fmt.Sprintf("%s v%d %s", g.key.Name, g.version, g.variant)
}

// goldenRequests reads those of every API and version that is spoken.
func goldenRequests(tb testing.TB) []goldenRequest {
	tb.Helper()
	var all []goldenRequest
	for i := range Keys {
		k := &Keys[i]
		name := filepath.Join("../../../test/golden/wire", fmt.Sprintf("%02d-%s.txt", k.Num, k.Name))
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			g := goldenRequest{key: k}
			var kind, body string
			if _, err := fmt.Sscan(line+" -", &g.version, &kind, &g.variant, &body); err != nil {
				tb.Fatalf("%s: %q: %v", name, line, err)
			}
			if kind != "request" {
				continue
			}
			if body != "-" {
				if g.body, err = hex.DecodeString(body); err != nil {
					tb.Fatalf("%s: %v", name, err)
				}
			}
			all = append(all, g)
		}
	}
	return all
}

// decode is kmsg's reading of a body.
func decode(k *Key, version int16, body []byte) (kmsg.Request, error) {
	req := kmsg.RequestForKey(k.Num)
	req.SetVersion(version)
	return req, req.ReadFrom(body)
}

func TestCheckTakesWhatKafkaWrites(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range goldenRequests(t) {
		seen[fmt.Sprint(g.key.Name, g.version)] = true
		if err := Check(g.key, g.version, g.body); err != nil {
			t.Errorf("%v: %v", g, err)
		}
		got, err := Clone(g.key, g.version, append(bytes.Clone(g.body), "trailing"...))
		if err != nil || !bytes.Equal(got, g.body) {
			t.Errorf("%v: clone %x, %v, want %x", g, got, err, g.body)
		}
	}
	for i := range Keys {
		for v := Keys[i].Min; v <= Keys[i].Max; v++ {
			if !seen[fmt.Sprint(Keys[i].Name, v)] {
				t.Errorf("%s v%d has no golden request", Keys[i].Name, v)
			}
		}
	}
}

// What is cut anywhere is refused, also where kmsg takes a missing count of tags as none.
func TestCheckRefusesEveryPrefix(t *testing.T) {
	for _, g := range goldenRequests(t) {
		for n := range g.body {
			if err := Check(g.key, g.version, g.body[:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v: %d of %d bytes: %v", g, n, len(g.body), err)
			}
		}
	}
}

// Produce below version 3 is decoded to be refused with an answer.
func TestCheckTakesOldProduce(t *testing.T) {
	for v := range KeyOf(Produce).Min {
		req := sampleProduce(v)
		body := req.AppendTo(nil)
		if err := Check(KeyOf(Produce), v, body); err != nil {
			t.Errorf("v%d: %v", v, err)
		}
		if err := Check(KeyOf(Produce), v, body[:len(body)-1]); !errors.Is(err, ErrMalformed) {
			t.Errorf("v%d: cut: %v", v, err)
		}
	}
}

// The walk recurses as deep as the schema, and no deeper.
func TestSchema(t *testing.T) {
	var walk func(path string, l *layout, depth int)
	walk = func(path string, l *layout, depth int) {
		if depth > maxDepth {
			t.Errorf("%s: deeper than %d", path, maxDepth)
		}
		for i := range len(l.fields) + len(l.tagged) {
			var f *field
			if i < len(l.fields) {
				f = &l.fields[i]
			} else {
				f = &l.tagged[i-len(l.fields)]
			}
			at := path + "." + f.name
			if (f.kind == fixed) != (f.width > 0) || (f.kind == structure) != (f.of != nil) || f.in.first >= f.in.end {
				t.Errorf("%s: %+v", at, f)
			}
			if f.of != nil {
				walk(at, f.of, depth+1)
			}
		}
	}
	for i := range Keys {
		walk(Keys[i].Name, &requestLayouts[Keys[i].Num], 1)
	}
}

func TestCheckRefuses(t *testing.T) {
	meta, beat, cursor := KeyOf(Metadata), KeyOf(Heartbeat), KeyOf(DescribeTopicPartitions)
	names := func(n int) []byte { return append(appendInt32(nil, int32(n)), make([]byte, 2*n)...) }
	for _, tc := range []struct {
		name    string
		key     *Key
		version int16
		body    string
		want    error
		where   string
	}{
		{"array 2^31-1", meta, 0, "\x7f\xff\xff\xff", errLength, "Topics at byte 0"},
		{"array -5", meta, 1, "\xff\xff\xff\xfb", errLength, "Topics at byte 0"},
		{"array null before it may be", meta, 0, "\xff\xff\xff\xff", errNull, "Topics at byte 0"},
		{"compact array 2^32-2", meta, 9, "\xff\xff\xff\xff\x0f", errLength, "Topics at byte 0"},
		{"name length -1", meta, 0, "\x00\x00\x00\x02\x00\x01a\xff\xff", errNull, "Topics.Name at byte 7"},
		{"name length -2", meta, 0, "\x00\x00\x00\x01\xff\xfe", errLength, "Topics.Name at byte 4"},
		{"compact name null before it may be", meta, 9, "\x02\x00\x00\x00\x00\x00\x00", errNull, "Topics.Name at byte 1"},
		{"varint of six bytes", meta, 9, "\x80\x80\x80\x80\x80\x01\x00", errVarint, "Topics at byte 0"},
		{"varint of ten bytes", meta, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", errVarint, "Topics at byte 0"},
		{"varint of 33 bits", meta, 9, "\xff\xff\xff\xff\x1f", errVarint, "Topics at byte 0"},
		{"tag count 2^28", meta, 9, "\x00\x00\x00\x00\x80\x80\x80\x80\x01", errLength, "tagged fields at byte 4"},
		{"tag count 2^32-1", beat, 4, "\x02g\x00\x00\x00\x01\x02m\x00\xff\xff\xff\xff\x0f", errLength, "tagged fields at byte 9"},
		{"no tag count", beat, 4, "\x02g\x00\x00\x00\x01\x02m\x00", errShortFrame, "tagged fields at byte 9"},
		{"tag size beyond the frame", beat, 4, "\x02g\x00\x00\x00\x01\x02m\x00\x01\x07\x05abc", errShortFrame, "tagged fields at byte 10"},
		{"tag size 2^32-1", beat, 4, "\x02g\x00\x00\x00\x01\x02m\x00\x01\x07\xff\xff\xff\xff\x0f", errShortFrame, "tagged fields at byte 10"},
		{"tags of an element", meta, 12, "\x02" + strings.Repeat("i", 16) + "\x02a\x01\x05\x7f", errShortFrame, "Topics.tagged fields at byte 20"},
		{"present byte -2", cursor, 0, "\x01\x00\x00\x00\x01\xfe", errLength, "Cursor at byte 5"},
		{"known tag too long", KeyOf(Fetch), 17, fetchTag("\x00\x03\x02a\x00"), errTag, "ClusterId at byte 27"},
		{"known tag too short", KeyOf(Fetch), 17, fetchTag("\x01\x04\x00\x00\x00\x01"), errShortFrame, "ReplicaState.ReplicaEpoch at byte 31"},
		{"known tag of a later version", KeyOf(BrokerHeartbeat), 1, strings.Repeat("\x00", 22) + "\x02\x63\x00\x01\x01\x01", errTagVersion, "CordonedLogDirs at byte 25"},
		{"too many elements", meta, 0, string(names(MaxElements + 1)), errElements, "Topics at byte 0"},
		{"too many tags", meta, 9, "\x00\x00\x00\x00\x81\x89\x7a" + strings.Repeat("\x07\x00", MaxTags+1), errTags, "tagged fields at byte 4"},
	} {
		err := Check(tc.key, tc.version, []byte(tc.body))
		if !errors.Is(err, tc.want) || !errors.Is(err, ErrMalformed) || !strings.HasSuffix(err.Error(), ": "+tc.where) {
			t.Errorf("%s: %v, want %v: %s", tc.name, err, tc.want, tc.where)
		}
	}
	if err := Check(meta, 0, names(MaxElements)); err != nil {
		t.Errorf("%d elements: %v", MaxElements, err)
	}
	if err := Check(cursor, 0, []byte("\x01\x00\x00\x00\x01\xff\x00")); err != nil {
		t.Errorf("null structure: %v", err)
	}
}

// fetchTag is a Fetch request, version 17, with one tagged field.
func fetchTag(tag string) string {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 17
	r.ReplicaState.ID = -1
	body := r.AppendTo(nil)
	return string(body[:len(body)-1]) + "\x01" + tag
}

// A copy has the known tagged fields of a section, and the others neither
// there nor in its count.
func TestCloneLeavesUnknownTagsOut(t *testing.T) {
	k := KeyOf(BrokerHeartbeat)
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version, req.BrokerID = 1, 4
	plain := req.AppendTo(nil)
	head := plain[:len(plain)-1]
	known := append([]byte{0, 17, 2}, bytes.Repeat([]byte{9}, 16)...) // tag 0, an array of one id
	for _, tc := range []struct{ name, tags, want string }{
		{"none", "\x00", "\x00"},
		{"one unknown", "\x01\x63\x02ab", "\x00"},
		{"known", "\x01" + string(known), "\x01" + string(known)},
		{"known between unknown", "\x03\x63\x00" + string(known) + "\x64\x01x", "\x01" + string(known)},
		{"a count of two bytes", "\xc8\x01" + strings.Repeat("\x63\x00", 199) + string(known), "\x01" + string(known)},
	} {
		body := append(bytes.Clone(head), tc.tags...)
		got, err := Clone(k, 1, body)
		if err != nil || string(got) != string(head)+tc.want {
			t.Errorf("%s: %x, %v, want %x", tc.name, got, err, string(head)+tc.want)
			continue
		}
		if _, err := decode(k, 1, got); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestCloneSharesNoMemory(t *testing.T) {
	body := []byte("\x00\x00\x00\x01\x00\x01a")
	got, err := Clone(KeyOf(Metadata), 0, body)
	if err != nil {
		t.Fatal(err)
	}
	body[6] = 'b'
	if got[6] != 'a' {
		t.Error("the copy changes with the body")
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	for _, g := range goldenRequests(t) {
		if n := testing.AllocsPerRun(5, func() { _ = Check(g.key, g.version, g.body) }); n != 0 {
			t.Errorf("%v: %v allocations", g, n)
		}
	}
}

// FuzzCheck holds that kmsg decodes whatever passes, that the copy reads as the
// body does, and that a copy of it is the same.
func FuzzCheck(f *testing.F) {
	for _, g := range goldenRequests(f) {
		f.Add(g.key.Num, g.version, g.body)
	}
	f.Add(Heartbeat, int16(4), []byte("\x02g\x00\x00\x00\x01\x02m\x00\xff\xff\xff\xff\x0f"))
	f.Add(BrokerHeartbeat, int16(2), append(make([]byte, 22), "\x02\x63\x00\x01\x01\x01"...))
	f.Fuzz(func(t *testing.T, num, version int16, body []byte) {
		k := KeyOf(num)
		if k == nil || version < k.Min || version > k.Max {
			return
		}
		err := Check(k, version, body)
		clone, cloneErr := Clone(k, version, body)
		if fmt.Sprint(err) != fmt.Sprint(cloneErr) {
			t.Fatalf("Check: %v, Clone: %v", err, cloneErr)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if len(clone) > len(body) {
			t.Fatalf("%d bytes became %d", len(body), len(clone))
		}
		again, err := Clone(k, version, clone)
		if err != nil || !bytes.Equal(again, clone) {
			t.Fatalf("the copy %x is copied to %x, %v", clone, again, err)
		}
		// The loops over lengths and counts ended with bytes for each of their
		// turns, or kmsg would have run out of them.
		req, err := decode(k, version, clone)
		if err != nil {
			t.Fatalf("kmsg refuses %x: %v", clone, err)
		}
		whole, err := decode(k, version, body)
		if err != nil {
			t.Fatalf("kmsg refuses %x: %v", body, err)
		}
		// What kmsg understood is in both; their unknown tags differ.
		stripped, err := Clone(k, version, whole.AppendTo(nil))
		if err != nil || !bytes.Equal(stripped, req.AppendTo(nil)) {
			t.Fatalf("body %x reads as %x, copy as %x, %v", body, stripped, req.AppendTo(nil), err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, g := range goldenRequests(b) {
		if g.variant != "full" || g.version != g.key.Max || g.key.Num != Metadata && g.key.Num != OffsetCommit && g.key.Num != Heartbeat {
			continue
		}
		b.Run(fmt.Sprintf("%s/v%d/%dB", g.key.Name, g.version, len(g.body)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Check(g.key, g.version, g.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Version, commit.Group = 9, "group"
	for range 10 {
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic = "a-topic-of-ten"
		topic.Partitions = make([]kmsg.OffsetCommitRequestTopicPartition, 10)
		commit.Topics = append(commit.Topics, topic)
	}
	body := commit.AppendTo(nil)
	b.Run("OffsetCommit/v9/100partitions", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := Check(KeyOf(OffsetCommit), 9, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("OffsetCommit/v9/100partitions/kmsg", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decode(KeyOf(OffsetCommit), 9, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
