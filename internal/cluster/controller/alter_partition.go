package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// isrEpochVersion is the first version of AlterPartition that names the broker
// epochs of the ISR (KIP-903).
const isrEpochVersion = 3

// unknownBrokerEpoch in a new ISR leaves the epoch unchecked.
const unknownBrokerEpoch = -1

// alterPartition changes ISRs as their leaders ask (KIP-497, KIP-903,
// ReplicationControlManager.alterPartition).
func (c *Controller) alterPartition(x *exchange, req *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse) error {
	if _, err := checkEpoch(x.img, req.BrokerID, req.BrokerEpoch); err != nil {
		return err
	}
	for i := range req.Topics {
		wanted := &req.Topics[i]
		out := kmsg.NewAlterPartitionResponseTopic()
		out.TopidID = wanted.TopicID
		t := x.img.TopicByID(wanted.TopicID)
		for j := range wanted.Partitions {
			p := &wanted.Partitions[j]
			if req.Version < isrEpochVersion {
				p = withEpochs(p)
			}
			out.Partitions = append(out.Partitions, c.alterOne(x, req.BrokerID, t, p))
		}
		resp.Topics = append(resp.Topics, out)
	}
	return nil
}

func refuseAlterPartition(_ *kmsg.AlterPartitionRequest, resp *kmsg.AlterPartitionResponse, f *fault) {
	resp.ErrorCode = f.code()
}

// withEpochs gives the request of an older version as one of the newest.
func withEpochs(p *kmsg.AlterPartitionRequestTopicPartition) *kmsg.AlterPartitionRequestTopicPartition {
	n := *p
	n.NewEpochISR = nil
	for _, b := range p.NewISR {
		member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		member.BrokerID, member.BrokerEpoch = b, unknownBrokerEpoch
		n.NewEpochISR = append(n.NewEpochISR, member)
	}
	return &n
}

// alterOne decides about one partition; t is nil if there is no such topic.
func (c *Controller) alterOne(x *exchange, leader metadata.BrokerID, t *metadata.Topic,
	req *kmsg.AlterPartitionRequestTopicPartition,
) kmsg.AlterPartitionResponseTopicPartition {
	out := kmsg.NewAlterPartitionResponseTopicPartition()
	out.Partition = req.Partition
	isr := make([]metadata.BrokerID, 0, len(req.NewEpochISR))
	for _, b := range req.NewEpochISR {
		isr = append(isr, b.BrokerID)
	}
	if refusal := checkAlter(x.img, leader, t, req, isr); refusal != nil {
		out.ErrorCode = refusal.Code
		return out
	}
	g := c.newChange(x.img, t, req.Partition).allowUnclean(c.unclean(x.img, t.Name))
	g.isr = isr
	// What the leader says about its recovery is always right: it was elected
	// uncleanly, and knows when it has finished.
	g.recovery = metadata.LeaderRecoveryState(req.LeaderRecoveryState)
	next := t.Partitions[req.Partition]
	if r := g.build(); r != nil {
		x.emit(r)
		next = next.After(g.record)
		if changed := g.record.Leader; changed != leader && changed != metadata.NoLeaderChange {
			// The ISR change ended a reassignment, and with it this leadership.
			out.ErrorCode = kerr.NewLeaderElected.Code
			return out
		}
	}
	out.LeaderID, out.LeaderEpoch = next.Leader, next.LeaderEpoch
	out.ISR, out.PartitionEpoch = next.ISR, next.PartitionEpoch
	out.LeaderRecoveryState = int8(next.LeaderRecoveryState)
	return out
}

// checkAlter gives the error that refuses a change of the ISR, or nil
// (ReplicationControlManager.validateAlterPartitionData).
func checkAlter(img *metadata.Image, leader metadata.BrokerID, t *metadata.Topic,
	req *kmsg.AlterPartitionRequestTopicPartition, isr []metadata.BrokerID,
) *kerr.Error {
	if t == nil {
		return kerr.UnknownTopicID
	}
	p := t.Partition(req.Partition)
	recovery := metadata.LeaderRecoveryState(req.LeaderRecoveryState)
	switch {
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case req.LeaderEpoch > p.LeaderEpoch || req.PartitionEpoch > p.PartitionEpoch:
		// The leader knows more than this node, which therefore is no longer
		// the active controller.
		return kerr.NotController
	case req.LeaderEpoch < p.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	case leader != p.Leader:
		return kerr.InvalidRequest
	case req.PartitionEpoch < p.PartitionEpoch:
		return kerr.InvalidUpdateVersion
	case !validISR(p.Replicas, isr) || !slices.Contains(isr, leader):
		return kerr.InvalidRequest
	case recovery != metadata.Recovered && recovery != metadata.Recovering:
		return kerr.InvalidRequest
	case recovery == metadata.Recovering && (len(isr) > 1 || p.LeaderRecoveryState == metadata.Recovered):
		return kerr.InvalidRequest
	}
	for _, member := range req.NewEpochISR {
		b := img.Broker(member.BrokerID)
		if !b.Active() || member.BrokerEpoch != unknownBrokerEpoch && b.Epoch != member.BrokerEpoch {
			return kerr.IneligibleReplica
		}
	}
	return nil
}

// validISR tells whether an ISR is a non-empty set of replicas.
func validISR(replicas, isr []metadata.BrokerID) bool {
	sorted := slices.Sorted(slices.Values(isr))
	return len(isr) > 0 && len(slices.Compact(sorted)) == len(isr) && containsAll(replicas, isr)
}
