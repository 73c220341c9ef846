package group

import (
	"fmt"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// append decides a record of a modern group and applies it in the way in which
// the next coordinator will. A record of ours that cannot be replayed is a bug
// and fails the shard.
func (s *Shard) append(o *op, r shard.Record) {
	o.res.Records = append(o.res.Records, r)
	t, err := recordType(r.Key)
	if err == nil {
		err = recordTable[t](s, position{offset: s.take(), producerID: -1}, r.Key, r.Value)
	}
	if err != nil {
		panic(fmt.Sprintf("group: own record cannot be replayed: %v", err))
	}
}

// replayConsumer applies a record of a consumer group
// (GroupMetadataManager.replay). Tombstones of what does not exist are nothing.
func replayConsumer(s *Shard, at position, key, value []byte) error {
	typ, id, name, err := consumer.DecodeKey(key)
	if err != nil {
		return err
	}
	g, err := s.consumerForReplay(at.offset, id, value != nil)
	if g == nil || err != nil {
		return err
	}
	if value == nil {
		s.buryConsumer(at.offset, g, typ, name)
		return nil
	}
	switch typ {
	case consumer.GroupMetadata:
		epoch, hash, err := consumer.DecodeEpoch(value)
		if err != nil {
			return err
		}
		s.setEpoch(at.offset, g, epoch, hash)
	case consumer.PartitionMetadata:
		old := g.SetLegacyMetadata(true)
		s.back(at.offset, g, func() { g.SetLegacyMetadata(old) })
	case consumer.TargetAssignmentMetadata:
		epoch, ms, err := consumer.DecodeTargetEpoch(value)
		if err != nil {
			return err
		}
		s.setTargetEpoch(at.offset, g, epoch, ms)
	case consumer.RegularExpression:
		r, err := consumer.DecodeRegex(value)
		if err != nil {
			return err
		}
		s.setRegex(at.offset, g, name, r)
	default:
		return s.replayMember(at.offset, g, typ, name, value)
	}
	return nil
}

// replayMember applies what a record says of one member.
func (s *Shard) replayMember(at int64, g *consumerGroup, typ int16, id string, value []byte) error {
	m, ok := g.Member(id)
	if !ok {
		m = consumer.NewMember(id)
	}
	var err error
	switch typ {
	case consumer.TargetAssignmentMember:
		target, err := consumer.DecodeTarget(value)
		if err != nil {
			return err
		}
		old, had := g.SetTarget(id, target, true)
		s.back(at, g, func() { g.SetTarget(id, old, had) })
		return nil
	case consumer.MemberMetadata:
		m, err = consumer.DecodeMember(value, m)
	case consumer.CurrentMemberAssignment:
		m, err = consumer.DecodeCurrent(value, m)
	default:
		return shard.ErrUnknownRecord
	}
	if err != nil {
		return err
	}
	s.setMember(at, g, id, m)
	return nil
}

// buryConsumer applies a tombstone.
func (s *Shard) buryConsumer(at int64, g *consumerGroup, typ int16, name string) {
	switch typ {
	case consumer.GroupMetadata:
		s.applyGroupTombstone(at, g.ID)
	case consumer.PartitionMetadata:
		old := g.SetLegacyMetadata(false)
		s.back(at, g, func() { g.SetLegacyMetadata(old) })
	case consumer.TargetAssignmentMetadata:
		s.setTargetEpoch(at, g, modern.NoAssignmentEpoch, 0)
	case consumer.TargetAssignmentMember:
		old, had := g.SetTarget(name, nil, false)
		s.back(at, g, func() { g.SetTarget(name, old, had) })
	case consumer.MemberMetadata:
		s.setMember(at, g, name, nil)
	case consumer.CurrentMemberAssignment:
		m, ok := g.Member(name)
		if !ok {
			return
		}
		gone := m.Clone()
		gone.Epoch, gone.PreviousEpoch = modern.LeaveEpoch, modern.LeaveEpoch
		gone.Assigned, gone.Revoking = nil, nil
		s.setMember(at, g, name, gone)
	case consumer.RegularExpression:
		s.setRegex(at, g, name, nil)
	}
}

// consumerForReplay finds the group, or makes it. A simple group, which came to
// be by its offsets and has no record of its own, gives way.
func (s *Shard) consumerForReplay(at int64, id string, create bool) (*consumerGroup, error) {
	switch g := s.groups[id].(type) {
	case *consumerGroup:
		return g, nil
	case nil:
	case *classicGroup:
		if !g.simple() {
			if !create {
				return nil, nil
			}
			return nil, fmt.Errorf("%w: group %q is a classic group", shard.ErrMalformedRecord, id)
		}
	default:
		return nil, fmt.Errorf("%w: group %q is a %s group", shard.ErrMalformedRecord, id, g.kind())
	}
	if !create {
		return nil, nil
	}
	g := newConsumerGroup(id)
	s.applyGroup(at, g)
	return g, nil
}

// back remembers how to take a change within a group back.
func (s *Shard) back(at int64, g *consumerGroup, f func()) {
	s.remember(change{at: at, group: g.ID, back: f})
}

func (s *Shard) setEpoch(at int64, g *consumerGroup, epoch int32, hash int64) {
	oldEpoch, oldHash := g.SetEpoch(epoch, hash)
	s.back(at, g, func() { g.SetEpoch(oldEpoch, oldHash) })
}

func (s *Shard) setTargetEpoch(at int64, g *consumerGroup, epoch int32, ms int64) {
	oldEpoch, oldMs := g.SetAssignmentEpoch(epoch, ms)
	s.back(at, g, func() { g.SetAssignmentEpoch(oldEpoch, oldMs) })
}

func (s *Shard) setMember(at int64, g *consumerGroup, id string, m *consumer.Member) {
	old := g.SetMember(id, m)
	s.back(at, g, func() { g.SetMember(id, old) })
}

func (s *Shard) setRegex(at int64, g *consumerGroup, regex string, r *consumer.Resolved) {
	old := g.SetRegex(regex, r)
	s.back(at, g, func() { g.SetRegex(regex, old) })
}
