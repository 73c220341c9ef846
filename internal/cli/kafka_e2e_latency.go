package cli

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/cli/perf"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
	"github.com/headrace/headrace/internal/kafka/javanum"
)

// e2eLatencyOptions are the options of kafka-e2e-latency, in the words of its --help.
var e2eLatencyOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "bootstrap-server",
		Doc: "REQUIRED: The Kafka broker list string in the form HOST1:PORT1,HOST2:PORT2.",
	},
	{Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic-name", Doc: "REQUIRED: The topic to use for the test."},
	{Names: []string{"num-records"}, Arg: jopt.Required, ArgDoc: "count", Type: "Integer", Doc: "REQUIRED: The number of messages to send."},
	{
		Names: []string{"producer-acks"}, Arg: jopt.Required, ArgDoc: "producer-acks",
		Doc: "REQUIRED: Producer acknowledgements. Must be '1' or 'all'.",
	},
	{
		Names: []string{"record-size"}, Arg: jopt.Required, ArgDoc: "bytes", Type: "Integer",
		Doc: "REQUIRED: The size of each message payload in bytes.",
	},
	{
		Names: []string{"record-key-size"}, Arg: jopt.Optional, ArgDoc: "bytes", Type: "Integer", Defaults: []string{"0"},
		Doc: "Optional: The size of the message key in bytes. If not set, messages are sent without a key.",
	},
	{
		Names: []string{"record-header-key-size"}, Arg: jopt.Optional, ArgDoc: "bytes", Type: "Integer", Defaults: []string{"0"},
		Doc: "Optional: The size of the message header key in bytes. Used together with record-header-size.",
	},
	{
		Names: []string{"record-header-size"}, Arg: jopt.Optional, ArgDoc: "bytes", Type: "Integer", Defaults: []string{"0"},
		Doc: "Optional: The size of message header value in bytes. Use -1 for null header value.",
	},
	{
		Names: []string{"num-headers"}, Arg: jopt.Optional, ArgDoc: "count", Type: "Integer", Defaults: []string{"0"},
		Doc: "Optional: The number of headers to include in each message.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Optional, ArgDoc: "config-file",
		Doc: "Optional: A property file for Kafka producer/consumer/admin client configuration.",
	},
})

// e2eLatency is kafka-e2e-latency. As org.apache.kafka.tools.EndToEndLatency.
type e2eLatency struct {
	*tool
	props                                 map[string]string
	topic, acks                           string
	num, key, value                       int64
	headers, headerKeySize, headerValSize int64
	json                                  bool
}

// e2eRequired are the options that there are also words by position for, in their order.
var e2eRequired = []string{"bootstrap-server", "topic", "num-records", "producer-acks", "record-size"}

func kafkaE2ELatency(ctx context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: e2eLatencyOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	args, err = t.e2eWords(args)
	if err != nil {
		t.errorf("%s\n", err)
		return exitFailed
	}
	s, err := p.Parse(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool measures end-to-end latency in Kafka by sending messages and timing their reception."); done {
		return status
	}
	if err := p.CheckRequired(s, e2eRequired...); err != nil {
		return t.uncaught(err)
	}
	c := &e2eLatency{tool: t, json: asJSON}
	if err = c.settings(p, s); err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		return t.failed(ctx, err)
	}
	return exitOK
}

// e2eWords turns words by position, which are deprecated, into options.
//
// Deviation: --help and --version do what they say; the original counts them as one word by position.
func (t *tool) e2eWords(args []string) ([]string, error) {
	named := slices.ContainsFunc(args, func(a string) bool {
		return slices.ContainsFunc(e2eRequired, func(name string) bool { return a == "--"+name })
	})
	asks := len(args) == 1 && (args[0] == "--help" || args[0] == "--version")
	if len(args) == 0 || named || asks {
		return args, nil
	}
	if len(args) != 5 && len(args) != 6 {
		return nil, tersef("Invalid number of arguments. Expected 5 or 6 positional arguments, but got %d. "+
			"Usage: bootstrap-server topic num-records producer-acks record-size [optional] command-config", len(args))
	}
	var out []string
	for i, name := range append(slices.Clone(e2eRequired), "command-config")[:len(args)] {
		out = append(out, "--"+name, args[i])
	}
	t.printf("WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. " +
		"Please use named arguments instead: --bootstrap-server, --topic, --num-records, --producer-acks, --record-size, --command-config\n")
	return out, nil
}

// settings reads and checks the options.
func (c *e2eLatency) settings(p *jopt.Parser, s *jopt.Set) error {
	var err error
	if c.acks, err = s.Value("producer-acks"); err != nil {
		return err
	}
	if c.acks != "1" && c.acks != "all" {
		return p.Usage("Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use '1' or 'all'.")
	}
	for _, o := range []struct {
		name  string
		to    *int64
		least int64
		says  string
	}{
		{"num-records", &c.num, 1, "a positive integer."},
		{"record-size", &c.value, 0, "a non-negative integer."},
		{"record-key-size", &c.key, 0, "a non-negative integer."},
		{"record-header-key-size", &c.headerKeySize, 0, "a non-negative integer."},
		{"record-header-size", &c.headerValSize, -1, "a non-negative integer or -1 for null header value."},
		{"num-headers", &c.headers, 0, "a non-negative integer."},
	} {
		if *o.to, err = s.Int(o.name); err != nil {
			return err
		}
		if *o.to < o.least {
			return p.Usage("Value for --%s must be %s", o.name, o.says)
		}
	}
	if c.topic, err = s.Value("topic"); err != nil {
		return err
	}
	c.props, err = commandProperties(s)
	return err
}

func (c *e2eLatency) run(ctx context.Context) error {
	from, err := c.ends(ctx)
	if err != nil {
		return err
	}
	consumer, err := records.NewConsumer(ctx, records.ConsumerOptions{
		Props: client.Merge(c.props, map[string]string{
			"group.id": "test-group-" + strconv.FormatInt(nowMs(), 10), "enable.auto.commit": "false",
			"auto.offset.reset": "latest", "fetch.max.wait.ms": "0",
		}), Log: c.log, AssignAll: from,
	})
	if err != nil {
		return err
	}
	producer, err := records.NewProducer(ctx, records.ProducerOptions{
		Props: client.Merge(c.props, map[string]string{"linger.ms": "0", "max.block.ms": "9223372036854775807", "acks": c.acks}), Log: c.log,
	})
	if err == nil {
		defer producer.Close()
		err = c.measure(ctx, producer, consumer)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	if closed := consumer.Close(closing); err == nil && closed != nil {
		err = javaerr.From(closed)
	}
	return err
}

// ends makes the topic if it is not there and returns the ends of its partitions: what is sent from now on is read.
func (c *e2eLatency) ends(ctx context.Context) ([]records.Assignment, error) {
	a, err := admin.New(ctx, c.props, c.log)
	if err != nil {
		if e := javaerr.From(err); e.Message == "Failed to create new KafkaAdminClient" { // the original makes the consumer first
			return nil, &javaerr.Exception{Class: e.Class, Message: "Failed to construct kafka consumer", Cause: e.Cause}
		}
		return nil, err
	}
	defer a.Close()
	topics, err := a.Topics(ctx, true)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(topics, func(t admin.Topic) bool { return t.Name == c.topic }) {
		if !c.json {
			c.printf("Topic \"%s\" does not exist. Will create topic with 1 partition(s) and replication factor = 1\n", c.topic)
		}
		if err := a.CreateTopic(ctx, admin.NewTopic{Name: c.topic, Partitions: 1, Replicas: 1}); err != nil {
			c.printf("Creation of topic %s failed\n", c.topic)
			return nil, runtimeException(execution(err))
		}
	}
	for {
		ends, err := c.endsOf(ctx, a)
		if err == nil {
			return ends, nil
		}
		const unknown = 3 // a topic that is new may not be everywhere yet
		if javaerr.CodeOf(err) != unknown {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *e2eLatency) endsOf(ctx context.Context, a *admin.Admin) ([]records.Assignment, error) {
	topics, err := a.DescribeTopics(ctx, []string{c.topic}, 2000)
	if err != nil {
		return nil, err
	}
	var partitions []admin.TopicPartition
	for _, p := range topics[0].Partitions {
		partitions = append(partitions, admin.TopicPartition{Topic: c.topic, Partition: p.ID})
	}
	found, err := a.ListOffsets(ctx, partitions, admin.Latest)
	if err != nil {
		return nil, err
	}
	var from []records.Assignment
	for _, tp := range partitions {
		if err := found[tp].Err; err != nil {
			return nil, err
		}
		from = append(from, records.Assignment{Topic: tp.Topic, Partition: tp.Partition, From: records.Position(found[tp].Offset)})
	}
	return from, nil
}

// measure sends record after record, each when the one before has been read.
func (c *e2eLatency) measure(ctx context.Context, producer *records.Producer, consumer *records.Consumer) error {
	random := rand.New(rand.NewPCG(0, 0))
	var total time.Duration
	latencies := make([]int64, 0, min(c.num, 1<<20))
	for i := range c.num {
		r := c.record(random)
		begin := time.Now()
		if err := producer.SendSync(ctx, r); err != nil {
			return execution(err)
		}
		read, err := c.next(ctx, consumer)
		if err != nil {
			return err
		}
		elapsed := time.Since(begin)
		if err := validateE2E(r, read); err != nil {
			return err
		}
		if i%1000 == 0 && !c.json {
			c.printf("%d\t%s\n", i, javanum.Double(float64(elapsed.Nanoseconds())/1e6))
		}
		total += elapsed
		latencies = append(latencies, elapsed.Milliseconds())
	}
	return c.results(total, latencies)
}

// next are the records that come next, within a minute.
func (c *e2eLatency) next(ctx context.Context, consumer *records.Consumer) ([]records.Record, error) {
	const patience = 60 * time.Second
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		read, err := consumer.Poll(within)
		switch {
		case err != nil:
			return nil, err
		case len(read) > 0:
			return read, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case within.Err() != nil:
			return nil, runtimeFailure("poll() timed out before finding a result (timeout:[%dms])", patience.Milliseconds())
		}
	}
}

func runtimeFailure(format string, args ...any) error {
	return &javaerr.Exception{Class: "java.lang.RuntimeException", Message: fmt.Sprintf(format, args...)}
}

func (c *e2eLatency) record(random *rand.Rand) records.Record {
	letters := func(n int64) []byte { return bytes.Repeat([]byte{byte('A' + random.IntN(26))}, int(max(n, 0))) }
	r := records.Record{Topic: c.topic, Key: letters(c.key), Value: letters(c.value)}
	for range c.headers {
		h := records.Header{Key: string(letters(c.headerKeySize))}
		if c.headerValSize >= 0 {
			h.Value = letters(c.headerValSize)
		}
		r.Headers = append(r.Headers, h)
	}
	return r
}

// validateE2E says how what was read differs from what was sent.
func validateE2E(sent records.Record, read []records.Record) error {
	r := read[0]
	switch {
	case !bytes.Equal(r.Value, sent.Value):
		return runtimeFailure("The message value read [%s] did not match the message value sent [%s]", r.Value, sent.Value)
	case r.Key == nil:
		return runtimeFailure("Expected message key but received null")
	case !bytes.Equal(r.Key, sent.Key):
		return runtimeFailure("The message key read [%s] did not match the message key sent [%s]", r.Key, sent.Key)
	case len(sent.Headers) > 0 && len(r.Headers) == 0:
		return runtimeFailure("Expected message headers but received none")
	case len(sent.Headers) != len(r.Headers):
		return runtimeFailure("Header count mismatch between sent and received messages")
	}
	for i, h := range sent.Headers {
		if got := r.Headers[i]; got.Key != h.Key || !bytes.Equal(got.Value, h.Value) || (got.Value == nil) != (h.Value == nil) {
			return runtimeFailure("The message header read [%s:%s] did not match the message header sent [%s:%s]",
				got.Key, javaBytes(got.Value), h.Key, javaBytes(h.Value))
		}
	}
	if len(read) != 1 {
		return runtimeFailure("Only one result was expected during this test. We found [%d]", len(read))
	}
	return nil
}

// javaBytes is Arrays.toString of bytes.
func javaBytes(b []byte) string {
	if b == nil {
		return "null"
	}
	var out bytes.Buffer
	for i, v := range b {
		if i > 0 {
			out.WriteString(", ")
		}
		fmt.Fprint(&out, int8(v))
	}
	return "[" + out.String() + "]"
}

func (c *e2eLatency) results(total time.Duration, latencies []int64) error {
	slices.Sort(latencies)
	at := func(share float64) int64 { return latencies[int(float64(len(latencies))*share)] }
	average := float64(total.Nanoseconds()) / float64(len(latencies)) / 1e6
	if c.json {
		return c.printJSON(map[string]any{
			"records": len(latencies), "avgLatencyMs": average, "p50Ms": at(0.5), "p99Ms": at(0.99), "p999Ms": at(0.999),
		})
	}
	c.printf("Avg latency: %s ms\n", perf.Fixed(average, 4))
	c.printf("Percentiles: 50th = %d, 99th = %d, 99.9th = %d\n", at(0.5), at(0.99), at(0.999))
	return nil
}
