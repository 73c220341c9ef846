package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// ErrMalformed marks bytes that are no metadata record: truncated, with trailing
// bytes, with lengths that do not fit, or of an unknown type or version.
var ErrMalformed = errors.New("malformed metadata record")

// mode is what a coder does while it visits the fields of a record.
type mode int8

const (
	// measuring finds the lowest version that carries every field that is set.
	measuring mode = iota
	encoding
	decoding
)

// A coder walks the fields of a record in the order of its schema. One visit
// method per record serves measuring, encoding and decoding, so the three
// cannot disagree. The formats are those of Kafka's generated message classes:
// every metadata schema is flexible (KIP-482) in all of its versions.
type coder struct {
	mode    mode
	version int16
	buf     []byte // encoding: the output; decoding: what is left of the input
	tags    []tag  // the tag section at hand
	err     error  // the first error; later calls are without effect
}

// tag is one tagged field: its number and its body.
type tag struct {
	number uint64
	body   []byte
}

// maxTags bounds the tagged fields of one section. The widest schema has nine.
const maxTags = 64

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	c.buf = nil
}

// since tells whether a field that exists from a version on is present in the
// version at hand. set says that its value differs from the default: measuring
// then raises the version, and encoding in a lower version fails, for the value
// would be lost.
func (c *coder) since(version int16, set bool) bool {
	if c.mode == measuring {
		if set {
			c.version = max(c.version, version)
		}
		return false
	}
	if c.version >= version {
		return true
	}
	if c.mode == encoding && set {
		c.fail("a field of version %d is set, but version %d is to be written", version, c.version)
	}
	return false
}

// take gives the next n bytes of the input.
func (c *coder) take(n int) []byte {
	if n < 0 || n > len(c.buf) {
		c.fail("%d bytes wanted, %d left", n, len(c.buf))
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func (c *coder) uvarint(v *uint64) {
	if c.mode == encoding {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	if c.mode != decoding || c.err != nil {
		return
	}
	u, n := binary.Uvarint(c.buf)
	if n <= 0 || u > math.MaxUint32 {
		c.fail("bad varint")
		return
	}
	*v = u
	c.buf = c.buf[n:]
}

func (c *coder) int8(v *int8) {
	switch c.mode {
	case encoding:
		c.buf = append(c.buf, byte(*v))
	case decoding:
		if b := c.take(1); b != nil {
			*v = int8(b[0])
		}
	}
}

func (c *coder) bool(v *bool) {
	var b int8
	if *v {
		b = 1
	}
	c.int8(&b)
	if c.mode == decoding { // else v may belong to an image that others read
		*v = b != 0
	}
}

func (c *coder) uint16(v *uint16) {
	switch c.mode {
	case encoding:
		c.buf = binary.BigEndian.AppendUint16(c.buf, *v)
	case decoding:
		if b := c.take(2); b != nil {
			*v = binary.BigEndian.Uint16(b)
		}
	}
}

func (c *coder) int16(v *int16) {
	u := uint16(*v)
	c.uint16(&u)
	if c.mode == decoding {
		*v = int16(u)
	}
}

func (c *coder) int32(v *int32) {
	switch c.mode {
	case encoding:
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*v))
	case decoding:
		if b := c.take(4); b != nil {
			*v = int32(binary.BigEndian.Uint32(b))
		}
	}
}

func (c *coder) int64(v *int64) {
	switch c.mode {
	case encoding:
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*v))
	case decoding:
		if b := c.take(8); b != nil {
			*v = int64(binary.BigEndian.Uint64(b))
		}
	}
}

func (c *coder) float64(v *float64) {
	bits := int64(math.Float64bits(*v))
	c.int64(&bits)
	if c.mode == decoding {
		*v = math.Float64frombits(uint64(bits))
	}
}

func (c *coder) uuid(v *UUID) {
	switch c.mode {
	case encoding:
		c.buf = append(c.buf, v[:]...)
	case decoding:
		copy(v[:], c.take(len(v)))
	}
}

func (c *coder) topicID(v *TopicID) { c.uuid((*UUID)(v)) }

// length is a compact length: the number plus one, where 0 says null. Each
// element takes at least size bytes, so that no length can claim more than the
// bytes that are left. It returns -1 for null.
func (c *coder) length(n, size int) int {
	u := uint64(n + 1)
	c.uvarint(&u)
	if c.mode != decoding {
		return n
	}
	if c.err != nil || u == 0 {
		return -1
	}
	if n = int(u - 1); n > len(c.buf)/size {
		c.fail("length %d exceeds the %d bytes left", n, len(c.buf))
		return -1
	}
	return n
}

func (c *coder) notNull(n int) bool {
	if n < 0 {
		c.fail("null where the schema has none")
	}
	return n >= 0
}

func (c *coder) string(v *string) {
	switch n := c.length(len(*v), 1); c.mode {
	case encoding:
		c.buf = append(c.buf, *v...)
	case decoding:
		if c.notNull(n) {
			*v = c.utf8(n)
		}
	}
}

func (c *coder) utf8(n int) string {
	b := c.take(n)
	if !utf8.Valid(b) {
		c.fail("string is not UTF-8")
		return ""
	}
	return string(b)
}

// nullableString uses a pointer for what may be null.
func (c *coder) nullableString(v **string) {
	n := -1
	if *v != nil {
		n = len(**v)
	}
	switch n = c.length(n, 1); c.mode {
	case encoding:
		if n >= 0 {
			c.buf = append(c.buf, **v...)
		}
	case decoding:
		if *v = nil; n >= 0 {
			s := c.utf8(n)
			*v = &s
		}
	}
}

func (c *coder) bytes(v *[]byte) {
	switch n := c.length(len(*v), 1); c.mode {
	case encoding:
		c.buf = append(c.buf, *v...)
	case decoding:
		if c.notNull(n) {
			*v = slices.Clone(c.take(n))
		}
	}
}

// list visits a list whose elements take at least size bytes each. Decoding
// gives a list that is not nil, however short.
func list[T any](c *coder, v *[]T, size int, each func(*T)) {
	n := c.length(len(*v), size)
	if c.mode == decoding {
		if !c.notNull(n) {
			return
		}
		*v = make([]T, n)
	}
	for i := range *v {
		if c.err != nil {
			return
		}
		each(&(*v)[i])
	}
}

// nullableList is list for a field where nil differs from empty.
func nullableList[T any](c *coder, v *[]T, size int, each func(*T)) {
	if c.mode == decoding {
		if c.err == nil && len(c.buf) > 0 && c.buf[0] == 0 {
			c.buf = c.buf[1:]
			*v = nil
			return
		}
	} else if *v == nil {
		c.length(-1, size)
		return
	}
	list(c, v, size, each)
}

func (c *coder) int32s(v *[]int32) { list(c, v, 4, c.int32) }
func (c *coder) uuids(v *[]UUID)   { list(c, v, 16, c.uuid) }
func (c *coder) strings(v *[]string) {
	list(c, v, 1, c.string)
}

// beginTags opens a tag section. Decoding reads all of it, so that the fields
// can be visited in the order of the schema.
func (c *coder) beginTags() {
	c.tags = c.tags[:0]
	if c.mode != decoding || c.err != nil {
		return
	}
	var n uint64
	c.uvarint(&n)
	if n > maxTags {
		c.fail("%d tagged fields", n)
		return
	}
	last := -1
	for range n {
		var number, size uint64
		c.uvarint(&number)
		c.uvarint(&size)
		body := c.take(int(size))
		if c.err != nil {
			return
		}
		if int(number) <= last {
			c.fail("tag %d after tag %d", number, last)
			return
		}
		last = int(number)
		c.tags = append(c.tags, tag{number, body})
	}
}

// tag visits the tagged field with this number, present from a version on. Tags
// must be visited in ascending order. set says that the value differs from the
// default; a default is not written.
func (c *coder) tag(number uint64, version int16, set bool, body func(*coder)) {
	switch c.mode {
	case measuring:
		c.since(version, set)
	case encoding:
		if !set || !c.since(version, set) {
			return
		}
		sub := coder{mode: encoding, version: c.version}
		body(&sub)
		c.tags = append(c.tags, tag{number, sub.buf})
	case decoding:
		i := slices.IndexFunc(c.tags, func(t tag) bool { return t.number == number })
		if i < 0 || c.err != nil {
			return
		}
		if c.version < version {
			c.fail("tag %d is not valid in version %d", number, c.version)
			return
		}
		sub := coder{mode: decoding, version: c.version, buf: c.tags[i].body}
		if body(&sub); sub.err == nil && len(sub.buf) > 0 {
			sub.fail("%d bytes after tag %d", len(sub.buf), number)
		}
		if c.err == nil {
			c.err = sub.err
		}
	}
}

// endTags closes the section. Tags that the schema does not name are dropped in
// decoding, as a reader of an older schema does (KIP-482).
func (c *coder) endTags() {
	if c.mode != encoding {
		return
	}
	c.buf = binary.AppendUvarint(c.buf, uint64(len(c.tags)))
	for _, t := range c.tags {
		c.buf = binary.AppendUvarint(c.buf, t.number)
		c.buf = binary.AppendUvarint(c.buf, uint64(len(t.body)))
		c.buf = append(c.buf, t.body...)
	}
}

// noTags visits the tag section of a structure without tagged fields.
func (c *coder) noTags() {
	c.beginTags()
	c.endTags()
}
