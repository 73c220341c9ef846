// Package headracetest gives a Go test a real Headrace broker: the engine that
// runs in production, in the test's own process, on a free port of loopback.
//
//	b := headracetest.New(t)
//	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
//
// By default the data are kept in memory and the broker is there within
// milliseconds. It stops when the test ends. [Broker.Kill] and [Broker.PowerCut]
// show how the code under test, and what was acknowledged to it, come through a
// crash.
package headracetest

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/vfs"
)

// startTimeout bounds the wait for a broker.
const startTimeout = 60 * time.Second

// Option changes a broker.
type Option func(*Broker)

// OnDisk keeps the broker's data in dir, usually t.TempDir().
func OnDisk(dir string) Option { return func(b *Broker) { b.dir, b.mem = dir, nil } }

// WithProperty sets a key of server.properties.
func WithProperty(key, value string) Option {
	return func(b *Broker) { b.properties[key] = value }
}

// WithLogger sends the broker's log to l; by default it goes to the test's
// output, warnings and errors only.
func WithLogger(l *slog.Logger) Option { return func(b *Broker) { b.logger = l } }

// Broker is a running broker. Its methods are called from the test's goroutine;
// they end the test if they fail.
type Broker struct {
	t          testing.TB
	dir        string
	mem        *vfs.Mem // nil on disk
	properties map[string]string
	logger     *slog.Logger

	node   *headrace.Node
	cancel context.CancelFunc
	done   chan error
	// addr and controllerAddr stay the same over restarts.
	addr, controllerAddr string
}

// New starts a broker and returns when it serves clients.
func New(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	b := &Broker{
		t: t, dir: "/data", mem: vfs.NewCrashableMem(), addr: "127.0.0.1:0", controllerAddr: "127.0.0.1:0",
		logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		properties: map[string]string{
			"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "5",
		},
	}
	for _, o := range opts {
		o(b)
	}
	b.start()
	t.Cleanup(func() {
		if b.node != nil {
			b.stop()
		}
	})
	return b
}

// Addr is the broker's address, host:port. It stays the same over restarts.
func (b *Broker) Addr() string { return b.addr }

// Node is the running node, nil while the broker is down.
func (b *Broker) Node() *headrace.Node { return b.node }

// Restart stops the broker in order and starts it again with its data.
func (b *Broker) Restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

// Kill ends the broker as kill -9 would, and starts it again with what it had
// written by then.
func (b *Broker) Kill() {
	b.t.Helper()
	b.abandon()
	if b.mem != nil {
		b.mem = b.mem.KillClone()
	}
	b.start()
}

// PowerCut ends the broker as a power failure of its machine would, and starts
// it again: what was on stable storage is there; of the rest the seed decides
// what is kept, lost or torn. It needs a broker in memory.
func (b *Broker) PowerCut(seed uint64) {
	b.t.Helper()
	if b.mem == nil {
		b.t.Fatal("headracetest: a power cut needs a broker in memory, not OnDisk")
	}
	b.abandon()
	b.mem = b.mem.CrashClone(vfs.CrashOptions{
		UnsyncedPercent: 50, RNG: rand.New(rand.NewPCG(seed, 0)), Tear: true,
	})
	b.start()
}

func (b *Broker) start() {
	b.t.Helper()
	properties := map[string]string{
		"listeners": "PLAINTEXT://" + b.addr + ",CONTROLLER://" + b.controllerAddr,
		"log.dirs":  b.dir,
		// The controller's port may be another at each start: the node is alone.
		"controller.quorum.bootstrap.servers": b.controllerAddr,
	}
	maps.Copy(properties, b.properties)
	opts := []headrace.Option{headrace.WithLogger(b.logger)}
	if b.mem != nil {
		opts = append(opts, headrace.WithFS(b.mem))
	}
	node, err := headrace.New(headrace.Config{Properties: properties}, opts...)
	if err != nil {
		b.t.Fatalf("headracetest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.node, b.cancel, b.done = node, cancel, make(chan error, 1)
	b.addr, b.controllerAddr = node.Addr("PLAINTEXT"), node.Addr("CONTROLLER")
	go func() { b.done <- node.Run(ctx) }()
	select {
	case <-node.Ready():
	case err := <-b.done:
		b.t.Fatalf("headracetest: the broker ended: %v", err)
	case <-time.After(startTimeout):
		b.t.Fatalf("headracetest: the broker is not ready after %s", startTimeout)
	}
}

func (b *Broker) stop() {
	b.t.Helper()
	b.cancel()
	if err := <-b.done; err != nil {
		b.t.Errorf("headracetest: stop: %v", err)
	}
	b.node = nil
}

// abandon breaks the node off. Only when it can acknowledge nothing more is a
// copy of its disk what the crash has left.
func (b *Broker) abandon() {
	b.t.Helper()
	b.node.Abandon()
	b.cancel()
	if err := <-b.done; err != nil { // as of a node that has lost its disk
		b.logger.Debug("abandoned", "error", err)
	}
	b.node = nil
}
