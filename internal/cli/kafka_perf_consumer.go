package cli

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/javatime"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/cli/perf"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
)

// consumerPerf is kafka-consumer-perf-test. As org.apache.kafka.tools.ConsumerPerformance.
type consumerPerf struct {
	*tool
	options  *jopt.Set
	consumer *records.Consumer
	date     func(ms int64) string
	joins    joinClock
}

func kafkaConsumerPerfTest(ctx context.Context, t *tool, args []string) int {
	group := "perf-consumer-" + strconv.Itoa(rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)).IntN(100000))
	p := &jopt.Parser{Options: consumerPerfOptions(group)}
	s, err := p.Parse(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool is used to verify the consumer performance."); done {
		return status
	}
	if err := checkConsumerPerf(t, p, s); err != nil {
		return t.uncaught(err)
	}
	c := &consumerPerf{tool: t, options: s}
	if err := c.run(ctx); err != nil {
		if ctx.Err() != nil {
			return exitInterrupted
		}
		t.errorf("%s\n%s\n", messageOf(err), console.StackTrace(err))
		return exitFailed
	}
	return exitOK
}

func checkConsumerPerf(t *tool, p *jopt.Parser, s *jopt.Set) error {
	for _, check := range []error{
		p.CheckRequired(s, "bootstrap-server"), p.CheckOneOf(s, "topic", "include"),
		p.CheckOneOf(s, "messages", "num-records"), p.CheckInvalid(s, "consumer.config", "command-config"),
	} {
		if check != nil {
			return check
		}
	}
	if s.Has("messages") {
		t.printf("Warning: --messages is deprecated. Use --num-records instead.\n")
	}
	if s.Has("consumer.config") {
		t.printf("Warning: --consumer.config is deprecated. Use --command-config instead.\n")
	}
	return nil
}

// props builds the consumer's properties.
func (c *consumerPerf) props() (map[string]string, error) {
	s := c.options
	path, err := s.Value(newName(s, "command-config", "consumer.config"))
	if err != nil {
		return nil, err
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	maps.Copy(props, keyValues(s.Values("command-property")))
	for _, row := range [][2]string{
		{"bootstrap.servers", "bootstrap-server"},
		{"group.id", "group"},
		{"receive.buffer.bytes", "socket-buffer-size"},
		{"max.partition.fetch.bytes", "fetch-size"},
	} {
		if props[row[0]], err = s.Value(row[1]); err != nil {
			return nil, err
		}
	}
	props["auto.offset.reset"] = "earliest"
	if s.Has("from-latest") {
		props["auto.offset.reset"] = "latest"
	}
	props["check.crcs"] = "false"
	if _, ok := props["client.id"]; !ok {
		props["client.id"] = "perf-consumer-client"
	}
	return props, nil
}

func (c *consumerPerf) run(ctx context.Context) error {
	if !c.options.Has("hide-header") {
		c.printf("%s", perf.Header(c.options.Has("show-detailed-stats")))
	}
	props, err := c.props()
	if err != nil {
		return err
	}
	limits, err := c.limits()
	if err != nil {
		return err
	}
	o := records.ConsumerOptions{Props: props, Log: c.log, Assigned: c.joins.assigned, Revoked: c.joins.revoked}
	if c.options.Has("topic") {
		topic, err := c.options.Value("topic")
		if err != nil {
			return err
		}
		o.Topics = []string{topic}
	} else {
		include, err := c.options.Value("include")
		if err != nil {
			return err
		}
		if o.Pattern, err = regexp.Compile(include); err != nil {
			return &javaerr.Exception{Class: "java.util.regex.PatternSyntaxException", Message: err.Error()}
		}
	}
	start := nowMs()
	c.joins.start(start)
	if c.consumer, err = records.NewConsumer(ctx, o); err != nil {
		return err
	}
	total, err := c.consume(ctx, limits)
	if err != nil {
		return err
	}
	if !c.options.Has("show-detailed-stats") {
		joined, _ := c.joins.read()
		if err := perf.PrintSummary(c.out, c.date, start, total, joined); err != nil {
			return err
		}
	}
	if c.options.Has("print-metrics") {
		c.printMetrics(c.consumer.Metrics())
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return c.consumer.Close(closing)
}

// consumerPerfLimits bound a run.
type consumerPerfLimits struct{ records, timeoutMs, intervalMs int64 }

func (c *consumerPerf) limits() (consumerPerfLimits, error) {
	s := c.options
	var l consumerPerfLimits
	var err error
	if l.records, err = s.Int(newName(s, "num-records", "messages")); err != nil {
		return l, err
	}
	if l.timeoutMs, err = s.Int("timeout"); err != nil {
		return l, err
	}
	if l.intervalMs, err = s.Int("reporting-interval"); err != nil {
		return l, err
	}
	if l.intervalMs <= 0 {
		return l, illegalArgument("Reporting interval must be greater than 0.")
	}
	pattern, err := s.Value("date-format")
	if err != nil {
		return l, err
	}
	format, err := javatime.Compile(pattern)
	if err != nil {
		return l, illegalArgument("%s", err)
	}
	c.date = func(ms int64) string { return format.Format(time.UnixMilli(ms)) }
	return l, nil
}

// consume reads until there is enough or nothing comes any more.
func (c *consumerPerf) consume(ctx context.Context, l consumerPerfLimits) (perf.Consumed, error) {
	now := nowMs()
	read := perf.Consumed{At: now}
	last, lastRead := read, now
	for read.Records < l.records && now-lastRead <= l.timeoutMs {
		within, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		batch, err := c.consumer.Poll(within)
		cancel()
		if err != nil {
			return read, err
		}
		if ctx.Err() != nil {
			return read, ctx.Err()
		}
		now = nowMs()
		if len(batch) > 0 {
			lastRead = now
		}
		for i := range batch {
			read.Records++
			read.Bytes += int64(len(batch[i].Key) + len(batch[i].Value))
			if now-last.At < l.intervalMs {
				continue
			}
			read.At = now
			if err := c.progress(last, read); err != nil {
				return read, err
			}
			last = read
		}
		c.consumer.Processed(len(batch))
	}
	if read.Records < l.records {
		c.printf("WARNING: Exiting before consuming the expected number of records: timeout (%d ms) exceeded. You can use the --timeout option to increase the timeout.\n", l.timeoutMs)
	}
	read.At = nowMs()
	return read, nil
}

// progress reports an interval, if that was asked for, and begins the next one.
func (c *consumerPerf) progress(last, now perf.Consumed) error {
	_, inRound := c.joins.read()
	c.joins.endRound()
	if !c.options.Has("show-detailed-stats") {
		return nil
	}
	if err := perf.PrintProgress(c.out, c.date, last, now, inRound); err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	return nil
}

// joinClock measures how long the consumer had no partitions, in milliseconds.
type joinClock struct {
	mu struct {
		sync.Mutex
		since, total, round int64
		partitions          int
	}
}

func (j *joinClock) start(now int64) { j.mu.since = now }

func (j *joinClock) assigned(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.partitions == 0 {
		elapsed := nowMs() - j.mu.since
		j.mu.total += elapsed
		j.mu.round += elapsed
	}
	j.mu.partitions += n
}

func (j *joinClock) revoked(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.partitions -= n; j.mu.partitions == 0 {
		j.mu.since = nowMs()
	}
}

func (j *joinClock) read() (total, round int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mu.total, j.mu.round
}

func (j *joinClock) endRound() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mu.round = 0
}
