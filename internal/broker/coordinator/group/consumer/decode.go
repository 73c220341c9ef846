package consumer

import (
	"bytes"
	"slices"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Least sizes in bytes of what arrays hold, which bound what is allocated from a
// declared count.
const (
	minTopic    = 18 // an id, an empty array, no tags
	minProtocol = 3  // two empty strings, no tags
)

// DecodeKey decodes a key of any of the record types: the group, and the member
// or regular expression where the type has one.
func DecodeKey(key []byte) (recordType int16, group, member string, err error) {
	recordType, err = shard.RecordType(key)
	if err != nil {
		return 0, "", "", err
	}
	f := shard.NewFields(key[2:])
	group = f.Text()
	switch recordType {
	case GroupMetadata, PartitionMetadata, TargetAssignmentMetadata:
	default:
		member = f.Text()
	}
	return recordType, group, member, f.Err("consumer group key")
}

// open checks a value's version and starts with the field after it.
func open(value []byte) (shard.Fields, error) {
	if err := shard.CheckValueVersion(value, valueVersion); err != nil {
		return shard.Fields{}, err
	}
	f := shard.NewFields(value[2:])
	f.SetFlexible(true)
	return f, nil
}

// DecodeEpoch is the inverse of EpochRecord.
func DecodeEpoch(value []byte) (epoch int32, metadataHash int64, err error) {
	f, err := open(value)
	if err != nil {
		return 0, 0, err
	}
	epoch = f.Int32()
	f.Tags(func(tag int, field []byte) {
		if tag == tagMetadataHash {
			metadataHash = longTag(&f, field)
		}
	})
	return epoch, metadataHash, f.Err("consumer group metadata")
}

func longTag(f *shard.Fields, field []byte) int64 {
	n := shard.Nested(field)
	v := n.Int64()
	if n.Bad() || n.More() {
		f.Fail()
	}
	return v
}

// DecodeTargetEpoch is the inverse of TargetEpochRecord.
func DecodeTargetEpoch(value []byte) (epoch int32, atMs int64, err error) {
	f, err := open(value)
	if err != nil {
		return 0, 0, err
	}
	epoch = f.Int32()
	f.Tags(func(tag int, field []byte) {
		if tag == tagAssignmentTimestamp {
			atMs = longTag(&f, field)
		}
	})
	if epoch < modern.NoAssignmentEpoch || atMs < 0 {
		f.Fail()
	}
	return epoch, atMs, f.Err("target assignment metadata")
}

// DecodeTarget is the inverse of TargetRecord.
func DecodeTarget(value []byte) (assign.Assignment, error) {
	f, err := open(value)
	if err != nil {
		return nil, err
	}
	n := f.Count(minTopic)
	topics := make([]assign.TopicPartitions, 0, n)
	for ; n > 0 && !f.Bad(); n-- {
		t := assign.TopicPartitions{Topic: uuid.TopicID(f.ID()), Partitions: f.Int32s()}
		f.Tags(nil)
		topics = append(topics, t)
	}
	f.Tags(nil)
	if err := f.Err("target assignment"); err != nil {
		return nil, err
	}
	return assign.New(topics), nil
}

// DecodeMember gives a copy of m with what a MemberRecord says.
func DecodeMember(value []byte, m *Member) (*Member, error) {
	f, err := open(value)
	if err != nil {
		return nil, err
	}
	next := m.Clone()
	next.InstanceID = f.NullableText()
	next.RackID = f.NullableText()
	next.ClientID = f.Text()
	next.ClientHost = f.Text()
	next.Topics = f.Texts()
	next.Regex = ""
	if regex := f.NullableText(); regex != nil {
		next.Regex = *regex
	}
	next.RebalanceTimeoutMs = f.Int32()
	next.Assignor = f.NullableText()
	next.Classic = nil
	f.Tags(func(tag int, field []byte) {
		if tag == tagClassicMember {
			next.Classic = decodeClassic(&f, field)
		}
	})
	slices.Sort(next.Topics)
	next.Topics = slices.Compact(next.Topics)
	return next, f.Err("consumer group member")
}

func decodeClassic(f *shard.Fields, field []byte) *Classic {
	n := shard.Nested(field)
	if n.Int8() < 0 { // null
		if n.Bad() {
			f.Fail()
		}
		return nil
	}
	c := &Classic{SessionTimeoutMs: n.Int32()}
	for i := n.Count(minProtocol); i > 0 && !n.Bad(); i-- {
		p := Protocol{Name: n.Text(), Metadata: bytes.Clone(n.Bytes())}
		n.Tags(nil)
		c.Protocols = append(c.Protocols, p)
	}
	n.Tags(nil)
	if n.Bad() || n.More() || len(c.Protocols) == 0 {
		f.Fail()
	}
	return c
}

// DecodeCurrent gives a copy of m with what a CurrentRecord says.
func DecodeCurrent(value []byte, m *Member) (*Member, error) {
	f, err := open(value)
	if err != nil {
		return nil, err
	}
	next := m.Clone()
	next.Epoch = f.Int32()
	next.PreviousEpoch = f.Int32()
	next.State = modern.State(f.Int8())
	if next.State < modern.Stable || next.State > modern.UnreleasedPartitions {
		next.State = modern.Unknown
	}
	next.Assigned = decodeOwned(&f, next.Epoch)
	next.Revoking = decodeOwned(&f, next.Epoch)
	f.Tags(nil)
	return next, f.Err("current assignment")
}

// decodeOwned gives partitions without an epoch of their own, which Kafka wrote
// before 4.3, the member's.
func decodeOwned(f *shard.Fields, epoch int32) Owned {
	var b ownedBuilder
	for n := f.Count(minTopic); n > 0 && !f.Bad(); n-- {
		topic, partitions := uuid.TopicID(f.ID()), f.Int32s()
		var epochs []int32
		f.Tags(func(tag int, field []byte) {
			if tag != tagAssignmentEpochs {
				return
			}
			t := shard.Nested(field)
			if k := t.NullableCount(4); k >= 0 {
				for range k {
					epochs = append(epochs, t.Int32())
				}
			}
			if t.Bad() || t.More() {
				f.Fail()
			}
		})
		for i, p := range partitions {
			at := max(epoch, 0)
			if len(epochs) == len(partitions) {
				at = epochs[i]
			}
			b.add(topic, p, at)
		}
	}
	return b.owned()
}

// DecodeRegex is the inverse of RegexRecord.
func DecodeRegex(value []byte) (*Resolved, error) {
	f, err := open(value)
	if err != nil {
		return nil, err
	}
	r := &Resolved{Topics: f.Texts(), Version: f.Int64(), AtMs: f.Int64()}
	f.Tags(nil)
	slices.Sort(r.Topics)
	r.Topics = slices.Compact(r.Topics)
	return r, f.Err("regular expression")
}
