package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrNotTried is what a connection fails with when nobody waits for it any more before its back-off was over.
var ErrNotTried = errors.New("gave up before the next try to connect")

// Unreachable says that err is a connection that was not made or ended before its first answer: the broker has not
// seen the request, and may be there later.
func Unreachable(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	return errors.Is(err, ErrNotTried) || errors.As(err, new(*kgo.ErrFirstReadEOF))
}

// maxNodes bounds the nodes of which a dialer keeps failures.
const maxNodes = 4096

// dialer makes a client's connections. It waits before it tries a node again that it could not reach, from
// reconnect.backoff.ms doubling up to reconnect.backoff.max.ms, as ClusterConnectionStates does (KIP-144).
// Its methods may be called by several goroutines.
type dialer struct {
	timeout     time.Duration // socket.connection.setup.timeout.ms; 0: none
	first, most time.Duration
	tls         *tls.Config // nil: plaintext
	dial        func(ctx context.Context, network, address string) (net.Conn, error)

	mu struct {
		sync.Mutex
		failed map[string]failures // by address
		random *rand.Rand
	}
}

type failures struct {
	count int
	last  time.Time
}

var _ kgo.HookBrokerConnect = (*dialer)(nil)

func newDialer(props map[string]string, conf *tls.Config) (*dialer, error) {
	d := &dialer{timeout: 10 * time.Second, first: 50 * time.Millisecond, most: time.Second, tls: conf}
	for key, to := range map[string]*time.Duration{
		"socket.connection.setup.timeout.ms": &d.timeout,
		"reconnect.backoff.ms":               &d.first, "reconnect.backoff.max.ms": &d.most,
	} {
		value, ok, err := duration(props, key)
		if err != nil {
			return nil, err
		}
		if ok {
			*to = max(value, 0)
		}
	}
	d.most = max(d.most, d.first)
	d.dial = (&net.Dialer{Timeout: d.timeout}).DialContext
	if conf != nil {
		d.dial = d.dialTLS
	}
	d.mu.failed = map[string]failures{}
	d.mu.random = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	return d, nil
}

func (d *dialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	return (&tls.Dialer{NetDialer: &net.Dialer{Timeout: d.timeout}, Config: d.tls}).DialContext(ctx, network, address)
}

// DialContext waits until address may be tried, and connects.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if wait := d.take(address, time.Now()); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrNotTried, ctx.Err())
		case <-timer.C:
		}
	}
	return d.dial(ctx, network, address)
}

// take counts a try at address and says how long it has to wait. Until OnBrokerConnect hears better, it has failed.
func (d *dialer) take(address string, now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.mu.failed) >= maxNodes {
		clear(d.mu.failed)
	}
	f := d.mu.failed[address]
	wait := time.Duration(0)
	if f.count > 0 {
		backoff := d.first << min(f.count-1, 20)
		if backoff > d.most || backoff < d.first {
			backoff = d.most
		}
		const jitter = 0.2
		spread := 1 + jitter*(2*d.mu.random.Float64()-1)
		wait = max(f.last.Add(time.Duration(float64(backoff)*spread)).Sub(now), 0)
	}
	d.mu.failed[address] = failures{f.count + 1, now.Add(wait)}
	return wait
}

// OnBrokerConnect implements kgo.HookBrokerConnect: a node that has answered is tried at once the next time.
func (d *dialer) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.mu.failed, net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port))))
}
