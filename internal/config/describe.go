package config

import (
	"maps"
	"slices"
)

// Entry is one key as DescribeConfigs answers it.
type Entry struct {
	Name      string
	Value     *string // nil if it is sensitive or null
	Source    Source
	ReadOnly  bool
	Sensitive bool
	Type      Type // zero: unknown
	Synonyms  []Synonym
	Doc       string
}

// DescribeBroker answers for this broker: every key of the table that is not internal, and every other key of the
// file, whose values stay secret because nobody knows what they are.
func (c *Config) DescribeBroker() []Entry {
	var entries []Entry
	for _, k := range Keys(Broker) {
		if k.Flags&Internal != 0 && !c.isGiven(k.Name) {
			continue
		}
		var value *string
		if v := c.values[k.Name]; v != nil {
			text := format(v)
			value = &text
		}
		entries = append(entries, c.brokerEntry(&k, value))
	}
	for _, name := range slices.Sorted(maps.Keys(c.others())) {
		entries = append(entries, c.brokerEntry(unknownKey(name), nil))
	}
	return entries
}

func (c *Config) isGiven(name string) bool {
	_, ok := c.layered(name)
	return ok
}

// others are the keys of all layers that the table does not have.
func (c *Config) others() map[string]bool {
	found := map[string]bool{}
	for _, names := range [][]string{slices.Collect(maps.Keys(c.static)), slices.Collect(maps.Keys(c.cluster)), slices.Collect(maps.Keys(c.broker))} {
		for _, n := range names {
			if _, known := Lookup(Broker, n); !known {
				found[n] = true
			}
		}
	}
	return found
}

// unknownKey stands for a key that the table does not have. A listener's override has the type of its base key.
func unknownKey(name string) *Key {
	names := brokerSynonyms(name)
	if k, ok := Lookup(Broker, names[len(names)-1]); ok {
		over := *k
		over.Name, over.Update = name, ReadOnly
		return &over
	}
	return &Key{Name: name, Default: null}
}

func (c *Config) brokerEntry(k *Key, value *string) Entry {
	sensitive := k.Sensitive() || k.Type == 0
	e := Entry{
		Name: k.Name, Value: value, Source: Default, ReadOnly: k.Update == ReadOnly, Sensitive: sensitive, Type: k.Type,
		Synonyms: c.synonyms(k.Name, sensitive), Doc: k.Doc,
	}
	if value == nil && !sensitive {
		if v, ok := c.layered(k.Name); ok {
			e.Value = &v
		}
	}
	if sensitive {
		e.Value = nil
	}
	if len(e.Synonyms) > 0 {
		e.Source = e.Synonyms[0].Source
	}
	return e
}

// DescribeCluster answers for the cluster's default, the broker resource with an empty name: only what is set there.
func (c *Config) DescribeCluster() []Entry {
	var entries []Entry
	for _, name := range slices.Sorted(maps.Keys(c.cluster)) {
		k, ok := Lookup(Broker, name)
		if !ok {
			k = unknownKey(name)
		}
		value := c.cluster[name]
		e := c.brokerEntry(k, &value)
		e.Synonyms = slices.DeleteFunc(e.Synonyms, func(s Synonym) bool { return s.Source != DynamicDefaultBroker })
		e.Source = DynamicDefaultBroker
		entries = append(entries, e)
	}
	return entries
}

// DescribeTopic answers for a topic with these overrides. Values that do not parse (which the controller refuses to
// store) are shown as they are.
func (c *Config) DescribeTopic(overrides map[string]string) []Entry {
	return c.describe(Topic, overrides, DynamicTopic, func(k *Key) []Synonym {
		names, ok := topicSynonyms[k.Name]
		if !ok {
			return nil
		}
		return c.synonyms(names[0], k.Sensitive())
	})
}

// DescribeGroup answers for a group with these overrides.
func (c *Config) DescribeGroup(overrides map[string]string) []Entry {
	return c.describe(Group, overrides, DynamicGroup, func(k *Key) []Synonym {
		if name, ok := groupSynonym(k.Name); ok {
			return c.synonyms(name, k.Sensitive())
		}
		value := k.Default
		return []Synonym{{k.Name, &value, Default}}
	})
}

// DescribeClientMetrics answers for a client metrics subscription with these overrides.
func (c *Config) DescribeClientMetrics(overrides map[string]string) []Entry {
	return c.describe(ClientMetrics, overrides, DynamicClientMetrics, func(*Key) []Synonym { return nil })
}

func (c *Config) describe(r Resource, overrides map[string]string, source Source, inherited func(*Key) []Synonym) []Entry {
	defaults := c.defaults(r)
	var entries []Entry
	for i := range Keys(r) {
		k := &Keys(r)[i]
		text, set := overrides[k.Name]
		if k.Flags&Internal != 0 && !set {
			continue
		}
		e := Entry{Name: k.Name, Source: Default, Sensitive: k.Sensitive(), Type: k.Type, Doc: k.Doc, Synonyms: inherited(k)}
		if !set {
			text, set = defaults[k.Name]
		} else {
			if v, err := k.convert(text); err == nil {
				text = format(v)
			}
			value := text
			e.Synonyms = append([]Synonym{{k.Name, &value, source}}, e.Synonyms...)
		}
		if set {
			e.Value = &text
		}
		if len(e.Synonyms) > 0 {
			e.Source = e.Synonyms[0].Source
		}
		entries = append(entries, e)
	}
	return entries
}
