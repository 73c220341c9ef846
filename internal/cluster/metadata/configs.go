package metadata

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// ResourceType says what a config belongs to (ConfigResource.Type).
type ResourceType int8

// The resource types that have configs.
const (
	ResourceTopic         ResourceType = 2
	ResourceBroker        ResourceType = 4
	ResourceBrokerLogger  ResourceType = 8
	ResourceClientMetrics ResourceType = 16
	ResourceGroup         ResourceType = 32
)

// ConfigResource is what configs belong to. The name of a broker is its id in
// decimal; the empty name is the default of all brokers, or of all groups.
type ConfigResource struct {
	Type ResourceType
	Name string
}

// Compare orders by type, then name.
func (r ConfigResource) Compare(o ConfigResource) int {
	return cmp.Or(cmp.Compare(r.Type, o.Type), strings.Compare(r.Name, o.Name))
}

// ConfigEntry is one config that is set.
type ConfigEntry struct{ Name, Value string }

// ConfigSet is the configs of one resource, sorted by name. It is immutable; the
// zero value is empty.
type ConfigSet struct{ sorted []ConfigEntry }

// Get gives the value of a config, and whether it is set.
func (s ConfigSet) Get(name string) (string, bool) {
	if i, ok := s.find(name); ok {
		return s.sorted[i].Value, true
	}
	return "", false
}

// All iterates over names and values, by name.
func (s ConfigSet) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, e := range s.sorted {
			if !yield(e.Name, e.Value) {
				return
			}
		}
	}
}

// Len is the number of configs that are set.
func (s ConfigSet) Len() int { return len(s.sorted) }

// Map gives the configs as a new map.
func (s ConfigSet) Map() map[string]string {
	m := make(map[string]string, len(s.sorted))
	for _, e := range s.sorted {
		m[e.Name] = e.Value
	}
	return m
}

func (s ConfigSet) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.sorted, name, func(e ConfigEntry, n string) int { return strings.Compare(e.Name, n) })
}

// With gives the set after one change; a nil value removes the config.
func (s ConfigSet) With(name string, value *string) ConfigSet {
	i, ok := s.find(name)
	switch {
	case value == nil && !ok:
		return s
	case value == nil:
		return ConfigSet{slices.Delete(slices.Clone(s.sorted), i, i+1)}
	case ok:
		c := slices.Clone(s.sorted)
		c[i].Value = *value
		return ConfigSet{c}
	}
	return ConfigSet{slices.Insert(slices.Clone(s.sorted), i, ConfigEntry{name, *value})}
}

// Equal tells whether both sets have the same configs with the same values.
func (s ConfigSet) Equal(o ConfigSet) bool { return slices.Equal(s.sorted, o.sorted) }
