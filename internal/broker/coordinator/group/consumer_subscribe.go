package group

import (
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// regexPause is how long regular expressions are not looked at again after they
// were, whatever happens.
const regexPause = 10 * time.Second

// resubscribe takes over what the member subscribes to, and raises the group's
// epoch if that, or what is known of the topics, has changed.
func (w *consumerStep) resubscribe() error {
	g, m, u := w.group, w.member, w.updated
	named := false
	if !u.SameMetadata(m) {
		w.emit(consumer.MemberRecord(g.ID, u))
		named = !slices.Equal(u.Topics, m.Topics)
	}
	changed, resolved, err := w.changeRegex()
	if err != nil {
		return err
	}
	w.planResolution()
	w.subscriptionChanged = named || changed
	// A regular expression that is not resolved yet raises the epoch when it is.
	bump := named || resolved
	if u.Classic != nil {
		bump = named || changed
	}
	if bump || g.Outdated(w.s.cluster) {
		w.raiseEpoch(bump)
	}
	return nil
}

// changeRegex handles a change of the member's regular expression: whether it
// has changed, and whether one knows already what it stands for.
func (w *consumerStep) changeRegex() (changed, resolved bool, err error) {
	g, old, next := w.group, w.member.Regex, w.updated.Regex
	if old == next {
		return false, false, nil
	}
	if old != "" && g.Subscribers(old) == 1 {
		w.emit(consumer.Tombstone(consumer.RegularExpression, g.ID, old))
	}
	switch {
	case next == "":
		return true, true, nil
	case g.Subscribers(next) > 0:
		return true, g.Resolution(next) != nil, nil
	}
	if err := consumer.CheckRegex(next); err != nil {
		return false, false, refuse(kerr.InvalidRegularExpression, "%s", err.Error())
	}
	return true, false, nil
}

// planResolution decides whether the group's regular expressions are to be
// resolved, all together: because there are new ones, or topics were created,
// or it was long ago; but not while that is under way, and not more often than
// regexPause (GroupMetadataManager.maybeUpdateRegularExpressions).
func (w *consumerStep) planResolution() {
	g, s := w.group, w.s
	regexes := g.Regexes(w.member, w.updated)
	if len(regexes) == 0 || g.resolving {
		return
	}
	version, atMs, ever := g.LastResolved()
	since := time.Duration(math.MaxInt64)
	if ever {
		since = time.Duration(w.o.nowMs()-atMs) * time.Millisecond
	}
	if since <= regexPause {
		return
	}
	missing := slices.ContainsFunc(regexes, func(r string) bool { return g.Resolution(r) == nil })
	if missing || version < s.cluster.CreatedAt() || since > s.cfg.Consumer.RegexRefresh {
		w.resolve = regexes
	}
}

// raiseEpoch compares the group with the cluster, and raises its epoch if its
// topics have changed or bump asks for it.
func (w *consumerStep) raiseEpoch(bump bool) {
	g, s := w.group, w.s
	var lost []string
	if old := w.member.Regex; old != "" && old != w.updated.Regex && g.Subscribers(old) == 1 && g.Resolution(old) != nil {
		lost = g.Resolution(old).Topics
	}
	change := []modern.Change[*consumer.Member]{{Old: w.member, New: w.updated}}
	hash := s.hashes.Group(s.cluster, g.SubscribedAfter(change, lost, nil))
	w.checked = true
	if bump || hash != g.MetadataHash() {
		w.epoch++
		w.emit(consumer.EpochRecord(g.ID, w.epoch, hash))
		w.o.note("group epoch is raised", "group", g.ID, "epoch", w.epoch)
	}
	// Kafka before 4.1 kept the topics in a record of their own.
	if g.LegacyMetadata() {
		w.emit(consumer.Tombstone(consumer.PartitionMetadata, g.ID, ""))
	}
}

// retarget makes the target assignment for the group's epoch, if it is time, and
// finds the member's part.
func (w *consumerStep) retarget() {
	g, s := w.group, w.s
	interval := s.cluster.ConsumerSettings(g.ID).AssignmentInterval.Milliseconds()
	if g.AssignmentEpoch() >= w.epoch || !g.MayAssign(w.o.nowMs(), interval) {
		w.lastTarget()
		return
	}
	name := g.Assignor(w.member, w.updated, s.cfg.Consumer.Assignors[0].Name)
	f := s.cfg.assignor(name)
	if f == nil { // a member asked for it before it was taken off the list
		name, f = s.cfg.Consumer.Assignors[0].Name, s.cfg.Consumer.Assignors[0].Assign
	}
	spec := w.spec()
	for i, a := range f(spec) {
		id := spec.Members[i].ID
		old, had := g.Target(id)
		if !had || !old.Equal(a) {
			w.emit(consumer.TargetRecord(g.ID, id, a))
		}
		if id == w.updated.ID {
			w.target = a
		}
	}
	w.targetEpoch = w.epoch
	w.emit(consumer.TargetEpochRecord(g.ID, w.epoch, w.o.nowMs()))
	w.o.note("target assignment is made", "group", g.ID, "epoch", w.epoch, "assignor", name, "members", len(spec.Members))
}

// lastTarget is the member's part of the target assignment that is there: that
// of its former self if it is a static member that returns.
func (w *consumerStep) lastTarget() {
	w.targetEpoch = w.group.AssignmentEpoch()
	id := w.updated.ID
	if w.updated.InstanceID != nil {
		old := w.group.Static(w.updated.InstanceID)
		if old == nil {
			return
		}
		id = old.ID
	}
	w.target, _ = w.group.Target(id)
}

// spec is the group with the updated member as an assignor sees it.
func (w *consumerStep) spec() *assign.Spec {
	g, u := w.group, w.updated
	former := ""
	if old := g.Static(u.InstanceID); old != nil && old.ID != u.ID {
		former = old.ID
	}
	members := slices.DeleteFunc(g.Members(), func(m *consumer.Member) bool { return m.ID == u.ID || m.ID == former })
	at, _ := slices.BinarySearchFunc(members, u.ID, func(m *consumer.Member, id string) int {
		switch {
		case m.ID < id:
			return -1
		case m.ID > id:
			return 1
		default:
			return 0
		}
	})
	members = slices.Insert(members, at, u)
	names := modern.Subscriptions{Cluster: w.s.cluster}
	spec := &assign.Spec{Members: make([]assign.Member, 0, len(members))}
	for _, m := range members {
		id := m.ID
		if m == u && former != "" {
			id = former
		}
		target, _ := g.Target(id)
		a := assign.Member{ID: m.ID, Topics: names.IDs(g.SubscribedNames(m)), Assigned: target}
		if m.InstanceID != nil {
			a.InstanceID = *m.InstanceID
		}
		spec.Members = append(spec.Members, a)
	}
	spec.Topics = names.Topics()
	return spec
}

// ResolveRegexes is an Effect: Regexes of a group are to be looked up among the
// topics of Cluster (consumer.Resolve), of those that the member's client may
// see. RegexesResolved takes what came of it.
type ResolveRegexes struct {
	Group, Member string
	Regexes       []string
	Cluster       modern.Cluster
}

// RegexesResolved takes what the regular expressions stand for, in the order in
// which they were asked for (GroupMetadataManager.handleRegularExpressionsResult).
func (s *Shard) RegexesResolved(now time.Time, asked *ResolveRegexes, found []consumer.Resolved) *shard.Result {
	o := &op{now: now}
	g, ok := s.groups[asked.Group].(*consumerGroup)
	if !ok {
		return &o.res
	}
	g.resolving = false
	bump := false
	var lost, gained []string
	var records []shard.Record
	for i, regex := range asked.Regexes {
		if g.Subscribers(regex) == 0 {
			continue // nobody wants it any more
		}
		next := &found[i]
		var had []string
		if old := g.Resolution(regex); old != nil {
			had = old.Topics
		}
		if !slices.Equal(had, next.Topics) {
			bump = true
			lost, gained = append(lost, had...), append(gained, next.Topics...)
		}
		records = append(records, consumer.RegexRecord(g.ID, regex, next))
	}
	if len(records) == 0 {
		return &o.res
	}
	hash := s.hashes.Group(s.cluster, g.SubscribedAfter(nil, lost, gained))
	for _, r := range records {
		s.append(o, r)
	}
	if bump || hash != g.MetadataHash() {
		epoch := g.Epoch() + 1
		s.append(o, consumer.EpochRecord(g.ID, epoch, hash))
		g.SetChecked(s.cluster, epoch)
		o.note("group epoch is raised: its regular expressions stand for other topics", "group", g.ID, "epoch", epoch)
	}
	return &o.res
}
