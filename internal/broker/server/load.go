package server

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// What a client has asked for and not taken costs memory too: requests that
// wait, and responses that are ready. A connection beyond its bounds is not read
// any further; when all of them together are beyond theirs, those lose their
// connections that do not take their responses.
const (
	// maxUnsent bounds the responses in memory that one connection has ready, in
	// bytes.
	maxUnsent = 1 << 20
	// maxFrames bounds the requests of one connection that wait, in bytes of
	// their frames; one may always wait.
	maxFrames = 64 << 20
	// maxPending bounds the requests of all connections that wait. Beyond it a
	// connection may have fewPending of them, as many as Java's producer has
	// under way (max.in.flight.requests.per.connection).
	maxPending = 100_000
	fewPending = 5
	// unsentParts: responses of all connections take at most this part of the
	// memory of requests, beside it.
	unsentParts = 4
	// takingGrace is how long a client may take nothing of its responses while
	// memory is short.
	takingGrace = time.Second
)

// load is what one connection has under way. It is guarded by the ring's lock.
type load struct {
	frames  int // bytes of requests that are not answered
	unsent  int // bytes of responses in memory that are ready or being sent
	writing int // part of unsent: handed to the writer
}

// serverLoad is the sum over all connections.
type serverLoad struct {
	pending atomic.Int64 // requests that are not answered
	unsent  atomic.Int64
}

// admits says whether r may be handled now, or has to wait for room. Who has to
// wait has something under way, whose end makes room.
func (c *Conn) admits(r *Request) bool {
	l, all := &c.ring.load, &c.srv.load
	n := len(c.ring.pending)
	switch {
	case l.unsent >= maxUnsent, n >= c.srv.limits.MaxInFlight:
		return false
	case n > 0 && l.frames+r.frame > maxFrames:
		return false
	case n >= fewPending && all.pending.Load() > maxPending:
		return false
	}
	return l.unsent == 0 || all.unsent.Load() <= c.srv.maxUnsent()
}

// maxUnsent bounds the responses in memory of all connections.
func (s *Server) maxUnsent() int64 { return s.limits.RequestMemory / unsentParts }

// enters counts a request that is handled.
func (c *Conn) enters(r *Request) {
	c.ring.load.frames += r.frame
	c.srv.load.pending.Add(1)
}

// readied counts n bytes of a response that is ready.
func (c *Conn) readied(r *Request, n int) {
	r.memory = n
	c.ring.load.unsent += n
	if c.srv.load.unsent.Add(int64(n)) > c.srv.maxUnsent() {
		c.srv.memory.press()
	}
}

// leaves counts a request whose answer is handed to the writer.
func (c *Conn) leaves(r *Request) {
	c.ring.load.frames -= r.frame
	c.ring.load.writing += r.memory
	c.srv.load.pending.Add(-1)
}

// settle counts what the writer had as sent.
func (c *Conn) settle() {
	if n := c.ring.load.writing; n > 0 {
		c.ring.load.unsent -= n
		c.ring.load.writing = 0
		c.srv.load.unsent.Add(-int64(n))
		c.ring.room.Signal()
	}
}

// unload counts nothing any more of a connection that has ended.
func (c *Conn) unload() {
	c.srv.load.pending.Add(-int64(len(c.ring.pending)))
	c.srv.load.unsent.Add(-int64(c.ring.load.unsent))
	c.ring.load = load{}
}

// stuck returns how many bytes of responses are in memory, and for how long the
// client has taken nothing of what is being sent.
func (c *Conn) stuck(now time.Time) (bytes int, since time.Duration) {
	c.ring.Lock()
	defer c.ring.Unlock()
	if !c.ring.flushing {
		return c.ring.load.unsent, 0
	}
	return c.ring.load.unsent, now.Sub(time.Unix(0, c.lastSent.Load()))
}

// shed breaks off connections that do not take their responses while these take
// too much memory. It reports whether they still do.
func (s *Server) shed(now time.Time) bool {
	over := s.load.unsent.Load() - s.maxUnsent()
	if over <= 0 {
		return false
	}
	type debtor struct {
		conn  *Conn
		bytes int
	}
	var debtors []debtor
	s.mu.Lock()
	for c := range s.conns {
		n, since := c.stuck(now)
		switch {
		case c.dead.Load():
			over -= int64(n) // is on its way
		case n > 0 && since >= takingGrace, since > 0 && over > s.maxUnsent() && int64(n) > s.maxUnsent()/int64(len(s.conns)):
			debtors = append(debtors, debtor{c, n})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(debtors, func(a, b debtor) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, d := range debtors {
		if over <= 0 {
			break
		}
		over -= int64(d.bytes)
		s.Stats.Evicted.Add(1)
		s.complain("closing connection", "peer", d.conn.RemoteAddr(), "why", "the memory of responses is used up, and it does not take its own")
		d.conn.abort()
	}
	return true
}

// RequestMemory returns how many bytes of memory requests have that are being
// received.
func (s *Server) RequestMemory() int64 { return s.memory.taken() }

// ResponseMemory returns how many bytes of responses in memory wait to be taken.
func (s *Server) ResponseMemory() int64 { return s.load.unsent.Load() }
