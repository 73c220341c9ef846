package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// staticReplaced is a restarted static member whose new id is on its way to the
// log while the group stays stable.
type staticReplaced struct {
	g         *classicGroup
	m         *member
	oldID     string
	newID     string
	oldLeader string
	oldOffers []kmsg.JoinGroupRequestProtocol
	// Timeouts as they were.
	oldRebalanceMs, oldSessionMs int32
}

// joinReplacing lets a restarted static member take over from its former self
// under a new member id, which fences the old one (KIP-345). In a stable group
// whose protocol stays the same that needs no rebalance
// (GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin).
func (s *Shard) joinReplacing(o *op, g *classicGroup, in Join, old *member, newID string) {
	req := in.Request
	e := &staticReplaced{
		g: g, m: old, oldID: old.id, newID: newID, oldLeader: g.leader, oldOffers: old.protocols,
		oldRebalanceMs: old.rebalanceTimeoutMs, oldSessionMs: old.sessionTimeoutMs,
	}
	g.answerJoinError(o, old, old.id, kerr.FencedInstanceID)
	g.answerSync(o, old, kerr.FencedInstanceID)
	g.rename(old, newID)
	old.isNew = false
	s.keepAlive(o, g, old)
	g.update(old, cloneProtocols(req.Protocols), req.RebalanceTimeoutMillis, req.SessionTimeoutMillis, &joinWaiter{in.To, req.Version})
	o.note("static member is back under a new id", "group", g.id,
		"instance", *req.InstanceID, "old", e.oldID, "new", newID)

	switch g.state {
	case stateStable:
		if g.protocol != nil && g.selectProtocol() == *g.protocol {
			s.emit(o, groupRecord(g, g.assignments()), e)
			return
		}
		s.rebalanceOrComplete(o, g, "static member "+newID+" changes the group's protocol")
	case stateCompletingRebalance:
		// The leader may be assigning to the old id, so everybody joins again.
		s.prepareRebalance(o, g, "static member "+newID+" is back during the rebalance")
	default:
		s.maybeCompleteJoin(o, g)
	}
}

// finishStatic answers the returned member: from version 9 on a leader learns
// that it leads, and that it need not assign (KIP-814); before, it is told of
// the old leader so that it does not assign.
func (s *Shard) finishStatic(o *op, e *staticReplaced, err error) {
	g, m := e.g, e.m
	if m.join == nil || m.id != e.newID || g.byID[m.id] != m || s.groups[g.id] != group(g) {
		return
	}
	version := m.join.version
	s.keepAlive(o, g, m) // its session did not run while it waited
	if err != nil {
		o.warn("cannot store static member", "group", g.id, "member", m.id, "error", err)
		resp := g.joined(m, version, false)
		resp.MemberID, resp.LeaderID, resp.ErrorCode = "", e.oldLeader, wire.CodeOf(err)
		g.answerJoin(o, m, resp)
		g.update(m, e.oldOffers, e.oldRebalanceMs, e.oldSessionMs, nil)
		g.rename(m, e.oldID)
		return
	}
	lead := g.isLeader(m)
	resp := g.joined(m, version, lead && version >= joinSkipAssignment)
	resp.SkipAssignment = lead && version >= joinSkipAssignment
	if version < joinSkipAssignment {
		resp.LeaderID = e.oldLeader
	}
	g.answerJoin(o, m, resp)
}

// rename gives a static member another member id, with its place, assignment
// and leadership.
func (g *classicGroup) rename(m *member, id string) {
	delete(g.byID, m.id)
	if g.pendingSync[m.id] {
		delete(g.pendingSync, m.id)
		g.pendingSync[id] = true
	}
	if g.leader == m.id {
		g.leader = id
	}
	m.id = id
	g.byID[id] = m
	g.static[*m.instanceID] = id
}

func (g *classicGroup) assignments() map[string][]byte {
	out := make(map[string][]byte, len(g.members))
	for _, m := range g.members {
		out[m.id] = m.assignment
	}
	return out
}
