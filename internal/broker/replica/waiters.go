package replica

import (
	"sync"
	"sync/atomic"
)

// CommitWaiter is told when what it waits for is committed. Committed is called
// exactly once, from any goroutine, under no lock; it must not block.
type CommitWaiter interface {
	Committed(err error)
}

// commits holds the waiters for the high watermark, in the order of their
// offsets. Appends come in order, so that a new waiter nearly always goes last.
type commits struct {
	sync.Mutex
	waiting []commitWait
}

type commitWait struct {
	offset int64 // the high watermark that is waited for
	w      CommitWaiter
}

func (c *commits) add(offset int64, w CommitWaiter) {
	c.Lock()
	defer c.Unlock()
	i := len(c.waiting)
	for i > 0 && c.waiting[i-1].offset > offset {
		i--
	}
	c.waiting = append(c.waiting, commitWait{})
	copy(c.waiting[i+1:], c.waiting[i:])
	c.waiting[i] = commitWait{offset, w}
}

// release completes the waiters up to a high watermark.
func (c *commits) release(highWatermark int64) {
	c.Lock()
	n := 0
	for n < len(c.waiting) && c.waiting[n].offset <= highWatermark {
		n++
	}
	done := c.waiting[:n:n]
	if n == len(c.waiting) {
		c.waiting = nil
	} else {
		c.waiting = c.waiting[n:]
	}
	c.Unlock()
	for _, d := range done {
		d.w.Committed(nil)
	}
}

// fail completes all waiters with an error.
func (c *commits) fail(err error) {
	c.Lock()
	done := c.waiting
	c.waiting = nil
	c.Unlock()
	for _, d := range done {
		d.w.Committed(err)
	}
}

// Isolation says how far a reader may see.
type Isolation int8

// The three kinds of readers.
const (
	ReadUncommitted Isolation = iota // to the high watermark
	ReadCommitted                    // to the last stable offset
	ReadLogEnd                       // to the log's end: followers
	isolations
)

// FetchWaiter is one parked fetch. It waits on any number of partitions and
// fires once. Make one with NewFetchWaiter.
type FetchWaiter struct {
	fired atomic.Bool
	fire  func()
	nodes []fetchNode
}

// NewFetchWaiter returns a waiter that calls fire, at most once, when one of
// its partitions has news. fire must not block. n is the number of partitions
// that it will wait on.
func NewFetchWaiter(n int, fire func()) *FetchWaiter {
	return &FetchWaiter{fire: fire, nodes: make([]fetchNode, 0, n)}
}

// Fire completes the waiter from outside: at its deadline.
func (w *FetchWaiter) Fire() {
	if !w.fired.Swap(true) {
		w.fire()
	}
}

// Cancel takes the waiter off all its partitions. It is called by the owner of
// the fetch when the waiter has fired or is not needed; it may not be called
// while Wait is.
func (w *FetchWaiter) Cancel() {
	w.fired.Store(true)
	for i := range w.nodes {
		w.nodes[i].unlink()
	}
}

// fetchNode is a waiter's place in one partition's list.
type fetchNode struct {
	w          *FetchWaiter
	list       *waitList
	prev, next *fetchNode
	linked     bool
}

func (n *fetchNode) unlink() {
	n.list.Lock()
	n.list.remove(n)
	n.list.Unlock()
}

// waitList holds the parked fetches of one partition for one kind of reader.
type waitList struct {
	sync.Mutex
	head *fetchNode
}

func (l *waitList) add(w *FetchWaiter) {
	w.nodes = append(w.nodes, fetchNode{w: w, list: l})
	n := &w.nodes[len(w.nodes)-1]
	l.Lock()
	n.next, n.linked = l.head, true
	if l.head != nil {
		l.head.prev = n
	}
	l.head = n
	l.Unlock()
}

func (l *waitList) remove(n *fetchNode) {
	if !n.linked {
		return
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	}
	n.prev, n.next, n.linked = nil, nil, false
}

// wake fires everyone in the list and empties it.
func (l *waitList) wake() {
	for {
		l.Lock()
		n := l.head
		if n != nil {
			l.remove(n)
		}
		l.Unlock()
		if n == nil {
			return
		}
		n.w.Fire()
	}
}
