package groups

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// JoinGroup handles versions 0 to 9. The answer comes when the group has a new
// generation, which may take as long as the rebalance timeout.
func (c *Coordinator) JoinGroup(req *kmsg.JoinGroupRequest, client ClientInfo, reply func(*kmsg.JoinGroupResponse)) {
	to := coordinator.CallOf(reply, func(err error) *kmsg.JoinGroupResponse {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.Version, resp.Generation, resp.MemberID = req.Version, -1, req.MemberID
		resp.ErrorCode = c.code(err, "JoinGroup", req.Group)
		return resp
	})
	in := group.Join{To: to, Request: req, ClientID: client.ID, ClientHost: client.Host}
	if req.MemberID == "" {
		in.NewID = c.opts.NewID()
	}
	if err := group.CheckJoin(&c.opts.Config, req); err != nil {
		to.Fail(err)
		return
	}
	c.do(req.Group, to, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.JoinGroup(now, in), nil
	})
}

// SyncGroup handles versions 0 to 5. The answer comes when the leader's
// assignment is committed.
func (c *Coordinator) SyncGroup(req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	to := coordinator.CallOf(reply, func(err error) *kmsg.SyncGroupResponse {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.Version, resp.MemberAssignment = req.Version, []byte{}
		resp.ErrorCode = c.code(err, "SyncGroup", req.Group)
		return resp
	})
	if err := group.CheckSync(req); err != nil {
		to.Fail(err)
		return
	}
	c.do(req.Group, to, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.SyncGroup(now, to, req), nil
	})
}

// Heartbeat handles versions 0 to 4. While the partition loads, heartbeats
// succeed: the sessions start anew when it has loaded.
func (c *Coordinator) Heartbeat(req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.Version = req.Version
	if req.Group == "" {
		resp.ErrorCode = kerr.InvalidGroupID.Code
		reply(resp)
		return
	}
	e, err := c.route(req.Group)
	if err == nil {
		err = e.Touch(func(s *group.Shard, now time.Time) error { return s.Heartbeat(now, req) })
	}
	if !errors.Is(err, kerr.CoordinatorLoadInProgress) {
		resp.ErrorCode = c.code(err, "Heartbeat", req.Group)
	}
	reply(resp)
}

// LeaveGroup handles versions 0 to 5.
func (c *Coordinator) LeaveGroup(req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	to := coordinator.CallOf(reply, func(err error) *kmsg.LeaveGroupResponse {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.Version, resp.ErrorCode = req.Version, c.code(err, "LeaveGroup", req.Group)
		return resp
	})
	if req.Group == "" {
		to.Fail(kerr.InvalidGroupID)
		return
	}
	c.do(req.Group, to, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.LeaveGroup(now, to, req), nil
	})
}
