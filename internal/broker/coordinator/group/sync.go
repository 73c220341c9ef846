package group

import (
	"bytes"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// syncProtocolRequired is the first version of SyncGroup in which the member
// must name the protocol (KIP-559).
const syncProtocolRequired = 5

// assignmentStored is the leader's assignment on its way to the log.
type assignmentStored struct {
	g           *classicGroup
	generation  int32
	assignments map[string][]byte
}

// SyncGroup handles a SyncGroup request: members wait for the leader's
// assignment, which takes effect when it is committed
// (GroupMetadataManager.classicGroupSync).
func (s *Shard) SyncGroup(now time.Time, to shard.Caller, req *kmsg.SyncGroupRequest) *shard.Result {
	o := &op{now: now}
	if c, ok := s.groups[req.Group].(*consumerGroup); ok {
		err := CheckSync(req)
		if err == nil {
			err = s.syncConsumer(o, to, req, c)
		}
		if err != nil {
			o.reply(to, syncError(req.Version, err))
		}
		return &o.res
	}
	g, m, err := s.checkSync(req)
	if err != nil {
		o.reply(to, syncError(req.Version, err))
		return &o.res
	}
	switch g.state {
	case statePreparingRebalance:
		o.reply(to, syncError(req.Version, kerr.RebalanceInProgress))
	case stateCompletingRebalance:
		g.answerSync(o, m, kerr.RebalanceInProgress) // an older request of the same member
		m.sync = &syncWaiter{to, req.Version}
		s.synced(g, m)
		if g.isLeader(m) && g.storing == nil {
			s.storeAssignment(o, g, req)
		}
	case stateStable:
		s.synced(g, m)
		o.reply(to, g.synced(m, req.Version))
	}
	return &o.res
}

// CheckSync checks what can be told without the group.
func CheckSync(req *kmsg.SyncGroupRequest) error {
	if req.Version >= syncProtocolRequired && (req.Protocol == nil || req.ProtocolType == nil) {
		return kerr.InconsistentGroupProtocol
	}
	if req.Group == "" {
		return kerr.InvalidGroupID
	}
	return nil
}

func (s *Shard) checkSync(req *kmsg.SyncGroupRequest) (*classicGroup, *member, error) {
	if err := CheckSync(req); err != nil {
		return nil, nil, err
	}
	g, ok := s.groups[req.Group].(*classicGroup)
	if !ok || g.state == stateEmpty {
		return nil, nil, kerr.UnknownMemberID
	}
	if g.state == stateDead {
		return nil, nil, kerr.CoordinatorNotAvailable
	}
	m, err := g.validateMember(req.MemberID, req.InstanceID)
	switch {
	case err != nil:
		return nil, nil, err
	case req.Generation != g.generation:
		return nil, nil, kerr.IllegalGeneration
	case req.ProtocolType != nil && *req.ProtocolType != g.protocolType,
		req.Protocol != nil && g.protocol != nil && *req.Protocol != *g.protocol:
		return nil, nil, kerr.InconsistentGroupProtocol
	}
	return g, m, nil
}

// synced notes that a member has sent its SyncGroup.
func (s *Shard) synced(g *classicGroup, m *member) {
	delete(g.pendingSync, m.id)
	if len(g.pendingSync) == 0 {
		s.timers.Cancel(&g.syncTimer)
	}
}

// storeAssignment writes the leader's assignment. A generation has one: should
// the leader send another while the first is on its way, it waits for that.
//
// Deviation: Kafka writes both and gives the members the first, so that after a
// failover the group has the second and a partition can have two owners.
func (s *Shard) storeAssignment(o *op, g *classicGroup, req *kmsg.SyncGroupRequest) {
	assignments := make(map[string][]byte, len(req.GroupAssignment))
	for i := range req.GroupAssignment {
		a := &req.GroupAssignment[i]
		assignments[a.MemberID] = bytes.Clone(a.MemberAssignment)
	}
	g.storing = &assignmentStored{g, g.generation, assignments}
	s.emit(o, groupRecord(g, assignments), g.storing)
}

// finishAssignment gives the members their assignment, unless a rebalance has
// overtaken it. If it could not be stored, all must join again.
func (s *Shard) finishAssignment(o *op, e *assignmentStored, err error) {
	g := e.g
	if g.storing == e {
		g.storing = nil
	}
	if s.groups[g.id] != group(g) || g.state != stateCompletingRebalance || g.generation != e.generation {
		return
	}
	if err != nil {
		o.warn("cannot store the assignment", "group", g.id, "error", err)
		for _, m := range g.members {
			m.assignment = nil
		}
		s.propagateAssignment(o, g, err)
		s.rebalanceOrComplete(o, g, "the assignment could not be stored")
		return
	}
	for _, m := range g.members {
		m.assignment = e.assignments[m.id]
	}
	s.propagateAssignment(o, g, nil)
	g.enter(stateStable, o.nowMs())
}

// propagateAssignment answers the members that wait for it, and starts their
// sessions anew, which did not run meanwhile.
func (s *Shard) propagateAssignment(o *op, g *classicGroup, err error) {
	for _, m := range g.members {
		if m.sync == nil {
			continue
		}
		if err != nil {
			g.answerSync(o, m, err)
		} else {
			o.reply(m.sync.to, g.synced(m, m.sync.version))
			m.sync = nil
		}
		s.keepAlive(o, g, m)
	}
}

// expireSync is the end of the time that members had to send SyncGroup after
// they joined: who has not is out (KIP-62's rebalance timeout, KAFKA-13563).
func (s *Shard) expireSync(o *op, g *classicGroup) {
	if s.groups[g.id] != group(g) || len(g.pendingSync) == 0 {
		return
	}
	if g.state != stateCompletingRebalance && g.state != stateStable {
		return
	}
	for _, id := range sortedKeys(g.pendingSync) {
		if m := g.byID[id]; m != nil {
			o.note("member did not sync in time", "group", g.id, "member", id)
			g.answerJoinError(o, m, "", kerr.UnknownMemberID)
			s.drop(g, m)
		}
	}
	s.prepareRebalance(o, g, "members did not sync in time")
}

// synced is the answer to a SyncGroup in this generation.
func (g *classicGroup) synced(m *member, version int16) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = version
	resp.ProtocolType = stringPtr(g.protocolType)
	resp.Protocol = g.protocol
	resp.MemberAssignment = nonNil(m.assignment)
	return resp
}

func (g *classicGroup) answerSync(o *op, m *member, err error) {
	if m.sync == nil {
		return
	}
	o.reply(m.sync.to, syncError(m.sync.version, err))
	m.sync = nil
}

func syncError(version int16, err error) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = version
	resp.MemberAssignment = []byte{}
	resp.ErrorCode = wire.CodeOf(err)
	return resp
}
