package group

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// consumerStep is one request of a member of a consumer group being handled. It
// looks at the group as it was before the request and collects records, which
// apply appends all at once: an error on the way leaves everything as it is.
type consumerStep struct {
	s *Shard
	o *op
	// group is the group as it was: one that is not in the shard yet if it comes
	// to be by this request; classic is the group that it takes the place of.
	group   *consumerGroup
	classic *classicGroup
	// member is the member as it was, or as it takes over from its former self;
	// updated is what becomes of it.
	member, updated *consumer.Member
	records         []shard.Record

	subscriptionChanged bool
	// checked says that the group was compared with the cluster.
	checked bool
	epoch   int32
	// targetEpoch and target are what the member has to follow.
	targetEpoch int32
	target      assign.Assignment
	// resolve are regular expressions to be looked at.
	resolve []string
}

func (w *consumerStep) emit(r ...shard.Record) { w.records = append(w.records, r...) }

// stepConsumer finds the group. A new one is made for who joins, also in place
// of a classic group, which is empty or changes its protocol (KIP-848's online
// upgrade).
func (s *Shard) stepConsumer(o *op, id string, joining bool) (*consumerStep, error) {
	w := &consumerStep{s: s, o: o}
	switch g := s.groups[id].(type) {
	case *consumerGroup:
		w.group = g
	case nil:
		if !joining {
			return nil, refuse(kerr.GroupIDNotFound, "Consumer group %s not found.", id)
		}
		w.group = newConsumerGroup(id)
	case *classicGroup:
		if !joining {
			return nil, refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", id)
		}
		w.classic = g
		if g.empty() {
			w.group = newConsumerGroup(id)
			break
		}
		if err := w.upgrade(g); err != nil {
			return nil, err
		}
	default:
		return nil, refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", id)
	}
	w.epoch = w.group.Epoch()
	return w, nil
}

// admits says whether group.consumer.max.size leaves room.
func (w *consumerStep) admits(memberID string) error {
	if _, ok := w.group.Member(memberID); ok || w.group.Len() < w.s.cfg.Consumer.MaxSize {
		return nil
	}
	return refuse(kerr.GroupMaxSizeReached, "The consumer group has reached its maximum capacity of %d members.", w.s.cfg.Consumer.MaxSize)
}

// identity is who a request says it comes from.
type identity struct {
	id         string
	instanceID *string
	joining    bool
	// classic says that it speaks the classic protocol.
	classic bool
}

// identify finds the member, or makes it if it joins. valid checks what else
// the request says.
func (w *consumerStep) identify(who identity, valid func(*consumer.Member) error) error {
	if who.instanceID != nil {
		return w.identifyStatic(who, valid)
	}
	m, ok := w.group.Member(who.id)
	if !ok {
		if !who.joining {
			return refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", who.id, w.group.ID)
		}
		m = consumer.NewMember(who.id)
	}
	if who.joining {
		w.o.note("member joins", "group", w.group.ID, "member", who.id, "classic", who.classic)
	}
	w.member = m
	return valid(m)
}

func (w *consumerStep) identifyStatic(who identity, valid func(*consumer.Member) error) error {
	if !who.joining {
		m, err := w.group.find(who.id, who.instanceID)
		if err != nil {
			return err
		}
		w.member = m
		return valid(m)
	}
	old := w.group.Static(who.instanceID)
	w.o.note("static member joins", "group", w.group.ID, "member", who.id, "instance", *who.instanceID, "classic", who.classic)
	if old == nil {
		m, ok := w.group.Member(who.id)
		if !ok {
			m = consumer.NewMember(who.id)
		}
		w.member = m
		return nil
	}
	// Of two of the consumer protocol the first must have left; a classic one
	// is fenced by who comes later.
	if !who.classic && old.Classic == nil && old.Epoch != modern.LeaveStaticEpoch {
		return refuse(kerr.UnreleasedInstanceID, "Static member %s with instance id %s cannot join the group because the instance id is owned by %s member.", who.id, *who.instanceID, old.ID)
	}
	w.member = old.Clone()
	w.member.ID, w.member.Epoch, w.member.PreviousEpoch = who.id, modern.JoinEpoch, modern.JoinEpoch
	target, _ := w.group.Target(old.ID)
	w.emit(removal(w.group.ID, old.ID)...)
	w.emit(
		consumer.MemberRecord(w.group.ID, w.member),
		consumer.TargetRecord(w.group.ID, who.id, target),
		consumer.CurrentRecord(w.group.ID, w.member),
	)
	return nil
}

// removal is the records that take a member out.
func removal(group, member string) []shard.Record {
	return []shard.Record{
		consumer.Tombstone(consumer.CurrentMemberAssignment, group, member),
		consumer.Tombstone(consumer.TargetAssignmentMember, group, member),
		consumer.Tombstone(consumer.MemberMetadata, group, member),
	}
}

// reconcile takes the member a step towards its target. changed says that its
// subscription has changed just now; reported that it has told what it has.
func (w *consumerStep) reconcile(changed, reported bool, owns assign.Assignment) error {
	if !changed && w.updated.ReconciledTo(w.targetEpoch) {
		return nil
	}
	names := modern.Subscriptions{Cluster: w.s.cluster}
	step := consumer.Step{
		Epoch: w.targetEpoch, Target: w.target,
		Subscribed: names.IDs(w.group.SubscribedNames(w.updated)), SubscriptionChanged: changed,
		Reported: reported, Owns: owns, Free: w.group.Free,
	}
	next, err := step.Next(w.updated)
	if err != nil {
		return err
	}
	if !next.SameAssignment(w.updated) {
		w.emit(consumer.CurrentRecord(w.group.ID, next))
		w.updated = next
	}
	return nil
}

// apply appends the records and gives the member as it is then. From here on
// group is the one in the shard.
func (w *consumerStep) apply() *consumer.Member {
	s, id := w.s, w.group.ID
	was := w.member
	if w.classic != nil {
		s.endClassic(w.o, w.classic)
	}
	if old := w.group.Static(w.updated.InstanceID); old != nil && old.ID != w.updated.ID {
		s.stopMember(w.group, old.ID)
	}
	for _, r := range w.records {
		s.append(w.o, r)
	}
	g, ok := s.groups[id].(*consumerGroup)
	if !ok {
		panic("group: a consumer group without records")
	}
	w.group = g
	if w.checked {
		g.SetChecked(s.cluster, w.epoch)
	}
	m, ok := g.Member(w.updated.ID)
	if !ok {
		panic("group: a member without records")
	}
	if w.classic != nil {
		s.startTimers(w.o, g)
	}
	if m.Classic == nil && !m.SameAssignment(was) {
		if m.State == modern.UnrevokedPartitions {
			s.startRebalance(w.o, g, m)
		} else {
			s.stop(g, m.ID, rebalanceExpired)
		}
	}
	if len(w.resolve) > 0 {
		g.resolving = true
		w.o.res.Effects = append(w.o.res.Effects, ResolveRegexes{Group: id, Member: m.ID, Regexes: w.resolve, Cluster: s.cluster})
	}
	return m
}
