package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
)

// BenchmarkRequest measures a request and its short answer over loopback, by the
// size of the request.
func BenchmarkRequest(b *testing.B) {
	for _, size := range []int{100, 16 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			answer := frame([]byte("ok"))
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			srv := New(script(func(r *Request) { r.Reply(Bytes(answer)) }), Limits{}, nil)
			go func() { done <- srv.Run(ctx, Listener{Name: "PLAINTEXT", Net: l}) }()
			defer func() { cancel(); <-done }()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			req := make([]byte, 4+size)
			binary.BigEndian.PutUint32(req, uint32(size))
			back := make([]byte, len(answer))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(req); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, back); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
