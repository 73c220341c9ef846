package config

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// TopicConfig is the configuration of one topic. Durations that are longer than time.Duration can say (Kafka's
// Long.MAX_VALUE for "never") are the longest one.
type TopicConfig struct {
	Segment     SegmentConfig
	Flush       FlushConfig
	Retention   RetentionConfig
	Compaction  CompactionConfig
	Message     MessageConfig
	Replication ReplicationConfig
	Remote      RemoteConfig
}

// SegmentConfig says how a topic's logs are cut into segments.
type SegmentConfig struct {
	Bytes              int           // segment.bytes
	Roll               time.Duration // segment.ms
	Jitter             time.Duration // segment.jitter.ms
	IndexBytes         int           // segment.index.bytes
	IndexIntervalBytes int           // index.interval.bytes
	Preallocate        bool
}

// FlushConfig says when a topic's records go to stable storage.
type FlushConfig struct {
	Messages  int64         // flush.messages
	Interval  time.Duration // flush.ms
	BeforeAck bool          // log.flush.before.ack
}

// RetentionConfig says what of a topic is deleted, and when.
type RetentionConfig struct {
	Delete     bool          // cleanup.policy has "delete"
	Time       time.Duration // retention.ms; negative: unlimited
	Bytes      int64         // retention.bytes; negative: unlimited
	FileDelete time.Duration // file.delete.delay.ms
}

// CompactionConfig says how a topic is compacted.
type CompactionConfig struct {
	Compact         bool          // cleanup.policy has "compact"
	DeleteRetention time.Duration // delete.retention.ms
	MinLag, MaxLag  time.Duration // min.compaction.lag.ms, max.compaction.lag.ms
	MinDirtyRatio   float64       // min.cleanable.dirty.ratio
}

// MessageConfig says what batches a topic takes and how it keeps them.
type MessageConfig struct {
	MaxBytes             int    // max.message.bytes
	MaxDecompressedBytes int    // max.decompressed.message.bytes
	CompressionType      string // "producer": as it came
	GzipLevel            int
	LZ4Level             int
	ZstdLevel            int
	LogAppendTime        bool          // message.timestamp.type
	TimestampBeforeMax   time.Duration // message.timestamp.before.max.ms
	TimestampAfterMax    time.Duration // message.timestamp.after.max.ms
}

// ReplicationConfig says how a topic is replicated.
type ReplicationConfig struct {
	MinInsyncReplicas     int
	UncleanLeaderElection bool
	LeaderThrottled       []string // leader.replication.throttled.replicas: "partition:broker", or one "*"
	FollowerThrottled     []string // follower.replication.throttled.replicas
}

// RemoteConfig is a topic's part in tiered storage.
type RemoteConfig struct {
	Enable, CopyDisable, DeleteOnDisable bool
	LocalTime                            time.Duration // local.retention.ms; -2 ms: as Retention.Time
	LocalBytes                           int64         // local.retention.bytes; -2: as Retention.Bytes
}

// TopicDefaults is the configuration of a topic without overrides.
func (c *Config) TopicDefaults() TopicConfig {
	t, err := c.ResolveTopic(nil)
	if err != nil {
		panic("config: the brokers' valid values are not valid for topics: " + err.Error())
	}
	return t
}

// ResolveTopic is the configuration of a topic with these overrides. The error is a [*ValueError].
func (c *Config) ResolveTopic(overrides map[string]string) (TopicConfig, error) {
	v, err := c.parsed(Topic, overrides)
	if err != nil {
		return TopicConfig{}, err
	}
	number := func(name string) int64 { n, _ := v[name].(int64); return n }
	span := func(name string) time.Duration { return duration(number(name), time.Millisecond) }
	flag := func(name string) bool { b, _ := v[name].(bool); return b }
	list := func(name string) []string { l, _ := v[name].([]string); return l }
	text := func(name string) string { s, _ := v[name].(string); return s }
	ratio, _ := v["min.cleanable.dirty.ratio"].(float64)
	t := TopicConfig{
		Segment: SegmentConfig{
			int(number("segment.bytes")), span("segment.ms"), span("segment.jitter.ms"),
			int(number("segment.index.bytes")), int(number("index.interval.bytes")), flag("preallocate"),
		},
		Flush: FlushConfig{number("flush.messages"), span("flush.ms"), flag("log.flush.before.ack")},
		Retention: RetentionConfig{
			slices.Contains(list("cleanup.policy"), "delete"), span("retention.ms"),
			number("retention.bytes"), span("file.delete.delay.ms"),
		},
		Compaction: CompactionConfig{
			slices.Contains(list("cleanup.policy"), "compact"), span("delete.retention.ms"),
			span("min.compaction.lag.ms"), span("max.compaction.lag.ms"), ratio,
		},
		Message: MessageConfig{
			MaxBytes: int(number("max.message.bytes")), MaxDecompressedBytes: int(number("max.decompressed.message.bytes")),
			CompressionType: text("compression.type"), GzipLevel: int(number("compression.gzip.level")),
			LZ4Level: int(number("compression.lz4.level")), ZstdLevel: int(number("compression.zstd.level")),
			LogAppendTime:      text("message.timestamp.type") == "LogAppendTime",
			TimestampBeforeMax: span("message.timestamp.before.max.ms"),
			TimestampAfterMax:  span("message.timestamp.after.max.ms"),
		},
		Replication: ReplicationConfig{
			int(number("min.insync.replicas")), flag("unclean.leader.election.enable"),
			list("leader.replication.throttled.replicas"), list("follower.replication.throttled.replicas"),
		},
		Remote: RemoteConfig{
			flag("remote.storage.enable"), flag("remote.log.copy.disable"), flag("remote.log.delete.on.disable"),
			span("local.retention.ms"), number("local.retention.bytes"),
		},
	}
	if n := number("internal.segment.bytes"); n > 0 { // tests roll small segments by it, as in Kafka
		t.Segment.Bytes = int(n)
	}
	return t, nil
}

// defaults are the texts of a resource's keys that the node gives: from the broker's synonyms, else the table.
func (c *Config) defaults(r Resource) map[string]string {
	texts := map[string]string{}
	for _, k := range Keys(r) {
		if k.HasDefault() {
			texts[k.Name] = k.Default
		}
		names := topicSynonyms[k.Name]
		if r == Group {
			names = nil
			if n, ok := groupSynonym(k.Name); ok {
				names = []string{n}
			}
		} else if r == ClientMetrics {
			names = nil
		}
		if v, ok := c.inherited(names); ok {
			texts[k.Name] = v
		}
	}
	return texts
}

// inherited is the first of the broker's keys that is not null, in milliseconds where the keys have different units.
func (c *Config) inherited(names []string) (string, bool) {
	for _, n := range names {
		v := c.values[n]
		if v == nil {
			continue
		}
		number, isNumber := v.(int64)
		if len(names) == 1 || !isNumber {
			return format(v), true
		}
		if names[0] == retentionKeys[0] && number < 0 {
			return "-1", true
		}
		return fmt.Sprint(number * int64(unit(n)/time.Millisecond)), true
	}
	return "", false
}

// parsed is every value of a resource with these overrides; the key of an unknown override is not looked at.
func (c *Config) parsed(r Resource, overrides map[string]string) (map[string]any, error) {
	defaults := c.defaults(r)
	values := map[string]any{}
	for i := range Keys(r) {
		k := &Keys(r)[i]
		text, ok := overrides[k.Name]
		if !ok {
			if text, ok = defaults[k.Name]; !ok {
				continue
			}
		}
		v, err := k.parse(text)
		if err != nil {
			return nil, err
		}
		values[k.Name] = v
	}
	return values, nil
}

// ValidateTopic checks a topic's overrides as the controller must before it stores them, in Kafka's words
// (LogConfig.validate). Existing is what the topic had before. The error is a [*ValueError].
func (c *Config) ValidateTopic(existing, overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := Lookup(Topic, name); !ok {
			return &ValueError{Key: name, Message: "Unknown topic config name: " + name}
		}
	}
	v, err := c.parsed(Topic, overrides)
	if err != nil {
		return err
	}
	number := func(name string) int64 { n, _ := v[name].(int64); return n }
	if err := compactionLags(number("min.compaction.lag.ms"), number("max.compaction.lag.ms")); err != nil {
		return err
	}
	return c.validateRemote(existing, v)
}

// validateRemote holds the conditions of tiered storage.
func (c *Config) validateRemote(existing map[string]string, v map[string]any) error {
	on, _ := v["remote.storage.enable"].(bool)
	switch {
	case on && !c.Bool("remote.log.storage.system.enable"):
		return &ValueError{Key: "remote.storage.enable", Message: "Tiered Storage functionality is disabled in the broker. " +
			"Topic cannot be configured with remote log storage."}
	case !on && existing["remote.storage.enable"] == "true" && v["remote.log.delete.on.disable"] != true:
		return &ValueError{Key: "remote.storage.enable", Message: "It is invalid to disable remote storage without deleting remote " +
			"data. If you want to keep the remote data and turn to read only, please set " +
			"`remote.storage.enable=true,remote.log.copy.disable=true`. If you want to disable remote storage and delete all remote " +
			"data, please set `remote.storage.enable=false,remote.log.delete.on.disable=true`."}
	}
	return nil
}

// ValidateTopicValues is what a client can check of a topic's overrides without knowing the broker's configuration
// (LogConfig.validate with only the overrides). The error is a [*ValueError].
func ValidateTopicValues(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := Lookup(Topic, name); !ok {
			return &ValueError{Key: name, Message: "Unknown topic config name: " + name}
		}
	}
	lags := map[string]int64{}
	for _, k := range Keys(Topic) {
		text, set := overrides[k.Name]
		if !set && !k.HasDefault() {
			continue
		}
		if !set {
			text = k.Default
		}
		v, err := k.parse(text)
		if err != nil {
			return err
		}
		lags[k.Name], _ = v.(int64)
	}
	return compactionLags(lags["min.compaction.lag.ms"], lags["max.compaction.lag.ms"])
}

func compactionLags(low, high int64) error {
	if low <= high {
		return nil
	}
	return &ValueError{Key: "min.compaction.lag.ms", Message: fmt.Sprintf(
		"conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high)}
}
