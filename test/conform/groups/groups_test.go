// Package groups compares the answers of the group APIs, byte by byte after
// decoding, with those of Apache Kafka: a script of raw requests, whose answers
// were recorded from Apache Kafka 4.3.1.
package groups

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/headracetest"
)

// To record: a fresh broker with group.initial.rebalance.delay.ms=0 and
// offsets.topic.num.partitions=1, then go test ./test/conform/groups -kafka host:port.
var kafkaAddr = flag.String("kafka", "", "record the answers of the Apache Kafka broker at `host:port`")

const goldenFile = "testdata/kafka.txt"

func TestAnswersLikeKafka(t *testing.T) {
	if *kafkaAddr != "" {
		s := newScript(t, *kafkaAddr)
		s.run()
		if err := os.WriteFile(goldenFile, []byte(s.out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b := headracetest.New(t, headracetest.WithProperty("group.initial.rebalance.delay.ms", "0"),
		headracetest.WithProperty("offsets.topic.num.partitions", "1"))
	s := newScript(t, b.Addr())
	s.run()
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(s.out.String(), "\n")); diff != "" {
		t.Errorf("answers differ from Apache Kafka's (-Kafka +Headrace):\n%s", diff)
	}
}

// script sends requests and writes down the answers.
type script struct {
	t       *testing.T
	addr    string
	out     strings.Builder
	main    *conn
	members map[string]string // member id → its short name
	topicID [16]byte
}

type conn struct {
	t    *testing.T
	c    net.Conn
	corr int32
}

func newScript(t *testing.T, addr string) *script {
	return &script{t: t, addr: addr, main: dial(t, addr), members: map[string]string{}}
}

func dial(t *testing.T, addr string) *conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &conn{t: t, c: c}
}

func (c *conn) send(req kmsg.Request) {
	c.corr++
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("c"))
	if _, err := c.c.Write(f.AppendRequest(nil, req, c.corr)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *conn) receive(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	_ = c.c.SetReadDeadline(time.Now().Add(2 * time.Minute))
	var size [4]byte
	if _, err := io.ReadFull(c.c, size[:]); err != nil {
		c.t.Fatalf("%T v%d: %v", req, req.GetVersion(), err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.c, body); err != nil {
		c.t.Fatal(err)
	}
	if got := int32(binary.BigEndian.Uint32(body)); got != c.corr {
		c.t.Fatalf("correlation id %d, want %d", got, c.corr)
	}
	body = body[4:]
	if req.IsFlexible() {
		body = body[1:]
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatalf("%T v%d: %v", req, req.GetVersion(), err)
	}
	return resp
}

// title begins a part of the script.
func (s *script) title(format string, args ...any) {
	fmt.Fprintf(&s.out, "\n# "+format+"\n", args...)
}

// do sends req at the version and writes the answer down.
func (s *script) do(version int16, req kmsg.Request) kmsg.Response { return s.on(s.main, version, req) }

func (s *script) on(c *conn, version int16, req kmsg.Request) kmsg.Response {
	s.t.Helper()
	req.SetVersion(version)
	c.send(req)
	resp := c.receive(req)
	s.write(resp)
	return resp
}

func (s *script) write(resp kmsg.Response) {
	raw, err := json.Marshal(resp)
	if err != nil {
		s.t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		s.t.Fatal(err)
	}
	raw, err = json.Marshal(clean(v))
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(&s.out, "%s v%d %s\n", kmsg.NameForKey(resp.Key()), resp.GetVersion(), s.short(string(raw)))
}

// clean drops what says nothing.
func clean(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range []string{"UnknownTags", "Version", "ThrottleMillis", "TopicID"} {
			delete(v, k)
		}
		for k := range v {
			v[k] = clean(v[k])
		}
	case []any:
		for i := range v {
			v[i] = clean(v[i])
		}
	}
	return v
}

var memberID = regexp.MustCompile(`[a-z0-9]+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// short names member ids by the order in which they appear.
func (s *script) short(text string) string {
	return memberID.ReplaceAllStringFunc(text, func(id string) string {
		if s.members[id] == "" {
			s.members[id] = fmt.Sprintf("member%d", len(s.members)+1)
		}
		return s.members[id]
	})
}

func ptr[T any](v T) *T { return &v }

func (s *script) join(group, member string, instance *string, protocols ...string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID = group, member, instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 60_000, 60_000, "consumer"
	for _, p := range protocols {
		m := kmsg.NewConsumerMemberMetadata()
		m.Topics = []string{"subscribed"}
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: m.AppendTo(nil)})
	}
	return req
}

func (s *script) sync(group, member string, generation int32, assign ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	req.ProtocolType, req.Protocol = ptr("consumer"), ptr("range")
	for _, m := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m, MemberAssignment: []byte{1, 2}})
	}
	return req
}

func (s *script) heartbeat(group, member string, generation int32) *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	return req
}

func (s *script) leave(group, member string, instance *string) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: member, InstanceID: instance}}
	return req
}

func (s *script) describe(groups ...string) *kmsg.DescribeGroupsRequest {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = groups
	return req
}

func (s *script) commit(group, member string, generation int32, topic string, partition int32, offset int64, metadata *string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = topic
	if topic == "t" {
		t.TopicID = s.topicID
	}
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = partition, offset, 3, metadata
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func (s *script) fetch(group string, stable bool, topics ...string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, stable
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	for _, topic := range topics {
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: topic, Partitions: []int32{0, 1}})
		t := kmsg.OffsetFetchRequestGroupTopic{Topic: topic, Partitions: []int32{0, 1}}
		if topic == "t" {
			t.TopicID = s.topicID
		} else {
			t.TopicID[3] = 9
		}
		g.Topics = append(g.Topics, t)
	}
	req.Groups = append(req.Groups, g)
	return req
}

func (s *script) deleteGroups(groups ...string) *kmsg.DeleteGroupsRequest {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = groups
	return req
}

func (s *script) deleteOffsets(group string, topics ...string) *kmsg.OffsetDeleteRequest {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = group
	for _, t := range topics {
		req.Topics = append(req.Topics, kmsg.OffsetDeleteRequestTopic{Topic: t, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 7}}})
	}
	return req
}
