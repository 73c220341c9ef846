package modern

import (
	"maps"
	"slices"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

const (
	// InitialEpoch is a new group's epoch, and that of its empty assignment.
	InitialEpoch int32 = 1
	// NoAssignmentEpoch is the assignment epoch after its record was removed.
	NoAssignmentEpoch int32 = -1
)

// Count is how a topic is subscribed to: by how many members by name, and by
// how many regular expressions that somebody uses.
type Count struct{ ByName, ByRegex int }

// Group is a modern group with members of type M (Kafka's ModernGroup). What
// records tell changes by its setters only, each of which returns what was
// there before and so can be taken back. Create it with NewGroup.
type Group[M Subscriber] struct {
	ID string

	epoch        int32
	metadataHash int64
	members      map[string]M
	subscribed   map[string]Count

	assignmentEpoch int32
	assignedAtMs    int64
	target          map[string]assign.Assignment

	// Checked is soft: the version of the cluster that the group has last been
	// compared with, and the group's epoch after that.
	checked      int64
	checkedEpoch int32
}

// NewGroup returns a group without members.
func NewGroup[M Subscriber](id string) Group[M] {
	return Group[M]{
		ID: id, epoch: InitialEpoch, assignmentEpoch: InitialEpoch, checked: neverChecked,
		members: map[string]M{}, subscribed: map[string]Count{}, target: map[string]assign.Assignment{},
	}
}

const neverChecked = -1 << 63

// Epoch is the group's epoch: a greater one than AssignmentEpoch asks for a new
// assignment.
func (g *Group[M]) Epoch() int32 { return g.epoch }

// MetadataHash is that of the topics that the epoch stands for.
func (g *Group[M]) MetadataHash() int64 { return g.metadataHash }

// SetEpoch sets what the group's metadata record says.
func (g *Group[M]) SetEpoch(epoch int32, hash int64) (oldEpoch int32, oldHash int64) {
	oldEpoch, oldHash = g.epoch, g.metadataHash
	g.epoch, g.metadataHash = epoch, hash
	return oldEpoch, oldHash
}

// AssignmentEpoch is the group epoch that the target assignment was made for.
func (g *Group[M]) AssignmentEpoch() int32 { return g.assignmentEpoch }

// AssignedAtMs is when the target assignment was made, ms since the epoch, zero
// if that is not known.
func (g *Group[M]) AssignedAtMs() int64 { return g.assignedAtMs }

// SetAssignmentEpoch sets what the record of the target assignment says.
func (g *Group[M]) SetAssignmentEpoch(epoch int32, atMs int64) (oldEpoch int32, oldMs int64) {
	oldEpoch, oldMs = g.assignmentEpoch, g.assignedAtMs
	g.assignmentEpoch, g.assignedAtMs = epoch, atMs
	return oldEpoch, oldMs
}

// MayAssign says whether a new target assignment may be made, interval (ms)
// after the last (KIP-1263). It may at once if the last one's time is not known
// or the interval is zero, which helps when the clock was put back.
func (g *Group[M]) MayAssign(nowMs, interval int64) bool {
	return g.assignedAtMs == 0 || interval == 0 || nowMs >= g.assignedAtMs+interval
}

// Len is the number of members.
func (g *Group[M]) Len() int { return len(g.members) }

// Member finds a member; ok is false if there is none of this id.
func (g *Group[M]) Member(id string) (m M, ok bool) {
	m, ok = g.members[id]
	return m, ok
}

// Members are all members, by id.
func (g *Group[M]) Members() []M {
	out := make([]M, 0, len(g.members))
	for _, id := range slices.Sorted(maps.Keys(g.members)) {
		out = append(out, g.members[id])
	}
	return out
}

// SetMember puts a member in its place, or takes it out if m is the zero M. It
// returns who was there, or the zero M.
func (g *Group[M]) SetMember(id string, m M) (old M) {
	var none M
	old = g.members[id]
	if old != none {
		for _, t := range old.Base().Topics {
			g.count(t, -1, 0)
		}
	}
	if m == none {
		delete(g.members, id)
		return old
	}
	g.members[id] = m
	for _, t := range m.Base().Topics {
		g.count(t, 1, 0)
	}
	return old
}

func (g *Group[M]) count(topic string, byName, byRegex int) {
	c := g.subscribed[topic]
	c.ByName, c.ByRegex = c.ByName+byName, c.ByRegex+byRegex
	if c.ByName <= 0 && c.ByRegex <= 0 {
		delete(g.subscribed, topic)
		return
	}
	g.subscribed[topic] = c
}

// CountRegex notes that a regular expression has come to stand for the topics,
// or, with -1, that it has ceased to.
func (g *Group[M]) CountRegex(topics []string, by int) {
	for _, t := range topics {
		g.count(t, 0, by)
	}
}

// SubscribedTo says whether anybody subscribes to the topic.
func (g *Group[M]) SubscribedTo(topic string) bool {
	_, ok := g.subscribed[topic]
	return ok
}

// Target is the member's part of the target assignment; ok is false if it has
// none, not even an empty one.
func (g *Group[M]) Target(memberID string) (a assign.Assignment, ok bool) {
	a, ok = g.target[memberID]
	return a, ok
}

// Targets is the number of members that the target assignment names.
func (g *Group[M]) Targets() int { return len(g.target) }

// SetTarget sets the member's part of the target assignment, or removes it if
// present is false. It returns what was there.
func (g *Group[M]) SetTarget(memberID string, a assign.Assignment, present bool) (old assign.Assignment, had bool) {
	old, had = g.target[memberID]
	if present {
		g.target[memberID] = a
	} else {
		delete(g.target, memberID)
	}
	return old, had
}

// Outdated says whether the group has to be compared with the cluster: it has
// not yet been with this version, or what came of it was taken back.
func (g *Group[M]) Outdated(c Cluster) bool {
	return g.checked != c.Version() || g.epoch < g.checkedEpoch
}

// SetChecked notes that the group was compared with the cluster, which has led
// to this epoch.
func (g *Group[M]) SetChecked(c Cluster, epoch int32) { g.checked, g.checkedEpoch = c.Version(), epoch }

// Change is some members that are about to be replaced, to come or to go: New
// or Old may be the zero M.
type Change[M Subscriber] struct{ Old, New M }

// SubscribedAfter is the names of the subscribed topics after the changes,
// ascending. lost and gained are topics that regular expressions cease or come
// to stand for, once for each of them.
func (g *Group[M]) SubscribedAfter(changes []Change[M], lost, gained []string) []string {
	diff := map[string]Count{}
	add := func(topics []string, byName, byRegex int) {
		for _, t := range topics {
			c := diff[t]
			diff[t] = Count{c.ByName + byName, c.ByRegex + byRegex}
		}
	}
	var none M
	for _, c := range changes {
		if c.Old != none {
			add(c.Old.Base().Topics, -1, 0)
		}
		if c.New != none {
			add(c.New.Base().Topics, 1, 0)
		}
	}
	add(lost, 0, -1)
	add(gained, 0, 1)
	out := make([]string, 0, len(g.subscribed)+len(diff))
	for _, t := range slices.Sorted(maps.Keys(g.subscribed)) {
		c, d := g.subscribed[t], diff[t]
		if c.ByName+d.ByName > 0 || c.ByRegex+d.ByRegex > 0 {
			out = append(out, t)
		}
	}
	for _, t := range slices.Sorted(maps.Keys(diff)) {
		if _, ok := g.subscribed[t]; !ok && (diff[t].ByName > 0 || diff[t].ByRegex > 0) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// Subscriptions resolves names of topics to the ids of those that exist,
// ascending, and collects what an assignor needs to know of them. Its zero value
// is not usable: set Cluster.
type Subscriptions struct {
	Cluster Cluster
	byName  map[string]uuid.TopicID
	topics  []assign.Topic
	// last is the most recent resolution: members mostly subscribe alike.
	last   []string
	lastID []uuid.TopicID
}

// IDs resolves names.
func (s *Subscriptions) IDs(names []string) []uuid.TopicID {
	if s.last != nil && slices.Equal(names, s.last) {
		return s.lastID
	}
	ids := make([]uuid.TopicID, 0, len(names))
	for _, name := range names {
		if id, ok := s.id(name); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, uuid.TopicID.Compare)
	s.last, s.lastID = names, ids
	return ids
}

func (s *Subscriptions) id(name string) (id uuid.TopicID, ok bool) {
	if id, ok = s.byName[name]; ok {
		return id, !id.IsZero()
	}
	if s.byName == nil {
		s.byName = map[string]uuid.TopicID{}
	}
	t, ok := s.Cluster.Topic(name)
	if ok {
		s.topics = append(s.topics, assign.Topic{ID: t.ID, Partitions: t.Partitions})
	}
	s.byName[name] = t.ID
	return t.ID, ok
}

// Topics are all that were resolved.
func (s *Subscriptions) Topics() []assign.Topic { return s.topics }
