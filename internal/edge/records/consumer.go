package records

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/network"
)

// consumerSettings are those of ConsumerConfig that change what this consumer does, without connections.
var consumerSettings = []setting{
	{name: "allow.auto.create.topics", kind: boolean, value: "true"},
	{name: "auto.commit.interval.ms", kind: integer, value: "5000"},
	{name: "auto.offset.reset", value: "latest"},
	{name: "check.crcs", kind: boolean, value: "true"},
	{name: "client.rack"},
	{name: "enable.auto.commit", kind: boolean, value: "true"},
	{name: "fetch.max.bytes", kind: integer, value: "52428800"},
	{name: "fetch.max.wait.ms", kind: integer, value: "500"},
	{name: "fetch.min.bytes", kind: integer, value: "1"},
	{name: "group.id"},
	{name: "group.instance.id"},
	{name: "group.protocol", value: "classic"},
	{name: "group.remote.assignor"},
	{name: "heartbeat.interval.ms", kind: integer, value: "3000", min: math.MinInt32},
	{name: "isolation.level", value: "read_uncommitted", allowed: []string{"read_committed", "read_uncommitted"}},
	{name: "max.partition.fetch.bytes", kind: integer, value: "1048576"},
	{name: "max.poll.interval.ms", kind: integer, value: "300000", min: 1},
	{name: "max.poll.records", kind: integer, value: "500", min: 1},
	{name: "partition.assignment.strategy", value: assignors + "RangeAssignor," + assignors + "CooperativeStickyAssignor"},
	{name: "session.timeout.ms", kind: integer, value: "45000", min: math.MinInt32},
}

const assignors = "org.apache.kafka.clients.consumer."

// balancers are the assignors that there are here, by class.
var balancers = map[string]func() kgo.GroupBalancer{
	assignors + "RangeAssignor":             kgo.RangeBalancer,
	assignors + "RoundRobinAssignor":        kgo.RoundRobinBalancer,
	assignors + "StickyAssignor":            kgo.StickyBalancer,
	assignors + "CooperativeStickyAssignor": kgo.CooperativeStickyBalancer,
}

// Position is where the reading of an assigned partition starts.
type Position int64

// The positions that are no offsets.
const (
	AtLatest   Position = -1
	AtEarliest Position = -2
)

// ConsumerOptions are what a Consumer is made of. Exactly one of Topics, Pattern and Assign or AssignAll says what it
// reads: the first two join the group of property group.id, the last ones join none.
type ConsumerOptions struct {
	Props map[string]string // as in a Java consumer's properties file
	Log   *slog.Logger      // warnings about the network; nil: none

	Topics  []string
	Pattern *regexp.Regexp // must match a topic's whole name
	Assign  *Assignment

	// AssignAll is Assign for several partitions.
	AssignAll []Assignment

	// Assigned and Revoked, if not nil, are told how many partitions come and go. They are called from a goroutine
	// of the consumer, one at a time.
	Assigned, Revoked func(partitions int)

	// AssignedWhich and RevokedWhich, if not nil, are told which partitions they are, by topic, from there too.
	AssignedWhich, RevokedWhich func(partitions map[string][]int32)

	// Valid, if not nil, is called when the properties are known to be good, before the first connection is made.
	Valid func()
}

// Assignment is one partition and where to start in it.
type Assignment struct {
	Topic     string
	Partition int32
	From      Position
}

// Consumer receives records. It belongs to one goroutine.
type Consumer struct {
	cl       *kgo.Client
	settings settings
	counters *counters
	clientID string
	made     time.Time
	inGroup  bool
	batch    []Record
	source   []*kgo.Record // what batch was made of
}

// NewConsumer checks the properties and starts a consumer; ctx bounds the look-up of names. The error is Java's ConfigException or says what the
// client refuses.
func NewConsumer(ctx context.Context, o ConsumerOptions) (*Consumer, error) {
	s, err := resolve(consumerSettings, o.Props)
	if err != nil {
		return nil, err
	}
	opts, err := consumerOpts(s, o)
	if err != nil {
		return nil, err
	}
	base, err := network.Options(ctx, network.Consumer, o.Props, o.Log)
	if err != nil {
		return nil, err
	}
	c := &Consumer{settings: s, counters: &counters{}, clientID: o.Props["client.id"], made: time.Now(), inGroup: o.Assign == nil && o.AssignAll == nil}
	if o.Valid != nil {
		o.Valid()
	}
	if c.cl, err = kgo.NewClient(append(append(base, opts...), kgo.WithHooks(c.counters))...); err != nil {
		return nil, err
	}
	return c, nil
}

func consumerOpts(s settings, o ConsumerOptions) ([]kgo.Opt, error) {
	reset, err := resetOf(s.text("auto.offset.reset"))
	if err != nil {
		return nil, err
	}
	start := reset
	if strings.EqualFold(s.text("auto.offset.reset"), "none") && o.Assign == nil && o.AssignAll == nil {
		start = start.AtCommitted()
	}
	isolation := kgo.ReadUncommitted()
	if s.text("isolation.level") == "read_committed" {
		isolation = kgo.ReadCommitted()
	}
	maxBytes := max(s.int32("fetch.max.bytes"), 1)
	opts := []kgo.Opt{
		kgo.ConsumeResetOffset(reset),
		kgo.ConsumeStartOffset(start),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxBytes(maxBytes),
		kgo.BrokerMaxReadBytes(1 << 30),
		kgo.FetchMaxPartitionBytes(max(min(s.int32("max.partition.fetch.bytes"), maxBytes), 1)),
		kgo.FetchMaxWait(max(s.millis("fetch.max.wait.ms"), 10*time.Millisecond)),
		kgo.FetchMinBytes(max(s.int32("fetch.min.bytes"), 1)),
	}
	if s.bool("allow.auto.create.topics") {
		opts = append(opts, kgo.AllowAutoTopicCreation())
	}
	if !s.bool("check.crcs") {
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	if rack := s.text("client.rack"); rack != "" {
		opts = append(opts, kgo.Rack(rack))
	}
	assign := o.AssignAll
	if o.Assign != nil {
		assign = []Assignment{*o.Assign}
	}
	if assign != nil {
		return append(opts, kgo.ConsumePartitions(positions(assign))), nil
	}
	if o.Pattern != nil {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics("^(?:"+o.Pattern.String()+")$"))
	} else {
		opts = append(opts, kgo.ConsumeTopics(o.Topics...))
	}
	group, err := groupOpts(s, o)
	return append(opts, group...), err
}

func positions(assign []Assignment) map[string]map[int32]kgo.Offset {
	at := map[Position]kgo.Offset{AtLatest: kgo.NewOffset().AtEnd(), AtEarliest: kgo.NewOffset().AtStart()}
	out := map[string]map[int32]kgo.Offset{}
	for _, a := range assign {
		from, ok := at[a.From]
		if !ok {
			from = kgo.NewOffset().At(int64(a.From))
		}
		if out[a.Topic] == nil {
			out[a.Topic] = map[int32]kgo.Offset{}
		}
		out[a.Topic][a.Partition] = from
	}
	return out
}

// groupOpts sets up the membership.
func groupOpts(s settings, o ConsumerOptions) ([]kgo.Opt, error) {
	if s.text("group.id") == "" {
		return nil, &javaerr.Exception{Class: "org.apache.kafka.common.errors.InvalidGroupIdException", Message: "To use the group management or offset commit APIs, you must provide a valid group.id in the consumer configuration."}
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(s.text("group.id")),
		kgo.SessionTimeout(s.millis("session.timeout.ms")),
		kgo.HeartbeatInterval(s.millis("heartbeat.interval.ms")),
		kgo.RebalanceTimeout(s.millis("max.poll.interval.ms")),
	}
	var use []kgo.GroupBalancer
	for class := range strings.SplitSeq(s.text("partition.assignment.strategy"), ",") {
		build, ok := balancers[strings.TrimSpace(class)]
		if !ok {
			return nil, configException("Invalid value %s for configuration partition.assignment.strategy: Class %s could not be found.", class, class)
		}
		use = append(use, build())
	}
	opts = append(opts, kgo.Balancers(use...))
	switch strings.ToLower(s.text("group.protocol")) {
	case "classic":
	case "consumer":
		// franz-go asks for this to be switched on by a context value of its own (KIP-848).
		opts = append(opts, kgo.WithContext(context.WithValue(context.Background(), "opt_in_kafka_next_gen_balancer_beta", true))) //nolint:revive,staticcheck // the key is the library's
	default:
		return nil, configException("Invalid value %s for configuration group.protocol: String must be one of (case insensitive): CONSUMER, CLASSIC", s.text("group.protocol"))
	}
	if id := s.text("group.instance.id"); id != "" {
		opts = append(opts, kgo.InstanceID(id))
	}
	if s.bool("enable.auto.commit") {
		opts = append(opts, kgo.AutoCommitMarks(), kgo.AutoCommitInterval(max(s.millis("auto.commit.interval.ms"), 100*time.Millisecond)))
	} else {
		opts = append(opts, kgo.DisableAutoCommit())
	}
	count := func(tell func(int), which func(map[string][]int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			n := 0
			for _, ids := range parts {
				n += len(ids)
			}
			if tell != nil {
				tell(n)
			}
			if which != nil {
				which(parts)
			}
		}
	}
	revoked := count(o.Revoked, o.RevokedWhich)
	return append(opts, kgo.OnPartitionsAssigned(count(o.Assigned, o.AssignedWhich)), kgo.OnPartitionsLost(revoked),
		kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, parts map[string][]int32) {
			if s.bool("enable.auto.commit") {
				// A failure means that the group moved on; the records are then delivered again, as they may be.
				_ = cl.CommitMarkedOffsets(ctx)
			}
			revoked(ctx, cl, parts)
		})), nil
}

// resetOf reads auto.offset.reset, with by_duration (KIP-1106).
func resetOf(v string) (kgo.Offset, error) {
	switch strings.ToLower(v) {
	case "earliest":
		return kgo.NewOffset().AtStart(), nil
	case "latest":
		return kgo.NewOffset().AtEnd(), nil
	case "none":
		return kgo.NoResetOffset(), nil
	}
	return kgo.Offset{}, configException("Invalid value %s for configuration auto.offset.reset: Invalid value `%s` for configuration auto.offset.reset. The value must be either 'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'.", v, v)
}

// Poll returns the next records, none when ctx ends before there are any. The slice is valid until the next Poll; the
// bytes in it stay the caller's. An error ends the consuming and is an exception, unless ctx was cancelled.
func (c *Consumer) Poll(ctx context.Context) ([]Record, error) {
	fetches := c.cl.PollRecords(ctx, int(c.settings.int32("max.poll.records")))
	c.batch, c.source = c.batch[:0], c.source[:0]
	for iter := fetches.RecordIter(); !iter.Done(); {
		r := iter.Next()
		c.source = append(c.source, r)
		c.batch = append(c.batch, received(r))
	}
	if len(c.batch) > 0 {
		return c.batch, nil
	}
	for _, e := range fetches.Errors() {
		if err := pollError(e, c.settings.text("group.id")); err != nil {
			return nil, err
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	return nil, nil
}

func received(r *kgo.Record) Record {
	out := Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value,
		Timestamp: r.Timestamp.UnixMilli(), TimestampType: TimestampType(r.Attrs.TimestampType()),
	}
	if len(r.Headers) > 0 {
		out.Headers = make([]Header, len(r.Headers))
		for i, h := range r.Headers {
			out.Headers[i] = Header(h)
		}
	}
	return out
}

// pollError turns what a poll failed with into the exception that Java's consumer throws; nil for what it retries.
func pollError(e kgo.FetchError, group string) error {
	var coded *kerr.Error
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, context.Canceled):
		return nil
	case errors.Is(e.Err, kgo.ErrClientClosed):
		return e.Err
	case strings.Contains(e.Err.Error(), "no prior committed offset"): // franz-go's error of that is its own
		return noOffset(e)
	case !errors.As(e.Err, &coded):
		return nil // the network: tried again
	}
	switch coded {
	case kerr.GroupAuthorizationFailed:
		return javaerr.New("GroupAuthorizationException", "Not authorized to access group: %s", group)
	case kerr.TopicAuthorizationFailed:
		return javaerr.New("TopicAuthorizationException", "Not authorized to access topics: [%s]", e.Topic)
	case kerr.InvalidTopicException:
		return javaerr.New("InvalidTopicException", "Invalid topics: [%s]", e.Topic)
	case kerr.OffsetOutOfRange:
		return noOffset(e)
	}
	if coded.Retriable || coded.Code == kerr.UnknownTopicOrPartition.Code {
		return nil
	}
	return javaerr.From(e.Err)
}

func noOffset(e kgo.FetchError) error {
	return &javaerr.Exception{
		Class:   "org.apache.kafka.clients.consumer.NoOffsetForPartitionException",
		Message: fmt.Sprintf("Undefined offset with no reset policy for partitions: [%s-%d]", e.Topic, e.Partition),
	}
}

// Processed says that the first n records of the last Poll are done with: auto-commit covers them and nothing after.
func (c *Consumer) Processed(n int) {
	if c.inGroup && c.settings.bool("enable.auto.commit") {
		c.cl.MarkCommitRecords(slices.Clone(c.source[:n])...)
	}
}

// Commit commits the next offset of every partition that the records of the last Poll before n are of, and returns when
// the group's coordinator has them. The error is an exception.
func (c *Consumer) Commit(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	if err := c.cl.CommitRecords(ctx, c.source[:n]...); err != nil {
		return javaerr.From(err)
	}
	return nil
}

// Close commits what is processed, if auto-commit is on, leaves the group and ends the consumer. It takes at most
// until ctx ends; the error is that of the commit.
func (c *Consumer) Close(ctx context.Context) error {
	var err error
	if c.inGroup && c.settings.bool("enable.auto.commit") {
		err = c.cl.CommitMarkedOffsets(ctx)
	}
	if leave := c.cl.LeaveGroupContext(ctx); err == nil {
		err = leave
	}
	c.cl.Close()
	return err
}
