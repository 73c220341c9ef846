package wire

// The layouts of all requests stand in schema_gen.go, which is made of Apache
// Kafka's message definitions by
//
//	go -C tools run ./wireschema -o ../internal/kafka/wire/schema_gen.go
//
// It is run by hand when the definitions change, since it needs Kafka's jar.

// kind is how a field, or each element of an array, is stored.
type kind uint8

const (
	fixed     kind = iota // width bytes
	str                   // length of 16 bits, or compact
	blob                  // bytes and records: length of 32 bits, or compact
	structure             // the fields of a layout; a byte before them where it may be null
)

// allVersions ends a span that holds for every later version too.
const allVersions = 127

// span is the versions from the first up to, not including, end. The zero span
// is empty.
type span struct{ first, end int8 }

func (s span) has(version int8) bool { return version >= s.first && version < s.end }

// field is one field of a message.
type field struct {
	name  string // as in Kafka's definitions
	kind  kind
	array bool
	width uint8 // bytes of a fixed field
	tag   uint8 // number of a tagged field
	// in is the versions that have the field, and null those of them in which
	// it may be null. An array's elements are never null.
	in, null span
	of       *layout // of a structure
}

// layout is the fields of a message or structure, in the order on the wire.
// Flexible versions end with a section of tagged fields.
type layout struct {
	fields []field
	tagged []field
}

// tagOf returns the tagged field with a number, or nil if no version has it.
func (l *layout) tagOf(number uint32) *field {
	for i := range l.tagged {
		if f := &l.tagged[i]; uint32(f.tag) == number {
			return f
		}
	}
	return nil
}
