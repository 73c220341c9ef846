package config

import (
	"regexp"
	"slices"
	"strings"
)

// Synonym is one place where a value may come from, as DescribeConfigs lists them.
type Synonym struct {
	Name   string
	Value  *string // nil if it is sensitive or null
	Source Source
}

// Source says where a value comes from, with the codes of DescribeConfigs.
type Source int8

// Sources, as ConfigSource.
const (
	DynamicTopic Source = iota + 1
	DynamicBroker
	DynamicDefaultBroker
	StaticBroker
	Default
	DynamicBrokerLogger
	DynamicClientMetrics
	DynamicGroup
)

// topicSynonyms map a topic's key to the broker's keys that give its default, in order of precedence, as
// ServerTopicConfigSynonyms. Values of keys in other units are converted.
var topicSynonyms = map[string][]string{
	"segment.bytes":                   {"log.segment.bytes"},
	"segment.ms":                      rollKeys,
	"segment.jitter.ms":               jitterKeys,
	"segment.index.bytes":             {"log.index.size.max.bytes"},
	"flush.messages":                  {"log.flush.interval.messages"},
	"flush.ms":                        flushKeys,
	"retention.bytes":                 {"log.retention.bytes"},
	"retention.ms":                    retentionKeys,
	"max.message.bytes":               {"message.max.bytes"},
	"index.interval.bytes":            {"log.index.interval.bytes"},
	"delete.retention.ms":             {"log.cleaner.delete.retention.ms"},
	"min.compaction.lag.ms":           {"log.cleaner.min.compaction.lag.ms"},
	"max.compaction.lag.ms":           {"log.cleaner.max.compaction.lag.ms"},
	"file.delete.delay.ms":            {"log.segment.delete.delay.ms"},
	"min.cleanable.dirty.ratio":       {"log.cleaner.min.cleanable.ratio"},
	"cleanup.policy":                  {"log.cleanup.policy"},
	"unclean.leader.election.enable":  {"unclean.leader.election.enable"},
	"min.insync.replicas":             {"min.insync.replicas"},
	"compression.type":                {"compression.type"},
	"compression.gzip.level":          {"compression.gzip.level"},
	"compression.lz4.level":           {"compression.lz4.level"},
	"compression.zstd.level":          {"compression.zstd.level"},
	"preallocate":                     {"log.preallocate"},
	"message.timestamp.type":          {"log.message.timestamp.type"},
	"message.timestamp.before.max.ms": {"log.message.timestamp.before.max.ms"},
	"message.timestamp.after.max.ms":  {"log.message.timestamp.after.max.ms"},
	"local.retention.ms":              {"log.local.retention.ms"},
	"local.retention.bytes":           {"log.local.retention.bytes"},
	"log.flush.before.ack":            {"log.flush.before.ack"},
	"max.decompressed.message.bytes":  {"max.decompressed.message.bytes"},
}

// groupSynonym is the broker's key that gives a group's key its default, as GroupConfig.ALL_GROUP_CONFIG_SYNONYMS.
func groupSynonym(name string) (string, bool) {
	switch name {
	case "share.auto.offset.reset", "share.isolation.level", "share.renew.acknowledge.enable":
		return "", false
	}
	return "group." + name, true
}

var (
	listenerOverride = regexp.MustCompile(`^listener\.name\.[^.]*\.(.*)$`)
	mechanismKeys    = []string{
		"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
		"sasl.server.callback.handler.class", "connections.max.reauth.ms",
	}
)

// brokerSynonyms are all keys that may give a broker's key its value, as DynamicBrokerConfig.brokerConfigSynonyms.
func brokerSynonyms(name string) []string {
	for _, family := range [][]string{rollKeys, jitterKeys, retentionKeys} {
		if slices.Contains(family, name) {
			return family
		}
	}
	if name == flushKeys[0] {
		return flushKeys
	}
	m := listenerOverride.FindStringSubmatch(name)
	if m == nil {
		return []string{name}
	}
	base := m[1]
	for _, k := range mechanismKeys { // listener.name.<listener>.<mechanism>.<key>
		if strings.HasSuffix(base, k) {
			base = k
		}
	}
	return []string{name, base}
}

// synonyms lists what the layers hold for a broker's key, first what counts.
func (c *Config) synonyms(name string, sensitive bool) []Synonym {
	names := brokerSynonyms(name)
	var all []Synonym
	add := func(name, value string, source Source) {
		s := Synonym{Name: name, Source: source}
		if !sensitive {
			s.Value = &value
		}
		all = append(all, s)
	}
	for _, n := range names {
		if v, ok := c.broker[n]; ok {
			add(n, v, DynamicBroker)
		}
	}
	for _, n := range names {
		if v, ok := c.cluster[n]; ok {
			add(n, v, DynamicDefaultBroker)
		}
	}
	for _, n := range names {
		if s, ok := c.static[n]; ok {
			add(n, s.text, StaticBroker)
		}
	}
	for _, n := range names {
		if k, ok := Lookup(Broker, n); ok && k.HasDefault() {
			add(n, k.Default, Default)
		}
	}
	// A base key is not described by what overrides it for a listener.
	i := slices.IndexFunc(all, func(s Synonym) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return all[i:]
}
