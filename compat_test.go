package headrace

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// The compatibility cases, 46 of them, have each broken a broker that speaks Kafka's protocol,
// for the users of some client. A test of one names it: C and its number.

// laterCases are those whose APIs are not served yet.
var laterCases = map[string]string{
	"C09": "SASL", "C18": "transactions", "C23": "transactions", "C35": "KIP-848 groups",
	"C44": "reassignment", "C45": "transactions", "C46": "schema registry",
}

func TestEveryCompatibilityCaseHasATest(t *testing.T) {
	named := map[string]bool{}
	mention := regexp.MustCompile(`\bC[0-4][0-9]\b`)
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, id := range mention.FindAllString(string(b), -1) {
			named[id] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 46; n++ {
		id := fmt.Sprintf("C%02d", n)
		if _, later := laterCases[id]; !named[id] && !later {
			t.Errorf("%s has no test", id)
		}
	}
}

// raw sends a body and returns the bytes behind the correlation id of the answer.
func (c *wireClient) raw(key, version int16, body string) []byte {
	c.t.Helper()
	c.sendBody(key, version, body)
	return c.rawAnswer()
}

func (c *wireClient) rawAnswer() []byte {
	c.t.Helper()
	var head [8]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		c.t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		c.t.Fatal(err)
	}
	return body
}

// C02: the answer to ApiVersions has a header without tags, whatever its
// version, and compact arrays from version 3 on.
func TestApiVersionsKeepsItsOldHeader(t *testing.T) {
	c := wireNode(t, "t", 1)
	for v := int16(0); v <= 4; v++ {
		body := ""
		if v >= 3 {
			body = "\x02a\x021\x00"
		}
		b := c.raw(wire.APIVersions, v, body)
		if code := int16(binary.BigEndian.Uint16(b)); code != 0 {
			t.Fatalf("v%d: code %d", v, code)
		}
		count := int(binary.BigEndian.Uint32(b[2:]))
		if v >= 3 {
			count = int(b[2]) - 1
		}
		if count < 30 || count > 127 {
			t.Errorf("v%d: %d keys", v, count)
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.SetVersion(v)
		if err := resp.ReadFrom(b); err != nil || len(resp.ApiKeys) != count {
			t.Errorf("v%d: %d of %d keys, %v", v, len(resp.ApiKeys), count, err)
		}
	}
}

// C04: kafka-python still asks for Metadata v0 and v1; what KIP-896 has taken
// away ends the connection.
func TestOldVersionsAsInKafka4(t *testing.T) {
	c := wireNode(t, "t", 1)
	for v := int16(0); v <= 1; v++ {
		req := kmsg.NewPtrMetadataRequest()
		topic := "t"
		req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
		if resp := ask[*kmsg.MetadataResponse](c, req, v); len(resp.Topics) != 1 || resp.Topics[0].ErrorCode != 0 {
			t.Errorf("Metadata v%d: %+v", v, resp.Topics)
		}
	}
	for _, gone := range []struct{ key, version int16 }{{wire.Fetch, 3}, {wire.ListOffsets, 0}, {wire.OffsetFetch, 0}} {
		c := dialWire(t, c.conn.RemoteAddr().String())
		c.sendBody(gone.key, gone.version, strings.Repeat("\x00", 64))
		if !c.ended() {
			t.Errorf("key %d v%d was answered", gone.key, gone.version)
		}
	}
}

// C05: a header with an empty client id, or none, still has its byte of tags.
func TestHeaderWithoutClientID(t *testing.T) {
	c := wireNode(t, "t", 1)
	for _, id := range []string{"\xff\xff", "\x00\x00", "\x00\x02\xff\xfe"} {
		frame := []byte{0, 0, 0, 0, 0, 3, 0, 9, 0, 0, 0, 7} // Metadata v9
		frame = append(frame, id...)
		frame = append(frame, 0)             // tags of the header
		frame = append(frame, 0, 0, 0, 0, 0) // all topics, no creation, no operations, tags
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		if _, err := c.conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		resp := kmsg.NewPtrMetadataResponse()
		resp.SetVersion(9)
		if err := resp.ReadFrom(c.rawAnswer()[1:]); err != nil || len(resp.Brokers) != 1 {
			t.Errorf("client id %q: %d brokers, %v", id, len(resp.Brokers), err)
		}
	}
}

// C06: an answer has the fields of its version and no byte more.
func TestAnswersHaveTheFormOfTheirVersion(t *testing.T) {
	c := wireNode(t, "t", 1)
	ask[*kmsg.ProduceResponse](c, produceRequest("t", 0, -1, batchOf(t, "x")), 9)
	topic := "t"
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey, find.CoordinatorKeys = "g", []string{"g"}
	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t"}}
	cluster := kmsg.NewPtrDescribeClusterRequest()
	groups := kmsg.NewPtrListGroupsRequest()
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Protocol, sync.ProtocolType = "g", "nobody", &topic, &topic
	for _, tc := range []struct {
		req      kmsg.Request
		from, to int16
	}{
		{metadata, 0, 13},
		{produceRequest("t", 0, -1, batchOf(t, "y")), 3, 12},
		{fetchRequest("t", 0, 0, 0), 4, 12},
		{listOffsets("t", 0, -1), 1, 10},
		{find, 0, 6},
		{configs, 1, 4},
		{cluster, 0, 2},
		{groups, 0, 5},
		{sync, 0, 5},
		{kmsg.NewPtrApiVersionsRequest(), 0, 2},
	} {
		for v := tc.from; v <= tc.to; v++ {
			tc.req.SetVersion(v)
			c.send(tc.req)
			b := c.rawAnswer()
			resp := tc.req.ResponseKind()
			if resp.IsFlexible() {
				b = b[1:]
			}
			if err := resp.ReadFrom(b); err != nil {
				t.Errorf("%T v%d: %v", resp, v, err)
				continue
			}
			if again := resp.AppendTo(nil); string(again) != string(b) {
				t.Errorf("%T v%d: %d bytes were sent, its form has %d", resp, v, len(b), len(again))
			}
		}
	}
}

// C08: error codes are those of Kafka's Errors.java.
func TestErrorCodesAreKafkas(t *testing.T) {
	for code, name := range map[int16]string{
		53: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", 74: "FENCED_LEADER_EPOCH", 75: "UNKNOWN_LEADER_EPOCH",
		76: "UNSUPPORTED_COMPRESSION_TYPE", 83: "ELIGIBLE_LEADERS_NOT_AVAILABLE", 87: "INVALID_RECORD",
		90: "PRODUCER_FENCED", 93: "UNACCEPTABLE_CREDENTIAL", 100: "UNKNOWN_TOPIC_ID", 117: "UNKNOWN_SUBSCRIPTION_ID",
	} {
		if err := kerr.TypedErrorForCode(code); err == nil || err.Message != name {
			t.Errorf("code %d is %v, want %s", code, err, name)
		}
	}
}
