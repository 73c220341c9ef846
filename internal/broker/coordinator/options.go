// Package coordinator runs coordinators on internal topics: it loads a shard
// when this broker becomes leader of a partition, drops it when leadership
// goes, appends what the shard decides and answers when that is committed. The
// decisions are pure and live in coordinator/group (and, for transactions, in
// coordinator/txn). As Kafka's CoordinatorRuntime and GroupCoordinatorService.
package coordinator

import (
	"context"
	"log/slog"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/kafka/record"
)

// Options configures a Runtime. Open and Partitions are required.
type Options struct {
	// Open gives the log of a partition of the internal topic, for which this
	// broker has just become leader. An error counts as a failed load and is
	// tried again.
	Open func(ctx context.Context, partition int32) (Log, error)
	// Partitions is the number of partitions of the internal topic, 0 while it
	// does not exist.
	Partitions func() int32
	// Topics resolves topics in offset commits and fetches. Nil accepts every
	// topic by name.
	Topics Topics
	// Config is the settings of groups.
	Config group.Config
	// CommitTimeout is offsets.commit.timeout.ms: how long an answer waits for
	// its records to be committed. Zero means Kafka's five seconds.
	CommitTimeout time.Duration
	// MaxBatchBytes bounds a batch that is appended; it should be the internal
	// topic's max.message.bytes. Zero means Kafka's 1,048,588.
	MaxBatchBytes int
	// Compression is offsets.topic.compression.codec.
	Compression record.Codec
	// LoadBufferBytes is offsets.load.buffer.size. Zero means 5 MiB.
	LoadBufferBytes int
	// Loaders is how many partitions load at the same time. Zero means 2.
	Loaders int
	// Logger gets what happens to groups; nil discards it.
	Logger *slog.Logger
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// NewID gives 16 random bytes for a member id; nil means crypto/rand.
	NewID func() [16]byte
}

// Kafka's defaults and our own bounds.
const (
	defaultCommitTimeout   = 5 * time.Second
	defaultMaxBatchBytes   = 1_048_588
	defaultLoadBufferBytes = 5 << 20
	defaultLoaders         = 2
)

func (o *Options) setDefaults() {
	if o.CommitTimeout == 0 {
		o.CommitTimeout = defaultCommitTimeout
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = defaultMaxBatchBytes
	}
	if o.LoadBufferBytes == 0 {
		o.LoadBufferBytes = defaultLoadBufferBytes
	}
	if o.Loaders == 0 {
		o.Loaders = defaultLoaders
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
}
