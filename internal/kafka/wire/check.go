package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// What one request may hold, whatever its size. A decoded element takes up to
// some hundred bytes of memory and may be two bytes on the wire, so that a frame
// of socket.request.max.bytes could take gigabytes without a bound.
const (
	// MaxElements bounds the elements of all arrays of a request together. A
	// request that names each partition of the largest clusters stays below it.
	MaxElements = 1_000_000
	// MaxTags bounds the tagged fields of a request, known or not. An unknown
	// one costs the walk over it (some nanoseconds) and no memory, see Clone.
	MaxTags = 2_000_000
	// maxDepth bounds how deep structures nest. The schema sets the depth, no
	// request can go beyond it; the tests hold the schema to the bound.
	maxDepth = 8
)

var (
	errElements   = fmt.Errorf("%w: more than %d array elements", ErrMalformed, MaxElements)
	errTags       = fmt.Errorf("%w: more than %d tagged fields", ErrMalformed, MaxTags)
	errTagVersion = fmt.Errorf("%w: tagged field of another version", ErrMalformed)
)

// Check walks a request body of a version that k speaks, and says whether it is
// what the protocol has: every field is there, every length, count, tag and
// varint fits the bytes that follow it, nothing is null that may not be, and
// the bounds MaxElements and MaxTags hold. What passes can be given to a
// decoder that trusts lengths and counts. Bytes after the body are allowed, as
// in Kafka.
//
// The error is ErrMalformed with the field and the byte at which it begins.
// Check allocates nothing else, and its time is linear in len(body).
func Check(k *Key, version int16, body []byte) error {
	c := newChecker(k, version, body)
	return c.run(k)
}

// Clone checks a body as Check does and returns a copy that shares no memory
// with it. The copy leaves out what decoders would only keep for nobody: bytes
// after the body, and unknown tagged fields. Those inside of a known tagged
// field stay.
func Clone(k *Key, version int16, body []byte) ([]byte, error) {
	clone, _, err := CloneBody(k, version, body)
	return clone, err
}

// CloneBody is Clone, and counts the bytes after the body.
func CloneBody(k *Key, version int16, body []byte) (clone []byte, trailing int, err error) {
	c := newChecker(k, version, body)
	c.copying = true
	if err := c.run(k); err != nil {
		return nil, 0, err
	}
	trailing = len(body) - c.offset()
	if c.dst == nil { // nothing is left out: the usual case
		return bytes.Clone(body[:c.offset()]), trailing, nil
	}
	c.flush(c.offset())
	return c.dst, trailing, nil
}

// checker is a walk over one body.
type checker struct {
	r        reader
	body     []byte
	after    int // bytes of body behind those of r
	version  int8
	flexible bool
	elements int // how many more may come
	tags     int

	at   int    // where the field begins that was entered last
	path string // of the field that failed

	copying bool
	dst     []byte
	flushed int // bytes of body that are in dst, or left out
}

func newChecker(k *Key, version int16, body []byte) checker {
	return checker{
		r: reader{p: body}, body: body,
		version: int8(min(version, allVersions-1)), flexible: k.IsFlexible(version),
		elements: MaxElements, tags: MaxTags,
	}
}

func (c *checker) run(k *Key) error {
	c.layout(&requestLayouts[k.Num])
	if c.r.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s at byte %d", c.r.err, c.path, c.at)
}

// offset is how many bytes of the body have been walked over.
func (c *checker) offset() int { return len(c.body) - c.after - len(c.r.p) }

func (c *checker) layout(l *layout) {
	for i := range l.fields {
		f := &l.fields[i]
		if !f.in.has(c.version) {
			continue
		}
		c.field(f)
		if c.r.err != nil {
			c.failed(f.name)
			return
		}
	}
	if c.flexible {
		c.tagged(l)
	}
}

// failed puts the name of a field before the path of what failed in it.
func (c *checker) failed(name string) {
	if c.path != "" {
		name += "." + c.path
	}
	c.path = name
}

func (c *checker) field(f *field) {
	c.at = c.offset()
	switch {
	case f.array:
		c.array(f)
	case f.kind == fixed:
		c.r.take(int(f.width))
	case f.kind != structure:
		c.r.take(c.length(f.kind == str, f.null.has(c.version)))
	case f.null.has(c.version) && c.absent():
	default:
		c.layout(f.of)
	}
}

// absent reads the byte before a structure that may be null.
func (c *checker) absent() bool {
	present := c.r.int8()
	if present < -1 {
		c.r.fail(errLength)
	}
	return present < 0 || c.r.err != nil
}

func (c *checker) array(f *field) {
	n := c.length(false, f.null.has(c.version))
	if n > c.elements {
		c.r.fail(errElements)
		return
	}
	c.elements -= n
	switch f.kind {
	case fixed:
		c.r.take(n * int(f.width))
	case str, blob:
		for ; n > 0 && c.r.err == nil; n-- {
			c.at = c.offset()
			c.r.take(c.length(f.kind == str, false))
		}
	case structure:
		for ; n > 0 && c.r.err == nil; n-- {
			c.layout(f.of)
		}
	}
}

// length reads the length of a string, of bytes or of an array, which is not
// above the number of bytes that follow: an element takes one at least. Null is
// 0 where it is allowed.
func (c *checker) length(short, nullable bool) int {
	var n int
	switch {
	case c.flexible:
		n = c.r.compactLength()
	case short:
		n = int(c.r.int16())
	default:
		n = int(c.r.int32())
	}
	switch {
	case c.r.err != nil || n == -1 && nullable:
		return 0
	case n == -1:
		c.r.fail(errNull)
		return 0
	case n < 0 || n > len(c.r.p):
		c.r.fail(errLength)
		return 0
	}
	return n
}

// tagged walks over the tagged fields at the end of a structure.
func (c *checker) tagged(l *layout) {
	start := c.offset()
	c.at = start
	n := int64(c.r.uvarint())
	switch {
	case n == 0 && c.r.err == nil:
		return
	case n > int64(len(c.r.p)/2): // a number and a size are a byte each
		c.r.fail(errLength)
	case n > int64(c.tags):
		c.r.fail(errTags)
	}
	c.tags -= int(n)
	if c.copying && c.r.err == nil {
		c.recount(l, start, n)
	}
	for ; n > 0 && c.r.err == nil; n-- {
		c.tag(l)
	}
	if c.r.err != nil && c.path == "" {
		c.failed("tagged fields")
	}
}

// tag walks over one tagged field.
func (c *checker) tag(l *layout) {
	c.at = c.offset()
	from := c.at
	number := c.r.uvarint()
	value := c.r.take(int(c.r.uvarint()))
	if c.r.err != nil {
		return
	}
	f := l.tagOf(number)
	if f == nil {
		c.leaveOut(from)
		return
	}
	if !f.in.has(c.version) { // as in Kafka's readers: the number is taken
		c.r.fail(errTagVersion)
		c.failed(f.name)
		return
	}
	rest, after, copying := c.r.p, c.after, c.copying
	c.r.p, c.after, c.copying = value, after+len(rest), false // the field's size stands before it already
	c.field(f)
	if c.r.end() != nil {
		c.r.fail(errTag)
		c.failed(f.name)
		return
	}
	c.r.p, c.after, c.copying = rest, after, copying
}

// recount writes into the copy how many of the n tagged fields it will have.
// The count stood at start.
func (c *checker) recount(l *layout, start int, n int64) {
	known := uint64(0)
	for r := c.r; n > 0 && r.err == nil; n-- {
		if l.tagOf(r.uvarint()) != nil {
			known++
		}
		r.take(int(r.uvarint()))
	}
	if c.dst == nil {
		c.dst = make([]byte, 0, len(c.body))
	}
	c.flush(start)
	c.dst = binary.AppendUvarint(c.dst, known)
	c.flushed = c.offset()
}

// leaveOut keeps the bytes between from and here out of the copy.
func (c *checker) leaveOut(from int) {
	if c.copying {
		c.flush(from)
		c.flushed = c.offset()
	}
}

// flush brings the copy up to an offset of the body.
func (c *checker) flush(to int) {
	c.dst = append(c.dst, c.body[c.flushed:to]...)
	c.flushed = to
}
