package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// leaveMembers is the first version of LeaveGroup that names several members.
const leaveMembers = 3

// LeaveGroup removes members, also by instance id alone, which is how an
// operator removes static ones (KIP-345). Versions up to 2 get their single
// member's error at the top (GroupMetadataManager.classicGroupLeave).
func (s *Shard) LeaveGroup(now time.Time, to shard.Caller, req *kmsg.LeaveGroupRequest) *shard.Result {
	o := &op{now: now}
	members := req.Members
	if req.Version < leaveMembers {
		members = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.Version = req.Version
	switch g := s.groups[req.Group].(type) {
	case *classicGroup:
		if g.state == stateDead {
			resp.ErrorCode = kerr.CoordinatorNotAvailable.Code
			break
		}
		resp.Members = s.leave(o, g, members)
	case *consumerGroup:
		resp.Members = s.leaveClassic(o, g, members)
	default:
		if req.Group == "" {
			resp.ErrorCode = kerr.InvalidGroupID.Code
			break
		}
		for i := range members {
			resp.Members = append(resp.Members, leaveResult(&members[i], kerr.UnknownMemberID))
		}
	}
	if req.Version < leaveMembers {
		for i := range resp.Members {
			if resp.ErrorCode == 0 {
				resp.ErrorCode = resp.Members[i].ErrorCode
			}
		}
		resp.Members = nil
	}
	o.replyCommitted(to, resp)
	return &o.res
}

func (s *Shard) leave(o *op, g *classicGroup, members []kmsg.LeaveGroupRequestMember) []kmsg.LeaveGroupResponseMember {
	out := make([]kmsg.LeaveGroupResponseMember, 0, len(members))
	left := false
	for i := range members {
		err := s.leaveOne(o, g, &members[i])
		left = left || err == nil
		out = append(out, leaveResult(&members[i], err))
	}
	if !left {
		return out
	}
	switch g.state {
	case stateStable, stateCompletingRebalance:
		s.rebalanceOrComplete(o, g, "members left")
	case statePreparingRebalance:
		s.maybeCompleteJoin(o, g)
	}
	return out
}

func (s *Shard) leaveOne(o *op, g *classicGroup, in *kmsg.LeaveGroupRequestMember) error {
	if t := g.pendingJoin[in.MemberID]; t != nil && in.MemberID != "" {
		s.timers.Cancel(t)
		delete(g.pendingJoin, in.MemberID)
		return nil
	}
	id := in.MemberID
	if id == "" && in.InstanceID != nil {
		owner, ok := g.static[*in.InstanceID]
		if !ok {
			return kerr.UnknownMemberID
		}
		id = owner
	}
	m, err := g.validateMember(id, in.InstanceID)
	if err != nil {
		return err
	}
	reason := "not provided"
	if in.Reason != nil {
		reason = *in.Reason
	}
	o.note("member leaves", "group", g.id, "member", id, "reason", reason)
	g.answerJoinError(o, m, "", kerr.UnknownMemberID)
	g.answerSync(o, m, kerr.UnknownMemberID)
	s.drop(g, m)
	return nil
}

func leaveResult(in *kmsg.LeaveGroupRequestMember, err error) kmsg.LeaveGroupResponseMember {
	r := kmsg.NewLeaveGroupResponseMember()
	r.MemberID, r.InstanceID, r.ErrorCode = in.MemberID, in.InstanceID, wire.CodeOf(err)
	return r
}
