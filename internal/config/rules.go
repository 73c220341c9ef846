package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// check holds the conditions that concern several keys, as KafkaConfig.validateValues. The error is a [*ValueError].
func (c *Config) check() error {
	for _, rules := range [][]rule{valueRules, c.roleRules(), addressRules} {
		for _, r := range rules {
			if !r.holds(c) {
				return &ValueError{Key: r.key, Message: r.message(c)}
			}
		}
	}
	return nil
}

// rule is a condition; key is where the user should look.
type rule struct {
	key     string
	holds   func(c *Config) bool
	message func(c *Config) string
}

func says(text string) func(*Config) string { return func(*Config) string { return text } }

var valueRules = []rule{
	{
		"node.id", func(c *Config) bool { return c.Int("node.id") == c.Int("broker.id") },
		says("You must set `node.id` to the same value as `broker.id`."),
	},
	{
		"log.roll.ms", func(c *Config) bool { return c.LogRoll() >= 1 },
		says("log.roll.ms must be greater than or equal to 1"),
	},
	{
		"log.roll.jitter.ms", func(c *Config) bool { return c.LogRollJitter() >= 0 },
		says("log.roll.jitter.ms must be greater than or equal to 0"),
	},
	{
		"log.retention.ms", func(c *Config) bool { return c.LogRetention() != 0 },
		says("log.retention.ms must be unlimited (-1) or, greater than or equal to 1"),
	},
	{
		"log.dirs", func(c *Config) bool { return len(c.LogDirs()) > 0 },
		says("At least one log directory must be defined via log.dirs or log.dir."),
	},
	{ // Kafka takes the working directory
		"metadata.log.dir", func(c *Config) bool { return c.IsNull("metadata.log.dir") || c.Text("metadata.log.dir") != "" },
		says("metadata.log.dir must name a directory; without it the first of log.dirs is used"),
	},
	{"log.cleaner.dedupe.buffer.size", func(c *Config) bool {
		threads := c.Int64("log.cleaner.threads")
		return threads == 0 || c.Int64("log.cleaner.dedupe.buffer.size")/threads > 1<<20
	}, says("log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")},
	{"replica.socket.timeout.ms", func(c *Config) bool {
		return c.Int("replica.fetch.wait.max.ms") <= c.Int("replica.socket.timeout.ms")
	}, says("replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts")},
	{"replica.fetch.wait.max.ms", func(c *Config) bool {
		return c.Int("replica.fetch.wait.max.ms") <= c.Int("replica.lag.time.max.ms")
	}, says("replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR")},
	{"group.coordinator.rebalance.protocols", func(c *Config) bool {
		return slices.Contains(c.List("group.coordinator.rebalance.protocols"), "classic")
	}, says("Disabling the 'classic' protocol is not supported.")},
	{"queued.max.request.bytes", func(c *Config) bool {
		n := c.Int64("queued.max.request.bytes")
		return n <= 0 || n >= c.Int64("socket.request.max.bytes")
	}, says("queued.max.request.bytes must be larger or equal to socket.request.max.bytes")},
	{"max.connections.per.ip", func(c *Config) bool {
		return c.Int("max.connections.per.ip") != 0 || c.Text("max.connections.per.ip.overrides") != ""
	}, says("max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.")},
	{"connection.failed.authentication.delay.ms", func(c *Config) bool {
		idle := c.Int64("connections.max.idle.ms")
		return idle < 0 || c.Int64("connection.failed.authentication.delay.ms") < idle
	}, func(c *Config) string {
		return fmt.Sprintf("connection.failed.authentication.delay.ms=%d should always be less than connections.max.idle.ms=%d "+
			"to prevent failed authentication responses from timing out",
			c.Int64("connection.failed.authentication.delay.ms"), c.Int64("connections.max.idle.ms"))
	}},
}

// roleRules are the conditions of the node's roles.
func (c *Config) roleRules() []rule {
	switch {
	case c.IsBroker() && !c.IsController():
		return brokerRules
	case c.IsController() && !c.IsBroker():
		return slices.Concat(controllerOnlyRules, controllerRules)
	}
	return controllerRules
}

var quorumRule = rule{"controller.quorum.bootstrap.servers", func(c *Config) bool {
	return len(c.net.voters) > 0 || len(c.BootstrapServers()) > 0
}, says("If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or " +
	"controller.quorum.voters must contain a parseable set of controllers.")}

var brokerRules = []rule{
	quorumRule,
	{"controller.quorum.voters", func(c *Config) bool { return !c.isVoter() }, func(c *Config) string {
		return fmt.Sprintf("If process.roles contains just the 'broker' role, the node id %d must not be included in the set of "+
			"voters controller.quorum.voters=%s", c.NodeID(), c.voterIDs())
	}},
	{
		"controller.listener.names", func(c *Config) bool { return len(c.List("controller.listener.names")) > 0 },
		says("controller.listener.names must contain at least one value when running KRaft with just the broker role"),
	},
	{
		"controller.listener.names", func(c *Config) bool { return len(c.ControllerListeners()) == 0 },
		says("controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role"),
	},
	{"controller.listener.names", func(c *Config) bool { return c.unmappedController() == "" }, func(c *Config) string {
		return "Controller listener with name " + c.unmappedController() + " defined in controller.listener.names not found in " +
			"listener.security.protocol.map  (an explicit security mapping for each controller listener is required if " +
			"listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use)"
	}},
	{
		"controller.quorum.auto.join.enable", func(c *Config) bool { return !c.Bool("controller.quorum.auto.join.enable") },
		says("controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role."),
	},
}

var controllerOnlyRules = []rule{
	{
		"listeners", func(c *Config) bool { return len(c.net.controllers) == len(c.net.listeners) },
		says("The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller"),
	},
	{"inter.broker.listener.name", func(c *Config) bool {
		return c.IsNull("inter.broker.listener.name") || !c.IsControllerListener(c.net.interBroker.Name)
	}, says("controller.listener.names must not contain an explicitly set inter.broker.listener.name configuration value when process.roles=controller'")},
}

var controllerRules = []rule{
	quorumRule,
	{"controller.quorum.voters", func(c *Config) bool { return len(c.net.voters) == 0 || c.isVoter() }, func(c *Config) string {
		return fmt.Sprintf("If process.roles contains the 'controller' role, the node id %d must be included in the set of voters "+
			"controller.quorum.voters=%s", c.NodeID(), c.voterIDs())
	}},
	{
		"controller.listener.names", func(c *Config) bool { return len(c.net.controllers) > 0 },
		says("controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role"),
	},
	{"controller.listener.names", func(c *Config) bool {
		for _, n := range c.List("controller.listener.names") {
			if !slices.ContainsFunc(c.net.listeners, func(l Listener) bool { return l.Name == n }) {
				return false
			}
		}
		return true
	}, says("controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role")},
}

// addressRules hold for brokers; the last one for all nodes.
var addressRules = []rule{
	{
		"controller.listener.names", func(c *Config) bool { return !c.IsBroker() || len(c.net.advertised) > 0 },
		says("There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?"),
	},
	{"inter.broker.listener.name", func(c *Config) bool {
		return !c.IsBroker() || hasListener(c.net.advertised, c.net.interBroker.Name)
	}, func(c *Config) string {
		return "inter.broker.listener.name must be a listener name defined in advertised.listeners. " +
			"The valid options based on currently configured listeners are " + listenerNames(c.net.advertised)
	}},
	{"advertised.listeners", func(c *Config) bool {
		for _, l := range c.net.advertised {
			if c.IsBroker() && !hasListener(c.net.listeners, l.Name) {
				return false
			}
		}
		return true
	}, func(c *Config) string {
		return "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found " +
			listenerNames(c.net.advertised) + ". The valid options based on the current configuration are " + listenerNames(c.net.listeners)
	}},
	{"cordoned.log.dirs", func(c *Config) bool {
		list := c.List("cordoned.log.dirs")
		return !slices.Contains(list, "*") || len(list) == 1
	}, says("When cordoned.log.dirs is set to *, it must not contain other values")},
	{"cordoned.log.dirs", func(c *Config) bool { return len(c.unknownCordoned()) == 0 }, func(c *Config) string {
		return "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : " +
			strings.Join(c.unknownCordoned(), ", ")
	}},
	{"advertised.listeners", func(c *Config) bool {
		for _, l := range slices.Concat(c.net.advertised, c.net.controllers) {
			if l.Host == "0.0.0.0" {
				return false
			}
		}
		return true
	}, says("advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.")},
	{"sasl.mechanism.inter.broker.protocol", func(c *Config) bool {
		return !c.net.interBroker.Protocol.SASL() || slices.Contains(
			commas.Split(c.ForListener(c.net.interBroker.Name, "sasl.enabled.mechanisms"), -1),
			c.Text("sasl.mechanism.inter.broker.protocol"))
	}, says("sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for inter-broker communication")},
}

func (c *Config) isVoter() bool {
	return slices.ContainsFunc(c.net.voters, func(v Voter) bool { return v.ID == c.NodeID() })
}

// voterIDs shows the ids as Scala shows a set.
func (c *Config) voterIDs() string {
	var ids []string
	for _, v := range c.net.voters {
		ids = append(ids, fmt.Sprint(v.ID))
	}
	return "Set(" + strings.Join(ids, ", ") + ")"
}

// unmappedController is the first controller listener without a protocol.
func (c *Config) unmappedController() string {
	for _, n := range c.List("controller.listener.names") {
		if _, ok := c.net.protocols[strings.ToUpper(n)]; !ok {
			return strings.ToUpper(n)
		}
	}
	return ""
}

func (c *Config) unknownCordoned() []string {
	if slices.Contains(c.List("cordoned.log.dirs"), "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.List("cordoned.log.dirs")), func(d string) bool { return slices.Contains(c.LogDirs(), d) })
}

func hasListener(list []Listener, name string) bool {
	return slices.ContainsFunc(list, func(l Listener) bool { return l.Name == name })
}

func listenerNames(list []Listener) string {
	var names []string
	for _, l := range list {
		names = append(names, l.Name)
	}
	return strings.Join(names, ",")
}

// exposed warns of listeners that others can reach without TLS or authentication, where no ACL protects them.
func (c *Config) exposed() []Warning {
	if c.Text("authorizer.class.name") != "" {
		return nil
	}
	var warnings []Warning
	for _, l := range c.net.listeners {
		if l.Protocol.SASL() || isLoopback(l.Host) {
			continue
		}
		s := c.static["listeners"]
		warnings = append(warnings, Warning{"listeners", fmt.Sprintf("listener %s is open: everyone who reaches it may read, write "+
			"and delete everything; bind it to localhost, or use SASL and authorizer.class.name", l), s.file, s.line})
	}
	return warnings
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
