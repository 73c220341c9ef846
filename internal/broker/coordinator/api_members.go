package coordinator

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

var errAnswerType = errors.New("coordinator: answer of another type than the request")

// JoinGroup handles versions 0 to 9. The answer comes when the group has a new
// generation, which may take as long as the rebalance timeout.
func (r *Runtime) JoinGroup(req *kmsg.JoinGroupRequest, client ClientInfo, reply func(*kmsg.JoinGroupResponse)) {
	c := callOf(reply, func(err error) *kmsg.JoinGroupResponse {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.Version, resp.Generation, resp.MemberID = req.Version, -1, req.MemberID
		resp.ErrorCode = r.code(err, "JoinGroup", req.Group)
		return resp
	})
	in := group.Join{To: c, Request: req, ClientID: client.ID, ClientHost: client.Host}
	if req.MemberID == "" {
		in.NewID = r.opts.NewID()
	}
	if err := group.CheckJoin(&r.opts.Config, req); err != nil {
		c.fail(err)
		return
	}
	r.do(req.Group, c, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.JoinGroup(now, in), nil
	})
}

// SyncGroup handles versions 0 to 5. The answer comes when the leader's
// assignment is committed.
func (r *Runtime) SyncGroup(req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	c := callOf(reply, func(err error) *kmsg.SyncGroupResponse {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.Version, resp.MemberAssignment = req.Version, []byte{}
		resp.ErrorCode = r.code(err, "SyncGroup", req.Group)
		return resp
	})
	if err := group.CheckSync(req); err != nil {
		c.fail(err)
		return
	}
	r.do(req.Group, c, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.SyncGroup(now, c, req), nil
	})
}

// Heartbeat handles versions 0 to 4. While the partition loads, heartbeats
// succeed: the sessions start anew when it has loaded.
func (r *Runtime) Heartbeat(req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.Version = req.Version
	if req.Group == "" {
		resp.ErrorCode = kerr.InvalidGroupID.Code
		reply(resp)
		return
	}
	e, err := r.route(req.Group)
	if err == nil {
		err = e.heartbeat(req)
	}
	if !errors.Is(err, kerr.CoordinatorLoadInProgress) {
		resp.ErrorCode = r.code(err, "Heartbeat", req.Group)
	}
	reply(resp)
}

// LeaveGroup handles versions 0 to 5.
func (r *Runtime) LeaveGroup(req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	c := callOf(reply, func(err error) *kmsg.LeaveGroupResponse {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.Version, resp.ErrorCode = req.Version, r.code(err, "LeaveGroup", req.Group)
		return resp
	})
	if req.Group == "" {
		c.fail(kerr.InvalidGroupID)
		return
	}
	r.do(req.Group, c, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.LeaveGroup(now, c, req), nil
	})
}

// do hands a request to the group's shard; c gets the error if there is one.
func (r *Runtime) do(groupID string, c *call, f request) {
	e, err := r.route(groupID)
	if err == nil {
		err = e.do(f)
	}
	if err != nil {
		c.fail(err)
	}
}

// code is the error code for clients; an error that says none is logged here.
func (r *Runtime) code(err error, api, groupID string) int16 {
	if !wire.Mapped(err) {
		r.log.Error("coordinator request failed", "api", api, "group", groupID, "error", err)
	}
	return wire.CodeOf(err)
}
