package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/uuid"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// A member of a consumer group may speak the classic protocol (KIP-848's online
// migration): it joins again for each step towards its target, and learns from
// heartbeats that it is time to. Its generation is its member epoch.

// joinsConsumer handles JoinGroup for a consumer group, unless that is empty and
// gives way to a classic one, which it says.
func (s *Shard) joinsConsumer(o *op, in Join, g *consumerGroup) bool {
	req := in.Request
	switch {
	case !g.empty():
		if err := s.joinConsumer(o, in, g); err != nil {
			joinError(o, in, req.MemberID, err)
		}
	case req.MemberID != "":
		joinError(o, in, req.MemberID, kerr.UnknownMemberID)
	default:
		if newClassicGroup(g.ID, 0).supportsProtocols(req.ProtocolType, req.Protocols) {
			o.note("empty consumer group becomes a classic group", "group", g.ID)
			g.appendTombstones(s, o)
		}
		return false
	}
	return true
}

// joinConsumer handles JoinGroup for a consumer group with members
// (GroupMetadataManager.classicGroupJoinToConsumerGroup). An error is for the
// caller to answer.
func (s *Shard) joinConsumer(o *op, in Join, g *consumerGroup) error {
	req := in.Request
	if m := s.cfg.Consumer.Migration; !m.Upgrade && !m.Downgrade {
		return kerr.InconsistentGroupProtocol
	}
	w := &consumerStep{s: s, o: o, group: g, epoch: g.Epoch()}
	if err := w.admits(req.MemberID); err != nil {
		return err
	}
	names := make([]string, 0, len(req.Protocols))
	for i := range req.Protocols {
		names = append(names, req.Protocols[i].Name)
	}
	if req.ProtocolType != consumerProtocolType || !g.Supports(names) {
		return kerr.InconsistentGroupProtocol
	}
	id := req.MemberID
	if id == "" {
		id = uuid.UUID(in.NewID).String()
		if req.Version >= joinRequiresMemberID && req.InstanceID == nil {
			joinError(o, in, id, kerr.MemberIDRequired)
			return nil
		}
	}
	sub, err := consumer.DecodeSubscription(req.Protocols[0].Metadata)
	if err != nil {
		return kerr.InconsistentGroupProtocol
	}
	// A dynamic member with an id that the group does not know joins too: it got
	// the id from here, perhaps before a failover.
	who := identity{id: id, instanceID: req.InstanceID, joining: req.InstanceID == nil || req.MemberID == "", classic: true}
	if err := w.identify(who, func(*consumer.Member) error { return nil }); err != nil {
		return err
	}
	w.updated = offered(w.member, in, sub)
	if err := w.resubscribe(); err != nil {
		return err
	}
	m, err := s.joinedConsumer(w, sub)
	if err != nil {
		return err
	}
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version, resp.MemberID, resp.Generation = req.Version, m.ID, m.Epoch
	typ, protocol := consumerProtocolType, m.Protocol()
	resp.ProtocolType, resp.Protocol = &typ, &protocol
	o.replyCommitted(in.To, resp)
	return nil
}

// joinedConsumer takes the member its step, or makes the group a classic one if
// it was the last static member of the consumer protocol.
func (s *Shard) joinedConsumer(w *consumerStep, sub *consumer.Subscription) (*consumer.Member, error) {
	g, o := w.group, w.o
	owns := s.byID(sub.Owned)
	former := g.Static(w.updated.InstanceID)
	if former != nil && former.Classic == nil && s.mayDowngrade(o, g, []*consumer.Member{former}, 1) {
		rebalance := g.AssignmentEpoch() < w.epoch
		generation := g.Epoch()
		w.lastTarget()
		target := w.target
		if !rebalance {
			if err := w.reconcile(w.subscriptionChanged, true, owns); err != nil {
				return nil, err
			}
		}
		m := w.apply()
		s.downgrade(o, w.group, nil, &rejoined{m.ID, target, generation}, rebalance, "a static member is back with the classic protocol")
		return m, nil
	}
	w.retarget()
	if err := w.reconcile(w.subscriptionChanged, true, owns); err != nil {
		return nil, err
	}
	m := w.apply()
	s.stop(g, m.ID, rejoinExpired)
	s.startSession(o.now, w.group, m)
	s.timers.Set(&w.group.clocks(m.ID).clocks[resyncExpired], o.now.Add(millis(m.RebalanceTimeoutMs)))
	return m, nil
}

// offered is the member with what it offers by the classic protocol.
func offered(m *consumer.Member, in Join, sub *consumer.Subscription) *consumer.Member {
	req := in.Request
	u := m.Clone()
	if req.InstanceID != nil {
		u.InstanceID = req.InstanceID
	}
	if sub.RackID != nil {
		u.RackID = sub.RackID
	}
	if req.RebalanceTimeoutMillis != -1 {
		u.RebalanceTimeoutMs = req.RebalanceTimeoutMillis
	}
	u.Topics, u.Regex = sub.Topics, ""
	u.ClientID, u.ClientHost = in.ClientID, in.ClientHost
	u.Classic = &consumer.Classic{SessionTimeoutMs: req.SessionTimeoutMillis}
	for _, p := range cloneProtocols(req.Protocols) {
		u.Classic.Protocols = append(u.Classic.Protocols, consumer.Protocol{Name: p.Name, Metadata: p.Metadata})
	}
	return u
}

// classicMember finds a member that must speak the classic protocol and be at
// the generation.
func (g *consumerGroup) classicMember(id string, instanceID *string, generation int32) (*consumer.Member, error) {
	m, err := g.find(id, instanceID)
	switch {
	case err != nil:
		return nil, err
	case m.Classic == nil:
		return nil, kerr.UnknownMemberID
	case m.Epoch != generation:
		return nil, kerr.IllegalGeneration
	}
	return m, nil
}

// syncConsumer handles SyncGroup: the member hears what it has.
func (s *Shard) syncConsumer(o *op, to shard.Caller, req *kmsg.SyncGroupRequest, g *consumerGroup) error {
	m, err := g.classicMember(req.MemberID, req.InstanceID, req.Generation)
	if err != nil {
		return err
	}
	if req.ProtocolType != nil && *req.ProtocolType != consumerProtocolType || req.Protocol != nil && *req.Protocol != m.Protocol() {
		return kerr.InconsistentGroupProtocol
	}
	// One that has yet to give up partitions has joined again already; when it
	// has, it joins once more.
	if g.AssignmentEpoch() > m.Epoch && m.State != modern.UnrevokedPartitions {
		s.startRejoin(o.now, g, m)
		return kerr.RebalanceInProgress
	}
	sub, err := consumer.DecodeSubscription(m.Classic.Protocols[0].Metadata)
	if err != nil {
		return kerr.InconsistentGroupProtocol
	}
	s.stop(g, m.ID, resyncExpired)
	s.startSession(o.now, g, m)
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version, resp.ProtocolType, resp.Protocol = req.Version, req.ProtocolType, req.Protocol
	resp.MemberAssignment = consumer.EncodeAssignment(sub.Version, s.byName(m.Assigned.Assignment()))
	o.replyCommitted(to, resp)
	return nil
}

// heartbeatClassic handles Heartbeat: REBALANCE_IN_PROGRESS asks the member to
// join again, since there is a new target, or it has to give up partitions, or
// those that it waits for are free.
func (s *Shard) heartbeatClassic(now time.Time, req *kmsg.HeartbeatRequest, g *consumerGroup) error {
	m, err := g.classicMember(req.MemberID, req.InstanceID, req.Generation)
	if err != nil {
		return err
	}
	s.startSession(now, g, m)
	if m.Epoch < g.AssignmentEpoch() || m.State == modern.UnrevokedPartitions ||
		m.State == modern.UnreleasedPartitions && !g.waits(m) {
		s.startRejoin(now, g, m)
		return kerr.RebalanceInProgress
	}
	return nil
}

// waits says whether somebody has a partition of the member's target.
func (g *consumerGroup) waits(m *consumer.Member) bool {
	target, _ := g.Target(m.ID)
	for _, t := range target {
		for _, p := range t.Partitions {
			if _, has := m.Assigned.Epoch(t.Topic, p); !has && !g.Free(t.Topic, p) {
				return true
			}
		}
	}
	return false
}

// leaveClassic handles LeaveGroup. An operator may put out any member with it,
// static ones by their instance id alone.
func (s *Shard) leaveClassic(o *op, g *consumerGroup, members []kmsg.LeaveGroupRequestMember) []kmsg.LeaveGroupResponseMember {
	out := make([]kmsg.LeaveGroupResponseMember, 0, len(members))
	var gone []*consumer.Member
	seen := map[string]bool{}
	for i := range members {
		in := &members[i]
		id := in.MemberID
		if in.InstanceID != nil && id == "" {
			if m := g.Static(in.InstanceID); m != nil {
				id = m.ID
			}
		}
		m, err := g.find(id, in.InstanceID)
		if err == nil && !seen[m.ID] {
			seen[m.ID] = true
			gone = append(gone, m)
			o.note("member leaves", "group", g.ID, "member", m.ID)
		}
		r := kmsg.NewLeaveGroupResponseMember()
		r.MemberID, r.InstanceID, r.ErrorCode = in.MemberID, in.InstanceID, wire.CodeOf(err)
		out = append(out, r)
	}
	s.fence(o, g, gone)
	return out
}
