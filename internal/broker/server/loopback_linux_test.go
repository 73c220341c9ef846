package server

import (
	"context"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A client on the same machine is not paced.
func TestLoopbackIsNotPaced(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	got := make(chan string, 1)
	s := New(script(func(r *Request) {
		var name string
		if err := r.Conn().raw.Control(func(fd uintptr) {
			name, _ = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
		}); err != nil {
			t.Error(err)
		}
		got <- strings.TrimRight(name, "\x00")
		r.NoReply()
	}), Limits{}, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, Listener{Name: "PLAINTEXT", Net: l}) }()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte{0, 0, 0, 1, 'x'}); err != nil {
		t.Fatal(err)
	}
	if name := <-got; name != "reno" {
		t.Errorf("congestion control %q, want reno", name)
	}
	_ = c.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
