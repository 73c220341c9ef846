package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// createTopicsFor answers CreateTopics, versions 2 to 7, through the controller.
//
// Deviation: an internal topic gets the partitions and configs of this cluster's
// offsets.topic settings, whatever the client asks for. Kafka takes what is asked,
// and a __consumer_offsets with a tool's defaults then loses groups to retention.
func (b *Broker) createTopicsFor(c *call, req *kmsg.CreateTopicsRequest) {
	for i := range req.Topics {
		b.ownInternal(&req.Topics[i])
	}
	b.pass(c, req)
}

func (b *Broker) ownInternal(t *kmsg.CreateTopicsRequestTopic) {
	if t.Topic != metadata.GroupMetadataTopic {
		return
	}
	own := b.newTopic(t.Topic)
	if len(t.ReplicaAssignment) == 0 {
		t.NumPartitions = own.NumPartitions
	}
	t.Configs = slices.DeleteFunc(t.Configs, func(asked kmsg.CreateTopicsRequestTopicConfig) bool {
		return slices.ContainsFunc(own.Configs, func(o kmsg.CreateTopicsRequestTopicConfig) bool { return o.Name == asked.Name })
	})
	t.Configs = append(t.Configs, own.Configs...)
}
