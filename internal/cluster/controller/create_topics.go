package controller

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// maxPartitionsPerRequest bounds the partitions that one request may create
// (ReplicationControlManager.MAX_PARTITIONS_PER_BATCH).
const maxPartitionsPerRequest = 10_000

// createTopics creates topics (ReplicationControlManager.createTopics; what a
// request may name and who may, ControllerApis.createTopics).
func (c *Controller) createTopics(x *exchange, req *kmsg.CreateTopicsRequest, resp *kmsg.CreateTopicsResponse) error {
	names := make([]string, 0, len(req.Topics))
	for i := range req.Topics {
		names = append(names, req.Topics[i].Topic)
	}
	var wanted []*kmsg.CreateTopicsRequestTopic
	var refused []kmsg.CreateTopicsResponseTopic
	creator := x.clusterAllowed(kmsg.ACLOperationCreate)
	for _, name := range once(names) {
		if f := refuseName(x, name.value, name.times > 1, creator); f != nil {
			refused = append(refused, failedTopic(name.value, f))
		} else {
			wanted = append(wanted, &req.Topics[name.first])
		}
	}
	if err := c.checkTotal(wanted); err != nil {
		return err
	}
	for _, t := range wanted {
		topic, records, f := c.createTopic(x, t)
		if f != nil {
			topic = failedTopic(t.Topic, f)
		}
		resp.Topics = append(resp.Topics, topic)
		x.emit(records...)
	}
	resp.Topics = append(resp.Topics, refused...)
	if req.ValidateOnly {
		x.out = nil
	}
	return nil
}

func refuseCreateTopics(req *kmsg.CreateTopicsRequest, resp *kmsg.CreateTopicsResponse, f *fault) {
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, failedTopic(req.Topics[i].Topic, f))
	}
}

func failedTopic(name string, f *fault) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic = name
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	f.fill(&t.ErrorCode, &t.ErrorMessage)
	return t
}

func refuseName(x *exchange, name string, repeated, creator bool) *fault {
	switch {
	case repeated:
		return faultf(kerr.InvalidRequest, "Duplicate topic name.")
	case name == metadata.ClusterMetadataTopic:
		return faultf(kerr.InvalidRequest, "Creation of internal topic %s is prohibited.", name)
	case !creator && !x.allowed(kmsg.ACLOperationCreate, kmsg.ACLResourceTypeTopic, name):
		return faultf(kerr.TopicAuthorizationFailed, "Authorization failed.")
	}
	return nil
}

func (c *Controller) checkTotal(topics []*kmsg.CreateTopicsRequestTopic) error {
	total := 0
	for _, t := range topics {
		switch {
		case len(t.ReplicaAssignment) > 0:
			total += len(t.ReplicaAssignment)
		case t.NumPartitions == -1:
			total += int(c.cfg.NumPartitions)
		case t.NumPartitions > 0:
			total += int(t.NumPartitions)
		}
	}
	if total > maxPartitionsPerRequest {
		return faultf(kerr.PolicyViolation, "Excessively large number of partitions per request.")
	}
	return nil
}

// createTopic gives the records that create one topic, and its part of the reply.
func (c *Controller) createTopic(x *exchange, t *kmsg.CreateTopicsRequestTopic) (kmsg.CreateTopicsResponseTopic, []metadata.Record, *fault) {
	none := kmsg.CreateTopicsResponseTopic{}
	if f := c.checkNewName(x, t.Topic); f != nil {
		return none, nil, f
	}
	configs, f := c.creationConfigs(x, t)
	if f != nil {
		return none, nil, f
	}
	replicas, f := c.assign(x, t)
	if f != nil {
		return none, nil, f
	}
	id := newTopicID(x.img, x.rnd)
	records := []metadata.Record{&metadata.TopicRecord{Name: t.Topic, TopicID: id}}
	for _, name := range sortedKeys(configs) {
		value := configs[name]
		records = append(records, &metadata.ConfigRecord{
			ResourceType: metadata.ResourceTopic, ResourceName: t.Topic, Name: name, Value: &value,
		})
	}
	if _, ok := configs[configMinISR]; ok && elrEnabled(x.img) {
		records = append(records, &metadata.ClearElrRecord{TopicName: t.Topic})
	}
	for i, r := range replicas {
		records = append(records, newPartition(x.img, id, int32(i), r))
	}
	return c.createdTopic(x, t.Topic, id, configs, replicas), records, nil
}

func (c *Controller) checkNewName(x *exchange, name string) *fault {
	if x.img.Topic(name) != nil {
		return faultf(kerr.TopicAlreadyExists, "Topic '%s' already exists.", name)
	}
	if f := checkTopicName(name); f != nil {
		return f
	}
	if other := colliding(x.img, name); other != "" {
		return faultf(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", name, other)
	}
	return nil
}

// creationConfigs gives the configs that the topic is created with, checked.
func (c *Controller) creationConfigs(x *exchange, t *kmsg.CreateTopicsRequestTopic) (map[string]string, *fault) {
	configs := map[string]string{}
	var null []string
	for _, cfg := range t.Configs {
		if cfg.Value == nil {
			null = append(null, cfg.Name)
			continue
		}
		configs[cfg.Name] = *cfg.Value
	}
	if len(null) > 0 {
		return nil, faultf(kerr.InvalidConfig, "Null value not supported for topic configs: %s", strings.Join(null, ","))
	}
	if len(configs) == 0 {
		return configs, nil
	}
	resource := metadata.ConfigResource{Type: metadata.ResourceTopic, Name: t.Topic}
	return configs, c.validateConfigs(resource, configs, x.img.Configs(resource).Map())
}

// createdTopic gives the reply about a new topic. Its configs are for those who
// may describe them (KIP-525).
func (c *Controller) createdTopic(x *exchange, name string, id metadata.TopicID,
	configs map[string]string, replicas [][]metadata.BrokerID,
) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic, t.TopicID = name, id
	if !x.allowed(kmsg.ACLOperationDescribeConfigs, kmsg.ACLResourceTypeTopic, name) {
		t.ConfigErrorCode = kerr.TopicAuthorizationFailed.Code
		t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		return t
	}
	t.NumPartitions, t.ReplicationFactor = int32(len(replicas)), int16(len(replicas[0]))
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	if c.cfg.Schema != nil {
		node := metadata.ConfigResource{Type: metadata.ResourceBroker, Name: strconv.Itoa(int(c.cfg.NodeID))}
		t.Configs = c.cfg.Schema.TopicConfigs(configs, x.img.Configs(node), x.img.Configs(clusterDefault))
	}
	return t
}

// assign gives the replicas of each partition of a new topic.
func (c *Controller) assign(x *exchange, t *kmsg.CreateTopicsRequestTopic) ([][]metadata.BrokerID, *fault) {
	if len(t.ReplicaAssignment) > 0 {
		return assignManually(x.img, t)
	}
	switch {
	case t.ReplicationFactor < -1 || t.ReplicationFactor == 0:
		return nil, faultf(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return nil, faultf(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	partitions, factor := t.NumPartitions, t.ReplicationFactor
	if partitions == -1 {
		partitions = c.cfg.NumPartitions
	}
	if factor == -1 {
		factor = c.cfg.DefaultReplicationFactor
	}
	replicas, f := assignFreely(x, int(partitions), int(factor))
	if f != nil && f.text != "" && !strings.HasPrefix(f.text, "Unable to replicate") {
		f = faultf(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): %s", factor, f.text)
	}
	return replicas, f
}

// assignFreely places partitions as the brokers allow.
func assignFreely(x *exchange, partitions, factor int) ([][]metadata.BrokerID, *fault) {
	placer := newPlacer(x.img, x.rnd)
	replicas := make([][]metadata.BrokerID, partitions)
	for i := range replicas {
		var f *fault
		if replicas[i], f = placer.place(factor); f != nil {
			return nil, f
		}
		if len(activeOf(x.img, replicas[i])) == 0 {
			return nil, faultf(kerr.InvalidReplicationFactor,
				"Unable to replicate the partition %d time(s): All brokers are currently fenced or in controlled shutdown.", factor)
		}
	}
	return replicas, nil
}

func assignManually(img *metadata.Image, t *kmsg.CreateTopicsRequestTopic) ([][]metadata.BrokerID, *fault) {
	if t.ReplicationFactor != -1 {
		return nil, faultf(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if t.NumPartitions != -1 {
		return nil, faultf(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	replicas := make([][]metadata.BrokerID, len(t.ReplicaAssignment))
	inOrder := true
	given := map[int32]bool{}
	factor := -1
	for _, a := range t.ReplicaAssignment {
		if given[a.Partition] {
			return nil, faultf(kerr.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		given[a.Partition] = true
		if f := checkManual(img, a.Replicas, factor); f != nil {
			return nil, f
		}
		factor = len(a.Replicas)
		if len(activeOf(img, a.Replicas)) == 0 {
			return nil, allFenced(int(a.Partition))
		}
		if a.Partition < 0 || int(a.Partition) >= len(replicas) {
			inOrder = false
			continue
		}
		replicas[a.Partition] = slices.Clone(a.Replicas)
	}
	if !inOrder {
		return nil, faultf(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
	}
	return replicas, nil
}

func allFenced(partition int) *fault {
	return faultf(kerr.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment for partition %d "+
		"are fenced or in controlled shutdown.", partition)
}

// checkManual refuses a manual assignment of one partition that cannot be; a
// factor of -1 allows any number of replicas
// (ReplicationControlManager.validateManualPartitionAssignment).
func checkManual(img *metadata.Image, replicas []metadata.BrokerID, factor int) *fault {
	if len(replicas) == 0 {
		return faultf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, b := range sorted {
		if img.Broker(b) == nil {
			return faultf(kerr.InvalidReplicaAssignment,
				"The manual partition assignment includes broker %d, but no such broker is registered.", b)
		}
		if i > 0 && sorted[i-1] == b {
			return faultf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", b)
		}
	}
	if factor >= 0 && len(replicas) != factor {
		return faultf(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), "+
			"but this is not consistent with previous partitions, which have %d replica(s).", len(replicas), factor)
	}
	return nil
}

// activeOf gives the replicas on brokers that may be in sync.
func activeOf(img *metadata.Image, replicas []metadata.BrokerID) []metadata.BrokerID {
	var out []metadata.BrokerID
	for _, b := range replicas {
		if active(img, b) {
			out = append(out, b)
		}
	}
	return out
}

// newPartition gives the record of a new partition: all replicas on active
// brokers are in sync, for there is nothing to be behind with.
func newPartition(img *metadata.Image, id metadata.TopicID, index int32, replicas []metadata.BrokerID) *metadata.PartitionRecord {
	isr := activeOf(img, replicas)
	r := &metadata.PartitionRecord{
		PartitionID: index, TopicID: id, Replicas: replicas, ISR: isr, Leader: isr[0],
	}
	if metadataVersion(img) >= metadataVersion37IV2 {
		for _, b := range replicas {
			r.Directories = append(r.Directories, defaultDir(img, b))
		}
	}
	return r
}

// sortedKeys gives the keys of a map in order, for effects must not depend on
// the order of a map.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
