package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// OffsetFetch reads a group's offsets: of the topics asked for, or all if
// Topics is nil. Topics carry names, whatever the version. An unknown group has
// no offsets, which is no error (OffsetMetadataManager.fetchOffsets). The
// response belongs to the caller.
//
// Only what is committed to the log is told. For a stable read (KIP-447) use
// StableOffsetFetch.
func (s *Shard) OffsetFetch(req *kmsg.OffsetFetchRequestGroup) *kmsg.OffsetFetchResponseGroup {
	return fetchOffsets(s.committedOffsets(req.Group), req)
}

// StableOffsetFetch reads all offsets, also those on their way to the log, and
// answers when these are committed: the reply is an OffsetFetchResponse with this
// one group in Groups.
func (s *Shard) StableOffsetFetch(now time.Time, to shard.Caller, req *kmsg.OffsetFetchRequestGroup) *shard.Result {
	o := &op{now: now}
	resp := kmsg.NewPtrOffsetFetchResponse()
	resp.Groups = append(resp.Groups, *fetchOffsets(s.offsets[req.Group], req))
	o.replyCommitted(to, resp)
	return &o.res
}

func fetchOffsets(offsets *groupOffsets, req *kmsg.OffsetFetchRequestGroup) *kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	if req.Topics == nil {
		for _, topic := range offsets.sortedTopics() {
			rt := kmsg.NewOffsetFetchResponseGroupTopic()
			rt.Topic = topic
			for _, p := range offsets.sortedPartitions(topic) {
				rt.Partitions = append(rt.Partitions, fetched(p, offsets.get(topic, p)))
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return &resp
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetFetchResponseGroupTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		rt.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, 0, len(t.Partitions))
		for _, p := range t.Partitions {
			v := offsets.get(t.Topic, p)
			if v != nil && !v.ofTopic(t.TopicID) {
				v = nil // of a topic of that name that was deleted
			}
			rt.Partitions = append(rt.Partitions, fetched(p, v))
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return &resp
}

func fetched(partition int32, v *offset) kmsg.OffsetFetchResponseGroupTopicPartition {
	rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	metadata := ""
	rp.Partition, rp.Offset, rp.LeaderEpoch = partition, noOffset, noLeaderEpoch
	if v != nil {
		rp.Offset, rp.LeaderEpoch, metadata = v.offset, v.leaderEpoch, v.metadata
	}
	rp.Metadata = &metadata
	return rp
}
