package groups

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// OffsetFetch handles versions 1 to 10. In the answer every topic carries its
// name, also from version 10 on, where the name is not sent: the caller filters
// by it what the client may not see. Topics that carry a name are not looked up
// by id.
func (c *Coordinator) OffsetFetch(req *kmsg.OffsetFetchRequest, reply func(*kmsg.OffsetFetchResponse)) {
	groups := req.Groups
	if req.Version < fetchGroups {
		groups = []kmsg.OffsetFetchRequestGroup{oneGroup(req)}
	}
	out := make([]kmsg.OffsetFetchResponseGroup, len(groups))
	g := newGather(len(groups)+1, func() { reply(fetchResponse(req, groups, out)) })
	for i := range groups {
		c.fetchGroup(&groups[i], req, func(resp *kmsg.OffsetFetchResponseGroup) {
			g.part(func() { out[i] = *resp })
		})
	}
	g.part(func() {}) // so that a request without groups is answered too
}

// fetchGroup fetches for one group. done is called once.
func (c *Coordinator) fetchGroup(in *kmsg.OffsetFetchRequestGroup, req *kmsg.OffsetFetchRequest, done func(*kmsg.OffsetFetchResponseGroup)) {
	known, unknown := c.resolve(in, req.Version)
	fail := func(err error) {
		resp := kmsg.NewOffsetFetchResponseGroup()
		resp.Group, resp.ErrorCode = in.Group, fetchCode(c.code(err, "OffsetFetch", in.Group))
		done(&resp)
	}
	answer := func(resp *kmsg.OffsetFetchResponseGroup) {
		resp.Topics = append(resp.Topics, unknown...)
		if in.Topics == nil && req.Version >= fetchTopicIDs {
			resp.Topics = c.addIDs(resp.Topics)
		}
		done(resp)
	}
	e, err := c.route(in.Group)
	if err != nil {
		fail(err)
		return
	}
	if !req.RequireStable {
		var resp *kmsg.OffsetFetchResponseGroup
		if err := e.Read(func(s *group.Shard) { resp = s.OffsetFetch(known) }); err != nil {
			fail(err)
			return
		}
		answer(resp)
		return
	}
	to := coordinator.NewCall(func(resp kmsg.Response) {
		r, ok := resp.(*kmsg.OffsetFetchResponse)
		if !ok || len(r.Groups) != 1 {
			fail(coordinator.ErrAnswerType)
			return
		}
		answer(&r.Groups[0])
	}, fail)
	if err := e.Do(func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.StableOffsetFetch(now, to, known), nil
	}); err != nil {
		fail(err)
	}
}

// fetchCode keeps to errors that consumers before 3.9 know in an OffsetFetch:
// for them a coordinator that is not available is one to look up again
// (GroupCoordinatorService.handleOffsetFetchException).
func fetchCode(code int16) int16 {
	if code == kerr.CoordinatorNotAvailable.Code {
		return kerr.NotCoordinator.Code
	}
	return code
}

// resolve gives topics their names; unknown are the answers for ids that there
// is no topic of.
func (c *Coordinator) resolve(in *kmsg.OffsetFetchRequestGroup, version int16) (*kmsg.OffsetFetchRequestGroup, []kmsg.OffsetFetchResponseGroupTopic) {
	if in.Topics == nil || version < fetchTopicIDs || c.opts.Topics == nil {
		return in, nil
	}
	known := *in
	known.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(in.Topics))
	var unknown []kmsg.OffsetFetchResponseGroupTopic
	for _, t := range in.Topics {
		if t.Topic == "" {
			t.Topic, _ = c.opts.Topics.TopicByID(t.TopicID)
		}
		if t.Topic != "" {
			known.Topics = append(known.Topics, t)
			continue
		}
		unknown = append(unknown, failedTopic(&t, kerr.UnknownTopicID.Code))
	}
	return &known, unknown
}

func failedTopic(t *kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	rt := kmsg.NewOffsetFetchResponseGroupTopic()
	rt.Topic, rt.TopicID = t.Topic, t.TopicID
	none := ""
	for _, p := range t.Partitions {
		rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = p, -1, -1, &none, code
		rt.Partitions = append(rt.Partitions, rp)
	}
	return rt
}

// addIDs gives topics their ids and leaves out those that exist no more: they
// cannot be told by id.
func (c *Coordinator) addIDs(topics []kmsg.OffsetFetchResponseGroupTopic) []kmsg.OffsetFetchResponseGroupTopic {
	if c.opts.Topics == nil {
		return topics
	}
	kept := topics[:0]
	for _, t := range topics {
		if id, _, ok := c.opts.Topics.TopicByName(t.Topic); ok {
			t.TopicID = id
			kept = append(kept, t)
		}
	}
	return kept
}

// oneGroup is the group of a request before version 8.
func oneGroup(req *kmsg.OffsetFetchRequest) kmsg.OffsetFetchRequestGroup {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics == nil {
		return g
	}
	g.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
	for i := range req.Topics {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.Partitions = req.Topics[i].Topic, req.Topics[i].Partitions
		g.Topics = append(g.Topics, t)
	}
	return g
}

// fetchResponse puts the groups' answers into the form of the version. Before
// version 2 an error goes to every partition.
func fetchResponse(req *kmsg.OffsetFetchRequest, groups []kmsg.OffsetFetchRequestGroup, out []kmsg.OffsetFetchResponseGroup) *kmsg.OffsetFetchResponse {
	resp := kmsg.NewPtrOffsetFetchResponse()
	resp.Version = req.Version
	if req.Version >= fetchGroups {
		resp.Groups = out
		return resp
	}
	g := out[0]
	if g.ErrorCode != 0 {
		if req.Version >= fetchTopLevelCode {
			resp.ErrorCode = g.ErrorCode
		}
		g.Topics = nil
		for i := range groups[0].Topics {
			if req.Version < fetchTopLevelCode {
				g.Topics = append(g.Topics, failedTopic(&groups[0].Topics[i], g.ErrorCode))
			}
		}
	}
	for i := range g.Topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = g.Topics[i].Topic
		for _, p := range g.Topics[i].Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
