//go:build linux

package main

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/kafka/record"
)

// broker holds the topics.
type broker struct {
	dir  string
	addr interface{ String() string }

	mu     sync.Mutex
	topics map[string]*topic
}

type topic struct {
	name  string
	parts []*partition
}

// partition is one file, and where its batches are.
type partition struct {
	f *os.File

	mu      sync.Mutex
	next    int64   // offset
	size    int64   // bytes
	offsets []int64 // base offset of each batch
	places  []int64 // and where it begins
	news    chan struct{}
}

// create makes a topic; it is no error if it is there.
func (b *broker) create(name string, parts int) (*topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	t := &topic{name: name}
	for i := range parts {
		f, err := os.Create(filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, i)))
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, &partition{f: f, news: make(chan struct{})})
	}
	b.topics[name] = t
	return t, nil
}

func (b *broker) partition(name string, index int32) *partition {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil || int(index) >= len(t.parts) {
		return nil
	}
	return t.parts[index]
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append checks one batch and writes it at the end.
func (p *partition) append(b []byte) (int64, error) {
	batch := record.Batch(b)
	if len(b) < record.HeaderSize || crc32.Checksum(b[21:], castagnoli) != batch.CRC() {
		return 0, fmt.Errorf("a batch of %d bytes is damaged", len(b))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	base := p.next
	batch.SetBaseOffset(base)
	if _, err := p.f.WriteAt(b, p.size); err != nil {
		return 0, err
	}
	p.offsets, p.places = append(p.offsets, base), append(p.places, p.size)
	p.next, p.size = batch.NextOffset(), p.size+int64(len(b))
	close(p.news)
	p.news = make(chan struct{})
	return base, nil
}

// find returns the batches from an offset on, at most limit bytes but at least
// one batch.
func (p *partition) find(offset int64, limit int) (pos, n, end int64, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if offset >= p.next {
		return 0, 0, p.next, p.news
	}
	i := sort.Search(len(p.offsets), func(i int) bool { return p.offsets[i] > offset }) - 1
	pos = p.places[i]
	j := sort.Search(len(p.places), func(j int) bool { return p.places[j] > pos+int64(limit) }) - 1
	switch {
	case j == len(p.places)-1 && p.size-pos <= int64(limit):
		n = p.size - pos
	case j > i:
		n = p.places[j] - pos
	case i+1 < len(p.places):
		n = p.places[i+1] - pos
	default:
		n = p.size - pos
	}
	return pos, n, p.next, p.news
}

// wait returns when one of the partitions has news, or the time is over.
func wait(news []<-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	if len(news) == 1 {
		select {
		case <-news[0]:
		case <-t.C:
		}
		return
	}
	one := make(chan struct{}, len(news))
	stop := make(chan struct{})
	defer close(stop)
	for _, n := range news {
		go func() {
			select {
			case <-n:
				one <- struct{}{}
			case <-stop:
			}
		}()
	}
	select {
	case <-one:
	case <-t.C:
	}
}
