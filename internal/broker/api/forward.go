package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// forwardTimeout bounds a forwarded request whose own timeout is not known.
const forwardTimeout = 60 * time.Second

// forward passes a request that changes the cluster to the active controller,
// and answers when this broker has seen the change too, so that a client that
// asks this broker next is not told the past.
func (b *Broker) forward(c *call) {
	req := kmsg.RequestForKey(c.header.Key.Num)
	if c.decode(req) {
		b.pass(c, req)
	}
}

// pass is forward for a request that has been decoded.
func (b *Broker) pass(c *call, req kmsg.Request) {
	resp, err := b.submit(c, req)
	if err != nil {
		b.refuse(c, req, err)
		return
	}
	c.reply(resp)
}

// submit asks the controller on behalf of a call.
func (b *Broker) submit(c *call, req kmsg.Request) (kmsg.Response, error) {
	timeout := forwardTimeout
	if t, ok := req.(kmsg.TimeoutRequest); ok && t.Timeout() > 0 {
		timeout = time.Duration(t.Timeout()) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	resp, err := b.controller.Submit(ctx, req, c.requester())
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("the controller has not answered within %s: %w", timeout, kerr.RequestTimedOut)
		}
		return nil, err
	}
	if !c.listener().Controller {
		// What was decided holds; only this broker's view may be late.
		_ = b.metadata.Await(ctx)
	}
	return resp, nil
}
