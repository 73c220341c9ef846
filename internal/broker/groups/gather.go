package groups

import "sync"

// gather collects the answers of n parts, which may come from any goroutine,
// and calls done once when the last is there.
type gather struct {
	mu   sync.Mutex
	left int
	done func()
}

func newGather(n int, done func()) *gather { return &gather{left: n, done: done} }

// part runs set, which stores a part's answer, and counts it.
func (g *gather) part(set func()) {
	g.mu.Lock()
	set()
	g.left--
	last := g.left == 0
	g.mu.Unlock()
	if last {
		g.done()
	}
}
