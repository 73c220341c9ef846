package coordinator

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// ErrAnswerType says that a shard answered with another type than the request's.
var ErrAnswerType = errors.New("coordinator: answer of another type than the request")

// Call is a request that waits for its answer: the shard.Caller of the runtime.
// One of the two functions is called, once.
type Call struct {
	answer func(kmsg.Response)
	fail   func(error)
}

var _ shard.Caller = (*Call)(nil)

// NewCall makes a call of two functions, of which exactly one is called, once.
func NewCall(answer func(kmsg.Response), fail func(error)) *Call {
	return &Call{answer: answer, fail: fail}
}

// Fail answers the call with an error, for who could not hand it to a shard.
func (c *Call) Fail(err error) { c.fail(err) }

// CallOf makes the call of a request with answers of type R. failed turns an
// error into an answer.
func CallOf[R kmsg.Response](reply func(R), failed func(error) R) *Call {
	c := &Call{}
	c.fail = func(err error) { reply(failed(err)) }
	c.answer = func(resp kmsg.Response) {
		r, ok := resp.(R)
		if !ok {
			r = failed(ErrAnswerType)
		}
		reply(r)
	}
	return c
}
