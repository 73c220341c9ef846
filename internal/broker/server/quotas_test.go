package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// limited is no limits but those that change sets.
func limited(change func(*ConnectionLimits)) *ConnectionLimits {
	l := unbounded
	change(&l)
	return &l
}

var local = netip.MustParseAddr("127.0.0.1")

// SocketServerTest and ConnectionQuotasTest of Kafka: a rate of r a second lets
// r times the window in at once, then r a second.
func TestCreationRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotas(limited(func(l *ConnectionLimits) { l.CreationRate = 5 }))
		q.addListener("PLAINTEXT")
		t0 := time.Now()
		for range 50 { // ten seconds' worth: the window is eleven, the current one counted as it goes
			if err := q.await("PLAINTEXT", local, nil); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(t0); d != 0 {
			t.Errorf("the first fifty took %s", d)
		}
		for range 100 {
			if err := q.await("PLAINTEXT", local, nil); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(t0); d < 15*time.Second || d > 30*time.Second {
			t.Errorf("150 connections at 5 a second took %s", d)
		}
	})
}

func TestRateOfOneListenerLeavesOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotas(limited(func(l *ConnectionLimits) {
			l.Listeners = map[string]ListenerLimits{"SLOW": {Max: NoLimit, CreationRate: 1}}
		}))
		q.addListener("SLOW")
		q.addListener("FAST")
		t0 := time.Now()
		for range 100 {
			if err := q.await("FAST", local, nil); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(t0); d != 0 {
			t.Errorf("FAST waited %s", d)
		}
		for range 12 {
			if err := q.await("SLOW", local, nil); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(t0); d == 0 || d > 2*time.Second {
			t.Errorf("SLOW waited %s", d)
		}
	})
}

// At max.connections a connection waits for a place, and finds it when another
// ends, when the limit is raised, or not when the server stops.
func TestMaxConnectionsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotas(limited(func(l *ConnectionLimits) { l.Max = 1 }))
		q.addListener("PLAINTEXT")
		in := make(chan error)
		stop := make(chan struct{})
		ask := func() { in <- q.await("PLAINTEXT", local, stop) }
		waits := func(what string) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-in:
				t.Fatalf("%s: let in, %v", what, err)
			default:
			}
		}
		go ask()
		if err := <-in; err != nil {
			t.Fatal(err)
		}
		go ask()
		waits("the second")
		q.remove("PLAINTEXT", local)
		if err := <-in; err != nil {
			t.Fatal(err)
		}
		go ask()
		waits("the third")
		q.set(limited(func(l *ConnectionLimits) { l.Max = 2 }))
		if err := <-in; err != nil {
			t.Fatal(err)
		}
		go ask()
		waits("the fourth")
		close(stop)
		if err := <-in; !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		if got := q.counts()["PLAINTEXT"]; got != 2 {
			t.Errorf("%d are counted", got)
		}
	})
}

func TestMaxConnectionsOfAListener(t *testing.T) {
	q := newQuotas(limited(func(l *ConnectionLimits) {
		l.Max, l.InterBroker = 1, "INTERNAL"
		l.Listeners = map[string]ListenerLimits{"INTERNAL": {Max: 2, CreationRate: NoLimit}}
	}))
	for _, name := range []string{"EXTERNAL", "INTERNAL"} {
		q.addListener(name)
		if err := q.await(name, local, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.await("INTERNAL", local, nil); err != nil {
		t.Fatal(err)
	}
	if q.free("INTERNAL") || q.free("EXTERNAL") {
		t.Error("both are full")
	}
}

// serveOn serves listeners on loopback, and returns their addresses.
func serveOn(t *testing.T, l Limits, names ...string) (*Server, map[string]string) {
	t.Helper()
	srv := New(script(echo), l, nil)
	var listeners []Listener
	addrs := map[string]string{}
	for _, name := range names {
		nl, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, Listener{Name: name, Net: nl, Controller: name == "CONTROLLER"})
		addrs[name] = nl.Addr().String()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx, listeners...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return srv, addrs
}

// greet says hello, and whether it was answered.
func greet(c net.Conn) bool {
	if _, err := c.Write(frame([]byte("hello"))); err != nil {
		return false
	}
	_, err := io.ReadFull(c, make([]byte, 9))
	return err == nil
}

// The address's limit refuses; its override, and other addresses, do not.
func TestMaxConnectionsPerIP(t *testing.T) {
	srv, addrs := serveOn(t, Limits{Connections: limited(func(l *ConnectionLimits) {
		l.MaxPerIP, l.PerIP = 2, map[netip.Addr]int{netip.MustParseAddr("127.0.0.2"): 3}
	})}, "PLAINTEXT")
	open := func(from string) bool {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", addrs["PLAINTEXT"])
		if err != nil {
			t.Skipf("no address %s here: %v", from, err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return greet(c)
	}
	for _, tc := range []struct {
		from string
		want []bool
	}{{"127.0.0.1", []bool{true, true, false}}, {"127.0.0.2", []bool{true, true, true, false}}} {
		for i, want := range tc.want {
			if got := open(tc.from); got != want {
				t.Errorf("%s, connection %d: served %t", tc.from, i+1, got)
			}
		}
	}
	if got := srv.Stats.Refused.Load(); got != 2 {
		t.Errorf("%d are counted as refused", got)
	}
	none := unbounded
	srv.SetConnectionLimits(none)
	if !open("127.0.0.1") {
		t.Error("the limit still holds")
	}
}

// The inter-broker listener's connections are let in, and those of others that
// were quiet for longest make place, as when the limit is lowered.
func TestMaxConnectionsClosesTheQuietest(t *testing.T) {
	limits := limited(func(l *ConnectionLimits) { l.Max, l.InterBroker = 3, "INTERNAL" })
	srv, addrs := serveOn(t, Limits{Connections: limits}, "EXTERNAL", "INTERNAL", "CONTROLLER")
	var conns []net.Conn
	for range 3 {
		c := dial(t, addrs["EXTERNAL"])
		conns = append(conns, c)
		if !greet(c) {
			t.Fatal("not served")
		}
	}
	if !greet(conns[0]) { // so that the second is the quietest
		t.Fatal("not served")
	}
	if !greet(dial(t, addrs["CONTROLLER"])) {
		t.Error("controllers' connections are not counted apart")
	}
	if !greet(dial(t, addrs["INTERNAL"])) {
		t.Error("the inter-broker listener is not protected")
	}
	if n, err := conns[1].Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !isReset(err) {
		t.Errorf("the quietest is still there: %v", err)
	}
	if !greet(conns[0]) || !greet(conns[2]) {
		t.Error("others were closed too")
	}
	lower := *limits
	lower.Max = 2
	srv.SetConnectionLimits(lower)
	if n, err := conns[0].Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("the quietest is still there: %v", err)
	}
	if !greet(conns[2]) {
		t.Error("others were closed too")
	}
}

func isReset(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}
