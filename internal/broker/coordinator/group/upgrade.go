package group

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
)

// upgrade makes a consumer group of a classic group with members, which go on
// with the classic protocol: what they have they keep, and the member that now
// joins with the consumer protocol brings about the next assignment (KIP-848,
// GroupMetadataManager.convertToConsumerGroup). The records stand first in the
// request's.
func (w *consumerStep) upgrade(g *classicGroup) error {
	cfg := &w.s.cfg.Consumer
	cannot := func(why string) error {
		return refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because %s.", g.id, why)
	}
	switch {
	case !cfg.Migration.Upgrade:
		return cannot("online upgrade is disabled")
	case g.protocolType != consumerProtocolType:
		return cannot("the group does not use the consumer embedded protocol")
	case len(g.members) > cfg.MaxSize:
		return cannot("the group size exceeds the consumer group maximum size")
	}
	protocol := g.selectProtocol()
	if g.protocol != nil {
		protocol = *g.protocol
	}
	c := newConsumerGroup(g.id)
	for _, m := range g.members {
		member, had, err := w.s.fromClassic(g, m, protocol)
		switch {
		case err != nil:
			return cannot("the embedded consumer protocol is malformed")
		case member == nil:
			return cannot("an unsupported custom assignor is in use. " +
				"Please refer to the documentation or switch to a default assignor before re-attempting the upgrade")
		}
		c.SetTarget(m.id, had, true)
		c.SetMember(m.id, member)
	}
	c.SetAssignmentEpoch(g.generation, 0)
	hash := w.s.hashes.Group(w.s.cluster, c.SubscribedAfter(nil, nil, nil))
	c.SetEpoch(g.generation, hash)
	w.group = c
	w.emitGroup(c)
	w.o.note("classic group becomes a consumer group", "group", g.id, "generation", g.generation, "members", len(g.members))
	return nil
}

// emitGroup writes a whole group (ConsumerGroup.createConsumerGroupRecords).
func (w *consumerStep) emitGroup(g *consumerGroup) {
	members := g.Members()
	for _, m := range members {
		w.emit(consumer.MemberRecord(g.ID, m))
	}
	w.emit(consumer.EpochRecord(g.ID, g.Epoch(), g.MetadataHash()))
	for _, m := range members {
		target, _ := g.Target(m.ID)
		w.emit(consumer.TargetRecord(g.ID, m.ID, target))
	}
	w.emit(consumer.TargetEpochRecord(g.ID, g.AssignmentEpoch(), g.AssignedAtMs()))
	for _, m := range members {
		w.emit(consumer.CurrentRecord(g.ID, m))
	}
}

// fromClassic is a classic group's member as a consumer group's, with what it
// was assigned. No member and no error means that the client's assignor keeps
// something of its own in assignments, which would be lost.
func (s *Shard) fromClassic(g *classicGroup, m *member, protocol string) (*consumer.Member, assign.Assignment, error) {
	sub, err := consumer.DecodeSubscription(m.metadata(protocol))
	if err != nil {
		return nil, nil, err
	}
	var had assign.Assignment
	if len(m.assignment) > 0 {
		list, custom, err := consumer.DecodeAssignment(m.assignment)
		if err != nil || custom {
			return nil, nil, err
		}
		had = s.byID(list)
	}
	c := consumer.NewMember(m.id)
	c.Epoch, c.PreviousEpoch = g.generation, g.generation
	c.InstanceID, c.RackID = m.instanceID, sub.RackID
	c.RebalanceTimeoutMs = m.rebalanceTimeoutMs
	c.ClientID, c.ClientHost = m.clientID, m.clientHost
	c.Topics = sub.Topics
	c.Assigned = consumer.OwnedAt(had, g.generation)
	c.Classic = &consumer.Classic{SessionTimeoutMs: m.sessionTimeoutMs}
	for i := range m.protocols {
		c.Classic.Protocols = append(c.Classic.Protocols, consumer.Protocol{Name: m.protocols[i].Name, Metadata: m.protocols[i].Metadata})
	}
	return c, had, nil
}

// byID is partitions by the ids of their topics; those that do not exist are
// left out.
func (s *Shard) byID(list []consumer.NamedPartitions) assign.Assignment {
	topics := make([]assign.TopicPartitions, 0, len(list))
	for _, t := range list {
		if topic, ok := s.cluster.Topic(t.Topic); ok {
			topics = append(topics, assign.TopicPartitions{Topic: topic.ID, Partitions: t.Partitions})
		}
	}
	return assign.New(topics)
}

// byName is the inverse of byID.
func (s *Shard) byName(a assign.Assignment) (list []consumer.NamedPartitions) {
	for i := range a {
		if topic, ok := s.cluster.TopicByID(a[i].Topic); ok {
			list = append(list, consumer.NamedPartitions{Topic: topic.Name, Partitions: a[i].Partitions})
		}
	}
	return list
}

// endClassic removes a classic group in whose place a consumer group comes. Who
// waits in it joins again.
func (s *Shard) endClassic(o *op, g *classicGroup) {
	for _, m := range g.members {
		g.answerJoinError(o, m, m.id, kerr.RebalanceInProgress)
		g.answerSync(o, m, kerr.RebalanceInProgress)
		s.timers.Cancel(&m.session)
	}
	for _, id := range sortedKeys(g.pendingJoin) {
		s.timers.Cancel(g.pendingJoin[id])
		delete(g.pendingJoin, id)
	}
	g.appendTombstones(s, o)
}
