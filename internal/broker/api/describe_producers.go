package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeProducers answers DescribeProducers, version 0 (KIP-664).
func (b *Broker) describeProducers(c *call, req *kmsg.DescribeProducersRequest) {
	resp := kmsg.NewPtrDescribeProducersResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		answer := kmsg.NewDescribeProducersResponseTopic()
		answer.Topic = t.Topic
		for _, index := range t.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition = index
			var err error
			if p.ActiveProducers, err = b.activeProducers(t.Topic, index); err != nil {
				p.ErrorCode, p.ErrorMessage = b.code(c, err), message(err)
			}
			answer.Partitions = append(answer.Partitions, p)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	c.reply(resp)
}

func (b *Broker) activeProducers(topic string, index int32) ([]kmsg.DescribeProducersResponseTopicPartitionActiveProducer, error) {
	if !validTopicName(topic) {
		return nil, fmt.Errorf("%q: %w", topic, kerr.InvalidTopicException)
	}
	p := b.replicas.Partition(topic, index)
	if p == nil {
		return nil, b.notHere(topic, index)
	}
	if err := p.CheckLeader(-1); err != nil {
		return nil, err
	}
	var out []kmsg.DescribeProducersResponseTopicPartitionActiveProducer
	for _, s := range p.Log().ActiveProducers() {
		a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		a.ProducerID, a.ProducerEpoch, a.LastSequence = s.ProducerID, int32(s.Epoch), s.LastSequence
		a.LastTimestamp, a.CoordinatorEpoch, a.CurrentTxnStartOffset = s.LastTimestamp, s.CoordinatorEpoch, s.TxnStartOffset
		out = append(out, a)
	}
	return out, nil
}
