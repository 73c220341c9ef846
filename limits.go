package headrace

import (
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/config"
)

// serverLimits are the bounds of the node's listeners.
func serverLimits(c *config.Config) server.Limits {
	return server.Limits{
		MaxRequestBytes: c.Int("socket.request.max.bytes"), IdleTimeout: c.Duration("connections.max.idle.ms"),
		FrameTimeout: c.Duration("headrace.request.timeout.ms"), RequestMemory: requestMemory(c),
		MaxConnections: c.Int("max.connections"),
	}
}

// requestMemory is what all requests that are being received may take:
// queued.max.request.bytes where it is set, as in Kafka, else our own bound.
func requestMemory(c *config.Config) int64 {
	if n := c.Int64("queued.max.request.bytes"); n > 0 {
		return n
	}
	return c.Int64("headrace.request.memory.bytes")
}
