package headrace

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestClientMetricsOverTheWire: a client asks what to push, pushes, and is told what it does wrong (KIP-714).
func TestClientMetricsOverTheWire(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	c.subscribe("all", map[string]string{"metrics": "*", "interval.ms": "100"})
	get := kmsg.NewPtrGetTelemetrySubscriptionsRequest()
	told := ask[*kmsg.GetTelemetrySubscriptionsResponse](c, get, 0)
	if told.ErrorCode != 0 || told.ClientInstanceID == [16]byte{} || told.PushIntervalMillis != 100 ||
		len(told.RequestedMetrics) != 1 || told.RequestedMetrics[0] != "*" || told.TelemetryMaxBytes != 1<<20 || !told.DeltaTemporality {
		t.Fatalf("%+v", told)
	}
	push := kmsg.NewPtrPushTelemetryRequest()
	push.ClientInstanceID, push.SubscriptionID, push.Terminating = told.ClientInstanceID, told.SubscriptionID, true
	push.CompressionType, push.Metrics = 1, zipped(t, []byte{0x0a, 0x00})
	if code := ask[*kmsg.PushTelemetryResponse](c, push, 0).ErrorCode; code != 0 {
		t.Errorf("push: %d", code)
	}
	for _, tc := range []struct {
		name   string
		change func(*kmsg.PushTelemetryRequest)
		want   *kerr.Error
	}{
		{"row 64: a bomb", func(p *kmsg.PushTelemetryRequest) { p.CompressionType, p.Metrics = 1, zipped(t, make([]byte, 8<<20)) }, kerr.InvalidRecord},
		{"no message", func(p *kmsg.PushTelemetryRequest) { p.Metrics = []byte("no message") }, kerr.InvalidRecord},
		{"too large", func(p *kmsg.PushTelemetryRequest) { p.Metrics = make([]byte, 1<<20+1) }, kerr.TelemetryTooLarge},
		{"unknown compression", func(p *kmsg.PushTelemetryRequest) { p.CompressionType = 7 }, kerr.UnsupportedCompressionType},
		{"unknown subscription", func(p *kmsg.PushTelemetryRequest) { p.SubscriptionID++ }, kerr.UnknownSubscriptionID},
		{"no client", func(p *kmsg.PushTelemetryRequest) { p.ClientInstanceID = [16]byte{} }, kerr.InvalidRequest},
	} {
		client := ask[*kmsg.GetTelemetrySubscriptionsResponse](c, kmsg.NewPtrGetTelemetrySubscriptionsRequest(), 0)
		p := kmsg.NewPtrPushTelemetryRequest()
		p.ClientInstanceID, p.SubscriptionID = client.ClientInstanceID, client.SubscriptionID
		tc.change(p)
		if code := ask[*kmsg.PushTelemetryResponse](c, p, 0).ErrorCode; code != tc.want.Code {
			t.Errorf("%s: %d, want %d", tc.name, code, tc.want.Code)
		}
	}
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// subscribe sets a client metrics resource and waits until the broker has it.
func (c *wireClient) subscribe(name string, configs map[string]string) {
	c.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeClientMetrics, name
	for key, value := range configs {
		one := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		one.Name, one.Value = key, &value
		r.Configs = append(r.Configs, one)
	}
	req.Resources = append(req.Resources, r)
	for _, r := range ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources {
		if r.ErrorCode != 0 {
			c.t.Fatalf("subscription %s: %d", name, r.ErrorCode)
		}
	}
	for c.t.Context().Err() == nil {
		if list := ask[*kmsg.ListConfigResourcesResponse](c, kmsg.NewPtrListConfigResourcesRequest(), 0); len(list.ConfigResources) > 0 {
			return
		}
	}
}

// TestAClientInstanceEndsWithItsConnection: with the connection ends what a
// client has been told, so that it may ask again on another one.
func TestAClientInstanceEndsWithItsConnection(t *testing.T) {
	_, addr, stop := startNode(t, t.TempDir())
	t.Cleanup(stop)
	c := dialWire(t, addr)
	c.subscribe("all", map[string]string{"metrics": "*", "interval.ms": "3600000"})
	get := kmsg.NewPtrGetTelemetrySubscriptionsRequest()
	first := ask[*kmsg.GetTelemetrySubscriptionsResponse](c, get, 0)
	get.ClientInstanceID = first.ClientInstanceID
	if code := ask[*kmsg.GetTelemetrySubscriptionsResponse](c, get, 0).ErrorCode; code != kerr.ThrottlingQuotaExceeded.Code {
		t.Fatalf("asked twice: %d", code)
	}
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	again := dialWire(t, addr)
	for { // the broker hears of the end when it hears of it
		told := ask[*kmsg.GetTelemetrySubscriptionsResponse](again, get, 0)
		if told.ErrorCode == 0 && told.ClientInstanceID == first.ClientInstanceID {
			return
		}
		if told.ErrorCode != kerr.ThrottlingQuotaExceeded.Code {
			t.Fatalf("%+v", told)
		}
	}
}
