package headrace

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// half sends a half of a frame of 60,000 bytes, and stops.
func half(c net.Conn) {
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, 60_000), make([]byte, 30_000)...)) // the test sees in the broker what became of it
}

// Rows 95 and 96: very many connections that say nothing, and then a half of a
// frame each. Another client is served.
func TestHostileRows95And96HalfSentFrames(t *testing.T) {
	needProcesses(t)
	n := 1_000
	if full() {
		n = 5_000
	}
	needFiles(t, uint64(n+1000))
	b, addr := brokerProcess(t)
	makeTopic(t, dialWire(t, addr), "honest", 1)
	client := dialWire(t, addr)
	before := b.resident()
	silent := crowdOf(t, "silent", addr, n)
	after := b.resident()
	silent.stop()
	crowdOf(t, "half", addr, n)
	if rate := honest(t, client, batchOf(t, "x"), 300*time.Millisecond); rate == 0 {
		t.Error("an honest client is not served")
	}
	halves := b.peak()
	t.Logf("%d silent connections: %d bytes each; with a half of a frame: %d; %s", n, (after-before)/int64(n), (halves-before)/int64(n), b.order("memory"))
	if each := (halves - before) / int64(n); each > 64<<10 {
		t.Errorf("a half of a frame of 60,000 bytes costs %d bytes", each)
	}
}

// Row 97: a connection asks for records a thousand times without reading what
// comes. It has so many requests under way as it may, and costs no other
// client anything; when it goes all of them end.
func TestHostileRow97PipelinedLongPolls(t *testing.T) {
	n, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	makeTopic(t, c, "honest", 1)
	const polls, inFlight = 1000, 256
	hostile := dialWire(t, addr)
	for range polls {
		req := fetchRequest("honest", 0, 0, 1<<31-1)
		req.SetVersion(12)
		hostile.send(req)
	}
	served := func() int64 {
		var count int64
		n.handler.Requests(func(name string, k int64) {
			if name == "Fetch" {
				count = k
			}
		})
		return count
	}
	for deadline := time.Now().Add(30 * time.Second); served() < inFlight; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of the polls have begun", served())
		}
	}
	honest(t, c, batchOf(t, "x"), 50*time.Millisecond) // wakes them; their answers fit the socket
	if err := hostile.conn.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); n.server.Conns() > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are there", n.server.Conns())
		}
	}
	ask[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest(), 0)
}

// Row 98: clients with ever new names leave nothing behind.
func TestHostileRow98ClientIDs(t *testing.T) {
	n, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	count := 5_000
	if full() {
		count = 1_000_000
	}
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	name := make([]byte, 200)
	frame := func(i int) []byte {
		binary.BigEndian.PutUint32(name, uint32(i))
		f := kmsg.NewRequestFormatter(kmsg.FormatterClientID(string(name)))
		return f.AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 1)
	}
	before := heapInUse()
	for i := range count {
		if _, err := c.conn.Write(frame(i)); err != nil {
			t.Fatal(err)
		}
		if err := skipAnswer(c.conn); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heapInUse() - before; grown > 2<<20 {
		t.Errorf("%d bytes are left of %d clients' names", grown, count)
	}
	lines := 0
	for _, m := range n.metricTable() {
		if m.Read != nil {
			m.Read(func(float64, ...string) { lines++ })
		}
	}
	if lines > 1000 {
		t.Errorf("there are %d metrics", lines)
	}
}
