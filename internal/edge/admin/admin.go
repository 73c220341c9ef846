// Package admin administers topics, configs and clusters: what Kafka's Admin client does for the commands, with the same
// choice of requests and the same errors (javaerr exceptions). It works on any broker that speaks the protocol.
package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Admin sends the requests. It may be used by several goroutines, and must be closed.
type Admin struct {
	cl         *kgo.Client
	timeout    time.Duration
	controller kmsg.Requestor // with bootstrap.controllers: the active controller, which gets all requests (KIP-919)
}

// New connects by a client's properties, to controllers if they have bootstrap.controllers; each call ends after default.api.timeout.ms (one minute) with Kafka's
// TimeoutException. The error is a javaerr exception.
func New(ctx context.Context, props map[string]string) (*Admin, error) {
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
	if props["client.id"] == "" {
		props = client.Merge(props, map[string]string{"client.id": "adminclient-1"})
	}
	cl, err := client.New(props)
	if err != nil {
		return nil, &javaerr.Exception{Class: "org.apache.kafka.common.KafkaException", Message: "Failed to create new KafkaAdminClient", Cause: err}
	}
	a := &Admin{cl: cl, timeout: timeout}
	if props["bootstrap.controllers"] != "" {
		if err := a.findController(ctx, props); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
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
		active, err := client.New(client.Merge(props, map[string]string{
			"bootstrap.controllers": net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port))),
		}))
		if err != nil {
			return javaerr.From(err)
		}
		a.cl.Close()
		a.cl, a.controller = active, active.SeedBrokers()[0]
	}
	return nil
}

// Close ends the connections.
func (a *Admin) Close() { a.cl.Close() }

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
	resp, err := send.Request(within, req)
	switch {
	case err == nil:
		return resp.(Resp), nil
	case ctx.Err() != nil:
		return none, ctx.Err()
	case within.Err() != nil, isUnreachable(err):
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

// isUnreachable says that no broker answered. The Java client keeps trying until its timeout, which tells the user
// nothing more, so the answer is given at once.
func isUnreachable(err error) bool {
	var dial *kgo.ErrFirstReadEOF
	return errors.As(err, &dial) || strings.Contains(err.Error(), "unable to dial") || errors.Is(err, context.DeadlineExceeded)
}

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
