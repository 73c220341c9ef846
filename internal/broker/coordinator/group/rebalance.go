package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// rebalanceOrComplete starts a rebalance where the state allows one, and else
// ends the running one if this was what it waited for.
func (s *Shard) rebalanceOrComplete(o *op, g *classicGroup, reason string) {
	if g.canRebalance() {
		s.prepareRebalance(o, g, reason)
		return
	}
	s.maybeCompleteJoin(o, g)
}

// prepareRebalance makes all members join again. The first rebalance of an
// empty group waits for more members instead (KIP-134).
func (s *Shard) prepareRebalance(o *op, g *classicGroup, reason string) {
	if g.state == stateCompletingRebalance {
		for _, m := range g.members {
			m.assignment = nil
		}
		s.propagateAssignment(o, g, kerr.RebalanceInProgress)
	}
	g.storing = nil
	clear(g.pendingSync)
	s.timers.Cancel(&g.syncTimer)

	initial := g.state == stateEmpty
	if initial {
		g.newMember = false
		g.initialRunning = true
		g.initialDelay = s.cfg.InitialRebalanceDelay
		g.initialRemaining = max(g.rebalanceTimeout()-s.cfg.InitialRebalanceDelay, 0)
		s.rearm(o, g, g.initialDelay)
	}
	g.enter(statePreparingRebalance, o.nowMs())
	o.note("rebalance begins", "group", g.id,
		"generation", g.generation, "reason", reason)
	if initial {
		return
	}
	if g.allJoined() {
		s.completeJoin(o, g)
		return
	}
	g.initialRunning = false
	s.rearm(o, g, g.rebalanceTimeout())
}

// rearm sets the group's join timer to a new deadline, earlier or later.
func (s *Shard) rearm(o *op, g *classicGroup, after time.Duration) {
	s.timers.Set(&g.joinTimer, o.now.Add(after))
}

// maybeCompleteJoin ends the join phase if all members have joined. The initial
// rebalance ends by its timer only.
func (s *Shard) maybeCompleteJoin(o *op, g *classicGroup) {
	if g.state == statePreparingRebalance && g.previous != stateEmpty && g.allJoined() {
		s.completeJoin(o, g)
	}
}

// expireJoin is the end of the time that members had to join.
func (s *Shard) expireJoin(o *op, g *classicGroup) {
	if s.groups[g.id] != group(g) {
		return
	}
	if g.initialRunning && g.newMember && g.initialRemaining > 0 {
		g.newMember = false
		delay := min(s.cfg.InitialRebalanceDelay, g.initialRemaining)
		g.initialRemaining = max(g.initialRemaining-g.initialDelay, 0)
		g.initialDelay = delay
		s.rearm(o, g, delay)
		return
	}
	s.completeJoin(o, g)
}

// completeJoin ends the join phase: dynamic members that have not joined are
// out, static ones stay until their session ends (KIP-345), and the others get
// the next generation.
func (s *Shard) completeJoin(o *op, g *classicGroup) {
	s.timers.Cancel(&g.joinTimer)
	g.initialRunning = false
	s.dropNotJoined(o, g)
	switch {
	case g.state != statePreparingRebalance:
		return
	case !g.electJoinedLeader() && len(g.members) > 0:
		// Only silent static members are left. Their sessions decide.
		o.warn("rebalance waits: no member has joined", "group", g.id)
		s.rearm(o, g, g.rebalanceTimeout())
		return
	}
	g.nextGeneration(o.nowMs())
	if g.state == stateEmpty {
		o.note("group is empty", "group", g.id, "generation", g.generation)
		s.emit(o, groupRecord(g, nil), &warnEvent{g.id, "cannot store empty generation"})
		return
	}
	o.note("generation has its members", "group", g.id,
		"generation", g.generation, "members", len(g.members),
		"protocol", *g.protocol, "leader", g.leader)
	for _, m := range g.members {
		if m.join != nil {
			g.answerJoin(o, m, g.joined(m, m.join.version, g.isLeader(m)))
		}
		s.keepAlive(o, g, m)
		m.isNew = false
		g.pendingSync[m.id] = true
	}
	s.timers.Set(&g.syncTimer, o.now.Add(g.rebalanceTimeout()))
}

func (s *Shard) dropNotJoined(o *op, g *classicGroup) {
	var gone []*member
	for _, m := range g.members {
		if m.join == nil && m.instanceID == nil {
			gone = append(gone, m)
		}
	}
	for _, m := range gone {
		s.drop(g, m)
		o.note("member did not rejoin in time", "group", g.id, "member", m.id)
	}
}

// drop removes a member and its session.
func (s *Shard) drop(g *classicGroup, m *member) {
	s.timers.Cancel(&m.session)
	g.remove(m)
}

// emit appends a record that the group's state already reflects: replaying it
// is for the next coordinator.
func (s *Shard) emit(o *op, r shard.Record, ev shard.Event) {
	if o.res.Event != nil {
		panic("group: two events in one result")
	}
	o.res.Records = append(o.res.Records, r)
	o.res.Event = ev
	s.take()
}

// keepAlive starts the member's session anew.
func (s *Shard) keepAlive(o *op, g *classicGroup, m *member) {
	if m.session.What == nil {
		m.session.What = memberExpired{g, m}
	}
	s.timers.Set(&m.session, o.now.Add(m.sessionTimeout()))
}

// expireMember is the end of a member's session.
func (s *Shard) expireMember(o *op, g *classicGroup, m *member) {
	if s.groups[g.id] != group(g) || g.byID[m.id] != m || m.alive() {
		return
	}
	o.note("member's session has expired", "group", g.id, "member", m.id)
	s.removeMember(o, g, m, "member "+m.id+" has expired")
}

// removeMember takes a member out. If it waits for a rebalance it is told so
// and, if it lives, joins anew.
func (s *Shard) removeMember(o *op, g *classicGroup, m *member, reason string) {
	g.answerJoinError(o, m, "", kerr.UnknownMemberID)
	g.answerSync(o, m, kerr.UnknownMemberID)
	s.drop(g, m)
	switch g.state {
	case stateStable, stateCompletingRebalance:
		s.rebalanceOrComplete(o, g, reason)
	case statePreparingRebalance:
		if g.allJoined() {
			s.completeJoin(o, g)
		}
	}
}
