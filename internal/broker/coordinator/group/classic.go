package group

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// consumerProtocolType is the protocol type of consumers; what their
// subscriptions hold is known to the coordinator.
const consumerProtocolType = "consumer"

// state is a classic group's state (Kafka's ClassicGroupState).
type state uint8

// The states of a classic group.
const (
	stateEmpty               state = iota // no members, perhaps offsets
	statePreparingRebalance               // waiting for members to join
	stateCompletingRebalance              // waiting for the leader's assignment
	stateStable                           // every member has its assignment
	stateDead                             // removed, or this broker leads no more
)

var stateNames = [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}

// transitions[from][to] says which changes of state are legal.
var transitions = [...][5]bool{
	stateEmpty:               {statePreparingRebalance: true, stateDead: true},
	statePreparingRebalance:  {stateEmpty: true, stateCompletingRebalance: true, stateDead: true},
	stateCompletingRebalance: {statePreparingRebalance: true, stateStable: true, stateDead: true},
	stateStable:              {statePreparingRebalance: true, stateDead: true},
	stateDead:                {stateDead: true},
}

// classicGroup is a group of the classic protocol: members join, the leader
// assigns, all sync (Kafka's ClassicGroup). Membership is soft state; what
// outlives the coordinator is the last generation that was synced.
type classicGroup struct {
	id         string
	state      state
	previous   state
	stateMs    int64 // when state was entered, ms since the epoch; -1 unknown
	generation int32

	protocolType string  // "" until the first member: a simple group
	protocol     *string // chosen for this generation
	leader       string  // "" if there is none

	members     []*member // in the order in which they joined
	byID        map[string]*member
	static      map[string]string // group instance id → member id
	supported   map[string]int    // protocol name → members that offer it
	pendingJoin map[string]*shard.Timer
	pendingSync map[string]bool
	awaiting    int // members with a JoinGroup waiting
	// storing is the leader's assignment on its way to the log, if there is one.
	storing *assignmentStored
	// newMember notes a join during the initial rebalance, which then waits on.
	newMember bool

	// topics is what the members subscribe to, nil if that is unknown.
	topics map[string]bool

	joinTimer, syncTimer shard.Timer
	// initialDelay and initialRemaining steer the initial rebalance: the delay
	// running now, and what may be added when members keep coming.
	initialDelay, initialRemaining time.Duration
	initialRunning                 bool
}

var _ group = (*classicGroup)(nil)

func newClassicGroup(id string, nowMs int64) *classicGroup {
	g := &classicGroup{
		id:          id,
		state:       stateEmpty,
		previous:    stateDead,
		stateMs:     nowMs,
		byID:        map[string]*member{},
		static:      map[string]string{},
		supported:   map[string]int{},
		pendingJoin: map[string]*shard.Timer{},
		pendingSync: map[string]bool{},
	}
	g.joinTimer.What = joinExpired{g}
	g.syncTimer.What = syncExpired{g}
	return g
}

// classicFromRecord is the group as a GroupMetadata record tells it: Stable, or
// Empty without members.
func classicFromRecord(id string, v *kmsg.GroupMetadataValue) (*classicGroup, error) {
	g := newClassicGroup(id, v.CurrentStateTimestamp)
	g.generation = v.Generation
	g.protocolType = v.ProtocolType
	g.protocol = v.Protocol
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	for i := range v.Members {
		r := &v.Members[i]
		if v.Protocol == nil {
			return nil, fmt.Errorf("%w: group %q has members but no protocol", shard.ErrMalformedRecord, id)
		}
		if g.byID[r.MemberID] != nil || r.InstanceID != nil && g.static[*r.InstanceID] != "" {
			return nil, fmt.Errorf("%w: group %q has a member twice", shard.ErrMalformedRecord, id)
		}
		m := &member{
			id:                 r.MemberID,
			instanceID:         r.InstanceID,
			clientID:           r.ClientID,
			clientHost:         r.ClientHost,
			rebalanceTimeoutMs: r.RebalanceTimeoutMillis,
			sessionTimeoutMs:   r.SessionTimeoutMillis,
			protocols:          []kmsg.JoinGroupRequestProtocol{{Name: *v.Protocol, Metadata: bytes.Clone(r.Subscription)}},
			assignment:         bytes.Clone(r.Assignment),
		}
		if m.rebalanceTimeoutMs == -1 {
			m.rebalanceTimeoutMs = m.sessionTimeoutMs
		}
		g.add(m)
		g.state = stateStable
	}
	if g.byID[g.leader] == nil {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
	g.topics = g.subscriptions()
	return g, nil
}

func (g *classicGroup) groupID() string   { return g.id }
func (g *classicGroup) kind() string      { return "classic" }
func (g *classicGroup) stateName() string { return stateNames[g.state] }
func (g *classicGroup) empty() bool       { return g.state == stateEmpty }

// simple says whether the group came to be by its offsets alone, and has no
// record of its own (ClassicGroup.isSimpleGroup).
func (g *classicGroup) simple() bool {
	return g.protocolType == "" && g.state == stateEmpty && len(g.pendingJoin) == 0
}

func (g *classicGroup) protocolName() string { return g.protocolType }

// enter changes the state. An illegal change is a bug and fails the shard.
func (g *classicGroup) enter(to state, nowMs int64) {
	if !transitions[g.state][to] {
		panic(fmt.Sprintf("group %q: illegal change from %s to %s", g.id, stateNames[g.state], stateNames[to]))
	}
	g.previous, g.state, g.stateMs = g.state, to, nowMs
}

func (g *classicGroup) canRebalance() bool { return transitions[g.state][statePreparingRebalance] }

func (g *classicGroup) isLeader(m *member) bool { return g.leader == m.id }

// add takes a member in. The caller has checked that the group supports its
// protocols and that neither its id nor its instance id is taken.
func (g *classicGroup) add(m *member) {
	if len(g.members) == 0 && m.protocolType != "" {
		g.protocolType = m.protocolType
	}
	if m.instanceID != nil {
		g.static[*m.instanceID] = m.id
	}
	if g.leader == "" {
		g.leader = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	g.count(m, 1)
	if m.join != nil {
		g.awaiting++
	}
}

// remove takes a member out; the first of the others becomes leader if it led.
func (g *classicGroup) remove(m *member) {
	i := slices.Index(g.members, m)
	if i < 0 {
		return
	}
	g.members = slices.Delete(g.members, i, i+1)
	delete(g.byID, m.id)
	g.count(m, -1)
	if m.join != nil {
		g.awaiting--
	}
	if m.instanceID != nil && g.static[*m.instanceID] == m.id {
		delete(g.static, *m.instanceID)
	}
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
	delete(g.pendingSync, m.id)
}

func (g *classicGroup) count(m *member, by int) {
	for i := range m.protocols {
		name := m.protocols[i].Name
		if g.supported[name] += by; g.supported[name] == 0 {
			delete(g.supported, name)
		}
	}
}

// update gives a member new protocols, timeouts and a waiting JoinGroup.
func (g *classicGroup) update(m *member, protocols []kmsg.JoinGroupRequestProtocol, rebalanceMs, sessionMs int32, join *joinWaiter) {
	g.count(m, -1)
	m.protocols = protocols
	g.count(m, 1)
	m.rebalanceTimeoutMs, m.sessionTimeoutMs = rebalanceMs, sessionMs
	if m.join == nil && join != nil {
		g.awaiting++
	}
	if m.join != nil && join == nil {
		g.awaiting--
	}
	m.join = join
}

// supportsProtocols says whether a member with these protocols fits: the group
// must keep one protocol that all members offer.
func (g *classicGroup) supportsProtocols(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == stateEmpty {
		return protocolType != "" && len(protocols) > 0
	}
	if g.protocolType != protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool {
		return g.supported[p.Name] == len(g.members)
	})
}

// selectProtocol lets every member vote for the first of its protocols that all
// support. Among equals the one that got a vote first wins, which makes the
// outcome repeatable (Kafka leaves it to the order of a hash map).
func (g *classicGroup) selectProtocol() string {
	votes := map[string]int{}
	var order []string
	for _, m := range g.members {
		for i := range m.protocols {
			name := m.protocols[i].Name
			if g.supported[name] != len(g.members) {
				continue
			}
			if votes[name] == 0 {
				order = append(order, name)
			}
			votes[name]++
			break
		}
	}
	best := ""
	for _, name := range order {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// nextGeneration starts a generation with the members that have joined.
func (g *classicGroup) nextGeneration(nowMs int64) {
	g.generation++
	clear(g.pendingSync)
	if len(g.members) == 0 {
		g.protocol = nil
		g.topics = g.subscriptions()
		g.enter(stateEmpty, nowMs)
		return
	}
	p := g.selectProtocol()
	g.protocol = &p
	g.topics = g.subscriptions()
	g.enter(stateCompletingRebalance, nowMs)
}

func (g *classicGroup) allJoined() bool {
	return len(g.members) == g.awaiting && len(g.pendingJoin) == 0
}

// electJoinedLeader makes sure that the leader is a member that has rejoined;
// false means that there is none.
func (g *classicGroup) electJoinedLeader() bool {
	if l := g.byID[g.leader]; l != nil && l.join != nil {
		return true
	}
	for _, m := range g.members {
		if m.join != nil {
			g.leader = m.id
			return true
		}
	}
	return false
}

// rebalanceTimeout is the longest of the members'.
func (g *classicGroup) rebalanceTimeout() time.Duration {
	var ms int32
	for _, m := range g.members {
		ms = max(ms, m.rebalanceTimeoutMs)
	}
	return time.Duration(ms) * time.Millisecond
}

// validateMember checks identity: UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when
// another member has taken the instance id (KIP-345).
func (g *classicGroup) validateMember(memberID string, instanceID *string) (*member, error) {
	if instanceID != nil {
		switch owner, ok := g.static[*instanceID]; {
		case !ok:
			return nil, kerr.UnknownMemberID
		case owner != memberID:
			return nil, kerr.FencedInstanceID
		}
	}
	m := g.byID[memberID]
	if m == nil {
		return nil, kerr.UnknownMemberID
	}
	return m, nil
}

// validateOffsetCommit as ClassicGroup.validateOffsetCommit.
func (g *classicGroup) validateOffsetCommit(c *committer) (partitionCheck, error) {
	switch {
	case g.state == stateDead:
		return nil, kerr.CoordinatorNotAvailable
	case c.epoch < 0 && g.state == stateEmpty:
		return nil, nil
	case c.epoch >= 0 || c.memberID != "" || c.instanceID != nil:
		if _, err := g.validateMember(c.memberID, c.instanceID); err != nil {
			return nil, err
		}
		if c.epoch != g.generation {
			return nil, kerr.IllegalGeneration
		}
	case !c.transactional && g.state != stateEmpty:
		// Members hold the partitions, so nobody else commits for them; who
		// commits in a transaction need not say that it is a member.
		return nil, kerr.UnknownMemberID
	}
	if !c.transactional && g.state == stateCompletingRebalance {
		return nil, kerr.RebalanceInProgress
	}
	return nil, nil
}

// validateOffsetFetch lets everybody read.
func (g *classicGroup) validateOffsetFetch(*string, int32) error {
	if g.state == stateDead {
		return kerr.GroupIDNotFound
	}
	return nil
}

func (g *classicGroup) validateOffsetDelete() error {
	if g.state == stateDead {
		return kerr.GroupIDNotFound
	}
	if g.state != stateEmpty && g.protocolType != consumerProtocolType {
		return kerr.NonEmptyGroup
	}
	return nil
}

func (g *classicGroup) validateDelete() error {
	switch g.state {
	case stateDead:
		return kerr.GroupIDNotFound
	case stateEmpty:
		return nil
	default:
		return kerr.NonEmptyGroup
	}
}

// expiry follows KIP-211 and KIP-496: an empty group's offsets age since it
// became empty, those of topics that a stable group of consumers does not
// subscribe to and those of a simple group since they were committed; other
// groups keep theirs.
func (g *classicGroup) expiry() (func(o *offset) int64, bool) {
	sinceCommit := func(o *offset) int64 { return o.commitMs }
	switch {
	case g.protocolType == "":
		return sinceCommit, true
	case g.state == stateEmpty && g.stateMs >= 0:
		return func(*offset) int64 { return g.stateMs }, true
	case g.state == stateEmpty:
		return sinceCommit, true
	case g.protocolType == consumerProtocolType && g.topics != nil && g.state == stateStable:
		return sinceCommit, true
	default:
		return nil, false
	}
}

func (g *classicGroup) appendTombstones(s *Shard, o *op) {
	s.timers.Cancel(&g.joinTimer)
	s.timers.Cancel(&g.syncTimer)
	s.emitGroupTombstone(o, g.id)
}
