package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Election types of ElectLeaders (org.apache.kafka.common.ElectionType).
const (
	electionTypePreferred = 0
	electionTypeUnclean   = 1
)

// electLeaders elects leaders on request (KIP-460,
// ReplicationControlManager.electLeaders).
func (c *Controller) electLeaders(x *exchange, req *kmsg.ElectLeadersRequest, resp *kmsg.ElectLeadersResponse) error {
	if req.ElectionType != electionTypePreferred && req.ElectionType != electionTypeUnclean {
		return faultf(kerr.InvalidRequest, "Unknown election type %d", req.ElectionType)
	}
	if req.Topics == nil {
		c.electAll(x, req.ElectionType, resp)
		return nil
	}
	for _, wanted := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = wanted.Topic
		for _, i := range wanted.Partitions {
			out.Partitions = append(out.Partitions, electionResult(i, c.electLeader(x, req.ElectionType, wanted.Topic, i)))
		}
		resp.Topics = append(resp.Topics, out)
	}
	return nil
}

// electAll elects in every partition, and tells of those where it was needed.
func (c *Controller) electAll(x *exchange, kind int8, resp *kmsg.ElectLeadersResponse) {
	for t := range x.img.AllTopics() {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = t.Name
		for i := range int32(len(t.Partitions)) {
			f := c.electLeader(x, kind, t.Name, i)
			if f == nil || f.kind != kerr.ElectionNotNeeded {
				out.Partitions = append(out.Partitions, electionResult(i, f))
			}
		}
		resp.Topics = append(resp.Topics, out)
	}
}

func electionResult(partition int32, f *fault) kmsg.ElectLeadersResponseTopicPartition {
	p := kmsg.NewElectLeadersResponseTopicPartition()
	p.Partition = partition
	f.fill(&p.ErrorCode, &p.ErrorMessage)
	return p
}

func refuseElectLeaders(req *kmsg.ElectLeadersRequest, resp *kmsg.ElectLeadersResponse, f *fault) {
	resp.ErrorCode = f.code()
	for _, wanted := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = wanted.Topic
		for _, i := range wanted.Partitions {
			out.Partitions = append(out.Partitions, electionResult(i, f))
		}
		resp.Topics = append(resp.Topics, out)
	}
}

func (c *Controller) electLeader(x *exchange, kind int8, topic string, index int32) *fault {
	t := x.img.Topic(topic)
	if t == nil {
		return faultf(kerr.UnknownTopicOrPartition, "No such topic as %s", topic)
	}
	p := t.Partition(index)
	if p == nil {
		return faultf(kerr.UnknownTopicOrPartition, "No such partition as %s-%d", topic, index)
	}
	g := c.newChange(x.img, t, index)
	refusal := kerr.PreferredLeaderNotAvailable
	g.election = electPreferred
	if kind == electionTypeUnclean {
		g.election, refusal = electUnclean, kerr.EligibleLeadersNotAvailable
	}
	if kind == electionTypePreferred && p.HasPreferredLeader() || kind == electionTypeUnclean && p.HasLeader() {
		return general(kerr.ElectionNotNeeded)
	}
	r := g.build()
	if r == nil {
		return general(refusal)
	}
	x.emit(r)
	return nil
}

// listReassignments tells which partitions' replicas are changing (KIP-455).
func (c *Controller) listReassignments(x *exchange, req *kmsg.ListPartitionReassignmentsRequest, resp *kmsg.ListPartitionReassignmentsResponse) error {
	tell := func(t *metadata.Topic, wanted func(int32) bool) {
		out := kmsg.NewListPartitionReassignmentsResponseTopic()
		out.Topic = t.Name
		for i, p := range t.Partitions {
			if !p.Reassigning() || !wanted(int32(i)) {
				continue
			}
			o := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
			o.Partition, o.Replicas = int32(i), p.Replicas
			o.AddingReplicas, o.RemovingReplicas = p.AddingReplicas, p.RemovingReplicas
			out.Partitions = append(out.Partitions, o)
		}
		if len(out.Partitions) > 0 {
			resp.Topics = append(resp.Topics, out)
		}
	}
	if req.Topics == nil && x.img.ReassigningCount() > 0 {
		for t := range x.img.AllTopics() {
			tell(t, func(int32) bool { return true })
		}
	}
	for _, wanted := range req.Topics {
		if t := x.img.Topic(wanted.Topic); t != nil {
			chosen := map[int32]bool{}
			for _, i := range wanted.Partitions {
				chosen[i] = true
			}
			tell(t, func(i int32) bool { return chosen[i] })
		}
	}
	return nil
}

func refuseListReassignments(_ *kmsg.ListPartitionReassignmentsRequest, resp *kmsg.ListPartitionReassignmentsResponse, f *fault) {
	f.fill(&resp.ErrorCode, &resp.ErrorMessage)
}
