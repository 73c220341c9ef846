package group

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

//go:embed testdata/golden/records.txt
var golden string // from Apache Kafka by test/golden/capture/GroupRecords.java

func unhex(t *testing.T, s string) []byte {
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

func num(t *testing.T, s string) int32 {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// TestGoldenRecords reads what Kafka wrote, in every version, and writes the
// same bytes.
func TestGoldenRecords(t *testing.T) {
	n := 0
	for line := range strings.Lines(golden) {
		f := strings.Split(strings.TrimSpace(line), " ")
		if f[0] != "record" {
			continue
		}
		n++
		t.Run(f[1]+"/"+f[2], func(t *testing.T) {
			key, value := unhex(t, f[3]), unhex(t, f[4])
			typ, err := recordType(key)
			if err != nil {
				t.Fatal(err)
			}
			switch typ {
			case LegacyOffsetCommit, OffsetCommit:
				k, v, err := decodeOffsetCommit(key, value)
				if err != nil {
					t.Fatal(err)
				}
				same(t, key, k.AppendTo(nil))
				if v != nil {
					same(t, value, v.AppendTo(nil))
				}
			case GroupMetadata:
				k, v, err := decodeGroupMetadata(key, value)
				if err != nil {
					t.Fatal(err)
				}
				same(t, key, k.AppendTo(nil))
				if v != nil {
					same(t, value, v.AppendTo(nil))
				}
			}
		})
	}
	if n != 23 {
		t.Errorf("%d records, want 23", n)
	}
}

func same(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("wrote %x\nKafka   %x", got, want)
	}
}

func goldenRecord(t *testing.T, name, version string) (key, value []byte) {
	t.Helper()
	for line := range strings.Lines(golden) {
		f := strings.Split(strings.TrimSpace(line), " ")
		if f[0] == "record" && f[1] == name && f[2] == version {
			return unhex(t, f[3]), unhex(t, f[4])
		}
	}
	t.Fatalf("no golden record %s %s", name, version)
	return nil, nil
}

// TestGoldenWrites compares the records that the shard writes with Kafka's.
func TestGoldenWrites(t *testing.T) {
	topic := [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}
	r := offsetCommitRecord("group", "topic", 12, offset{offset: 7, leaderEpoch: 5, metadata: "métadonnées", commitMs: 1700000000001, expireMs: noExpiry, topicID: topic})
	key, value := goldenRecord(t, "offset-full", "4")
	same(t, key, r.Key)
	same(t, value, r.Value)

	r = offsetCommitRecord("group", "topic", 12, offset{offset: 7, leaderEpoch: 5, metadata: "métadonnées", commitMs: 1700000000001, expireMs: 1700000600000, topicID: topic})
	_, value = goldenRecord(t, "offset-full", "1")
	same(t, value, r.Value)

	r = offsetTombstone("group", "topic", 12)
	key, value = goldenRecord(t, "offset-tombstone", "0")
	same(t, key, r.Key)
	if r.Value != nil || value != nil {
		t.Error("a tombstone has a value")
	}

	g := newClassicGroup("group", 1700000000000)
	key, value = goldenRecord(t, "group-empty", "4")
	r = emptyGroupRecord(g)
	same(t, key, r.Key)
	same(t, value, r.Value)
	same(t, key, groupTombstone("group").Key)

	g.protocolType, g.generation, g.stateMs = "consumer", 4, 1700000000000
	protocol, instance := "range", "instance"
	g.protocol = &protocol
	assignment := map[string][]byte{}
	for _, id := range []string{"m-1", "m-2"} {
		m := &member{
			id: id, clientID: "client", clientHost: "/127.0.0.1", protocolType: "consumer",
			rebalanceTimeoutMs: 300000, sessionTimeoutMs: 45000,
			protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 1, 0, 0, 0, 1, 0, 1, 't'}}},
		}
		if id == "m-2" {
			m.instanceID = &instance
		}
		g.add(m)
		assignment[id] = []byte{9, 8, 7}
	}
	_, value = goldenRecord(t, "group-stable", "4")
	same(t, value, groupRecord(g, assignment).Value)
}

// TestGoldenLoad loads Kafka's records and looks at the state.
func TestGoldenLoad(t *testing.T) {
	for version, want := range map[string]string{
		"0": `group group Stable generation=4 type="consumer" protocol=range leader=m-1
  member m-1 instance=null session=45000 rebalance=45000 assignment="\t\b\a"
  member m-2 instance=null session=45000 rebalance=45000 assignment="\t\b\a"
offset group topic-12=7/-1 "métadonnées" at=1
`,
		"4": `group group Stable generation=4 type="consumer" protocol=range leader=m-1
  member m-1 instance=null session=45000 rebalance=300000 assignment="\t\b\a"
  member m-2 instance=instance session=45000 rebalance=300000 assignment="\t\b\a"
offset group topic-12=7/5 "métadonnées" at=1
`,
	} {
		s := New(DefaultConfig())
		for i, name := range []string{"group-stable", "offset-full"} {
			key, value := goldenRecord(t, name, version)
			if err := s.Load(int64(i), -1, key, value); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, s.text(false)); diff != "" {
			t.Errorf("version %s: %s", version, diff)
		}
		if g := s.groups["group"].(*classicGroup); !g.subscribedTo("t") || g.subscribedTo("u") {
			t.Errorf("version %s: subscribed to %v, want t", version, g.topics)
		}
		for i, name := range []string{"offset-tombstone", "group-tombstone"} {
			key, value := goldenRecord(t, name, "0")
			if err := s.Load(int64(i)+2, -1, key, value); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.text(false); got != "" {
			t.Errorf("version %s: after the tombstones: %s", version, got)
		}
	}
}

// TestGoldenPartitions compares the placement of groups with Kafka's.
func TestGoldenPartitions(t *testing.T) {
	for line := range strings.Lines(golden) {
		f := strings.Split(strings.TrimSpace(line), " ")
		if f[0] != "partition" {
			continue
		}
		id, count, want := string(unhex(t, f[1])), num(t, f[2]), num(t, f[3])
		if got := PartitionFor(id, count); got != want {
			t.Errorf("PartitionFor(%q, %d) = %d, Kafka says %d", id, count, got, want)
		}
	}
}

func TestLoadSkipsWhatItDoesNotKnow(t *testing.T) {
	key, value := goldenRecord(t, "group-stable", "4")
	future := append([]byte{0, 99}, value[2:]...)
	cases := []struct {
		name       string
		producer   int64
		key, value []byte
		want       error
	}{
		{"unknown type", -1, []byte{0, 99, 0, 1, 'g'}, []byte{0, 0}, shard.ErrUnknownRecord},
		{"unknown version", -1, key, future, shard.ErrUnknownRecord},
		{"no type", -1, []byte{0}, value, shard.ErrMalformedRecord},
		{"no version", -1, key, []byte{}, shard.ErrMalformedRecord},
		{"cut key", -1, key[:4], value, shard.ErrMalformedRecord},
		{"cut value", -1, key, value[:len(value)-3], shard.ErrMalformedRecord},
	}
	for _, c := range cases {
		s := New(DefaultConfig())
		if err := s.Load(0, c.producer, c.key, c.value); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if s.Skipped() != 1 || s.text(true) != "" {
			t.Errorf("%s: skipped %d, state %q", c.name, s.Skipped(), s.text(true))
		}
	}
}

// FuzzLoad loads arbitrary records: no panic, and what was taken in is sound.
func FuzzLoad(f *testing.F) {
	for line := range strings.Lines(golden) {
		fields := strings.Split(strings.TrimSpace(line), " ")
		if fields[0] != "record" {
			continue
		}
		k, _ := hex.DecodeString(fields[3])
		v, _ := hex.DecodeString(strings.TrimPrefix(fields[4], "-"))
		f.Add(k, v, fields[4] == "-")
	}
	f.Fuzz(func(t *testing.T, key, value []byte, tombstone bool) {
		if tombstone {
			value = nil
		}
		w := newWorld(t, DefaultConfig())
		if w.s.Load(0, -1, key, value) != nil {
			if got := w.s.text(true); got != "" {
				t.Fatalf("a record that was skipped left %q", got)
			}
			return
		}
		w.s.Loaded(w.now, 1)
		if err := w.s.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDecode compares the decoders with kmsg's: what both take must be the
// same. (kmsg takes null where the schema does not; and it must not be asked
// about counts of tags that it would count down for seconds.)
func FuzzDecode(f *testing.F) {
	for line := range strings.Lines(golden) {
		fields := strings.Split(strings.TrimSpace(line), " ")
		if fields[0] == "record" && fields[4] != "-" {
			v, _ := hex.DecodeString(fields[4])
			f.Add(v)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if shard.CheckValueVersion(b, maxOffsetCommitValueVersion) != nil {
			return
		}
		if got, err := decodeOffsetCommitValue(b); err == nil {
			want := kmsg.NewOffsetCommitValue()
			if err := want.ReadFrom(b); err != nil {
				t.Fatalf("kmsg refuses: %v", err)
			}
			want.UnknownTags = kmsg.Tags{}
			if got.Version != offsetCommitExpireValueVersion {
				want.ExpireTimestamp = noExpiry
			}
			if got.Version < 3 {
				want.LeaderEpoch = noLeaderEpoch
			}
			if !bytes.Equal(want.AppendTo(nil), got.AppendTo(nil)) {
				t.Fatalf("got %+v, kmsg %+v", got, want)
			}
		}
		if got, err := decodeGroupMetadataValue(b); err == nil {
			want := kmsg.NewGroupMetadataValue()
			if err := want.ReadFrom(b); err != nil {
				t.Fatalf("kmsg refuses: %v", err)
			}
			want.UnknownTags = kmsg.Tags{}
			for i := range want.Members {
				want.Members[i].UnknownTags = kmsg.Tags{}
			}
			if !bytes.Equal(want.AppendTo(nil), got.AppendTo(nil)) {
				t.Fatalf("got %+v, kmsg %+v", got, want)
			}
		}
	})
}

// TestDecodeBoundsTags meets a value that declares 2³¹ tags.
func TestDecodeBoundsTags(t *testing.T) {
	_, value := goldenRecord(t, "offset-plain", "4")
	bomb := append(bytes.Clone(value[:len(value)-1]), 0xff, 0xff, 0xff, 0xff, 0x07)
	if _, err := decodeOffsetCommitValue(bomb); !errors.Is(err, shard.ErrMalformedRecord) {
		t.Errorf("error %v, want a malformed record", err)
	}
}
