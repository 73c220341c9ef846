package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// handler decides about a request: it fills the response and emits records.
type handler func(c *Controller, x *exchange, req kmsg.Request, resp kmsg.Response)

// row is one API of the controller.
type row struct {
	key    int16
	handle handler
}

// table has a row for each API that changes metadata, or that only the
// controller can answer, sorted by key.
var table = [...]row{}

func rowOf(key int16) *row {
	i, ok := slices.BinarySearchFunc(table[:], key, func(r row, k int16) int { return int(r.key) - int(k) })
	if !ok {
		return nil
	}
	return &table[i]
}

// on makes a handler of a method with the types of one API.
func on[Req kmsg.Request, Resp kmsg.Response](f func(*Controller, *exchange, Req, Resp)) handler {
	return func(c *Controller, x *exchange, req kmsg.Request, resp kmsg.Response) {
		f(c, x, req.(Req), resp.(Resp))
	}
}
