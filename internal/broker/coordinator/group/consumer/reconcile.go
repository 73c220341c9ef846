package consumer

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Step is what decides how far a member may go towards its target.
type Step struct {
	// Epoch and Target are the target assignment.
	Epoch  int32
	Target assign.Assignment
	// Subscribed are the topics that the member subscribes to now, ascending. It
	// gets no others, even if the target is older than its subscription.
	Subscribed []uuid.TopicID
	// SubscriptionChanged says that this very request has changed them.
	SubscriptionChanged bool
	// Reported says whether the member told what it has, and Owns what it is.
	Reported bool
	Owns     assign.Assignment
	// Free says whether nobody has the partition.
	Free func(topic uuid.TopicID, partition int32) bool
}

// Next is the member after the step, m itself if it stays as it is. A member
// first gives up what it must; when it has said that it did it goes to the
// target's epoch, with those of its new partitions that nobody else has, and
// gets the others as they become free. FENCED_MEMBER_EPOCH is the error for a
// member in a state that a newer version wrote, unless it comes with nothing.
// As CurrentAssignmentBuilder.
func (s *Step) Next(m *Member) (*Member, error) {
	switch m.State {
	case modern.Stable:
		switch {
		case m.Epoch != s.Epoch:
			return s.advance(m, m.Epoch), nil
		case s.SubscriptionChanged:
			return s.unsubscribe(m), nil
		default:
			return m, nil
		}
	case modern.UnrevokedPartitions:
		switch {
		case !s.holds(m.Revoking):
			return s.advance(m, m.Epoch), nil
		case s.SubscriptionChanged:
			return s.unsubscribe(m), nil
		default:
			return m, nil
		}
	case modern.UnreleasedPartitions:
		return s.advance(m, m.Epoch), nil
	default:
		if !s.Reported || len(s.Owns) > 0 {
			return nil, kerr.FencedMemberEpoch
		}
		return s.advance(m, s.Epoch), nil
	}
}

// holds says whether the member still has any of the partitions, as far as one
// knows.
func (s *Step) holds(o Owned) bool {
	if !s.Reported {
		return true
	}
	for i := range o {
		for _, p := range o[i].Partitions {
			if s.Owns.Has(o[i].Topic, p) {
				return true
			}
		}
	}
	return false
}

func (s *Step) subscribed(topic uuid.TopicID) bool {
	_, ok := slices.BinarySearchFunc(s.Subscribed, topic, uuid.TopicID.Compare)
	return ok
}

// unsubscribe takes the topics away that the member has just unsubscribed from,
// without going any further.
func (s *Step) unsubscribe(m *Member) *Member {
	var kept Owned
	var gone ownedBuilder
	gone.addAll(m.Revoking)
	for i := range m.Assigned {
		if s.subscribed(m.Assigned[i].Topic) {
			kept = append(kept, m.Assigned[i])
			continue
		}
		gone.addAll(m.Assigned[i : i+1])
	}
	if len(kept) == len(m.Assigned) {
		return m
	}
	next := m.Clone()
	next.PreviousEpoch, next.Assigned = m.Epoch, kept
	if revoking := gone.owned(); s.holds(revoking) {
		next.State, next.Revoking = modern.UnrevokedPartitions, revoking
	}
	return next
}

// advance goes as far as possible. epoch is the member's unless it is given
// another because its state is not known.
func (s *Step) advance(m *Member, epoch int32) *Member {
	var kept, revoking ownedBuilder
	var free Owned
	waiting := false
	for _, topic := range m.Assigned {
		target := s.targetOf(topic.Topic)
		for i, p := range topic.Partitions {
			if _, ok := slices.BinarySearch(target, p); ok {
				kept.add(topic.Topic, p, topic.Epochs[i])
			} else {
				revoking.add(topic.Topic, p, topic.Epochs[i])
			}
		}
	}
	for _, topic := range s.Target {
		current := m.Assigned.Of(topic.Topic)
		var fresh []int32
		for _, p := range s.targetOf(topic.Topic) {
			if _, has := current.epoch(p); has {
				continue
			}
			// A partition that the member itself has yet to give up is as good
			// as free: only one member can have it.
			if _, own := m.Revoking.Epoch(topic.Topic, p); own || s.Free(topic.Topic, p) {
				fresh = append(fresh, p)
			} else {
				waiting = true
			}
		}
		if len(fresh) > 0 {
			free = append(free, OwnedTopic{topic.Topic, fresh, slices.Repeat([]int32{s.Epoch}, len(fresh))})
		}
	}
	next := m.Clone()
	next.PreviousEpoch, next.Assigned = m.Epoch, kept.owned()
	if r := revoking.owned(); len(r) > 0 && s.holds(r) {
		next.State, next.Epoch, next.Revoking = modern.UnrevokedPartitions, epoch, r
		return next
	}
	next.State, next.Epoch, next.Revoking = modern.Stable, s.Epoch, nil
	next.Assigned = next.Assigned.plus(free)
	if waiting {
		next.State = modern.UnreleasedPartitions
	}
	return next
}

func (s *Step) targetOf(topic uuid.TopicID) []int32 {
	if !s.subscribed(topic) {
		return nil
	}
	return s.Target.Of(topic)
}
