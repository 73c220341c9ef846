package coordinator

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// DescribeGroups handles versions 0 to 6, with the groups in the order of the
// request; authorized operations are the caller's to fill in.
func (r *Runtime) DescribeGroups(req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse)) {
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Version = req.Version
	for _, id := range req.Groups {
		var g kmsg.DescribeGroupsResponseGroup
		e, err := r.route(id)
		if err == nil {
			err = e.read(func(s *group.Shard) { g = s.DescribeGroup(id, req.Version) })
		}
		if err != nil {
			g = kmsg.NewDescribeGroupsResponseGroup()
			g.Group, g.ErrorCode = id, r.code(err, "DescribeGroups", id)
		}
		resp.Groups = append(resp.Groups, g)
	}
	reply(resp)
}

// ListGroups handles versions 0 to 5, over all partitions that this broker
// leads. While one of them loads, the answer is COORDINATOR_LOAD_IN_PROGRESS.
func (r *Runtime) ListGroups(req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse)) {
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Version = req.Version
	for _, e := range r.all() {
		err := e.read(func(s *group.Shard) {
			resp.Groups = append(resp.Groups, s.ListGroups(req.StatesFilter, req.TypesFilter)...)
		})
		if err != nil && !errors.Is(err, kerr.NotCoordinator) {
			resp.Groups, resp.ErrorCode = nil, r.code(err, "ListGroups", "")
			break
		}
	}
	reply(resp)
}

// DeleteGroups handles versions 0 to 2. A group that is named twice is answered
// once.
func (r *Runtime) DeleteGroups(req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse)) {
	byPartition, order := map[int32][]string{}, []int32{}
	codes := map[string]int16{}
	var ids []string
	for _, id := range req.Groups {
		if _, ok := codes[id]; ok {
			continue
		}
		codes[id] = kerr.CoordinatorNotAvailable.Code
		ids = append(ids, id)
		p, ok := r.PartitionFor(id)
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
		r.deleteGroups(p, byPartition[p], func(results []kmsg.DeleteGroupsResponseGroup) {
			g.part(func() {
				for i := range results {
					codes[results[i].Group] = results[i].ErrorCode
				}
			})
		})
	}
	g.part(func() {}) // so that a request without groups is answered too
}

func (r *Runtime) deleteGroups(partition int32, ids []string, done func([]kmsg.DeleteGroupsResponseGroup)) {
	c := callOf(func(resp *kmsg.DeleteGroupsResponse) { done(resp.Groups) }, func(err error) *kmsg.DeleteGroupsResponse {
		resp := kmsg.NewPtrDeleteGroupsResponse()
		for _, id := range ids {
			resp.Groups = append(resp.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: r.code(err, "DeleteGroups", id)})
		}
		return resp
	})
	e, err := r.executor(partition)
	if err == nil {
		err = e.do(func(s *group.Shard, now time.Time) (*shard.Result, error) {
			return s.DeleteGroups(now, c, ids), nil
		})
	}
	if err != nil {
		c.fail(err)
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
