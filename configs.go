package headrace

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// live is this node's configuration with the changes that the metadata hold.
type live struct {
	nodeID int32
	// static is what the file says, current that with the dynamic changes.
	static  *config.Config
	current atomic.Pointer[resolved]
}

// resolved is a configuration, and the settings of a topic without overrides.
type resolved struct {
	config *config.Config
	plain  *replica.Settings
}

func newLive(c *config.Config) *live {
	l := &live{nodeID: c.NodeID(), static: c}
	l.current.Store(&resolved{c, topicSettings(c.TopicDefaults())})
	return l
}

// update takes over the dynamic configs of an image.
func (l *live) update(img *metadata.Image) []config.Warning {
	c, warnings := l.static.WithDynamic(
		img.Configs(metadata.ConfigResource{Type: metadata.ResourceBroker}).Map(),
		img.Configs(l.node()).Map(),
	)
	l.current.Store(&resolved{c, topicSettings(c.TopicDefaults())})
	return warnings
}

func (l *live) node() metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.ResourceBroker, Name: strconv.Itoa(int(l.nodeID))}
}

// topic resolves the settings of a topic. What the controller has accepted
// parses; should it not, the defaults hold.
func (l *live) topic(img *metadata.Image, name string) *replica.Settings {
	now := l.current.Load()
	overrides := img.Configs(metadata.ConfigResource{Type: metadata.ResourceTopic, Name: name})
	if overrides.Len() == 0 {
		return now.plain
	}
	t, err := now.config.ResolveTopic(overrides.Map())
	if err != nil {
		return now.plain
	}
	return topicSettings(t)
}

// topicSettings tells the log and the checks of batches what a topic's configs
// mean to them.
func topicSettings(t config.TopicConfig) *replica.Settings {
	s := &replica.Settings{
		MinISR: t.Replication.MinInsyncReplicas, SegmentJitter: t.Segment.Jitter,
		Log: log.Config{
			SegmentBytes: int64(t.Segment.Bytes), SegmentAge: t.Segment.Roll,
			IndexIntervalBytes: t.Segment.IndexIntervalBytes, MaxIndexBytes: t.Segment.IndexBytes,
			RetentionBytes: t.Retention.Bytes, RetentionAge: t.Retention.Time,
			DeleteEnabled: t.Retention.Delete, CompactionEnabled: t.Compaction.Compact,
			DeleteDelay: t.Retention.FileDelete, FlushBeforeAck: t.Flush.BeforeAck,
			FlushMessages: t.Flush.Messages, FlushInterval: t.Flush.Interval,
		},
		Rules: record.Rules{
			MaxMessageBytes: t.Message.MaxBytes, MaxDecompressedBytes: t.Message.MaxDecompressedBytes,
			Compacted: t.Compaction.Compact, BeforeMaxMs: milliseconds(t.Message.TimestampBeforeMax),
			AfterMaxMs: milliseconds(t.Message.TimestampAfterMax),
		},
	}
	if t.Message.LogAppendTime {
		s.Rules.TimestampType = record.LogAppendTime
	}
	s.Rules.Codec, s.Rules.Level, s.Rules.Recompress = codec(t.Message)
	return s
}

// milliseconds keeps "for ever" what it is.
func milliseconds(d time.Duration) int64 {
	const forever = 1<<63 - 1
	if d == forever {
		return forever
	}
	return d.Milliseconds()
}

// codec reads compression.type; ok is false where batches stay as they come.
func codec(m config.MessageConfig) (c record.Codec, l record.Level, ok bool) {
	switch m.CompressionType {
	case "gzip":
		return record.Gzip, record.LevelOf(m.GzipLevel), true
	case "lz4":
		return record.LZ4, record.LevelOf(m.LZ4Level), true
	case "zstd":
		return record.Zstd, record.LevelOf(m.ZstdLevel), true
	case "snappy":
		return record.Snappy, l, true
	case "uncompressed":
		return record.None, l, true
	}
	return 0, l, false
}

// Describe implements api.Configs.
func (l *live) Describe(img *metadata.Image, r metadata.ConfigResource, names []string) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	c := l.current.Load().config
	overrides := img.Configs(r).Map()
	var entries []config.Entry
	switch r.Type {
	case metadata.ResourceTopic:
		entries = c.DescribeTopic(overrides)
	case metadata.ResourceGroup:
		if r.Name == "" {
			return nil, badRequest("Group name must not be empty")
		}
		entries = c.DescribeGroup(overrides)
	case metadata.ResourceClientMetrics:
		if r.Name == "" {
			return nil, badRequest("Client metrics subscription name must not be empty")
		}
		entries = c.DescribeClientMetrics(overrides)
	case metadata.ResourceBroker:
		if r.Name == "" {
			entries = c.DescribeCluster()
			break
		}
		if err := l.expect(r.Name, "Unexpected broker id, expected %d or empty string, but received %s"); err != nil {
			return nil, err
		}
		entries = c.DescribeBroker()
	case metadata.ResourceBrokerLogger:
		if r.Name == "" {
			return nil, badRequest("Broker id must not be empty")
		}
		if err := l.expect(r.Name, "Unexpected broker id, expected %d but received %s"); err != nil {
			return nil, err
		}
		return rootLogger(c), nil
	default:
		return nil, fmt.Errorf("resource type %d has no configs: %w", r.Type, kerr.InvalidRequest)
	}
	return wireEntries(entries, names), nil
}

// expect refuses the name of a node other than this one. text takes this node's
// id and the name.
func (l *live) expect(name, text string) error {
	switch id, err := strconv.ParseInt(name, 10, 32); {
	case err != nil:
		return badRequest("Broker id must be an integer, but it is: " + name)
	case int32(id) != l.nodeID:
		return badRequest(fmt.Sprintf(text, l.nodeID, name))
	}
	return nil
}

// badRequest is an INVALID_REQUEST whose text, in Kafka's words, is all that a
// client is told.
type badRequest string

func (e badRequest) Error() string { return string(e) }
func (e badRequest) Unwrap() error { return kerr.InvalidRequest }

// ClientMessage implements wire.Messager.
func (e badRequest) ClientMessage() string { return string(e) }

// rootLogger is the only logger that there is.
func rootLogger(c *config.Config) []kmsg.DescribeConfigsResponseResourceConfig {
	e := kmsg.NewDescribeConfigsResponseResourceConfig()
	level := c.Text("headrace.log.level")
	e.Name, e.Value, e.ReadOnly, e.Source = "root", &level, true, kmsg.ConfigSourceDynamicBrokerLoggerConfig
	return []kmsg.DescribeConfigsResponseResourceConfig{e}
}

// wireEntries turns entries into the protocol's form, those that are asked for.
func wireEntries(entries []config.Entry, names []string) []kmsg.DescribeConfigsResponseResourceConfig {
	var out []kmsg.DescribeConfigsResponseResourceConfig
	for i := range entries {
		e := &entries[i]
		if names != nil && !slices.Contains(names, e.Name) {
			continue
		}
		w := kmsg.NewDescribeConfigsResponseResourceConfig()
		w.Name, w.Value, w.ReadOnly, w.IsSensitive = e.Name, e.Value, e.ReadOnly, e.Sensitive
		w.Source, w.ConfigType = kmsg.ConfigSource(e.Source), kmsg.ConfigType(e.Type)
		w.IsDefault = e.Source == config.Default
		if e.Doc != "" {
			w.Documentation = &e.Doc
		}
		for _, s := range e.Synonyms {
			w.ConfigSynonyms = append(w.ConfigSynonyms, kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{
				Name: s.Name, Value: s.Value, Source: kmsg.ConfigSource(s.Source),
			})
		}
		out = append(out, w)
	}
	return out
}

// schema is the table of configs as the controller sees it: it depends on the
// node's file only, so that it is pure.
type schema struct{ c *config.Config }

// List implements controller.ConfigSchema.
func (s schema) List(t metadata.ResourceType, name string) (string, bool) {
	k, ok := config.Lookup(config.Resource(t), name)
	if !ok || k.Type != config.List {
		return "", false
	}
	if t == metadata.ResourceTopic {
		for _, e := range s.c.DescribeTopic(nil) {
			if e.Name == name && e.Value != nil {
				return *e.Value, true
			}
		}
		return "", true
	}
	if !k.HasDefault() {
		return "", true
	}
	return k.Default, true
}

// Validate implements controller.ConfigSchema.
func (s schema) Validate(r metadata.ConfigResource, configs, existing map[string]string) error {
	var err error
	switch r.Type {
	case metadata.ResourceTopic:
		err = s.c.ValidateTopic(existing, configs)
	case metadata.ResourceBroker:
		err = s.c.ValidateBroker(r.Name != "", configs)
	case metadata.ResourceGroup:
		err = s.c.ValidateGroup(configs)
	case metadata.ResourceClientMetrics:
		err = config.ValidateClientMetrics(configs)
	default:
		return fmt.Errorf("resource type %d cannot be changed: %w", r.Type, kerr.InvalidRequest)
	}
	return err
}

// TopicConfigs implements controller.ConfigSchema.
func (s schema) TopicConfigs(topic map[string]string, node, cluster metadata.ConfigSet) []kmsg.CreateTopicsResponseTopicConfig {
	c, _ := s.c.WithDynamic(cluster.Map(), node.Map()) // the node has warned already
	var out []kmsg.CreateTopicsResponseTopicConfig
	for _, e := range c.DescribeTopic(topic) {
		w := kmsg.NewCreateTopicsResponseTopicConfig()
		w.Name, w.Value, w.ReadOnly = e.Name, e.Value, e.ReadOnly
		w.Source, w.IsSensitive = int8(e.Source), e.Sensitive
		out = append(out, w)
	}
	return out
}
