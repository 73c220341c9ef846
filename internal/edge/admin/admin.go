// Package admin administers topics, configs and clusters: what Kafka's Admin client does for the commands, with the same
// choice of requests and the same errors (javaerr exceptions). It works on any broker that speaks the protocol.
package admin

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/network"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// Admin sends the requests. It may be used by several goroutines, and must be closed.
type Admin struct {
	cl       *kgo.Client
	log      *slog.Logger
	timeout  time.Duration
	requests sync.WaitGroup // those under way, which end with cl
	props    map[string]string

	mu     sync.Mutex
	active *kgo.Client // with bootstrap.controllers: the active controller, which gets all requests (KIP-919)
}

// New connects by a client's properties, to controllers if they have bootstrap.controllers. A call tries until a node
// answers, and ends after default.api.timeout.ms (one minute) with Kafka's TimeoutException; log gets a warning per try,
// nil is silent. Ctx bounds New only. The error is a javaerr exception.
func New(ctx context.Context, props map[string]string, log *slog.Logger) (*Admin, error) {
	timeout := time.Minute
	if text, ok := props["default.api.timeout.ms"]; ok {
		ms, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, javaerr.From(&javaerr.Exception{
				Class:   "org.apache.kafka.common.config.ConfigException",
				Message: "Invalid value " + text + " for configuration default.api.timeout.ms: Not a number of type INT",
			})
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	cl, err := connect(ctx, props, log)
	if err != nil {
		return nil, err
	}
	return &Admin{cl: cl, log: log, timeout: timeout, props: props}, nil
}

// ofControllers says that the client was given controllers, not brokers.
func (a *Admin) ofControllers() bool { return a.props["bootstrap.controllers"] != "" }

func connect(ctx context.Context, props map[string]string, log *slog.Logger) (*kgo.Client, error) {
	opts, err := network.Options(ctx, network.Admin, props, log)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, javaerr.From(err)
	}
	return cl, nil
}

// activeController asks a controller which of them is active, once, and connects to that one. Name is the call that
// needs it.
func (a *Admin) activeController(ctx context.Context, name string) (kmsg.Requestor, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.active != nil {
		return onlyTo{a.active}, nil
	}
	resp, err := exchange[*kmsg.DescribeClusterResponse](ctx, a, name, onlyTo{a.cl}, a.describeCluster(false))
	if err != nil {
		return nil, err
	}
	c, err := cluster(resp)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		if n.ID != c.ControllerID {
			continue
		}
		if a.active, err = a.connectTo(ctx, n); err != nil {
			return nil, err
		}
		return onlyTo{a.active}, nil
	}
	return onlyTo{a.cl}, nil // none is active now: whoever answers says so
}

// connectTo makes a client of one controller.
func (a *Admin) connectTo(ctx context.Context, n Node) (*kgo.Client, error) {
	return connect(ctx, client.Merge(a.props, map[string]string{
		"bootstrap.controllers": net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port))),
	}), a.log)
}

// Close ends the connections and what waits for them.
func (a *Admin) Close() {
	a.cl.Close()
	a.mu.Lock()
	if a.active != nil {
		a.active.Close()
	}
	a.mu.Unlock()
	a.requests.Wait()
}

// call sends req within the timeout and turns what it fails with into an exception. Name is the call as the Java client
// names it in its messages. Send is nil for who is in charge of such requests; with bootstrap.controllers that is always
// the active controller.
func call[Resp kmsg.Response](ctx context.Context, a *Admin, name string, send kmsg.Requestor, req kmsg.Request) (Resp, error) {
	if a.ofControllers() {
		active, err := a.activeController(ctx, name)
		if err != nil {
			var none Resp
			return none, err
		}
		send = active
	} else if send == nil {
		send = a.cl
	}
	return exchange[Resp](ctx, a, name, send, req)
}

// exchange is call with one node.
func exchange[Resp kmsg.Response](ctx context.Context, a *Admin, name string, send kmsg.Requestor, req kmsg.Request) (Resp, error) {
	var none Resp
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	resp, err := a.request(within, send, req)
	for err != nil && within.Err() == nil && client.Unreachable(err) { // the client's dialer spaces the tries
		resp, err = a.request(within, send, req)
	}
	switch {
	case err == nil:
		return resp.(Resp), nil
	case ctx.Err() != nil:
		return none, ctx.Err()
	case within.Err() != nil, isUndialled(err):
		e := javaerr.New("TimeoutException", "Timed out waiting for a node assignment. Call: %s", name)
		e.Cause = err
		return none, e
	}
	if strings.Contains(err.Error(), "broker is too old") { // kgo has no sentinel for a request that the broker lacks
		return none, javaerr.Coded(unsupportedVersion, "The node does not support "+kmsg.NameForKey(req.Key()))
	}
	return none, javaerr.From(err)
}

const (
	unsupportedVersion         = 35
	clusterAuthorizationFailed = 31
)

// request sends req and returns with the response or when ctx ends, whichever comes first: the client itself does not
// leave a connection that is made and waits for a first answer.
func (a *Admin) request(ctx context.Context, send kmsg.Requestor, req kmsg.Request) (kmsg.Response, error) {
	type answer struct {
		resp kmsg.Response
		err  error
	}
	answers := make(chan answer, 1)
	a.requests.Go(func() {
		resp, err := send.Request(ctx, req)
		answers <- answer{resp, err}
	})
	select {
	case got := <-answers:
		return got.resp, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isUndialled says that no connection was made, for a reason that another try does not change.
func isUndialled(err error) bool { return strings.Contains(err.Error(), "unable to dial") }

// coded is javaerr.Coded for a response's optional message.
func coded(code int16, message *string) error {
	if message == nil {
		return javaerr.Coded(code, "")
	}
	return javaerr.Coded(code, *message)
}

// ID is a topic's id, or a directory's. Its text is Kafka's: base64 for URLs
// without padding.
type ID = uuid.UUID

// ParseID reads what String writes; ok is false for anything else.
func ParseID(text string) (id ID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, false
	}
	return ID(b), true
}
