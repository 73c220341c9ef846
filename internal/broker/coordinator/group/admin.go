package group

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// describeNotFound is the first version of DescribeGroups that says
// GROUP_ID_NOT_FOUND of an unknown group; before, it is a dead group without
// error (KIP-1043).
const describeNotFound = 6

// DescribeGroup describes one classic group
// (GroupMetadataManager.describeGroups). The response belongs to the caller.
func (s *Shard) DescribeGroup(groupID string, version int16) kmsg.DescribeGroupsResponseGroup {
	resp := kmsg.NewDescribeGroupsResponseGroup()
	resp.Group = groupID
	g, ok := s.groups[groupID].(*classicGroup)
	if !ok {
		resp.State = stateNames[stateDead]
		if version >= describeNotFound {
			resp.ErrorCode = kerr.GroupIDNotFound.Code
			message := fmt.Sprintf("Group %s not found.", groupID)
			if s.groups[groupID] != nil {
				message = fmt.Sprintf("Group %s is not a classic group.", groupID)
			}
			resp.ErrorMessage = &message
		}
		return resp
	}
	resp.State = g.stateName()
	resp.ProtocolType = g.protocolType
	stable := g.state == stateStable && g.protocol != nil
	if stable {
		resp.Protocol = *g.protocol
	}
	for _, m := range g.members {
		r := kmsg.NewDescribeGroupsResponseGroupMember()
		r.MemberID = m.id
		r.InstanceID = m.instanceID
		r.ClientID = m.clientID
		r.ClientHost = m.clientHost
		r.ProtocolMetadata = []byte{}
		if stable {
			r.ProtocolMetadata = nonNil(m.metadata(*g.protocol))
		}
		r.MemberAssignment = nonNil(m.assignment)
		resp.Members = append(resp.Members, r)
	}
	return resp
}

// ListGroups lists the groups in the given states and of the given types, all
// if a filter is empty; case does not matter. Sorted by id.
func (s *Shard) ListGroups(states, types []string) []kmsg.ListGroupsResponseGroup {
	var out []kmsg.ListGroupsResponseGroup
	for _, id := range sortedKeys(s.groups) {
		g := s.groups[id]
		if !admits(states, g.stateName()) || !admits(types, g.kind()) {
			continue
		}
		r := kmsg.NewListGroupsResponseGroup()
		r.Group = id
		r.ProtocolType = g.protocolName()
		r.GroupState = g.stateName()
		r.GroupType = g.kind()
		out = append(out, r)
	}
	return out
}

func admits(filter []string, name string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool {
		return strings.EqualFold(strings.TrimSpace(f), name)
	})
}

// DeleteGroups removes empty groups with their offsets. The reply is a
// DeleteGroupsResponse with the groups in the order of the request.
func (s *Shard) DeleteGroups(now time.Time, to shard.Caller, groupIDs []string) *shard.Result {
	o := &op{now: now}
	resp := kmsg.NewPtrDeleteGroupsResponse()
	for _, id := range groupIDs {
		r := kmsg.NewDeleteGroupsResponseGroup()
		r.Group = id
		r.ErrorCode = wire.CodeOf(s.deleteGroup(o, id))
		resp.Groups = append(resp.Groups, r)
	}
	o.replyCommitted(to, resp)
	return &o.res
}

func (s *Shard) deleteGroup(o *op, id string) error {
	g := s.groups[id]
	if g == nil {
		return kerr.GroupIDNotFound
	}
	if err := g.validateDelete(); err != nil {
		return err
	}
	offsets, n := s.offsets[id], 0
	for _, topic := range offsets.sortedTopics() {
		for _, p := range offsets.sortedPartitions(topic) {
			s.emitOffsetTombstone(o, id, topic, p)
			n++
		}
	}
	g.appendTombstones(s, o)
	o.note("group deleted", "group", id, "offsets", n)
	return nil
}
