// Package peer holds a node's connections to other nodes: Kafka's framing,
// requests pipelined on one connection per address and matched to responses by
// correlation id, and a back-off for addresses that do not answer.
package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrClosed is returned by calls on a Pool that was closed.
var ErrClosed = errors.New("peer: pool is closed")

// Dialer opens a connection to another node, ready for requests: TLS and SASL
// are its business.
type Dialer func(ctx context.Context, address string) (net.Conn, error)

// Options configure a Pool. Zero values mean the defaults.
type Options struct {
	Dial     Dialer // nil: plain TCP
	ClientID string // in every request's header
	// MaxFrameBytes bounds a response; 0 = 100 MiB, as socket.request.max.bytes.
	MaxFrameBytes int
	// IdleTimeout is how long a connection may be unused before it is replaced
	// instead of used again; 0 = 9 minutes, just below Kafka's
	// connections.max.idle.ms.
	IdleTimeout time.Duration
	// BackoffMin and BackoffMax bound the time during which an address that
	// could not be reached is not tried again; 0 = 20 ms and 500 ms. Calls fail
	// at once meanwhile, with the error of the last try.
	BackoffMin, BackoffMax time.Duration
	Logger                 *slog.Logger
}

// Pool is a set of connections by address, made when first needed. All methods
// may be called from several goroutines.
type Pool struct {
	opts Options
	wg   sync.WaitGroup // readers of all connections

	mu struct {
		sync.Mutex
		nodes  map[string]*node
		closed bool
	}
}

// node is the way to one address.
type node struct {
	address string
	dialing chan struct{} // holds a token while somebody dials

	mu struct {
		sync.Mutex
		conn    *conn
		failed  error // of the last try; nil after a success
		backoff time.Duration
		until   time.Time // no try before
	}
}

// New gives a pool without connections.
func New(o Options) *Pool {
	if o.Dial == nil {
		d := &net.Dialer{}
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }
	}
	setDefault(&o.MaxFrameBytes, 100<<20)
	setDefault(&o.IdleTimeout, 9*time.Minute)
	setDefault(&o.BackoffMin, 20*time.Millisecond)
	setDefault(&o.BackoffMax, 500*time.Millisecond)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Pool{opts: o}
	p.mu.nodes = map[string]*node{}
	return p
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Do sends a request in the version that it has set and returns the response.
// An error of a Kafka kind is in the response; one returned here means that
// there is none: the request may or may not have been carried out. ctx should
// have a deadline.
func (p *Pool) Do(ctx context.Context, address string, req kmsg.Request) (kmsg.Response, error) {
	resp := req.ResponseKind()
	body, err := p.Call(ctx, address, Frame{
		Key: req.Key(), Version: req.GetVersion(), Flexible: req.IsFlexible(), Body: req.AppendTo(nil),
	})
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", kmsg.NameForKey(req.Key()), address, err)
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%s response of %s: %w", kmsg.NameForKey(req.Key()), address, err)
	}
	return resp, nil
}

// Frame is a request whose body is encoded already.
type Frame struct {
	Key      int16
	Version  int16
	Flexible bool // the headers of request and response have tagged fields
	Body     []byte
}

// Call sends a frame and returns the body of the response, which the caller
// owns. It keeps no part of f.Body. See Do for errors.
func (p *Pool) Call(ctx context.Context, address string, f Frame) ([]byte, error) {
	n, err := p.node(address)
	if err != nil {
		return nil, err
	}
	c, err := n.connect(ctx, p)
	if err != nil {
		return nil, err
	}
	return c.call(ctx, f)
}

// Forget closes the connection to an address that is no longer used.
func (p *Pool) Forget(address string) {
	p.mu.Lock()
	n := p.mu.nodes[address]
	delete(p.mu.nodes, address)
	p.mu.Unlock()
	if n != nil {
		n.drop(ErrClosed)
	}
}

// Close closes all connections, fails what waits on them and waits until their
// goroutines have ended.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.mu.closed = true
	nodes := p.mu.nodes
	p.mu.nodes = nil
	p.mu.Unlock()
	for _, n := range nodes {
		n.drop(ErrClosed)
	}
	p.wg.Wait()
	return nil
}

func (p *Pool) node(address string) (*node, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return nil, ErrClosed
	}
	n := p.mu.nodes[address]
	if n == nil {
		n = &node{address: address, dialing: make(chan struct{}, 1)}
		p.mu.nodes[address] = n
	}
	return n, nil
}

// adopt takes a new connection into the pool and starts its reader, unless the
// pool was closed or the address forgotten meanwhile.
func (p *Pool) adopt(n *node, c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed || p.mu.nodes[n.address] != n {
		return errors.Join(ErrClosed, c.net.Close())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.conn, n.mu.failed, n.mu.backoff = c, nil, 0
	p.wg.Go(c.read)
	return nil
}

// connect returns the live connection of the address, dialing if there is none.
// Of several callers one dials.
func (n *node) connect(ctx context.Context, p *Pool) (*conn, error) {
	if c, err := n.current(p); c != nil || err != nil {
		return c, err
	}
	select {
	case n.dialing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-n.dialing }()
	if c, err := n.current(p); c != nil || err != nil {
		return c, err // somebody else has dialed
	}
	nc, err := p.opts.Dial(ctx, n.address)
	if err != nil {
		return nil, n.note(p, fmt.Errorf("connect to %s: %w", n.address, err))
	}
	c := newConn(nc, &p.opts)
	if err := p.adopt(n, c); err != nil {
		return nil, err
	}
	return c, nil
}

// current returns a connection that may be used, or the error of the last try
// while it is too early for the next; nil and nil ask for a try.
func (n *node) current(p *Pool) (*conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.mu.conn; c != nil {
		if c.usable(p.opts.IdleTimeout) {
			return c, nil
		}
		c.fail(io.EOF)
		n.mu.conn = nil
	}
	if n.mu.failed != nil && time.Now().Before(n.mu.until) {
		return nil, n.mu.failed
	}
	return nil, nil
}

// note remembers that a try has failed.
func (n *node) note(p *Pool, err error) error {
	if errors.Is(err, context.Canceled) {
		return err // says nothing about the address
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.backoff = min(max(2*n.mu.backoff, p.opts.BackoffMin), p.opts.BackoffMax)
	n.mu.failed, n.mu.until = err, time.Now().Add(n.mu.backoff)
	p.opts.Logger.Debug("cannot reach a node", "address", n.address, "error", err, "retryIn", n.mu.backoff)
	return err
}

func (n *node) drop(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.conn != nil {
		n.mu.conn.fail(err)
		n.mu.conn = nil
	}
}
