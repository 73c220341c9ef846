package group

import "time"

// Config holds the broker's settings for groups (Kafka's
// GroupCoordinatorConfig). Use DefaultConfig and change what is set.
type Config struct {
	// InitialRebalanceDelay is group.initial.rebalance.delay.ms: how long an
	// empty group waits for more members after the first has joined.
	InitialRebalanceDelay time.Duration
	// MinSessionTimeout and MaxSessionTimeout are
	// group.min.session.timeout.ms and group.max.session.timeout.ms.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	// MaxSize is group.max.size: members in a classic group.
	MaxSize int
	// NewMemberJoinTimeout is how long the first JoinGroup of a member may
	// wait before the member is dropped: it cannot heartbeat yet. Kafka's
	// internal group.new.member.join.timeout, five minutes.
	NewMemberJoinTimeout time.Duration
	// OffsetMetadataMaxSize is offset.metadata.max.bytes, counted in UTF-16
	// units as Kafka does.
	OffsetMetadataMaxSize int
	// OffsetsRetention is offsets.retention.minutes.
	OffsetsRetention time.Duration
	// OffsetsRetentionCheckInterval is offsets.retention.check.interval.ms.
	OffsetsRetentionCheckInterval time.Duration
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		InitialRebalanceDelay:         3 * time.Second,
		MinSessionTimeout:             6 * time.Second,
		MaxSessionTimeout:             30 * time.Minute,
		MaxSize:                       1<<31 - 1,
		NewMemberJoinTimeout:          5 * time.Minute,
		OffsetMetadataMaxSize:         4096,
		OffsetsRetention:              7 * 24 * time.Hour,
		OffsetsRetentionCheckInterval: 10 * time.Minute,
	}
}
