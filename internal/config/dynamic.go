package config

import (
	"maps"
	"slices"
	"strings"
)

// WithDynamic returns the configuration with the metadata log's values for the cluster's default and for this broker.
// Values that cannot be used are left out, with a warning each, as DynamicBrokerConfig.fromPersistentProps does; the
// result is valid in any case. The receiver's own dynamic values are replaced.
func (c *Config) WithDynamic(cluster, broker map[string]string) (*Config, []Warning) {
	next := &Config{static: c.static, warnings: c.warnings}
	var warnings []Warning
	next.cluster, warnings = usable(cluster, false, warnings)
	next.broker, warnings = usable(broker, true, warnings)
	for next.resolve() != nil {
		// Each value is fine alone, but not with the others: the last resort is to do without them.
		switch {
		case len(next.broker) > 0:
			warnings = append(warnings, Warning{Message: "this broker's dynamic configs contradict each other or the file, they are ignored"})
			next.broker = nil
		case len(next.cluster) > 0:
			warnings = append(warnings, Warning{Message: "the cluster's dynamic configs contradict each other or the file, they are ignored"})
			next.cluster = nil
		default:
			return c, warnings // c has no dynamic values that could be at fault, and was valid
		}
	}
	return next, warnings
}

func usable(values map[string]string, perBroker bool, warnings []Warning) (map[string]string, []Warning) {
	kept := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := validateBroker(perBroker, map[string]string{name: values[name]}); err != nil {
			warnings = append(warnings, Warning{Key: name, Message: "dynamic config " + name + " is ignored: " + err.Error()})
			continue
		}
		kept[name] = values[name]
	}
	return kept, warnings
}

// DynamicQuotas are keys of brokers that have no place in a file, only in the metadata log (QuotaConfig.brokerQuotaConfigs):
// bytes a second, 0 or more.
var DynamicQuotas = []string{
	"follower.replication.throttled.rate", "leader.replication.throttled.rate",
	"replica.alter.log.dirs.io.max.bytes.per.second",
}

// securityBase are the keys that may be changed for one listener only, as DYNAMIC_SECURITY_CONFIGS.
var securityBase = []string{
	"ssl.protocol", "ssl.provider", "ssl.cipher.suites", "ssl.enabled.protocols", "ssl.keystore.type", "ssl.keystore.location",
	"ssl.keystore.password", "ssl.key.password", "ssl.keystore.key", "ssl.keystore.certificate.chain", "ssl.truststore.certificates",
	"ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.password", "ssl.keymanager.algorithm",
	"ssl.trustmanager.algorithm", "ssl.endpoint.identification.algorithm", "ssl.secure.random.implementation",
	"ssl.engine.factory.class",
}

// ValidateBroker checks dynamic values of a broker, or of the cluster's default, against each other and this node's
// file. The error has Kafka's words (DynamicBrokerConfig.validateConfigs) and wraps kerr.InvalidRequest, as Kafka's
// brokers answer.
func (c *Config) ValidateBroker(perBroker bool, values map[string]string) error {
	if err := validateBroker(perBroker, values); err != nil {
		return &requestError{err.Error()}
	}
	next := &Config{static: c.static, cluster: c.cluster, broker: c.broker}
	if perBroker {
		next.broker = values
	} else {
		next.cluster = values
	}
	err := next.resolve()
	if e, ok := err.(*ValueError); ok { //nolint:errorlint // made in this package, never wrapped
		return &requestError{e.Message} // without the place in a file: it is not at fault
	}
	return err
}

// validateBroker is the part that needs no other values.
func validateBroker(perBroker bool, values map[string]string) error {
	var fixed, bare, single []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		m := listenerOverride.FindStringSubmatch(name)
		k, known := Lookup(Broker, name)
		switch {
		case m != nil:
			if base, ok := Lookup(Broker, m[1]); !ok || base.Update != ClusterWide {
				single = append(single, name)
			}
		case known && k.Update == ReadOnly:
			fixed = append(fixed, name)
		case slices.Contains(securityBase, name):
			bare = append(bare, name)
		case known && k.Update == PerBroker:
			single = append(single, name)
		}
	}
	refuse := func(names []string, why string) error {
		return &ValueError{Key: names[0], Message: why + ": [" + strings.Join(names, ", ") + "]"}
	}
	switch {
	case fixed != nil:
		return refuse(fixed, "Cannot update these configs dynamically")
	case bare != nil:
		return refuse(bare, "These security configs can be dynamically updated only per-listener using the listener prefix")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		base := name
		if m := listenerOverride.FindStringSubmatch(name); m != nil {
			base = m[1]
		}
		k, ok := Lookup(Broker, base)
		if slices.Contains(DynamicQuotas, base) {
			k, ok = &Key{Name: base, Type: Long, Check: atLeast(0)}, true
		}
		if ok {
			if _, err := k.parse(values[name]); err != nil {
				return err
			}
		}
	}
	if !perBroker && single != nil {
		return refuse(single, "Cannot update these configs at default cluster level, broker id must be specified")
	}
	return nil
}
