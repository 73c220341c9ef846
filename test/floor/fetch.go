//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// found is what a partition has for a fetch.
type found struct {
	p           *partition
	name        string
	index       int32
	pos, n, end int64
}

// fetch answers with what is there, by sendfile, or waits for the next batch
// of any partition.
func (c *conn) fetch(h *wire.Header, body []byte) error {
	var req wire.FetchRequest
	if err := req.Decode(h.Version, body); err != nil {
		return err
	}
	deadline := time.Now().Add(time.Duration(req.MaxWaitMs) * time.Millisecond)
	for {
		all, news, bytes, err := c.read(&req)
		if err != nil {
			return err
		}
		left := time.Until(deadline)
		if bytes > 0 || left <= 0 || len(all) == 0 {
			return c.sendFound(h, all, req.TopicCount)
		}
		wait(news, left)
	}
}

func (c *conn) read(req *wire.FetchRequest) (all []found, news []<-chan struct{}, bytes int64, err error) {
	for t := range req.Topics {
		for asked := range t.Partitions {
			p := c.b.partition(string(t.Name), asked.Index)
			if p == nil {
				return nil, nil, 0, fmt.Errorf("fetch of %s-%d, which is not there", t.Name, asked.Index)
			}
			f := found{p: p, name: string(t.Name), index: asked.Index}
			var more <-chan struct{}
			f.pos, f.n, f.end, more = p.find(asked.FetchOffset, int(asked.MaxBytes))
			if bytes > 0 && bytes+f.n > int64(req.MaxBytes) {
				f.n = 0
			}
			bytes += f.n
			all, news = append(all, f), append(news, more)
		}
	}
	return all, news, bytes, nil
}

func (c *conn) sendFound(h *wire.Header, all []found, topics int) error {
	var w wire.FetchWriter
	w.Start(make([]byte, 0, 128+96*len(all)), h, wire.FetchHead{TopicCount: topics})
	for i, f := range all {
		if i == 0 || all[i-1].name != f.name {
			n := 1
			for i+n < len(all) && all[i+n].name == f.name {
				n++
			}
			w.Topic(wire.TopicRef{Name: f.name}, n)
		}
		w.Partition(&wire.FetchPartitionResponse{
			Index: f.index, HighWatermark: f.end, LastStableOffset: f.end, PreferredReadReplica: -1, FileBytes: int(f.n),
		})
	}
	segments, _ := w.End(nil)
	for _, s := range segments {
		var err error
		if s.Bytes != nil {
			_, err = c.nc.Write(s.Bytes)
		} else {
			err = c.sendfile(all[s.Partition].p.f, all[s.Partition].pos, all[s.Partition].n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) sendfile(f *os.File, pos, n int64) error {
	fd := int(f.Fd())
	var failed error
	err := c.raw.Write(func(sock uintptr) bool {
		for n > 0 {
			sent, err := syscall.Sendfile(int(sock), fd, &pos, int(n))
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				return false
			case err == nil && sent == 0:
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				failed = err
				return true
			}
			n -= int64(sent)
		}
		return true
	})
	return errors.Join(err, failed)
}
