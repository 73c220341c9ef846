package consumer

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// ProtocolType is the protocol type of classic groups of consumers.
const ProtocolType = "consumer"

// maxProtocolVersion is the newest version of the consumer protocol's
// structures that is known; newer ones start with the same fields.
const maxProtocolVersion = 3

// NamedPartitions is partitions of a topic that is known by its name.
type NamedPartitions struct {
	Topic      string
	Partitions []int32
}

// Subscription is what a classic consumer offers (ConsumerProtocolSubscription).
type Subscription struct {
	Version int16
	Topics  []string // ascending
	Owned   []NamedPartitions
	RackID  *string
}

// DecodeSubscription reads the metadata of a classic consumer's protocol.
func DecodeSubscription(b []byte) (*Subscription, error) {
	f := shard.NewFields(b)
	s := &Subscription{Version: f.Int16()}
	if s.Version < 0 {
		f.Fail()
	}
	s.Topics = f.Texts()
	f.NullableBytes() // for the client's assignor
	if s.Version >= 1 {
		s.Owned = decodeNamed(&f)
	}
	if s.Version >= 2 {
		f.Int32() // generation
	}
	if s.Version >= 3 {
		if rack := f.NullableText(); rack != nil && *rack != "" {
			s.RackID = rack
		}
	}
	slices.Sort(s.Topics)
	s.Topics = slices.Compact(s.Topics)
	return s, f.Err("consumer subscription")
}

// DecodeAssignment reads what a classic leader has assigned to a consumer, and
// whether the client's assignor added something of its own.
func DecodeAssignment(b []byte) (list []NamedPartitions, custom bool, err error) {
	f := shard.NewFields(b)
	if f.Int16() < 0 {
		f.Fail()
	}
	list = decodeNamed(&f)
	custom = len(f.NullableBytes()) > 0
	return list, custom, f.Err("consumer assignment")
}

func decodeNamed(f *shard.Fields) (list []NamedPartitions) {
	for n := f.Count(6); n > 0 && !f.Bad(); n-- {
		list = append(list, NamedPartitions{f.Text(), f.Int32s()})
	}
	return list
}

// EncodeAssignment writes what a consumer reads as its assignment, in the
// version of its subscription.
func EncodeAssignment(version int16, list []NamedPartitions) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	a.Version = min(version, maxProtocolVersion)
	for _, t := range list {
		a.Topics = append(a.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: t.Topic, Partitions: t.Partitions})
	}
	return a.AppendTo(nil)
}
