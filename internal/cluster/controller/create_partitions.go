package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// createPartitions adds partitions to topics
// (ReplicationControlManager.createPartitions).
func (c *Controller) createPartitions(x *exchange, req *kmsg.CreatePartitionsRequest, resp *kmsg.CreatePartitionsResponse) error {
	names := make([]string, 0, len(req.Topics))
	for i := range req.Topics {
		names = append(names, req.Topics[i].Topic)
	}
	answer := func(name string, f *fault) {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic = name
		f.fill(&t.ErrorCode, &t.ErrorMessage)
		resp.Topics = append(resp.Topics, t)
	}
	for _, name := range once(names) {
		switch {
		case name.times > 1:
			answer(name.value, faultf(kerr.InvalidRequest, "Duplicate topic name."))
		case !x.allowed(kmsg.ACLOperationAlter, kmsg.ACLResourceTypeTopic, name.value):
			answer(name.value, &fault{kind: kerr.TopicAuthorizationFailed})
		default:
			records, f := addPartitions(x, &req.Topics[name.first])
			x.emit(records...)
			answer(name.value, f)
		}
	}
	if req.ValidateOnly {
		x.out = nil
	}
	return nil
}

func refuseCreatePartitions(req *kmsg.CreatePartitionsRequest, resp *kmsg.CreatePartitionsResponse, f *fault) {
	for i := range req.Topics {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic = req.Topics[i].Topic
		f.fill(&t.ErrorCode, &t.ErrorMessage)
		resp.Topics = append(resp.Topics, t)
	}
}

// addPartitions gives the records of a topic's new partitions.
func addPartitions(x *exchange, req *kmsg.CreatePartitionsRequestTopic) ([]metadata.Record, *fault) {
	t := x.img.Topic(req.Topic)
	if t == nil {
		return nil, &fault{kind: kerr.UnknownTopicOrPartition}
	}
	have := len(t.Partitions)
	switch {
	case int(req.Count) == have:
		return nil, faultf(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case int(req.Count) < have:
		return nil, faultf(kerr.InvalidPartitions,
			"The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, have, req.Count)
	case int(req.Count) > have+maxPartitionsPerRequest:
		return nil, faultf(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
	case have == 0:
		return nil, faultf(kerr.UnknownServerError, "Invalid state: topic %s appears to have no partitions.", t.Name)
	}
	added := int(req.Count) - have
	if req.Assignment != nil && len(req.Assignment) != added {
		return nil, faultf(kerr.InvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", added, len(req.Assignment))
	}
	factor := len(t.Partitions[0].Replicas)
	var replicas [][]metadata.BrokerID
	var f *fault
	if req.Assignment == nil {
		replicas, f = assignFreely(x, added, factor)
	} else {
		replicas, f = assignAdded(x.img, req.Assignment, have, factor)
	}
	if f != nil {
		return nil, f
	}
	records := make([]metadata.Record, 0, added)
	for i, r := range replicas {
		records = append(records, newPartition(x.img, t.ID, int32(have+i), r))
	}
	return records, nil
}

func assignAdded(img *metadata.Image, given []kmsg.CreatePartitionsRequestTopicAssignment, first, factor int) ([][]metadata.BrokerID, *fault) {
	var out [][]metadata.BrokerID
	for i, a := range given {
		if f := checkManual(img, a.Replicas, factor); f != nil {
			return nil, f
		}
		if len(activeOf(img, a.Replicas)) == 0 {
			return nil, allFenced(first + i)
		}
		out = append(out, slices.Clone(a.Replicas))
	}
	return out, nil
}
