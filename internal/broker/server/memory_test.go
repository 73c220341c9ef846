package server

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// The frames of many connections that do not go on make place for those of one
// that does.
func TestFramesThatStopMakePlace(t *testing.T) {
	srv, addr := start(t, echo, Limits{MaxRequestBytes: 1 << 20, RequestMemory: 1})
	begun := frame(make([]byte, 1<<20))[:600<<10]
	for range 20 {
		c := dial(t, addr)
		go func() { _, _ = c.Write(begun) }() // fails when it had to go
	}
	honest := dial(t, addr)
	body := bytes.Repeat([]byte("honest"), 100_000)
	for round := range 20 {
		go func() { _, _ = honest.Write(frame(body)) }() // a failure shows in the read
		if got := readFrame(t, honest); !bytes.Equal(got, body) {
			t.Fatalf("round %d: other bytes came back", round)
		}
		if taken := srv.memory.taken(); taken > 2*srv.limits.RequestMemory {
			t.Fatalf("%d bytes are taken of %d", taken, srv.limits.RequestMemory)
		}
	}
	for deadline := time.Now().Add(time.Minute); srv.Stats.Evicted.Load() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody had to go")
		}
	}
}

// All that connections have taken is given back when they end, in whatever
// state they are.
func TestMemoryIsGivenBack(t *testing.T) {
	srv, addr := start(t, echo, Limits{MaxRequestBytes: 16 << 20, RequestMemory: 1})
	whole := frame(make([]byte, 10<<20))
	for _, n := range []int{1, 3, 4, 5, 1000, 5000, 9000, 70_000, 1 << 20, 5 << 20, 6 << 20} {
		c := dial(t, addr)
		write(t, c, whole[:n])
		if n%2 == 0 {
			defer func() { _ = c.Close() }()
			continue
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	srv.mu.Lock()
	for c := range srv.conns {
		c.abort()
	}
	srv.mu.Unlock()
	waitGone(t, srv)
	if n := srv.memory.taken(); n != 0 {
		t.Errorf("%d bytes are still taken", n)
	}
	if n := srv.scratch.Load(); n != 0 {
		t.Errorf("%d large buffers are still out", n)
	}
}

// A byte now and then does not keep a connection.
func TestSlowlorisIsClosed(t *testing.T) {
	srv, addr := start(t, echo, Limits{FrameTimeout: 100 * time.Millisecond})
	c := dial(t, addr)
	f := frame(make([]byte, 1<<20))
	for i := range f {
		if _, err := c.Write(f[i : i+1]); err != nil {
			break
		}
		<-time.After(10 * time.Millisecond)
		if i > 5000 {
			t.Fatal("it is still there")
		}
	}
	if srv.Stats.Stale.Load() != 1 {
		t.Error("it is not counted")
	}
}

func TestHalfAFrameIsClosed(t *testing.T) {
	_, addr := start(t, echo, Limits{FrameTimeout: 50 * time.Millisecond})
	for _, n := range []int{1, 4, 5, 9000} {
		c := dial(t, addr)
		write(t, c, frame(make([]byte, 10_000))[:n])
		if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	srv, addr := start(t, echo, Limits{IdleTimeout: 100 * time.Millisecond})
	c := dial(t, addr)
	if !greet(c) {
		t.Fatal("not served")
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes: %v", n, err)
	}
	if srv.Stats.Stale.Load() == 0 {
		t.Error("it is not counted")
	}
}

// When a frame is given up.
func TestStaleFrames(t *testing.T) {
	const timeout = 30 * time.Second
	now := time.Unix(10_000, 0)
	for _, tc := range []struct {
		what     string
		age      time.Duration
		quiet    time.Duration
		received int64
		stopped  time.Duration // for how long it has been waiting for memory
		want     bool
	}{
		{"young", time.Second, 0, 5, 0, false},
		{"quiet", 31 * time.Second, 31 * time.Second, 50 << 20, 0, true},
		{"a byte a second", 40 * time.Second, 0, 40, 0, true},
		{"two kilobytes a second", 1000 * time.Second, time.Second, 2000 << 10, 0, false},
		{"one kilobyte in two seconds", 1000 * time.Second, time.Second, 500 << 10, 0, true},
		{"held up by us", 1000 * time.Second, 29 * time.Second, 500, 29 * time.Second, false},
		{"held up for too long", 1000 * time.Second, 31 * time.Second, 500, 31 * time.Second, true},
	} {
		var cl claim
		cl.since.Store(now.Add(-tc.age).UnixNano())
		cl.received.Store(tc.received)
		if tc.stopped > 0 {
			cl.stopped.Store(now.Add(-tc.stopped).UnixNano())
		}
		if why := cl.stale(now, tc.quiet, timeout); (why != "") != tc.want {
			t.Errorf("%s: %q", tc.what, why)
		}
	}
}

// Connections that are no sockets are read too, and their memory is counted.
func TestPipes(t *testing.T) {
	srv, _ := start(t, echo, Limits{RequestMemory: 1, MaxRequestBytes: 1 << 20})
	ours, theirs := net.Pipe()
	srv.ServeConn(theirs, Listener{Name: "EMBEDDED"})
	if err := ours.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 1000, 5000, 9000, 100_000, 1 << 20} {
		body := bytes.Repeat([]byte{byte(n)}, n)
		go func() { _, _ = ours.Write(frame(body)) }() // a failure shows in the read
		if got := readFrame(t, ours); !bytes.Equal(got, body) {
			t.Fatalf("a frame of %d bytes came back as %d", n, len(got))
		}
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	waitGone(t, srv)
	if n := srv.memory.taken(); n != 0 {
		t.Errorf("%d bytes are still taken", n)
	}
}
