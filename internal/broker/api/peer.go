package api

import (
	"net"

	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/telemetry"
)

// peer is what is known of a client: the state of its connection.
type peer struct {
	// softwareName and softwareVersion are what it has called itself in
	// ApiVersions (KIP-511).
	softwareName, softwareVersion string
	// metrics is nil for a client that pushes none.
	metrics *pushing
}

// pushing is the client instance that a connection has spoken for last
// (KIP-714).
type pushing struct {
	clients    *telemetry.Clients
	instance   telemetry.ClientID
	connection string
}

var _ server.Ender = (*peer)(nil)

// Ended implements server.Ender: the instance ends with its connection. As
// ClientMetricsManager.ClientConnectionDisconnectListener.
func (p *peer) Ended() {
	if m := p.metrics; m != nil {
		m.clients.Disconnected(m.instance, m.connection)
	}
}

// peer gives the state of the call's connection.
func (c *call) peer() *peer {
	p, ok := c.req.Conn().State.(*peer)
	if !ok {
		p = &peer{}
		c.req.Conn().State = p
	}
	return p
}

// remember ties a client instance to the call's connection.
func (b *Broker) remember(c *call, id telemetry.ClientID) {
	p := c.peer()
	if p.metrics == nil {
		p.metrics = &pushing{clients: b.clients, connection: c.req.Conn().ID()}
	}
	p.metrics.instance = id
}

// telemetryClient is who asks, for patterns and labels.
func (c *call) telemetryClient() telemetry.Client {
	p := c.peer()
	client := telemetry.Client{
		ClientID: c.client, SoftwareName: p.softwareName, SoftwareVersion: p.softwareVersion, Connection: c.req.Conn().ID(),
	}
	client.Address, client.Port, _ = net.SplitHostPort(c.req.Conn().RemoteAddr().String()) // a pipe's has none
	return client
}
