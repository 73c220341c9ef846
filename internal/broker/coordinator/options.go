// Package coordinator runs coordinators on internal topics: it loads a shard
// when this broker becomes leader of a partition, drops it when leadership
// goes, appends what the shard decides and answers when that is committed. The
// decisions are pure and live in the shards (coordinator/group keeps the groups
// of __consumer_offsets); the runtime knows them by the Shard interface alone.
// As Kafka's CoordinatorRuntime.
package coordinator

import (
	"context"
	"log/slog"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
)

// Options configures a Runtime. New and Open are required.
type Options[S Shard] struct {
	// New returns an empty shard, into which a partition is loaded.
	New func() S
	// Open gives the log of a partition of the internal topic, for which this
	// broker has just become leader. An error counts as a failed load and is
	// tried again.
	Open func(ctx context.Context, partition int32) (Log, error)
	// ReadOnly loads shards and does nothing of their own accord: no deadline
	// of a shard is kept, as what it decides could not be appended.
	ReadOnly bool
	// Effects does what shards want done outside. It is called with no lock
	// held, from any goroutine, and does not block. Effects of one partition
	// may come after it was resigned: leaderEpoch tells. Nil for shards that
	// have none.
	Effects func(partition, leaderEpoch int32, effects []shard.Effect)
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
	// Logger gets what happens to shards; nil discards it.
	Logger *slog.Logger
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
}

// Kafka's defaults and our own bounds.
const (
	defaultCommitTimeout   = 5 * time.Second
	defaultMaxBatchBytes   = 1_048_588
	defaultLoadBufferBytes = 5 << 20
	defaultLoaders         = 2
)

func (o *Options[S]) setDefaults() {
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
	if o.Effects == nil {
		o.Effects = func(int32, int32, []shard.Effect) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}
