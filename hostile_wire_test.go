package headrace

import (
	"encoding/binary"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// Rows are numbered as in the catalogue of hostile inputs: 1 to 25 here, in
// hostile_test.go and hostile_memory_test.go; 26 to 85 in
// hostile_records_test.go and hostile_requests_test.go; 87 here; 95 to 98 in
// hostile_crowd_test.go. What they say of Apache Kafka was seen of 4.3.1.

// book is a log that a test reads.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lengthOf is the length before a frame of n bytes.
func lengthOf(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

// headOf is a frame with a request header of that key and version, a null client
// id, and a body.
func headOf(key, version int16, body string) string {
	h := binary.BigEndian.AppendUint16(nil, uint16(key))
	h = binary.BigEndian.AppendUint16(h, uint16(version))
	h = append(h, "\x00\x00\x00\x01\xff\xff"+body...)
	return lengthOf(int32(len(h))) + string(h)
}

// Rows 1 to 7, 9, 10, 13 to 16: bytes that are no request end their connection,
// and no other. Where they are of another protocol the log names it.
func TestHostileRows01To16Frames(t *testing.T) {
	var log book
	_, addr, stop := startNode(t, t.TempDir(), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	t.Cleanup(stop)
	bystander := dialWire(t, addr)
	for _, tc := range []struct{ row, bytes, said string }{
		{"row 1: length -1", lengthOf(-1), "length -1"},
		{"row 2: length 0", lengthOf(0), "length 0"},
		{"row 3: length 2^31-1", lengthOf(1<<31 - 1), "length 2147483647"},
		{"row 4: length 104,857,601", lengthOf(104_857_601), "socket.request.max.bytes"},
		{"row 5: HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "looks like HTTP"},
		{"row 6: TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "looks like TLS"},
		{"row 7: SSH", "SSH-2.0-OpenSSH_9.9\r\n", "looks like SSH"},
		{"row 9: API key 9999", headOf(9999, 0, ""), "unknown API key"},
		{"row 10: API key -1", headOf(-1, 0, ""), "unknown API key"},
		{"row 13: Metadata v99", headOf(wire.Metadata, 99, ""), "unsupported API version"},
		{"row 14: Metadata v-1", headOf(wire.Metadata, -1, ""), "unsupported API version"},
		{"row 15: a header of 4 bytes", lengthOf(4) + "\x00\x03\x00\x09", "malformed frame"},
		{"row 16: a client id longer than the frame", lengthOf(10) + "\x00\x03\x00\x01\x00\x00\x00\x01\x7f\xff", "malformed frame"},
	} {
		t.Run(tc.row, func(t *testing.T) {
			c := dialWire(t, addr)
			before := len(log.String())
			if _, err := c.conn.Write([]byte(tc.bytes)); err != nil {
				t.Fatal(err)
			}
			if !c.ended() {
				t.Fatal("the connection goes on")
			}
			for deadline := time.Now().Add(30 * time.Second); !strings.Contains(log.String()[before:], tc.said); runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("the log does not say %q:\n%s", tc.said, log.String()[before:])
				}
			}
			if line := log.String()[before:]; !strings.Contains(line, c.conn.LocalAddr().String()) {
				t.Errorf("the log does not name the client: %s", line)
			}
			ask[*kmsg.ApiVersionsResponse](bystander, kmsg.NewPtrApiVersionsRequest(), 0)
		})
	}
}

// Row 11: a version of ApiVersions that is not spoken is answered in the form of
// version 0, with what is.
func TestHostileRow11ApiVersionsV99(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	if _, err := c.conn.Write([]byte(headOf(wire.APIVersions, 99, "\x00junk"))); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	c.receive(resp)
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 {
		t.Errorf("%+v", resp)
	}
	ask[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest(), 0)
}

// Row 12: names of software that are none are refused, with an answer.
func TestHostileRow12SoftwareName(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	for _, name := range []string{"a b;", "", "-a", "a\x00b", strings.Repeat("é", 100)} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = name, "1"
		if code := codeOf(ask[*kmsg.ApiVersionsResponse](c, req, 3).ErrorCode); code != "INVALID_REQUEST" {
			t.Errorf("%q: %q", name, code)
		}
	}
}

// Row 17: a client id may hold any bytes; the log shows them escaped.
func TestHostileRow17ClientIDOfBytes(t *testing.T) {
	var log book
	_, addr, stop := startNode(t, t.TempDir(), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	t.Cleanup(stop)
	c := dialWire(t, addr)
	k := wire.KeyOf(wire.Heartbeat)
	f := wire.AppendRequestHeader(nil, k, 4, 1, []byte("\xff\xfe\nlevel=ERROR msg=forged\x1b[2J"))
	f = append(f, heartbeat+"\x00"...)
	wire.SetLength(f, 0)
	if _, err := c.conn.Write(f); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.SetVersion(4)
	c.receive(resp)
	if strings.Contains(log.String(), "\nlevel=ERROR msg=forged") || strings.Contains(log.String(), "\x1b") {
		t.Errorf("a client writes the log: %q", log.String())
	}
}

// Row 87: what brokers and voters say to each other is not heard on a listener
// for clients.
func TestHostileRow87BrokersAPIs(t *testing.T) {
	n, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	for _, key := range []int16{
		wire.Vote, wire.BeginQuorumEpoch, wire.EndQuorumEpoch, wire.FetchSnapshot, wire.AlterPartition, wire.BrokerRegistration,
		wire.BrokerHeartbeat, wire.AllocateProducerIDs, wire.ControllerRegistration, wire.AssignReplicasToDirs, wire.Envelope,
	} {
		c := dialWire(t, addr)
		req := kmsg.RequestForKey(key)
		req.SetVersion(min(wire.KeyOf(key).Max, req.MaxVersion()))
		c.send(req)
		if !c.ended() {
			t.Errorf("%s is answered", wire.KeyOf(key).Name)
		}
	}
	ask[*kmsg.ApiVersionsResponse](dialWire(t, addr), kmsg.NewPtrApiVersionsRequest(), 0)
	c := dialWire(t, n.Addr("CONTROLLER"))
	if _, err := c.conn.Write([]byte(headOf(wire.Produce, 3, ""))); err != nil {
		t.Fatal(err)
	}
	if !c.ended() {
		t.Error("a controller's listener takes records")
	}
}
