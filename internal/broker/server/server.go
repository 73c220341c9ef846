// Package server accepts connections, cuts them into request frames and sends
// the responses back in the order of the requests. It knows frames, not APIs:
// what a request means is the business of its [Handler].
//
// One goroutine a connection reads a frame, hands it to the handler and, if the
// answer is there at once, writes it. A request that has to wait leaves a place
// in the connection's ring; the goroutine reads on, and whoever completes the
// answer later only marks it and wakes the connection. An idle connection holds
// one goroutine and no buffer.
package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of one server. A zero field takes the default named at it.
type Limits struct {
	// MaxRequestBytes bounds a frame's declared length
	// (socket.request.max.bytes, default 104857600).
	MaxRequestBytes int
	// MaxInFlight bounds the requests of one connection that were read and
	// not yet answered (default 256). At the bound reading pauses.
	MaxInFlight int
	// IdleTimeout closes a connection without traffic
	// (connections.max.idle.ms, default 10 minutes; negative never).
	IdleTimeout time.Duration
	// FrameTimeout closes a connection whose frame has begun and does not
	// get further, or that does not take its responses (default 30 s).
	FrameTimeout time.Duration
	// RequestMemory bounds the bytes of requests that are being received, over
	// all connections (default 116 MiB). It is raised to what one frame of
	// MaxRequestBytes needs.
	RequestMemory int64
	// Connections bounds the number of connections; nil: nothing does. See
	// [Server.SetConnectionLimits].
	Connections *ConnectionLimits
}

func (l Limits) withDefaults() Limits {
	if l.MaxRequestBytes <= 0 {
		l.MaxRequestBytes = 100 << 20
	}
	if l.MaxInFlight <= 0 {
		l.MaxInFlight = 256
	}
	if l.IdleTimeout == 0 {
		l.IdleTimeout = 10 * time.Minute
	}
	if l.FrameTimeout <= 0 {
		l.FrameTimeout = 30 * time.Second
	}
	if l.Connections == nil {
		none := unbounded
		l.Connections = &none
	}
	if l.RequestMemory <= 0 {
		l.RequestMemory = 116 << 20
	}
	l.RequestMemory = max(l.RequestMemory, int64(l.MaxRequestBytes+lastStep)/speculative*8+8)
	return l
}

// Handler takes the requests of all connections of a server.
type Handler interface {
	// Serve handles one request. It is called in the goroutine of the
	// connection, one request of a connection after the other. It, or
	// whoever it gives the request to, must in the end call Reply, NoReply
	// or Fail once, or Wake until its function makes the answer. Request.Body is only
	// valid until Serve returns.
	Serve(r *Request)
}

// Listener is one address to serve.
type Listener struct {
	// Name is the listener's name, upper case (PLAINTEXT, CONTROLLER).
	Name string
	// Net accepts the connections; the server closes it.
	Net net.Listener
	// Controller says that the listener is one of controller.listener.names.
	Controller bool
}

// Server serves the connections of any number of listeners.
type Server struct {
	handler Handler
	limits  Limits
	logger  *slog.Logger
	// Stats counts what the server does; read it at any time.
	Stats   Stats
	buffers bufferPool
	memory  *memory
	load    serverLoad
	quiet   quieter
	// quotas count the connections of brokers' listeners and of controllers'.
	quotas, controllerQuotas *quotas
	scratch                  atomic.Int32 // large scratch buffers of readers

	wg     sync.WaitGroup
	closed atomic.Bool
	done   chan struct{} // closed when the server stops

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*Conn]struct{}
	nextID    uint64
}

// Stats are running counts of a server, for metrics.
type Stats struct {
	Accepted  atomic.Int64 // connections accepted
	Refused   atomic.Int64 // connections over a limit
	Malformed atomic.Int64 // connections closed for a frame that made no sense
	Requests  atomic.Int64 // frames handed to the handler
	Evicted   atomic.Int64 // connections closed for want of memory
	Stale     atomic.Int64 // connections closed for what did not get further, or for idleness
	Trailing  atomic.Int64 // requests with bytes after their last field
	BytesIn   atomic.Int64
	BytesOut  atomic.Int64
}

// New returns a server that serves nothing yet.
func New(h Handler, l Limits, logger *slog.Logger) *Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	l = l.withDefaults()
	return &Server{
		handler: h, limits: l, logger: logger, memory: newMemory(l.RequestMemory),
		quotas: newQuotas(l.Connections), controllerQuotas: newQuotas(l.Connections),
		conns: map[*Conn]struct{}{}, done: make(chan struct{}),
	}
}

// Run serves the listeners until ctx ends, then closes every connection and
// returns when all goroutines that it started have ended.
func (s *Server) Run(ctx context.Context, listeners ...Listener) error {
	s.mu.Lock()
	for _, l := range listeners {
		s.listeners = append(s.listeners, l.Net)
		s.quotasOf(l).addListener(l.Name)
	}
	s.mu.Unlock()
	for _, l := range listeners {
		s.wg.Go(func() { s.accept(l) })
	}
	janitor := time.NewTicker(min(s.limits.FrameTimeout/4, max(s.limits.IdleTimeout, time.Second)/4, restAfter))
	defer janitor.Stop()
	var look <-chan time.Time // when to look at a shortage of memory
	var looked time.Time
	var idle idleness
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-janitor.C:
			if idle.due(now, s.closeStale(now), s.Stats.Requests.Load()) {
				debug.FreeOSMemory()
			}
		case <-s.memory.pressed:
			look = time.After(time.Until(looked.Add(shortageBreak)))
		case looked = <-look:
			look = nil
			if s.relieve(looked) {
				look = time.After(shortageInterval)
			}
		}
	}
	s.shutdown()
	s.wg.Wait()
	s.memory.close()
	return nil
}

// ServeConn serves one connection that the caller made (an in-memory pipe of
// an embedded client) until it ends. Listener.Net is not used. Of the limits on
// connections that of their number by address holds.
func (s *Server) ServeConn(nc net.Conn, l Listener) {
	q := s.quotasOf(l)
	q.addListener(l.Name)
	s.admit(nc, l, q.add(l.Name, addrOf(nc)))
}

// Conns returns the number of open connections.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// SetConnectionLimits changes the limits on connections while the server runs.
// Where there are more than max.connections now, those that were quiet for
// longest are closed, as by Kafka's processors; other limits hold for new
// connections.
func (s *Server) SetConnectionLimits(l ConnectionLimits) {
	for _, q := range []*quotas{s.quotas, s.controllerQuotas} {
		q.set(&l)
		s.closeExcess(q)
	}
}

func (s *Server) quotasOf(l Listener) *quotas {
	if l.Controller {
		return s.controllerQuotas
	}
	return s.quotas
}

func (s *Server) accept(l Listener) {
	q := s.quotasOf(l)
	for {
		nc, err := l.Net.Accept()
		if err != nil {
			if s.closed.Load() || errors.Is(err, net.ErrClosed) {
				return
			}
			// Too many open files and the like pass: going on at once would spin.
			s.logger.Warn("accept failed; trying again in 100 ms", "listener", l.Name, "error", err)
			select {
			case <-s.done:
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		s.admit(nc, l, q.await(l.Name, addrOf(nc), s.done))
		s.closeExcess(q)
	}
}

// admit serves a connection that the quotas have counted, or closes it if they
// have refused it.
func (s *Server) admit(nc net.Conn, l Listener, refused error) {
	s.Stats.Accepted.Add(1)
	if refused != nil {
		if !errors.Is(refused, errStopped) {
			s.Stats.Refused.Add(1)
			s.complain("connection refused", "peer", nc.RemoteAddr(), "listener", l.Name, "why", refused)
		}
		_ = nc.Close() // the peer was promised nothing
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		_ = nc.Close() // the peer was promised nothing
		s.quotasOf(l).remove(l.Name, addrOf(nc))
		return
	}
	s.nextID++
	c := newConn(s, nc, l, s.nextID)
	s.conns[c] = struct{}{}
	s.wg.Go(c.serve)
}

// closeExcess closes connections above max.connections: of listeners that are
// not protected, those that were quiet for longest (Selector.lowestPriorityChannel).
func (s *Server) closeExcess(q *quotas) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, protected := q.excess()
	if n == 0 {
		return
	}
	var open []*Conn
	for c := range s.conns {
		switch {
		case s.quotasOf(c.listener) != q || c.listener.Name == protected:
		case c.dead.Load():
			n-- // is on its way
		default:
			open = append(open, c)
		}
	}
	slices.SortFunc(open, func(a, b *Conn) int { return cmp.Compare(a.lastActive(), b.lastActive()) })
	for _, c := range open[:min(max(n, 0), len(open))] {
		s.Stats.Refused.Add(1)
		s.complain("closing connection", "peer", c.RemoteAddr(), "why", "there are more than max.connections, and it was quiet for longest")
		c.abort()
	}
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.quotasOf(c.listener).remove(c.listener.Name, addrOf(c.nc))
	s.mu.Unlock()
}

const (
	// shortageInterval is how often a shortage of memory is looked at while it
	// lasts, shortageBreak the time between two looks at least.
	shortageInterval = 100 * time.Millisecond
	shortageBreak    = 10 * time.Millisecond
)

// relieve breaks off connections whose frames have to make place for others. It
// reports whether somebody still waits.
func (s *Server) relieve(now time.Time) bool {
	victims, more := s.memory.reclaim(now)
	for _, c := range victims {
		s.Stats.Evicted.Add(1)
		s.complain("closing connection", "peer", c.RemoteAddr(), "why", "the memory of requests is used up, and its frame would take longest")
		c.abort()
	}
	return s.shed(now) || more
}

// closeStale closes connections that nothing can be expected of, and puts those
// to rest that have nothing to do. It returns the number of the latter.
func (s *Server) closeStale(now time.Time) (rested int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if why := c.stale(now, s.limits); why != "" {
			s.Stats.Stale.Add(1)
			s.logger.Debug("closing connection", "peer", c.RemoteAddr(), "why", why)
			c.abort()
			continue
		}
		if c.rest(now) {
			rested++
		}
	}
	return rested
}

// idleness decides when the memory that many connections have left behind goes
// back to the system: Go keeps it for two minutes, or for ever while nothing
// else is allocated.
type idleness struct {
	rested   int // connections since the last time
	requests int64
	last     time.Time
}

const (
	// restedMany is how many connections at least have gone to rest before their
	// memory is given back, releaseInterval how much time lies between.
	restedMany      = 500
	releaseInterval = time.Minute
)

// due says whether to give memory back now: many connections were put to rest,
// and hardly any request has come since the last look.
func (i *idleness) due(now time.Time, rested int, requests int64) bool {
	i.rested += rested
	quiet := requests-i.requests < restedMany
	i.requests = requests
	if !quiet || rested > 0 || i.rested < restedMany || now.Sub(i.last) < releaseInterval {
		return false
	}
	i.rested, i.last = 0, now
	return true
}

func (s *Server) shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	close(s.done)
	for _, l := range s.listeners {
		_ = l.Close() // nothing to save
	}
	for c := range s.conns {
		c.abort()
	}
}
