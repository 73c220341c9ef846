package schema

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/kafka/javanum"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Value is what a field holds: nil for null, or a bool, int64, float64, string, []byte, uuid.UUID, []Value or Object.
type Value = any

// Object is a message or structure: its fields in the order of the definition.
type Object []Member

// Member is one field of an object.
type Member struct {
	Name  string
	Value Value
}

// Get returns a field's value; nil if it is not there.
func (o Object) Get(name string) Value {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Set replaces the value of a field that is there.
func (o Object) Set(name string, v Value) {
	for i := range o {
		if o[i].Name == name {
			o[i].Value = v
		}
	}
}

// MarshalJSON writes the object as Kafka's JSON converters, so that it may stand in what encoding/json writes.
func (o Object) MarshalJSON() ([]byte, error) { return AppendJSON(nil, o), nil }

// String is the object's JSON.
func (o Object) String() string { return string(AppendJSON(nil, o)) }

// AppendJSON appends v's JSON as Kafka's JSON converters print it: without spaces, bytes in base 64, numbers that JSON
// does not know in quotes. It panics for a value of another type.
func AppendJSON(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return appendQuoted(dst, javanum.Double(v))
		}
		return append(dst, javanum.Double(v)...)
	case string:
		return appendQuoted(dst, v)
	case []byte:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
		return append(dst, '"')
	case uuid.UUID:
		return appendQuoted(dst, v.String())
	case []Value:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, e)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, m.Name), ':')
			dst = AppendJSON(dst, m.Value)
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("schema: no JSON for a %T", v))
}

// appendQuoted writes a JSON string with the escapes of the original's library and no others.
func appendQuoted(dst []byte, s string) []byte {
	const short, letters = "\b\t\n\f\r", "btnfr"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			if i := strings.IndexRune(short, r); i >= 0 {
				dst = append(dst, '\\', letters[i])
			} else {
				dst = fmt.Appendf(dst, `\u%04X`, r)
			}
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
