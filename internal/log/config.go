package log

import "time"

// Config is what a topic's configuration says about its logs. Each field names
// Kafka's key. Zero values mean what the comment says.
type Config struct {
	// SegmentBytes is segment.bytes: the size at which a segment is closed;
	// 0 = 1 GiB.
	SegmentBytes int64
	// SegmentAge is segment.ms: the span of timestamps after which a segment
	// is closed even if it is small; 0 = 7 days.
	SegmentAge time.Duration
	// SegmentJitter is how much earlier than SegmentAge this log rolls. The
	// caller draws it below segment.jitter.ms.
	SegmentJitter time.Duration
	// IndexIntervalBytes is index.interval.bytes; 0 = 4096.
	IndexIntervalBytes int
	// MaxIndexBytes is segment.index.bytes. It bounds the number of index
	// entries at 8 bytes each, as Kafka's offset index; 0 = 10 MiB.
	MaxIndexBytes int
	// RetentionBytes is retention.bytes; 0 and below mean no limit.
	RetentionBytes int64
	// RetentionAge is retention.ms; 0 and below mean no limit.
	RetentionAge time.Duration
	// DeleteEnabled and CompactionEnabled are cleanup.policy.
	DeleteEnabled, CompactionEnabled bool
	// DeleteDelay is file.delete.delay.ms: how long a deleted partition's
	// files stay under their new name.
	DeleteDelay time.Duration
	// FlushBeforeAck is log.flush.before.ack: every append is queued for sync
	// at once. Where it is false, FlushMessages and FlushInterval count.
	FlushBeforeAck bool
	// FlushMessages is flush.messages; 0 = no limit.
	FlushMessages int64
	// FlushInterval is flush.ms; 0 = no limit. The directory syncs everything
	// within about a second in any case.
	FlushInterval time.Duration
	// ProducerExpiry is producer.id.expiration.ms; 0 = one day.
	ProducerExpiry time.Duration
}

const (
	defaultSegmentBytes   = 1 << 30
	defaultSegmentAge     = 7 * 24 * time.Hour
	defaultIndexInterval  = 4096
	defaultMaxIndexBytes  = 10 << 20
	defaultProducerExpiry = 24 * time.Hour
)

func (c Config) withDefaults() Config {
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = defaultSegmentBytes
	}
	// Positions in the index are 32 bits wide.
	c.SegmentBytes = min(c.SegmentBytes, 1<<31-1)
	if c.SegmentAge <= 0 {
		c.SegmentAge = defaultSegmentAge
	}
	if c.IndexIntervalBytes <= 0 {
		c.IndexIntervalBytes = defaultIndexInterval
	}
	if c.MaxIndexBytes <= 0 {
		c.MaxIndexBytes = defaultMaxIndexBytes
	}
	if c.ProducerExpiry <= 0 {
		c.ProducerExpiry = defaultProducerExpiry
	}
	return c
}
