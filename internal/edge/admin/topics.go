package admin

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Topic is a topic with its partitions.
type Topic struct {
	Name       string
	ID         ID
	Internal   bool
	Partitions []Partition // by number
}

// Partition is a partition as the metadata has it.
type Partition struct {
	ID       int32
	Leader   int32 // negative: none
	Replicas []int32
	ISR      []int32
	// ELR and LastKnownELR are nil if the broker does not tell them (KIP-966).
	ELR, LastKnownELR []int32
	HasELR            bool
}

// Topics lists all topics without partitions, by name. The error is a javaerr exception.
func (a *Admin) Topics(ctx context.Context, internal bool) ([]Topic, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil
	resp, err := call[*kmsg.MetadataResponse](ctx, a, "listTopics", nil, req)
	if err != nil {
		return nil, err
	}
	var topics []Topic
	for _, t := range resp.Topics {
		if t.Topic != nil && t.ErrorCode == 0 && (internal || !t.IsInternal) {
			topics = append(topics, Topic{Name: *t.Topic, ID: t.TopicID, Internal: t.IsInternal})
		}
	}
	slices.SortFunc(topics, func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	return topics, nil
}

// DescribeTopics describes topics by name, a page of at most limit partitions at a time. The first topic that cannot be
// described makes the call fail.
func (a *Admin) DescribeTopics(ctx context.Context, names []string, limit int32) ([]Topic, error) {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, n := range names {
		t := kmsg.NewDescribeTopicPartitionsRequestTopic()
		t.Topic = n
		req.Topics = append(req.Topics, t)
	}
	var topics []Topic
	for {
		resp, err := call[*kmsg.DescribeTopicPartitionsResponse](ctx, a, "describeTopicPartitions", nil, req)
		if javaerr.CodeOf(err) == unsupportedVersion { // brokers before 3.8
			return a.describeByMetadata(ctx, names)
		}
		if err != nil {
			return nil, err
		}
		for _, t := range resp.Topics {
			if err := javaerr.Coded(t.ErrorCode, ""); err != nil {
				return nil, err
			}
			if n := len(topics); n == 0 || topics[n-1].Name != *t.Topic {
				topics = append(topics, Topic{Name: *t.Topic, ID: t.TopicID, Internal: t.IsInternal})
			}
			last := &topics[len(topics)-1]
			for _, p := range t.Partitions {
				last.Partitions = append(last.Partitions, Partition{
					p.Partition, p.LeaderID, p.Replicas, p.ISR,
					p.EligibleLeaderReplicas, p.LastKnownELR, true,
				})
			}
		}
		if resp.NextCursor == nil {
			return topics, nil
		}
		cursor := kmsg.NewDescribeTopicPartitionsRequestCursor()
		cursor.Topic, cursor.Partition = resp.NextCursor.Topic, resp.NextCursor.Partition
		req.Cursor = &cursor
	}
}

// describeByMetadata is DescribeTopics without ELRs, for brokers that know no better request.
func (a *Admin) describeByMetadata(ctx context.Context, names []string) ([]Topic, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	return a.metadata(ctx, "describeTopics", req)
}

// DescribeTopicID describes one topic by its id.
func (a *Admin) DescribeTopicID(ctx context.Context, id ID) (Topic, error) {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.TopicID = id
	req.Topics = append(req.Topics, t)
	topics, err := a.metadata(ctx, "describeTopicsWithIds", req)
	if err != nil {
		return Topic{}, err
	}
	if len(topics) == 0 {
		return Topic{}, javaerr.New("UnknownTopicIdException", "TopicId %s not found.", id)
	}
	return topics[0], nil
}

// metadata sends req and returns the topics of the answer; the first error of one is the call's.
func (a *Admin) metadata(ctx context.Context, name string, req *kmsg.MetadataRequest) ([]Topic, error) {
	resp, err := call[*kmsg.MetadataResponse](ctx, a, name, nil, req)
	if err != nil {
		return nil, err
	}
	var topics []Topic
	for _, t := range resp.Topics {
		if err := javaerr.Coded(t.ErrorCode, ""); err != nil {
			return nil, err
		}
		topic := Topic{ID: t.TopicID, Internal: t.IsInternal}
		if t.Topic != nil {
			topic.Name = *t.Topic
		}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, Partition{ID: p.Partition, Leader: p.Leader, Replicas: p.Replicas, ISR: p.ISR})
		}
		slices.SortFunc(topic.Partitions, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
		topics = append(topics, topic)
	}
	return topics, nil
}

// NewTopic says how a topic is to be made.
type NewTopic struct {
	Name       string
	Partitions int32 // -1: the cluster's default
	Replicas   int16 // replication factor; -1: the cluster's default
	Assignment [][]int32
	Configs    map[string]string
}

// CreateTopic makes a topic.
func (a *Admin) CreateTopic(ctx context.Context, t NewTopic) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(a.timeout.Milliseconds())
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.Name, t.Partitions, t.Replicas
	for i, replicas := range t.Assignment {
		ra := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		ra.Partition, ra.Replicas = int32(i), replicas
		rt.ReplicaAssignment = append(rt.ReplicaAssignment, ra)
		rt.NumPartitions, rt.ReplicationFactor = -1, -1
	}
	for _, name := range sortedKeys(t.Configs) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		value := t.Configs[name]
		c.Name, c.Value = name, &value
		rt.Configs = append(rt.Configs, c)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := call[*kmsg.CreateTopicsResponse](ctx, a, "createTopics", nil, req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := coded(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// CreatePartitions raises the number of partitions; assignment may be nil.
func (a *Admin) CreatePartitions(ctx context.Context, topic string, count int32, assignment [][]int32) error {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = int32(a.timeout.Milliseconds())
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, count
	if assignment != nil { // an empty one is refused by the broker, none is not
		t.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{}
	}
	for _, replicas := range assignment {
		ra := kmsg.NewCreatePartitionsRequestTopicAssignment()
		ra.Replicas = replicas
		t.Assignment = append(t.Assignment, ra)
	}
	req.Topics = append(req.Topics, t)
	resp, err := call[*kmsg.CreatePartitionsResponse](ctx, a, "createPartitions", nil, req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := coded(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// DeleteTopics deletes topics by name.
func (a *Admin) DeleteTopics(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = int32(a.timeout.Milliseconds())
	req.TopicNames = names
	for _, n := range names {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	resp, err := call[*kmsg.DeleteTopicsResponse](ctx, a, "deleteTopics", nil, req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := coded(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// Reassignment is a partition on its way to other brokers.
type Reassignment struct {
	Replicas, Adding, Removing []int32
}

// Reassignments lists what is on its way, by topic and partition. A broker that cannot or may not tell gives none, as
// in TopicCommand.listAllReassignments.
func (a *Admin) Reassignments(ctx context.Context, topics []Topic) (map[string]map[int32]Reassignment, error) {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = int32(a.timeout.Milliseconds())
	req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
	for _, t := range topics {
		rt := kmsg.NewListPartitionReassignmentsRequestTopic()
		rt.Topic = t.Name
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, p.ID)
		}
		req.Topics = append(req.Topics, rt)
	}
	resp, err := call[*kmsg.ListPartitionReassignmentsResponse](ctx, a, "listPartitionReassignments", nil, req)
	if javaerr.CodeOf(err) == unsupportedVersion {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if c := resp.ErrorCode; c == unsupportedVersion || c == clusterAuthorizationFailed {
		return nil, nil
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	found := map[string]map[int32]Reassignment{}
	for _, t := range resp.Topics {
		found[t.Topic] = map[int32]Reassignment{}
		for _, p := range t.Partitions {
			found[t.Topic][p.Partition] = Reassignment{p.Replicas, p.AddingReplicas, p.RemovingReplicas}
		}
	}
	return found, nil
}
