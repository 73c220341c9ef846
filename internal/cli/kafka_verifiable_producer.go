package cli

import (
	"context"
	_ "embed" // the help page
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/cli/perf"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
	"github.com/headrace/headrace/internal/kafka/javanum"
)

// connectionGroup holds the one way to say where the brokers are.
const connectionGroup = "Connection Group"

//go:embed help/kafka-verifiable-producer.txt
var verifiableProducerPage string

// verifiableProducerParser has the arguments of kafka-verifiable-producer, in the words of its --help.
var verifiableProducerParser = &argparse.Parser{
	Prog:   "verifiable-producer",
	Page:   verifiableProducerPage,
	Groups: []argparse.Group{{Name: connectionGroup, Required: true}},
	Args: []argparse.Arg{
		{Name: "--topic", Required: true},
		{Name: "--bootstrap-server", Group: connectionGroup},
		{Name: "--max-messages", Kind: argparse.Int, Default: "-1"},
		{Name: "--throughput", Kind: argparse.Int, Default: "-1"},
		{Name: "--acks", Kind: argparse.Int, Default: "-1", Choices: []string{"0", "1", "-1"}},
		{Name: "--producer.config"},
		{Name: "--message-create-time", Kind: argparse.Long, Default: "-1"},
		{Name: "--value-prefix", Kind: argparse.Int},
		{Name: "--repeating-keys", Kind: argparse.Int},
		{Name: "--command-config"},
	},
}

// verifiableProducer is kafka-verifiable-producer. As org.apache.kafka.tools.VerifiableProducer.
type verifiableProducer struct {
	*events
	args     *argparse.Values
	producer *records.Producer
	topic    string
	sent     int64
	keys     int64

	mu struct {
		sync.Mutex
		acked int64
	}
}

func kafkaVerifiableProducer(ctx context.Context, t *tool, args []string) int {
	v, props, status := t.verifiable(verifiableProducerParser, args, "--producer.config")
	if v == nil {
		return status
	}
	props = client.Merge(map[string]string{"client.id": "producer-1", "acks": v.String("--acks"), "retries": "0", "bootstrap.servers": v.String("--bootstrap-server")}, props)
	p := &verifiableProducer{events: &events{tool: t}, args: v, topic: v.String("--topic")}
	var err error
	if p.producer, err = records.NewProducer(ctx, records.ProducerOptions{Props: props, Log: t.log, Stamped: v.Long("--message-create-time") != -1}); err != nil {
		return t.uncaught(err)
	}
	defer p.producer.Close()
	start := nowMs()
	p.event("startup_complete", nil)
	p.sendAll(ctx, perf.NewThrottle(float64(v.Long("--throughput")), start))
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	if err := p.producer.Flush(closing); err != nil {
		return t.uncaught(kafkaException(err))
	}
	p.event("shutdown_complete", nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	average := 1000 * float64(p.mu.acked) / float64(max(nowMs()-start, 1))
	p.event("tool_data", struct {
		Sent       int64       `json:"sent"`
		Acked      int64       `json:"acked"`
		Target     int64       `json:"target_throughput"`
		Throughput json.Number `json:"avg_throughput"`
	}{p.sent, p.mu.acked, v.Long("--throughput"), json.Number(javanum.Double(average))})
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitOK
}

// closePatience is how long a command that is stopped waits for what it has begun.
const closePatience = 30 * time.Second

// verifiable parses the command line of a verifiable client and reads its properties file, which --command-config or the
// deprecated argument names. Without values the command is over, with status.
func (t *tool) verifiable(p *argparse.Parser, args []string, deprecated string) (v *argparse.Values, props map[string]string, status int) {
	refuse := func(err error) (*argparse.Values, map[string]string, int) {
		t.errorf("%s", p.Report(err))
		return nil, nil, exitFailed
	}
	args, _, err := cutOutputJSON(args) // JSON is what these commands print anyway
	if err != nil {
		return refuse(&argparse.Error{Msg: err.Error()})
	}
	if len(args) == 0 {
		t.printf("%s", p.Help())
		return nil, nil, exitOK
	}
	v, err = p.Parse(args)
	switch {
	case errors.Is(err, argparse.ErrHelp):
		t.printf("%s", p.Help())
		return nil, nil, exitFailed // as the original, which treats the help screen as an error
	case err != nil:
		return refuse(err)
	case v.Has(deprecated) && v.Has("--command-config"):
		return refuse(&argparse.Error{Msg: fmt.Sprintf("Options %s and --command-config are mutually exclusive.", deprecated)})
	}
	path := v.String("--command-config")
	if v.Has(deprecated) {
		path = v.String(deprecated)
		t.printf("Option %s has been deprecated and will be removed in a future version. Use --command-config instead.\n", deprecated)
	}
	props, err = fileProperties(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(&argparse.Error{Msg: path})
	case err != nil:
		return refuse(&argparse.Error{Msg: javaerr.Message(err)})
	}
	return v, props, exitOK
}

func (p *verifiableProducer) sendAll(ctx context.Context, throttle *perf.Throttle) {
	limit := p.args.Long("--max-messages")
	at, started := p.args.Long("--message-create-time"), nowMs()
	for i := int64(0); (limit < 0 || i < limit) && ctx.Err() == nil; i++ {
		begin := nowMs()
		r := records.Record{Topic: p.topic, Key: p.nextKey(), Value: []byte(p.value(i))}
		if at != -1 {
			r.Timestamp = at
			at += begin - started
		}
		p.sent++
		p.producer.SendStamped(ctx, r, p.done)
		if pause := throttle.Pause(i, begin); pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(pause)):
			}
		}
	}
}

func (p *verifiableProducer) value(i int64) string {
	if !p.args.Has("--value-prefix") {
		return strconv.FormatInt(i, 10)
	}
	return fmt.Sprintf("%d.%d", p.args.Long("--value-prefix"), i)
}

// nextKey counts from 0 to --repeating-keys; null without it.
func (p *verifiableProducer) nextKey() []byte {
	if !p.args.Has("--repeating-keys") {
		return nil
	}
	key := strconv.AppendInt(nil, p.keys, 10)
	if p.keys++; p.keys == p.args.Long("--repeating-keys") {
		p.keys = 0
	}
	return key
}

// done tells what became of a record.
func (p *verifiableProducer) done(r records.Record, err error) {
	if err != nil {
		e := javaerr.From(err)
		p.event("producer_send_error", struct {
			Topic     string  `json:"topic"`
			Key       *string `json:"key"`
			Value     *string `json:"value"`
			Exception string  `json:"exception"`
			Message   string  `json:"message"`
		}{p.topic, text(r.Key), text(r.Value), "class " + e.Class, e.Message})
		return
	}
	p.mu.Lock()
	p.mu.acked++
	p.mu.Unlock()
	p.event("producer_send_success", struct {
		Key       *string `json:"key"`
		Value     *string `json:"value"`
		Offset    int64   `json:"offset"`
		Topic     string  `json:"topic"`
		Partition int32   `json:"partition"`
	}{text(r.Key), text(r.Value), r.Offset, r.Topic, r.Partition})
}

// text is bytes as a string, nil for null.
func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// events prints one object of JSON a line, as the verifiable clients do: the test framework of Kafka reads them. It may
// be used by several goroutines.
type events struct {
	*tool
	lines sync.Mutex
}

// event prints the time, the name, and then the fields of data, a struct or nil.
func (e *events) event(name string, data any) {
	type head struct {
		Timestamp int64  `json:"timestamp"`
		Name      string `json:"name"`
	}
	line := compact(head{nowMs(), name})
	if data != nil {
		line = line[:len(line)-1] + "," + compact(data)[1:]
	}
	e.lines.Lock()
	defer e.lines.Unlock()
	e.printf("%s\n", line)
}

// compact is v, which can be encoded, as one line of JSON in which < and > are themselves.
func compact(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf("{%q}", err) // no value of ours: structs of numbers and strings
	}
	return strings.TrimSuffix(b.String(), "\n")
}
