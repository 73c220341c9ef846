package cli

import (
	"context"
	_ "embed" // the help page
	"maps"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
)

//go:embed help/kafka-verifiable-consumer.txt
var verifiableConsumerPage string

// verifiableConsumerParser has the arguments of kafka-verifiable-consumer, in the words of its --help.
var verifiableConsumerParser = &argparse.Parser{
	Prog:   "verifiable-consumer",
	Page:   verifiableConsumerPage,
	Groups: []argparse.Group{{Name: connectionGroup, Required: true}},
	Args: []argparse.Arg{
		{Name: "--bootstrap-server", Group: connectionGroup, Required: true},
		{Name: "--topic", Required: true},
		{Name: "--group-protocol", Default: "classic"},
		{Name: "--group-remote-assignor"},
		{Name: "--group-id", Required: true},
		{Name: "--group-instance-id"},
		{Name: "--max-messages", Kind: argparse.Int, Default: "-1"},
		{Name: "--session-timeout", Kind: argparse.Int},
		{Name: "--verbose", Kind: argparse.Flag},
		{Name: "--enable-autocommit", Kind: argparse.Flag},
		{Name: "--reset-policy", Default: "earliest"},
		{Name: "--assignment-strategy", Default: "org.apache.kafka.clients.consumer.RangeAssignor"},
		{Name: "--consumer.config"},
		{Name: "--command-config"},
	},
}

// verifiableConsumer is kafka-verifiable-consumer. As org.apache.kafka.tools.VerifiableConsumer.
type verifiableConsumer struct {
	*events
	args     *argparse.Values
	consumer *records.Consumer
	read     int64
}

func kafkaVerifiableConsumer(ctx context.Context, t *tool, args []string) int {
	v, props, status := t.verifiable(verifiableConsumerParser, args, "--consumer.config")
	if v == nil {
		return status
	}
	props, err := verifiableConsumerProps(v, props)
	if err != nil {
		return t.uncaught(err)
	}
	c := &verifiableConsumer{events: &events{tool: t}, args: v}
	c.consumer, err = records.NewConsumer(ctx, records.ConsumerOptions{
		Props: props, Log: t.log, Topics: []string{v.String("--topic")},
		AssignedWhich: func(p map[string][]int32) { c.partitions("partitions_assigned", p) },
		RevokedWhich:  func(p map[string][]int32) { c.partitions("partitions_revoked", p) },
		Valid:         func() { c.event("startup_complete", nil) },
	})
	if err != nil {
		return t.uncaught(err)
	}
	err = c.run(ctx)
	stopped := ctx.Err() != nil
	if stopped {
		c.event("shutdown_requested", nil)
	} else if err != nil {
		t.log.Error("Error during processing, terminating consumer process: ", "class", "org.apache.kafka.tools.VerifiableConsumer", "exception", err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	if err := c.consumer.Close(closing); err != nil {
		t.log.Error("Error during processing, terminating consumer process: ", "class", "org.apache.kafka.tools.VerifiableConsumer", "exception", javaerr.From(err))
	}
	c.event("shutdown_complete", nil)
	if stopped {
		return exitInterrupted
	}
	c.event("shutdown_requested", nil) // the original's shutdown hook comes after the end
	return exitOK
}

// verifiableConsumerProps is VerifiableConsumer.createFromArgs.
func verifiableConsumerProps(v *argparse.Values, props map[string]string) (map[string]string, error) {
	protocol := strings.ToUpper(v.String("--group-protocol"))
	own := map[string]string{
		"group.protocol": protocol, "group.id": v.String("--group-id"), "bootstrap.servers": v.String("--bootstrap-server"),
		"enable.auto.commit": "false", "auto.offset.reset": v.String("--reset-policy"),
	}
	switch protocol {
	case "CLASSIC":
		own["partition.assignment.strategy"] = v.String("--assignment-strategy")
	case "CONSUMER":
		if v.Has("--group-remote-assignor") {
			own["group.remote.assignor"] = v.String("--group-remote-assignor")
		}
	default:
		return nil, illegalArgument("No enum constant org.apache.kafka.clients.consumer.GroupProtocol.%s", protocol)
	}
	if v.Flag("--enable-autocommit") {
		own["enable.auto.commit"] = "true"
	}
	for argument, key := range map[string]string{"--session-timeout": "session.timeout.ms", "--group-instance-id": "group.instance.id"} {
		if v.Has(argument) {
			own[key] = v.String(argument)
		}
	}
	return client.Merge(props, own), nil
}

// partition is how events name one.
type partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

// partitions tells which come or go, in order.
func (c *verifiableConsumer) partitions(name string, which map[string][]int32) {
	if c.args.Long("--max-messages") == 0 {
		return // the original, which joins when it polls, does not get that far
	}
	list := []partition{}
	for _, topic := range slices.Sorted(maps.Keys(which)) {
		for _, id := range slices.Sorted(slices.Values(which[topic])) {
			list = append(list, partition{topic, id})
		}
	}
	c.event(name, struct {
		Partitions []partition `json:"partitions"`
	}{list})
}

// limit is how many records are still wanted; negative means all.
func (c *verifiableConsumer) limit() int64 {
	if limit := c.args.Long("--max-messages"); limit >= 0 {
		return limit - c.read
	}
	return -1
}

// run reads until there is enough or ctx ends.
func (c *verifiableConsumer) run(ctx context.Context) error {
	for c.limit() != 0 {
		batch, err := c.consumer.Poll(ctx)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(batch) == 0 {
			continue
		}
		if err := c.received(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// summary is what a poll returned of one partition.
type summary struct {
	partition
	Count     int64 `json:"count"`
	MinOffset int64 `json:"minOffset"`
	MaxOffset int64 `json:"maxOffset"`
}

// received tells of the records of a poll, up to the limit, and commits them.
func (c *verifiableConsumer) received(ctx context.Context, batch []records.Record) error {
	take := len(batch)
	if limit := c.limit(); limit >= 0 {
		take = int(min(int64(take), limit))
	}
	summaries := []summary{}
	for i := range batch[:take] {
		r := &batch[i]
		p := partition{r.Topic, r.Partition}
		at := slices.IndexFunc(summaries, func(s summary) bool { return s.partition == p })
		if at < 0 {
			at = len(summaries)
			summaries = append(summaries, summary{partition: p, MinOffset: r.Offset})
		}
		summaries[at].Count++
		summaries[at].MaxOffset = r.Offset
		if c.args.Flag("--verbose") {
			c.record(r)
		}
	}
	c.read += int64(take)
	c.event("records_consumed", struct {
		Count      int64     `json:"count"`
		Partitions []summary `json:"partitions"`
	}{int64(len(batch)), summaries})
	if c.args.Flag("--enable-autocommit") {
		c.consumer.Processed(take)
		return nil
	}
	return c.commit(ctx, take, summaries)
}

func (c *verifiableConsumer) record(r *records.Record) {
	c.event("record_data", struct {
		Key       *string `json:"key"`
		Value     *string `json:"value"`
		Topic     string  `json:"topic"`
		Partition int32   `json:"partition"`
		Offset    int64   `json:"offset"`
	}{text(r.Key), text(r.Value), r.Topic, r.Partition, r.Offset})
}

// commit commits the first n records of the last poll and tells how that went. It is not given up when the command is
// stopped: what has been told of is committed.
func (c *verifiableConsumer) commit(ctx context.Context, n int, summaries []summary) error {
	type offset struct {
		partition
		Offset int64 `json:"offset"`
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	err := c.consumer.Commit(within, n)
	if javaerr.Name(err) == "FENCED_INSTANCE_ID" {
		return err
	}
	offsets := []offset{}
	for _, s := range summaries {
		offsets = append(offsets, offset{s.partition, s.MaxOffset + 1})
	}
	told := struct {
		Offsets []offset `json:"offsets"`
		Error   string   `json:"error,omitempty"`
		Success bool     `json:"success"`
	}{Offsets: offsets, Success: err == nil}
	if err != nil {
		told.Error = javaerr.Message(err)
	}
	c.event("offsets_committed", told)
	return nil
}
