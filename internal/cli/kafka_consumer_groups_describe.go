package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/groups"
)

const missingColumn = "-"

// offsetRow is one partition of a group: what was committed and who reads it. As PartitionAssignmentState.
type offsetRow struct {
	Group         string `json:"group"`
	Topic         string `json:"topic"`
	Partition     int32  `json:"partition"`
	LeaderEpoch   *int32 `json:"leaderEpoch"`
	CurrentOffset *int64 `json:"currentOffset"`
	LogEndOffset  *int64 `json:"logEndOffset"`
	Lag           *int64 `json:"lag"`
	ConsumerID    string `json:"consumerId"`
	Host          string `json:"host"`
	ClientID      string `json:"clientId"`
}

// describe shows offsets, members or state of groups.
func (c *consumerGroups) describe(ctx context.Context) error {
	ids, err := c.groupNames(ctx)
	if err != nil {
		return err
	}
	found, errs := c.admin.Describe(ctx, ids)
	for _, g := range slices.Sorted(maps.Keys(errs)) {
		return execution(errs[g])
	}
	var all []groups.Description
	for _, g := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[g])
	}
	switch {
	case c.options.Has("members"):
		return c.describeMembers(all)
	case c.options.Has("state"):
		return c.describeStates(all)
	}
	return c.describeOffsets(ctx, all)
}

// present tells what a group's state means for what is to be shown, and whether its rows are to be shown. As
// ConsumerGroupService.shouldPrintMemberState.
func (c *consumerGroups) present(d groups.Description, rows int) (bool, error) {
	switch d.State {
	case "Dead":
		c.printError("Consumer group '" + d.Group + "' does not exist.")
	case "Empty":
		c.errorf("\nConsumer group '%s' has no active members.\n", d.Group)
	case "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling":
		c.errorf("\nWarning: Consumer group '%s' is rebalancing.\n", d.Group)
	case "Stable":
	default:
		return false, kafkaException(errors.New("Expected a valid consumer group state, but found '" + d.State + "'."))
	}
	return d.State != "Dead" && rows > 0, nil
}

func (c *consumerGroups) describeOffsets(ctx context.Context, all []groups.Description) error {
	perGroup := make([][]offsetRow, len(all))
	for i, d := range all {
		var err error
		if perGroup[i], err = c.offsetRows(ctx, d); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(slices.Concat(perGroup...))
	}
	for i, d := range all {
		show, err := c.present(d, len(perGroup[i]))
		if err != nil {
			return err
		}
		if show {
			c.printOffsets(perGroup[i])
		}
	}
	return nil
}

// offsetRows collects the rows of a group: the members with most partitions first, then partitions that nobody has.
func (c *consumerGroups) offsetRows(ctx context.Context, d groups.Description) ([]offsetRow, error) {
	committed, err := c.admin.CommittedOffsets(ctx, d.Group)
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	members := slices.DeleteFunc(slices.Clone(d.Members), func(m groups.Member) bool { return len(m.Assignment) == 0 })
	slices.SortStableFunc(members, func(a, b groups.Member) int { return len(b.Assignment) - len(a.Assignment) })
	var rows []offsetRow
	assigned := map[groups.Partition]bool{}
	for _, m := range members {
		for _, p := range m.Assignment {
			assigned[p] = true
		}
		of, err := c.partitionRows(ctx, d.Group, m.Assignment, committed, m)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	var unassigned []groups.Partition
	for p := range committed {
		if !assigned[p] {
			unassigned = append(unassigned, p)
		}
	}
	of, err := c.partitionRows(ctx, d.Group, unassigned, committed,
		groups.Member{ID: missingColumn, Host: missingColumn, ClientID: missingColumn})
	return append(rows, of...), err
}

func (c *consumerGroups) partitionRows(ctx context.Context, group string, of []groups.Partition, committed map[groups.Partition]groups.Committed, m groups.Member) ([]offsetRow, error) {
	if len(of) == 0 {
		return nil, nil
	}
	leaderless, err := c.leaderless(ctx, of)
	if err != nil {
		return nil, err
	}
	ends, err := c.admin.ListOffsets(ctx, slices.DeleteFunc(slices.Clone(of), func(p groups.Partition) bool { return slices.Contains(leaderless, p) }), groups.Latest)
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	of = slices.Clone(of)
	slices.SortFunc(of, groups.Partition.Compare)
	rows := make([]offsetRow, len(of))
	for i, p := range of {
		row := offsetRow{Group: group, Topic: p.Topic, Partition: p.ID, ConsumerID: m.ID, Host: m.Host, ClientID: m.ClientID}
		if at, ok := committed[p]; ok {
			row.CurrentOffset = &at.Offset
			if at.LeaderEpoch >= 0 {
				row.LeaderEpoch = &at.LeaderEpoch
			}
		}
		if end, ok := ends[p]; ok {
			row.LogEndOffset = &end
			if row.CurrentOffset != nil {
				lag := end - *row.CurrentOffset
				row.Lag = &lag
			}
		}
		rows[i] = row
	}
	return rows, nil
}

// leaderless returns those of partitions that have no leader.
func (c *consumerGroups) leaderless(ctx context.Context, of []groups.Partition) ([]groups.Partition, error) {
	found, err := c.topics(ctx, of)
	if err != nil {
		return nil, err
	}
	var out []groups.Partition
	for _, t := range found {
		out = append(out, t.Leaderless...)
	}
	return slices.DeleteFunc(out, func(p groups.Partition) bool { return !slices.Contains(of, p) }), nil
}

// topics describes the topics of partitions; one that does not exist is the error.
func (c *consumerGroups) topics(ctx context.Context, of []groups.Partition) (map[string]groups.TopicPartitions, error) {
	var topics []string
	for _, p := range of {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	found, errs, err := c.admin.DescribeTopics(ctx, slices.Compact(topics))
	if err == nil {
		for _, t := range slices.Sorted(maps.Keys(errs)) {
			err = errs[t]
			break
		}
	}
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	return found, nil
}

func number[N int32 | int64](n *N) string {
	if n == nil {
		return missingColumn
	}
	return strconv.FormatInt(int64(*n), 10)
}

func (c *consumerGroups) printOffsets(rows []offsetRow) {
	verbose := c.options.Has("verbose")
	group, topic, consumer, host := 15, 15, 15, 15
	for _, r := range rows {
		group, topic = max(group, len(r.Group)), max(topic, len(r.Topic))
		consumer, host = max(consumer, len(r.ConsumerID)), max(host, len(r.Host))
	}
	print := func(groupID, topicName, partition, epoch, current, end, lag, consumerID, hostName, clientID string) {
		c.printf("\n%-*s %-*s %-10s ", group, groupID, topic, topicName, partition)
		if verbose {
			c.printf("%-15s ", epoch)
		}
		c.printf("%-15s %-15s %-15s %-*s %-*s %s", current, end, lag, consumer, consumerID, host, hostName, clientID)
	}
	print("GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID")
	for _, r := range rows {
		print(r.Group, r.Topic, strconv.Itoa(int(r.Partition)), number(r.LeaderEpoch), number(r.CurrentOffset),
			number(r.LogEndOffset), number(r.Lag), r.ConsumerID, r.Host, r.ClientID)
	}
	c.printf("\n")
}

// stateRow is a group as --state shows it.
type stateRow struct {
	Group           string `json:"group"`
	Coordinator     string `json:"coordinator"`
	CoordinatorID   int32  `json:"coordinatorId"`
	Assignor        string `json:"assignmentStrategy"`
	State           string `json:"state"`
	Epoch           *int32 `json:"groupEpoch"`
	AssignmentEpoch *int32 `json:"targetAssignmentEpoch"`
	Members         int    `json:"members"`
}

func (c *consumerGroups) describeStates(all []groups.Description) error {
	rows := make([]stateRow, len(all))
	for i, d := range all {
		address := d.Coordinator.Host + ":" + strconv.Itoa(int(d.Coordinator.Port))
		rows[i] = stateRow{d.Group, address, d.Coordinator.ID, d.Assignor, d.State, d.Epoch, d.AssignmentEpoch, len(d.Members)}
	}
	if c.json {
		return c.printJSON(rows)
	}
	for i, d := range all {
		show, err := c.present(d, 1)
		if err != nil {
			return err
		}
		if show {
			c.printState(rows[i])
		}
	}
	return nil
}

func (c *consumerGroups) printState(r stateRow) {
	coordinator := r.Coordinator + "  (" + strconv.Itoa(int(r.CoordinatorID)) + ")"
	wide, group := max(25, len(coordinator)), max(15, len(r.Group))
	assignor := r.Assignor
	if assignor == "" {
		assignor = missingColumn
	}
	print := func(groupID, node, strategy, state, epoch, target, members string) {
		c.printf("\n%-*s %-*s %-20s %-20s ", group, groupID, wide, node, strategy, state)
		if c.options.Has("verbose") {
			c.printf("%-15s %-25s ", epoch, target)
		}
		c.printf("%s", members)
	}
	print("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS")
	print(r.Group, coordinator, assignor, r.State, number(r.Epoch), number(r.AssignmentEpoch), strconv.Itoa(r.Members))
	c.printf("\n")
}

// assignmentText is "topic:0,1;other:0", "-" for nothing.
func assignmentText(of []groups.Partition) string {
	var parts []string
	last := ""
	for _, p := range of {
		id := strconv.Itoa(int(p.ID))
		if len(parts) > 0 && last == p.Topic {
			parts[len(parts)-1] += "," + id
			continue
		}
		last = p.Topic
		parts = append(parts, p.Topic+":"+id)
	}
	if parts == nil {
		return missingColumn
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}
