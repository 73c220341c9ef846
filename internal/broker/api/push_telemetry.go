package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/telemetry"
)

// pushTelemetry answers PushTelemetry, version 0 (KIP-714). As
// ClientMetricsManager.processPushTelemetryRequest.
func (b *Broker) pushTelemetry(c *call, req *kmsg.PushTelemetryRequest) {
	resp := kmsg.NewPtrPushTelemetryResponse()
	b.clients.SetSubscriptions(subscriptions(b.metadata.Image()))
	b.remember(c, telemetry.ClientID(req.ClientInstanceID))
	err := b.clients.Push(telemetry.Push{
		ID: telemetry.ClientID(req.ClientInstanceID), SubscriptionID: req.SubscriptionID, Terminating: req.Terminating,
		Compression: req.CompressionType, Data: req.Metrics,
	}, c.telemetryClient(), b.settings.TelemetryMaxBytes)
	resp.ErrorCode = b.code(c, err)
	c.reply(resp)
}
