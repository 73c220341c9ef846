package headrace

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// introduce does what a client does before it has nothing to do: it asks what
// the broker speaks, who is there, and for records that are not.
func introduce(c net.Conn) {
	for _, req := range []kmsg.Request{introducing(), kmsg.NewPtrMetadataRequest(), fetchRequest("idle", 0, 0, 0)} {
		req.SetVersion(map[int16]int16{1: 12, 3: 12, 18: 4}[req.Key()])
		f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("a-client-with-a-name"))
		if _, err := c.Write(f.AppendRequest(nil, req, 1)); err != nil {
			return
		}
		if err := skipAnswer(c); err != nil {
			return
		}
	}
}

func introducing() *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "crowd", "1"
	return req
}

// TestIdleConnectionsAreCheap measures what a connection costs that has done
// ApiVersions, Metadata and a Fetch, and nothing since.
func TestIdleConnectionsAreCheap(t *testing.T) {
	needProcesses(t)
	n, most := 2_000, int64(16<<10)
	if full() {
		n, most = 10_000, 8<<10
	}
	needFiles(t, uint64(n+1000))
	b, addr := brokerProcess(t)
	makeTopic(t, dialWire(t, addr), "idle", 4)
	crowdOf(t, "idle", addr, 200).stop() // what the first ones cost once
	before := b.resident()
	crowdOf(t, "idle", addr, n)
	each := func() int64 { return (b.resident() - before) / int64(n) }
	first := each()
	// The broker puts quiet connections to rest within some seconds.
	for deadline := time.Now().Add(time.Minute); each() > most/2 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d idle connections: %d bytes each, %d at once (resident memory %d KiB, before %d KiB)", n, each(), first, b.resident()>>10, before>>10)
	t.Log(b.order("memory"))
	if each() > most {
		t.Errorf("an idle connection costs %d bytes, more than %d", each(), most)
	}
}
