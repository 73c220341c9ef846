// Package network connects a client as its Java properties say and tells about trouble on the way in the words of
// Java's NetworkClient, which users of the tools know.
package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Kind says which of the Java clients this one stands for.
type Kind struct {
	name      string // in log lines: "Producer"
	construct string // in the message when it cannot be made
}

// The kinds of client.
var (
	Producer = Kind{"Producer", "Failed to construct kafka producer"}
	Consumer = Kind{"Consumer", "Failed to construct kafka consumer"}
	Admin    = Kind{"AdminClient", "Failed to create new KafkaAdminClient"}
)

// Options returns the options of package client for props, and a hook that warns through log; nil is silent. Property
// group.id appears in the log lines. The error is Java's exception for a client that cannot be made.
func Options(ctx context.Context, kind Kind, props map[string]string, log *slog.Logger) ([]kgo.Opt, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	id := props["client.id"]
	if id == "" && kind == Admin {
		id = "adminclient-1"
	}
	var addresses map[string]string
	opts, err := client.Options(client.Merge(props, map[string]string{"client.id": id}))
	if err != nil && strings.HasPrefix(javaerr.Message(err), "Invalid value ") {
		return nil, err // Java finds these before it begins to construct
	}
	if err == nil {
		addresses, err = resolve(ctx, props, log)
	}
	if err != nil {
		return nil, &javaerr.Exception{Class: "org.apache.kafka.common.KafkaException", Message: kind.construct, Cause: err}
	}
	who := fmt.Sprintf("[%s clientId=%s", kind.name, id)
	if group := props["group.id"]; group != "" {
		who += ", groupId=" + group
	}
	return append(opts, kgo.WithHooks(&warner{kind: kind, who: who + "] ", log: log, addresses: addresses})), nil
}

// resolve looks the servers' names up, warns of each that it does not find and fails when there is none, as
// ClientUtils.parseAndValidateAddresses. The list's form has been checked. Addresses are by host, as Java prefers them:
// those of IPv4 first.
func resolve(ctx context.Context, props map[string]string, log *slog.Logger) (addresses map[string]string, err error) {
	key := "bootstrap.servers"
	if props[key] == "" && props["bootstrap.controllers"] != "" {
		key = "bootstrap.controllers"
	}
	addresses = map[string]string{}
	for url := range strings.SplitSeq(props[key], ",") {
		url = strings.TrimSpace(url)
		_, address, ok := strings.Cut(url, "://")
		if !ok {
			address = url
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			continue // an empty item
		}
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			log.Warn(fmt.Sprintf("Couldn't resolve server %s from %s as DNS resolution failed for %s", url, key, host),
				"class", "org.apache.kafka.clients.ClientUtils")
			continue
		}
		best := found[0]
		if i := slices.IndexFunc(found, func(ip netip.Addr) bool { return ip.Unmap().Is4() }); i >= 0 {
			best = found[i]
		}
		addresses[host] = best.Unmap().String()
	}
	if len(addresses) == 0 {
		return nil, &javaerr.Exception{
			Class:   "org.apache.kafka.common.config.ConfigException",
			Message: "No resolvable bootstrap urls given in " + key,
		}
	}
	return addresses, nil
}

// warner logs failed connections.
type warner struct {
	kind Kind
	who  string
	log  *slog.Logger

	addresses map[string]string // of hosts by name
}

var _ kgo.HookBrokerConnect = (*warner)(nil)

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (w *warner) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, client.ErrNotTried) || errors.Is(err, kgo.ErrClientClosed) || strings.Contains(err.Error(), "operation was canceled") {
		return // nobody waits for it any more
	}
	node, class := meta.NodeID, "org.apache.kafka.clients.NetworkClient"
	seed := node < 0
	if seed {
		node = math.MinInt32 - node - 1 // franz-go counts up from there, Java counts down from -1
	}
	address := net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port)))
	w.log.Warn(fmt.Sprintf("%sConnection to node %d (%s) could not be established. Node may not be available.", w.who, node, w.shown(meta, err)), "class", class)
	if seed && w.kind != Admin {
		w.log.Warn(fmt.Sprintf("%sBootstrap broker %s (id: %d rack: null isFenced: false) disconnected", w.who, address, node), "class", class)
	}
}

// shown is a node's address as InetSocketAddress.toString: name/address:port, without the name if there is none.
func (w *warner) shown(meta kgo.BrokerMetadata, err error) string {
	port := strconv.Itoa(int(meta.Port))
	if net.ParseIP(meta.Host) != nil {
		return "/" + net.JoinHostPort(meta.Host, port)
	}
	if address, ok := w.addresses[meta.Host]; ok {
		return meta.Host + "/" + net.JoinHostPort(address, port)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return meta.Host + "/" + op.Addr.String()
	}
	return meta.Host + "/<unresolved>:" + port
}
