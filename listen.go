package headrace

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
)

// endpoint is one configured listener.
type endpoint struct {
	name       string
	host       string // to bind; "" is every address
	port       int
	protocol   int16 // metadata.Endpoint.SecurityProtocol
	controller bool
	// advertised is what clients are told; an empty host or a zero port stands
	// for what was bound.
	advertisedHost string
	advertisedPort int
	advertise      bool
}

// listen binds the ports, before anything else is opened: a port that is taken
// is the most common mistake, and it should cost nothing.
func (n *Node) listen() error {
	for _, e := range n.set.endpoints {
		l, err := n.bind(net.JoinHostPort(e.host, strconv.Itoa(e.port)))
		if err != nil {
			return fmt.Errorf("listener %s: %w", e.name, err)
		}
		n.listeners = append(n.listeners, server.Listener{Name: e.name, Net: l, Controller: e.controller})
	}
	if n.set.adminAddress == "" {
		return nil
	}
	var err error
	if n.admin, err = n.bind(n.set.adminAddress); err != nil {
		return fmt.Errorf("headrace.metrics.listener: %w", err)
	}
	return nil
}

func (n *Node) bind(address string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", address)
}

// boundPort is the port that a listener got.
func (n *Node) boundPort(name string) uint16 {
	for _, l := range n.listeners {
		if t, ok := l.Net.Addr().(*net.TCPAddr); ok && l.Name == name {
			return uint16(t.Port)
		}
	}
	return 0
}

// advertised lists what the broker tells the cluster about its listeners.
func (n *Node) advertised() []metadata.Endpoint {
	var out []metadata.Endpoint
	for _, e := range n.set.endpoints {
		if e.advertise {
			out = append(out, metadata.Endpoint{Name: e.name, Host: e.reachable(), Port: n.portOf(e), SecurityProtocol: e.protocol})
		}
	}
	return out
}

// controllerEndpoints lists where other voters reach this one.
func (n *Node) controllerEndpoints() []quorum.Endpoint {
	var out []quorum.Endpoint
	for _, e := range n.set.endpoints {
		if e.controller {
			out = append(out, quorum.Endpoint{Name: e.name, Host: e.reachable(), Port: n.portOf(e)})
		}
	}
	return out
}

func (e endpoint) reachable() string {
	switch {
	case e.advertisedHost != "":
		return e.advertisedHost
	case e.host != "" && e.host != "0.0.0.0" && e.host != "::":
		return e.host
	}
	return "localhost"
}

func (n *Node) portOf(e endpoint) uint16 {
	if e.advertisedPort > 0 {
		return uint16(e.advertisedPort)
	}
	return n.boundPort(e.name)
}
