package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// topics is kafka-topics, as org.apache.kafka.tools.TopicCommand.
type topics struct {
	*tool
	parser  *jopt.Parser
	options *jopt.Set
	admin   *admin.Admin
	json    bool
}

var topicsActions = []struct {
	name string
	run  func(*topics, context.Context) error
}{
	{"create", (*topics).create},
	{"alter", (*topics).alter},
	{"list", (*topics).list},
	{"describe", (*topics).describe},
	{"delete", (*topics).delete},
}

func kafkaTopics(ctx context.Context, t *tool, args []string) int {
	c := &topics{tool: t, parser: &jopt.Parser{Options: topicsOptions}}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(c.parser.Usage("%s", err))
	}
	c.json = asJSON
	if c.options, err = c.parser.Parse(args); err != nil {
		return c.failed(err)
	}
	if len(args) == 0 {
		return t.uncaught(c.parser.Usage("Create, delete, describe, or change a topic."))
	}
	if status, done := t.helpOrVersion(c.parser, c.options, args, "This tool helps to create, delete, describe, or change a topic."); done {
		return status
	}
	if err := c.check(); err != nil {
		return c.failed(err)
	}
	if err := checkJSON(c.parser, c.options, c.json, "list", "describe"); err != nil {
		return c.failed(err)
	}
	if c.admin, err = connectAdmin(ctx, c.options, c.log); err != nil {
		return c.failed(err)
	}
	defer c.admin.Close()
	for _, action := range topicsActions {
		if !c.options.Has(action.name) {
			continue
		}
		if err := action.run(c, ctx); err != nil {
			if ctx.Err() != nil {
				return exitInterrupted
			}
			t.printf("Error while executing topic command : %s\n", messageOf(err))
			t.log.Error(console.StackTrace(err), "class", "org.apache.kafka.tools.TopicCommand")
			return exitFailed
		}
	}
	return exitOK
}

// failed tells of an error before the work began: with the help page if the command line is at fault, else message and
// exception.
func (c *topics) failed(err error) int {
	if errors.As(err, new(*jopt.UsageError)) {
		return c.uncaught(err)
	}
	c.errorf("%s\n%s\n", messageOf(err), console.StackTrace(err))
	return exitFailed
}

// check is TopicCommandOptions.checkArgs.
func (c *topics) check() error {
	p, s := c.parser, c.options
	actions := 0
	for _, a := range topicsActions {
		if s.Has(a.name) {
			actions++
		}
	}
	if actions != 1 {
		return p.Usage("Command must include exactly one action: --list, --describe, --create, --alter or --delete")
	}
	if s.Has("delete-config") {
		c.errorf("delete-config option is no longer supported and deprecated since version 4.0. The config will be fully removed in future releases.\n")
	}
	if !s.Has("bootstrap-server") {
		return illegalArgument("--bootstrap-server must be specified")
	}
	if s.Has("describe") && s.Has("if-exists") {
		if !s.Has("topic") && !s.Has("topic-id") {
			return p.Usage("--topic or --topic-id is required to describe a topic")
		}
		if s.Has("topic") && s.Has("topic-id") {
			c.printf("Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID\n")
		}
	}
	if !s.Has("list") && !s.Has("describe") {
		if err := p.CheckRequired(s, "topic"); err != nil {
			return err
		}
	}
	if s.Has("alter") {
		if err := p.CheckInvalidSet(s, []string{"config", "bootstrap-server"}, []string{"alter"}, alterTopicConfigsElsewhere); err != nil {
			return err
		}
		if err := p.CheckRequired(s, "partitions"); err != nil {
			return err
		}
	}
	return c.checkInvalid()
}

// actionsBut are the actions that are not among allowed.
func actionsBut(allowed ...string) []string {
	return slices.DeleteFunc([]string{"alter", "create", "describe", "list", "delete"}, func(a string) bool {
		return slices.Contains(allowed, a)
	})
}

// clash says that an option cannot go with any of others.
type clash struct {
	used   string
	others []string
}

func (c *topics) checkInvalid() error {
	reports := []string{"under-replicated-partitions", "under-min-isr-partitions", "at-min-isr-partitions", "unavailable-partitions"}
	rules := []clash{
		{"config", actionsBut("alter", "create")},
		{"partitions", actionsBut("alter", "create")},
		{"replication-factor", actionsBut("create")},
		{"replica-assignment", actionsBut("alter", "create")},
	}
	if c.options.Has("create") {
		rules = append(rules, clash{"replica-assignment", []string{"partitions", "replication-factor"}})
	}
	for _, r := range reports {
		rules = append(rules, clash{r, append(actionsBut("describe"), "topics-with-overrides")})
	}
	rules = append(rules,
		clash{"topics-with-overrides", append(actionsBut("describe"), reports...)},
		clash{"if-exists", actionsBut("alter", "delete", "describe")},
		clash{"if-not-exists", actionsBut("create")},
		clash{"exclude-internal", actionsBut("list", "describe")})
	for _, r := range rules {
		if err := c.parser.CheckInvalid(c.options, r.used, r.others...); err != nil {
			return err
		}
	}
	return nil
}

// connectAdmin makes an Admin from --command-config and --bootstrap-server, which warns through log.
func connectAdmin(ctx context.Context, s *jopt.Set, log *slog.Logger) (*admin.Admin, error) {
	path, err := s.Value("command-config")
	if err != nil {
		return nil, err
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	servers, err := s.Value("bootstrap-server")
	if err != nil {
		return nil, err
	}
	if servers != "" {
		props["bootstrap.servers"] = servers
	}
	return admin.New(ctx, props, log)
}

// spec is what --create and --alter say about the topic, as CommandTopicPartition.
func (c *topics) spec() (admin.NewTopic, error) {
	t := admin.NewTopic{Partitions: -1, Replicas: -1}
	var err error
	if t.Name, err = c.options.Value("topic"); err != nil {
		return t, err
	}
	partitions, err := c.options.Int("partitions")
	if err != nil {
		return t, err
	}
	factor, err := c.options.Int("replication-factor")
	if err != nil {
		return t, err
	}
	if c.options.Has("partitions") {
		t.Partitions = int32(partitions)
	}
	if c.options.Has("replication-factor") {
		t.Replicas = int16(max(min(factor, 1<<15-1), -1<<15)) // its bounds are checked by create
	}
	assignment, err := c.options.Value("replica-assignment")
	if err != nil {
		return t, err
	}
	if t.Assignment, err = parseReplicaAssignment(assignment); err != nil {
		return t, err
	}
	t.Configs, err = parseTopicConfigs(c.options.Values("config"))
	return t, err
}

// parseReplicaAssignment reads "1:2,2:3": brokers of partition 0, of partition 1.
func parseReplicaAssignment(text string) ([][]int32, error) {
	if text == "" {
		return nil, nil
	}
	var all [][]int32
	for i, part := range strings.Split(strings.TrimRight(text, ","), ",") {
		var brokers []int32
		var twice []string
		for word := range strings.SplitSeq(strings.TrimRight(part, ":"), ":") {
			word = strings.TrimSpace(word)
			id, err := strconv.ParseInt(word, 10, 32)
			if err != nil {
				return nil, &javaerr.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", word)}
			}
			if slices.Contains(brokers, int32(id)) && !slices.Contains(twice, word) {
				twice = append(twice, word)
			}
			brokers = append(brokers, int32(id))
		}
		if twice != nil {
			return nil, &javaerr.Exception{
				Class:   "org.apache.kafka.tools.AdminCommandFailedException",
				Message: "Partition replica lists may not contain duplicate entries: " + strings.Join(twice, ","),
			}
		}
		all = append(all, brokers)
		if len(brokers) != len(all[0]) {
			return nil, &javaerr.Exception{
				Class:   "org.apache.kafka.tools.AdminOperationException",
				Message: fmt.Sprintf("Partition %d has different replication factor: [%s]", i, joinIDs(brokers, ", ")),
			}
		}
	}
	return all, nil
}

var aroundEquals = regexp.MustCompile(`\s*=\s*`)

func parseTopicConfigs(words []string) (map[string]string, error) {
	configs := map[string]string{}
	for _, w := range words {
		pair := aroundEquals.Split(w, -1)
		for len(pair) > 0 && pair[len(pair)-1] == "" { // String.split leaves empty ends out
			pair = pair[:len(pair)-1]
		}
		if len(pair) != 2 {
			return nil, illegalArgument("requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".")
		}
		configs[strings.TrimSpace(pair[0])] = strings.TrimSpace(pair[1])
	}
	if err := config.ValidateTopicValues(configs); err != nil {
		class := "org.apache.kafka.common.config.ConfigException"
		if strings.HasPrefix(err.Error(), "Unknown") || strings.HasPrefix(err.Error(), "conflict") {
			class = "org.apache.kafka.common.errors.InvalidConfigurationException"
		}
		return nil, &javaerr.Exception{Class: class, Message: err.Error(), Cause: err}
	}
	return configs, nil
}

func (c *topics) create(ctx context.Context) error {
	t, err := c.spec()
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.Name, "_.") {
		c.printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. " +
			"To avoid issues it is best to use either, but not both.\n")
	}
	if factor, _ := c.options.Int("replication-factor"); c.options.Has("replication-factor") && (factor > 1<<15-1 || factor < 1) {
		return illegalArgument("The replication factor must be between 1 and 32767 inclusive")
	}
	if c.options.Has("partitions") && t.Partitions < 1 {
		return illegalArgument("The partitions must be greater than 0")
	}
	const topicAlreadyExists = 36
	err = c.admin.CreateTopic(ctx, t)
	if err != nil && (javaerr.CodeOf(err) != topicAlreadyExists || !c.options.Has("if-not-exists")) {
		return err
	}
	if err == nil {
		c.printf("Created topic %s.\n", t.Name)
	}
	return nil
}

// names are the topics that --topic, a regular expression, matches; all without it.
func (c *topics) names(ctx context.Context) ([]string, error) {
	filter, err := c.options.Value("topic")
	if err != nil {
		return nil, err
	}
	all, err := c.admin.Topics(ctx, true)
	if err != nil {
		return nil, err
	}
	keep := func(string) bool { return true }
	if c.options.Has("topic") {
		if keep, err = topicFilter(filter); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, t := range all {
		if keep(t.Name) && !(c.options.Has("exclude-internal") && t.Internal) {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// topicFilter is TopicFilter.IncludeList: an expression in which commas mean "or".
func topicFilter(raw string) (func(string) bool, error) {
	text := strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(raw), ",", "|"), " ", "")
	text = strings.Trim(text, `"'`)
	re, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, &javaerr.Exception{Class: "java.lang.RuntimeException", Message: text + " is an invalid regex.", Cause: err}
	}
	return re.MatchString, nil
}

// found complains if --topic matched nothing, unless --if-exists allows it.
func (c *topics) found(names []string) error {
	topic, err := c.options.Value("topic")
	if err != nil {
		return err
	}
	if len(names) == 0 && topic != "" && !c.options.Has("if-exists") {
		return illegalArgument("Topic '%s' does not exist as expected", topic)
	}
	return nil
}

func (c *topics) list(ctx context.Context) error {
	names, err := c.names(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(map[string]any{"topics": append([]string{}, names...)})
	}
	c.printf("%s\n", strings.Join(names, "\n"))
	return nil
}

func (c *topics) alter(ctx context.Context) error {
	t, err := c.spec()
	if err != nil {
		return err
	}
	names, err := c.names(ctx)
	if err != nil {
		return err
	}
	if err := c.found(names); err != nil {
		return err
	}
	for _, name := range names {
		assignment := t.Assignment
		if assignment != nil {
			have, err := c.admin.DescribeTopics(ctx, []string{name}, 2000)
			if err != nil {
				return err
			}
			assignment = assignment[min(len(assignment), len(have[0].Partitions)):]
		}
		if err := c.admin.CreatePartitions(ctx, name, t.Partitions, assignment); err != nil {
			return err
		}
	}
	return nil
}

func (c *topics) delete(ctx context.Context) error {
	names, err := c.names(ctx)
	if err != nil {
		return err
	}
	if err := c.found(names); err != nil {
		return err
	}
	return c.admin.DeleteTopics(ctx, names)
}
