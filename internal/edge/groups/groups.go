// Package groups administers consumer groups: what Kafka's Admin client does for kafka-consumer-groups, with the same
// choice of requests and the same errors (javaerr exceptions). It works on any broker that speaks the protocol.
package groups

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/network"
)

// Admin sends the requests. It may be used by several goroutines.
type Admin struct {
	cl      *kgo.Client
	timeout time.Duration
}

// New returns an Admin that connects by props, as a Java Admin's properties file; its connections end with ctx. A call
// tries until a node answers, and ends after timeout with Kafka's TimeoutException. The error is Java's for a client
// that cannot be made.
func New(ctx context.Context, props map[string]string, timeout time.Duration, log *slog.Logger) (*Admin, error) {
	opts, err := network.Options(ctx, network.Admin, props, log)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.MaxVersions(versions()), kgo.WithContext(ctx))...)
	if err != nil {
		return nil, err
	}
	return &Admin{cl, timeout}, nil
}

// versions are the latest of all requests, but for two whose later ones name topics by id: the tools name them by name.
func versions() *kversion.Versions {
	v := kversion.Tip()
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if req := kmsg.RequestForKey(key); req != nil {
			v.SetMaxKeyVersion(key, req.MaxVersion())
		}
	}
	v.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9)
	v.SetMaxKeyVersion(int16(kmsg.OffsetFetch), 9)
	return v
}

// Close ends the connections.
func (a *Admin) Close() { a.cl.Close() }

// Partition names a partition. The order of Compare is by topic, then number.
type Partition struct {
	Topic string
	ID    int32
}

// Compare orders partitions.
func (p Partition) Compare(q Partition) int {
	if c := strings.Compare(p.Topic, q.Topic); c != 0 {
		return c
	}
	return int(p.ID - q.ID)
}

// call runs f within the timeout, again when no node was reached, and turns what it fails with into an exception. Name is the call as the Java client
// names it in its messages.
func (a *Admin) call(ctx context.Context, name string, f func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	err := f(within)
	for err != nil && within.Err() == nil && client.Unreachable(err) { // the client's dialer spaces the tries
		err = f(within)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case within.Err() != nil || errors.Is(err, context.DeadlineExceeded), isUndialled(err):
		e := javaerr.New("TimeoutException", "Timed out waiting for a node assignment. Call: %s", name)
		e.Cause = err
		return e
	}
	return javaerr.From(err)
}

// isUndialled says that no connection was made, for a reason that another try does not change.
func isUndialled(err error) bool { return strings.Contains(err.Error(), "unable to dial") }

// coded is Coded for a response's optional message.
func coded(code int16, message *string) error {
	if message == nil {
		return javaerr.Coded(code, "")
	}
	return javaerr.Coded(code, *message)
}

// request sends req to whom the client chooses and returns the response.
func request[Resp kmsg.Response](ctx context.Context, a *Admin, req kmsg.Request) (Resp, error) {
	var none Resp
	resp, err := a.cl.Request(ctx, req)
	if err != nil {
		return none, err
	}
	return resp.(Resp), nil
}
