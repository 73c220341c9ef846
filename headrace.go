// Package headrace is an event-streaming node that speaks Apache Kafka's
// protocol: import it to embed one, or run it as the program of the same name.
//
// A node is made by [New] from the keys of a server.properties file, and works
// while [Node.Run] does.
package headrace

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/broker/api"
	"github.com/headrace/headrace/internal/broker/groups"
	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/broker/session"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/telemetry"
	"github.com/headrace/headrace/internal/vfs"
)

// Config says what a node is. All fields may be left empty: the zero Config is
// a lone node on localhost:9092 that keeps its data in ./headrace-data.
type Config struct {
	// File is a server.properties file.
	File string
	// Properties are keys and values as in such a file; they win over it.
	Properties map[string]string
	// Overrides are "key=value" and win over both.
	Overrides []string
}

// Option changes how a node is embedded.
type Option func(*options)

type options struct {
	logger *slog.Logger
	output io.Writer // where to log without a logger
	fs     vfs.FS
}

// WithLogger makes the node log to l; without it, a node logs to standard
// error.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithLogOutput makes the node log to w, in the format and from the level that
// headrace.log.format and headrace.log.level say. WithLogger wins over it.
func WithLogOutput(w io.Writer) Option { return func(o *options) { o.output = w } }

// WithFS keeps the node's files on disk. It serves this module's own tests, as
// only they can name the type.
func WithFS(disk vfs.FS) Option { return func(o *options) { o.fs = disk } }

// Node is one node: broker, controller, or both. Make it with New.
type Node struct {
	cfg     *config.Config
	opts    options
	set     settings
	live    *live
	started time.Time

	storage *storage
	dirs    []replica.Dir // of log.dirs, those that could be opened
	watch   storageWatch
	// metadataLock is held where metadata.log.dir is none of log.dirs.
	metadataLock io.Closer
	quorum       *quorum.Node
	assignments  *session.Assignments
	replicas     *replica.Manager
	follower     *session.Follower
	session      *session.Session
	groups       *groups.Coordinator
	handler      *api.Broker
	server       *server.Server
	metrics      *telemetry.Metrics
	listeners    []server.Listener
	admin        net.Listener

	ready     chan struct{} // closed when clients are served
	readyOnce sync.Once
	abandoned atomic.Bool
	parts     runGroup
	// stopServing ends what requests wait for.
	stopServing context.CancelFunc
}

// New opens what a node needs: its directories, its metadata and its ports. A
// node that is not run must be closed.
func New(c Config, opts ...Option) (*Node, error) {
	n := &Node{started: time.Now(), ready: make(chan struct{}), watch: newStorageWatch()}
	for _, o := range opts {
		o(&n.opts)
	}
	if n.opts.output == nil {
		n.opts.output = os.Stderr
	}
	if n.opts.fs == nil {
		n.opts.fs = vfs.New()
	}
	if err := n.configure(c); err != nil {
		return nil, err
	}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// open opens the parts from the bottom up.
func (n *Node) open() error {
	for _, step := range []func() error{
		n.openStorage, n.listen, n.openDirs, n.openQuorum, n.openBroker, n.openMetrics,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Run works until ctx ends, then stops in order: it leaves the cluster, answers
// what it can, makes everything durable and closes its files. It must be called
// once.
func (n *Node) Run(ctx context.Context) error {
	err := errors.Join(n.parts.run(ctx), n.Close())
	n.opts.logger.Info("stopped", "node", n.set.nodeID)
	return err
}

// Abandon ends the node as a crash of its process would: nothing more is made
// durable, nothing says that the stop was clean. Run then returns. It is for
// tests of what comes after.
func (n *Node) Abandon() {
	n.abandoned.Store(true)
	n.stopServing()
	for _, d := range n.dirs {
		d.Abandon()
	}
}

// Ready is closed when the node serves its clients, be it read-only because its
// metadata are damaged: /readyz tells that.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Addr returns the address of a listener by its name (PLAINTEXT), "" if there
// is none. With port 0 in the configuration it tells the port that was chosen.
func (n *Node) Addr(listener string) string {
	for _, l := range n.listeners {
		if l.Name == listener {
			return l.Net.Addr().String()
		}
	}
	return ""
}

// Close closes what New has opened. Run does it too.
func (n *Node) Close() error {
	var failed []error
	for _, l := range n.listeners {
		_ = l.Net.Close() // usually closed by the server already
	}
	if n.admin != nil {
		_ = n.admin.Close() // likewise
	}
	for _, d := range n.dirs {
		if !n.abandoned.Load() {
			failed = append(failed, d.Close(context.Background()))
		}
	}
	if n.quorum != nil {
		failed = append(failed, n.quorum.Close())
	}
	if n.metadataLock != nil {
		failed = append(failed, n.metadataLock.Close())
	}
	n.dirs, n.quorum, n.listeners, n.metadataLock = nil, nil, nil, nil
	return errors.Join(failed...)
}

var _ api.Metadata = (*session.Follower)(nil)
