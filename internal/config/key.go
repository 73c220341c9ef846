// Package config knows every configuration key of broker, topic, group and client metrics: one table with name, type,
// default, allowed values, meaning and effect. The table drives parsing, validation, DescribeConfigs and docs/config.md.
package config

import (
	"slices"
	"strings"
)

// Type is the type of a value, with the codes of DescribeConfigs.
type Type int8

// Types, as ConfigDef.Type.
const (
	Boolean Type = iota + 1
	String
	Int
	Short
	Long
	Double
	List // comma-separated
	Class
	Password
)

var typeNames = [...]string{"UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}

// String is Kafka's name of the type.
func (t Type) String() string { return typeNames[t] }

// Importance is how much a key matters to most users; it orders the reference page only.
type Importance int8

// Importances, as ConfigDef.Importance.
const (
	High Importance = iota
	Medium
	Low
)

// String is Kafka's name of the importance.
func (i Importance) String() string { return [...]string{"HIGH", "MEDIUM", "LOW"}[i] }

// Update says how a broker's key may change while the broker runs.
type Update int8

// Update modes, as DynamicBrokerConfig.dynamicConfigUpdateModes.
const (
	ReadOnly    Update = iota // by the file and a restart
	PerBroker                 // for one broker
	ClusterWide               // for one broker, or as the cluster's default
)

// String is Kafka's name of the mode.
func (u Update) String() string { return [...]string{"read-only", "per-broker", "cluster-wide"}[u] }

// Resource is the kind of thing that a key configures, with the codes of ConfigResource.Type.
type Resource int8

// Resources.
const (
	Topic         Resource = 2
	Broker        Resource = 4
	BrokerLogger  Resource = 8
	ClientMetrics Resource = 16
	Group         Resource = 32
)

// Markers in the Default column.
const (
	null     = "\x00null"     // the value is null unless it is set
	required = "\x00required" // there is no default
)

// Key is one row of the table.
type Key struct {
	Name       string
	Type       Type
	Default    string // as Java prints it; see HasDefault
	Check      Check  // further conditions on the value; the zero Check has none
	Importance Importance
	Update     Update // of brokers' keys; topics', groups' and client metrics' keys can always be changed
	Flags      Flag
	Doc        string // one sentence
	NoEffect   string // why the key is accepted and changes nothing here; empty: it has its effect
}

// Flag is a property of a key.
type Flag uint8

// Flags.
const (
	Internal Flag = 1 << iota // not shown by DescribeConfigs, not documented by Kafka
	Own                       // Kafka does not have it
	Deviates                  // Kafka's default is another one; docs/compat.md says why
)

// HasDefault says whether the key has a default that is not null.
func (k *Key) HasDefault() bool { return k.Default != null && k.Default != required }

// Required says whether a value must be given.
func (k *Key) Required() bool { return k.Default == required }

// Sensitive says whether the value must never be shown.
func (k *Key) Sensitive() bool { return k.Type == Password }

// Keys returns the table of a resource, sorted by name. It is shared: do not change it.
func Keys(r Resource) []Key { return tables[r] }

// Lookup finds a key.
func Lookup(r Resource, name string) (*Key, bool) {
	table := tables[r]
	i, ok := slices.BinarySearchFunc(table, name, func(k Key, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil, false
	}
	return &table[i], true
}

// tables is built once from the rows of table_*.go, and never changed.
var tables = map[Resource][]Key{
	Broker: sorted(serverKeys, logKeys, groupCoordinatorKeys, transactionKeys, kraftKeys, remoteLogKeys, securityKeys,
		ownKeys),
	Topic:         sorted(topicKeys, ownTopicKeys),
	Group:         sorted(groupKeys),
	ClientMetrics: sorted(clientMetricsKeys),
}

func sorted(parts ...[]Key) []Key {
	all := slices.Concat(parts...)
	slices.SortFunc(all, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return all
}
