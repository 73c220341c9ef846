package quorum

import (
	"context"

	"github.com/headrace/headrace/internal/peer"
)

// The private API of the controller listener that carries requests between
// voters. Its number lies far above Kafka's own; its header has no tagged
// fields; its body is an envelope. It needs CLUSTER_ACTION on the cluster, and
// is in no ApiVersions response.
const (
	APIKey     int16 = 32000
	APIVersion int16 = 0
)

// poolTransport is the Transport of real nodes.
type poolTransport struct{ pool *peer.Pool }

// NewTransport gives the Transport that uses pool's connections. The caller
// closes the pool after the Node.
func NewTransport(pool *peer.Pool) Transport { return poolTransport{pool} }

// Call implements Transport.
func (t poolTransport) Call(ctx context.Context, address string, payload []byte) ([]byte, error) {
	return t.pool.Call(ctx, address, peer.Frame{Key: APIKey, Version: APIVersion, Body: payload})
}
