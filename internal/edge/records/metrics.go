package records

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Metric is one figure about a client, named group:name:{client-id=id} as the tools print Java's.
type Metric struct {
	Name  string
	Value float64
}

// counters count what the hooks of franz-go tell. The names are those of Java's metrics that mean the same.
type counters struct {
	requests, requestNs, bytesOut, bytesIn, connections, failedConnections atomic.Int64
	batches, records, batchBytes, rawBytes                                 atomic.Int64
}

var (
	_ kgo.HookBrokerConnect       = (*counters)(nil)
	_ kgo.HookBrokerE2E           = (*counters)(nil)
	_ kgo.HookProduceBatchWritten = (*counters)(nil)
	_ kgo.HookFetchBatchRead      = (*counters)(nil)
)

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (c *counters) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		c.failedConnections.Add(1)
		return
	}
	c.connections.Add(1)
}

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (c *counters) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e kgo.BrokerE2E) {
	if e.Err() != nil {
		return
	}
	c.requests.Add(1)
	c.requestNs.Add(int64(e.DurationE2E()))
	c.bytesOut.Add(int64(e.BytesWritten))
	c.bytesIn.Add(int64(e.BytesRead))
}

// OnProduceBatchWritten implements kgo.HookProduceBatchWritten.
func (c *counters) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.ProduceBatchMetrics) {
	c.batch(m.NumRecords, m.UncompressedBytes, m.CompressedBytes)
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead.
func (c *counters) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	c.batch(m.NumRecords, m.UncompressedBytes, m.CompressedBytes)
}

func (c *counters) batch(records, raw, compressed int) {
	c.batches.Add(1)
	c.records.Add(int64(records))
	c.rawBytes.Add(int64(raw))
	c.batchBytes.Add(int64(compressed))
}

// common are the metrics of any client's connections.
func (c *counters) common(group string, elapsed time.Duration) []row {
	seconds := max(elapsed.Seconds(), 1e-9)
	rate := func(n *atomic.Int64) float64 { return float64(n.Load()) / seconds }
	count := func(n *atomic.Int64) float64 { return float64(n.Load()) }
	latency := ratio(c.requestNs.Load(), c.requests.Load()) / float64(time.Millisecond)
	return []row{
		{group, "connection-creation-total", count(&c.connections)},
		{group, "failed-connection-total", count(&c.failedConnections)},
		{group, "request-total", count(&c.requests)},
		{group, "request-rate", rate(&c.requests)},
		{group, "request-latency-avg", latency},
		{group, "outgoing-byte-total", count(&c.bytesOut)},
		{group, "outgoing-byte-rate", rate(&c.bytesOut)},
		{group, "incoming-byte-total", count(&c.bytesIn)},
		{group, "incoming-byte-rate", rate(&c.bytesIn)},
	}
}

type row struct {
	group, name string
	value       float64
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func named(rows []row, clientID string) []Metric {
	out := make([]Metric, len(rows))
	for i, r := range rows {
		out[i] = Metric{fmt.Sprintf("%s:%s:{client-id=%s}", r.group, r.name, clientID), r.value}
	}
	slices.SortFunc(out, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Metrics returns figures about the producer since it was made, by name.
func (p *Producer) Metrics() []Metric {
	c, elapsed := p.counters, time.Since(p.made)
	const group = "producer-metrics"
	rows := append(c.common(group, elapsed),
		row{group, "record-send-total", float64(c.records.Load())},
		row{group, "record-send-rate", float64(c.records.Load()) / max(elapsed.Seconds(), 1e-9)},
		row{group, "records-per-request-avg", ratio(c.records.Load(), c.requests.Load())},
		row{group, "batch-size-avg", ratio(c.batchBytes.Load(), c.batches.Load())},
		row{group, "compression-rate-avg", ratio(c.batchBytes.Load(), c.rawBytes.Load())})
	return named(rows, p.clientID)
}

// Metrics returns figures about the consumer since it was made, by name.
func (c *Consumer) Metrics() []Metric {
	n, elapsed := c.counters, time.Since(c.made)
	const group = "consumer-fetch-manager-metrics"
	seconds := max(elapsed.Seconds(), 1e-9)
	rows := append(n.common("consumer-metrics", elapsed),
		row{group, "records-consumed-total", float64(n.records.Load())},
		row{group, "records-consumed-rate", float64(n.records.Load()) / seconds},
		row{group, "bytes-consumed-total", float64(n.batchBytes.Load())},
		row{group, "bytes-consumed-rate", float64(n.batchBytes.Load()) / seconds})
	return named(rows, c.clientID)
}
