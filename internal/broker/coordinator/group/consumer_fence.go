package group

import (
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
)

// fence takes members out: they have left, or were late. If only members of the
// classic protocol are left, the group becomes a classic one
// (GroupMetadataManager.consumerGroupFenceMembers).
func (s *Shard) fence(o *op, g *consumerGroup, gone []*consumer.Member) {
	if len(gone) == 0 {
		return
	}
	if s.mayDowngrade(o, g, gone, 0) {
		s.downgrade(o, g, gone, nil, true, "the last member of the consumer protocol has gone")
		return
	}
	counts := map[string]int{}
	for _, m := range gone {
		for _, r := range removal(g.ID, m.ID) {
			s.append(o, r)
		}
		s.stopMember(g, m.ID)
		if m.Regex != "" {
			counts[m.Regex]++
		}
	}
	for _, regex := range sortedKeys(counts) {
		if g.Subscribers(regex) == 0 {
			s.append(o, consumer.Tombstone(consumer.RegularExpression, g.ID, regex))
		}
	}
	hash := s.hashes.Group(s.cluster, g.SubscribedAfter(nil, nil, nil))
	s.append(o, consumer.EpochRecord(g.ID, g.Epoch()+1, hash))
	o.note("group epoch is raised: members have gone", "group", g.ID, "epoch", g.Epoch(), "gone", len(gone))
}
