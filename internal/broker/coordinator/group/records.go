package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// RecordType is the first field of a record's key in __consumer_offsets: it
// names the schema of key and value (Kafka's CoordinatorRecordType).
type RecordType int16

// The record types of offsets and classic groups. Those of other groups stand in
// packages of their own.
const (
	LegacyOffsetCommit RecordType = 0
	OffsetCommit       RecordType = 1
	GroupMetadata      RecordType = 2
)

// Versions of the values that are written: Kafka's of 4.3. An offset with an
// explicit expiry time (OffsetCommit before version 5) needs value version 1,
// the only one that has the field.
const (
	offsetCommitValueVersion       = 4
	offsetCommitExpireValueVersion = 1
	groupMetadataValueVersion      = 4

	maxOffsetCommitValueVersion = 4
	maxGroupMetadataValue       = 4
)

type replayFunc func(s *Shard, at position, key, value []byte) error

// recordTable has one row for each record type that is replayed; further group
// types add their rows.
var recordTable = map[RecordType]replayFunc{
	LegacyOffsetCommit: replayOffsetCommit,
	OffsetCommit:       replayOffsetCommit,
	GroupMetadata:      replayGroupMetadata,

	RecordType(consumer.GroupMetadata):            replayConsumer,
	RecordType(consumer.PartitionMetadata):        replayConsumer,
	RecordType(consumer.MemberMetadata):           replayConsumer,
	RecordType(consumer.TargetAssignmentMetadata): replayConsumer,
	RecordType(consumer.TargetAssignmentMember):   replayConsumer,
	RecordType(consumer.CurrentMemberAssignment):  replayConsumer,
	RecordType(consumer.RegularExpression):        replayConsumer,
}

// position is where a record stands in the log.
type position struct {
	offset     int64
	producerID int64 // -1 outside of transactions
}

func replayOffsetCommit(s *Shard, at position, key, value []byte) error {
	k, v, err := decodeOffsetCommit(key, value)
	if err != nil {
		return err
	}
	if at.producerID >= 0 {
		return fmt.Errorf("%w: transactional offset commit", shard.ErrUnknownRecord)
	}
	if v == nil {
		s.applyOffsetTombstone(at.offset, k.Group, k.Topic, k.Partition)
		return nil
	}
	s.applyOffset(at.offset, k.Group, k.Topic, k.Partition, offsetFromRecord(at.offset, v))
	return nil
}

func replayGroupMetadata(s *Shard, at position, key, value []byte) error {
	k, v, err := decodeGroupMetadata(key, value)
	if err != nil {
		return err
	}
	if v == nil {
		s.applyGroupTombstone(at.offset, k.Group)
		return nil
	}
	g, err := classicFromRecord(k.Group, v)
	if err != nil {
		return err
	}
	s.applyGroup(at.offset, g)
	return nil
}

// recordType reads the type off a record's key.
func recordType(key []byte) (RecordType, error) {
	t, err := shard.RecordType(key)
	return RecordType(t), err
}

// decodeOffsetCommit decodes an offset commit; v is nil for a tombstone.
func decodeOffsetCommit(key, value []byte) (k kmsg.OffsetCommitKey, v *kmsg.OffsetCommitValue, err error) {
	if err := k.ReadFrom(key); err != nil {
		return k, nil, fmt.Errorf("%w: offset commit key: %w", shard.ErrMalformedRecord, err)
	}
	if value == nil {
		return k, nil, nil
	}
	if err := shard.CheckValueVersion(value, maxOffsetCommitValueVersion); err != nil {
		return k, nil, err
	}
	v, err = decodeOffsetCommitValue(value)
	return k, v, err
}

// decodeGroupMetadata decodes a classic group; v is nil for a tombstone.
func decodeGroupMetadata(key, value []byte) (k kmsg.GroupMetadataKey, v *kmsg.GroupMetadataValue, err error) {
	if err := k.ReadFrom(key); err != nil {
		return k, nil, fmt.Errorf("%w: group metadata key: %w", shard.ErrMalformedRecord, err)
	}
	if value == nil {
		return k, nil, nil
	}
	if err := shard.CheckValueVersion(value, maxGroupMetadataValue); err != nil {
		return k, nil, err
	}
	v, err = decodeGroupMetadataValue(value)
	return k, v, err
}

func offsetCommitKey(group, topic string, partition int32) []byte {
	k := kmsg.OffsetCommitKey{Version: int16(OffsetCommit), Group: group, Topic: topic, Partition: partition}
	return k.AppendTo(make([]byte, 0, 10+len(group)+len(topic)))
}

func offsetCommitRecord(group, topic string, partition int32, o offset) shard.Record {
	v := kmsg.OffsetCommitValue{
		Version:         offsetCommitValueVersion,
		Offset:          o.offset,
		LeaderEpoch:     o.leaderEpoch,
		Metadata:        o.metadata,
		CommitTimestamp: o.commitMs,
		ExpireTimestamp: o.expireMs,
		TopicID:         o.topicID,
	}
	if o.expireMs != noExpiry {
		v.Version = offsetCommitExpireValueVersion
	}
	return shard.Record{Key: offsetCommitKey(group, topic, partition), Value: v.AppendTo(make([]byte, 0, 48+len(o.metadata)))}
}

func offsetTombstone(group, topic string, partition int32) shard.Record {
	return shard.Record{Key: offsetCommitKey(group, topic, partition)}
}

func groupMetadataKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: int16(GroupMetadata), Group: group}
	return k.AppendTo(nil)
}

func groupTombstone(group string) shard.Record {
	return shard.Record{Key: groupMetadataKey(group)}
}

// emptyGroupRecord makes a new group durable before it has its first
// generation (GroupCoordinatorRecordHelpers.newEmptyGroupMetadataRecord).
func emptyGroupRecord(g *classicGroup) shard.Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version = groupMetadataValueVersion
	v.CurrentStateTimestamp = g.stateMs
	return shard.Record{Key: groupMetadataKey(g.id), Value: v.AppendTo(nil)}
}

// groupRecord is the group's generation with the given assignment by member id
// (GroupCoordinatorRecordHelpers.newGroupMetadataRecord).
func groupRecord(g *classicGroup, assignments map[string][]byte) shard.Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version = groupMetadataValueVersion
	v.ProtocolType = g.protocolType
	v.Generation = g.generation
	v.Protocol = g.protocol
	if g.leader != "" {
		v.Leader = &g.leader
	}
	v.CurrentStateTimestamp = g.stateMs
	for _, m := range g.members {
		var subscription []byte
		if g.protocol != nil {
			subscription = m.metadata(*g.protocol)
		}
		r := kmsg.NewGroupMetadataValueMember()
		r.MemberID = m.id
		r.InstanceID = m.instanceID
		r.ClientID = m.clientID
		r.ClientHost = m.clientHost
		r.RebalanceTimeoutMillis = m.rebalanceTimeoutMs
		r.SessionTimeoutMillis = m.sessionTimeoutMs
		r.Subscription = nonNil(subscription)
		r.Assignment = nonNil(assignments[m.id])
		v.Members = append(v.Members, r)
	}
	return shard.Record{Key: groupMetadataKey(g.id), Value: v.AppendTo(nil)}
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
