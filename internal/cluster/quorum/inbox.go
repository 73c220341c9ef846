package quorum

import "sync"

// inbox hands events to the goroutine that owns the voter. Everything that has
// gathered while it was busy with the disk is taken at once: group commit.
type inbox struct {
	wake   chan struct{} // has room for one; full = something is queued
	closed chan struct{}

	mu struct {
		sync.Mutex
		events []func()
		ended  bool
	}
}

// maxInbox bounds the queue; beyond it put refuses.
const maxInbox = 200_000

func (q *inbox) init() {
	q.wake = make(chan struct{}, 1)
	q.closed = make(chan struct{})
}

// put queues an event. It fails when the inbox is closed or full.
func (q *inbox) put(event func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.ended || len(q.mu.events) >= maxInbox {
		return false
	}
	q.mu.events = append(q.mu.events, event)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns all queued events, oldest first.
func (q *inbox) take() []func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.mu.events
	q.mu.events = nil
	return events
}

// close refuses further events and wakes whoever waits on closed.
func (q *inbox) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.mu.ended {
		q.mu.ended = true
		close(q.closed)
	}
}
