package api

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/telemetry"
)

// getTelemetrySubscriptions answers GetTelemetrySubscriptions, version 0
// (KIP-714): what this client is to push, and how often. As
// ClientMetricsManager.processGetTelemetrySubscriptionRequest.
//
// Deviation: Kafka serves this and PushTelemetry only if a metrics reporter
// takes the metrics; here /metrics always does.
func (b *Broker) getTelemetrySubscriptions(c *call, req *kmsg.GetTelemetrySubscriptionsRequest) {
	resp := kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	b.clients.SetSubscriptions(subscriptions(b.metadata.Image()))
	a, err := b.clients.Get(telemetry.ClientID(req.ClientInstanceID), c.telemetryClient(), newClientID)
	if err != nil {
		resp.ErrorCode = b.code(c, err)
		c.reply(resp)
		return
	}
	b.remember(c, a.ID)
	resp.ClientInstanceID, resp.SubscriptionID = a.ID, a.SubscriptionID
	resp.AcceptedCompressionTypes = telemetry.Codecs
	resp.PushIntervalMillis = int32(a.Interval.Milliseconds())
	resp.TelemetryMaxBytes = int32(b.settings.TelemetryMaxBytes)
	resp.DeltaTemporality = true
	resp.RequestedMetrics = a.Metrics
	c.reply(resp)
}

// newClientID draws an id, as Uuid.randomUuid: version 4, and no dash as the
// first character of its text.
func newClientID() telemetry.ClientID {
	var id telemetry.ClientID
	for {
		_, _ = rand.Read(id[:]) // it never fails
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if !strings.HasPrefix(id.String(), "-") {
			return id
		}
	}
}

// subscriptions are the client metrics resources of an image, by name.
func subscriptions(img *metadata.Image) []telemetry.Subscription {
	var all []telemetry.Subscription
	for r, configs := range img.AllConfigs() {
		if r.Type != metadata.ResourceClientMetrics || r.Name == "" {
			continue
		}
		s := telemetry.Subscription{Name: r.Name, Interval: 5 * time.Minute}
		if text, ok := configs.Get("interval.ms"); ok {
			if ms, err := strconv.Atoi(text); err == nil { // the controller has checked it
				s.Interval = time.Duration(ms) * time.Millisecond
			}
		}
		metrics, _ := configs.Get("metrics")
		match, _ := configs.Get("match")
		s.Metrics, s.Match = words(metrics), words(match)
		all = append(all, s)
	}
	return all
}

// words splits a list of a config.
func words(list string) []string {
	var out []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

// newClients keeps what clients push, expanded to at most maxBytes
// (CVE-2026-111073).
func newClients(maxBytes int) *telemetry.Clients {
	pool := sync.Pool{New: func() any { return new(record.Decompressor) }}
	return telemetry.NewClients(func(compression int8, data []byte) ([]byte, error) {
		d := pool.Get().(*record.Decompressor)
		defer pool.Put(d)
		return d.Append(nil, data, record.Codec(compression), maxBytes)
	}, time.Now)
}

// Clients are those that push metrics.
func (b *Broker) Clients() *telemetry.Clients { return b.clients }
