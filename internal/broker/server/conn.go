package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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
	number   uint64
	in       input
	need     int                   // of the frame that tryRead reads
	tryRead  func(fd uintptr) bool // is try
	claim    atomic.Pointer[claim] // on the memory of requests; set by the reader
	dead     atomic.Bool           // it was broken off
	// State belongs to the handler: it may keep there what it knows of the
	// client. It is used only from Serve, and an Ender is told of the end.
	State any

	lastReceived atomic.Int64 // Unix nanoseconds of the last bytes that came
	lastSent     atomic.Int64 // Unix nanoseconds of the last bytes that went
	rested       int64        // Unix nanoseconds of the last rest; the janitor's

	ring struct {
		sync.Mutex
		room     sync.Cond  // the reader waits here while the ring is full
		pending  []*Request // in the order of arrival
		spare    [4]*Request
		flushing bool // a goroutine owns the write side
		closed   bool
		load     load
	}
}

// Ender is a connection's state that wants to know when the connection has
// ended. Ended is called once, after the last Serve, and must not block.
type Ender interface{ Ended() }

func newConn(s *Server, nc net.Conn, l Listener, number uint64) *Conn {
	c := &Conn{srv: s, nc: nc, listener: l, number: number}
	c.tryRead = c.try
	if sc, ok := nc.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn() // a failure here fails the first read too
		unpaced(nc, c.raw)
	}
	c.ring.room.L = &c.ring
	c.ring.pending = c.ring.spare[:0]
	c.lastReceived.Store(time.Now().UnixNano())
	return c
}

// ID names the connection as Kafka does: local address, remote address and a
// running number.
func (c *Conn) ID() string {
	return fmt.Sprintf("%s-%s-%d", c.nc.LocalAddr(), c.nc.RemoteAddr(), c.number)
}

// RemoteHost is the client's address without the port.
func (c *Conn) RemoteHost() string {
	host, _, _ := net.SplitHostPort(c.nc.RemoteAddr().String()) // a pipe's has none
	return host
}

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
	for {
		body, err := c.next()
		if errors.Is(err, os.ErrDeadlineExceeded) && c.nc.SetReadDeadline(time.Time{}) == nil {
			c.srv.wg.Go(c.serve) // see rest
			return
		}
		if err != nil {
			c.report(err)
			break
		}
		if !c.handle(body) {
			break
		}
	}
	c.close()
}

// lastActive is when bytes came or went last, in Unix nanoseconds.
func (c *Conn) lastActive() int64 { return max(c.lastReceived.Load(), c.lastSent.Load()) }

// restAfter is how long a connection is quiet before it is put to rest.
const restAfter = 2 * time.Second

// rest lets another goroutine wait for a connection that has nothing to do: the
// stack of the one that has served requests has grown to some kilobytes, of
// which waiting needs a few hundred bytes. 8.1 KB a connection became 4.0 KB,
// TestIdleConnectionsAreCheap, Go 1.27. It is called by the janitor only, and
// reports whether there was something to do.
func (c *Conn) rest(now time.Time) bool {
	active := c.lastActive()
	if c.raw == nil || active <= c.rested || now.UnixNano()-active < int64(restAfter) || c.claim.Load() != nil {
		return false
	}
	c.rested = now.UnixNano()
	return c.nc.SetReadDeadline(now) == nil // ends the wait; if it fails, the connection has ended
}

// report logs why reading ended, unless it is the ordinary end.
func (c *Conn) report(err error) {
	if errors.Is(err, errFrame) {
		c.srv.Stats.Malformed.Add(1)
		c.srv.complain("closing connection: malformed frame", "peer", c.RemoteAddr(), "listener", c.listener.Name, "error", err)
		return
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.srv.logger.Debug("connection ended", "peer", c.RemoteAddr(), "error", err)
	}
}

// handle gives one frame to the handler. It reports false when the connection
// is to end.
func (c *Conn) handle(body []byte) bool {
	r := &Request{conn: c, Body: body, handling: true, frame: len(body)}
	c.ring.Lock()
	for !c.admits(r) && !c.ring.closed {
		c.awaitRoom()
	}
	if c.ring.closed {
		c.ring.Unlock()
		return false
	}
	c.ring.pending = append(c.ring.pending, r)
	c.enters(r)
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
		c.progressed() // the client's time to take it begins
		c.flush()
	}
	return !closed
}

// awaitRoom waits until the ring has changed, under its lock. Answers that were
// to share the write of a later one are sent first: nobody else would.
func (c *Conn) awaitRoom() {
	if c.ring.flushing || len(c.ring.pending) == 0 || !c.ring.pending[0].ready {
		c.ring.room.Wait()
		return
	}
	c.ring.flushing = true
	c.progressed()
	c.ring.Unlock()
	c.flush()
	c.ring.Lock()
}

// minFrameRate is how many bytes a second a frame must bring on average once
// FrameTimeout has passed: who sends a byte now and then keeps no memory.
const minFrameRate = 1 << 10

// stale says why the connection should be closed, "" if it should not.
func (c *Conn) stale(now time.Time, l Limits) string {
	quiet := now.Sub(time.Unix(0, c.lastActive()))
	if l.IdleTimeout > 0 && quiet > l.IdleTimeout {
		return "idle"
	}
	if cl := c.claim.Load(); cl != nil && !cl.whole.Load() {
		return cl.stale(now, now.Sub(time.Unix(0, c.lastReceived.Load())), l.FrameTimeout)
	}
	if _, stuck := c.stuck(now); stuck > l.FrameTimeout {
		return "it does not take its responses"
	}
	return ""
}

// stale says why a frame that is not whole should be given up.
func (cl *claim) stale(now time.Time, quiet, timeout time.Duration) string {
	age := cl.active(now)
	switch stopped := cl.stopped.Load(); {
	case stopped != 0:
		if now.Sub(time.Unix(0, stopped)) > timeout {
			return "there is no memory for its frame"
		}
	case quiet > timeout:
		return "the frame that it began does not get further"
	case age > timeout && float64(cl.received.Load()) < (age-timeout).Seconds()*minFrameRate:
		return "the frame that it began comes too slowly"
	}
	return ""
}

// abort breaks the connection off from outside; its goroutines then end, the
// reader also when it waits for room in the ring.
func (c *Conn) abort() {
	c.dead.Store(true)
	_ = c.nc.Close() // the error of a dead socket tells nothing
	c.srv.memory.cancel(c)
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
	c.in.body = 0
	c.free()
	if c.claim.Load() != nil {
		c.srv.memory.leave(c)
	}
	if e, ok := c.State.(Ender); ok {
		e.Ended()
	}
	c.srv.forget(c)
}

// dropPending lets go of everything that will not be answered any more. Nobody
// else owns the write side; the lock is held, and let go meanwhile.
func (c *Conn) dropPending() {
	c.unload()
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

// peer is the unit among which memory is shared.
func (c *Conn) peer() netip.Prefix { return peerOf(addrOf(c.nc)) }

// addrOf is the client's address, zero where it has none.
func addrOf(nc net.Conn) netip.Addr {
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
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
