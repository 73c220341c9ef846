package shard

import (
	"encoding/binary"
	"fmt"
)

// Fields takes fields off a record's value. Shards decode by hand: kmsg's
// decoders count down a declared number of tags of up to 2³², or allocate for a
// declared number of elements, and would keep a loading partition busy for
// seconds with one bad record. Here a count is checked against the bytes that
// remain.
//
// After the first error all fields are zero, and Err tells. Slices point into
// the record.
type Fields struct {
	b        []byte
	flexible bool
	bad      bool
}

// NewFields starts at the first of b's bytes, which belong to the caller.
func NewFields(b []byte) Fields { return Fields{b: b} }

// SetFlexible says whether lengths are compact and structures end with tags.
func (f *Fields) SetFlexible(flexible bool) { f.flexible = flexible }

// Fail marks the record as malformed.
func (f *Fields) Fail() { f.bad, f.b = true, nil }

// Bad reports that a field was missing or wrong.
func (f *Fields) Bad() bool { return f.bad }

// Err is an ErrMalformedRecord, with what it is, once a field was wrong.
func (f *Fields) Err(what string) error {
	if f.bad {
		return fmt.Errorf("%w: %s", ErrMalformedRecord, what)
	}
	return nil
}

func (f *Fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.Fail()
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

// Int8 takes one byte.
func (f *Fields) Int8() int8 {
	if p := f.take(1); p != nil {
		return int8(p[0])
	}
	return 0
}

// Int16 takes two bytes.
func (f *Fields) Int16() int16 {
	if p := f.take(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

// Int32 takes four bytes.
func (f *Fields) Int32() int32 {
	if p := f.take(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

// Int64 takes eight bytes.
func (f *Fields) Int64() int64 {
	if p := f.take(8); p != nil {
		return int64(binary.BigEndian.Uint64(p))
	}
	return 0
}

func (f *Fields) uvarint() int {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > 1<<31 {
		f.Fail()
		return 0
	}
	f.b = f.b[n:]
	return int(v)
}

// nullable reads a string or bytes whose length has two or four bytes where it
// is not compact; nil is null.
func (f *Fields) nullable(wide bool) []byte {
	n := 0
	switch {
	case f.flexible:
		n = f.uvarint() - 1
	case wide:
		n = int(f.Int32())
	default:
		n = int(f.Int16())
	}
	if f.bad || n == -1 {
		return nil
	}
	if p := f.take(n); p != nil {
		return p
	}
	return []byte{}
}

// NullableText takes a string or null.
func (f *Fields) NullableText() *string {
	p := f.nullable(false)
	if p == nil {
		return nil
	}
	s := string(p)
	return &s
}

// Text takes a string, which may not be null.
func (f *Fields) Text() string {
	p := f.nullable(false)
	f.bad = f.bad || p == nil
	return string(p)
}

// Bytes takes bytes, which may not be null.
func (f *Fields) Bytes() []byte {
	p := f.nullable(true)
	f.bad = f.bad || p == nil
	return p
}

// Count takes an array's length, which may not be null; every element takes at
// least min bytes.
func (f *Fields) Count(min int) int {
	n := f.NullableCount(min)
	if n < 0 {
		f.Fail()
		return 0
	}
	return n
}

// NullableCount takes an array's length, -1 for null.
func (f *Fields) NullableCount(min int) int {
	n := 0
	if f.flexible {
		n = f.uvarint() - 1
	} else {
		n = int(f.Int32())
	}
	if f.bad || n < -1 || n > len(f.b)/min {
		f.Fail()
		return 0
	}
	return n
}

// Tags takes tagged fields, if the record is flexible; known, if not nil, gets
// each of them.
func (f *Fields) Tags(known func(tag int, field []byte)) {
	if !f.flexible {
		return
	}
	for n := f.uvarint(); n > 0 && !f.bad; n-- {
		tag := f.uvarint()
		field := f.take(f.uvarint())
		if known != nil && !f.bad {
			known(tag, field)
		}
	}
}

// RecordType takes the type off a record's key: the first field, which names the
// schema of key and value (Kafka's CoordinatorRecordType).
func RecordType(key []byte) (int16, error) {
	if len(key) < 2 {
		return 0, fmt.Errorf("%w: key of %d bytes", ErrMalformedRecord, len(key))
	}
	return int16(binary.BigEndian.Uint16(key)), nil
}

// CheckValueVersion says whether the version of a record's value, its first
// field, is known.
func CheckValueVersion(value []byte, highest int16) error {
	if len(value) < 2 {
		return fmt.Errorf("%w: value of %d bytes", ErrMalformedRecord, len(value))
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > highest {
		return fmt.Errorf("%w: value version %d", ErrUnknownRecord, v)
	}
	return nil
}

// ID takes the sixteen bytes of an id.
func (f *Fields) ID() (id [16]byte) {
	copy(id[:], f.take(len(id)))
	return id
}

// Int32s takes an array of numbers, which may not be null.
func (f *Fields) Int32s() []int32 {
	n := f.Count(4)
	out := make([]int32, 0, n)
	for range n {
		out = append(out, f.Int32())
	}
	return out
}

// Texts takes an array of strings, which may not be null.
func (f *Fields) Texts() []string {
	min := 2
	if f.flexible {
		min = 1
	}
	n := f.Count(min)
	out := make([]string, 0, n)
	for range n {
		out = append(out, f.Text())
	}
	return out
}

// More says whether bytes are left.
func (f *Fields) More() bool { return len(f.b) > 0 }

// Nested reads a tagged field, which is always flexible.
func Nested(field []byte) Fields { return Fields{b: field, flexible: true} }

// NullableBytes takes bytes or null, which is nil.
func (f *Fields) NullableBytes() []byte { return f.nullable(true) }
