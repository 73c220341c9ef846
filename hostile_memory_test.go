package headrace

import (
	"encoding/binary"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// manners are what each connection of a crowd does when it is there.
var manners = map[string]func(net.Conn){
	"idle":    introduce,
	"declare": declare,
	"flood":   flood,
	"half":    half,
	"silent":  func(net.Conn) {},
}

const declaredBytes = 100 << 20 // socket.request.max.bytes

// declare begins a frame of 100 MiB, and stops.
func declare(c net.Conn) {
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(nil, declaredBytes), 0)) // the test sees in the broker what became of it
}

// flood begins a frame of 100 MiB, and sends what the broker takes.
func flood(c net.Conn) {
	declare(c)
	chunk := make([]byte, 64<<10)
	go func() {
		for range declaredBytes/len(chunk) - 1 {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}()
}

// honest produces for a while, and returns how many requests were answered a
// second.
func honest(t *testing.T, c *wireClient, records []byte, d time.Duration) float64 {
	t.Helper()
	n, t0 := 0, time.Now()
	for time.Since(t0) < d {
		resp := ask[*kmsg.ProduceResponse](c, produceRequest("honest", 0, 1, records), 9)
		if code := codeOf(resp.Topics[0].Partitions[0].ErrorCode); code != "" {
			t.Fatalf("produce: %s", code)
		}
		n++
	}
	return float64(n) / time.Since(t0).Seconds()
}

// Row 8: connections declare 100 MiB each, and send next to nothing, or all that
// is taken of them. Memory stays bounded, and an honest client is served.
func TestHostileRow08DeclaredFrames(t *testing.T) {
	needProcesses(t)
	n, rounds, window := 1_000, 1, 300*time.Millisecond
	if full() {
		n, rounds, window = 10_000, 3, 2*time.Second
	}
	needFiles(t, uint64(n+1000))
	const most = 256 << 20
	for _, manner := range []string{"declare", "flood"} {
		t.Run(manner, func(t *testing.T) {
			b, addr := brokerProcess(t)
			makeTopic(t, dialWire(t, addr), "honest", 1)
			records := batchOf(t, string(make([]byte, 100<<10)))
			var ratios []float64
			for range rounds {
				client := dialWire(t, addr)
				alone := honest(t, client, records, window)
				crowd := crowdOf(t, manner, addr, n)
				among := honest(t, client, records, window)
				newcomer := honest(t, dialWire(t, addr), records, window)
				t.Logf("%d connections that %s: resident memory %d MiB; an honest client %.0f requests/s, %.0f alone; a new one %.0f",
					n, manner, b.resident()>>20, among, alone, newcomer)
				t.Log(b.order("memory"))
				ratios = append(ratios, among/alone)
				crowd.stop()
			}
			if peak := b.peak(); peak > most {
				t.Errorf("the broker took %d MiB", peak>>20)
			}
			slices.Sort(ratios)
			if r := ratios[len(ratios)/2]; full() && manner == "declare" && r < 0.8 {
				t.Errorf("an honest client has kept %.0f %% of its rate", 100*r)
			}
		})
	}
}

// heapInUse is what lives on the heap.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
