package consumer

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

//go:embed testdata/records.txt
var golden string // from Apache Kafka by test/golden/capture/ConsumerGroupRecords.java

var (
	goldenTopic = uuid.TopicID{1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}
	otherTopic  = uuid.TopicID{0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88}
)

type goldenRecord struct {
	name       string
	key, value []byte
}

func goldenRecords(t testing.TB) []goldenRecord {
	var out []goldenRecord
	for line := range strings.Lines(golden) {
		f := strings.Split(strings.TrimSpace(line), " ")
		r := goldenRecord{name: f[1]}
		var err error
		if r.key, err = hex.DecodeString(f[2]); err != nil {
			t.Fatal(err)
		}
		if f[3] != "-" {
			if r.value, err = hex.DecodeString(f[3]); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, r)
	}
	return out
}

func text(s string) *string { return &s }

// goldenWrites are the records of the golden file as we write them. What Kafka
// wrote before 4.3, and what we never write, is only read.
func goldenWrites() map[string]shard.Record {
	member := NewMember("m-1")
	member.ClientID, member.ClientHost = "client", "/127.0.0.1"
	full := member.Clone()
	full.InstanceID, full.RackID, full.Assignor = text("instance"), text("räck"), text("range")
	full.Topics, full.Regex, full.RebalanceTimeoutMs = []string{"a", "topic"}, "t.*", 300_000
	classic := member.Clone()
	classic.Topics, classic.RebalanceTimeoutMs = []string{"topic"}, 60_000
	classic.Classic = &Classic{SessionTimeoutMs: 45_000, Protocols: []Protocol{{"range", []byte{0, 1, 2}}, {"sticky", []byte{}}}}
	current := member.Clone()
	current.Epoch, current.PreviousEpoch, current.State = 7, 5, modern.UnrevokedPartitions
	current.Assigned = Owned{{goldenTopic, []int32{0, 1}, []int32{3, 7}}, {otherTopic, []int32{4}, []int32{2}}}
	current.Revoking = Owned{{goldenTopic, []int32{2}, []int32{3}}}
	return map[string]shard.Record{
		"epoch":                        EpochRecord("group", 7, -123456789012345678),
		"epoch-no-hash":                EpochRecord("group", 1, 0),
		"epoch-tombstone":              Tombstone(GroupMetadata, "group", ""),
		"partition-metadata-tombstone": Tombstone(PartitionMetadata, "group", ""),
		"member":                       MemberRecord("group", full),
		"member-plain":                 MemberRecord("group", member),
		"member-classic":               MemberRecord("group", classic),
		"member-tombstone":             Tombstone(MemberMetadata, "group", "m-1"),
		"target":                       TargetEpochRecord("group", 6, 1_700_000_000_000),
		"target-no-time":               TargetEpochRecord("group", 1, 0),
		"target-tombstone":             Tombstone(TargetAssignmentMetadata, "group", ""),
		"target-member":                TargetRecord("group", "m-1", assign.Assignment{{Topic: goldenTopic, Partitions: []int32{0, 1, 300}}, {Topic: otherTopic, Partitions: []int32{5}}}),
		"target-member-empty":          TargetRecord("group", "m-1", nil),
		"target-member-tombstone":      Tombstone(TargetAssignmentMember, "group", "m-1"),
		"current":                      CurrentRecord("group", current),
		"current-tombstone":            Tombstone(CurrentMemberAssignment, "group", "m-1"),
		"regex":                        RegexRecord("group", "t.*", &Resolved{Topics: []string{"t1", "t2"}, Version: 123, AtMs: 1_700_000_000_000}),
		"regex-tombstone":              Tombstone(RegularExpression, "group", "t.*"),
	}
}

// TestGoldenRecords writes Kafka's bytes, and reads them back to the same.
func TestGoldenRecords(t *testing.T) {
	writes := goldenWrites()
	for _, r := range goldenRecords(t) {
		t.Run(r.name, func(t *testing.T) {
			if w, ok := writes[r.name]; ok {
				if !bytes.Equal(w.Key, r.key) || !bytes.Equal(w.Value, r.value) || (w.Value == nil) != (r.value == nil) {
					t.Errorf("wrote %x %x\nKafka %x %x", w.Key, w.Value, r.key, r.value)
				}
				delete(writes, r.name)
			}
			typ, group, member, err := DecodeKey(r.key)
			if err != nil || group != "group" {
				t.Fatalf("key of group %q: %v", group, err)
			}
			if r.value == nil || typ == PartitionMetadata {
				return
			}
			again, err := rewrite(typ, group, member, r.value)
			if err != nil {
				t.Fatal(err)
			}
			if r.name != "current-old" && !bytes.Equal(again.Value, r.value) {
				t.Errorf("read and wrote %x\nKafka          %x", again.Value, r.value)
			}
		})
	}
	for name := range writes {
		t.Errorf("%s is not in the golden file", name)
	}
}

// rewrite reads a value and writes it again.
func rewrite(typ int16, group, member string, value []byte) (r shard.Record, err error) {
	switch typ {
	case GroupMetadata:
		epoch, hash, err := DecodeEpoch(value)
		return EpochRecord(group, epoch, hash), err
	case MemberMetadata:
		m, err := DecodeMember(value, NewMember(member))
		if err != nil {
			return r, err
		}
		return MemberRecord(group, m), nil
	case TargetAssignmentMetadata:
		epoch, at, err := DecodeTargetEpoch(value)
		return TargetEpochRecord(group, epoch, at), err
	case TargetAssignmentMember:
		a, err := DecodeTarget(value)
		return TargetRecord(group, member, a), err
	case CurrentMemberAssignment:
		m, err := DecodeCurrent(value, NewMember(member))
		if err != nil {
			return r, err
		}
		return CurrentRecord(group, m), nil
	case RegularExpression:
		re, err := DecodeRegex(value)
		if err != nil {
			return r, err
		}
		return RegexRecord(group, member, re), nil
	}
	return r, shard.ErrUnknownRecord
}

// TestOldEpochs gives partitions from before 4.3 the member's epoch.
func TestOldEpochs(t *testing.T) {
	for _, r := range goldenRecords(t) {
		if r.name != "current-old" {
			continue
		}
		m, err := DecodeCurrent(r.value, NewMember("m-1"))
		if err != nil {
			t.Fatal(err)
		}
		if want := (Owned{{goldenTopic, []int32{0, 1}, []int32{7, 7}}}); !m.Assigned.Equal(want) {
			t.Errorf("owned %v, want %v", m.Assigned, want)
		}
		return
	}
	t.Error("no such record")
}

func TestDecodeRefuses(t *testing.T) {
	for _, r := range goldenRecords(t) {
		typ, group, member, err := DecodeKey(r.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := DecodeKey(r.key[:len(r.key)-1]); !errors.Is(err, shard.ErrMalformedRecord) {
			t.Errorf("%s: a cut key gave %v", r.name, err)
		}
		if r.value == nil || typ == PartitionMetadata {
			continue
		}
		if _, err := rewrite(typ, group, member, r.value[:len(r.value)-1]); !errors.Is(err, shard.ErrMalformedRecord) {
			t.Errorf("%s: a cut value gave %v", r.name, err)
		}
		newer := bytes.Clone(r.value)
		newer[1] = 1
		if _, err := rewrite(typ, group, member, newer); !errors.Is(err, shard.ErrUnknownRecord) {
			t.Errorf("%s: version 1 gave %v", r.name, err)
		}
	}
}

// FuzzDecode reads arbitrary values: no panic, no allocation by a declared
// count, and what was read is written and read again alike.
func FuzzDecode(f *testing.F) {
	for _, r := range goldenRecords(f) {
		if r.value != nil {
			f.Add(r.key, r.value)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		typ, group, member, err := DecodeKey(key)
		if err != nil {
			return
		}
		first, err := rewrite(typ, group, member, value)
		if err != nil {
			return
		}
		second, err := rewrite(typ, group, member, first.Value)
		if err != nil {
			t.Fatalf("own record is refused: %v", err)
		}
		if !bytes.Equal(first.Value, second.Value) {
			t.Fatalf("%x was read as %x", first.Value, second.Value)
		}
	})
}
