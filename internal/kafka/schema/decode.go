package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

// ErrShort says that a record ends before its last field.
var ErrShort = errors.New("the record ends too early")

// Decode reads a message of a version that m has, and returns what is behind it. Strings and bytes of the result are
// views on data. What the result takes is bounded by the length of data.
func (m *Message) Decode(data []byte, version int16) (o Object, rest []byte, err error) {
	if !m.Has(version) {
		return nil, nil, fmt.Errorf("Can't read version %d of %s", version, m.Name) //nolint:staticcheck // Kafka's words
	}
	d := &decoder{data: data, version: version, flexible: m.flexible.has(version)}
	o = d.object(m.fields)
	return o, d.data, d.err
}

// decoder reads fields. After an error it reads zeros.
type decoder struct {
	data     []byte
	version  int16
	flexible bool
	err      error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.data = nil
}

// object reads a structure: its plain fields in order, then the tagged section.
func (d *decoder) object(fields []field) Object {
	tagged := make([]Value, len(fields))
	shown := make([]bool, len(fields)) // tagged fields that do not have their default
	o := make(Object, 0, len(fields))
	// The plain fields are read in a first pass, and put among the tagged ones in a second.
	plain := make([]Value, len(fields))
	for i := range fields {
		if f := &fields[i]; f.in.has(d.version) && !f.tagged.has(d.version) && d.err == nil {
			plain[i] = d.value(f)
		}
	}
	if d.flexible {
		d.tags(fields, tagged, shown)
	}
	for i := range fields {
		f := &fields[i]
		switch {
		case !f.in.has(d.version):
		case !f.tagged.has(d.version):
			o = append(o, Member{f.name, plain[i]})
		case shown[i]:
			o = append(o, Member{f.name, tagged[i]})
		}
	}
	return o
}

// tags reads the tagged section. Unknown tags are skipped.
func (d *decoder) tags(fields []field, values []Value, shown []bool) {
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		tag, size := d.uvarint(), d.uvarint()
		body := d.take(size)
		for i := range fields {
			f := &fields[i]
			if !f.tagged.has(d.version) || uint64(f.tag) != tag || d.err != nil {
				continue
			}
			in := &decoder{data: body, version: d.version, flexible: true}
			values[i] = in.value(f)
			if in.err != nil {
				d.fail(in.err)
			}
			shown[i] = string(AppendJSON(nil, values[i])) != f.missing
		}
	}
}

func (d *decoder) value(f *field) Value {
	if !f.array {
		return d.one(f)
	}
	n := d.length(true)
	if n < 0 {
		return d.null(f)
	}
	if n > len(d.data) { // an element takes a byte at least
		d.fail(fmt.Errorf("Tried to allocate a collection of size %d, but there are only %d bytes remaining.", n, len(d.data))) //nolint:staticcheck // Kafka's words
		return nil
	}
	element := *f
	element.null = span{}
	list := make([]Value, 0, min(n, 1024))
	for range n {
		if d.err != nil {
			return nil
		}
		list = append(list, d.one(&element))
	}
	return list
}

// one reads a field that is no array, or an array's element.
func (d *decoder) one(f *field) Value {
	switch f.kind {
	case structure:
		if f.null.has(d.version) && d.absent(f) {
			return nil
		}
		return d.object(f.of)
	case text:
		n := d.length(false)
		if n < 0 {
			return d.null(f)
		}
		if n > math.MaxInt16 {
			d.fail(fmt.Errorf("string field %s had invalid length %d", f.name, n))
			return nil
		}
		return string(d.take(uint64(n)))
	case blob:
		n := d.length(true)
		if n < 0 {
			return d.null(f)
		}
		return d.take(uint64(n))
	}
	return number(f.kind, d.fixed(widths[f.kind]))
}

// absent reads what stands before a structure that may be null: a signed byte, or a number where it is tagged.
func (d *decoder) absent(f *field) bool {
	if f.tagged.has(d.version) {
		return d.uvarint() == 0
	}
	return int8(d.fixed(1)[0]) < 0
}

// number reads what has a fixed size.
func number(k kind, b []byte) Value {
	switch k {
	case boolean:
		return b[0] != 0
	case int8s:
		return int64(int8(b[0]))
	case int16s:
		return int64(int16(binary.BigEndian.Uint16(b)))
	case uint16s:
		return int64(binary.BigEndian.Uint16(b))
	case int32s:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case uint32s:
		return int64(binary.BigEndian.Uint32(b))
	case float64s:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case uuids:
		return uuid.UUID(b)
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (d *decoder) null(f *field) Value {
	if !f.null.has(d.version) {
		d.fail(fmt.Errorf("non-nullable field %s was serialized as null", f.name))
	}
	return nil
}

// length reads the length of a string, or of bytes and arrays, which is wide; -1 is null.
func (d *decoder) length(wide bool) int {
	if d.flexible {
		return int(min(d.uvarint(), math.MaxInt32)) - 1
	}
	if wide {
		return max(-1, int(int32(binary.BigEndian.Uint32(d.fixed(4)))))
	}
	return max(-1, int(int16(binary.BigEndian.Uint16(d.fixed(2)))))
}

var zeros [16]byte

// fixed takes n bytes, at most 16; zeros where there are fewer.
func (d *decoder) fixed(n int) []byte {
	if b := d.take(uint64(n)); len(b) == n {
		return b
	}
	return zeros[:n]
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.fail(ErrShort)
		return nil
	}
	out := d.data[:n:n]
	d.data = d.data[n:]
	return out
}

// uvarint reads an unsigned number of 32 bits.
func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.data[:min(5, len(d.data))])
	if size <= 0 || n > math.MaxUint32 {
		d.fail(ErrShort)
		return 0
	}
	d.data = d.data[size:]
	return n
}
