package consumer

import (
	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// The record types of consumer groups in __consumer_offsets (Kafka's
// CoordinatorRecordType).
const (
	GroupMetadata            int16 = 3
	PartitionMetadata        int16 = 4 // Kafka wrote it before 4.1
	MemberMetadata           int16 = 5
	TargetAssignmentMetadata int16 = 6
	TargetAssignmentMember   int16 = 7
	CurrentMemberAssignment  int16 = 8
	RegularExpression        int16 = 16
)

// Tagged fields.
const (
	tagMetadataHash        = 0 // of GroupMetadata
	tagClassicMember       = 0 // of MemberMetadata
	tagAssignmentTimestamp = 0 // of TargetAssignmentMetadata
	tagAssignmentEpochs    = 0 // of a topic in CurrentMemberAssignment
)

// valueVersion is that of all values.
const valueVersion = 0

func groupKey(recordType int16, group string) []byte {
	e := shard.EncodeKey(recordType)
	e.Text(group)
	return e.Bytes()
}

func memberKey(recordType int16, group, member string) []byte {
	e := shard.EncodeKey(recordType)
	e.Text(group)
	e.Text(member)
	return e.Bytes()
}

// Tombstone removes a record of the group: member is the member's id, or the
// regular expression, and empty for records of the group itself.
func Tombstone(recordType int16, group, member string) shard.Record {
	switch recordType {
	case GroupMetadata, PartitionMetadata, TargetAssignmentMetadata:
		return shard.Record{Key: groupKey(recordType, group)}
	default:
		return shard.Record{Key: memberKey(recordType, group, member)}
	}
}

// EpochRecord is the group's epoch, and the hash of the topics that it stands
// for.
func EpochRecord(group string, epoch int32, metadataHash int64) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.Int32(epoch)
	if metadataHash == 0 {
		e.NoTags()
	} else {
		e.Tag(tagMetadataHash, func(t *shard.Encoder) { t.Int64(metadataHash) })
	}
	return shard.Record{Key: groupKey(GroupMetadata, group), Value: e.Bytes()}
}

// MemberRecord is what a member has said of itself.
func MemberRecord(group string, m *Member) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.NullableText(m.InstanceID)
	e.NullableText(m.RackID)
	e.Text(m.ClientID)
	e.Text(m.ClientHost)
	e.Texts(m.Topics)
	e.Text(m.Regex)
	e.Int32(m.RebalanceTimeoutMs)
	e.NullableText(m.Assignor)
	if m.Classic == nil {
		e.NoTags()
	} else {
		e.Tag(tagClassicMember, func(t *shard.Encoder) { m.Classic.encode(t) })
	}
	return shard.Record{Key: memberKey(MemberMetadata, group, m.ID), Value: e.Bytes()}
}

// encode writes a nullable structure: a tagged one starts with a byte that says
// that it is there.
func (c *Classic) encode(e *shard.Encoder) {
	e.Int8(1)
	e.Int32(c.SessionTimeoutMs)
	e.Count(len(c.Protocols))
	for i := range c.Protocols {
		e.Text(c.Protocols[i].Name)
		e.Raw(c.Protocols[i].Metadata)
		e.NoTags()
	}
	e.NoTags()
}

// TargetEpochRecord says for which group epoch the target assignment was made,
// and when.
func TargetEpochRecord(group string, epoch int32, atMs int64) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.Int32(epoch)
	if atMs == 0 {
		e.NoTags()
	} else {
		e.Tag(tagAssignmentTimestamp, func(t *shard.Encoder) { t.Int64(atMs) })
	}
	return shard.Record{Key: groupKey(TargetAssignmentMetadata, group), Value: e.Bytes()}
}

// TargetRecord is a member's part of the target assignment.
func TargetRecord(group, member string, a assign.Assignment) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.Count(len(a))
	for i := range a {
		e.ID(a[i].Topic)
		e.Int32s(a[i].Partitions)
		e.NoTags()
	}
	e.NoTags()
	return shard.Record{Key: memberKey(TargetAssignmentMember, group, member), Value: e.Bytes()}
}

// CurrentRecord is how far a member is on its way to the target.
func CurrentRecord(group string, m *Member) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.Int32(m.Epoch)
	e.Int32(m.PreviousEpoch)
	e.Int8(int8(m.State))
	m.Assigned.encode(e)
	m.Revoking.encode(e)
	e.NoTags()
	return shard.Record{Key: memberKey(CurrentMemberAssignment, group, m.ID), Value: e.Bytes()}
}

func (o Owned) encode(e *shard.Encoder) {
	e.Count(len(o))
	for i := range o {
		e.ID(o[i].Topic)
		e.Int32s(o[i].Partitions)
		e.Tag(tagAssignmentEpochs, func(t *shard.Encoder) { t.Int32s(o[i].Epochs) })
	}
}

// RegexRecord is what a regular expression stands for.
func RegexRecord(group, regex string, r *Resolved) shard.Record {
	e := shard.EncodeValue(valueVersion)
	e.Texts(r.Topics)
	e.Int64(r.Version)
	e.Int64(r.AtMs)
	e.NoTags()
	return shard.Record{Key: memberKey(RegularExpression, group, regex), Value: e.Bytes()}
}
