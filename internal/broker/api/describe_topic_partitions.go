package api

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// maxPartitionsPage bounds a page of DescribeTopicPartitions
// (max.request.partition.size.limit).
const maxPartitionsPage = 2000

// describeTopicPartitions answers DescribeTopicPartitions, version 0 (KIP-966):
// topics sorted by name, page by page, with their eligible leader replicas. As
// DescribeTopicPartitionsRequestHandler.
func (b *Broker) describeTopicPartitions(c *call, req *kmsg.DescribeTopicPartitionsRequest) {
	img := b.metadata.Image()
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	left := min(int(req.ResponsePartitionLimit), maxPartitionsPage)
	if left <= 0 || req.Cursor != nil && req.Cursor.Partition < 0 {
		// Kafka ends the connection with an INVALID_REQUEST exception; each topic
		// has room for the code.
		for i := range req.Topics {
			t := kmsg.NewDescribeTopicPartitionsResponseTopic()
			t.Topic, t.ErrorCode = &req.Topics[i].Topic, kerr.InvalidRequest.Code
			resp.Topics = append(resp.Topics, t)
		}
		c.reply(resp)
		return
	}
	for _, name := range topicsFrom(img, req) {
		t := img.Topic(name)
		if t == nil {
			resp.Topics = append(resp.Topics, missingTopic(name))
			continue
		}
		first := int32(0)
		if req.Cursor != nil && req.Cursor.Topic == name {
			first = req.Cursor.Partition
		}
		if left == 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: first}
			break
		}
		answer, next := describePage(img, t, first, left, c.listener().Name)
		resp.Topics = append(resp.Topics, answer)
		left -= len(answer.Partitions)
		if next >= 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: next}
			break
		}
	}
	c.reply(resp)
}

// topicsFrom lists the names that are asked for, sorted, from the cursor on.
func topicsFrom(img *metadata.Image, req *kmsg.DescribeTopicPartitionsRequest) []string {
	var names []string
	if len(req.Topics) == 0 {
		for t := range img.AllTopics() {
			names = append(names, t.Name)
		}
	}
	for i := range req.Topics {
		names = append(names, req.Topics[i].Topic)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if req.Cursor == nil {
		return names
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.Compare(n, req.Cursor.Topic) < 0 })
}

func missingTopic(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.IsInternal = &name, metadata.InternalTopic(name)
	t.ErrorCode = kerr.UnknownTopicOrPartition.Code
	if !validTopicName(name) {
		t.ErrorCode = kerr.InvalidTopicException.Code
	}
	return t
}

// describePage describes at most n partitions from first on, and returns the
// next one, -1 if there is none.
func describePage(img *metadata.Image, t *metadata.Topic, first int32, n int, listener string) (kmsg.DescribeTopicPartitionsResponseTopic, int32) {
	name := t.Name
	answer := kmsg.NewDescribeTopicPartitionsResponseTopic()
	answer.Topic, answer.TopicID, answer.IsInternal = &name, t.ID, t.Internal()
	answer.AuthorizedOperations = topicOperations
	for i := int(first); i < len(t.Partitions); i++ {
		if n == 0 {
			return answer, int32(i)
		}
		n--
		p := t.Partitions[i]
		m := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		m.Partition, m.LeaderID, m.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		m.Replicas, m.ISR, m.OfflineReplicas = p.Replicas, p.ISR, offline(img, p, listener)
		m.EligibleLeaderReplicas, m.LastKnownELR = notNull(p.ELR), notNull(p.LastKnownELR)
		if m.ErrorCode = leaderError(img, p, listener); m.ErrorCode != 0 {
			m.LeaderID = metadata.NoLeader
		}
		answer.Partitions = append(answer.Partitions, m)
	}
	return answer, -1
}

// notNull makes an empty list of none: clients do not expect null in these
// fields, though the protocol allows it.
func notNull(ids []int32) []int32 {
	if ids == nil {
		return []int32{}
	}
	return ids
}
