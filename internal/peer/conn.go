package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// conn is one connection with the requests that wait for a response on it.
type conn struct {
	net  net.Conn
	opts *Options
	// writing holds a token while a request is written. It is a channel, not a
	// mutex, so that who waits for it can give up.
	writing chan struct{}
	dead    chan struct{} // closed when the connection has failed

	mu struct {
		sync.Mutex
		next    int32 // correlation id
		waiting map[int32]*exchange
		err     error     // why it is dead
		used    time.Time // when a request was last sent
		heard   time.Time // when a response last came
	}
}

// exchange is a request under way. done has room for the one answer.
type exchange struct {
	flexible bool
	done     chan []byte
}

// writeTimeout bounds the writing of one request: a peer that takes nothing for
// so long is gone.
const writeTimeout = 10 * time.Second

var (
	errProtocol  = errors.New("peer: response does not follow the protocol")
	errNoAnswer  = errors.New("peer: connection is silent")
	errFrameSize = errors.New("peer: frame is too large")
)

func newConn(nc net.Conn, o *Options) *conn {
	c := &conn{net: nc, opts: o, writing: make(chan struct{}, 1), dead: make(chan struct{})}
	c.mu.waiting = map[int32]*exchange{}
	c.mu.used = time.Now()
	return c
}

// usable tells whether a new request may be sent.
func (c *conn) usable(idle time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.err == nil && (len(c.mu.waiting) > 0 || time.Since(c.mu.used) < idle)
}

// call sends a request and waits for its response.
func (c *conn) call(ctx context.Context, f Frame) ([]byte, error) {
	select {
	case c.writing <- struct{}{}:
	case <-c.dead:
		return nil, c.err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	id, x, sent, err := c.write(f)
	<-c.writing
	if err != nil {
		return nil, err
	}
	select {
	case body := <-x.done:
		return body, nil
	case <-c.dead:
		select {
		case body := <-x.done: // it came just before
			return body, nil
		default:
			return nil, c.err()
		}
	case <-ctx.Done():
		c.abandon(id, sent, errors.Is(ctx.Err(), context.DeadlineExceeded))
		return nil, ctx.Err()
	}
}

// write registers an exchange and sends the request. The caller holds writing.
func (c *conn) write(f Frame) (id int32, x *exchange, sent time.Time, err error) {
	x = &exchange{flexible: f.Flexible, done: make(chan []byte, 1)}
	sent = time.Now()
	c.mu.Lock()
	if c.mu.err != nil {
		defer c.mu.Unlock()
		return 0, nil, sent, c.mu.err
	}
	id = c.mu.next
	c.mu.next++
	c.mu.waiting[id] = x
	c.mu.used = sent
	c.mu.Unlock()

	if err = c.net.SetWriteDeadline(sent.Add(writeTimeout)); err == nil {
		buffers := net.Buffers{c.header(f, id), f.Body}
		_, err = buffers.WriteTo(c.net)
	}
	if err != nil {
		c.fail(fmt.Errorf("write: %w", err))
		return 0, nil, sent, c.err()
	}
	return id, x, sent, nil
}

// header is the frame's length and the request header (version 1, or 2 with
// tagged fields).
func (c *conn) header(f Frame, id int32) []byte {
	be := binary.BigEndian
	h := make([]byte, 4, 16+len(c.opts.ClientID))
	h = be.AppendUint16(h, uint16(f.Key))
	h = be.AppendUint16(h, uint16(f.Version))
	h = be.AppendUint32(h, uint32(id))
	h = be.AppendUint16(h, uint16(len(c.opts.ClientID)))
	h = append(h, c.opts.ClientID...)
	if f.Flexible {
		h = append(h, 0)
	}
	be.PutUint32(h, uint32(len(h)-4+len(f.Body)))
	return h
}

// abandon gives up waiting. A response that still comes is thrown away. If
// nothing at all has come since the request was sent until its deadline, the
// connection is taken for dead.
func (c *conn) abandon(id int32, sent time.Time, deadline bool) {
	c.mu.Lock()
	if x := c.mu.waiting[id]; x != nil {
		c.mu.waiting[id] = &exchange{flexible: x.flexible} // nobody listens
	}
	silent := c.mu.heard.Before(sent)
	c.mu.Unlock()
	if deadline && silent {
		c.fail(errNoAnswer)
	}
}

// fail ends the connection. Who waits on it gets err; the first one counts.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.err != nil {
		return
	}
	c.mu.err = err
	close(c.dead)
	_ = c.net.Close() // it is given up; there is nothing to learn from it
}

func (c *conn) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.err
}

// read takes responses until the connection ends.
func (c *conn) read() {
	r := bufio.NewReaderSize(c.net, 4<<10)
	for {
		frame, err := readFrame(r, c.opts.MaxFrameBytes)
		if err == nil {
			err = c.deliver(frame)
		}
		if err != nil {
			c.fail(fmt.Errorf("read: %w", err))
			return
		}
	}
}

// deliver hands a response to whoever waits for it.
func (c *conn) deliver(frame []byte) error {
	if len(frame) < 4 {
		return errProtocol
	}
	id := int32(binary.BigEndian.Uint32(frame))
	body := frame[4:]
	c.mu.Lock()
	x := c.mu.waiting[id]
	delete(c.mu.waiting, id)
	c.mu.heard = time.Now()
	c.mu.Unlock()
	if x == nil {
		return fmt.Errorf("%w: correlation id %d was not asked", errProtocol, id)
	}
	if x.flexible {
		var err error
		if body, err = skipTags(body); err != nil {
			return err
		}
	}
	if x.done != nil {
		x.done <- body
	}
	return nil
}

// skipTags steps over the tagged fields of a response header.
func skipTags(b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return nil, errProtocol
	}
	b = b[n:]
	for range count {
		_, n := binary.Uvarint(b) // the tag
		if n <= 0 {
			return nil, errProtocol
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return nil, errProtocol
		}
		b = b[n+m+int(size):]
	}
	return b, nil
}

// growStep is how much is allocated ahead of what has been received.
const growStep = 1 << 20

// readFrame reads one frame without its length. Memory grows with what comes
// in, not with the length that is declared.
func readFrame(r *bufio.Reader, most int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(head[:])))
	if size < 0 || size > most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are taken", errFrameSize, size, most)
	}
	if size <= growStep {
		b := make([]byte, size)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	var b bytes.Buffer
	b.Grow(growStep)
	n, err := io.CopyN(&b, r, int64(size))
	if err == nil && n < int64(size) {
		err = io.ErrUnexpectedEOF
	}
	return b.Bytes(), err
}
