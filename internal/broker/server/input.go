package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// input is the read side of a connection: a buffer that is there only while
// bytes are. See buffer for which one.
type input struct {
	buf        *buffer
	start, end int // the bytes not yet consumed
	body       int // size of the frame that was handed out, prefix included
	proven     int // size of the last large frame that was whole
	// n and errno are the result of a read inside of [Conn.try].
	n     int
	errno syscall.Errno
}

func (in *input) len() int { return in.end - in.start }

// declared returns the length that the frame at start declares; ok is false
// while it is not known.
func (in *input) declared() (n int32, ok bool) {
	if in.len() < 4 {
		return 0, false
	}
	return int32(binary.BigEndian.Uint32(in.buf.b[in.start:])), true
}

// hasFrame reports whether a whole further frame stands behind the one that
// was handed out.
func (in *input) hasFrame() bool {
	p := in.start + in.body
	if in.buf == nil || in.end-p < 4 {
		return false
	}
	n := int32(binary.BigEndian.Uint32(in.buf.b[p:]))
	return n > 0 && int64(in.end-p-4) >= int64(n)
}

// frame returns the whole frame's body, or the number of bytes from start that
// the frame needs.
func (in *input) frame(limit int) (body []byte, need int, err error) {
	n, ok := in.declared()
	if !ok {
		return nil, 4, nil
	}
	if n <= 0 || int(n) > limit {
		head := in.buf.b[in.start:min(in.end, in.start+16)]
		return nil, 0, fmt.Errorf("%w: %s", errFrame, describeLength(n, limit, head))
	}
	if in.len() < 4+int(n) {
		return nil, 4 + int(n), nil
	}
	in.body = 4 + int(n)
	return in.buf.b[in.start+4 : in.start+in.body : in.start+in.body], 0, nil
}

// space is where the next bytes of a frame of need bytes go. A frame buffer
// takes this frame only.
func (in *input) space(need int) []byte {
	if in.buf.isFrame() {
		return in.buf.b[in.end:min(in.buf.ready, need)]
	}
	return in.buf.b[in.end:]
}

// moveTo makes b the buffer, with what is there at its front, and returns the
// one before.
func (in *input) moveTo(b *buffer) (before *buffer) {
	before = in.buf
	if before != nil {
		in.end = copy(b.b, before.b[in.start:in.end])
	}
	in.start, in.buf = 0, b
	return before
}

// errNoMemory says that the system refused address space.
var errNoMemory = errors.New("no memory for a frame")

// next returns the next frame's body. It is valid until the next call.
func (c *Conn) next() ([]byte, error) {
	c.consume()
	for {
		body, need, err := c.in.frame(c.srv.limits.MaxRequestBytes)
		if err != nil {
			return nil, err
		}
		if body != nil {
			c.whole()
			return body, nil
		}
		n, err := c.fill(need)
		if n > 0 {
			c.srv.Stats.BytesIn.Add(int64(n))
			c.received(time.Now())
		}
		if err != nil {
			if errors.Is(err, io.EOF) && c.in.len() > 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// whole notes that a frame is there.
func (c *Conn) whole() {
	if c.in.body > firstBuffer {
		c.in.proven = c.in.body
	}
	if cl := c.claim.Load(); cl != nil {
		cl.whole.Store(true)
	}
}

// consume drops the frame that was handed out last, and what it had of the
// memory.
func (c *Conn) consume() {
	in := &c.in
	if in.body == 0 {
		return
	}
	in.start += in.body
	in.body = 0
	if in.start == in.end {
		in.start, in.end = 0, 0
		c.free()
	}
	if c.claim.Load() != nil {
		c.srv.memory.leave(c)
	}
}

// free gives the buffer back.
func (c *Conn) free() {
	b := c.in.buf
	c.in.buf = nil
	switch {
	case b == nil:
	case b.isFrame():
		c.srv.memory.keepFrame(c, b)
	default:
		c.putScratch(b)
	}
}

// fill reads what there is of a frame of need bytes.
func (c *Conn) fill(need int) (int, error) {
	in := &c.in
	if in.buf != nil {
		if err := c.makeRoom(need); err != nil {
			return 0, err
		}
	}
	if c.raw == nil {
		return c.fillFromPipe(need)
	}
	in.n, in.errno = 0, 0
	c.need = need
	if err := c.raw.Read(c.tryRead); err != nil {
		return 0, err
	}
	switch {
	case in.errno != 0:
		return 0, fmt.Errorf("read: %w", in.errno)
	case in.n == 0:
		return 0, io.EOF
	}
	in.end += in.n
	return in.n, nil
}

// fillFromPipe is fill for connections that are no sockets. They cannot wait
// without a buffer, and take the smallest.
func (c *Conn) fillFromPipe(need int) (int, error) {
	in := &c.in
	if in.buf == nil {
		in.buf = c.srv.buffers.get(parkedBuffer)
	}
	if in.len() > 0 {
		c.hold(need)
	}
	n, err := c.nc.Read(in.space(need))
	in.end += n
	return n, err
}

// received notes that bytes have come.
func (c *Conn) received(now time.Time) {
	c.lastReceived.Store(now.UnixNano())
	if cl := c.claim.Load(); cl != nil {
		cl.received.Store(int64(c.in.len()))
		cl.last.Store(now.UnixNano())
	}
}

// try makes one attempt to read, in the way of [syscall.RawConn]: if it reports
// false the goroutine parks until there is something, without a buffer, or with
// no more than what has come.
func (c *Conn) try(fd uintptr) bool {
	in := &c.in
	if in.buf == nil || len(in.buf.b) < firstBuffer {
		c.unpark()
	}
	for {
		n, err := syscall.Read(int(fd), in.space(c.need))
		switch {
		case err == nil:
			in.n = n
			return true
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			c.park(c.need)
			return false
		default:
			in.errno, _ = err.(syscall.Errno) //nolint:errorlint // that is what package syscall returns
			return true
		}
	}
}

// unpark gives the reader a scratch buffer: a large one if its connection sends
// large frames and there are not too many.
func (c *Conn) unpark() {
	size := firstBuffer
	if c.in.proven > 0 {
		if c.srv.scratch.Add(1) <= maxLargeScratch {
			size = largeScratch
		} else {
			c.srv.scratch.Add(-1)
		}
	}
	if before := c.in.moveTo(c.srv.buffers.get(size)); before != nil {
		c.putScratch(before)
	}
}

func (c *Conn) putScratch(b *buffer) {
	if len(b.b) == largeScratch {
		c.srv.scratch.Add(-1)
	}
	b.release()
}

// park gives back what the reader does not need while it waits for a frame of
// need bytes.
func (c *Conn) park(need int) {
	in := &c.in
	switch n := in.len(); {
	case n == 0:
		in.start, in.end = 0, 0
		c.free()
		return
	case in.buf.isFrame():
		return
	case n > firstBuffer:
		cl := c.srv.memory.claim(c)
		if c.toFrame(cl, need) {
			// Reading goes on without asking first: there must be room.
			c.pay(cl, min(int64(in.end)+firstStep, int64(need), int64(len(in.buf.b))))
			return
		}
	case n > parkedBuffer && len(in.buf.b) > firstBuffer:
		c.putScratch(in.moveTo(c.srv.buffers.get(firstBuffer)))
	case n <= parkedBuffer && len(in.buf.b) > parkedBuffer:
		c.putScratch(in.moveTo(c.srv.buffers.get(parkedBuffer)))
	}
	c.hold(need)
}

// hold charges what a frame of need bytes, of which a part has come, keeps in a
// scratch buffer: twice its size, for it is on the heap, which the collector
// lets grow to twice of what lives.
func (c *Conn) hold(need int) {
	cl := c.srv.memory.claim(c)
	cl.received.Store(int64(c.in.len()))
	cl.declared.Store(int64(need))
	if n := 2 * int64(len(c.in.buf.b)); !c.in.buf.isFrame() && cl.held != n {
		c.srv.memory.charge(cl, n)
	}
}

// makeRoom sees to it that there is room for more bytes of a frame of need
// bytes. It waits if the budget is used up.
func (c *Conn) makeRoom(need int) error {
	in := &c.in
	if !in.buf.isFrame() {
		if in.start > 0 && in.start+need > len(in.buf.b) {
			in.end = copy(in.buf.b, in.buf.b[in.start:in.end])
			in.start = 0
		}
		if in.end < len(in.buf.b) || len(in.buf.b) < firstBuffer && c.raw != nil {
			return nil // or a larger scratch buffer will do
		}
	} else if in.end < min(in.buf.ready, need) {
		return nil
	}
	return c.extend(need)
}

// extend gets the frame more room, in a frame buffer, and pays for it.
func (c *Conn) extend(need int) error {
	in, m := &c.in, c.srv.memory
	cl := m.claim(c)
	cl.received.Store(int64(in.len()))
	cl.declared.Store(int64(need))
	if in.end == len(in.buf.b) {
		if !c.toFrame(cl, need) {
			return fmt.Errorf("%w of %d bytes", errNoMemory, need)
		}
		c.pay(cl, int64(in.end))
	}
	b := in.buf
	if b.ready > in.end {
		return nil
	}
	step := min(max(b.resident, firstStep), lastStep)
	target := min(max(b.resident, int64(in.end))+step, int64(need), int64(len(b.b)))
	if !m.take(cl, target-cl.held) {
		return net.ErrClosed
	}
	b.resident, b.ready = target, int(target)
	return nil
}

// pay charges for what a frame buffer holds, in any case.
func (c *Conn) pay(cl *claim, n int64) {
	if n > cl.held {
		c.srv.memory.charge(cl, n)
	}
	c.in.buf.resident = cl.held
	c.in.buf.ready = int(cl.held)
}

// toFrame moves a frame of need bytes from a buffer that is too small into a
// frame buffer. It reports false if the system has no address space to give.
func (c *Conn) toFrame(cl *claim, need int) bool {
	in, m := &c.in, c.srv.memory
	if in.buf.isFrame() { // the first reserve is full
		b, ok := reserveFrame(need, frameClasses)
		if !ok {
			return false
		}
		before := in.moveTo(b)
		// What was paid for the one before pays for what was copied from it.
		b.resident, b.ready = before.resident, before.ready
		before.unmap()
		return true
	}
	if cl.held > 0 {
		m.charge(cl, 0)
	}
	b, ok := m.frame(cl, min(need, firstReserve))
	if !ok {
		return false
	}
	b.ready = int(b.resident)
	c.putScratch(in.moveTo(b))
	return true
}
