package headrace

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// described reads the configs of a resource.
func described(c *wireClient, kind kmsg.ConfigResourceType, name string, keys ...string) map[string]kmsg.DescribeConfigsResponseResourceConfig {
	c.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: keys}}
	resp := ask[*kmsg.DescribeConfigsResponse](c, req, 4).Resources[0]
	if resp.ErrorCode != 0 {
		c.t.Fatalf("describe %s: code %d", name, resp.ErrorCode)
	}
	configs := map[string]kmsg.DescribeConfigsResponseResourceConfig{}
	for _, cfg := range resp.Configs {
		configs[cfg.Name] = cfg
	}
	return configs
}

func configured(name, value string) kmsg.CreateTopicsRequestTopicConfig {
	cfg := kmsg.NewCreateTopicsRequestTopicConfig()
	cfg.Name, cfg.Value = name, &value
	return cfg
}

// C37: a topic comes to be where Metadata asks for it and only there, with the
// same defaults as by CreateTopics; an internal one gets configs of its own.
func TestAutomaticTopics(t *testing.T) {
	c := wireNode(t, "t", 1)
	name := "auto"
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	if got := ask[*kmsg.MetadataResponse](c, req, 9).Topics[0]; got.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("not asked for: code %d", got.ErrorCode)
	}
	req.AllowAutoTopicCreation = true
	if got := ask[*kmsg.MetadataResponse](c, req, 9).Topics[0]; got.ErrorCode != 0 || len(got.Partitions) != 1 {
		t.Errorf("asked for: code %d, %d partitions", got.ErrorCode, len(got.Partitions))
	}
	if p := produced(c, "auto", batchOf(t, "x")); p.ErrorCode != 0 {
		t.Errorf("the first record: code %d", p.ErrorCode)
	}
	coordinate(c, "g")
	for key, want := range map[string]string{"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "104857600"} {
		if got := described(c, kmsg.ConfigResourceTypeTopic, "__consumer_offsets", key)[key].Value; got == nil || *got != want {
			t.Errorf("__consumer_offsets: %s is %v", key, got)
		}
	}
}

// C38: -1 stands for the cluster's defaults; the answer has all configs from
// version 5 on; a validation alone finds that the topic is there already; what a
// client sets is its own config even where that is the default.
func TestCreatedTopics(t *testing.T) {
	c := wireNode(t, "t", 1)
	create := func(v int16, validate bool, topic kmsg.CreateTopicsRequestTopic) kmsg.CreateTopicsResponseTopic {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Topics, req.TimeoutMillis, req.ValidateOnly = append(req.Topics, topic), 10_000, validate
		return ask[*kmsg.CreateTopicsResponse](c, req, v).Topics[0]
	}
	topic := topicNamed("d", -1, -1)
	topic.Configs = append(topic.Configs, configured("cleanup.policy", "delete"))
	if got := create(7, true, topic); got.ErrorCode != 0 || got.NumPartitions != 1 {
		t.Errorf("validated: code %d, %d partitions", got.ErrorCode, got.NumPartitions)
	}
	got := create(7, false, topic)
	if got.ErrorCode != 0 || got.NumPartitions != 1 || got.ReplicationFactor != 1 || len(got.Configs) < 20 || got.TopicID == [16]byte{} {
		t.Errorf("code %d, %d partitions, factor %d, %d configs, id %x", got.ErrorCode, got.NumPartitions, got.ReplicationFactor, len(got.Configs), got.TopicID)
	}
	if got := create(7, true, topic); got.ErrorCode != kerr.TopicAlreadyExists.Code {
		t.Errorf("validated again: code %d", got.ErrorCode)
	}
	if got := described(c, kmsg.ConfigResourceTypeTopic, "d", "cleanup.policy")["cleanup.policy"]; got.Source != kmsg.ConfigSourceDynamicTopicConfig || got.IsDefault {
		t.Errorf("cleanup.policy comes from %v", got.Source)
	}
	for v := int16(2); v <= 6; v++ {
		topic.Topic = "v" + string(rune('0'+v))
		if got := create(v, false, topic); got.ErrorCode != 0 || (len(got.Configs) > 0) != (v >= 5) {
			t.Errorf("v%d: code %d, %d configs", v, got.ErrorCode, len(got.Configs))
		}
	}
}

// C39: configs of Kafka without an effect here are taken; a bad value is an
// error that says what is wrong.
func TestTopicConfigsAreTaken(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "file.delete.delay.ms", "1000", "leader.replication.throttled.replicas", "0:1", "remote.storage.enable", "false",
		"unclean.leader.election.enable", "true", "preallocate", "true", "segment.jitter.ms", "5")
	for key, value := range map[string]string{
		"retention.ms": "soon", "cleanup.policy": "burn", "min.insync.replicas": "0", "no.such.key": "1", "compression.type": "rar",
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
		r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: &value}}
		req.Resources = append(req.Resources, r)
		got := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources[0]
		if got.ErrorCode != kerr.InvalidConfig.Code || got.ErrorMessage == nil || *got.ErrorMessage == "" {
			t.Errorf("%s=%s: code %d, %v", key, value, got.ErrorCode, got.ErrorMessage)
		}
	}
}

// C40: every key is described with its type, its synonyms and a text, those that
// other programs look for among them; what is described can be set again.
func TestDescribedConfigs(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "segment.bytes", "1048576")
	topic := described(c, kmsg.ConfigResourceTypeTopic, "t")
	if len(topic) < 30 {
		t.Errorf("%d configs of a topic", len(topic))
	}
	var pairs []string
	for name, cfg := range topic {
		if cfg.ConfigType == 0 || cfg.Documentation == nil || *cfg.Documentation == "" || cfg.Value == nil {
			t.Errorf("%s: type %v, text %v, value %v", name, cfg.ConfigType, cfg.Documentation, cfg.Value)
			continue
		}
		pairs = append(pairs, name, *cfg.Value)
	}
	setTopic(c, "t", pairs...)
	if s := topic["segment.bytes"].ConfigSynonyms; len(s) < 2 || s[0].Source != kmsg.ConfigSourceDynamicTopicConfig {
		t.Errorf("synonyms of segment.bytes: %+v", s)
	}
	for _, key := range []string{"num.partitions", "auto.create.topics.enable", "log.retention.ms", "default.replication.factor", "log.cleanup.policy"} {
		if cfg, ok := described(c, kmsg.ConfigResourceTypeBroker, "1", key)[key]; !ok || cfg.Value == nil && key != "log.retention.ms" {
			t.Errorf("broker config %s: %v", key, cfg.Value)
		}
	}
}

// C41: AlterConfigs takes back what it does not name; the incremental form
// appends to lists and subtracts from them.
func TestAlteredConfigs(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "retention.ms", "1000", "segment.ms", "2000")
	alter := kmsg.NewPtrAlterConfigsRequest()
	value := "3000"
	alter.Resources = []kmsg.AlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t",
		Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "segment.ms", Value: &value}},
	}}
	if code := ask[*kmsg.AlterConfigsResponse](c, alter, 2).Resources[0].ErrorCode; code != 0 {
		t.Fatalf("code %d", code)
	}
	got := described(c, kmsg.ConfigResourceTypeTopic, "t", "retention.ms", "segment.ms")
	if got["retention.ms"].Source == kmsg.ConfigSourceDynamicTopicConfig || *got["segment.ms"].Value != "3000" {
		t.Errorf("retention.ms from %v, segment.ms %s", got["retention.ms"].Source, *got["segment.ms"].Value)
	}
	change := func(op kmsg.IncrementalAlterConfigOp, value string) string {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t",
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "cleanup.policy", Op: op, Value: &value}},
		}}
		if code := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources[0].ErrorCode; code != 0 {
			t.Fatalf("%v %s: code %d", op, value, code)
		}
		return *described(c, kmsg.ConfigResourceTypeTopic, "t", "cleanup.policy")["cleanup.policy"].Value
	}
	if got := change(kmsg.IncrementalAlterConfigOpAppend, "compact"); got != "delete,compact" {
		t.Errorf("appended: %s", got)
	}
	if got := change(kmsg.IncrementalAlterConfigOpSubtract, "delete"); got != "compact" {
		t.Errorf("subtracted: %s", got)
	}
}

// C42: partitions are added with the right indexes, each topic has its answer,
// and a validation changes nothing.
func TestAddedPartitions(t *testing.T) {
	c := wireNode(t, "t", 2)
	add := func(validate bool, counts map[string]int32) map[string]int16 {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.TimeoutMillis, req.ValidateOnly = 10_000, validate
		for name, n := range counts {
			rt := kmsg.NewCreatePartitionsRequestTopic()
			rt.Topic, rt.Count = name, n
			req.Topics = append(req.Topics, rt)
		}
		codes := map[string]int16{}
		for _, rt := range ask[*kmsg.CreatePartitionsResponse](c, req, 3).Topics {
			codes[rt.Topic] = rt.ErrorCode
		}
		return codes
	}
	if got := add(true, map[string]int32{"t": 5, "none": 3}); len(got) != 2 || got["t"] != 0 || got["none"] != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("validated: %v", got)
	}
	if got := add(false, map[string]int32{"t": 2}); got["t"] != kerr.InvalidPartitions.Code {
		t.Errorf("as many as there are: %v", got)
	}
	if got := add(false, map[string]int32{"t": 5}); got["t"] != 0 {
		t.Errorf("code %v", got)
	}
	for p := range int32(5) {
		if got := ask[*kmsg.ProduceResponse](c, produceRequest("t", p, -1, batchOf(t, "x")), 9).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.BaseOffset != 0 {
			t.Errorf("partition %d: code %d, offset %d", p, got.ErrorCode, got.BaseOffset)
		}
	}
}

// C43: records are deleted up to an offset; a topic that is only compacted does
// not let go of them.
func TestDeletedRecords(t *testing.T) {
	c := wireNode(t, "t", 1)
	produced(c, "t", batchOf(t, "a", "b", "c"))
	remove := func(offset int64) kmsg.DeleteRecordsResponseTopicPartition {
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.TimeoutMillis = 10_000
		rt := kmsg.NewDeleteRecordsRequestTopic()
		rt.Topic, rt.Partitions = "t", []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: offset}}
		req.Topics = append(req.Topics, rt)
		return ask[*kmsg.DeleteRecordsResponse](c, req, 2).Topics[0].Partitions[0]
	}
	if p := remove(2); p.ErrorCode != 0 || p.LowWatermark != 2 {
		t.Errorf("code %d, low watermark %d", p.ErrorCode, p.LowWatermark)
	}
	if p := remove(9); p.ErrorCode != kerr.OffsetOutOfRange.Code {
		t.Errorf("beyond the end: code %d", p.ErrorCode)
	}
	if p := ask[*kmsg.FetchResponse](c, fetchRequest("t", 0, 1, 0), 12).Topics[0].Partitions[0]; p.ErrorCode != kerr.OffsetOutOfRange.Code {
		t.Errorf("a fetch of what is deleted: code %d", p.ErrorCode)
	}
	if p := remove(-1); p.ErrorCode != 0 || p.LowWatermark != 3 {
		t.Errorf("all: code %d, low watermark %d", p.ErrorCode, p.LowWatermark)
	}
	setTopic(c, "t", "cleanup.policy", "compact")
	if p := remove(-1); p.ErrorCode != kerr.PolicyViolation.Code {
		t.Errorf("of a compacted topic: code %d", p.ErrorCode)
	}
}
