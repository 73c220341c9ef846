package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/log"
)

// alterReplicaLogDirs answers AlterReplicaLogDirs, versions 1 and 2 (KIP-113; 2
// is flexible). It moves replicas of this broker between its log directories;
// the answer says that the moves have begun.
func (b *Broker) alterReplicaLogDirs(c *call, req *kmsg.AlterReplicaLogDirsRequest) {
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	at := map[string]int{} // topic → index in the response
	for _, d := range req.Dirs {
		for _, t := range d.Topics {
			i, known := at[t.Topic]
			if !known {
				i = len(resp.Topics)
				at[t.Topic] = i
				topic := kmsg.NewAlterReplicaLogDirsResponseTopic()
				topic.Topic = t.Topic
				resp.Topics = append(resp.Topics, topic)
			}
			for _, index := range t.Partitions {
				p := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				p.Partition = index
				p.ErrorCode = b.code(c, b.moveReplica(t.Topic, index, d.Dir))
				resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, p)
			}
		}
	}
	c.reply(resp)
}

// moveReplica begins the move of one replica.
func (b *Broker) moveReplica(topic string, index int32, dir string) error {
	if index < 0 {
		return fmt.Errorf("%s-%d: %w", topic, index, kerr.UnknownTopicOrPartition)
	}
	return b.replicas.MoveTo(log.Partition{Topic: topic, Partition: index}, dir)
}
