package client

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func testDialer(t *testing.T, props map[string]string) *dialer {
	t.Helper()
	d, err := newDialer(props, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDialerBacksOff: tries at a node that is not there come apart to reconnect.backoff.max.ms, give or take a fifth, and
// start afresh when it has answered.
func TestDialerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDialer(t, nil)
		refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
		d.dial = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
		between := func() time.Duration {
			start := time.Now()
			if _, err := d.DialContext(t.Context(), "tcp", "b:1"); !Unreachable(err) {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		for round := range 2 {
			if waited := between(); waited != 0 {
				t.Fatalf("round %d: the first try waited %v", round, waited)
			}
			for i, want := range []time.Duration{50, 100, 200, 400, 800, 1000, 1000, 1000} {
				want *= time.Millisecond
				if waited := between(); waited < want*8/10 || waited > want*12/10 {
					t.Errorf("round %d: try %d waited %v, want about %v", round, i, waited, want)
				}
			}
			d.OnBrokerConnect(kgo.BrokerMetadata{Host: "b", Port: 1}, 0, nil, refused)
			d.OnBrokerConnect(kgo.BrokerMetadata{Host: "b", Port: 1}, 0, nil, nil)
		}
	})
}

func TestDialerGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDialer(t, map[string]string{"reconnect.backoff.ms": "60000"})
		d.dial = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = d.DialContext(ctx, "tcp", "b:1") // the first of two failures
		start := time.Now()
		_, err := d.DialContext(ctx, "tcp", "b:1")
		if !errors.Is(err, ErrNotTried) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestDialerSettings(t *testing.T) {
	d := testDialer(t, map[string]string{"reconnect.backoff.ms": "0", "socket.connection.setup.timeout.ms": "5"})
	for range 3 {
		if wait := d.take("b:1", time.Time{}); wait != 0 {
			t.Errorf("waits %v without a back-off", wait)
		}
	}
	if d.timeout != 5*time.Millisecond || d.most != time.Second {
		t.Errorf("timeout %v, most %v", d.timeout, d.most)
	}
	if _, err := newDialer(map[string]string{"reconnect.backoff.max.ms": "x"}, nil); err == nil {
		t.Error("no number is accepted")
	}
}
