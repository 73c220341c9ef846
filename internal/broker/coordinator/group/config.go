package group

import (
	"strings"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
)

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
	// Consumer is for groups of the consumer protocol.
	Consumer ConsumerConfig
	// OffsetMetadataMaxSize is offset.metadata.max.bytes, counted in UTF-16
	// units as Kafka does.
	OffsetMetadataMaxSize int
	// OffsetsRetention is offsets.retention.minutes.
	OffsetsRetention time.Duration
	// OffsetsRetentionCheckInterval is offsets.retention.check.interval.ms.
	OffsetsRetentionCheckInterval time.Duration
}

// ConsumerConfig holds the broker's settings for consumer groups.
type ConsumerConfig struct {
	// MaxSize is group.consumer.max.size.
	MaxSize int
	// Assignors is group.consumer.assignors, the default first; never empty.
	Assignors []assign.Named
	// Migration is group.consumer.migration.policy.
	Migration MigrationPolicy
	// RegexRefresh is group.consumer.regex.refresh.interval.ms: after that time
	// regular expressions are resolved again.
	RegexRefresh time.Duration
}

// MigrationPolicy says whether groups with members change between the classic
// and the consumer protocol.
type MigrationPolicy struct{ Upgrade, Downgrade bool }

// ParseMigrationPolicy reads a value of group.consumer.migration.policy, in any
// case; what is no policy disables both.
func ParseMigrationPolicy(name string) MigrationPolicy {
	switch strings.ToLower(name) {
	case "bidirectional":
		return MigrationPolicy{Upgrade: true, Downgrade: true}
	case "upgrade":
		return MigrationPolicy{Upgrade: true}
	case "downgrade":
		return MigrationPolicy{Downgrade: true}
	default:
		return MigrationPolicy{}
	}
}

// ConsumerSettings are those of one consumer group, which it may have of its own
// (KIP-848's group configs).
type ConsumerSettings struct {
	// SessionTimeout is consumer.session.timeout.ms, HeartbeatInterval
	// consumer.heartbeat.interval.ms, AssignmentInterval
	// consumer.assignment.interval.ms: how long after a target assignment the
	// next may be made.
	SessionTimeout, HeartbeatInterval, AssignmentInterval time.Duration
}

// DefaultConsumerSettings is Kafka's defaults.
func DefaultConsumerSettings() ConsumerSettings {
	return ConsumerSettings{SessionTimeout: 45 * time.Second, HeartbeatInterval: 5 * time.Second, AssignmentInterval: time.Second}
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		InitialRebalanceDelay: 3 * time.Second,
		MinSessionTimeout:     6 * time.Second,
		MaxSessionTimeout:     30 * time.Minute,
		MaxSize:               1<<31 - 1,
		NewMemberJoinTimeout:  5 * time.Minute,
		Consumer: ConsumerConfig{
			MaxSize:      1<<31 - 1,
			Assignors:    assign.Consumer[:],
			Migration:    MigrationPolicy{Upgrade: true, Downgrade: true},
			RegexRefresh: 10 * time.Minute,
		},
		OffsetMetadataMaxSize:         4096,
		OffsetsRetention:              7 * 24 * time.Hour,
		OffsetsRetentionCheckInterval: 10 * time.Minute,
	}
}
