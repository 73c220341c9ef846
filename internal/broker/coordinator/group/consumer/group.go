package consumer

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// State is a consumer group's state (ConsumerGroup.ConsumerGroupState).
type State string

// The states of a consumer group.
const (
	// Empty has no members.
	Empty State = "Empty"
	// Assigning needs a new target assignment.
	Assigning State = "Assigning"
	// Reconciling has members that are on their way to the target.
	Reconciling State = "Reconciling"
	// Settled is "Stable": every member has its target.
	Settled State = "Stable"
)

// Group is a consumer group (Kafka's ConsumerGroup): what its records tell, and
// what follows from them. Create it with NewGroup. It changes by SetMember,
// SetRegex, SetLegacyMetadata and the setters of modern.Group, each of which can
// be taken back with what it returns.
type Group struct {
	modern.Group[*Member]

	static    map[string]string // group instance id → member id
	assignors map[string]int    // name → members that ask for it
	// classic is the number of members that use the classic protocol, protocols
	// how many of them support each assignor of the client.
	classic   int
	protocols map[string]int
	// owners is who has a partition, or has yet to say that it gave it up, and
	// the member epoch of that.
	owners map[uuid.TopicID]map[int32]owner
	// regexes is how many members subscribe to each regular expression, resolved
	// what the coordinator has found them to stand for.
	regexes  map[string]int
	resolved map[string]*Resolved
	// legacyMetadata says that the log has a record that Kafka wrote before 4.1.
	legacyMetadata bool
}

type owner struct {
	member string
	epoch  int32
}

// NewGroup returns a group without members.
func NewGroup(id string) *Group {
	return &Group{
		Group:  modern.NewGroup[*Member](id),
		static: map[string]string{}, assignors: map[string]int{}, protocols: map[string]int{},
		owners: map[uuid.TopicID]map[int32]owner{}, regexes: map[string]int{}, resolved: map[string]*Resolved{},
	}
}

// SetMember puts a member in its place, or takes it out if m is nil. It returns
// who was there, or nil.
func (g *Group) SetMember(id string, m *Member) (old *Member) {
	old = g.Group.SetMember(id, m)
	if old != nil {
		g.countMember(old, -1)
		g.release(old)
		if i := old.InstanceID; i != nil && g.static[*i] == id {
			delete(g.static, *i)
		}
	}
	if m != nil {
		g.countMember(m, 1)
		g.occupy(m)
		if i := m.InstanceID; i != nil {
			g.static[*i] = id
		}
	}
	return old
}

func (g *Group) countMember(m *Member, by int) {
	if m.Assignor != nil {
		add(g.assignors, *m.Assignor, by)
	}
	if m.Regex != "" {
		add(g.regexes, m.Regex, by)
	}
	if m.Classic == nil {
		return
	}
	g.classic += by
	for i := range m.Classic.Protocols {
		add(g.protocols, m.Classic.Protocols[i].Name, by)
	}
}

func add(counts map[string]int, key string, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// occupy notes what the member has; of two members the one with the newer epoch
// counts, which only records of a damaged log can bring about.
func (g *Group) occupy(m *Member) {
	for _, o := range [...]Owned{m.Assigned, m.Revoking} {
		for i := range o {
			t := g.owners[o[i].Topic]
			if t == nil {
				t = map[int32]owner{}
				g.owners[o[i].Topic] = t
			}
			for _, p := range o[i].Partitions {
				if had, taken := t[p]; !taken || had.epoch <= m.Epoch {
					t[p] = owner{m.ID, m.Epoch}
				}
			}
		}
	}
}

func (g *Group) release(m *Member) {
	for _, o := range [...]Owned{m.Assigned, m.Revoking} {
		for i := range o {
			t := g.owners[o[i].Topic]
			for _, p := range o[i].Partitions {
				if t[p].member == m.ID {
					delete(t, p)
				}
			}
			if len(t) == 0 {
				delete(g.owners, o[i].Topic)
			}
		}
	}
}

// Free says whether nobody has the partition.
func (g *Group) Free(topic uuid.TopicID, partition int32) bool {
	_, taken := g.owners[topic][partition]
	return !taken
}

// Static finds a static member by its instance id; nil if there is none.
func (g *Group) Static(instanceID *string) *Member {
	if instanceID == nil {
		return nil
	}
	id, ok := g.static[*instanceID]
	if !ok {
		return nil
	}
	m, _ := g.Member(id)
	return m
}

// State is derived: Kafka keeps it and goes over all members at each change.
func (g *Group) State() State {
	switch {
	case g.Len() == 0:
		return Empty
	case g.Epoch() > g.AssignmentEpoch():
		return Assigning
	}
	for _, m := range g.Members() {
		if !m.ReconciledTo(g.AssignmentEpoch()) {
			return Reconciling
		}
	}
	return Settled
}

// Assignor is the one that most members ask for, of several the first by name;
// fallback if nobody asks. Member old is about to be replaced by next; both may
// be nil.
func (g *Group) Assignor(old, next *Member, fallback string) string {
	counts := maps.Clone(g.assignors)
	if old != nil && old.Assignor != nil {
		add(counts, *old.Assignor, -1)
	}
	if next != nil && next.Assignor != nil {
		add(counts, *next.Assignor, 1)
	}
	best := fallback
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > counts[best] {
			best = name
		}
	}
	return best
}

// ClassicMembers is the number of members that use the classic protocol.
func (g *Group) ClassicMembers() int { return g.classic }

// Supports says whether a classic member with these assignors may join: all the
// other classic ones must have one of them too.
func (g *Group) Supports(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return g.protocols[n] == g.classic })
}

// Subscribers is how many members subscribe to the regular expression.
func (g *Group) Subscribers(regex string) int { return g.regexes[regex] }

// Regexes are all regular expressions that somebody subscribes to, ascending,
// after old was replaced by next; both may be nil.
func (g *Group) Regexes(old, next *Member) []string {
	counts := maps.Clone(g.regexes)
	if old != nil && old.Regex != "" {
		add(counts, old.Regex, -1)
	}
	if next != nil && next.Regex != "" {
		add(counts, next.Regex, 1)
	}
	return slices.Sorted(maps.Keys(counts))
}

// Resolution is what a regular expression was found to stand for, nil if it was
// not looked at yet.
func (g *Group) Resolution(regex string) *Resolved { return g.resolved[regex] }

// AllResolved are the regular expressions that were resolved, ascending.
func (g *Group) AllResolved() []string { return slices.Sorted(maps.Keys(g.resolved)) }

// LastResolved is the version and the time (ms) of the last resolution; they are
// made together. ok is false if there was none.
func (g *Group) LastResolved() (version, atMs int64, ok bool) {
	for _, regex := range g.AllResolved() {
		r := g.resolved[regex]
		if !ok || r.AtMs > atMs {
			version, atMs, ok = r.Version, r.AtMs, true
		}
	}
	return version, atMs, ok
}

// SetRegex sets what a regular expression stands for, or forgets it if r is nil.
// It returns what was there.
func (g *Group) SetRegex(regex string, r *Resolved) (old *Resolved) {
	if old = g.resolved[regex]; old != nil {
		g.CountRegex(old.Topics, -1)
		delete(g.resolved, regex)
	}
	if r != nil {
		g.CountRegex(r.Topics, 1)
		g.resolved[regex] = r
	}
	return old
}

// LegacyMetadata says whether the log has a ConsumerGroupPartitionMetadata
// record, which Kafka 4.1 replaced by a hash.
func (g *Group) LegacyMetadata() bool { return g.legacyMetadata }

// SetLegacyMetadata sets what LegacyMetadata says and returns what it said.
func (g *Group) SetLegacyMetadata(v bool) (old bool) {
	old, g.legacyMetadata = g.legacyMetadata, v
	return old
}

// SubscribedNames is what the member subscribes to, by name and by its regular
// expression as far as that is resolved, ascending.
func (g *Group) SubscribedNames(m *Member) []string {
	r := g.resolved[m.Regex]
	switch {
	case m.Regex == "" || r == nil || len(r.Topics) == 0:
		return m.Topics
	case len(m.Topics) == 0:
		return r.Topics
	}
	both := slices.Concat(m.Topics, r.Topics)
	slices.Sort(both)
	return slices.Compact(both)
}

// ValidEpoch says whether a member may send the epoch: its own; the one before,
// with no partition that it was not assigned, since the answer may have been
// lost; or zero, which means that it starts again. reported is what the member
// says that it has, ok whether it says that. FENCED_MEMBER_EPOCH else.
func (m *Member) ValidEpoch(epoch int32, has func(Owned) bool) error {
	switch {
	case epoch == modern.JoinEpoch || epoch == m.Epoch:
		return nil
	case epoch < m.Epoch && epoch == m.PreviousEpoch && has(m.Assigned):
		return nil
	default:
		return kerr.FencedMemberEpoch
	}
}
