package quorum

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// feed hands images to subscribers: each gets every image, in order, on a
// goroutine of its own, so that a slow one holds up neither Raft nor others.
type feed struct {
	current atomic.Pointer[metadata.Image]
	wg      sync.WaitGroup

	mu struct {
		sync.Mutex
		subscribers []*subscriber
		closed      bool
	}
}

// subscriber has the images that it has not seen yet. Its queue is not bounded:
// images share what did not change, and skipping one would lose its delta.
type subscriber struct {
	deliver func(*metadata.Image, *metadata.Delta)
	ended   chan struct{} // closed when its goroutine is gone

	mu struct {
		sync.Mutex
		queue  []step
		closed bool
	}
	ready sync.Cond // on mu: queue or closed changed
}

type step struct {
	image *metadata.Image
	delta *metadata.Delta
}

func (f *feed) init(first *metadata.Image) { f.current.Store(first) }

func (f *feed) image() *metadata.Image { return f.current.Load() }

// publish makes img the current image and queues it for every subscriber.
func (f *feed) publish(img *metadata.Image, delta *metadata.Delta) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.Store(img)
	for _, s := range f.mu.subscribers {
		s.put(step{img, delta})
	}
}

func (f *feed) subscribe(deliver func(*metadata.Image, *metadata.Delta)) (cancel func()) {
	s := &subscriber{deliver: deliver, ended: make(chan struct{})}
	s.ready.L = &s.mu
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.closed {
		return func() {}
	}
	img := f.current.Load()
	s.put(step{img, metadata.Compare(metadata.Empty(), img)})
	f.mu.subscribers = append(f.mu.subscribers, s)
	f.wg.Go(s.run)
	return func() { f.unsubscribe(s) }
}

func (f *feed) unsubscribe(s *subscriber) {
	f.mu.Lock()
	f.mu.subscribers = slices.DeleteFunc(f.mu.subscribers, func(x *subscriber) bool { return x == s })
	f.mu.Unlock()
	s.close()
	<-s.ended
}

// close ends all subscriptions and waits for their goroutines.
func (f *feed) close() {
	f.mu.Lock()
	f.mu.closed = true
	for _, s := range f.mu.subscribers {
		s.close()
	}
	f.mu.subscribers = nil
	f.mu.Unlock()
	f.wg.Wait()
}

func (s *subscriber) put(x step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.queue = append(s.mu.queue, x)
	s.ready.Signal()
}

func (s *subscriber) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	s.ready.Signal()
}

func (s *subscriber) run() {
	defer close(s.ended)
	for {
		steps, open := s.next()
		if !open {
			return
		}
		for _, x := range steps {
			s.deliver(x.image, x.delta)
		}
	}
}

// next waits for images; open is false when the subscription has ended.
func (s *subscriber) next() (steps []step, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.mu.queue) == 0 && !s.mu.closed {
		s.ready.Wait()
	}
	if s.mu.closed {
		return nil, false
	}
	steps = s.mu.queue
	s.mu.queue = nil
	return steps, true
}
