package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed marks a frame that does not follow the protocol. The connection
// that sent it has no future: what follows cannot be told apart from it.
var ErrMalformed = errors.New("malformed frame")

// The reasons of ErrMalformed, made once so that a flood of bad frames costs
// no allocation.
var (
	errShortFrame = fmt.Errorf("%w: ends within a field", ErrMalformed)
	errVarint     = fmt.Errorf("%w: variable-length number out of range", ErrMalformed)
	errLength     = fmt.Errorf("%w: negative or too large length", ErrMalformed)
	errNull       = fmt.Errorf("%w: null where the protocol has none", ErrMalformed)
	errTag        = fmt.Errorf("%w: tagged field of the wrong size", ErrMalformed)
)

// reader takes fields off a frame. After the first error every method returns
// zero and changes nothing, so that callers check err once per element.
type reader struct {
	p   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
		r.p = nil
	}
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.p) {
		r.fail(errShortFrame)
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) int8() int8 {
	if len(r.p) < 1 {
		r.fail(errShortFrame)
		return 0
	}
	v := int8(r.p[0])
	r.p = r.p[1:]
	return v
}

func (r *reader) int16() int16 {
	if len(r.p) < 2 {
		r.fail(errShortFrame)
		return 0
	}
	v := int16(binary.BigEndian.Uint16(r.p))
	r.p = r.p[2:]
	return v
}

func (r *reader) int32() int32 {
	if len(r.p) < 4 {
		r.fail(errShortFrame)
		return 0
	}
	v := int32(binary.BigEndian.Uint32(r.p))
	r.p = r.p[4:]
	return v
}

func (r *reader) int64() int64 {
	if len(r.p) < 8 {
		r.fail(errShortFrame)
		return 0
	}
	v := int64(binary.BigEndian.Uint64(r.p))
	r.p = r.p[8:]
	return v
}

func (r *reader) uuid() (id [16]byte) {
	if len(r.p) < 16 {
		r.fail(errShortFrame)
		return id
	}
	id = [16]byte(r.p)
	r.p = r.p[16:]
	return id
}

// uvarint reads an unsigned number of at most 32 bits in at most five bytes,
// which is what lengths and tags are.
func (r *reader) uvarint() uint32 {
	var v uint32
	for i, b := range r.p {
		if i == 4 && b > 0x0f { // a sixth byte, or bits above the 32nd
			break
		}
		v |= uint32(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.p = r.p[i+1:]
			return v
		}
	}
	if len(r.p) >= 5 {
		r.fail(errVarint)
	} else {
		r.fail(errShortFrame)
	}
	return 0
}

// compactLength reads a length that is stored plus one; -1 is null.
func (r *reader) compactLength() int {
	n := int64(r.uvarint()) - 1
	if r.err == nil && n > int64(len(r.p)) {
		r.fail(errLength)
		return 0
	}
	return int(n)
}

// nullable returns n bytes; nil for n = -1, and never nil otherwise.
func (r *reader) nullable(n int) []byte {
	switch {
	case r.err != nil || n == -1:
		return nil
	case n < -1:
		r.fail(errLength)
		return nil
	}
	return r.take(n)
}

func (r *reader) nullableString(flexible bool) []byte {
	if flexible {
		return r.nullable(r.compactLength())
	}
	return r.nullable(int(r.int16()))
}

func (r *reader) string(flexible bool) []byte {
	s := r.nullableString(flexible)
	if s == nil {
		r.fail(errNull)
	}
	return s
}

func (r *reader) nullableBytes(flexible bool) []byte {
	if flexible {
		return r.nullable(r.compactLength())
	}
	return r.nullable(int(r.int32()))
}

// arrayLen reads the length of an array that may not be null and whose
// elements take at least min bytes each.
func (r *reader) arrayLen(flexible bool, min int) int {
	var n int
	if flexible {
		n = r.compactLength()
	} else {
		n = int(r.int32())
	}
	switch {
	case r.err != nil:
		return 0
	case n == -1:
		r.fail(errNull)
		return 0
	case n < 0 || n > len(r.p)/min:
		r.fail(errLength)
		return 0
	}
	return n
}

// tags reads tagged fields, hands each to known, and keeps nothing of them.
// known returns nil for a tag that it does not know; it may be nil.
func (r *reader) tags(known func(tag uint32, field []byte) error) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		tag := r.uvarint()
		size := r.uvarint()
		if uint64(size) > uint64(len(r.p)) {
			r.fail(errShortFrame)
			return
		}
		field := r.take(int(size))
		if r.err != nil || known == nil {
			continue
		}
		if err := known(tag, field); err != nil {
			r.fail(err)
		}
	}
}

// end returns the error of a tagged field that was read as a whole.
func (r *reader) end() error {
	if r.err == nil && len(r.p) != 0 {
		return errTag
	}
	return r.err
}
