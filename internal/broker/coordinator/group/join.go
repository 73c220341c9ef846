package group

import (
	"bytes"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// Versions of JoinGroup that changed the rules.
const (
	joinRebalanceTimeout = 1 // before it, the session timeout serves as both
	joinRequiresMemberID = 4 // KIP-394: first a member id, then the join
	joinSkipAssignment   = 9 // KIP-814
)

// maxPendingMembers bounds the member ids that a group has given out and that
// nobody has joined with yet.
//
// Deviation: Kafka has no bound; a client can make it keep ids without end.
const maxPendingMembers = 10_000

// Join is a JoinGroup request with what the shell knows about it.
type Join struct {
	To      shard.Caller
	Request *kmsg.JoinGroupRequest
	// ClientID and ClientHost describe the connection; the host as Java prints
	// an address: "/127.0.0.1".
	ClientID, ClientHost string
	// NewID is random and becomes part of the member id if one is made.
	NewID [16]byte
}

// JoinGroup handles a JoinGroup request. The answer comes in a Result, now or
// later (GroupMetadataManager.classicGroupJoin).
func (s *Shard) JoinGroup(now time.Time, in Join) *shard.Result {
	o := &op{now: now}
	if err := CheckJoin(&s.cfg, in.Request); err != nil {
		joinError(o, in, in.Request.MemberID, err)
		return &o.res
	}
	if g, ok := s.groups[in.Request.Group].(*consumerGroup); ok && s.joinsConsumer(o, in, g) {
		return &o.res
	}
	s.join(o, in)
	return &o.res
}

// CheckJoin checks what can be told without the group, which Kafka does before
// it looks whether it coordinates the group. It completes requests of version 0.
func CheckJoin(cfg *Config, req *kmsg.JoinGroupRequest) error {
	if req.Group == "" {
		return kerr.InvalidGroupID
	}
	t := time.Duration(req.SessionTimeoutMillis) * time.Millisecond
	if t < cfg.MinSessionTimeout || t > cfg.MaxSessionTimeout {
		return kerr.InvalidSessionTimeout
	}
	if req.Version < joinRebalanceTimeout {
		req.RebalanceTimeoutMillis = req.SessionTimeoutMillis
	}
	return nil
}

func (s *Shard) join(o *op, in Join) {
	req := in.Request
	g, err := s.classicForJoin(o, req)
	switch {
	case err != nil:
		joinError(o, in, req.MemberID, err)
	case !s.accepts(g, req.MemberID):
		joinError(o, in, "", kerr.GroupMaxSizeReached)
		if m := g.byID[req.MemberID]; m != nil {
			s.drop(g, m)
			s.maybeCompleteJoin(o, g) // nobody need wait for it any longer
		}
	case g.state == stateDead:
		joinError(o, in, req.MemberID, kerr.CoordinatorNotAvailable)
	case !g.supportsProtocols(req.ProtocolType, req.Protocols):
		joinError(o, in, req.MemberID, kerr.InconsistentGroupProtocol)
	case req.MemberID == "":
		s.joinNew(o, g, in)
	default:
		s.joinExisting(o, g, in)
	}
}

// classicForJoin finds the group. An unknown one is made for a member that
// brings no id, with a record that makes it last.
//
// Deviation: a join that no group would accept, for want of protocols, makes no
// group; in Kafka an empty one stays until the next expiry run.
func (s *Shard) classicForJoin(o *op, req *kmsg.JoinGroupRequest) (*classicGroup, error) {
	switch g := s.groups[req.Group].(type) {
	case *classicGroup:
		return g, nil
	case nil:
		if req.MemberID != "" {
			return nil, kerr.UnknownMemberID
		}
		g2 := newClassicGroup(req.Group, o.nowMs())
		if !g2.supportsProtocols(req.ProtocolType, req.Protocols) {
			return nil, kerr.InconsistentGroupProtocol
		}
		o.res.Records = append(o.res.Records, emptyGroupRecord(g2))
		o.res.Event = &warnEvent{g2.id, "cannot store new group"}
		s.applyGroup(s.take(), g2)
		return g2, nil
	default:
		return nil, kerr.InconsistentGroupProtocol
	}
}

// accepts says whether group.max.size leaves room. While the group prepares a
// rebalance the waiting joins count, so that after the limit was lowered the
// last to rejoin are turned away.
func (s *Shard) accepts(g *classicGroup, memberID string) bool {
	m := g.byID[memberID]
	switch g.state {
	case statePreparingRebalance:
		return m != nil && m.join != nil || g.awaiting < s.cfg.MaxSize
	case stateCompletingRebalance, stateStable:
		return m != nil || len(g.members) < s.cfg.MaxSize
	default:
		return true
	}
}

func (s *Shard) joinNew(o *op, g *classicGroup, in Join) {
	req := in.Request
	if req.InstanceID != nil {
		newID := memberID(*req.InstanceID, in.NewID)
		if old, ok := g.static[*req.InstanceID]; ok {
			s.joinReplacing(o, g, in, g.byID[old], newID)
			return
		}
		s.addMember(o, g, in, newID)
		return
	}
	newID := memberID(in.ClientID, in.NewID)
	if req.Version < joinRequiresMemberID {
		s.addMember(o, g, in, newID)
		return
	}
	if len(g.pendingJoin) >= maxPendingMembers {
		joinError(o, in, "", kerr.GroupMaxSizeReached)
		return
	}
	t := &shard.Timer{What: pendingExpired{g, newID}}
	g.pendingJoin[newID] = t
	s.timers.Set(t, o.now.Add(time.Duration(req.SessionTimeoutMillis)*time.Millisecond))
	joinError(o, in, newID, kerr.MemberIDRequired)
}

func (s *Shard) joinExisting(o *op, g *classicGroup, in Join) {
	req := in.Request
	if t := g.pendingJoin[req.MemberID]; t != nil {
		if req.InstanceID != nil {
			// Ids are given out to dynamic members only.
			joinError(o, in, req.MemberID, kerr.UnknownMemberID)
			return
		}
		s.timers.Cancel(t)
		delete(g.pendingJoin, req.MemberID)
		s.addMember(o, g, in, req.MemberID)
		return
	}
	m, err := g.validateMember(req.MemberID, req.InstanceID)
	if err != nil {
		joinError(o, in, req.MemberID, err)
		return
	}
	switch {
	case g.state == stateEmpty:
		joinError(o, in, req.MemberID, kerr.UnknownMemberID)
	case g.state == statePreparingRebalance,
		g.state == stateStable && g.isLeader(m), // the leader may ask for a new assignment
		!m.offers(req.Protocols):
		s.rejoin(o, g, m, in)
	default:
		// It missed the answer, or is a follower without news: it gets this
		// generation again.
		o.reply(in.To, g.joined(m, req.Version, g.state == stateCompletingRebalance && g.isLeader(m)))
	}
}

// rejoin takes the member's new protocols and rebalances.
func (s *Shard) rejoin(o *op, g *classicGroup, m *member, in Join) {
	s.replaceWaiter(o, g, m)
	req := in.Request
	g.update(m, cloneProtocols(req.Protocols), req.RebalanceTimeoutMillis, req.SessionTimeoutMillis, &joinWaiter{in.To, req.Version})
	s.rebalanceOrComplete(o, g, fmt.Sprintf("member %s rejoins in state %s (client's reason: %s)", m.id, g.stateName(), joinReason(req)))
}

// replaceWaiter answers a JoinGroup that the same member has overtaken by a
// newer one. Kafka drops it without an answer; here every request is answered,
// and REBALANCE_IN_PROGRESS makes a client that still reads it join again.
func (s *Shard) replaceWaiter(o *op, g *classicGroup, m *member) {
	g.answerJoinError(o, m, m.id, kerr.RebalanceInProgress)
}

// addMember takes a new member in. Its first JoinGroup may wait no longer than
// NewMemberJoinTimeout, since a member without an answer cannot heartbeat and a
// client that gave up would stay for ever.
func (s *Shard) addMember(o *op, g *classicGroup, in Join, id string) {
	req := in.Request
	m := &member{
		id:                 id,
		instanceID:         req.InstanceID,
		clientID:           in.ClientID,
		clientHost:         in.ClientHost,
		protocolType:       req.ProtocolType,
		rebalanceTimeoutMs: req.RebalanceTimeoutMillis,
		sessionTimeoutMs:   req.SessionTimeoutMillis,
		protocols:          cloneProtocols(req.Protocols),
		join:               &joinWaiter{in.To, req.Version},
		isNew:              true,
	}
	if g.state == statePreparingRebalance && g.previous == stateEmpty {
		g.newMember = true
	}
	g.add(m)
	m.session.What = memberExpired{g, m}
	s.timers.Set(&m.session, o.now.Add(s.cfg.NewMemberJoinTimeout))
	s.rebalanceOrComplete(o, g, fmt.Sprintf("member %s joins (client's reason: %s)", id, joinReason(req)))
}

// expirePending forgets a member id that was given out and not used.
func (s *Shard) expirePending(o *op, g *classicGroup, id string) {
	if g.pendingJoin[id] == nil {
		return
	}
	delete(g.pendingJoin, id)
	o.note("member id was not used in time", "group", g.id, "member", id)
	if g.state == statePreparingRebalance && g.allJoined() {
		s.completeJoin(o, g)
	}
}

// joined is the answer to a JoinGroup for the current generation.
func (g *classicGroup) joined(m *member, version int16, withMembers bool) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.Generation = g.generation
	resp.Protocol = g.protocol
	resp.ProtocolType = stringPtr(g.protocolType)
	resp.LeaderID = g.leader
	resp.MemberID = m.id
	if withMembers {
		resp.Members = g.joinMembers()
	}
	return resp
}

func (g *classicGroup) joinMembers() []kmsg.JoinGroupResponseMember {
	out := make([]kmsg.JoinGroupResponseMember, 0, len(g.members))
	for _, m := range g.members {
		r := kmsg.NewJoinGroupResponseMember()
		r.MemberID = m.id
		r.InstanceID = m.instanceID
		if g.protocol != nil {
			r.ProtocolMetadata = m.metadata(*g.protocol)
		}
		out = append(out, r)
	}
	return out
}

// answerJoin sends resp to the member's waiting JoinGroup, if there is one.
func (g *classicGroup) answerJoin(o *op, m *member, resp *kmsg.JoinGroupResponse) {
	if m.join == nil {
		return
	}
	o.reply(m.join.to, resp)
	m.join = nil
	if g.byID[m.id] == m {
		g.awaiting--
	}
}

func (g *classicGroup) answerJoinError(o *op, m *member, id string, err error) {
	if m.join != nil {
		g.answerJoin(o, m, joinErrorResponse(m.join.version, id, err))
	}
}

func joinError(o *op, in Join, id string, err error) {
	o.reply(in.To, joinErrorResponse(in.Request.Version, id, err))
}

func joinErrorResponse(version int16, id string, err error) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.Generation = -1
	resp.MemberID = id
	resp.ErrorCode = wire.CodeOf(err)
	return resp
}

// memberID is prefix, a dash and a random UUID, as Kafka makes them.
func memberID(prefix string, u [16]byte) string {
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", prefix, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func joinReason(req *kmsg.JoinGroupRequest) string {
	if req.Reason == nil || *req.Reason == "" {
		return "not provided"
	}
	return *req.Reason
}

// cloneProtocols copies what a member offers, since the request's bytes are
// those of its frame.
func cloneProtocols(in []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	out := make([]kmsg.JoinGroupRequestProtocol, len(in))
	for i := range in {
		out[i] = kmsg.JoinGroupRequestProtocol{Name: in[i].Name, Metadata: bytes.Clone(in[i].Metadata)}
	}
	return out
}

func stringPtr(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
