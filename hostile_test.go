package headrace

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// sendBody writes a request whose body is given byte by byte.
func (c *wireClient) sendBody(key, version int16, body string) {
	c.t.Helper()
	c.next++
	frame := wire.AppendRequestHeader(nil, wire.KeyOf(key), version, c.next, []byte("hostile"))
	frame = append(frame, body...)
	wire.SetLength(frame, 0)
	if _, err := c.conn.Write(frame); err != nil && !isReset(err) {
		c.t.Fatal(err)
	}
}

// ended says whether the broker has closed the connection without an answer.
func (c *wireClient) ended() bool {
	c.t.Helper()
	n, err := c.conn.Read(make([]byte, 1))
	return n == 0 && (errors.Is(err, io.EOF) || isReset(err))
}

// heartbeat is the body of a Heartbeat, version 4, up to its tagged fields.
const heartbeat = "\x02g\x00\x00\x00\x01\x02m\x00"

// emptyNames is the body of a Metadata request, version 0, of n empty names.
func emptyNames(n int) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(n))) + strings.Repeat("\x00\x00", n)
}

// Rows 18 to 22 and 24: a frame of a few bytes declares more than it holds: the connection ends at
// once, nothing is allocated for what was declared, and others are served.
func TestHostileRows18To24DeclaredLengths(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	for _, tc := range []struct {
		name    string
		key     int16
		version int16
		body    string
	}{
		{"row 18: array 2^31-1", wire.Metadata, 1, "\x7f\xff\xff\xff"},
		{"row 19: array -5", wire.Metadata, 1, "\xff\xff\xff\xfb"},
		{"row 18: compact array 2^32-2", wire.Metadata, 9, "\xff\xff\xff\xff\x0f"},
		{"row 20: tag count 2^28", wire.Heartbeat, 4, heartbeat + "\x80\x80\x80\x80\x01"},
		{"row 20: tag count 2^32-1", wire.Heartbeat, 4, heartbeat + "\xff\xff\xff\xff\x0f"},
		{"row 20: tag count of a structure", wire.Metadata, 9, "\x02\x02a\xff\xff\xff\xff\x0f"},
		{"row 21: tag size beyond the frame", wire.Heartbeat, 4, heartbeat + "\x01\x63\xff\xff\xff\x7f"},
		{"row 22: varint of ten bytes", wire.Heartbeat, 4, heartbeat + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		{"row 18: forwarded: array 2^31-1", wire.CreateTopics, 4, "\x7f\xff\xff\xff"},
		{"row 20: forwarded: tag count 2^32-1", wire.CreateTopics, 7, "\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff\x0f"},
		{"row 24: five million empty names", wire.Metadata, 0, emptyNames(5_000_000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dialWire(t, addr)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.sendBody(tc.key, tc.version, tc.body)
			if !c.ended() {
				t.Fatal("the connection goes on")
			}
			runtime.ReadMemStats(&after)
			// The frame's buffer grows with what has been received; the body is copied once.
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+6*len(tc.body)); got > limit {
				t.Errorf("%d bytes were allocated for a body of %d", got, len(tc.body))
			}
			ask[*kmsg.ApiVersionsResponse](dialWire(t, addr), kmsg.NewPtrApiVersionsRequest(), 0)
		})
	}
}

// Row 23: unknown tagged fields are skipped and not kept: KIP-482 lets anybody send them.
func TestHostileRow23UnknownTags(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	const n = 1_000_000
	body := []byte(heartbeat)
	body = binary.AppendUvarint(body, n)
	for i := range uint64(n) {
		body = append(binary.AppendUvarint(body, 100+i), 0)
	}
	c := dialWire(t, addr)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.sendBody(wire.Heartbeat, 4, string(body))
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.SetVersion(4)
	c.receive(resp)
	if resp.ErrorCode == 0 {
		t.Error("a member that nobody knows has a heart")
	}
	runtime.ReadMemStats(&after)
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+6*len(body)); got > limit {
		t.Errorf("%d bytes were allocated for a body of %d", got, len(body))
	}
}

// Row 25: bytes after a valid body are ignored, as in Kafka, and counted.
func TestHostileRow25TrailingBytes(t *testing.T) {
	n, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	c.sendBody(wire.Heartbeat, 4, heartbeat+"\x00and more")
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.SetVersion(4)
	c.receive(resp)
	c.sendBody(wire.Fetch, 4, "\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00\x00\x00\x00and more")
	fetched := kmsg.NewPtrFetchResponse()
	fetched.SetVersion(4)
	c.receive(fetched)
	if got := n.server.Stats.Trailing.Load(); got != 2 {
		t.Errorf("%d requests are counted", got)
	}
}
