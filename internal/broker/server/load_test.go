package server

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// narrow keeps the system from taking much of what is sent to c.
func narrow(t *testing.T, c net.Conn) {
	t.Helper()
	if tc, ok := c.(*net.TCPConn); ok {
		if err := tc.SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
	}
}

// Clients that ask and do not read lose their connections when their responses
// take too much memory; others are served all the while.
func TestUnreadResponsesAreBounded(t *testing.T) {
	const size = 512 << 10
	answer := frame(make([]byte, size))
	var srv *Server
	var most atomic.Int64
	srv, addr := start(t, func(r *Request) {
		if r.Body[0] == 'h' {
			echo(r)
			return
		}
		r.Reply(Bytes(append([]byte(nil), answer...)))
		most.Store(max(most.Load(), srv.load.unsent.Load()))
	}, Limits{MaxRequestBytes: 1 << 20, RequestMemory: 64 << 20})
	honest := dial(t, addr)
	var greedy []net.Conn
	for range 60 {
		c := dial(t, addr)
		narrow(t, c)
		greedy = append(greedy, c)
		for range 64 {
			if _, err := c.Write(frame([]byte("more"))); err != nil {
				break // it was closed already
			}
		}
		if !greet(honest) {
			t.Fatal("an honest client is not served")
		}
	}
	for deadline := time.Now().Add(time.Minute); srv.load.unsent.Load() > srv.maxUnsent(); {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are still waiting to be taken", srv.load.unsent.Load())
		}
		if !greet(honest) {
			t.Fatal("an honest client is not served")
		}
	}
	if srv.Stats.Evicted.Load() == 0 {
		t.Error("nobody was closed")
	}
	if got := most.Load(); got > 3*srv.maxUnsent() {
		t.Errorf("%d bytes of responses, bound %d", got, srv.maxUnsent())
	}
	for _, c := range greedy {
		_ = c.Close()
	}
	if err := honest.Close(); err != nil {
		t.Fatal(err)
	}
	waitGone(t, srv)
	if n, p := srv.load.unsent.Load(), srv.load.pending.Load(); n != 0 || p != 0 {
		t.Errorf("%d bytes and %d requests are counted still", n, p)
	}
}

// waitGone waits until a server has no connections.
func waitGone(t *testing.T, srv *Server) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); srv.Conns() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("connections do not end")
		}
		<-time.After(time.Millisecond)
	}
}

// A connection with a megabyte of responses that nobody takes is not read any
// further, and goes on when they are taken.
func TestReadingPausesAtUnreadResponses(t *testing.T) {
	const size, asked = 256 << 10, 400
	var handled atomic.Int64
	_, addr := start(t, func(r *Request) {
		handled.Add(1)
		r.Reply(Bytes(frame(make([]byte, size))))
	}, Limits{})
	c := dial(t, addr)
	narrow(t, c)
	for range asked {
		write(t, c, frame([]byte("x")))
	}
	<-time.After(50 * time.Millisecond) // nothing to wait for: that no more are handled is the point
	if n := handled.Load(); n > 300 {
		t.Errorf("%d requests were handled while nobody read", n)
	}
	for i := range asked {
		if _, err := io.CopyN(io.Discard, c, 4+size); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
}

// A response that nobody takes ends its connection after the time of a frame,
// whatever the client goes on to send.
func TestUntakenResponseEndsTheConnection(t *testing.T) {
	srv, addr := start(t, func(r *Request) {
		r.Reply(Bytes(frame(make([]byte, 64<<20))))
	}, Limits{FrameTimeout: 200 * time.Millisecond})
	c := dial(t, addr)
	narrow(t, c)
	write(t, c, frame([]byte("x")))
	for deadline := time.Now().Add(time.Minute); srv.Conns() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
		_, _ = c.Write([]byte{0}) // fails when it is gone
		<-time.After(10 * time.Millisecond)
	}
}
