package groups

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Committed is a committed offset.
type Committed struct {
	Offset      int64
	LeaderEpoch int32 // -1: not known
}

// CommittedOffsets returns all offsets that group has committed.
func (a *Admin) CommittedOffsets(ctx context.Context, group string) (map[Partition]Committed, error) {
	out := map[Partition]Committed{}
	err := a.call(ctx, "listConsumerGroupOffsets(api=FIND_COORDINATOR)", func(ctx context.Context) error {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Group = group
		one := kmsg.NewOffsetFetchRequestGroup()
		one.Group = group
		req.Groups = append(req.Groups, one)
		resp, err := request[*kmsg.OffsetFetchResponse](ctx, a, req)
		if err != nil {
			return err
		}
		if err := javaerr.Coded(resp.ErrorCode, ""); err != nil {
			return err
		}
		for _, g := range resp.Groups {
			if err := javaerr.Coded(g.ErrorCode, ""); err != nil {
				return err
			}
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					if p.ErrorCode == 0 && p.Offset >= 0 {
						out[Partition{t.Topic, p.Partition}] = Committed{p.Offset, p.LeaderEpoch}
					}
				}
			}
		}
		for _, t := range resp.Topics { // versions up to 7
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && p.Offset >= 0 {
					out[Partition{t.Topic, p.Partition}] = Committed{p.Offset, p.LeaderEpoch}
				}
			}
		}
		return nil
	})
	return out, err
}

// Commit sets the offsets of a group without members, as Admin.alterConsumerGroupOffsets.
func (a *Admin) Commit(ctx context.Context, group string, offsets map[Partition]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	return a.call(ctx, "offsetCommit(api=FIND_COORDINATOR)", func(ctx context.Context) error {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = group, -1
		for _, t := range byTopic(slices.Collect(maps.Keys(offsets))) {
			topic := kmsg.NewOffsetCommitRequestTopic()
			topic.Topic = t.name
			for _, id := range t.ids {
				p := kmsg.NewOffsetCommitRequestTopicPartition()
				p.Partition, p.Offset, p.LeaderEpoch = id, offsets[Partition{t.name, id}], -1
				empty := ""
				p.Metadata = &empty
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
		}
		resp, err := request[*kmsg.OffsetCommitResponse](ctx, a, req)
		if err != nil {
			return err
		}
		var failed error
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := javaerr.Coded(p.ErrorCode, ""); err != nil && failed == nil {
					failed = err
				}
			}
		}
		return failed
	})
}

// Special timestamps of ListOffsets.
const (
	Latest   int64 = -1
	Earliest int64 = -2
)

// ListOffsets returns the offset of each partition at a time in milliseconds or at Latest or Earliest. An offset of
// -1 says that no record is as late as that.
func (a *Admin) ListOffsets(ctx context.Context, of []Partition, timestamp int64) (map[Partition]int64, error) {
	out := map[Partition]int64{}
	if len(of) == 0 {
		return out, nil
	}
	err := a.call(ctx, "listOffsets(api=METADATA)", func(ctx context.Context) error {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = -1
		for _, t := range byTopic(of) {
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = t.name
			for _, id := range t.ids {
				p := kmsg.NewListOffsetsRequestTopicPartition()
				p.Partition, p.Timestamp, p.CurrentLeaderEpoch = id, timestamp, -1
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
		}
		for _, shard := range a.cl.RequestSharded(ctx, req) {
			if shard.Err != nil {
				return shard.Err
			}
			for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
				for _, p := range t.Partitions {
					if err := javaerr.Coded(p.ErrorCode, ""); err != nil {
						return err
					}
					out[Partition{t.Topic, p.Partition}] = p.Offset
				}
			}
		}
		return nil
	})
	return out, err
}

// TopicPartitions is what a topic has: its partitions in order and those of them without a leader.
type TopicPartitions struct {
	Partitions []Partition
	Leaderless []Partition
}

// DescribeTopics returns the partitions of topics. An error for one topic is in errs, under its name; err is for all.
func (a *Admin) DescribeTopics(ctx context.Context, topics []string) (found map[string]TopicPartitions, errs map[string]error, err error) {
	found, errs = map[string]TopicPartitions{}, map[string]error{}
	if len(topics) == 0 {
		return found, errs, nil
	}
	err = a.call(ctx, "describeTopics", func(ctx context.Context) error {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = false
		for _, name := range topics {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(name)
			req.Topics = append(req.Topics, t)
		}
		resp, err := request[*kmsg.MetadataResponse](ctx, a, req)
		if err != nil {
			return err
		}
		for _, t := range resp.Topics {
			name := deref(t.Topic)
			if err := javaerr.Coded(t.ErrorCode, ""); err != nil {
				errs[name] = err
				continue
			}
			var tp TopicPartitions
			for _, p := range t.Partitions {
				tp.Partitions = append(tp.Partitions, Partition{name, p.Partition})
				if p.Leader < 0 || p.ErrorCode == kerr.LeaderNotAvailable.Code {
					tp.Leaderless = append(tp.Leaderless, Partition{name, p.Partition})
				}
			}
			slices.SortFunc(tp.Partitions, Partition.Compare)
			slices.SortFunc(tp.Leaderless, Partition.Compare)
			found[name] = tp
		}
		return nil
	})
	return found, errs, err
}

// topicIDs are the partitions asked of one topic.
type topicIDs struct {
	name string
	ids  []int32
}

// byTopic groups partitions, all in order.
func byTopic(of []Partition) []topicIDs {
	of = slices.Clone(of)
	slices.SortFunc(of, Partition.Compare)
	var out []topicIDs
	for _, p := range slices.Compact(of) {
		if len(out) == 0 || out[len(out)-1].name != p.Topic {
			out = append(out, topicIDs{name: p.Topic})
		}
		last := &out[len(out)-1]
		last.ids = append(last.ids, p.ID)
	}
	return out
}
