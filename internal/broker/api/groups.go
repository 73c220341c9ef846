package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/groups"
)

// The group APIs go to the group coordinator as they are; it answers when
// what it decided is committed.

// member is the client as groups remember it.
func (c *call) member() groups.ClientInfo {
	return groups.ClientInfo{ID: c.client, Host: "/" + c.req.Conn().RemoteHost()}
}

// later sends an answer that comes from the coordinator.
func later[R kmsg.Response](c *call) func(R) {
	return func(resp R) { c.reply(resp) }
}

// joinGroup answers JoinGroup, versions 0 to 9.
func (b *Broker) joinGroup(c *call, req *kmsg.JoinGroupRequest) {
	b.groups.JoinGroup(req, c.member(), later[*kmsg.JoinGroupResponse](c))
}

// syncGroup answers SyncGroup, versions 0 to 5.
func (b *Broker) syncGroup(c *call, req *kmsg.SyncGroupRequest) {
	b.groups.SyncGroup(req, later[*kmsg.SyncGroupResponse](c))
}

// heartbeat answers Heartbeat, versions 0 to 4.
func (b *Broker) heartbeat(c *call, req *kmsg.HeartbeatRequest) {
	b.groups.Heartbeat(req, later[*kmsg.HeartbeatResponse](c))
}

// leaveGroup answers LeaveGroup, versions 0 to 5.
func (b *Broker) leaveGroup(c *call, req *kmsg.LeaveGroupRequest) {
	b.groups.LeaveGroup(req, later[*kmsg.LeaveGroupResponse](c))
}

// offsetCommit answers OffsetCommit, versions 2 to 10.
func (b *Broker) offsetCommit(c *call, req *kmsg.OffsetCommitRequest) {
	b.groups.OffsetCommit(req, later[*kmsg.OffsetCommitResponse](c))
}

// offsetFetch answers OffsetFetch, versions 1 to 10.
func (b *Broker) offsetFetch(c *call, req *kmsg.OffsetFetchRequest) {
	b.groups.OffsetFetch(req, later[*kmsg.OffsetFetchResponse](c))
}

// offsetDelete answers OffsetDelete, version 0.
func (b *Broker) offsetDelete(c *call, req *kmsg.OffsetDeleteRequest) {
	b.groups.OffsetDelete(req, later[*kmsg.OffsetDeleteResponse](c))
}

// describeGroups answers DescribeGroups, versions 0 to 6.
func (b *Broker) describeGroups(c *call, req *kmsg.DescribeGroupsRequest) {
	b.groups.DescribeGroups(req, func(resp *kmsg.DescribeGroupsResponse) {
		if req.IncludeAuthorizedOperations {
			for i := range resp.Groups {
				if resp.Groups[i].ErrorCode == 0 {
					resp.Groups[i].AuthorizedOperations = groupOperations
				}
			}
		}
		c.reply(resp)
	})
}

// listGroups answers ListGroups, versions 0 to 5.
func (b *Broker) listGroups(c *call, req *kmsg.ListGroupsRequest) {
	b.groups.ListGroups(req, later[*kmsg.ListGroupsResponse](c))
}

// deleteGroups answers DeleteGroups, versions 0 to 2.
func (b *Broker) deleteGroups(c *call, req *kmsg.DeleteGroupsRequest) {
	b.groups.DeleteGroups(req, later[*kmsg.DeleteGroupsResponse](c))
}
