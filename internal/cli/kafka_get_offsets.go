package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

const topicPartitionPattern = "([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?"

// getOffsetsOptions are the options of kafka-get-offsets, in the words of its --help.
var getOffsetsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "HOST1:PORT1,...,HOST3:PORT3",
		Doc: "REQUIRED. The server(s) to connect to in the form HOST1:PORT1,HOST2:PORT2.",
	},
	{
		Names: []string{"topic-partitions"}, Arg: jopt.Required, ArgDoc: "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
		Doc: "Comma separated list of topic-partition patterns to get the offsets for, with the format of '" + topicPartitionPattern + "'. The first group is an optional regex for the topic name, if omitted, it matches any topic name. The section after ':' describes a 'partition' pattern, which can be: a number, a range in the format of 'NUMBER-NUMBER' (lower inclusive, upper exclusive), an inclusive lower bound in the format of 'NUMBER-', an exclusive upper bound in the format of '-NUMBER' or may be omitted to accept all partitions.",
	},
	{
		Names: []string{"topic"}, Arg: jopt.Required, ArgDoc: "topic",
		Doc: "The topic to get the offsets for. It also accepts a regular expression. If not present, all authorized topics are queried. Cannot be used if --topic-partitions is present.",
	},
	{
		Names: []string{"partitions"}, Arg: jopt.Required, ArgDoc: "partition ids",
		Doc: "Comma separated list of partition ids to get the offsets for. If not present, all partitions of the authorized topics are queried. Cannot be used if --topic-partitions is present.",
	},
	{
		Names: []string{"time"}, Arg: jopt.Required, Defaults: []string{"latest"},
		ArgDoc: "<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload",
		Doc:    "timestamp of the offsets before that. [Note: No offset is returned, if the timestamp greater than recently committed record timestamp is given.]",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "config file",
		Doc: "Property file containing configs to be passed to Admin Client.",
	},
	{Names: []string{"exclude-internal-topics"}, Doc: "By default, internal topics are included. If specified, internal topics are excluded."},
})

// offsetTimes are the times of --time that have a name.
var offsetTimes = map[string]int64{
	"latest": admin.Latest, "earliest": admin.Earliest, "max-timestamp": admin.MaxTimestamp,
	"earliest-local": admin.EarliestLocal, "latest-tiered": admin.LatestTiered,
	"earliest-pending-upload": admin.EarliestPendingUpload,
}

// getOffsets is kafka-get-offsets, as org.apache.kafka.tools.GetOffsetShell.
type getOffsets struct {
	*tool
	options *jopt.Set
	json    bool
}

func kafkaGetOffsets(ctx context.Context, t *tool, args []string) int {
	const about = "An interactive shell for getting topic-partition offsets."
	p := &jopt.Parser{Options: getOffsetsOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	if len(args) == 0 {
		return t.uncaught(p.Usage(about))
	}
	s, err := p.Parse(args)
	if err != nil {
		t.errorf("Error occurred: %s\n", err)
		return exitFailed
	}
	if status, done := t.helpOrVersion(p, s, args, about); done {
		return status
	}
	err = p.CheckRequired(s, "bootstrap-server")
	if err == nil {
		err = checkServers(p, s)
	}
	if err == nil {
		err = (&getOffsets{t, s, asJSON}).run(ctx)
	}
	return t.getOffsetsStatus(ctx, err)
}

func (t *tool) getOffsetsStatus(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(*jopt.UsageError)):
		return t.uncaught(err)
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, new(terse)):
		t.errorf("Error occurred: %s\n", err)
	default:
		t.errorf("Error occurred: %s\n%s\n", messageOf(err), console.StackTrace(err))
	}
	return exitFailed
}

// checkServers is ToolsUtils.validateBootstrapServer.
func checkServers(p *jopt.Parser, s *jopt.Set) error {
	list, err := s.Value("bootstrap-server")
	if err != nil {
		return err
	}
	if strings.TrimSpace(list) == "" {
		return p.Usage("Error while validating the bootstrap address\n")
	}
	for server := range strings.SplitSeq(list, ",") {
		if !serverPort.MatchString(server) {
			return p.Usage("Please provide valid host:port like host1:9091,host2:9092\n")
		}
	}
	return nil
}

// serverPort is what Utils.getPort finds a port in.
var serverPort = regexp.MustCompile(`^(?:[0-9a-zA-Z\-%._]*://)?\[?[0-9a-zA-Z\-%._:]*\]?:[0-9]+$`)

func (c *getOffsets) run(ctx context.Context) error {
	if c.options.Has("topic-partitions") && (c.options.Has("topic") || c.options.Has("partitions")) {
		return terse("--topic-partitions cannot be used with --topic or --partitions")
	}
	timestamp, err := c.timestamp()
	if err != nil {
		return err
	}
	filter, err := c.filter()
	if err != nil {
		return err
	}
	path, err := c.options.Value("command-config")
	if err != nil {
		return err
	}
	props, err := fileProperties(path)
	if err != nil {
		return err
	}
	servers, err := c.options.Value("bootstrap-server")
	if err != nil {
		return err
	}
	a, err := admin.New(ctx, client.Merge(props, map[string]string{"bootstrap.servers": servers, "client.id": "GetOffsetShell"}), c.log)
	if err != nil {
		return err
	}
	defer a.Close()
	partitions, err := c.partitions(ctx, a, filter)
	if err != nil {
		return err
	}
	found, err := a.ListOffsets(ctx, partitions, timestamp)
	if err != nil {
		return err
	}
	return c.print(partitions, found)
}

// timestamp reads --time.
func (c *getOffsets) timestamp() (int64, error) {
	text, err := c.options.Value("time")
	if err != nil {
		return 0, err
	}
	if at, ok := offsetTimes[text]; ok {
		return at, nil
	}
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, tersef("Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / "+
			"-5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp", text)
	}
	return at, nil
}

// partitionRule is one pattern of --topic-partitions, or what --topic and --partitions say together.
type partitionRule struct {
	topic     func(string) bool
	partition func(int32) bool
}

// filter reads which partitions are wanted: those that any rule lets pass.
func (c *getOffsets) filter() ([]partitionRule, error) {
	if c.options.Has("topic-partitions") {
		text, err := c.options.Value("topic-partitions")
		if err != nil {
			return nil, err
		}
		var rules []partitionRule
		for spec := range strings.SplitSeq(strings.TrimRight(text, ","), ",") {
			rule, err := parsePartitionRule(spec)
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
		return rules, nil
	}
	pattern := ".*"
	if c.options.Has("topic") {
		text, err := c.options.Value("topic")
		if err != nil {
			return nil, err
		}
		pattern = text
	}
	text, err := c.options.Value("partitions")
	if err != nil {
		return nil, err
	}
	topic, err := topicFilter(pattern)
	if err != nil {
		return nil, err
	}
	var ids []int32
	if text != "" {
		for word := range strings.SplitSeq(strings.TrimRight(text, ","), ",") {
			id, err := strconv.ParseInt(word, 10, 32)
			if err != nil {
				return nil, tersef("--partitions expects a comma separated list of numeric partition ids, but received: %s", text)
			}
			ids = append(ids, int32(id))
		}
	}
	return []partitionRule{{topic, func(id int32) bool { return ids == nil || slices.Contains(ids, id) }}}, nil
}

var partitionRuleForm = regexp.MustCompile("^" + topicPartitionPattern + "$")

// parsePartitionRule reads "topic:partitions".
func parsePartitionRule(spec string) (partitionRule, error) {
	m := partitionRuleForm.FindStringSubmatch(spec)
	if m == nil {
		return partitionRule{}, &javaerr.Exception{
			Class: "java.lang.RuntimeException", Message: "org.apache.kafka.tools.TerseException: Invalid rule specification: " + spec,
		}
	}
	topic, err := topicFilter(cmp.Or(m[1], ".*"))
	if err != nil {
		return partitionRule{}, err
	}
	number := func(text string, absent int32) int32 {
		if text == "" || err != nil {
			return absent
		}
		n, bad := strconv.ParseInt(text, 10, 32)
		if bad != nil {
			err = &javaerr.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", text)}
		}
		return int32(n)
	}
	const all = 1<<31 - 1
	if m[2] != "" {
		only := number(m[2], 0)
		return partitionRule{topic, func(id int32) bool { return id == only }}, err
	}
	from, to := number(m[3], 0), number(m[4], all)
	return partitionRule{topic, func(id int32) bool { return id >= from && id < to }}, err
}

// partitions are those of the cluster that a rule lets pass, in the order of print: by name and number as one text.
func (c *getOffsets) partitions(ctx context.Context, a *admin.Admin, rules []partitionRule) ([]admin.TopicPartition, error) {
	topics, err := a.Topics(ctx, !c.options.Has("exclude-internal-topics"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range topics {
		if slices.ContainsFunc(rules, func(r partitionRule) bool { return r.topic(t.Name) }) {
			names = append(names, t.Name)
		}
	}
	var found []admin.TopicPartition
	if names != nil {
		const page = 2000
		described, err := a.DescribeTopics(ctx, names, page)
		if err != nil {
			return nil, err
		}
		for _, t := range described {
			for _, p := range t.Partitions {
				if slices.ContainsFunc(rules, func(r partitionRule) bool { return r.topic(t.Name) && r.partition(p.ID) }) {
					found = append(found, admin.TopicPartition{Topic: t.Name, Partition: p.ID})
				}
			}
		}
	}
	if found == nil {
		return nil, terse("Could not match any topic-partitions with the specified filters")
	}
	slices.SortFunc(found, func(a, b admin.TopicPartition) int { return cmp.Compare(a.String(), b.String()) })
	return found, nil
}

func (c *getOffsets) print(partitions []admin.TopicPartition, found map[admin.TopicPartition]admin.Outcome) error {
	type row struct {
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    *int64 `json:"offset"` // null: no record is as late as that
		Error     string `json:"error,omitempty"`
	}
	rows := []row{}
	for _, tp := range partitions {
		o := found[tp]
		r := row{Topic: tp.Topic, Partition: tp.Partition}
		switch {
		case o.Err != nil:
			r.Error = o.Err.Error()
			c.errorf("Skip getting offsets for topic-partition %s due to error: %s\n", tp, o.Err)
		case o.Offset != admin.NoOffset:
			r.Offset = &o.Offset
			if !c.json {
				c.printf("%s:%d:%d\n", tp.Topic, tp.Partition, o.Offset)
			}
		}
		rows = append(rows, r)
	}
	if c.json {
		return c.printJSON(map[string]any{"offsets": rows})
	}
	return nil
}
