package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is one connection. Its exported methods may be called from any
// goroutine.
type Conn struct {
	srv      *Server
	nc       net.Conn
	raw      syscall.RawConn // nil where nc is no socket
	listener Listener
	id       string
	remote   string
	in       input
	// State belongs to the handler: it may keep there what it knows of the
	// client. It is used only from Serve.
	State any

	lastActive atomic.Int64 // Unix nanoseconds of the last frame or response
	partial    atomic.Bool  // a frame has begun and is not whole

	ring struct {
		sync.Mutex
		room     sync.Cond  // the reader waits here while the ring is full
		pending  []*Request // in the order of arrival
		spare    [4]*Request
		flushing bool // a goroutine owns the write side
		closed   bool
	}
}

func newConn(s *Server, nc net.Conn, l Listener, id string) *Conn {
	c := &Conn{srv: s, nc: nc, listener: l, id: id, in: input{pool: &s.buffers}}
	c.remote, _, _ = net.SplitHostPort(nc.RemoteAddr().String())
	if sc, ok := nc.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn() // a failure here fails the first read too
	}
	c.ring.room.L = &c.ring
	c.ring.pending = c.ring.spare[:0]
	c.lastActive.Store(time.Now().UnixNano())
	return c
}

// ID names the connection as Kafka does: local address, remote address and a
// running number.
func (c *Conn) ID() string { return c.id }

// RemoteHost is the client's address without the port.
func (c *Conn) RemoteHost() string { return c.remote }

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is the address that the client has reached.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// Listener is the listener that accepted the connection.
func (c *Conn) Listener() Listener { return c.listener }

// errFrame marks bytes that can be no request frame.
var errFrame = errors.New("not a Kafka request")

// serve reads frames until the connection ends.
func (c *Conn) serve() {
	defer c.close()
	for {
		body, err := c.next()
		if err != nil {
			c.report(err)
			return
		}
		if !c.handle(body) {
			return
		}
	}
}

// report logs why reading ended, unless it is the ordinary end.
func (c *Conn) report(err error) {
	if errors.Is(err, errFrame) {
		c.srv.Stats.Malformed.Add(1)
		c.srv.logger.Warn("closing connection: malformed frame", "peer", c.RemoteAddr(), "listener", c.listener.Name, "error", err)
		return
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.srv.logger.Debug("connection ended", "peer", c.RemoteAddr(), "error", err)
	}
}

// handle gives one frame to the handler. It reports false when the connection
// is to end.
func (c *Conn) handle(body []byte) bool {
	r := &Request{conn: c, Body: body, handling: true}
	c.ring.Lock()
	for len(c.ring.pending) >= c.srv.limits.MaxInFlight && !c.ring.closed {
		c.ring.room.Wait()
	}
	if c.ring.closed {
		c.ring.Unlock()
		return false
	}
	c.ring.pending = append(c.ring.pending, r)
	c.ring.Unlock()

	c.srv.Stats.Requests.Add(1)
	c.srv.handler.Serve(r)
	r.Body = nil

	c.ring.Lock()
	r.handling = false
	// With another whole frame at hand its answer can share the write.
	flush := !c.ring.flushing && len(c.ring.pending) > 0 && c.ring.pending[0].ready && !c.in.hasFrame()
	c.ring.flushing = c.ring.flushing || flush
	closed := c.ring.closed
	c.ring.Unlock()
	if flush {
		c.flush()
	}
	return !closed
}

// next returns the next frame's body. It is valid until the next call.
func (c *Conn) next() ([]byte, error) {
	c.in.drop()
	for {
		body, need, err := c.in.frame(c.srv.limits.MaxRequestBytes)
		if err != nil || body != nil {
			c.partial.Store(false)
			return body, err
		}
		c.partial.Store(c.in.len() > 0)
		n, err := c.in.fill(c, need)
		if n > 0 {
			c.srv.Stats.BytesIn.Add(int64(n))
			c.progressed()
		}
		if err != nil {
			if errors.Is(err, io.EOF) && c.in.len() > 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// stale says why the connection should be closed, "" if it should not.
func (c *Conn) stale(now time.Time, l Limits) string {
	quiet := now.Sub(time.Unix(0, c.lastActive.Load()))
	if l.IdleTimeout > 0 && quiet > l.IdleTimeout {
		return "idle"
	}
	if quiet <= l.FrameTimeout {
		return ""
	}
	if c.partial.Load() {
		return "the frame that it began does not get further"
	}
	c.ring.Lock()
	defer c.ring.Unlock()
	if c.ring.flushing {
		return "it does not take its responses"
	}
	return ""
}

// abort breaks the connection off from outside; its goroutines then end, the
// reader also when it waits for room in the ring.
func (c *Conn) abort() {
	_ = c.nc.Close() // the error of a dead socket tells nothing
	c.ring.Lock()
	c.ring.closed = true
	c.ring.room.Broadcast()
	c.ring.Unlock()
}

// close ends the connection: what was not answered never will be.
func (c *Conn) close() {
	_ = c.nc.Close() // the error of a dead socket tells nothing
	c.ring.Lock()
	c.ring.closed = true
	if !c.ring.flushing {
		c.dropPending()
	}
	c.ring.Unlock()
	c.in.free()
	c.srv.forget(c)
}

// dropPending lets go of everything that will not be answered any more. Nobody
// else owns the write side; the lock is held, and let go meanwhile.
func (c *Conn) dropPending() {
	dropped := c.ring.pending
	c.ring.pending = nil
	c.ring.room.Broadcast()
	c.ring.Unlock()
	for _, r := range dropped {
		switch {
		case r.ready && r.build == nil:
			r.out.release()
		case r.drop != nil: // waiting, or woken and not yet built
			r.drop()
		}
	}
	c.ring.Lock()
}

// input is the read side: a buffer that is there only while bytes are.
type input struct {
	pool       *bufferPool
	buf        *buffer
	start, end int // the bytes not yet consumed
	body       int // size of the frame that was handed out, prefix included
}

func (in *input) len() int { return in.end - in.start }

// drop consumes the frame that was handed out last.
func (in *input) drop() {
	in.start += in.body
	in.body = 0
	if in.start == in.end {
		in.start, in.end = 0, 0
		if in.buf != nil {
			in.free()
		}
	}
}

func (in *input) free() {
	if in.buf != nil {
		in.buf.release()
		in.buf = nil
	}
}

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

// room makes place for more bytes of a frame of need bytes: first by moving
// what is there to the front, then by a larger buffer, but only of a full one.
func (in *input) room(need int) {
	if in.buf == nil {
		in.buf = in.pool.get(firstBuffer)
	}
	if in.end < len(in.buf.b) && in.start+need <= len(in.buf.b) {
		return
	}
	if in.start > 0 {
		copy(in.buf.b, in.buf.b[in.start:in.end])
		in.end -= in.start
		in.start = 0
	}
	if in.end < len(in.buf.b) {
		return
	}
	larger := in.pool.get(min(need, len(in.buf.b)*growth))
	copy(larger.b, in.buf.b[:in.end])
	in.buf.release()
	in.buf = larger
}

// fill reads what there is into the buffer.
func (in *input) fill(c *Conn, need int) (int, error) {
	if c.raw == nil || in.len() > 0 {
		in.room(need)
		n, err := c.nc.Read(in.buf.b[in.end:])
		in.end += n
		return n, err
	}
	return in.wait(c)
}

// wait parks an idle connection without a buffer: one is taken for the moment
// of each attempt to read only.
func (in *input) wait(c *Conn) (n int, err error) {
	rerr := c.raw.Read(func(fd uintptr) bool {
		in.room(4)
		for {
			n, err = syscall.Read(int(fd), in.buf.b)
			if !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if errors.Is(err, syscall.EAGAIN) {
			in.free()
			return false
		}
		return true
	})
	if rerr != nil {
		return 0, rerr
	}
	if err != nil {
		in.free()
		return 0, fmt.Errorf("read: %w", err)
	}
	if n == 0 {
		in.free()
		return 0, io.EOF
	}
	in.start, in.end = 0, n
	return n, nil
}

// describeLength says what an impossible length most likely is.
func describeLength(n int32, limit int, head []byte) string {
	switch {
	case len(head) >= 4 && (string(head[:4]) == "GET " || string(head[:4]) == "POST" || string(head[:4]) == "HEAD" || string(head[:4]) == "PUT "):
		return "this looks like HTTP; this port speaks the Kafka protocol"
	case len(head) >= 3 && head[0] == 0x16 && head[1] == 3:
		return "this looks like TLS, but the listener is not encrypted"
	case len(head) >= 4 && string(head[:4]) == "SSH-":
		return "this looks like SSH"
	}
	return fmt.Sprintf("length %d is not between 1 and %d (socket.request.max.bytes)", n, limit)
}
