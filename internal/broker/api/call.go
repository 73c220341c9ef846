package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// call is one request on its way through a handler. It may outlive Serve when
// the answer has to wait.
type call struct {
	req    *server.Request
	header wire.Header
	// client is the header's client id, as a string of its own.
	client string
	body   []byte
}

// handler answers a call, now or later, exactly once.
type handler func(b *Broker, c *call)

// on makes a handler of a function that takes the request decoded. The
// request's memory is its own, so the function may keep it.
func on[R any, P interface {
	*R
	kmsg.Request
}](h func(*Broker, *call, P)) handler {
	return func(b *Broker, c *call) {
		req := P(new(R))
		if c.decode(req) {
			h(b, c, req)
		}
	}
}

// onChange is on for a request that changes something: a broker that is
// read-only answers it with an error.
func onChange[R any, P interface {
	*R
	kmsg.Request
}](h func(*Broker, *call, P)) handler {
	return on(func(b *Broker, c *call, req P) {
		if b.readOnly != nil {
			b.refuse(c, req, b.readOnly)
			return
		}
		h(b, c, req)
	})
}

// refuse answers a request as a whole with an error.
func (b *Broker) refuse(c *call, req kmsg.Request, err error) {
	c.reply(errorResponse(req, failure{b.code(c, err), message(err)}))
}

// decode reads the body into req, or ends the connection and returns false.
// kmsg takes lengths and counts on trust and its byte fields point into what it
// reads, so that it gets a copy that has been checked.
func (c *call) decode(req kmsg.Request) bool {
	req.SetVersion(c.header.Version)
	body, trailing, err := wire.CloneBody(c.header.Key, c.header.Version, c.body)
	if err == nil {
		err = req.ReadFrom(body)
	}
	c.req.CountTrailing(trailing)
	if err != nil {
		c.req.Fail(fmt.Sprintf("%s v%d: %v", c.header.Key.Name, c.header.Version, err))
		return false
	}
	return true
}

// reply sends a response in the request's version.
func (c *call) reply(resp kmsg.Response) {
	resp.SetVersion(c.header.Version)
	frame := wire.AppendResponseHeader(make([]byte, 0, 256), &c.header)
	frame = resp.AppendTo(frame)
	wire.SetLength(frame, 0)
	c.req.Reply(server.Bytes(frame))
}

// listener is the listener that the client has reached.
func (c *call) listener() server.Listener { return c.req.Conn().Listener() }

// requester is the client as the controller sees it: one that has asked it
// itself, or by way of this broker.
func (c *call) requester() controller.Requester {
	return controller.Requester{Principal: anonymous, ClientID: c.client, Forwarded: !c.listener().Controller}
}

// anonymous is the principal of a client on a listener without authentication.
const anonymous = "User:ANONYMOUS"

// Serve dispatches one request. It implements server.Handler.
func (b *Broker) Serve(r *server.Request) {
	h, body, err := wire.ParseHeader(r.Body)
	if err != nil {
		r.Fail(err.Error())
		return
	}
	row := b.rows[h.Key.Num]
	if row == nil || row.on&kindOf(r.Conn().Listener()) == 0 {
		r.Fail(fmt.Sprintf("API %s is not served on listener %s", h.Key.Name, r.Conn().Listener().Name))
		return
	}
	b.requests[row.key].Add(1)
	c := &call{req: r, header: h, client: string(h.ClientID), body: body}
	row.handle(b, c)
	c.body = nil
}

func kindOf(l server.Listener) wire.Listener {
	if l.Controller {
		return wire.OnController
	}
	return wire.OnBroker
}

// code is the only way from an error to the protocol: an error without a code
// is logged here, with the request that it comes from.
func (b *Broker) code(c *call, err error) int16 {
	if !wire.Mapped(err) {
		b.logger.Error("request failed", "api", c.header.Key.Name, "version", c.header.Version,
			"client", c.client, "peer", c.req.Conn().RemoteAddr(), "error", err)
	}
	return wire.CodeOf(err)
}

// message is the text that a response's error message field gets: nil without
// an error.
func message(err error) *string {
	if err == nil {
		return nil
	}
	m := wire.MessageOf(err)
	return &m
}
