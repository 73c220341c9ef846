package groups

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Versions of the offset APIs that changed their form.
const (
	commitTopicIDs    = 10
	fetchTopLevelCode = 2
	fetchGroups       = 8
	fetchTopicIDs     = 10
)

// OffsetCommit handles versions 2 to 10. Topics that do not exist are answered
// with UNKNOWN_TOPIC_OR_PARTITION or, by id, UNKNOWN_TOPIC_ID. Topics that
// carry a name are not looked up by id, so a caller that has resolved the names
// to authorize them pays once.
func (c *Coordinator) OffsetCommit(req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) {
	checked, verdict := c.checkCommitTopics(req)
	finish := func(resp *kmsg.OffsetCommitResponse) { reply(verdict.merge(resp)) }
	to := coordinator.CallOf(finish, func(err error) *kmsg.OffsetCommitResponse {
		return commitFailed(checked, c.code(err, "OffsetCommit", req.Group))
	})
	if len(checked.Topics) == 0 {
		finish(commitFailed(checked, 0))
		return
	}
	c.do(req.Group, to, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.OffsetCommit(now, to, checked)
	})
}

// commitFailed answers every partition with the code.
func commitFailed(req *kmsg.OffsetCommitRequest, code int16) *kmsg.OffsetCommitResponse {
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Version = req.Version
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for j := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = t.Partitions[j].Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// commitVerdict holds answers for what never reaches the group: topics and
// partitions that do not exist. The zero value has none.
type commitVerdict struct {
	topics []kmsg.OffsetCommitResponseTopic
}

func (v *commitVerdict) reject(t *kmsg.OffsetCommitRequestTopic, partitions []kmsg.OffsetCommitRequestTopicPartition, code int16) {
	if n := len(v.topics); n == 0 || v.topics[n-1].Topic != t.Topic || v.topics[n-1].TopicID != t.TopicID {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		v.topics = append(v.topics, rt)
	}
	rt := &v.topics[len(v.topics)-1]
	for i := range partitions {
		rp := kmsg.NewOffsetCommitResponseTopicPartition()
		rp.Partition, rp.ErrorCode = partitions[i].Partition, code
		rt.Partitions = append(rt.Partitions, rp)
	}
}

// merge puts them before the group's answer, in one topic where both have it,
// as OffsetCommitResponse.Builder does.
func (v *commitVerdict) merge(resp *kmsg.OffsetCommitResponse) *kmsg.OffsetCommitResponse {
	merged := v.topics
next:
	for _, t := range resp.Topics {
		for i := range v.topics {
			if m := &merged[i]; m.Topic == t.Topic && m.TopicID == t.TopicID {
				m.Partitions = append(m.Partitions, t.Partitions...)
				continue next
			}
		}
		merged = append(merged, t)
	}
	resp.Topics = merged
	return resp
}

// checkCommitTopics resolves names and ids and keeps what exists, as
// KafkaApis.handleOffsetCommitRequest.
func (c *Coordinator) checkCommitTopics(req *kmsg.OffsetCommitRequest) (*kmsg.OffsetCommitRequest, *commitVerdict) {
	v := &commitVerdict{}
	if c.opts.Topics == nil {
		return req, v
	}
	kept := *req
	kept.Topics = make([]kmsg.OffsetCommitRequestTopic, 0, len(req.Topics))
	for i := range req.Topics {
		t := &req.Topics[i]
		if t.Topic == "" && req.Version >= commitTopicIDs {
			t.Topic, _ = c.opts.Topics.TopicByID(t.TopicID)
			if t.Topic == "" {
				v.reject(t, t.Partitions, kerr.UnknownTopicID.Code)
				continue
			}
		}
		id, count, ok := c.opts.Topics.TopicByName(t.Topic)
		if !ok {
			v.reject(t, t.Partitions, kerr.UnknownTopicOrPartition.Code)
			continue
		}
		if req.Version < commitTopicIDs {
			t.TopicID = id
		}
		keep := *t
		keep.Partitions = make([]kmsg.OffsetCommitRequestTopicPartition, 0, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.Partition < 0 || p.Partition >= count {
				v.reject(t, []kmsg.OffsetCommitRequestTopicPartition{p}, kerr.UnknownTopicOrPartition.Code)
				continue
			}
			keep.Partitions = append(keep.Partitions, p)
		}
		if len(keep.Partitions) > 0 {
			kept.Topics = append(kept.Topics, keep)
		}
	}
	return &kept, v
}

// OffsetDelete handles version 0. Topics that do not exist are answered with
// UNKNOWN_TOPIC_OR_PARTITION.
func (c *Coordinator) OffsetDelete(req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) {
	checked, rejected := c.checkDeleteTopics(req)
	finish := func(resp *kmsg.OffsetDeleteResponse) {
		if resp.ErrorCode == 0 {
			mergeDeleted(resp, rejected)
		}
		reply(resp)
	}
	to := coordinator.CallOf(finish, func(err error) *kmsg.OffsetDeleteResponse {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.Version, resp.ErrorCode = req.Version, c.code(err, "OffsetDelete", req.Group)
		return resp
	})
	if req.Group == "" {
		to.Fail(kerr.InvalidGroupID)
		return
	}
	c.do(req.Group, to, func(s *group.Shard, now time.Time) (*shard.Result, error) {
		return s.OffsetDelete(now, to, checked)
	})
}

// mergeDeleted puts what was rejected before the group's answer, in one topic
// where both have it, as OffsetDeleteResponse.Builder does.
func mergeDeleted(resp *kmsg.OffsetDeleteResponse, rejected []kmsg.OffsetDeleteResponseTopic) {
	merged := rejected
next:
	for _, t := range resp.Topics {
		for i := range rejected {
			if merged[i].Topic == t.Topic {
				merged[i].Partitions = append(merged[i].Partitions, t.Partitions...)
				continue next
			}
		}
		merged = append(merged, t)
	}
	resp.Topics = merged
}

func (c *Coordinator) checkDeleteTopics(req *kmsg.OffsetDeleteRequest) (*kmsg.OffsetDeleteRequest, []kmsg.OffsetDeleteResponseTopic) {
	if c.opts.Topics == nil {
		return req, nil
	}
	kept := *req
	kept.Topics = nil
	var rejected []kmsg.OffsetDeleteResponseTopic
	for _, t := range req.Topics {
		_, count, ok := c.opts.Topics.TopicByName(t.Topic)
		keep := kmsg.OffsetDeleteRequestTopic{Topic: t.Topic}
		bad := kmsg.OffsetDeleteResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			if ok && p.Partition >= 0 && p.Partition < count {
				keep.Partitions = append(keep.Partitions, p)
				continue
			}
			bad.Partitions = append(bad.Partitions, kmsg.OffsetDeleteResponseTopicPartition{
				Partition: p.Partition, ErrorCode: kerr.UnknownTopicOrPartition.Code,
			})
		}
		if len(keep.Partitions) > 0 {
			kept.Topics = append(kept.Topics, keep)
		}
		if len(bad.Partitions) > 0 {
			rejected = append(rejected, bad)
		}
	}
	return &kept, rejected
}

// DeletedTopic names a topic that the cluster has deleted.
type DeletedTopic = group.DeletedTopic

// TopicsDeleted removes the offsets that groups hold for deleted topics, in the
// partitions that are loaded.
func (c *Coordinator) TopicsDeleted(topics []DeletedTopic) {
	for _, e := range c.All() {
		err := e.Do(func(s *group.Shard, now time.Time) (*shard.Result, error) {
			return s.TopicsDeleted(now, topics), nil
		})
		if err != nil {
			// Left to expiry, as in Kafka: an offset of a deleted topic is not
			// given to a topic of that name that is made later, by its id.
			c.log.Debug("offsets of deleted topics stay for now", "partition", e.Partition(), "error", err)
		}
	}
}
