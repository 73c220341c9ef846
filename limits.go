package headrace

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/config"
)

// serverLimits are the bounds of the node's listeners.
func serverLimits(c *config.Config) (server.Limits, error) {
	connections, err := connectionLimits(c)
	if err != nil {
		return server.Limits{}, err
	}
	return server.Limits{
		MaxRequestBytes: c.Int("socket.request.max.bytes"), IdleTimeout: c.Duration("connections.max.idle.ms"),
		FrameTimeout: c.Duration("headrace.request.timeout.ms"), RequestMemory: requestMemory(c),
		Connections: &connections,
	}, nil
}

// requestMemory is what all requests that are being received may take:
// queued.max.request.bytes where it is set, as in Kafka, else our own bound.
func requestMemory(c *config.Config) int64 {
	if n := c.Int64("queued.max.request.bytes"); n > 0 {
		return n
	}
	return c.Int64("headrace.request.memory.bytes")
}

// connectionLimits are the bounds that can change while the node runs.
func connectionLimits(c *config.Config) (server.ConnectionLimits, error) {
	perIP, err := addressLimits(c.Text("max.connections.per.ip.overrides"))
	if err != nil {
		return server.ConnectionLimits{}, err
	}
	interBroker, _ := c.InterBrokerListener()
	l := server.ConnectionLimits{
		// Where nobody has set a limit, connections must not take the files of partitions.
		Max: min(c.Int("max.connections"), shareFiles(openFileLimit(), len(c.List("log.dirs"))).connections), MaxPerIP: c.Int("max.connections.per.ip"), PerIP: perIP,
		CreationRate: c.Int("max.connection.creation.rate"), InterBroker: interBroker,
		Samples: c.Int("quota.window.num"), Span: c.Duration("quota.window.size.seconds"),
		Listeners: map[string]server.ListenerLimits{},
	}
	for _, listener := range c.Listeners() {
		var own server.ListenerLimits
		// A listener that says nothing has the node's limits to itself
		// (ConnectionQuotas.ListenerConnectionQuota).
		for key, n := range map[string]*int{"max.connections": &own.Max, "max.connection.creation.rate": &own.CreationRate} {
			if *n, err = strconv.Atoi(c.ForListener(listener.Name, key)); err != nil {
				return l, fmt.Errorf("listener.name.%s.%s: %w", strings.ToLower(listener.Name), key, err)
			}
		}
		l.Listeners[listener.Name] = own
	}
	return l, nil
}

// lookupTimeout bounds the search for the address of a name.
const lookupTimeout = 5 * time.Second

// addressLimits reads max.connections.per.ip.overrides: address:limit,…, where an
// address may be a name.
func addressLimits(text string) (map[netip.Addr]int, error) {
	const key = "max.connections.per.ip.overrides"
	limits := map[netip.Addr]int{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		at := strings.LastIndexByte(part, ':')
		if at < 0 {
			return nil, fmt.Errorf("%s: %s is not address:limit", key, part)
		}
		n, err := strconv.Atoi(strings.TrimSpace(part[at+1:]))
		if err != nil {
			return nil, fmt.Errorf("%s: limit of %s: %w", key, part, err)
		}
		addr, err := lookup(strings.Trim(strings.TrimSpace(part[:at]), "[]"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		limits[addr] = n
	}
	return limits, nil
}

// lookup is the first address of a host, as InetAddress.getByName.
func lookup(host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().WithZone(""), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(all) == 0 {
		return netip.Addr{}, fmt.Errorf("address of %s: %w", host, err)
	}
	return all[0].Unmap(), nil
}

// applyLimits brings the listeners in line with dynamic configs.
func (n *Node) applyLimits() {
	l, err := connectionLimits(n.live.current.Load().config)
	if err != nil {
		n.opts.logger.Warn("the limits on connections stay as they are", "error", err)
		return
	}
	n.server.SetConnectionLimits(l)
}
