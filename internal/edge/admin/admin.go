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
)

// Admin sends the requests. It may be used by several goroutines, and must be closed.
type Admin struct {
	cl         *kgo.Client
	log        *slog.Logger
	timeout    time.Duration
	requests   sync.WaitGroup // those under way, which end with cl
	controller kmsg.Requestor // with bootstrap.controllers: the active controller, which gets all requests (KIP-919)
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
	a := &Admin{cl: cl, log: log, timeout: timeout}
	if props["bootstrap.controllers"] != "" {
		if err := a.findController(ctx, props); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

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

// findController asks a controller which of them is active, and connects to that one.
func (a *Admin) findController(ctx context.Context, props map[string]string) error {
	const controllers = 2
	a.controller = a.cl.SeedBrokers()[0]
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType = controllers
	resp, err := call[*kmsg.DescribeClusterResponse](ctx, a, "describeCluster", nil, req)
	if err != nil {
		return err
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return err
	}
	for _, n := range resp.Brokers {
		if n.NodeID != resp.ControllerID {
			continue
		}
		active, err := connect(ctx, client.Merge(props, map[string]string{
			"bootstrap.controllers": net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port))),
		}), a.log)
		if err != nil {
			return err
		}
		a.cl.Close()
		a.cl, a.controller = active, active.SeedBrokers()[0]
	}
	return nil
}

// Close ends the connections and what waits for them.
func (a *Admin) Close() {
	a.cl.Close()
	a.requests.Wait()
}

// call sends req within the timeout and turns what it fails with into an exception. Name is the call as the Java client
// names it in its messages.
func call[Resp kmsg.Response](ctx context.Context, a *Admin, name string, send kmsg.Requestor, req kmsg.Request) (Resp, error) {
	var none Resp
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	switch {
	case a.controller != nil:
		send = a.controller
	case send == nil:
		send = a.cl
	}
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

// ID is a topic's id. Its text is Kafka's: base64 for URLs without padding.
type ID [16]byte

// String is the id as Kafka prints it.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads what String writes; ok is false for anything else.
func ParseID(text string) (id ID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, false
	}
	return ID(b), true
}
