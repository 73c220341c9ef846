package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
)

// consoleProducer is kafka-console-producer: lines of stdin become records. As org.apache.kafka.tools.ConsoleProducer.
type consoleProducer struct {
	*tool
	parser   *jopt.Parser
	options  *jopt.Set
	producer *records.Producer
	lines    *console.LineReader
	prompt   bool
}

func kafkaConsoleProducer(ctx context.Context, t *tool, args []string) int {
	c := &consoleProducer{tool: t, parser: &jopt.Parser{Options: consoleProducerOptions}}
	var err error
	if c.options, err = c.parser.Parse(args); err != nil {
		return t.uncaught(c.parser.Usage("%s", err))
	}
	if status, done := t.helpOrVersion(c.parser, c.options, args, "This tool helps to read data from standard input and publish it to Kafka."); done {
		return status
	}
	if err := c.check(); err != nil {
		return t.uncaught(err)
	}
	if err := c.open(ctx); err != nil {
		if option, ok := errors.AsType[*jopt.Error](err); ok {
			fmt.Fprintln(t.err, option.Message)
			return exitFailed
		}
		t.trace(err)
		return exitFailed
	}
	defer c.producer.Close()
	kept, release := outlive(ctx, interruptGrace)
	defer release()
	status := c.send(ctx, kept)
	if err := c.producer.Flush(context.WithoutCancel(ctx)); err != nil {
		t.trace(err)
		return exitFailed
	}
	return status
}

// check looks for contradictions and warns of deprecated options.
func (c *consoleProducer) check() error {
	p, s := c.parser, c.options
	if err := p.CheckRequired(s, "topic"); err != nil {
		return err
	}
	if err := exclusive(p, s, [2]string{"command-config", "producer.config"},
		[2]string{"command-property", "producer-property"}, [2]string{"reader-property", "property"}); err != nil {
		return err
	}
	for _, old := range []struct{ name, since, instead string }{
		{"producer-property", "a future version", "command-property"},
		{"producer.config", "a future version", "command-config"},
		{"property", "a future version", "reader-property"},
		{"max-partition-memory-bytes", "Apache Kafka 5.0", "batch-size"},
	} {
		if s.Has(old.name) {
			c.printf("Warning: --%s is deprecated and will be removed in %s. Use --%s instead.\n", old.name, old.since, old.instead)
		}
	}
	servers, err := s.Value("bootstrap-server")
	if err != nil {
		return err
	}
	if err := validateBootstrapServer(servers); err != nil {
		return p.Usage("%s", err)
	}
	return nil
}

// validateBootstrapServer is ToolsUtils.validateBootstrapServer.
func validateBootstrapServer(list string) error {
	if strings.TrimSpace(list) == "" {
		return errors.New("Error while validating the bootstrap address\n") //nolint:staticcheck // Kafka's words
	}
	for server := range strings.SplitSeq(strings.TrimRight(list, ","), ",") {
		_, after, ok := strings.CutLast(server, ":")
		if !ok {
			return errors.New("Please provide valid host:port like host1:9091,host2:9092\n") //nolint:staticcheck // Kafka's words
		}
		if _, err := strconv.ParseInt(after, 10, 32); err != nil {
			return errors.New("Please provide valid host:port like host1:9091,host2:9092\n") //nolint:staticcheck // Kafka's words
		}
	}
	return nil
}

// open sets up the reader, then the producer.
func (c *consoleProducer) open(ctx context.Context) error {
	class, err := c.options.Value("line-reader")
	if err != nil {
		return err
	}
	if class != console.LineReaderClass {
		return &javaerr.Exception{Class: "java.lang.ClassNotFoundException", Message: class}
	}
	props, err := c.readerProps()
	if err != nil {
		return err
	}
	if c.lines, err = console.NewLineReader(c.in, props); err != nil {
		return kafkaException(err)
	}
	c.prompt = isTerminal(c.in) && isTerminal(c.out)
	if props, err = c.producerProps(); err != nil {
		return err
	}
	if c.producer, err = records.NewProducer(ctx, records.ProducerOptions{Props: props, Log: c.log}); err != nil {
		return err
	}
	c.lines.MaxLine = c.producer.LargestLine()
	return nil
}

// newName returns the option that is there: name, or the deprecated one.
func newName(s *jopt.Set, name, deprecated string) string {
	if s.Has(deprecated) {
		return deprecated
	}
	return name
}

func (c *consoleProducer) readerProps() (map[string]string, error) {
	path, err := c.options.Value("reader-config")
	if err != nil {
		return nil, err
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	if props["topic"], err = c.options.Value("topic"); err != nil {
		return nil, err
	}
	maps.Copy(props, keyValues(c.options.Values(newName(c.options, "reader-property", "property"))))
	return props, nil
}

// producerOptionKeys says which property each option sets. The last of two for one key wins.
var producerOptionKeys = [][2]string{
	{"linger.ms", "timeout"},
	{"acks", "request-required-acks"},
	{"request.timeout.ms", "request-timeout-ms"},
	{"retries", "message-send-max-retries"},
	{"retry.backoff.ms", "retry-backoff-ms"},
	{"send.buffer.bytes", "socket-buffer-size"},
	{"buffer.memory", "max-memory-bytes"},
	{"batch.size", "batch-size"},
	{"batch.size", "max-partition-memory-bytes"},
	{"metadata.max.age.ms", "metadata-expiry-ms"},
	{"max.block.ms", "max-block-ms"},
}

func (c *consoleProducer) producerProps() (map[string]string, error) {
	s := c.options
	path, err := s.Value(newName(s, "command-config", "producer.config"))
	if err != nil {
		return nil, err
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	maps.Copy(props, keyValues(s.Values(newName(s, "command-property", "producer-property"))))
	if props["bootstrap.servers"], err = s.Value("bootstrap-server"); err != nil {
		return nil, err
	}
	props["compression.type"] = "none"
	if s.Has("compression-codec") {
		if props["compression.type"], err = s.Value("compression-codec"); err != nil {
			return nil, err
		}
		if props["compression.type"] == "" {
			props["compression.type"] = "gzip"
		}
	}
	if _, ok := props["client.id"]; !ok {
		props["client.id"] = "console-producer"
	}
	for _, row := range producerOptionKeys {
		if err := mergeOption(props, row[0], s, row[1]); err != nil {
			return nil, err
		}
	}
	return props, nil
}

// line is what one reading gave.
type line struct {
	record records.Record
	err    error
}

// read passes lines on until one fails or ctx ends. A read of a terminal cannot be called off, so on Ctrl+C the
// goroutine ends with the process.
func (c *consoleProducer) read(ctx context.Context, to chan<- line) {
	for {
		if c.prompt {
			c.printf(">")
		}
		record, err := c.lines.Next()
		select {
		case to <- line{record, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// interruptGrace is how long lines that were typed before Ctrl+C may take to find their topic.
const interruptGrace = 5 * time.Second

// outlive returns a context that ends grace after ctx does.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	kept, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return kept, func() { stop(); cancel() }
}

// send sends every line and returns the exit status. What was sent is flushed by the caller. Lines that were read when
// ctx ends are still sent, as far as kept allows.
func (c *consoleProducer) send(ctx, kept context.Context) int {
	lines := make(chan line, 64)
	go c.read(ctx, lines)
	for {
		var next line
		select {
		case next = <-lines:
		default:
			select {
			case <-ctx.Done():
				return exitInterrupted
			case next = <-lines:
			}
		}
		switch {
		case errors.Is(next.err, io.EOF):
			return exitOK
		case next.err != nil:
			c.trace(kafkaException(next.err))
			return exitFailed
		}
		if !c.options.Has("sync") {
			c.sendAsync(kept, next.record)
			continue
		}
		if err := c.producer.SendSync(kept, next.record); err != nil {
			if kept.Err() != nil {
				return exitInterrupted
			}
			c.trace(javaerr.Wrap("java.util.concurrent.ExecutionException", err))
			return exitFailed
		}
	}
}

// sendAsync logs what fails, as ErrorLoggingCallback.
func (c *consoleProducer) sendAsync(ctx context.Context, r records.Record) {
	size := func(b []byte, omitted int64) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%d bytes", int64(len(b))+omitted)
	}
	c.producer.Send(ctx, r, func(err error) {
		if err != nil && ctx.Err() == nil {
			c.log.Error(fmt.Sprintf("Error when sending message to topic %s with key: %s, value: %s with error:", r.Topic, size(r.Key, 0), size(r.Value, r.Omitted)),
				"class", "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback", "exception", err)
		}
	})
}

// isTerminal says whether a person sits at the other end of f, an input or an output.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
