package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Protocol is a security protocol, with Kafka's ids.
type Protocol int16

// Protocols, as SecurityProtocol.
const (
	Plaintext Protocol = iota
	SSL
	SASLPlaintext
	SASLSSL
)

var protocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// String is Kafka's name of the protocol.
func (p Protocol) String() string { return protocolNames[p] }

// TLS says whether the protocol runs over TLS.
func (p Protocol) TLS() bool { return p == SSL || p == SASLSSL }

// SASL says whether the protocol authenticates by SASL.
func (p Protocol) SASL() bool { return p == SASLPlaintext || p == SASLSSL }

// Listener is an address to listen on, or to tell others.
type Listener struct {
	Name     string // upper case
	Protocol Protocol
	Host     string // empty: all addresses
	Port     int    // zero: any free one
}

// String is "NAME://host:port".
func (l Listener) String() string {
	host := l.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return l.Name + "://" + host + ":" + strconv.Itoa(l.Port)
}

// network is what the keys about addresses say together.
type network struct {
	listeners   []Listener
	advertised  []Listener // brokers' listeners for clients
	controllers []Listener // this node's controller listeners, as told to others
	protocols   map[string]Protocol
	interBroker Listener // Name and Protocol only
	voters      []Voter
}

// Listeners returns all addresses that this node listens on, the controller's too.
func (c *Config) Listeners() []Listener { return c.net.listeners }

// AdvertisedListeners returns the broker addresses that clients are told: advertised.listeners, else listeners.
func (c *Config) AdvertisedListeners() []Listener { return c.net.advertised }

// AdvertisedControllerListeners returns this node's controller addresses as other nodes are told.
func (c *Config) AdvertisedControllerListeners() []Listener { return c.net.controllers }

// BrokerListeners returns the addresses of Listeners that are no controller listeners.
func (c *Config) BrokerListeners() []Listener {
	return slices.DeleteFunc(slices.Clone(c.net.listeners), func(l Listener) bool { return c.IsControllerListener(l.Name) })
}

// ControllerListeners returns the addresses of Listeners that are controller listeners.
func (c *Config) ControllerListeners() []Listener {
	return slices.DeleteFunc(slices.Clone(c.net.listeners), func(l Listener) bool { return !c.IsControllerListener(l.Name) })
}

// IsControllerListener says whether controller.listener.names has the name.
func (c *Config) IsControllerListener(name string) bool {
	return slices.Contains(c.List("controller.listener.names"), name)
}

// InterBrokerListener returns name and protocol of the listener that brokers use among themselves.
func (c *Config) InterBrokerListener() (name string, p Protocol) {
	return c.net.interBroker.Name, c.net.interBroker.Protocol
}

// ListenerProtocol returns the protocol of a listener name, by listener.security.protocol.map.
func (c *Config) ListenerProtocol(name string) (Protocol, bool) {
	p, ok := c.net.protocols[strings.ToUpper(name)]
	return p, ok
}

// QuorumVoters returns controller.quorum.voters.
func (c *Config) QuorumVoters() []Voter { return c.net.voters }

// BootstrapServers returns controller.quorum.bootstrap.servers as "host:port".
func (c *Config) BootstrapServers() []string { return c.List("controller.quorum.bootstrap.servers") }

func (c *Config) network() (n network, err error) {
	if n.protocols, err = c.protocolMap(); err != nil {
		return n, err
	}
	if n.listeners, err = parseListeners("listeners", c.List("listeners"), n.protocols, true); err != nil {
		return n, err
	}
	if n.voters, err = parseVoters(c.List("controller.quorum.voters")); err != nil {
		return n, err
	}
	advertised := n.listeners
	if !c.IsNull("advertised.listeners") {
		advertised, err = parseListeners("advertised.listeners", c.List("advertised.listeners"), n.protocols, false)
		if err != nil {
			return n, err
		}
	}
	n.advertised = slices.DeleteFunc(slices.Clone(advertised), func(l Listener) bool { return c.IsControllerListener(l.Name) })
	n.controllers = c.advertisedControllers(n, advertised)
	n.interBroker, err = c.interBroker(n.protocols)
	return n, err
}

// protocolMap is AbstractKafkaConfig.effectiveListenerSecurityProtocolMap.
func (c *Config) protocolMap() (map[string]Protocol, error) {
	const key = "listener.security.protocol.map"
	protocols := map[string]Protocol{}
	for _, entry := range commas.Split(strings.TrimSpace(c.Text(key)), -1) {
		if entry == "" {
			continue
		}
		before, after, ok := strings.CutLast(entry, ":")
		if !ok {
			return nil, &ValueError{Key: key, Message: fmt.Sprintf("Error parsing configuration property '%s': "+
				"'%s' must be NAME:PROTOCOL", key, entry)}
		}
		p := slices.Index(protocolNames[:], strings.ToUpper(strings.TrimSpace(after)))
		if p < 0 {
			return nil, &ValueError{Key: key, Message: fmt.Sprintf("Invalid security protocol `%s` defined in %s",
				strings.TrimSpace(after), key)}
		}
		protocols[strings.ToUpper(strings.TrimSpace(before))] = Protocol(p)
	}
	if c.IsSet(key) || c.namesSecureListener() {
		return protocols, nil
	}
	for _, name := range c.List("controller.listener.names") { // not upper-cased, as in Kafka
		if name != protocolNames[Plaintext] {
			protocols[name] = Plaintext
		}
	}
	return protocols, nil
}

// namesSecureListener says whether any listener is named like a protocol with TLS or SASL; then each controller
// listener needs an explicit protocol.
func (c *Config) namesSecureListener() bool {
	names := slices.Clone(c.List("controller.listener.names"))
	for _, l := range c.List("listeners") {
		name, _, _ := strings.Cut(l, ":")
		names = append(names, strings.ToUpper(name))
	}
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(protocolNames[SSL:], n) })
}

// parseListeners is AbstractKafkaConfig.listenerListToEndPoints.
func parseListeners(key string, list []string, protocols map[string]Protocol, distinctPorts bool) ([]Listener, error) {
	fail := func(format string, args ...any) error {
		return &ValueError{Key: key, Message: fmt.Sprintf("Error creating broker listeners from '[%s]': ",
			strings.Join(list, ", ")) + fmt.Sprintf(format, args...)}
	}
	var listeners []Listener
	for _, entry := range list {
		m := listenerURI.FindStringSubmatch(entry)
		if m == nil {
			return nil, fail("Unable to parse %s to a broker endpoint", entry)
		}
		name := strings.ToUpper(m[1])
		p, ok := protocols[name]
		if !ok {
			return nil, fail("No security protocol defined for listener %s", name)
		}
		port, err := strconv.Atoi(m[3])
		if err != nil || port > 65535 || port < -1 {
			return nil, fail("port %s of listener %s is out of range: 0 to 65535", m[3], name)
		}
		listeners = append(listeners, Listener{name, p, m[2], port})
	}
	shown := "[" + strings.Join(list, ", ") + "]"
	names := map[string]bool{}
	for _, l := range listeners {
		if names[l.Name] {
			return nil, fail("Each listener must have a different name, listeners: %s", shown)
		}
		names[l.Name] = true
	}
	if distinctPorts {
		if text := sharedPort(listeners, shown); text != "" {
			return nil, fail("%s", text)
		}
	}
	return listeners, nil
}

// sharedPort says what is wrong with listeners on one port; only an IPv4 and an IPv6 address may share one.
func sharedPort(listeners []Listener, shown string) string {
	byPort := map[int][]Listener{}
	for _, l := range listeners {
		if l.Port != 0 {
			byPort[l.Port] = append(byPort[l.Port], l)
		}
	}
	for _, port := range slices.Sorted(maps.Keys(byPort)) {
		same := byPort[port]
		var v4, v6 int
		for _, l := range same {
			if a, err := netip.ParseAddr(l.Host); err == nil && a.Is4() {
				v4++
			} else if err == nil {
				v6++
			}
		}
		named, literal := len(same)-v4-v6, v4+v6
		switch {
		case len(same) == 1:
		case named > 1:
			return "Each listener must have a different port, listeners: " + shown
		case literal == 2 && (v4 != 1 || named > 0):
			return fmt.Sprintf("If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, "+
				"listeners: %s, port: %d", shown, port)
		case literal != 2:
			return fmt.Sprintf("Each listener must have a different port unless exactly one listener has an IPv4 address and "+
				"the other IPv6 address, listeners: %s, port: %d", shown, port)
		}
	}
	return ""
}

// advertisedControllers is KafkaConfig.effectiveAdvertisedControllerListeners.
func (c *Config) advertisedControllers(n network, advertised []Listener) []Listener {
	find := func(list []Listener, name string) (Listener, bool) {
		i := slices.IndexFunc(list, func(l Listener) bool { return strings.EqualFold(l.Name, name) })
		if i < 0 {
			return Listener{}, false
		}
		return list[i], true
	}
	var found []Listener
	for i, name := range c.List("controller.listener.names") {
		l, ok := Listener{}, false
		if !c.IsNull("advertised.listeners") {
			l, ok = find(advertised, name)
		}
		if !ok {
			if l, ok = find(n.listeners, name); !ok {
				continue
			}
			if i == 0 && (l.Host == "" || l.Host == "0.0.0.0") {
				for _, v := range n.voters {
					if v.ID == c.NodeID() {
						l.Host, l.Port = v.Host, v.Port
					}
				}
			}
			if l.Host == "0.0.0.0" {
				l.Host = ""
			}
		}
		found = append(found, l)
	}
	return found
}

// interBroker is AbstractKafkaConfig.interBrokerListenerNameAndSecurityProtocol.
func (c *Config) interBroker(protocols map[string]Protocol) (Listener, error) {
	const key, protocolKey = "inter.broker.listener.name", "security.inter.broker.protocol"
	if c.IsNull(key) {
		p := Protocol(slices.Index(protocolNames[:], c.Text(protocolKey)))
		return Listener{Name: p.String(), Protocol: p}, nil
	}
	if c.IsSet(protocolKey) {
		return Listener{}, &ValueError{Key: key, Message: "Only one of " + key + " and " + protocolKey + " should be set."}
	}
	name := strings.ToUpper(c.Text(key))
	p, ok := protocols[name]
	if !ok {
		return Listener{}, &ValueError{Key: key, Message: "Listener with name " + name + " defined in " + key +
			" not found in listener.security.protocol.map."}
	}
	return Listener{Name: name, Protocol: p}, nil
}
