package groups

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// DescribeGroups handles versions 0 to 6, with the groups in the order of the
// request; authorized operations are the caller's to fill in.
func (c *Coordinator) DescribeGroups(req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse)) {
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Version = req.Version
	for _, id := range req.Groups {
		var g kmsg.DescribeGroupsResponseGroup
		e, err := c.route(id)
		if err == nil {
			err = e.Read(func(s *group.Shard) { g = s.DescribeGroup(id, req.Version) })
		}
		if err != nil {
			g = kmsg.NewDescribeGroupsResponseGroup()
			g.Group, g.ErrorCode = id, c.code(err, "DescribeGroups", id)
		}
		resp.Groups = append(resp.Groups, g)
	}
	reply(resp)
}

// ListGroups handles versions 0 to 5, over all partitions that this broker
// leads. While one of them loads, the answer is COORDINATOR_LOAD_IN_PROGRESS.
func (c *Coordinator) ListGroups(req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse)) {
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Version = req.Version
	for _, e := range c.All() {
		err := e.Read(func(s *group.Shard) {
			resp.Groups = append(resp.Groups, s.ListGroups(req.StatesFilter, req.TypesFilter)...)
		})
		if err != nil && !errors.Is(err, kerr.NotCoordinator) {
			resp.Groups, resp.ErrorCode = nil, c.code(err, "ListGroups", "")
			break
		}
	}
	reply(resp)
}

// DeleteGroups handles versions 0 to 2. A group that is named twice is answered
// once.
func (c *Coordinator) DeleteGroups(req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse)) {
	byPartition, order := map[int32][]string{}, []int32{}
	codes := map[string]int16{}
	var ids []string
	for _, id := range req.Groups {
		if _, ok := codes[id]; ok {
			continue
		}
		codes[id] = kerr.CoordinatorNotAvailable.Code
		ids = append(ids, id)
		p, ok := c.PartitionFor(id)
		if !ok {
			continue
		}
		if !slices.Contains(order, p) {
			order = append(order, p)
		}
		byPartition[p] = append(byPartition[p], id)
	}
	g := newGather(len(order)+1, func() { reply(deleteResponse(req.Version, ids, codes)) })
	for _, p := range order {
		c.deleteGroups(p, byPartition[p], func(results []kmsg.DeleteGroupsResponseGroup) {
			g.part(func() {
				for i := range results {
					codes[results[i].Group] = results[i].ErrorCode
				}
			})
		})
	}
	g.part(func() {}) // so that a request without groups is answered too
}

func (c *Coordinator) deleteGroups(partition int32, ids []string, done func([]kmsg.DeleteGroupsResponseGroup)) {
	to := coordinator.CallOf(func(resp *kmsg.DeleteGroupsResponse) { done(resp.Groups) }, func(err error) *kmsg.DeleteGroupsResponse {
		resp := kmsg.NewPtrDeleteGroupsResponse()
		for _, id := range ids {
			resp.Groups = append(resp.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: c.code(err, "DeleteGroups", id)})
		}
		return resp
	})
	e, err := c.Executor(partition)
	if err == nil {
		err = e.Do(func(s *group.Shard, now time.Time) (*shard.Result, error) {
			return s.DeleteGroups(now, to, ids), nil
		})
	}
	if err != nil {
		to.Fail(err)
	}
}

func deleteResponse(version int16, ids []string, codes map[string]int16) *kmsg.DeleteGroupsResponse {
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Version = version
	for _, id := range ids {
		r := kmsg.NewDeleteGroupsResponseGroup()
		r.Group, r.ErrorCode = id, codes[id]
		resp.Groups = append(resp.Groups, r)
	}
	return resp
}
