package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Types of members as ConsumerGroupDescribe tells them (KIP-1099).
const (
	classicMemberType  int8 = 0
	consumerMemberType int8 = 1
)

// DescribeConsumerGroups describes consumer groups, in the order of the request.
// What is told is committed by then: the reply, a ConsumerGroupDescribeResponse,
// waits for it (GroupMetadataManager.consumerGroupDescribe).
func (s *Shard) DescribeConsumerGroups(now time.Time, to shard.Caller, ids []string) *shard.Result {
	o := &op{now: now}
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	for _, id := range ids {
		resp.Groups = append(resp.Groups, s.describeConsumer(id))
	}
	o.replyCommitted(to, resp)
	return &o.res
}

func (s *Shard) describeConsumer(id string) kmsg.ConsumerGroupDescribeResponseGroup {
	r := kmsg.NewConsumerGroupDescribeResponseGroup()
	r.Group = id
	g, ok := s.groups[id].(*consumerGroup)
	if !ok {
		r.ErrorCode = kerr.GroupIDNotFound.Code
		message := "Group " + id + " not found."
		if s.groups[id] != nil {
			message = "Group " + id + " is not a consumer group."
		}
		r.ErrorMessage = &message
		return r
	}
	r.State, r.Epoch, r.AssignmentEpoch = g.stateName(), g.Epoch(), g.AssignmentEpoch()
	r.AssignorName = g.Assignor(nil, nil, s.cfg.Consumer.Assignors[0].Name)
	for _, m := range g.Members() {
		target, _ := g.Target(m.ID)
		r.Members = append(r.Members, s.describeMember(m, target))
	}
	return r
}

func (s *Shard) describeMember(m *consumer.Member, target assign.Assignment) kmsg.ConsumerGroupDescribeResponseGroupMember {
	r := kmsg.NewConsumerGroupDescribeResponseGroupMember()
	r.MemberID, r.InstanceID, r.RackID, r.MemberEpoch = m.ID, m.InstanceID, m.RackID, m.Epoch
	r.ClientID, r.ClientHost = m.ClientID, m.ClientHost
	r.SubscribedTopics, r.SubscribedTopicRegex = m.Topics, &m.Regex
	// What it has yet to give up it is still responsible for.
	r.Assignment = s.described(m.Holds())
	r.TargetAssignment = s.described(target)
	r.MemberType = consumerMemberType
	if m.Classic != nil {
		r.MemberType = classicMemberType
	}
	return r
}

// described leaves topics out that exist no more.
func (s *Shard) described(a assign.Assignment) kmsg.Assignment {
	var out kmsg.Assignment
	for i := range a {
		topic, ok := s.cluster.TopicByID(a[i].Topic)
		if !ok {
			continue
		}
		t := kmsg.NewAssignmentTopicPartition()
		t.TopicID, t.Topic, t.Partitions = topic.ID, topic.Name, a[i].Partitions
		out.TopicPartitions = append(out.TopicPartitions, t)
	}
	return out
}
