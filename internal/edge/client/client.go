// Package client makes Kafka clients from Kafka's own client properties (bootstrap.servers, security.protocol, sasl.*,
// ssl.*): one set-up for the commands, Connect, the REST proxy, the registry and the console.
package client

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// ReadFile reads a client's properties file.
func ReadFile(path string) (map[string]string, error) {
	lines, err := config.ReadProperties(path)
	if err != nil {
		return nil, err
	}
	props := make(map[string]string, len(lines))
	for _, p := range lines {
		props[p.Key] = p.Value
	}
	return props, nil
}

// New makes a client. The properties that it obeys are those of [Options]; extra options come last, so they win.
// The caller closes the client.
func New(props map[string]string, extra ...kgo.Opt) (*kgo.Client, error) {
	opts, err := Options(props)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, extra...)...)
}

// Options turns the properties that concern connections into options: bootstrap.servers (or bootstrap.controllers),
// client.id, client.rack, security.protocol, sasl.mechanism, sasl.jaas.config, ssl.*, connections.max.idle.ms,
// metadata.max.age.ms, socket.connection.setup.timeout.ms, reconnect.backoff.ms, reconnect.backoff.max.ms. Other properties are left to who made
// the client. The error is Java's ConfigException or KafkaException where Java has one for the case.
func Options(props map[string]string) ([]kgo.Opt, error) {
	servers, err := bootstrap(props)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(servers...), kgo.DisableClientMetrics()}
	if id := props["client.id"]; id != "" {
		opts = append(opts, kgo.ClientID(id))
	}
	if rack := props["client.rack"]; rack != "" {
		opts = append(opts, kgo.Rack(rack))
	}
	for _, t := range timings {
		d, ok, err := duration(props, t.key)
		if err != nil {
			return nil, err
		}
		if ok {
			opts = append(opts, t.opt(d))
		}
	}
	secure, err := security(props)
	if err != nil {
		return nil, err
	}
	return append(opts, secure...), nil
}

var timings = []struct {
	key string
	opt func(time.Duration) kgo.Opt
}{
	{"connections.max.idle.ms", func(d time.Duration) kgo.Opt { return kgo.ConnIdleTimeout(d) }},
	{"metadata.max.age.ms", func(d time.Duration) kgo.Opt { return kgo.MetadataMaxAge(max(d, 10*time.Millisecond)) }},
}

func duration(props map[string]string, key string) (time.Duration, bool, error) {
	v, ok := props[key]
	if !ok {
		return 0, false, nil
	}
	ms, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil {
		return 0, false, configError("Invalid value %s for configuration %s: Not a number of type LONG", v, key)
	}
	return time.Duration(ms) * time.Millisecond, true, nil
}

// bootstrap checks the addresses as ClientUtils.parseAndValidateAddresses.
func bootstrap(props map[string]string) ([]string, error) {
	key, list := "bootstrap.servers", props["bootstrap.servers"]
	if c := props["bootstrap.controllers"]; list == "" && c != "" {
		key, list = "bootstrap.controllers", c
	}
	var servers []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if _, rest, ok := strings.Cut(s, "://"); ok { // PLAINTEXT://host:port is accepted, as in Java
			s = rest
		}
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return nil, configError("Invalid url in %s: %s", key, s)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return nil, configError("Invalid port in %s: %s", key, s)
		}
		servers = append(servers, s)
	}
	if len(servers) == 0 {
		return nil, configError("No resolvable bootstrap urls given in %s", key)
	}
	return servers, nil
}

// Merge returns a new map with the properties of all maps; later ones win.
func Merge(all ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

func configError(format string, args ...any) error {
	return &javaerr.Exception{Class: "org.apache.kafka.common.config.ConfigException", Message: fmt.Sprintf(format, args...)}
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return configError("Invalid value %s for configuration %s: String must be one of: %s", value, key, strings.Join(allowed, ", "))
}
