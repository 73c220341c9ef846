package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// commitEpochs is the first version of OffsetCommit that members of consumer
// groups may use: its clients know STALE_MEMBER_EPOCH.
const commitEpochs = 9

// consumerGroup is a group of the consumer protocol (KIP-848), also with members
// that use the classic one. All that outlives the coordinator is in Group, and
// changes by replaying records only.
type consumerGroup struct {
	*consumer.Group
	// Soft state: clocks by member, and whether regular expressions are being
	// resolved just now.
	timers    map[string]*memberTimers
	resolving bool
}

var _ group = (*consumerGroup)(nil)

func newConsumerGroup(id string) *consumerGroup {
	return &consumerGroup{Group: consumer.NewGroup(id), timers: map[string]*memberTimers{}}
}

func (g *consumerGroup) groupID() string      { return g.ID }
func (g *consumerGroup) kind() string         { return "consumer" }
func (g *consumerGroup) stateName() string    { return string(g.State()) }
func (g *consumerGroup) protocolName() string { return consumerProtocolType }
func (g *consumerGroup) empty() bool          { return g.Len() == 0 }

func (g *consumerGroup) subscribedTo(topic string) bool { return g.SubscribedTo(topic) }

// expiry: offsets of topics that nobody subscribes to age since they were
// committed.
func (g *consumerGroup) expiry() (func(o *offset) int64, bool) {
	return func(o *offset) int64 { return o.commitMs }, true
}

func (g *consumerGroup) validateOffsetDelete() error { return nil }

func (g *consumerGroup) validateDelete() error {
	if !g.empty() {
		return kerr.NonEmptyGroup
	}
	return nil
}

// validateOffsetCommit lets members commit with their epoch, and with an older
// one for partitions that they have had since (KIP-1251).
func (g *consumerGroup) validateOffsetCommit(c *committer) (partitionCheck, error) {
	if c.epoch < 0 && g.empty() {
		return nil, nil
	}
	if c.transactional && c.epoch == -1 && c.memberID == "" && c.instanceID == nil {
		return nil, nil
	}
	m, ok := g.Member(c.memberID)
	if !ok {
		return nil, refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", c.memberID, g.ID)
	}
	if !c.transactional && m.Classic == nil && c.version < commitEpochs {
		return nil, kerr.UnsupportedVersion
	}
	switch {
	case c.epoch == m.Epoch:
		return nil, nil
	case c.epoch > m.Epoch:
		return nil, g.stale(c, m)
	}
	return func(topicID [16]byte, partition int32) error {
		epoch, ok := m.Assigned.Epoch(uuid.TopicID(topicID), partition)
		if !ok {
			epoch, ok = m.Revoking.Epoch(uuid.TopicID(topicID), partition)
		}
		if !ok || c.epoch < epoch {
			return g.stale(c, m)
		}
		return nil
	}, nil
}

// stale is the error for a member that comes with another epoch than the
// coordinator's, in the words of its protocol.
func (g *consumerGroup) stale(c *committer, m *consumer.Member) error {
	if m.Classic != nil || c.transactional {
		return kerr.IllegalGeneration
	}
	return kerr.StaleMemberEpoch
}

func (g *consumerGroup) validateOffsetFetch(memberID *string, epoch int32) error {
	if memberID == nil && epoch < 0 {
		return nil
	}
	id := ""
	if memberID != nil {
		id = *memberID
	}
	m, ok := g.Member(id)
	switch {
	case !ok:
		return kerr.UnknownMemberID
	case m.Epoch == epoch:
		return nil
	case m.Classic != nil:
		return kerr.IllegalGeneration
	default:
		return kerr.StaleMemberEpoch
	}
}

// appendTombstones removes the group, members and all.
func (g *consumerGroup) appendTombstones(s *Shard, o *op) {
	s.stopTimers(g)
	members := g.Members()
	for _, m := range members {
		s.append(o, consumer.Tombstone(consumer.CurrentMemberAssignment, g.ID, m.ID))
	}
	for _, m := range members {
		s.append(o, consumer.Tombstone(consumer.TargetAssignmentMember, g.ID, m.ID))
	}
	s.append(o, consumer.Tombstone(consumer.TargetAssignmentMetadata, g.ID, ""))
	for _, m := range members {
		s.append(o, consumer.Tombstone(consumer.MemberMetadata, g.ID, m.ID))
	}
	for _, regex := range g.AllResolved() {
		s.append(o, consumer.Tombstone(consumer.RegularExpression, g.ID, regex))
	}
	s.append(o, consumer.Tombstone(consumer.PartitionMetadata, g.ID, ""))
	s.append(o, consumer.Tombstone(consumer.GroupMetadata, g.ID, ""))
}

// refusal is an error with words for the client.
type refusal struct {
	code    *kerr.Error
	message string
}

func (r *refusal) Error() string { return r.code.Message + ": " + r.message }

// Unwrap gives the code.
func (r *refusal) Unwrap() error { return r.code }

// ClientMessage implements wire.Messager.
func (r *refusal) ClientMessage() string { return r.message }

func refuse(code *kerr.Error, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}
