package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// alterReassignments begins, changes and cancels reassignments of replicas
// (KIP-455, ReplicationControlManager.alterPartitionReassignments).
func (c *Controller) alterReassignments(x *exchange, req *kmsg.AlterPartitionAssignmentsRequest, resp *kmsg.AlterPartitionAssignmentsResponse) error {
	allowFactor := req.Version < 1 || req.AllowReplicationFactorChange
	resp.AllowReplicationFactorChange = allowFactor
	for _, wanted := range req.Topics {
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = wanted.Topic
		for _, p := range wanted.Partitions {
			result := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			result.Partition = p.Partition
			c.reassign(x, wanted.Topic, &p, allowFactor).fill(&result.ErrorCode, &result.ErrorMessage)
			out.Partitions = append(out.Partitions, result)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return nil
}

func refuseAlterReassignments(req *kmsg.AlterPartitionAssignmentsRequest, resp *kmsg.AlterPartitionAssignmentsResponse, f *fault) {
	f.fill(&resp.ErrorCode, &resp.ErrorMessage)
	for _, wanted := range req.Topics {
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = wanted.Topic
		for _, p := range wanted.Partitions {
			result := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			result.Partition = p.Partition
			f.fill(&result.ErrorCode, &result.ErrorMessage)
			out.Partitions = append(out.Partitions, result)
		}
		resp.Topics = append(resp.Topics, out)
	}
}

func (c *Controller) reassign(x *exchange, topic string, target *kmsg.AlterPartitionAssignmentsRequestTopicPartition, allowFactor bool) *fault {
	t := x.img.Topic(topic)
	if t == nil {
		return faultf(kerr.UnknownTopicOrPartition, "Unable to find a topic named %s.", topic)
	}
	p := t.Partition(target.Partition)
	if p == nil {
		return faultf(kerr.UnknownTopicOrPartition, "Unable to find partition %s:%d.", topic, target.Partition)
	}
	g := c.newChange(x.img, t, target.Partition)
	var f *fault
	if target.Replicas == nil {
		f = c.cancelReassignment(x, g, t.Name, target.Partition)
	} else {
		f = beginReassignment(x.img, g, target.Replicas, allowFactor)
	}
	if f != nil {
		return f
	}
	if r := g.build(); r != nil {
		x.emit(r)
	}
	return nil
}

// beginReassignment wants the target's replicas: the new ones are added, and
// those that go stay until all new ones are in sync. Where they are already,
// the change completes at once.
func beginReassignment(img *metadata.Image, g *change, target []metadata.BrokerID, allowFactor bool) *fault {
	if f := checkManual(img, target, -1); f != nil {
		return f
	}
	p := g.partition
	if current := len(without(p.Replicas, p.RemovingReplicas...)); !allowFactor && current != len(target) {
		return faultf(kerr.InvalidReplicationFactor, "The replication factor is changed from %d to %d", current, len(target))
	}
	removing, adding := without(p.Replicas, target...), without(target, p.Replicas...)
	slices.Sort(removing)
	slices.Sort(adding)
	g.replicas = slices.Concat(target, removing)
	// A reassignment that is under way goes on if the new one needs neither
	// list, as in Kafka.
	if len(removing) > 0 {
		g.removing = removing
	}
	if len(adding) > 0 {
		g.adding = adding
	}
	return nil
}

// cancelReassignment wants the replicas from before the reassignment
// (PartitionReassignmentRevert).
func (c *Controller) cancelReassignment(x *exchange, g *change, topic string, index int32) *fault {
	p := g.partition
	if !p.Reassigning() {
		return &fault{kind: kerr.NoReassignmentInProgress}
	}
	unclean := c.unclean(x.img, topic)
	g.replicas, g.isr = without(p.Replicas, p.AddingReplicas...), without(p.ISR, p.AddingReplicas...)
	if len(g.isr) == 0 {
		switch {
		case len(g.replicas) == 0:
			return faultf(kerr.InvalidReplicaAssignment, "Invalid replica assignment: addingReplicas contains all replicas.")
		case !unclean:
			return faultf(kerr.InvalidReplicaAssignment, "Unable to revert partition assignment for %s:%d because "+
				"it would require an unclean leader election.", topic, index)
		}
		g.isr = []metadata.BrokerID{g.replicas[0]}
	}
	g.removing, g.adding = nil, nil
	g.allowUnclean(unclean)
	return nil
}
