package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// OffsetDelete removes offsets of topics that the group is not subscribed to
// (KIP-496). An error stands for the whole request.
func (s *Shard) OffsetDelete(now time.Time, to shard.Caller, req *kmsg.OffsetDeleteRequest) (*shard.Result, error) {
	if req.Group == "" {
		return nil, kerr.InvalidGroupID
	}
	g := s.groups[req.Group]
	if g == nil {
		return nil, kerr.GroupIDNotFound
	}
	if err := g.validateOffsetDelete(); err != nil {
		return nil, err
	}
	o := &op{now: now}
	resp := kmsg.NewPtrOffsetDeleteResponse()
	resp.Version = req.Version
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.Topic
		subscribed := g.subscribedTo(t.Topic)
		for j := range t.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = t.Partitions[j].Partition
			switch {
			case subscribed:
				rp.ErrorCode = kerr.GroupSubscribedToTopic.Code
			case s.offsets[req.Group].get(t.Topic, rp.Partition) != nil:
				s.emitOffsetTombstone(o, req.Group, t.Topic, rp.Partition)
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	o.replyCommitted(to, resp)
	return &o.res, nil
}

// DeletedTopic names a topic that the cluster has deleted.
type DeletedTopic struct {
	Name string
	ID   [16]byte
}

// TopicsDeleted removes the offsets of deleted topics, but not those that were
// committed for a newer topic of the same name
// (OffsetMetadataManager.onTopicsDeleted). There is nobody to answer.
func (s *Shard) TopicsDeleted(now time.Time, topics []DeletedTopic) *shard.Result {
	o := &op{now: now}
	o.res.Divisible = true
	for _, id := range sortedKeys(s.offsets) {
		for i := range topics {
			g := s.offsets[id] // goes away with its last offset
			if g == nil {
				break
			}
			for _, p := range g.sortedPartitions(topics[i].Name) {
				if g.get(topics[i].Name, p).ofTopic(topics[i].ID) {
					s.emitOffsetTombstone(o, id, topics[i].Name, p)
				}
			}
		}
	}
	return &o.res
}
