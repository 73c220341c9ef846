package server

import (
	"sync"
	"time"
)

// memory is the budget with its lock, and the large buffers that it pays for.
type memory struct {
	mu     sync.Mutex
	budget budget
	kept   [frameClasses][]*buffer // free ones, for the next frame

	// pressed tells the server that somebody waits, or that the budget is
	// overdrawn.
	pressed chan struct{}
}

func newMemory(limit int64) *memory {
	return &memory{budget: newBudget(limit), pressed: make(chan struct{}, 1)}
}

// taken is how much of the budget requests have.
func (m *memory) taken() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.budget.used - m.keptBytes()
}

// claim returns the connection's claim, made if it has none.
func (m *memory) claim(c *Conn) *claim {
	if cl := c.claim.Load(); cl != nil {
		return cl
	}
	cl := &claim{conn: c, peer: c.peer(), proven: int64(c.in.proven)}
	cl.since.Store(time.Now().UnixNano())
	m.mu.Lock()
	m.budget.join(cl)
	m.mu.Unlock()
	c.claim.Store(cl)
	return cl
}

// leave ends the connection's claim.
func (m *memory) leave(c *Conn) {
	cl := c.claim.Load()
	if cl == nil {
		return
	}
	c.claim.Store(nil)
	m.mu.Lock()
	m.budget.leave(cl)
	m.serve()
}

// serve grants what can be granted, and unlocks.
func (m *memory) serve() {
	for _, cl := range m.budget.grant() {
		close(cl.granted)
	}
	press := m.budget.short() > 0
	m.mu.Unlock()
	if press {
		m.press()
	}
}

func (m *memory) press() {
	select {
	case m.pressed <- struct{}{}:
	default:
	}
}

// charge sets what the claim holds to n, in any case: the bytes are there
// already.
func (m *memory) charge(cl *claim, n int64) {
	m.mu.Lock()
	if n >= cl.held {
		m.budget.force(cl, n-cl.held)
	} else {
		m.budget.give(cl, cl.held-n)
	}
	m.serve()
}

// take gets the claim another n bytes, and waits for them if need be. It
// reports false if the connection was broken off meanwhile.
func (m *memory) take(cl *claim, n int64) bool {
	m.mu.Lock()
	if m.budget.take(cl, n) || m.dropKept(n) && m.budget.take(cl, n) {
		m.mu.Unlock()
		return true
	}
	if cl.conn.dead.Load() { // nobody would cancel it any more
		m.mu.Unlock()
		return false
	}
	cl.granted = make(chan struct{})
	cl.stopped.Store(time.Now().UnixNano())
	m.budget.await(cl, n)
	m.mu.Unlock()
	m.press()
	<-cl.granted
	now := time.Now().UnixNano()
	cl.waited.Add(now - cl.stopped.Load())
	cl.stopped.Store(0)
	cl.last.Store(now) // its client could not have sent anything
	return !cl.conn.dead.Load()
}

// cancel ends the waiting of a connection that is broken off.
func (m *memory) cancel(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cl := c.claim.Load(); cl != nil && cl.wants > 0 {
		m.budget.cancel(cl)
		close(cl.granted)
	}
}

// reclaim returns the connections to break off for want of memory; more says
// that somebody still waits.
func (m *memory) reclaim(now time.Time) (out []*Conn, more bool) {
	m.mu.Lock()
	if m.budget.short() > 0 {
		m.dropKept(m.budget.short())
	}
	for _, cl := range m.budget.reclaim(now) {
		out = append(out, cl.conn)
	}
	more = len(m.budget.waiting) > 0 || m.budget.short() > 0
	m.serve()
	return out, more
}

// frame returns a buffer of at least n bytes for a frame that has begun. What
// of it was in memory before is charged to the claim; ok is false if there was
// none that fits the budget, and none could be made.
func (m *memory) frame(cl *claim, n int) (b *buffer, ok bool) {
	class := frameClass(n)
	m.mu.Lock()
	if class < frameClasses && len(m.kept[class]) > 0 {
		last := len(m.kept[class]) - 1
		b = m.kept[class][last]
		m.budget.used -= b.resident
		if m.budget.take(cl, b.resident) {
			m.kept[class] = m.kept[class][:last]
			m.mu.Unlock()
			return b, true
		}
		m.budget.used += b.resident
	}
	m.mu.Unlock()
	return reserveFrame(n, class)
}

// keepFrame takes back a buffer whose bytes are still charged to the claim, and
// ends the claim.
func (m *memory) keepFrame(c *Conn, b *buffer) {
	cl := c.claim.Load()
	c.claim.Store(nil)
	m.mu.Lock()
	m.budget.leave(cl)
	if b.class < frameClasses && m.keptBytes()+b.resident <= m.budget.limit/keptParts && m.budget.used+b.resident <= m.budget.limit/8*speculative {
		m.kept[b.class] = append(m.kept[b.class], b)
		m.budget.used += b.resident
		b = nil
	}
	m.serve()
	if b != nil {
		b.unmap()
	}
}

// keptParts: free buffers take at most this part of the budget.
const keptParts = 4

func (m *memory) keptBytes() (n int64) {
	for _, class := range m.kept {
		for _, b := range class {
			n += b.resident
		}
	}
	return n
}

// dropKept lets go of free buffers until n bytes are there or none is left. It
// reports whether it has let go of any.
func (m *memory) dropKept(n int64) bool {
	dropped := false
	for class := len(m.kept) - 1; class >= 0; class-- {
		for k := m.kept[class]; len(k) > 0 && n > 0; k = m.kept[class] {
			b := k[len(k)-1]
			m.kept[class] = k[:len(k)-1]
			m.budget.used -= b.resident
			n -= b.resident
			b.unmap()
			dropped = true
		}
	}
	return dropped
}

// close lets go of everything.
func (m *memory) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropKept(m.budget.limit)
}
