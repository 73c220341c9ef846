package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

func ptr[T any](v T) *T { return &v }

// newCluster gives a world with n brokers that are registered and not fenced,
// and the schema of fakeSchema.
func newCluster(t *testing.T, n int) *world {
	return newClusterWith(t, n, Config{ClusterID: "story", NodeID: 100, Schema: fakeSchema{}})
}

func newClusterWith(t *testing.T, n int, cfg Config) *world {
	t.Helper()
	w := newWorld(t, cfg)
	for id := range int32(n) {
		w.apply([]metadata.Record{&metadata.RegisterBrokerRecord{
			BrokerID: id, BrokerEpoch: int64(10 + id), IncarnationID: metadata.UUID{byte(id + 1)},
			LogDirs: []metadata.UUID{{byte(id + 1)}}, Features: metadata.SupportedFeatures(),
		}})
	}
	return w
}

// fakeSchema knows a list, a number, and refuses "bad".
type fakeSchema struct{}

func (fakeSchema) List(_ metadata.ResourceType, name string) (string, bool) {
	return "delete", name == "cleanup.policy"
}

func (fakeSchema) Validate(r metadata.ConfigResource, configs, existing map[string]string) error {
	switch {
	case configs["bad"] != "" && existing["bad"] != configs["bad"]:
		return errors.New("Invalid value for bad")
	case configs["policy"] != "":
		return fmt.Errorf("%w: no", kerr.PolicyViolation)
	}
	return nil
}

func (fakeSchema) TopicConfigs(topic map[string]string, _, cluster metadata.ConfigSet) []kmsg.CreateTopicsResponseTopicConfig {
	out := []kmsg.CreateTopicsResponseTopicConfig{}
	for _, name := range sortedKeys(topic) {
		out = append(out, kmsg.CreateTopicsResponseTopicConfig{Name: name, Value: ptr(topic[name]), Source: 1})
	}
	for name, value := range cluster.All() {
		out = append(out, kmsg.CreateTopicsResponseTopicConfig{Name: name, Value: &value, Source: 3})
	}
	return out
}

// denied refuses some operations, written as "op/type/name".
type denied []string

func (d denied) Allowed(op kmsg.ACLOperation, t kmsg.ACLResourceType, name string) bool {
	return !slices.Contains(d, fmt.Sprintf("%v/%v/%s", op, t, name))
}

// answer is what a table test compares: the error's name, and the text or a part.
type answer struct{ err, text string }

func answerOf(code int16, text *string) answer {
	a := answer{}
	if e := kerr.TypedErrorForCode(code); e != nil {
		a.err = e.Message
	}
	if text != nil {
		a.text = *text
	}
	return a
}

func (a answer) check(t *testing.T, what string, got answer) {
	t.Helper()
	if got.err != a.err || got.text != a.text {
		t.Errorf("%s:\n got %q %q\nwant %q %q", what, got.err, got.text, a.err, a.text)
	}
}

func topicRequest(name string, partitions int32, factor int16) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, factor
	return t
}

func createRequest(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.Topics = 7, topics
	return req
}

func assigned(name string, replicas ...[]int32) kmsg.CreateTopicsRequestTopic {
	t := topicRequest(name, -1, -1)
	for i, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: r})
	}
	return t
}

func TestCreateTopicsAnswers(t *testing.T) {
	w := newCluster(t, 3)
	w.handle(createRequest(topicRequest("taken", 1, 1), topicRequest("with.dot", 1, 1)))
	w.apply([]metadata.Record{
		&metadata.BrokerRegistrationChangeRecord{BrokerID: 2, BrokerEpoch: 12, Fenced: metadata.Fence},
	})
	long := strings.Repeat("x", 250)
	with := func(name, key string, value *string) kmsg.CreateTopicsRequestTopic {
		t := topicRequest(name, 1, 1)
		t.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: key, Value: value}}
		return t
	}
	gap := assigned("t", []int32{0})
	gap.ReplicaAssignment[0].Partition = 1
	twice := assigned("t", []int32{0}, []int32{1})
	twice.ReplicaAssignment[1].Partition = 0
	both := assigned("t", []int32{0})
	both.ReplicationFactor = 1
	bothCount := assigned("t", []int32{0})
	bothCount.NumPartitions = 1
	for _, c := range []struct {
		topic kmsg.CreateTopicsRequestTopic
		want  answer
	}{
		{topicRequest("ok", -1, -1), answer{}},
		{topicRequest("taken", 1, 1), answer{"TOPIC_ALREADY_EXISTS", "Topic 'taken' already exists."}},
		{topicRequest("", 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: the empty string is not allowed"}},
		{topicRequest(".", 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: '.' is not allowed"}},
		{topicRequest("..", 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: '..' is not allowed"}},
		{topicRequest("a b", 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"}},
		{topicRequest(long, 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic name is invalid: the length of '" + long + "' is longer than the max allowed length 249"}},
		{topicRequest("with_dot", 1, 1), answer{"INVALID_TOPIC_EXCEPTION", "Topic 'with_dot' collides with existing topic: with.dot"}},
		{topicRequest("__cluster_metadata", 1, 1), answer{"INVALID_REQUEST", "Creation of internal topic __cluster_metadata is prohibited."}},
		{topicRequest("t", 1, 0), answer{"INVALID_REPLICATION_FACTOR", "Replication factor must be larger than 0, or -1 to use the default value."}},
		{topicRequest("t", 1, -2), answer{"INVALID_REPLICATION_FACTOR", "Replication factor must be larger than 0, or -1 to use the default value."}},
		{topicRequest("t", 0, 1), answer{"INVALID_PARTITIONS", "Number of partitions was set to an invalid non-positive value."}},
		{topicRequest("t", -5, 1), answer{"INVALID_PARTITIONS", "Number of partitions was set to an invalid non-positive value."}},
		{topicRequest("t", 1, 4), answer{"INVALID_REPLICATION_FACTOR", "Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because only 3 broker(s) are registered or some brokers have all their log directories cordoned."}},
		{both, answer{"INVALID_REQUEST", "A manual partition assignment was specified, but replication factor was not set to -1."}},
		{bothCount, answer{"INVALID_REQUEST", "A manual partition assignment was specified, but numPartitions was not set to -1."}},
		{assigned("t", []int32{}), answer{"INVALID_REPLICA_ASSIGNMENT", "The manual partition assignment includes an empty replica list."}},
		{assigned("t", []int32{9}), answer{"INVALID_REPLICA_ASSIGNMENT", "The manual partition assignment includes broker 9, but no such broker is registered."}},
		{assigned("t", []int32{0, 1, 0}), answer{"INVALID_REPLICA_ASSIGNMENT", "The manual partition assignment includes the broker 0 more than once."}},
		{assigned("t", []int32{0, 1}, []int32{0}), answer{"INVALID_REPLICA_ASSIGNMENT", "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s)."}},
		{assigned("t", []int32{2}), answer{"INVALID_REPLICA_ASSIGNMENT", "All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled shutdown."}},
		{gap, answer{"INVALID_REPLICA_ASSIGNMENT", "partitions should be a consecutive 0-based integer sequence"}},
		{twice, answer{"INVALID_REPLICA_ASSIGNMENT", "Found multiple manual partition assignments for partition 0"}},
		{with("t", "k", nil), answer{"INVALID_CONFIG", "Null value not supported for topic configs: k"}},
		{with("t", "bad", ptr("x")), answer{"INVALID_CONFIG", "Invalid value for bad"}},
		{with("t", "policy", ptr("x")), answer{"POLICY_VIOLATION", "no"}},
		{topicRequest("t", 10_001, 1), answer{"POLICY_VIOLATION", "Excessively large number of partitions per request."}},
		{topicRequest("t", 10_000, 1), answer{"POLICY_VIOLATION", "Unable to perform excessively large batch operation."}},
	} {
		before := w.img
		resp := w.handle(createRequest(c.topic)).(*kmsg.CreateTopicsResponse)
		if len(resp.Topics) != 1 || resp.Topics[0].Topic != c.topic.Topic {
			t.Fatalf("%q: %+v", c.topic.Topic, resp.Topics)
		}
		got := resp.Topics[0]
		c.want.check(t, fmt.Sprintf("create %.40q", c.topic.Topic), answerOf(got.ErrorCode, got.ErrorMessage))
		if c.want.err != "" && w.img != before {
			t.Errorf("%q: refused, but there are records", c.topic.Topic)
		}
	}
}

func TestCreateTopicsReply(t *testing.T) {
	w := newCluster(t, 3)
	topic := topicRequest("t", 4, 2)
	topic.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "z", Value: ptr("1")}, {Name: "a", Value: ptr("2")}}
	resp := w.handle(createRequest(topic)).(*kmsg.CreateTopicsResponse)
	got := resp.Topics[0]
	created := w.img.Topic("t")
	if metadata.TopicID(got.TopicID) != created.ID || got.NumPartitions != 4 || got.ReplicationFactor != 2 || len(created.Partitions) != 4 {
		t.Fatalf("%+v, topic %+v", got, created)
	}
	names := []string{}
	for _, c := range got.Configs {
		names = append(names, c.Name)
	}
	if d := cmp.Diff([]string{"a", "z", "min.insync.replicas"}, names); d != "" {
		t.Error(d)
	}
	if v, _ := w.img.Configs(metadata.ConfigResource{Type: metadata.ResourceTopic, Name: "t"}).Get("z"); v != "1" {
		t.Errorf("config z is %q", v)
	}
	for i, p := range created.Partitions {
		if p.LeaderEpoch != 0 || p.PartitionEpoch != 0 || p.Leader != p.Replicas[0] || !slices.Equal(p.ISR, p.Replicas) ||
			p.Directories[0] != (metadata.UUID{byte(p.Replicas[0] + 1)}) {
			t.Errorf("partition %d: %+v", i, p)
		}
	}
	if id := created.ID; id[6]>>4 != 4 || id.String()[0] == '-' {
		t.Errorf("topic id %s is no version 4 UUID that Kafka would give out", id)
	}
}

func TestCreateTopicsValidateOnly(t *testing.T) {
	w := newCluster(t, 1)
	req := createRequest(topicRequest("t", 3, 1))
	req.ValidateOnly = true
	resp := w.handle(req).(*kmsg.CreateTopicsResponse)
	if resp.Topics[0].ErrorCode != 0 || resp.Topics[0].NumPartitions != 3 || w.img.NumTopics() != 0 {
		t.Fatalf("%+v, %d topics", resp.Topics, w.img.NumTopics())
	}
}

func TestCreateTopicsRepeatedAndDenied(t *testing.T) {
	w := newCluster(t, 1)
	from := Requester{Authorizer: denied{
		"CREATE/CLUSTER/kafka-cluster", "CREATE/TOPIC/secret", "DESCRIBE_CONFIGS/TOPIC/quiet",
	}}
	resp := w.handleFrom(createRequest(
		topicRequest("twice", 1, 1), topicRequest("once", 1, 1), topicRequest("twice", 1, 1),
		topicRequest("secret", 1, 1), topicRequest("quiet", 1, 1),
	), from).(*kmsg.CreateTopicsResponse)
	got := map[string]answer{}
	for _, r := range resp.Topics {
		got[r.Topic] = answerOf(r.ErrorCode, r.ErrorMessage)
		if r.Topic == "quiet" && (r.ConfigErrorCode != kerr.TopicAuthorizationFailed.Code || r.NumPartitions != -1 || len(r.Configs) != 0) {
			t.Errorf("configs are told to who may not see them: %+v", r)
		}
	}
	want := map[string]answer{
		"twice": {"INVALID_REQUEST", "Duplicate topic name."}, "once": {}, "quiet": {},
		"secret": {"TOPIC_AUTHORIZATION_FAILED", "Authorization failed."},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); d != "" || len(resp.Topics) != 4 {
		t.Errorf("%d answers\n%s", len(resp.Topics), d)
	}
}

func TestDeleteTopics(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(topicRequest("a", 1, 1), topicRequest("b", 1, 1), topicRequest("c", 1, 1), topicRequest("d", 1, 1), topicRequest("hidden", 1, 1)))
	id := func(name string) [16]byte { return w.img.Topic(name).ID }
	unknown := [16]byte{1}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	req.Topics = []kmsg.DeleteTopicsRequestTopic{
		{Topic: ptr("a")},
		{TopicID: id("b")},
		{Topic: ptr("b")}, // the same topic twice: neither
		{Topic: ptr("missing")},
		{TopicID: unknown},
		{},
		{Topic: ptr("c"), TopicID: id("c")},
		{Topic: ptr("d")},
		{Topic: ptr("d")},
		{TopicID: id("hidden")},
	}
	from := Requester{Authorizer: denied{
		"DELETE/CLUSTER/kafka-cluster", "DELETE/TOPIC/hidden", "DESCRIBE/TOPIC/hidden",
	}}
	resp := w.handleFrom(req, from).(*kmsg.DeleteTopicsResponse)
	got := map[string]answer{}
	for _, r := range resp.Topics {
		key := "(id)"
		if r.Topic != nil {
			key = *r.Topic
		}
		switch r.TopicID {
		case [16]byte{}:
		case unknown:
			key = "(unknown id)"
		case id("hidden"):
			key += "hidden"
		}
		got[key] = answerOf(r.ErrorCode, r.ErrorMessage)
	}
	want := map[string]answer{
		"a":            {},
		"b":            {"INVALID_REQUEST", "The provided topic name maps to an ID that was already supplied."},
		"c":            {"INVALID_REQUEST", "You may not specify both topic name and topic id."},
		"d":            {"INVALID_REQUEST", "Duplicate topic name."},
		"missing":      {"UNKNOWN_TOPIC_OR_PARTITION", "This server does not host this topic-partition."},
		"(unknown id)": {"UNKNOWN_TOPIC_ID", "This server does not host this topic ID."},
		"(id)":         {"INVALID_REQUEST", "Neither topic name nor id were specified."},
		"(id)hidden":   {"TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed."},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); d != "" || len(resp.Topics) != len(want) {
		t.Errorf("%d answers\n%s", len(resp.Topics), d)
	}
	if w.img.Topic("a") != nil || w.img.NumTopics() != 4 {
		t.Errorf("%d topics are left", w.img.NumTopics())
	}
}

func TestDeleteTopicsByNameOnly(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(topicRequest("a", 1, 1)))
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames = 5, []string{"a", "z"}
	resp := w.handle(req).(*kmsg.DeleteTopicsResponse)
	if len(resp.Topics) != 2 || w.img.NumTopics() != 0 || resp.GetVersion() != 5 {
		t.Fatalf("%+v", resp)
	}
	off := newClusterWith(t, 1, Config{DeleteTopicDisabled: true})
	resp = off.handle(req).(*kmsg.DeleteTopicsResponse)
	if len(resp.Topics) != 2 || resp.Topics[0].ErrorCode != kerr.TopicDeletionDisabled.Code {
		t.Fatalf("%+v", resp)
	}
}

func TestCreatePartitions(t *testing.T) {
	w := newCluster(t, 3)
	w.handle(createRequest(topicRequest("t", 2, 2), topicRequest("secret", 1, 1)))
	manual := func(replicas ...[]int32) []kmsg.CreatePartitionsRequestTopicAssignment {
		out := []kmsg.CreatePartitionsRequestTopicAssignment{}
		for _, r := range replicas {
			out = append(out, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: r})
		}
		return out
	}
	from := Requester{Authorizer: denied{"ALTER/TOPIC/secret"}}
	for _, c := range []struct {
		topic    kmsg.CreatePartitionsRequestTopic
		want     answer
		validate bool
		after    int
	}{
		{kmsg.CreatePartitionsRequestTopic{Topic: "z", Count: 2}, answer{err: "UNKNOWN_TOPIC_OR_PARTITION"}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "secret", Count: 2}, answer{err: "TOPIC_AUTHORIZATION_FAILED"}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 2}, answer{"INVALID_PARTITIONS", "Topic already has 2 partition(s)."}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 1}, answer{"INVALID_PARTITIONS", "The topic t currently has 2 partition(s); 1 would not be an increase."}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 1 << 30}, answer{"POLICY_VIOLATION", "Unable to perform excessively large batch operation."}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 4, Assignment: manual([]int32{0, 1})}, answer{"INVALID_REPLICA_ASSIGNMENT", "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 3, Assignment: manual([]int32{0})}, answer{"INVALID_REPLICA_ASSIGNMENT", "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s)."}, false, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 3}, answer{}, true, 2},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 3}, answer{}, false, 3},
		{kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 5, Assignment: manual([]int32{2, 1}, []int32{0, 2})}, answer{}, false, 5},
	} {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.Version, req.ValidateOnly = 3, c.validate
		req.Topics = append(req.Topics, c.topic)
		resp := w.handleFrom(req, from).(*kmsg.CreatePartitionsResponse)
		got := resp.Topics[0]
		c.want.check(t, fmt.Sprintf("%+v", c.topic), answerOf(got.ErrorCode, got.ErrorMessage))
		if n := len(w.img.Topic("t").Partitions); n != c.after {
			t.Errorf("%+v: %d partitions, want %d", c.topic, n, c.after)
		}
	}
	if p := w.img.Partition("t", 4); !slices.Equal(p.Replicas, []int32{0, 2}) || p.Leader != 0 {
		t.Errorf("partition 4: %+v", p)
	}
}

// TestPlacement holds that replicas of a partition are on different brokers,
// spread over racks, and that leaders and replicas are spread evenly.
func TestPlacement(t *testing.T) {
	w := newWorld(t, Config{ClusterID: "story"})
	for id := range int32(9) {
		w.apply([]metadata.Record{&metadata.RegisterBrokerRecord{
			BrokerID: id, BrokerEpoch: int64(id), Rack: ptr(string(rune('a' + id%3))), LogDirs: []metadata.UUID{{byte(id + 1)}},
		}})
	}
	w.handle(createRequest(topicRequest("t", 90, 3)))
	leaders, replicas := map[int32]int{}, map[int32]int{}
	for i, p := range w.img.Topic("t").Partitions {
		racks := map[int32]bool{}
		for _, r := range p.Replicas {
			racks[r%3] = true
			replicas[r]++
		}
		if len(racks) != 3 {
			t.Errorf("partition %d is in %d racks: %v", i, len(racks), p.Replicas)
		}
		leaders[p.Leader]++
	}
	for id := range int32(9) {
		if leaders[id] != 10 || replicas[id] != 30 {
			t.Errorf("broker %d leads %d and has %d replicas of 90", id, leaders[id], replicas[id])
		}
	}
}

// TestPlacementAvoids holds that a fenced broker never leads a new partition,
// and that one in controlled shutdown or with cordoned directories gets nothing.
func TestPlacementAvoids(t *testing.T) {
	w := newCluster(t, 5)
	w.apply([]metadata.Record{
		&metadata.BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 11, Fenced: metadata.Fence},
		&metadata.BrokerRegistrationChangeRecord{BrokerID: 2, BrokerEpoch: 12, InControlledShutdown: 1},
		&metadata.BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 13, CordonedLogDirs: []metadata.UUID{{4}}},
	})
	w.handle(createRequest(topicRequest("t", 50, 3)))
	for i, p := range w.img.Topic("t").Partitions {
		if p.Leader == 1 || slices.Contains(p.ISR, 1) || slices.Contains(p.Replicas, 2) || slices.Contains(p.Replicas, 3) {
			t.Errorf("partition %d: %+v", i, p)
		}
	}
}
