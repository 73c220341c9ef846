package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetForLeaderEpoch answers OffsetForLeaderEpoch, versions 2 to 4 (KIP-101,
// KIP-279, KIP-320): where an epoch ends, by the log's own history.
func (b *Broker) offsetForLeaderEpoch(c *call, req *kmsg.OffsetForLeaderEpochRequest) {
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		answer := kmsg.NewOffsetForLeaderEpochResponseTopic()
		answer.Topic = t.Topic
		for _, asked := range t.Partitions {
			p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			p.Partition, p.LeaderEpoch, p.EndOffset = asked.Partition, unknownEpoch, noOffset
			if err := b.epochEnd(t.Topic, &asked, &p); err != nil {
				p.ErrorCode = b.code(c, err)
			}
			answer.Partitions = append(answer.Partitions, p)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	c.reply(resp)
}

func (b *Broker) epochEnd(topic string, asked *kmsg.OffsetForLeaderEpochRequestTopicPartition, out *kmsg.OffsetForLeaderEpochResponseTopicPartition) error {
	p := b.replicas.Partition(topic, asked.Partition)
	if p == nil {
		return b.notHere(topic, asked.Partition)
	}
	if err := p.CheckLeader(asked.CurrentLeaderEpoch); err != nil {
		return err
	}
	out.LeaderEpoch, out.EndOffset = p.Log().EndOffsetForEpoch(asked.LeaderEpoch)
	return nil
}
