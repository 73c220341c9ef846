package headrace

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func topicNamed(name string, partitions int32, replicas int16) kmsg.CreateTopicsRequestTopic {
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = name, partitions, replicas
	return ct
}

// TestHostileCreateTopics has rows 66 to 78 of the list of hostile inputs.
func TestHostileCreateTopics(t *testing.T) {
	c := wireNode(t, "h", 1)
	for _, tc := range []struct {
		row    string
		topics []kmsg.CreateTopicsRequestTopic
		want   *kerr.Error
	}{
		{"66 .", []kmsg.CreateTopicsRequestTopic{topicNamed(".", 1, 1)}, kerr.InvalidTopicException},
		{"67 ..", []kmsg.CreateTopicsRequestTopic{topicNamed("..", 1, 1)}, kerr.InvalidTopicException},
		{"68 empty", []kmsg.CreateTopicsRequestTopic{topicNamed("", 1, 1)}, kerr.InvalidTopicException},
		{"69 a/b", []kmsg.CreateTopicsRequestTopic{topicNamed("a/b", 1, 1)}, kerr.InvalidTopicException},
		{"70 250 times a", []kmsg.CreateTopicsRequestTopic{topicNamed(strings.Repeat("a", 250), 1, 1)}, kerr.InvalidTopicException},
		{"71 a NUL b", []kmsg.CreateTopicsRequestTopic{topicNamed("a\x00b", 1, 1)}, kerr.InvalidTopicException},
		{"72 é", []kmsg.CreateTopicsRequestTopic{topicNamed("é", 1, 1)}, kerr.InvalidTopicException},
		{"74 no partitions", []kmsg.CreateTopicsRequestTopic{topicNamed("n", 0, 1)}, kerr.InvalidPartitions},
		{"75 2^31-1 partitions", []kmsg.CreateTopicsRequestTopic{topicNamed("n", math.MaxInt32, 1)}, kerr.PolicyViolation},
		{"76 20,000 partitions", []kmsg.CreateTopicsRequestTopic{topicNamed("n", 20_000, 1)}, kerr.PolicyViolation},
		{"77 replication factor 32767", []kmsg.CreateTopicsRequestTopic{topicNamed("n", 1, math.MaxInt16)}, kerr.InvalidReplicationFactor},
		{"77 replication factor 0", []kmsg.CreateTopicsRequestTopic{topicNamed("n", 1, 0)}, kerr.InvalidReplicationFactor},
		{"78 twice in one request", []kmsg.CreateTopicsRequestTopic{topicNamed("n", 1, 1), topicNamed("n", 1, 1)}, kerr.InvalidRequest},
		{"249 times a is the longest", []kmsg.CreateTopicsRequestTopic{topicNamed(strings.Repeat("a", 249), 1, 1)}, nil},
	} {
		t.Run(tc.row, func(t *testing.T) {
			c.t = t
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Topics, req.TimeoutMillis = tc.topics, 10_000
			resp := ask[*kmsg.CreateTopicsResponse](c, req, 7)
			if len(resp.Topics) == 0 {
				t.Fatal("no answer for the topic")
			}
			want := int16(0)
			if tc.want != nil {
				want = tc.want.Code
			}
			for _, topic := range resp.Topics {
				if topic.ErrorCode != want {
					t.Errorf("code %d, want %d", topic.ErrorCode, want)
				}
				if want != 0 && (topic.ErrorMessage == nil || *topic.ErrorMessage == "") {
					t.Error("the error says nothing")
				}
			}
		})
	}
}

// TestHostileInternalTopic is row 73: a client may create __consumer_offsets, as
// Kafka's own tools do, but gets the internal topic's own partitions and configs.
func TestHostileInternalTopic(t *testing.T) {
	c := wireNode(t, "h", 1)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, topicNamed("__consumer_offsets", 3, 1)), 10_000
	resp := ask[*kmsg.CreateTopicsResponse](c, req, 7)
	if got := resp.Topics[0]; got.ErrorCode != 0 || got.NumPartitions != 50 {
		t.Fatalf("code %d, %d partitions", got.ErrorCode, got.NumPartitions)
	}
	configs := map[string]string{}
	for _, cfg := range resp.Topics[0].Configs {
		if cfg.Value != nil {
			configs[cfg.Name] = *cfg.Value
		}
	}
	for key, want := range map[string]string{"cleanup.policy": "compact", "segment.bytes": "104857600"} {
		if configs[key] != want {
			t.Errorf("%s is %q, want %q", key, configs[key], want)
		}
	}
}

// TestHostileFetch has rows 79 to 81 of the list of hostile inputs.
func TestHostileFetch(t *testing.T) {
	c := wireNode(t, "h", 1)
	ask[*kmsg.ProduceResponse](c, produceRequest("h", 0, -1, batchOf(t, "x")), 9)
	for _, tc := range []struct {
		row  string
		bend func(*kmsg.FetchRequest)
		want *kerr.Error
		top  bool // the error is the whole request's
	}{
		{"79 offset -5", func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].FetchOffset = -5 }, kerr.OffsetOutOfRange, false},
		{"79 offset 2^62", func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].FetchOffset = 1 << 62 }, kerr.OffsetOutOfRange, false},
		{"79 unknown session", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 4711, 3 }, kerr.FetchSessionIDNotFound, true},
		{"80 leader epoch 99", func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].CurrentLeaderEpoch = 99 }, kerr.UnknownLeaderEpoch, false},
		{"80 max bytes -1", func(r *kmsg.FetchRequest) { r.MaxBytes = -1 }, kerr.InvalidRequest, true},
		{"81 isolation 9", func(r *kmsg.FetchRequest) { r.IsolationLevel = 9 }, kerr.InvalidRequest, true},
	} {
		t.Run(tc.row, func(t *testing.T) {
			c.t = t
			req := fetchRequest("h", 0, 0, 0)
			tc.bend(req)
			resp := ask[*kmsg.FetchResponse](c, req, 12)
			got := resp.ErrorCode
			if !tc.top && got == 0 && len(resp.Topics) == 1 {
				got = resp.Topics[0].Partitions[0].ErrorCode
			}
			if got != tc.want.Code {
				t.Errorf("code %d, want %d", got, tc.want.Code)
			}
		})
	}
}

// TestHostileLongPoll is row 83: a fetch that wants two gigabytes and has 24 days
// is bounded by us, and holds nobody up meanwhile; it is answered when the
// partition's own limit is met.
func TestHostileLongPoll(t *testing.T) {
	c := wireNode(t, "h", 1)
	req := fetchRequest("h", 0, 0, math.MaxInt32)
	req.MinBytes = math.MaxInt32
	req.SetVersion(12)
	c.send(req)
	other := dialWire(t, c.conn.RemoteAddr().String())
	for range 10 {
		p := ask[*kmsg.ProduceResponse](other, produceRequest("h", 0, -1, batchOf(t, "x")), 9).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatalf("code %d while a fetch waits", p.ErrorCode)
		}
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the fetch was answered before it had what it wants")
	}
}

// TestHostileJoin has rows 84 and 85 of the list of hostile inputs.
func TestHostileJoin(t *testing.T) {
	c := wireNode(t, "h", 1)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{"g"}
	for { // the first question creates __consumer_offsets
		resp := ask[*kmsg.FindCoordinatorResponse](c, find, 4)
		if resp.Coordinators[0].ErrorCode == 0 {
			break
		}
	}
	for _, tc := range []struct {
		row     string
		group   string
		member  string
		session int32
		want    *kerr.Error
	}{
		{"84 empty group", "", "", 10_000, kerr.InvalidGroupID},
		{"84 session 0", "g", "", 0, kerr.InvalidSessionTimeout},
		{"85 session 2^31-1", "g", "", math.MaxInt32, kerr.InvalidSessionTimeout},
		{"85 unknown member", "g", "nobody", 10_000, kerr.UnknownMemberID},
	} {
		t.Run(tc.row, func(t *testing.T) {
			c.t = t
			req := kmsg.NewPtrJoinGroupRequest()
			req.Group, req.MemberID, req.ProtocolType = tc.group, tc.member, "consumer"
			req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = tc.session, 10_000
			p := kmsg.NewJoinGroupRequestProtocol()
			p.Name, p.Metadata = "range", []byte{0, 0, 0, 0, 0, 0}
			req.Protocols = append(req.Protocols, p)
			code := kerr.CoordinatorLoadInProgress.Code
			for code == kerr.CoordinatorLoadInProgress.Code || code == kerr.NotCoordinator.Code {
				code = ask[*kmsg.JoinGroupResponse](c, req, 9).ErrorCode
			}
			if code != tc.want.Code {
				t.Errorf("code %d, want %d", code, tc.want.Code)
			}
		})
	}
}
