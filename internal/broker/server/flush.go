package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// maxGather bounds the frames that one write takes together; few of them have
// their place on the stack, which for most writes then needs not grow.
const (
	maxGather = 64
	fewGather = 3
)

// flush sends finished responses from the front of the ring until the first
// one that waits. Its caller has set ring.flushing.
func (c *Conn) flush() {
	var few [fewGather]Out
	batch := few[:0]
	for {
		outs := c.takeReady(batch)
		if len(outs) == 0 {
			return
		}
		err := c.write(outs)
		for i := range outs {
			outs[i].release()
		}
		c.progressed()
		if err != nil {
			c.fail(err)
			return
		}
		if len(outs) == fewGather {
			batch = make([]Out, 0, maxGather) // there may be many more
		}
	}
}

// progressed notes that the client has taken something: a slow client is not a
// dead one.
func (c *Conn) progressed() { c.lastSent.Store(time.Now().UnixNano()) }

// takeReady removes finished requests from the front. If there are none it
// gives the write side up.
func (c *Conn) takeReady(outs []Out) []Out {
	c.ring.Lock()
	defer c.ring.Unlock()
	c.settle()
	for len(outs) < cap(outs) && len(c.ring.pending) > 0 && !c.ring.closed {
		r := c.ring.pending[0]
		if r.ready && r.build != nil {
			c.build(r)
		}
		if !r.ready {
			break
		}
		outs = append(outs, r.out)
		c.leaves(r)
		r.out = Out{}
		c.ring.pending[0] = nil
		c.ring.pending = c.ring.pending[1:]
	}
	if len(c.ring.pending) == 0 {
		c.ring.pending = c.ring.spare[:0]
	}
	if len(outs) == 0 {
		c.ring.flushing = false
		if c.ring.closed {
			c.dropPending()
		}
		return nil
	}
	c.ring.room.Signal()
	return outs
}

// build makes the answer of the request whose turn has come, outside of the
// lock, again if it was woken meanwhile.
func (c *Conn) build(r *Request) {
	for r.ready && r.build != nil {
		f := r.build
		r.ready, r.build = false, nil
		c.ring.Unlock()
		out, ok := f()
		c.ring.Lock()
		if ok {
			r.out, r.ready, r.build = out, true, nil
		}
	}
}

func (c *Conn) fail(err error) {
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		c.srv.logger.Debug("write failed", "peer", c.RemoteAddr(), "error", err)
	}
	c.abort()
	c.ring.Lock()
	c.ring.closed, c.ring.flushing = true, false
	c.dropPending()
	c.ring.Unlock()
}

// write sends frames: bytes gathered, files by sendfile.
func (c *Conn) write(outs []Out) error {
	var gathered net.Buffers
	var scratch []*buffer
	defer func() {
		for _, b := range scratch {
			b.release()
		}
	}()
	var total int64
	for i := range outs {
		for _, p := range outs[i].Parts {
			total += int64(len(p.Bytes)) + p.N
			if len(p.Bytes) > 0 {
				gathered = append(gathered, p.Bytes)
			}
			if p.N == 0 {
				continue
			}
			if p.N <= smallFile {
				b := c.srv.buffers.get(int(p.N))
				scratch = append(scratch, b)
				if err := readFull(p.File, b.b[:p.N], p.Off); err != nil {
					return err
				}
				gathered = append(gathered, b.b[:p.N])
				continue
			}
			if err := c.writeAhead(&gathered); err != nil {
				return err
			}
			if err := c.writeFile(p); err != nil {
				return err
			}
		}
	}
	c.srv.Stats.BytesOut.Add(total)
	return c.writeBytes(&gathered)
}

// maxWrite bounds one write: between two of them a slow client is seen to get
// on.
const maxWrite = 1 << 20

func (c *Conn) writeBytes(g *net.Buffers) error {
	all := *g
	*g = nil
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && size+len(all[n]) <= maxWrite {
			size += len(all[n])
			n++
		}
		if n > 1 {
			batch := all[:n:n]
			if _, err := batch.WriteTo(c.nc); err != nil {
				return err
			}
		} else {
			n = 1
			if err := c.writeLarge(all[0]); err != nil {
				return err
			}
		}
		all = all[n:]
		c.progressed()
	}
	return nil
}

func (c *Conn) writeLarge(b []byte) error {
	for len(b) > 0 {
		n, err := c.nc.Write(b[:min(len(b), maxWrite)])
		if err != nil {
			return err
		}
		b = b[n:]
		c.progressed()
	}
	return nil
}

func (c *Conn) writeFile(p Part) error {
	if fd, ok := p.File.Fd(); ok && haveSendfile && c.raw != nil {
		return whose(c.sendfile(fd, p.Off, p.N), p.File)
	}
	b := c.srv.buffers.get(bufferSizes[2])
	defer b.release()
	for off, left := p.Off, p.N; left > 0; {
		n := min(left, int64(len(b.b)))
		if err := readFull(p.File, b.b[:n], off); err != nil {
			return err
		}
		if _, err := c.nc.Write(b.b[:n]); err != nil {
			return err
		}
		c.progressed()
		off, left = off+n, left-n
	}
	return nil
}

// whose has the file hear of an error of sendfile that is the disk's. The others
// are the client's, and end its connection alone.
func whose(err error, f File) error {
	for _, disk := range diskErrors {
		if errors.Is(err, disk) {
			return f.Failed(err)
		}
	}
	return err
}

func readFull(f File, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read segment: %w", err)
}
