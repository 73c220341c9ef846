package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cli/javatime"
	"github.com/headrace/headrace/internal/edge/groups"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

const offsetsUtilsClass = "org.apache.kafka.tools.OffsetsUtils"

// resetOffsets plans new offsets, sets them if it was told to, and shows them.
func (c *consumerGroups) resetOffsets(ctx context.Context) error {
	ids, err := c.groupNames(ctx)
	if err != nil {
		return err
	}
	found, errs := c.admin.Describe(ctx, ids)
	plans := map[string]offsetPlan{}
	for _, g := range slices.Sorted(slices.Values(ids)) {
		var e *javaerr.Exception
		if err := errs[g]; err != nil && (!errors.As(err, &e) || !strings.HasSuffix(e.Class, ".GroupIdNotFoundException")) {
			return runtimeException(execution(err))
		}
		if d, ok := found[g]; ok && d.State != "Empty" && d.State != "Dead" {
			c.printError(fmt.Sprintf("Assignments can only be reset if the group '%s' is inactive, but the current state is %s.", g, d.State))
			plans[g] = offsetPlan{}
			continue
		}
		if plans[g], err = c.resetGroup(ctx, g); err != nil {
			return err
		}
	}
	switch {
	case c.json:
		return c.printJSON(planRows(plans))
	case c.options.Has("export"):
		c.printf("%s\n", exportPlans(plans, len(c.options.Values("group")) == 1))
	default:
		c.printPlans(plans)
	}
	return nil
}

// resetGroup plans for one group and, with --execute, commits.
func (c *consumerGroups) resetGroup(ctx context.Context, group string) (offsetPlan, error) {
	partitions, err := c.resetScope(ctx, group)
	if err != nil {
		return nil, err
	}
	if err := c.checkPartitions(ctx, partitions); err != nil {
		return nil, err
	}
	plan, err := c.plan(ctx, group, partitions)
	if err != nil {
		return nil, err
	}
	if c.options.Has("execute") && !c.options.Has("dry-run") {
		err = c.admin.Commit(ctx, group, plan)
	}
	return plan, err
}

// resetScope returns the partitions that --all-topics or --topic names.
func (c *consumerGroups) resetScope(ctx context.Context, group string) ([]groups.Partition, error) {
	switch {
	case c.options.Has("all-topics"):
		committed, err := c.committed(ctx, group)
		return slices.SortedFunc(maps.Keys(committed), groups.Partition.Compare), err
	case c.options.Has("topic"):
		return c.topicArguments(ctx, c.options.Values("topic"))
	case !c.options.Has("from-file"):
		return nil, c.parser.Usage("One of the reset scopes should be defined: --all-topics, --topic.")
	}
	return nil, nil
}

func (c *consumerGroups) committed(ctx context.Context, group string) (map[groups.Partition]groups.Committed, error) {
	committed, err := c.admin.CommittedOffsets(ctx, group)
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	return committed, nil
}

// topicArguments reads "topic" and "topic:0,1" words.
func (c *consumerGroups) topicArguments(ctx context.Context, words []string) ([]groups.Partition, error) {
	var out []groups.Partition
	var whole []string
	for _, w := range words {
		if !strings.Contains(w, ":") {
			whole = append(whole, w)
			continue
		}
		partitions, err := parseTopicArgument(w)
		if err != nil {
			return nil, err
		}
		out = append(out, partitions...)
	}
	found, errs, err := c.admin.DescribeTopics(ctx, whole)
	if err != nil {
		return nil, err
	}
	for _, t := range slices.Sorted(maps.Keys(errs)) {
		return nil, errs[t]
	}
	for _, t := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[t].Partitions...)
	}
	return out, nil
}

// parseTopicArgument reads "topic:0,1".
func parseTopicArgument(word string) ([]groups.Partition, error) {
	pieces := strings.Split(strings.TrimRight(word, ":"), ":")
	if len(pieces) != 2 {
		return nil, illegalArgument("Invalid topic arg '%s', expected topic name and partitions", word)
	}
	var out []groups.Partition
	for text := range strings.SplitSeq(strings.TrimRight(pieces[1], ","), ",") {
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, illegalArgument("Invalid partition '%s' specified in topic arg '%s''", text, word)
		}
		out = append(out, groups.Partition{Topic: pieces[0], ID: int32(id)})
	}
	return out, nil
}

// checkPartitions makes sure that all partitions exist and have a leader.
func (c *consumerGroups) checkPartitions(ctx context.Context, of []groups.Partition) error {
	found, err := c.topics(ctx, of)
	if err != nil {
		return err
	}
	var absent, leaderless []string
	for _, p := range of {
		t := found[p.Topic]
		if !slices.Contains(t.Partitions, p) {
			absent = append(absent, partitionName(p))
		}
		if slices.Contains(t.Leaderless, p) {
			leaderless = append(leaderless, partitionName(p))
		}
	}
	if absent != nil {
		return javaerr.New("UnknownTopicOrPartitionException", "The partitions \"%s\" do not exist", strings.Join(absent, ","))
	}
	if leaderless != nil {
		return javaerr.New("LeaderNotAvailableException", "The partitions \"%s\" have no leader", strings.Join(leaderless, ","))
	}
	return nil
}

func partitionName(p groups.Partition) string { return p.Topic + "-" + strconv.Itoa(int(p.ID)) }

// plan computes the new offsets by the scenario on the command line.
func (c *consumerGroups) plan(ctx context.Context, group string, of []groups.Partition) (offsetPlan, error) {
	s := c.options
	switch {
	case s.Has("to-offset"):
		n, err := s.Int("to-offset")
		if err != nil {
			return nil, err
		}
		return c.inRange(ctx, constantPlan(of, n))
	case s.Has("to-earliest"):
		return c.boundary(ctx, of, groups.Earliest)
	case s.Has("to-latest"):
		return c.boundary(ctx, of, groups.Latest)
	case s.Has("shift-by"):
		return c.shift(ctx, group, of)
	case s.Has("to-datetime"):
		text, err := s.Value("to-datetime")
		if err != nil {
			return nil, err
		}
		at, err := javatime.ParseDateTime(text)
		if err != nil {
			return nil, runtimeException(&javaerr.Exception{Class: "java.text.ParseException", Message: err.Error()})
		}
		return c.atTime(ctx, of, at)
	case s.Has("by-duration"):
		text, err := s.Value("by-duration")
		if err != nil {
			return nil, err
		}
		d, err := javatime.ParseDuration(text)
		if err != nil {
			return nil, &javaerr.Exception{Class: "java.time.format.DateTimeParseException", Message: err.Error()}
		}
		return c.atTime(ctx, of, time.Now().Add(-d))
	case s.Has("from-file"):
		return c.fromFile(ctx, group)
	case s.Has("to-current"):
		return c.toCurrent(ctx, group, of)
	}
	return nil, c.parser.Usage("Option '[reset-offsets]' requires one of the following scenarios: [[%s]]", strings.Join(resetScenarios, "], ["))
}

// boundary is a plan that goes to the start or the end of the log.
func (c *consumerGroups) boundary(ctx context.Context, of []groups.Partition, which int64) (offsetPlan, error) {
	offsets, err := c.admin.ListOffsets(ctx, of, which)
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	return offsets, nil
}

// inRange moves planned offsets into the logs, with a warning for each.
func (c *consumerGroups) inRange(ctx context.Context, plan offsetPlan) (offsetPlan, error) {
	of := slices.SortedFunc(maps.Keys(plan), groups.Partition.Compare)
	starts, err := c.boundary(ctx, of, groups.Earliest)
	if err != nil {
		return nil, err
	}
	ends, err := c.boundary(ctx, of, groups.Latest)
	if err != nil {
		return nil, err
	}
	for _, p := range of {
		offset, side := clamp(plan[p], starts[p], ends[p])
		if side != "" {
			c.log.Warn(fmt.Sprintf("New offset (%d) is %s offset for topic partition %s. Value will be set to %d", plan[p], side, partitionName(p), offset), "class", offsetsUtilsClass)
		}
		plan[p] = offset
	}
	return plan, nil
}

func (c *consumerGroups) shift(ctx context.Context, group string, of []groups.Partition) (offsetPlan, error) {
	by, err := c.options.Int("shift-by")
	if err != nil {
		return nil, err
	}
	committed, err := c.committed(ctx, group)
	if err != nil {
		return nil, err
	}
	plan := offsetPlan{}
	for _, p := range of {
		at, ok := committed[p]
		if !ok {
			return nil, illegalArgument("Cannot shift offset for partition %s since there is no current committed offset", partitionName(p))
		}
		plan[p] = at.Offset + by
	}
	return c.inRange(ctx, plan)
}

// atTime plans the first record that is as late as at, or the end.
func (c *consumerGroups) atTime(ctx context.Context, of []groups.Partition, at time.Time) (offsetPlan, error) {
	plan, err := c.boundary(ctx, of, at.UnixMilli())
	if err != nil {
		return nil, err
	}
	var later []groups.Partition
	for _, p := range slices.SortedFunc(maps.Keys(plan), groups.Partition.Compare) {
		if plan[p] == -1 {
			later = append(later, p)
			c.printf("\nWarn: Partition %d from topic %s is empty. Falling back to latest known offset.\n", p.ID, p.Topic)
		}
	}
	ends, err := c.boundary(ctx, later, groups.Latest)
	maps.Copy(plan, ends)
	return plan, err
}

// toCurrent keeps what is committed and goes to the end where nothing is.
func (c *consumerGroups) toCurrent(ctx context.Context, group string, of []groups.Partition) (offsetPlan, error) {
	committed, err := c.committed(ctx, group)
	if err != nil {
		return nil, err
	}
	plan := offsetPlan{}
	var without []groups.Partition
	for _, p := range of {
		if at, ok := committed[p]; ok {
			plan[p] = at.Offset
			continue
		}
		without = append(without, p)
	}
	ends, err := c.boundary(ctx, without, groups.Latest)
	maps.Copy(plan, ends)
	return plan, err
}

// fromFile reads the plan of a file that --export has written.
func (c *consumerGroups) fromFile(ctx context.Context, group string) (offsetPlan, error) {
	path := c.options.Values("from-file")[0]
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, runtimeException(&javaerr.Exception{Class: "java.io.IOException", Message: "Unable to read file " + path, Cause: err})
	}
	plans, err := parsePlans(string(data), c.options.Values("group"))
	if err != nil {
		return nil, runtimeException(fmt.Errorf("%s: %w", path, err))
	}
	plan, ok := plans[group]
	if !ok {
		c.printError("No reset plan for group " + group + " found")
		return offsetPlan{}, nil
	}
	return c.inRange(ctx, plan)
}

func (c *consumerGroups) printPlans(plans map[string]offsetPlan) {
	group, topic := 15, 15
	rows := planRows(plans)
	for g := range plans {
		group = max(group, len(g))
	}
	for _, r := range rows {
		topic = max(topic, len(r.Topic))
	}
	if len(plans) > 0 {
		c.printf("\n%-*s %-*s %-10s %s", group, "GROUP", topic, "TOPIC", "PARTITION", "NEW-OFFSET")
	}
	for _, r := range rows {
		c.printf("\n%-*s %-*s %-10d %d", group, r.Group, topic, r.Topic, r.Partition, r.Offset)
	}
	c.printf("\n")
}

// deleteOffsets forgets committed offsets of topics or partitions.
func (c *consumerGroups) deleteOffsets(ctx context.Context) error {
	group, err := c.options.Value("group")
	if err != nil {
		return err
	}
	results := map[groups.Partition]error{} // partition -1 stands for a topic that cannot be described
	var of []groups.Partition
	var whole []string
	for _, w := range c.options.Values("topic") {
		if !strings.Contains(w, ":") {
			whole = append(whole, w)
			continue
		}
		partitions, err := parseTopicArgument(w)
		if err != nil {
			return err
		}
		of = append(of, partitions...)
	}
	found, errs, err := c.admin.DescribeTopics(ctx, whole)
	if err != nil {
		return execution(err)
	}
	for t, err := range errs {
		results[groups.Partition{Topic: t, ID: -1}] = err
	}
	for _, t := range found {
		of = append(of, t.Partitions...)
	}
	deleted, failed := c.admin.DeleteOffsets(ctx, group, of)
	for _, p := range of {
		results[p] = deleted[p]
		if failed != nil {
			results[p] = failed
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(of), groups.Partition.Compare) {
		if failed == nil {
			failed = results[p]
		}
	}
	c.printDeletedOffsets(group, failed, results)
	return nil
}

// partitionErrors are those that leave other partitions of the request alone.
var partitionErrors = []string{"GroupSubscribedToTopicException", "TopicAuthorizationException", "UnknownTopicOrPartitionException"}

// groupErrors are those that concern the group as a whole.
var groupErrors = []string{"InvalidGroupIdException", "GroupIdNotFoundException", "GroupAuthorizationException", "GroupNotEmptyException"}

func (c *consumerGroups) printDeletedOffsets(group string, failed error, results map[groups.Partition]error) {
	class := ""
	if failed != nil {
		class = javaerr.From(failed).Class
		class = class[strings.LastIndexByte(class, '.')+1:]
	}
	switch {
	case failed == nil:
		c.printf("Request succeeded for deleting offsets from group %s.\n", group)
	case slices.Contains(groupErrors, class):
		c.printError(javaerr.Message(javaerr.Coded(javaerr.CodeOf(failed), "")))
	case slices.Contains(partitionErrors, class):
		c.printError("Encountered some partition-level error, see the follow-up details.")
	default:
		c.printError("Encountered some unknown error: " + javaerr.Name(failed))
	}
	width := 15
	for p := range results {
		width = max(width, len(p.Topic))
	}
	c.printf("\n%-*s %-10s %-15s", width, "TOPIC", "PARTITION", "STATUS")
	order := slices.SortedFunc(maps.Keys(results), func(p, q groups.Partition) int {
		return strings.Compare(p.Topic+strconv.Itoa(int(p.ID)), q.Topic+strconv.Itoa(int(q.ID)))
	})
	for _, p := range order {
		id, status := strconv.Itoa(int(p.ID)), "Successful"
		if p.ID < 0 {
			id = missingColumn
		}
		if err := results[p]; err != nil {
			status = "Error: " + javaerr.From(err).Error()
		}
		c.printf("\n%-*s %-10s %-15s", width, p.Topic, id, status)
	}
	c.printf("\n")
}
