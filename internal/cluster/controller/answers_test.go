package controller

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

var capture = flag.String("capture", "", "address of an Apache Kafka 4.3.1 with the single, fresh node 1: ask it instead, and record its answers")

const answersFile = "testdata/kafka/admin-answers.txt"

// conversation is what is asked, in this order, of a cluster whose only broker
// is 1. Configs are only such as this package knows about.
func conversation() []kmsg.Request {
	var out []kmsg.Request
	add := func(version int16, req kmsg.Request) {
		req.SetVersion(version)
		out = append(out, req)
	}
	create := func(topics ...kmsg.CreateTopicsRequestTopic) { add(7, createRequest(topics...)) }
	withConfig := func(name string, value *string) kmsg.CreateTopicsRequestTopic {
		t := topicRequest("c", 1, 1)
		t.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: name, Value: value}}
		return t
	}
	both := assigned("m", []int32{1})
	both.ReplicationFactor = 1
	count := assigned("m", []int32{1})
	count.NumPartitions = 1
	gap := assigned("m", []int32{1})
	gap.ReplicaAssignment[0].Partition = 1
	twice := assigned("m", []int32{1}, []int32{1})
	twice.ReplicaAssignment[1].Partition = 0
	for _, t := range []kmsg.CreateTopicsRequestTopic{
		topicRequest("a", 2, 1), topicRequest("a", 2, 1), topicRequest("b", -1, -1), topicRequest("with.dot", 1, 1),
		topicRequest("with_dot", 1, 1), topicRequest("", 1, 1), topicRequest(".", 1, 1), topicRequest("..", 1, 1),
		topicRequest("a b", 1, 1), topicRequest("é", 1, 1), topicRequest(strings.Repeat("x", 249), 1, 1),
		topicRequest(strings.Repeat("x", 250), 1, 1), topicRequest(strings.Repeat("é", 250), 1, 1),
		topicRequest("__cluster_metadata", 1, 1), topicRequest("r", 1, 0), topicRequest("r", 1, -2), topicRequest("r", 1, 2),
		topicRequest("p", 0, 1), topicRequest("p", -2, 1), topicRequest("p", 10_000, 1), topicRequest("p", 10_001, 1),
		both, count, gap, twice, assigned("m", []int32{}), assigned("m", []int32{9}), assigned("m", []int32{1, 1}),
		assigned("m", []int32{1}, []int32{1, 9}), assigned("m", []int32{1}, []int32{1}),
		withConfig("retention.ms", nil), withConfig("retention.ms", ptr("1000")),
	} {
		create(t)
	}
	create(topicRequest("d", 1, 1), topicRequest("e", 1, 1), topicRequest("d", 1, 1))
	validate := createRequest(topicRequest("v", 3, 1), topicRequest("a", 3, 1))
	validate.ValidateOnly = true
	add(7, validate)

	partitions := func(validate bool, topics ...kmsg.CreatePartitionsRequestTopic) {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.Topics, req.ValidateOnly = topics, validate
		add(3, req)
	}
	type more = kmsg.CreatePartitionsRequestTopic
	assign := func(replicas ...[]int32) []kmsg.CreatePartitionsRequestTopicAssignment {
		out := []kmsg.CreatePartitionsRequestTopicAssignment{}
		for _, r := range replicas {
			out = append(out, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: r})
		}
		return out
	}
	partitions(false, more{Topic: "zzz", Count: 2})
	partitions(false, more{Topic: "a", Count: 2})
	partitions(false, more{Topic: "a", Count: 1})
	partitions(true, more{Topic: "a", Count: 3})
	partitions(false, more{Topic: "a", Count: 3})
	partitions(false, more{Topic: "a", Count: 5, Assignment: assign([]int32{1})})
	partitions(false, more{Topic: "a", Count: 4, Assignment: assign([]int32{9})})
	partitions(false, more{Topic: "a", Count: 4, Assignment: assign([]int32{})})
	partitions(false, more{Topic: "a", Count: 4, Assignment: assign([]int32{1, 1})})
	partitions(false, more{Topic: "a", Count: 4, Assignment: assign([]int32{1})})

	incrementals := func(resources ...kmsg.IncrementalAlterConfigsRequestResource) {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Resources = resources
		add(1, req)
	}
	topic, broker, group := kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeGroupConfig
	for _, r := range []kmsg.IncrementalAlterConfigsRequestResource{
		incremental(topic, "a", configChange{"retention.ms", opSet, ptr("1000")}),
		incremental(topic, "a", configChange{"cleanup.policy", opAppend, ptr("compact")}),
		incremental(topic, "a", configChange{"cleanup.policy", opSubtract, ptr("compact")}),
		incremental(topic, "a", configChange{"retention.ms", opAppend, ptr("1")}),
		incremental(topic, "a", configChange{"retention.ms", opSubtract, ptr("1")}),
		incremental(topic, "a", configChange{"retention.ms", opSet, nil}),
		incremental(topic, "a", configChange{"retention.ms", opSet, nil}, configChange{"retention.bytes", opAppend, nil}),
		incremental(topic, "a", configChange{"retention.ms", opDelete, nil}),
		incremental(topic, "a", configChange{"retention.ms", opSet, ptr("1")}, configChange{"retention.ms", opDelete, nil}),
		incremental(topic, "zzz", configChange{"retention.ms", opSet, ptr("1")}),
		incremental(topic, "", configChange{"retention.ms", opSet, ptr("1")}),
		incremental(topic, "a b", configChange{"retention.ms", opSet, ptr("1")}),
		incremental(broker, "", configChange{"min.insync.replicas", opDelete, nil}),
		incremental(broker, "1", configChange{"min.insync.replicas", opSet, ptr("2")}),
		incremental(broker, "", configChange{"min.insync.replicas", opSet, ptr("1")}),
		incremental(group, "", configChange{"consumer.session.timeout.ms", opSet, ptr("50000")}),
	} {
		incrementals(r)
	}
	set := configChange{"retention.ms", opSet, ptr("1000")}
	incrementals(incremental(topic, "a", set), incremental(topic, "b", set), incremental(topic, "a", set))

	elections := func(kind int8, name string, partitions ...int32) {
		req := kmsg.NewPtrElectLeadersRequest()
		req.ElectionType, req.Topics = kind, []kmsg.ElectLeadersRequestTopic{{Topic: name, Partitions: partitions}}
		add(2, req)
	}
	elections(0, "a", 0, 9)
	elections(1, "a", 0)
	elections(0, "zzz", 0)
	all := kmsg.NewPtrElectLeadersRequest()
	all.Topics = nil
	add(2, all)

	type features = []kmsg.UpdateFeaturesRequestFeatureUpdate
	for _, f := range []features{
		{{Feature: "group.version", MaxVersionLevel: 0, UpgradeType: upgrade}},
		{{Feature: "group.version", MaxVersionLevel: 2, UpgradeType: upgrade}},
		{{Feature: "nonsense", MaxVersionLevel: 1, UpgradeType: upgrade}},
		{{Feature: "metadata.version", MaxVersionLevel: 29, UpgradeType: safeDowngrade}},
		{{Feature: "metadata.version", MaxVersionLevel: 29, UpgradeType: unsafeDowngrade}},
		{{Feature: "metadata.version", MaxVersionLevel: 6, UpgradeType: safeDowngrade}},
		{{Feature: "metadata.version", MaxVersionLevel: 31, UpgradeType: upgrade}},
		{{Feature: "metadata.version", MaxVersionLevel: 30, UpgradeType: upgrade}},
		{{Feature: "transaction.version", MaxVersionLevel: 1, UpgradeType: safeDowngrade}},
		{{Feature: "transaction.version", MaxVersionLevel: 2, UpgradeType: safeDowngrade}},
		{{Feature: "transaction.version", MaxVersionLevel: 2, UpgradeType: upgrade}},
		{{Feature: "transaction.version", MaxVersionLevel: -1, UpgradeType: upgrade}},
	} {
		for _, version := range []int16{1, 2} {
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.FeatureUpdates, req.TimeoutMillis = f, 10_000
			add(version, req)
		}
	}

	moves := func(name string, partition int32, allow bool, replicas []int32) {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		req.AllowReplicationFactorChange = allow
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: name, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}},
		}}
		add(1, req)
	}
	moves("zzz", 0, true, []int32{1})
	moves("a", 9, true, []int32{1})
	moves("a", 0, true, nil)
	moves("a", 0, true, []int32{1})
	moves("a", 0, true, []int32{9})
	moves("a", 0, true, []int32{})
	moves("a", 0, false, []int32{1, 1})
	add(0, kmsg.NewPtrListPartitionReassignmentsRequest())
	unregister := kmsg.NewPtrUnregisterBrokerRequest()
	unregister.BrokerID = 7
	add(0, unregister)

	deletes := func(topics ...kmsg.DeleteTopicsRequestTopic) {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Topics = topics
		add(6, req)
	}
	deletes(kmsg.DeleteTopicsRequestTopic{Topic: ptr("zzz")})
	deletes(kmsg.DeleteTopicsRequestTopic{TopicID: [16]byte{1, 2}})
	deletes(kmsg.DeleteTopicsRequestTopic{})
	deletes(kmsg.DeleteTopicsRequestTopic{Topic: ptr("a"), TopicID: [16]byte{1, 2}})
	deletes(kmsg.DeleteTopicsRequestTopic{Topic: ptr("a")}, kmsg.DeleteTopicsRequestTopic{Topic: ptr("a")})
	deletes(kmsg.DeleteTopicsRequestTopic{Topic: ptr("a")})
	byName := kmsg.NewPtrDeleteTopicsRequest()
	byName.TopicNames = []string{"b", "zzz"}
	add(5, byName)
	return out
}

// TestAnswersAsKafka holds that each answer of the conversation is Kafka's.
func TestAnswersAsKafka(t *testing.T) {
	requests := conversation()
	if *capture != "" {
		captureAnswers(t, requests)
	}
	raw, err := os.ReadFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(want) != len(requests) {
		t.Fatalf("%d answers are recorded, %d requests are made: capture again", len(want), len(requests))
	}
	w := newClusterWith(t, 2, Config{NodeID: 1, Schema: fakeSchema{}})
	w.apply([]metadata.Record{&metadata.UnregisterBrokerRecord{BrokerEpoch: 10}})
	for i, req := range requests {
		got := transcript(t, w.handle(req))
		if d := cmp.Diff(want[i], got); d != "" {
			raw, _ := json.Marshal(req)
			t.Errorf("%s %.300s (-Kafka +here):\n%s", kmsg.NameForKey(req.Key()), raw, d)
		}
	}
}

// transcript gives an answer as one line, without what differs from run to run:
// ids, times, the order of deleted topics and configs of topics.
func transcript(t *testing.T, resp kmsg.Response) string {
	t.Helper()
	switch resp := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for i := range resp.Topics {
			resp.Topics[i].TopicID, resp.Topics[i].Configs = [16]byte{}, nil
		}
	case *kmsg.ElectLeadersResponse:
		slices.SortFunc(resp.Topics, func(a, b kmsg.ElectLeadersResponseTopic) int { return strings.Compare(a.Topic, b.Topic) })
	case *kmsg.DeleteTopicsResponse:
		slices.SortFunc(resp.Topics, func(a, b kmsg.DeleteTopicsResponseTopic) int {
			return strings.Compare(fmt.Sprint(a.ErrorCode), fmt.Sprint(b.ErrorCode))
		})
		for i := range resp.Topics {
			if resp.Topics[i].TopicID != [16]byte{1, 2} {
				resp.Topics[i].TopicID = [16]byte{}
			}
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		slices.SortStableFunc(resp.Resources, func(a, b kmsg.IncrementalAlterConfigsResponseResource) int {
			return strings.Compare(a.ResourceName, b.ResourceName)
		})
	}
	v := reflect.ValueOf(resp).Elem()
	for _, name := range []string{"ThrottleMillis", "UnknownTags"} {
		if f := v.FieldByName(name); f.IsValid() {
			f.SetZero()
		}
	}
	raw, err := json.Marshal(resp)
	if err != nil {
		t.Fatal(err)
	}
	return kmsg.NameForKey(resp.Key()) + " " + strings.ReplaceAll(string(raw), `,"UnknownTags":{}`, "")
}

// captureAnswers asks Kafka, and records what it says.
func captureAnswers(t *testing.T, requests []kmsg.Request) {
	t.Helper()
	conn, err := net.Dial("tcp", *capture)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	var out strings.Builder
	for i, req := range requests {
		if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, int32(i))); err != nil {
			t.Fatal(err)
		}
		var size int32
		if err := binary.Read(in, binary.BigEndian, &size); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(in, frame); err != nil {
			t.Fatal(err)
		}
		resp := req.ResponseKind()
		resp.SetVersion(req.GetVersion())
		header := 4
		if resp.IsFlexible() {
			header++
		}
		if err := resp.ReadFrom(frame[header:]); err != nil {
			t.Fatalf("%s: %v", kmsg.NameForKey(req.Key()), err)
		}
		fmt.Fprintln(&out, transcript(t, resp))
	}
	if err := os.WriteFile(answersFile, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
