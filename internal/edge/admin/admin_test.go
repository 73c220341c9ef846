package admin

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// onRecord is a log handler that calls a function with each message.
type onRecord struct {
	slog.Handler
	call func(string)
}

func (h onRecord) Enabled(context.Context, slog.Level) bool { return true }

func (h onRecord) Handle(_ context.Context, r slog.Record) error {
	h.call(r.Message)
	return nil
}

func logger(call func(string)) *slog.Logger { return slog.New(onRecord{slog.DiscardHandler, call}) }

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve answers ApiVersions and DescribeCluster until l is closed.
func serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for answer(conn) == nil {
			}
		}()
	}
}

func answer(conn net.Conn) error {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, frame); err != nil {
		return err
	}
	key, version := int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))
	out := append(make([]byte, 4), frame[4:8]...)
	switch kmsg.Key(key) {
	case kmsg.ApiVersions:
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: int16(kmsg.ApiVersions), MaxVersion: 4}, {ApiKey: int16(kmsg.DescribeCluster)}}
		out = resp.AppendTo(out)
	case kmsg.DescribeCluster:
		resp := kmsg.NewPtrDescribeClusterResponse()
		resp.Version = version
		resp.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 7, Host: "h", Port: 1}}
		out = resp.AppendTo(append(out, 0))
	default:
		return errors.ErrUnsupported
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	_, err := conn.Write(out)
	return err
}

// TestCallWaitsForABroker: a command that is started before its broker warns, tries again and succeeds.
func TestCallWaitsForABroker(t *testing.T) {
	reserved := listen(t, "127.0.0.1:0")
	address := reserved.Addr().String()
	reserved.Close()
	var once sync.Once
	warned := make(chan string, 1)
	a, err := New(t.Context(), map[string]string{"bootstrap.servers": address}, logger(func(message string) {
		once.Do(func() {
			warned <- message
			l := listen(t, address)
			t.Cleanup(func() { l.Close() })
			go serve(l)
		})
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	nodes, err := a.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].ID != 7 {
		t.Fatalf("%v, %v", nodes, err)
	}
	want := "[AdminClient clientId=adminclient-1] Connection to node -1 (/" + address + ") could not be established. Node may not be available."
	if got := <-warned; got != want {
		t.Errorf("warned %q, want %q", got, want)
	}
}

func TestCallTimesOut(t *testing.T) {
	reserved := listen(t, "127.0.0.1:0")
	address := reserved.Addr().String()
	reserved.Close()
	a, err := New(t.Context(), map[string]string{"bootstrap.servers": address, "default.api.timeout.ms": "400"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Nodes(t.Context())
	a.Close()
	if !strings.Contains(javaerr.From(err).Class, "TimeoutException") || javaerr.Message(err) != "Timed out waiting for a node assignment. Call: listNodes" {
		t.Errorf("%v", err)
	}
}

// TestCallEndsWithItsContext: a port that takes connections and says nothing does not hold a command that is called off,
// nor one whose time is over.
func TestCallEndsWithItsContext(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	for _, timeout := range []string{"60000", "50"} {
		a, err := New(t.Context(), map[string]string{"bootstrap.servers": l.Addr().String(), "default.api.timeout.ms": timeout}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		accepted := make(chan struct{})
		go func() {
			defer close(accepted)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if timeout == "60000" {
				cancel()
			}
			_, _ = io.Copy(io.Discard, conn) // until the client hangs up
			conn.Close()
		}()
		start := time.Now()
		if _, err = a.Nodes(ctx); err == nil {
			t.Error("an answer from nobody")
		}
		a.Close()
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("timeout %s: ended after %v: %v", timeout, took, err)
		}
		cancel()
		<-accepted
	}
}
