package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// The values of records are decoded by hand (shard.Fields). Fuzzed against kmsg.

const (
	flexibleValue = 4 // first version of both values with compact lengths and tags
	// minMember is the least size in bytes of an encoded member, which bounds
	// what is allocated from a declared count.
	minMember = 15
)

func decodeOffsetCommitValue(b []byte) (*kmsg.OffsetCommitValue, error) {
	f := shard.NewFields(b)
	v := new(kmsg.OffsetCommitValue)
	v.Version = f.Int16()
	f.SetFlexible(v.Version >= flexibleValue)
	v.Offset = f.Int64()
	v.LeaderEpoch = noLeaderEpoch
	if v.Version >= 3 {
		v.LeaderEpoch = f.Int32()
	}
	v.Metadata = f.Text()
	v.CommitTimestamp = f.Int64()
	v.ExpireTimestamp = noExpiry
	if v.Version == offsetCommitExpireValueVersion {
		v.ExpireTimestamp = f.Int64()
	}
	f.Tags(func(tag int, field []byte) {
		if tag != 0 {
			return
		}
		if len(field) != len(v.TopicID) {
			f.Fail()
		}
		copy(v.TopicID[:], field)
	})
	return v, f.Err("offset commit value")
}

// decodeGroupMetadataValue keeps references to b.
func decodeGroupMetadataValue(b []byte) (*kmsg.GroupMetadataValue, error) {
	f := shard.NewFields(b)
	v := new(kmsg.GroupMetadataValue)
	v.Version = f.Int16()
	f.SetFlexible(v.Version >= flexibleValue)
	v.ProtocolType = f.Text()
	v.Generation = f.Int32()
	v.CurrentStateTimestamp = -1
	v.Protocol = f.NullableText()
	v.Leader = f.NullableText()
	if v.Version >= 2 {
		v.CurrentStateTimestamp = f.Int64()
	}
	for n := f.Count(minMember); n > 0 && !f.Bad(); n-- {
		m := kmsg.NewGroupMetadataValueMember()
		m.MemberID = f.Text()
		if v.Version >= 3 {
			m.InstanceID = f.NullableText()
		}
		m.ClientID = f.Text()
		m.ClientHost = f.Text()
		m.RebalanceTimeoutMillis = -1
		if v.Version >= 1 {
			m.RebalanceTimeoutMillis = f.Int32()
		}
		m.SessionTimeoutMillis = f.Int32()
		m.Subscription = f.Bytes()
		m.Assignment = f.Bytes()
		f.Tags(nil)
		v.Members = append(v.Members, m)
	}
	f.Tags(nil)
	return v, f.Err("group metadata value")
}
