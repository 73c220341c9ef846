// Package groups is the group coordinator of one broker: it takes the group APIs'
// requests to the shard of __consumer_offsets that keeps the group, on the
// runtime of package coordinator. What is decided, the pure package
// coordinator/group decides. As Kafka's GroupCoordinatorService.
package groups

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// Coordinator is the group coordinator of one broker. Create it with New and
// start Run; Elected and Resigned tell it which partitions it has to serve.
//
// Each request method answers by calling reply exactly once, from any goroutine
// and perhaps before it returns; reply must not block. The request belongs to
// the coordinator until then, its strings for ever (decode with ReadFrom, not
// UnsafeReadFrom); the response belongs to the receiver. Requests are expected
// to be authorized.
type Coordinator struct {
	*coordinator.Runtime[*group.Shard]
	opts Options
	log  *slog.Logger
}

// Options configures a Coordinator. Open and Partitions are required.
type Options struct {
	// Open gives the log of a partition of __consumer_offsets, for which this
	// broker has just become leader. An error counts as a failed load and is
	// tried again.
	Open func(ctx context.Context, partition int32) (coordinator.Log, error)
	// Partitions is the number of partitions of __consumer_offsets, 0 while it
	// does not exist.
	Partitions func() int32
	// ReadOnly: groups are shown as their log has them, see coordinator.Options.
	ReadOnly bool
	// Topics resolves topics in offset commits and fetches. Nil accepts every
	// topic by name.
	Topics Topics
	// Config is the settings of groups.
	Config group.Config
	// CommitTimeout is offsets.commit.timeout.ms: how long an answer waits for
	// its records to be committed. Zero means Kafka's five seconds.
	CommitTimeout time.Duration
	// MaxBatchBytes is max.message.bytes of __consumer_offsets. Zero means
	// Kafka's 1,048,588.
	MaxBatchBytes int
	// Compression is offsets.topic.compression.codec.
	Compression record.Codec
	// LoadBufferBytes is offsets.load.buffer.size. Zero means 5 MiB.
	LoadBufferBytes int
	// Logger gets what happens to groups; nil discards it.
	Logger *slog.Logger
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// NewID gives 16 random bytes for a member id; nil means crypto/rand.
	NewID func() [16]byte
}

// ClientInfo is what a group remembers of a member's connection.
type ClientInfo struct {
	// ID is the client id of the request header, empty if it had none.
	ID string
	// Host is the client's address as Java prints it: "/127.0.0.1".
	Host string
}

// Topics tells what topics exist: the metadata image as the coordinator sees
// it. Safe for concurrent use.
type Topics interface {
	// TopicByName gives a topic's id and number of partitions.
	TopicByName(name string) (id [16]byte, partitions int32, ok bool)
	// TopicByID gives the name of the topic with this id.
	TopicByID(id [16]byte) (name string, ok bool)
}

type executor = coordinator.Executor[*group.Shard]

// New returns a coordinator with no partition.
func New(o Options) *Coordinator {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
	r := coordinator.NewRuntime(coordinator.Options[*group.Shard]{
		New: func() *group.Shard { return group.New(o.Config) }, Open: o.Open, ReadOnly: o.ReadOnly,
		CommitTimeout: o.CommitTimeout, MaxBatchBytes: o.MaxBatchBytes, Compression: o.Compression,
		LoadBufferBytes: o.LoadBufferBytes, Logger: o.Logger, Now: o.Now,
	})
	return &Coordinator{Runtime: r, opts: o, log: o.Logger}
}

// PartitionFor is the partition of __consumer_offsets that keeps the group; ok
// is false while the topic does not exist.
func (c *Coordinator) PartitionFor(groupID string) (partition int32, ok bool) {
	n := c.opts.Partitions()
	if n <= 0 {
		return 0, false
	}
	return group.PartitionFor(groupID, n), true
}

// route finds the executor of a group.
func (c *Coordinator) route(groupID string) (*executor, error) {
	p, ok := c.PartitionFor(groupID)
	if !ok {
		return nil, kerr.CoordinatorNotAvailable
	}
	return c.Executor(p)
}

// do hands a request to the group's shard; the call gets the error if there is
// one.
func (c *Coordinator) do(groupID string, to *coordinator.Call, f coordinator.Request[*group.Shard]) {
	e, err := c.route(groupID)
	if err == nil {
		err = e.Do(f)
	}
	if err != nil {
		to.Fail(err)
	}
}

// code is the error code for clients; an error that says none is logged here.
func (c *Coordinator) code(err error, api, groupID string) int16 {
	if !wire.Mapped(err) {
		c.log.Error("coordinator request failed", "api", api, "group", groupID, "error", err)
	}
	return wire.CodeOf(err)
}

func randomID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return id
}
