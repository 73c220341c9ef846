package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
)

const consoleConsumerClass = "org.apache.kafka.tools.consumer.ConsoleConsumer"

// consoleConsumer is kafka-console-consumer: records become lines of stdout. As
// org.apache.kafka.tools.consumer.ConsoleConsumer.
type consoleConsumer struct {
	*tool
	settings  consoleConsumerSettings
	consumer  *records.Consumer
	stdout    *bufio.Writer
	processed int64
}

func kafkaConsoleConsumer(ctx context.Context, t *tool, args []string) int {
	parser := &jopt.Parser{Options: consoleConsumerOptions}
	options, err := parser.Parse(args)
	if err != nil {
		return t.uncaught(parser.Usage("%s", err))
	}
	if status, done := t.helpOrVersion(parser, options, args, "This tool helps to read data from Kafka topics and outputs it to standard output."); done {
		return status
	}
	settings, err := readConsoleConsumerSettings(t, parser, options)
	if plain, ok := errors.AsType[plainError](err); ok {
		fmt.Fprintln(t.err, plain)
		return exitFailed
	}
	if err != nil {
		return t.uncaught(err)
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that went away is an error of writing, reported below
	c := &consoleConsumer{tool: t, settings: settings, stdout: bufio.NewWriterSize(t.out, 64<<10)}
	if err := c.run(ctx); err != nil {
		t.log.Error("Unknown error when running consumer: ", "class", consoleConsumerClass, "exception", err)
		c.shutdownComplete()
		return exitFailed
	}
	c.shutdownComplete()
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitOK
}

// shutdownComplete tells system tests that it is over.
func (c *consoleConsumer) shutdownComplete() {
	if c.settings.systestEvents {
		c.printf("shutdown_complete\n")
	}
}

// run consumes and closes. Its error is one of setting up or of a formatter.
func (c *consoleConsumer) run(ctx context.Context) error {
	s := c.settings
	var err error
	o := records.ConsumerOptions{Props: s.props, Log: c.log, Assign: s.assign}
	switch {
	case s.assign != nil:
	case s.include != "":
		if o.Pattern, err = regexp.Compile(s.include); err != nil {
			return &javaerr.Exception{Class: "java.util.regex.PatternSyntaxException", Message: err.Error()}
		}
	default:
		o.Topics = []string{s.topic}
	}
	tip := func() {
		if p, ok := s.props["group.protocol"]; s.assign == nil && (!ok || strings.EqualFold(p, "classic")) {
			fmt.Fprintln(c.err, "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. See https://kafka.apache.org/documentation/#consumer_rebalance_protocol")
		}
	}
	o.Valid = tip
	limit, failed := s.maxMessages()
	if failed != nil {
		tip()
	} else { // else the client, which looks its topic up at once, might create it for nothing
		if c.consumer, err = records.NewConsumer(ctx, o); err != nil {
			return err
		}
	}
	if failed == nil {
		failed = c.process(ctx, limit)
	}
	if err := c.stdout.Flush(); err != nil {
		c.unwritable()
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second) // Java's close() waits as long
	defer cancel()
	if c.consumer != nil {
		if err := c.consumer.Close(closing); err != nil && failed == nil {
			c.log.Warn("The consumer could not commit or leave its group: "+err.Error(), "class", consoleConsumerClass)
		}
	}
	fmt.Fprintf(c.err, "Processed a total of %d messages\n", c.processed)
	return failed
}

// process receives and shows up to limit messages; -1 is no limit. What ends the receiving is logged, what a
// formatter cannot show is returned.
func (c *consoleConsumer) process(ctx context.Context, limit int64) error {
	for c.processed < limit || limit == -1 {
		batch, err := c.receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.log.Error("Error processing message, terminating consumer process: ", "class", consoleConsumerClass, "exception", err)
			}
			return nil
		}
		done := 0
		for i := range batch {
			if ctx.Err() != nil || (limit != -1 && c.processed >= limit) {
				break
			}
			c.processed++
			done++
			if err := c.show(&batch[i]); err != nil {
				c.consumer.Processed(done)
				return err
			}
		}
		c.consumer.Processed(done)
		if c.stdout.Flush() != nil {
			return nil // run reports it: the buffer keeps its error
		}
	}
	return nil
}

func (c *consoleConsumer) unwritable() {
	fmt.Fprintln(c.err, "Unable to write to standard out, closing consumer.")
}

// show formats one record. With --skip-message-on-error an error is logged and forgotten.
func (c *consoleConsumer) show(r *records.Record) error {
	err := c.settings.formatter.Format(c.stdout, r)
	if err == nil {
		return nil
	}
	if c.stdout.Flush() != nil {
		return nil // run reports it
	}
	if !c.settings.skipOnError {
		return err
	}
	c.log.Error("Error processing message, skipping this message: ", "class", consoleConsumerClass, "exception", err)
	return nil
}

// receive returns the next records, or Java's TimeoutException when none came within --timeout-ms.
func (c *consoleConsumer) receive(ctx context.Context) ([]records.Record, error) {
	within := ctx
	if limit := c.settings.timeout; limit != math.MaxInt64 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, max(limit, time.Millisecond))
		defer cancel()
	}
	for {
		batch, err := c.consumer.Poll(within)
		switch {
		case err != nil || len(batch) > 0:
			return batch, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case within.Err() != nil:
			return nil, &javaerr.Exception{Class: "org.apache.kafka.common.errors.TimeoutException"}
		}
	}
}

// plainError is printed alone on stderr.
type plainError string

func (e plainError) Error() string { return string(e) }
