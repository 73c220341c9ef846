package shard

import "encoding/binary"

// Encoder writes keys and values of records, the inverse of Fields. The zero
// Encoder is empty and writes what is not flexible.
type Encoder struct {
	b        []byte
	flexible bool
}

// EncodeKey starts a record's key: its type; keys are never flexible.
func EncodeKey(recordType int16) *Encoder {
	e := &Encoder{}
	e.Int16(recordType)
	return e
}

// EncodeValue starts a flexible value: its version.
func EncodeValue(version int16) *Encoder {
	e := &Encoder{b: make([]byte, 0, 64), flexible: true}
	e.Int16(version)
	return e
}

// Bytes is what was written.
func (e *Encoder) Bytes() []byte { return e.b }

// Int8 writes one byte.
func (e *Encoder) Int8(v int8) { e.b = append(e.b, byte(v)) }

// Int16 writes two bytes.
func (e *Encoder) Int16(v int16) { e.b = binary.BigEndian.AppendUint16(e.b, uint16(v)) }

// Int32 writes four bytes.
func (e *Encoder) Int32(v int32) { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }

// Int64 writes eight bytes.
func (e *Encoder) Int64(v int64) { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }

// ID writes the sixteen bytes of an id.
func (e *Encoder) ID(id [16]byte) { e.b = append(e.b, id[:]...) }

// Count writes an array's length, -1 for null.
func (e *Encoder) Count(n int) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(n+1))
		return
	}
	e.Int32(int32(n))
}

// Text writes a string.
func (e *Encoder) Text(s string) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(len(s)+1))
	} else {
		e.Int16(int16(len(s)))
	}
	e.b = append(e.b, s...)
}

// NullableText writes a string or null.
func (e *Encoder) NullableText(s *string) {
	switch {
	case s != nil:
		e.Text(*s)
	case e.flexible:
		e.b = append(e.b, 0)
	default:
		e.Int16(-1)
	}
}

// Raw writes bytes with their length; nil is empty.
func (e *Encoder) Raw(b []byte) {
	e.Count(len(b))
	e.b = append(e.b, b...)
}

// Int32s writes an array of numbers.
func (e *Encoder) Int32s(list []int32) {
	e.Count(len(list))
	for _, v := range list {
		e.Int32(v)
	}
}

// Texts writes an array of strings.
func (e *Encoder) Texts(list []string) {
	e.Count(len(list))
	for _, s := range list {
		e.Text(s)
	}
}

// NoTags ends a flexible structure without tagged fields.
func (e *Encoder) NoTags() { e.b = append(e.b, 0) }

// Tag ends a flexible structure with one tagged field, which write fills.
func (e *Encoder) Tag(tag int, write func(*Encoder)) {
	field := &Encoder{flexible: true}
	write(field)
	e.b = append(e.b, 1)
	e.b = binary.AppendUvarint(e.b, uint64(tag))
	e.b = binary.AppendUvarint(e.b, uint64(len(field.b)))
	e.b = append(e.b, field.b...)
}
