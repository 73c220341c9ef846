package headrace

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/config"
)

// The answers in this file are those of Apache Kafka 4.3.1 to the same bytes.

// codeOf names a code, for messages that can be read.
func codeOf(code int16) string {
	if err := kerr.TypedErrorForCode(code); err != nil {
		return err.Message
	}
	return ""
}

// FetchManager.newContext: the epoch alone says that a request is incremental.
func TestIncrementalFetchWithoutASession(t *testing.T) {
	c := wireNode(t, "nosession", 1)
	for _, epoch := range []int32{1, 7, -2} {
		req := fetchRequest("nosession", 0, 0, 0)
		req.SessionEpoch = epoch
		resp := ask[*kmsg.FetchResponse](c, req, 12)
		if got := codeOf(resp.ErrorCode); got != "FETCH_SESSION_ID_NOT_FOUND" || len(resp.Topics) != 0 || resp.SessionID != 0 {
			t.Errorf("epoch %d: %q, session %d, %d topics", epoch, got, resp.SessionID, len(resp.Topics))
		}
	}
}

// A session whose last partition is forgotten ends.
func TestForgettingEverythingEndsTheSession(t *testing.T) {
	c := wireNode(t, "forget", 1)
	full := fetchRequest("forget", 0, 0, 0)
	full.SessionEpoch = 0
	id := ask[*kmsg.FetchResponse](c, full, 12).SessionID
	if id == 0 {
		t.Fatal("no session")
	}
	forget := fetchRequest("forget", 0, 0, 0)
	forget.Topics, forget.SessionID, forget.SessionEpoch = nil, id, 1
	forget.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "forget", Partitions: []int32{0}}}
	if resp := ask[*kmsg.FetchResponse](c, forget, 12); resp.ErrorCode != 0 || resp.SessionID != 0 || len(resp.Topics) != 0 {
		t.Errorf("forgotten: %q, session %d, %d topics", codeOf(resp.ErrorCode), resp.SessionID, len(resp.Topics))
	}
	forget.SessionEpoch = 2
	if resp := ask[*kmsg.FetchResponse](c, forget, 12); codeOf(resp.ErrorCode) != "FETCH_SESSION_ID_NOT_FOUND" {
		t.Errorf("afterwards: %q", codeOf(resp.ErrorCode))
	}
}

// FetchRequest.fetchData: a partition that is named again is answered once, in
// its first place, for what it was asked last.
func TestRepeatedFetchPartitionIsAnsweredOnce(t *testing.T) {
	c := wireNode(t, "twice", 2)
	for range 2 {
		ask[*kmsg.ProduceResponse](c, produceRequest("twice", 0, -1, batchOf(t, "x")), 9)
	}
	req := fetchRequest("twice", 0, 0, 0)
	again, other := req.Topics[0].Partitions[0], req.Topics[0].Partitions[0]
	again.FetchOffset, other.Partition = 1, 1
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, other, again)
	repeated := req.Topics[0]
	repeated.Partitions = repeated.Partitions[2:]
	req.Topics = append(req.Topics, repeated)
	for _, epoch := range []int32{-1, 0} {
		req.SessionEpoch = epoch
		resp := ask[*kmsg.FetchResponse](c, req, 12)
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 {
			t.Fatalf("epoch %d: %+v", epoch, resp.Topics)
		}
		first, second := resp.Topics[0].Partitions[0], resp.Topics[0].Partitions[1]
		if want := len(batchOf(t, "x")); first.Partition != 0 || second.Partition != 1 || len(first.RecordBatches) != want {
			t.Errorf("epoch %d: partitions %d, %d with %d bytes, want %d", epoch, first.Partition, second.Partition, len(first.RecordBatches), want)
		}
	}
}

// A replica that this broker does not know gets its answer for each partition.
func TestFetchOfAnUnknownReplica(t *testing.T) {
	c := wireNode(t, "replica", 1)
	ask[*kmsg.ProduceResponse](c, produceRequest("replica", 0, -1, batchOf(t, "x")), 9)
	req := fetchRequest("replica", 0, 0, 0)
	absent := req.Topics[0].Partitions[0]
	absent.Partition = 5
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, absent)
	for _, version := range []int16{4, 12} {
		for _, replica := range []int32{1, 9} {
			req.ReplicaID = replica
			resp := ask[*kmsg.FetchResponse](c, req, version)
			what := fmt.Sprintf("v%d, replica %d", version, replica)
			if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 {
				t.Fatalf("%s: %q %+v", what, codeOf(resp.ErrorCode), resp.Topics)
			}
			for i, want := range []string{"NOT_LEADER_FOR_PARTITION", "UNKNOWN_TOPIC_OR_PARTITION"} {
				p := resp.Topics[0].Partitions[i]
				if codeOf(p.ErrorCode) != want || p.HighWatermark != -1 || len(p.RecordBatches) > 0 {
					t.Errorf("%s, partition %d: %q, high watermark %d", what, p.Partition, codeOf(p.ErrorCode), p.HighWatermark)
				}
			}
		}
	}
}

// Aborted transactions are a list where the topic or partition is not known,
// whatever the isolation level, and null where reading failed.
func TestAbortedTransactionsOfFailedPartitions(t *testing.T) {
	c := wireNode(t, "aborted", 1)
	for _, level := range []int8{0, 1} {
		for _, tc := range []struct {
			what      string
			topic     string
			partition int32
			from      int64
			epoch     int32
			code      string
			null      bool
		}{
			{"data", "aborted", 0, 0, -1, "", level == 0},
			{"no such topic", "nope", 0, 0, -1, "UNKNOWN_TOPIC_OR_PARTITION", false},
			{"no such partition", "aborted", 7, 0, -1, "UNKNOWN_TOPIC_OR_PARTITION", false},
			{"out of range", "aborted", 0, 99, -1, "OFFSET_OUT_OF_RANGE", true},
			{"unknown epoch", "aborted", 0, 0, 99, "UNKNOWN_LEADER_EPOCH", true},
		} {
			req := fetchRequest(tc.topic, tc.partition, tc.from, 0)
			req.IsolationLevel = level
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = tc.epoch
			p := ask[*kmsg.FetchResponse](c, req, 12).Topics[0].Partitions[0]
			if codeOf(p.ErrorCode) != tc.code || (p.AbortedTransactions == nil) != tc.null || len(p.AbortedTransactions) > 0 {
				t.Errorf("isolation level %d, %s: %q, aborted %#v", level, tc.what, codeOf(p.ErrorCode), p.AbortedTransactions)
			}
		}
	}
}

// AuthHelper.computeDescribeClusterResponse: an error leaves every other field
// at its default.
func TestDescribeClusterOfTheWrongEndpoint(t *testing.T) {
	c := wireNode(t, "endpoint", 1)
	for _, tc := range []struct {
		asked int8
		code  string
		text  string
	}{
		{2, "MISMATCHED_ENDPOINT_TYPE", "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"},
		{3, "UNSUPPORTED_ENDPOINT_TYPE", "Unsupported endpoint type 3"},
	} {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.EndpointType, req.IncludeClusterAuthorizedOperations = tc.asked, true
		resp := ask[*kmsg.DescribeClusterResponse](c, req, 1)
		text := "null"
		if resp.ErrorMessage != nil {
			text = *resp.ErrorMessage
		}
		if codeOf(resp.ErrorCode) != tc.code || text != tc.text {
			t.Errorf("endpoint type %d: %q %q", tc.asked, codeOf(resp.ErrorCode), text)
		}
		if resp.EndpointType != 1 || resp.ClusterID != "" || resp.ControllerID != -1 || len(resp.Brokers) > 0 || resp.ClusterAuthorizedOperations != -1<<31 {
			t.Errorf("endpoint type %d: %+v", tc.asked, resp)
		}
	}
}

const (
	setOp      = kmsg.IncrementalAlterConfigOpSet
	deleteOp   = kmsg.IncrementalAlterConfigOpDelete
	appendOp   = kmsg.IncrementalAlterConfigOpAppend
	subtractOp = kmsg.IncrementalAlterConfigOpSubtract
)

// ConfigAdminManager.preprocess: what the broker refuses before the controller
// looks at it.
func TestIncrementalAlterConfigsOfBrokers(t *testing.T) {
	c := wireNode(t, "configs", 1)
	broker, logger := kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger
	for _, tc := range []struct {
		resource kmsg.ConfigResourceType
		name     string
		key      string
		op       kmsg.IncrementalAlterConfigOp
		value    string
		code     string
		text     string
	}{
		{broker, "9", "log.cleaner.threads", setOp, "1", "INVALID_REQUEST", "Unexpected broker id, expected 1, but received 9"},
		{broker, "9", "log.cleaner.threads", appendOp, "1", "INVALID_REQUEST", "Unexpected broker id, expected 1, but received 9"},
		{broker, "-1", "log.cleaner.threads", setOp, "1", "INVALID_REQUEST", "Unexpected broker id, expected 1, but received -1"},
		{broker, "x", "log.cleaner.threads", setOp, "1", "INVALID_REQUEST", "Node id must be an integer, but it is: x"},
		{broker, "1", "log.cleaner.threads", appendOp, "1", "INVALID_CONFIG", "Config value append is not allowed for config key: log.cleaner.threads"},
		{broker, "1", "log.cleaner.threads", subtractOp, "1", "INVALID_CONFIG", "Config value subtract is not allowed for config key: log.cleaner.threads"},
		{broker, "1", "min.insync.replicas", setOp, "0", "INVALID_REQUEST", "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
		{broker, "1", "min.insync.replicas", setOp, "1", "INVALID_CONFIG", "Broker-level min.insync.replicas cannot be altered while ELR is enabled."},
		{broker, "", "num.partitions", setOp, "2", "INVALID_REQUEST", "Cannot update these configs dynamically: [num.partitions]"},
		{broker, "1", "log.cleaner.threads", setOp, "x", "INVALID_REQUEST", "Invalid value x for configuration log.cleaner.threads: Not a number of type INT"},
		{logger, "1", "no.such.logger", setOp, "INFO", "INVALID_CONFIG", "Logger no.such.logger does not exist!"},
		{logger, "1", "no.such.logger", deleteOp, "", "INVALID_CONFIG", "Logger no.such.logger does not exist!"},
		{logger, "1", "root", setOp, "LOUD", "INVALID_CONFIG", "Cannot set the log level of root to LOUD as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"},
		{logger, "1", "root", deleteOp, "", "INVALID_REQUEST", "Removing the log level of the root logger is not allowed"},
		{logger, "1", "root", appendOp, "INFO", "INVALID_REQUEST", "APPEND operation is not allowed for the BROKER_LOGGER resource"},
		{logger, "1", "root", subtractOp, "INFO", "INVALID_REQUEST", "SUBTRACT operation is not allowed for the BROKER_LOGGER resource"},
		{logger, "9", "root", setOp, "INFO", "INVALID_REQUEST", "Unexpected node id. Expected 1, but received 9"},
		{logger, "", "root", setOp, "INFO", "INVALID_REQUEST", "Node id must be an integer, but it is: "},
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = tc.resource, tc.name
		change := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: tc.key, Op: tc.op, Value: &tc.value}
		r.Configs = append(r.Configs, change)
		req.Resources, req.ValidateOnly = append(req.Resources, r), true
		got := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources[0]
		checkConfigAnswer(t, fmt.Sprintf("%v %q, op %d of %s=%s", tc.resource, tc.name, tc.op, tc.key, tc.value), got.ErrorCode, got.ErrorMessage, tc.code, tc.text)
	}
}

func TestDescribeConfigsOfAnotherNode(t *testing.T) {
	c := wireNode(t, "described", 1)
	for _, tc := range []struct {
		resource kmsg.ConfigResourceType
		name     string
		text     string
	}{
		{kmsg.ConfigResourceTypeBroker, "9", "Unexpected broker id, expected 1 or empty string, but received 9"},
		{kmsg.ConfigResourceTypeBroker, "x", "Broker id must be an integer, but it is: x"},
		{kmsg.ConfigResourceTypeBrokerLogger, "9", "Unexpected broker id, expected 1 but received 9"},
		{kmsg.ConfigResourceTypeBrokerLogger, "", "Broker id must not be empty"},
		{kmsg.ConfigResourceTypeGroupConfig, "", "Group name must not be empty"},
		{kmsg.ConfigResourceTypeClientMetrics, "", "Client metrics subscription name must not be empty"},
	} {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: tc.resource, ResourceName: tc.name}}
		got := ask[*kmsg.DescribeConfigsResponse](c, req, 4).Resources[0]
		checkConfigAnswer(t, fmt.Sprintf("%v %q", tc.resource, tc.name), got.ErrorCode, got.ErrorMessage, "INVALID_REQUEST", tc.text)
	}
}

func checkConfigAnswer(t *testing.T, what string, code int16, text *string, wantCode, wantText string) {
	t.Helper()
	got := ""
	if text != nil {
		got = *text
	}
	if codeOf(code) != wantCode || got != wantText {
		t.Errorf("%s:\n got %s %q\nwant %s %q", what, codeOf(code), got, wantCode, wantText)
	}
}

func TestAlterConfigsOfBrokers(t *testing.T) {
	c := wireNode(t, "legacy", 1)
	for _, tc := range []struct {
		resource kmsg.ConfigResourceType
		name     string
		key      string
		value    string
		code     string
		text     string
	}{
		{kmsg.ConfigResourceTypeBroker, "9", "log.cleaner.threads", "1", "INVALID_REQUEST", "Unexpected broker id, expected 1, but received 9"},
		{kmsg.ConfigResourceTypeBroker, "", "num.partitions", "2", "INVALID_REQUEST", "Cannot update these configs dynamically: [num.partitions]"},
		{kmsg.ConfigResourceTypeBroker, "1", "min.insync.replicas", "0", "INVALID_REQUEST", "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
		{kmsg.ConfigResourceTypeBroker, "", "log.cleaner.threads", "1", "INVALID_CONFIG", "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."},
		{kmsg.ConfigResourceTypeBrokerLogger, "1", "root", "INFO", "INVALID_REQUEST", "Unknown resource type 8"},
	} {
		req := kmsg.NewPtrAlterConfigsRequest()
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = tc.resource, tc.name
		r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: tc.key, Value: &tc.value})
		req.Resources, req.ValidateOnly = append(req.Resources, r), true
		got := ask[*kmsg.AlterConfigsResponse](c, req, 2).Resources[0]
		checkConfigAnswer(t, fmt.Sprintf("%v %q, %s=%s", tc.resource, tc.name, tc.key, tc.value), got.ErrorCode, got.ErrorMessage, tc.code, tc.text)
	}
}

// setClusterDefault changes a dynamic config of all brokers.
func setClusterDefault(t *testing.T, c *wireClient, key, value string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType = kmsg.ConfigResourceTypeBroker
	r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key, Op: setOp, Value: &value})
	req.Resources = append(req.Resources, r)
	got := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources[0]
	checkConfigAnswer(t, key+"="+value, got.ErrorCode, got.ErrorMessage, "", "")
}

// A topic follows the brokers' dynamic defaults from the answer on; with Kafka it
// does a moment later.
func TestDynamicDefaultHoldsAtOnce(t *testing.T) {
	c := wireNode(t, "dynamic", 1)
	produce := func() string {
		return codeOf(ask[*kmsg.ProduceResponse](c, produceRequest("dynamic", 0, -1, batchOf(t, "a record of some length")), 9).Topics[0].Partitions[0].ErrorCode)
	}
	for _, step := range []struct{ maxBytes, want string }{{"20", "MESSAGE_TOO_LARGE"}, {"1000", ""}} {
		setClusterDefault(t, c, "message.max.bytes", step.maxBytes)
		if got := produce(); got != step.want {
			t.Errorf("message.max.bytes=%s: %q", step.maxBytes, got)
		}
	}
}

// What docs/compat.md says to hold at once reaches the settings of topics.
func TestDynamicDefaultsReachTopics(t *testing.T) {
	c, err := config.FromMap(map[string]string{
		"process.roles": "broker,controller", "node.id": "1", "controller.listener.names": "CONTROLLER",
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "controller.quorum.voters": "1@127.0.0.1:9093",
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/compat.md")
	if err != nil {
		t.Fatal(err)
	}
	var line string
	for l := range strings.Lines(string(page)) {
		if strings.HasSuffix(strings.TrimSpace(l), "| at once |") {
			line = l
		}
	}
	values := map[string]string{
		"compression.type": "zstd", "log.cleanup.policy": "compact", "log.flush.before.ack": "false", "log.message.timestamp.type": "LogAppendTime",
		"compression.gzip.level": "3", "compression.lz4.level": "3", "compression.zstd.level": "5", "min.insync.replicas": "2",
	}
	codecs := map[string]string{"compression.gzip.level": "gzip", "compression.lz4.level": "lz4", "compression.zstd.level": "zstd"}
	told := strings.Count(line, "`") / 2
	for i := range told {
		key := strings.Split(line, "`")[2*i+1]
		if key == "unclean.leader.election.enable" {
			continue // the controller's alone
		}
		before := map[string]string{}
		if codec := codecs[key]; codec != "" {
			before["compression.type"] = codec
		}
		after := maps.Clone(before)
		after[key] = cmp.Or(values[key], "1048577")
		was, _ := c.WithDynamic(before, nil)
		is, warnings := c.WithDynamic(after, nil)
		if len(warnings) > 0 || reflect.DeepEqual(topicSettings(was.TopicDefaults()), topicSettings(is.TopicDefaults())) {
			t.Errorf("%s=%s changes nothing %v", key, after[key], warnings)
		}
	}
	if told < 20 {
		t.Errorf("docs/compat.md tells of %d configs", told)
	}
}
