package api

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// describeMetadata answers Metadata, versions 0 to 13 (4 lets the client forbid
// the creation of topics, 8 brings authorized operations, KIP-430; 10 topic ids
// in the answer and 12 in the request, KIP-516; 13 a code of its own for a
// client that should start over, KIP-1102). As KafkaApis.handleTopicMetadataRequest.
func (b *Broker) describeMetadata(c *call, req *kmsg.MetadataRequest) {
	img := b.metadata.Image()
	resp := kmsg.NewPtrMetadataResponse()
	for br := range img.AllBrokers() {
		if e, ok := br.Listener(c.listener().Name); ok && !br.Fenced {
			resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: br.ID, Host: e.Host, Port: int32(e.Port), Rack: br.Rack})
		}
	}
	resp.ClusterID = &b.settings.ClusterID
	resp.ControllerID = b.someBroker(resp.Brokers)
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	// An empty list means all topics in version 0 only; later null does.
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		for t := range img.AllTopics() {
			resp.Topics = append(resp.Topics, describeTopic(img, t, c, req))
		}
		c.reply(resp)
		return
	}
	img = b.autoCreate(c, req, img)
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, findTopic(img, &req.Topics[i], c, req))
	}
	c.reply(resp)
}

// someBroker is what stands in for the controller's id, which clients cannot
// reach: this broker, as any broker passes requests on.
func (b *Broker) someBroker(alive []kmsg.MetadataResponseBroker) int32 {
	for i := range alive {
		if alive[i].NodeID == b.settings.NodeID {
			return b.settings.NodeID
		}
	}
	if len(alive) > 0 {
		return alive[0].NodeID
	}
	return -1
}

func findTopic(img *metadata.Image, asked *kmsg.MetadataRequestTopic, c *call, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	answer := kmsg.NewMetadataResponseTopic()
	answer.Topic, answer.TopicID = asked.Topic, asked.TopicID
	id := metadata.TopicID(asked.TopicID)
	var t *metadata.Topic
	switch {
	case !id.IsZero():
		if t = img.TopicByID(id); t == nil {
			answer.ErrorCode = kerr.UnknownTopicID.Code
		}
	case asked.Topic == nil:
		answer.ErrorCode = kerr.InvalidTopicException.Code
	default:
		if t = img.Topic(*asked.Topic); t == nil {
			answer.ErrorCode = kerr.UnknownTopicOrPartition.Code
			if !validTopicName(*asked.Topic) {
				answer.ErrorCode = kerr.InvalidTopicException.Code
			}
			answer.IsInternal = metadata.InternalTopic(*asked.Topic)
		}
	}
	if t == nil {
		return answer
	}
	return describeTopic(img, t, c, req)
}

func describeTopic(img *metadata.Image, t *metadata.Topic, c *call, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	answer := kmsg.NewMetadataResponseTopic()
	name := t.Name
	answer.Topic, answer.TopicID, answer.IsInternal = &name, t.ID, t.Internal()
	if req.IncludeTopicAuthorizedOperations {
		answer.AuthorizedOperations = topicOperations
	}
	answer.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		m := kmsg.NewMetadataResponseTopicPartition()
		m.Partition, m.Leader, m.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		m.Replicas, m.ISR, m.OfflineReplicas = p.Replicas, p.ISR, offline(img, p, c.listener().Name)
		m.ErrorCode = leaderError(img, p, c.listener().Name)
		if m.ErrorCode != 0 {
			m.Leader = metadata.NoLeader
		}
		answer.Partitions[i] = m
	}
	return answer
}

// leaderError says why clients cannot reach the leader of a partition on a
// listener (KRaftMetadataCache.getPartitionMetadata).
func leaderError(img *metadata.Image, p *metadata.Partition, listener string) int16 {
	br := img.Broker(p.Leader)
	if !p.HasLeader() || br == nil || br.Fenced {
		return kerr.LeaderNotAvailable.Code
	}
	if _, ok := br.Listener(listener); !ok {
		return kerr.ListenerNotFound.Code
	}
	return 0
}

// offline lists the replicas whose broker, or whose directory on it, is away.
func offline(img *metadata.Image, p *metadata.Partition, listener string) []int32 {
	var out []int32
	for i, id := range p.Replicas {
		br := img.Broker(id)
		if br == nil || br.Fenced || i < len(p.Directories) && !br.HasOnlineDir(p.Directories[i]) {
			out = append(out, id)
			continue
		}
		if _, ok := br.Listener(listener); !ok {
			out = append(out, id)
		}
	}
	return out
}

// autoCreate creates the topics that a Metadata request asks for and that do
// not exist, if client and broker allow it, and returns an image that has them.
// Deviation: Apache Kafka answers UNKNOWN_TOPIC_OR_PARTITION while it creates
// them; here the answer waits for the topics and names their leaders.
func (b *Broker) autoCreate(c *call, req *kmsg.MetadataRequest, img *metadata.Image) *metadata.Image {
	if !b.settings.AutoCreateTopics || b.readOnly != nil || req.Version >= 4 && !req.AllowAutoTopicCreation {
		return img
	}
	var names []string
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if name != nil && metadata.TopicID(req.Topics[i].TopicID).IsZero() && img.Topic(*name) == nil && validTopicName(*name) {
			names = append(names, *name)
		}
	}
	if len(names) == 0 {
		return img
	}
	return b.createTopics(c, names)
}

// createTopics creates topics with the defaults of this cluster, internal ones
// with their own configs, and returns the newest image. Topics that could not be
// created are missing in it.
func (b *Broker) createTopics(c *call, names []string) *metadata.Image {
	slices.Sort(names)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 30_000
	for _, name := range slices.Compact(names) {
		req.Topics = append(req.Topics, b.newTopic(name))
	}
	resp, err := b.submit(c, req)
	if err != nil {
		b.logger.Warn("topics could not be created", "topics", names, "error", err)
		return b.metadata.Image()
	}
	if r, ok := resp.(*kmsg.CreateTopicsResponse); ok {
		for i := range r.Topics {
			if err := kerr.ErrorForCode(r.Topics[i].ErrorCode); err != nil && r.Topics[i].ErrorCode != kerr.TopicAlreadyExists.Code {
				b.logger.Warn("topic could not be created", "topic", r.Topics[i].Topic, "error", err)
			}
		}
	}
	return b.metadata.Image()
}

func (b *Broker) newTopic(name string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	if name != metadata.GroupMetadataTopic {
		return t
	}
	t.NumPartitions, t.ReplicationFactor = b.settings.OffsetsTopicPartitions, b.settings.OffsetsTopicReplicas
	for k, v := range b.settings.OffsetsTopicConfigs {
		e := kmsg.NewCreateTopicsRequestTopicConfig()
		e.Name, e.Value = k, &v
		t.Configs = append(t.Configs, e)
	}
	slices.SortFunc(t.Configs, func(x, y kmsg.CreateTopicsRequestTopicConfig) int { return cmp.Compare(x.Name, y.Name) })
	return t
}

// topicName is Kafka's Topic.containsValidPattern.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func validTopicName(name string) bool {
	return name != "." && name != ".." && topicName.MatchString(name)
}

// Bits of the operations that exist for a kind of resource
// (AclEntry.supportedOperations), as KIP-430 sends them.
const (
	opRead = 1 << (iota + 3)
	opWrite
	opCreate
	opDelete
	opAlter
	opDescribe
	opClusterAction
	opDescribeConfigs
	opAlterConfigs
	opIdempotentWrite

	topicOperations   = opRead | opWrite | opCreate | opDelete | opAlter | opDescribe | opDescribeConfigs | opAlterConfigs
	clusterOperations = opCreate | opClusterAction | opDescribeConfigs | opAlterConfigs | opIdempotentWrite | opAlter | opDescribe
	groupOperations   = opRead | opDescribe | opDelete | opDescribeConfigs | opAlterConfigs
)
