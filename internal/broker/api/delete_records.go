package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// toHighWatermark stands for the high watermark in a DeleteRecords request.
const toHighWatermark = -1

// deleteRecords answers DeleteRecords, versions 0 to 2 (KIP-107). The new log
// start offset is durable before the answer.
func (b *Broker) deleteRecords(c *call, req *kmsg.DeleteRecordsRequest) {
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		answer := kmsg.NewDeleteRecordsResponseTopic()
		answer.Topic = t.Topic
		for _, asked := range t.Partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition, p.LowWatermark = asked.Partition, -1
			low, err := b.deleteBefore(t.Topic, asked.Partition, asked.Offset)
			if p.ErrorCode = b.code(c, err); err == nil {
				p.LowWatermark = low
			}
			answer.Partitions = append(answer.Partitions, p)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	c.reply(resp)
}

// deleteBefore moves a partition's log start, as Partition.deleteRecordsOnLeader.
func (b *Broker) deleteBefore(topic string, index int32, offset int64) (low int64, err error) {
	p := b.replicas.Partition(topic, index)
	if p == nil {
		return 0, b.notHere(topic, index)
	}
	if err := p.CheckLeader(-1); err != nil {
		return 0, err
	}
	if !p.Settings().Log.DeleteEnabled {
		return 0, fmt.Errorf("%s: cleanup.policy has no delete: %w", p.Name(), kerr.PolicyViolation)
	}
	hw := p.HighWatermark()
	if offset == toHighWatermark {
		offset = hw
	}
	if offset < 0 || offset > hw {
		return 0, fmt.Errorf("%s: offset %d is not between 0 and the high watermark %d: %w", p.Name(), offset, hw, kerr.OffsetOutOfRange)
	}
	return p.DeleteRecordsBefore(offset)
}
