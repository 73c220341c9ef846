package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
)

// mayDowngrade says whether a consumer group becomes a classic one when the
// members gone are out and coming more are in that use the classic protocol:
// when nobody uses the other any more.
func (s *Shard) mayDowngrade(o *op, g *consumerGroup, gone []*consumer.Member, coming int) bool {
	classic := g.ClassicMembers()
	for _, m := range gone {
		if m.Classic != nil {
			classic--
		}
	}
	left := g.Len() - len(gone)
	switch {
	case classic != left || left+coming == 0:
		return false
	case !s.cfg.Consumer.Migration.Downgrade:
		o.note("consumer group is not downgraded: that is disabled", "group", g.ID)
		return false
	case left+coming > s.cfg.MaxSize:
		o.note("consumer group is not downgraded: it is larger than group.max.size", "group", g.ID, "members", left+coming)
		return false
	}
	return true
}

// downgrade makes a classic group of a consumer group whose members, without
// those gone, all use the classic protocol. They keep what they were assigned.
// joining has taken over from its former self, a static member of the other
// protocol, whose target it gets. Its records and those of the change stand in
// the request's already
// (GroupMetadataManager.convertToClassicGroup, ClassicGroup.fromConsumerGroup).
func (s *Shard) downgrade(o *op, g *consumerGroup, gone []*consumer.Member, joining *rejoined, rebalance bool, reason string) *classicGroup {
	c := newClassicGroup(g.ID, o.nowMs())
	c.state, c.generation, c.protocolType = stateStable, g.Epoch(), consumerProtocolType
	targets := map[string]assign.Assignment{}
	for _, m := range g.Members() {
		if slices.Contains(gone, m) {
			continue
		}
		targets[m.ID], _ = g.Target(m.ID)
		if joining != nil && m.ID == joining.id {
			targets[m.ID] = joining.target
		}
		c.add(toClassic(m))
	}
	if joining != nil {
		c.generation = joining.generation
	}
	protocol := c.selectProtocol()
	c.protocol = &protocol
	c.topics = c.subscriptions()
	for _, m := range c.members {
		sub, err := consumer.DecodeSubscription(m.metadata(protocol))
		if err == nil { // else it is no consumer, and has nothing
			m.assignment = consumer.EncodeAssignment(sub.Version, s.byName(targets[m.id]))
		}
	}
	g.appendTombstones(s, o)
	o.res.Records = append(o.res.Records, groupRecord(c, c.assignments()))
	s.applyGroup(s.take(), c)
	for _, m := range c.members {
		s.keepAlive(o, c, m)
	}
	o.note("consumer group becomes a classic group", "group", g.ID, "generation", c.generation, "members", len(c.members), "because", reason)
	if rebalance {
		s.prepareRebalance(o, c, reason)
	}
	return c
}

// rejoined is a static member that has come back with the classic protocol, and
// so was the last to leave the other.
type rejoined struct {
	id         string
	target     assign.Assignment
	generation int32
}

func toClassic(m *consumer.Member) *member {
	c := &member{
		id: m.ID, instanceID: m.InstanceID, clientID: m.ClientID, clientHost: m.ClientHost,
		protocolType: consumerProtocolType, rebalanceTimeoutMs: m.RebalanceTimeoutMs, sessionTimeoutMs: m.Classic.SessionTimeoutMs,
	}
	for i := range m.Classic.Protocols {
		p := &m.Classic.Protocols[i]
		c.protocols = append(c.protocols, kmsg.JoinGroupRequestProtocol{Name: p.Name, Metadata: p.Metadata})
	}
	return c
}
