//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// conn is one client's connection, served by one goroutine.
type conn struct {
	b   *broker
	nc  *net.TCPConn
	raw syscall.RawConn
	buf []byte
	// The bytes of buf that were read and not yet served.
	start, end int
}

func (b *broker) serve(nc *net.TCPConn) {
	defer nc.Close()
	raw, err := nc.SyscallConn()
	if err != nil {
		log.Print(err)
		return
	}
	// As the broker does: a system with bbr paces loopback too.
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno") })
	c := &conn{b: b, nc: nc, raw: raw, buf: make([]byte, 8<<10)}
	for {
		frame, err := c.next()
		if err == nil {
			err = c.answer(frame)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, net.ErrClosed) {
				log.Print(err)
			}
			return
		}
	}
}

// next reads one frame. It is valid until the next call.
func (c *conn) next() ([]byte, error) {
	for {
		need := 4
		if have := c.end - c.start; have >= 4 {
			need += int(binary.BigEndian.Uint32(c.buf[c.start:]))
			if have >= need {
				frame := c.buf[c.start+4 : c.start+need]
				c.start += need
				return frame, nil
			}
		}
		if c.start == c.end || c.start+need > len(c.buf) {
			c.end = copy(c.buf, c.buf[c.start:c.end])
			c.start = 0
		}
		if need > len(c.buf) {
			larger := make([]byte, need)
			copy(larger, c.buf[:c.end])
			c.buf = larger
		}
		n, err := c.nc.Read(c.buf[c.end:])
		c.end += n
		if err != nil {
			return nil, err
		}
	}
}

func (c *conn) answer(frame []byte) error {
	h, body, err := wire.ParseHeader(frame)
	if err != nil {
		return err
	}
	switch h.Key.Num {
	case wire.Produce:
		return c.produce(&h, body)
	case wire.Fetch:
		return c.fetch(&h, body)
	}
	return c.other(&h, body)
}

func (c *conn) send(frame []byte) error {
	wire.SetLength(frame, 0)
	_, err := c.nc.Write(frame)
	return err
}

// produce appends every batch and answers with its offset.
func (c *conn) produce(h *wire.Header, body []byte) error {
	var req wire.ProduceRequest
	if err := req.Decode(h.Version, body); err != nil {
		return err
	}
	var w wire.ProduceWriter
	w.Start(wire.AppendResponseHeader(make([]byte, 0, 128+64*req.PartitionCount), h), h.Version, req.TopicCount)
	for t := range req.Topics {
		w.Topic(wire.TopicRef{Name: string(t.Name)}, t.PartitionCount)
		for asked := range t.Partitions {
			p := c.b.partition(string(t.Name), asked.Index)
			if p == nil {
				return fmt.Errorf("produce to %s-%d, which is not there", t.Name, asked.Index)
			}
			base, err := p.append(asked.Records)
			if err != nil {
				return err
			}
			w.Partition(&wire.ProducePartitionResponse{Index: asked.Index, BaseOffset: base, LogAppendTimeMs: -1})
		}
	}
	return c.send(w.End(0, nil))
}
