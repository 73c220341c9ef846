// Package schema knows the records that Apache Kafka keeps in its own topics and files, by a table made of its message
// definitions: those of groups, transactions, share groups, cluster metadata and remote log metadata, and control
// records. It reads them into plain values, without a type for each, and writes these as the JSON of Kafka's tools.
//
// Code that works with a record has a type of its own for it; this package is for code that shows any of them.
//
// The table is schema_gen.go. It is made by
//
//	go -C tools run ./recordschema -o ../internal/kafka/schema/schema_gen.go
//
// by hand when the definitions change, since that needs Kafka's jars.
package schema

import (
	"slices"
	"strings"
	"unicode"
)

// kind is the type of a field, or of each element of an array.
type kind uint8

const (
	boolean kind = iota
	int8s
	int16s
	uint16s
	int32s
	uint32s
	int64s
	float64s
	uuids
	text
	blob
	structure
)

// widths has the bytes of the kinds of fixed size.
var widths = [...]int{boolean: 1, int8s: 1, int16s: 2, uint16s: 2, int32s: 4, uint32s: 4, int64s: 8, float64s: 8, uuids: 16}

// allVersions ends a span that holds for every later version too.
const allVersions = 127

// span is the versions from the first up to, not including, end. The zero span is empty.
type span struct{ first, end int16 }

func (s span) has(version int16) bool { return version >= s.first && version < s.end }

// field is one field of a message or structure.
type field struct {
	name  string // as in JSON
	kind  kind
	array bool
	// in is the versions that have the field, null those of them in which it may be null, and tagged those in which it
	// stands in the tagged section.
	in, null, tagged span
	tag              uint8
	// missing is the JSON of a tagged field's default, which is neither on the wire nor shown.
	missing string
	of      []field // of a structure
}

// Message is the schema of one kind of record.
type Message struct {
	// Name is Kafka's, as RegisterBrokerRecord.
	Name string
	// Key is the API key of metadata records, and the type of coordinators' records. Others have none.
	Key int16

	versions, flexible span
	fields             []field
}

// Has says whether Kafka reads this version.
func (m *Message) Has(version int16) bool { return m.versions.has(version) }

// Versions are the first and the last version that Kafka reads.
func (m *Message) Versions() (first, last int16) { return m.versions.first, m.versions.end - 1 }

// Constant is Name as in Kafka's enumerations: REGISTER_BROKER_RECORD.
func (m *Message) Constant() string {
	var b strings.Builder
	for i, r := range m.Name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// Coordinator is the records of one internal topic that a coordinator writes, keys and values by their type.
type Coordinator struct{ keys, values []Message }

// Groups are the records of __consumer_offsets.
func Groups() Coordinator { return Coordinator{groupKeys, groupValues} }

// Transactions are the records of __transaction_state.
func Transactions() Coordinator { return Coordinator{transactionKeys, transactionValues} }

// Shares are the records of __share_group_state.
func Shares() Coordinator { return Coordinator{shareKeys, shareValues} }

// Key is the schema of the keys of a type; nil for an unknown type.
func (c Coordinator) Key(kind int16) *Message { return find(c.keys, kind) }

// Value is the schema of the values of a type; nil for an unknown type.
func (c Coordinator) Value(kind int16) *Message { return find(c.values, kind) }

// Types are the types that there are, ascending.
func (c Coordinator) Types() []int16 { return keysOf(c.keys) }

// Metadata is the schema of a record of __cluster_metadata; nil for an unknown API key.
func Metadata(apiKey int16) *Message { return find(metadataRecords, apiKey) }

// MetadataKeys are the API keys of metadata records, ascending.
func MetadataKeys() []int16 { return keysOf(metadataRecords) }

// RemoteLog is the schema of a record of __remote_log_metadata; nil for an unknown API key.
func RemoteLog(apiKey int16) *Message { return find(remoteLogRecords, apiKey) }

// RemoteLogKeys are the API keys of remote log metadata records, ascending.
func RemoteLogKeys() []int16 { return keysOf(remoteLogRecords) }

// Named is the schema of a message that has no number: control records (LeaderChangeMessage, SnapshotHeaderRecord …),
// what a classic consumer puts into its group (ConsumerProtocolSubscription, ConsumerProtocolAssignment), and
// ProducerSnapshot. It is nil for an unknown name.
func Named(name string) *Message {
	if i := slices.IndexFunc(namedMessages, func(m Message) bool { return m.Name == name }); i >= 0 {
		return &namedMessages[i]
	}
	return nil
}

func find(all []Message, key int16) *Message {
	i, ok := slices.BinarySearchFunc(all, key, func(m Message, key int16) int { return int(m.Key) - int(key) })
	if !ok {
		return nil
	}
	return &all[i]
}

func keysOf(all []Message) []int16 {
	keys := make([]int16, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	return keys
}
