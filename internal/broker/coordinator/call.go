package coordinator

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// call is a request that waits for its answer: the shard.Caller of this
// runtime. One of the two functions is called, once.
type call struct {
	answer func(kmsg.Response)
	fail   func(error)
}

var _ shard.Caller = (*call)(nil)

// callOf makes the call of a request with answers of type R. failed turns an
// error into an answer.
func callOf[R kmsg.Response](reply func(R), failed func(error) R) *call {
	c := &call{}
	c.fail = func(err error) { reply(failed(err)) }
	c.answer = func(resp kmsg.Response) {
		r, ok := resp.(R)
		if !ok {
			r = failed(errAnswerType)
		}
		reply(r)
	}
	return c
}

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
