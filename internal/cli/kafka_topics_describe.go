package cli

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
)

// topicReport is what --describe knows of one topic.
type topicReport struct {
	admin.Topic
	configs   []admin.ConfigEntry // in the order of print
	moves     map[int32]admin.Reassignment
	minISR    int
	overrides bool // a value differs from the broker's default
}

func (c *topics) describe(ctx context.Context) error {
	described, err := c.described(ctx)
	if err != nil {
		return err
	}
	reports, err := c.reports(ctx, described)
	if err != nil {
		return err
	}
	nodes, err := c.admin.Nodes(ctx)
	if err != nil {
		return err
	}
	var live []int32
	for _, n := range nodes {
		live = append(live, n.ID)
	}
	if c.json {
		return c.describeJSON(reports, live)
	}
	for _, r := range reports {
		if !c.reportsPartitions() && (!c.options.Has("topics-with-overrides") || r.overrides) {
			c.printTopic(r)
		}
		if c.options.Has("topics-with-overrides") {
			continue
		}
		for _, p := range r.Partitions {
			if c.wanted(r, p, live) {
				c.printPartition(r, p)
			}
		}
	}
	return nil
}

// described are the topics that --topic-id or --topic names.
func (c *topics) described(ctx context.Context) ([]admin.Topic, error) {
	text, err := c.options.Value("topic-id")
	if err != nil {
		return nil, err
	}
	id, err := javaUUID(text)
	if err != nil {
		return nil, err
	}
	if id != (admin.ID{}) {
		return c.describedByID(ctx, id)
	}
	names, err := c.names(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.found(names); err != nil {
		return nil, err
	}
	limit := int64(2000)
	if c.options.Has("partition-size-limit-per-response") {
		if limit, err = c.options.Int("partition-size-limit-per-response"); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	found, err := c.admin.DescribeTopics(ctx, names, int32(limit))
	if err != nil {
		return nil, err
	}
	order := javaMapOrder(names, len(names))
	slices.SortStableFunc(found, func(a, b admin.Topic) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return found, nil
}

func (c *topics) describedByID(ctx context.Context, id admin.ID) ([]admin.Topic, error) {
	all, err := c.admin.Topics(ctx, !c.options.Has("exclude-internal"))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(t admin.Topic) bool { return t.ID == id }) {
		if c.options.Has("if-exists") {
			return nil, nil
		}
		return nil, illegalArgument("TopicId '%s' does not exist as expected", id)
	}
	t, err := c.admin.DescribeTopicID(ctx, id)
	return []admin.Topic{t}, err
}

// javaUUID is Uuid.fromString; empty gives the zero id.
func javaUUID(text string) (admin.ID, error) {
	var id admin.ID
	if text == "" {
		return id, nil
	}
	if len(text) > 24 {
		return id, illegalArgument("Input string with prefix `%s` is too long to be decoded as a base64 UUID", text[:24])
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return id, illegalArgument("Illegal base64 character in the topic id %s", text)
	}
	if len(b) != len(id) {
		return id, illegalArgument("Input string `%s` decoded as %d bytes, which is not equal to the expected 16 bytes "+
			"of a base64-encoded UUID", text, len(b))
	}
	return admin.ID(b), nil
}

// reports adds configs and moves to topics.
func (c *topics) reports(ctx context.Context, described []admin.Topic) ([]topicReport, error) {
	var resources []admin.Resource
	for _, t := range described {
		resources = append(resources, admin.Resource{Type: config.Topic, Name: t.Name})
	}
	configs, err := c.admin.DescribeConfigs(ctx, resources...)
	if err != nil {
		return nil, err
	}
	moves, err := c.admin.Reassignments(ctx, described)
	if err != nil {
		return nil, err
	}
	var reports []topicReport
	for _, t := range described {
		r := topicReport{Topic: t, moves: moves[t.Name]}
		entries := configs[admin.Resource{Type: config.Topic, Name: t.Name}]
		byName := map[string]admin.ConfigEntry{}
		var names []string
		for _, e := range entries {
			byName[e.Name] = e
			names = append(names, e.Name)
			if !e.IsDefault() {
				r.overrides = true
			}
			if e.Name == "min.insync.replicas" && e.Value != nil {
				if r.minISR, err = strconv.Atoi(*e.Value); err != nil {
					return nil, err
				}
			}
		}
		for _, n := range javaMapOrder(names, javaMapCapacity) {
			r.configs = append(r.configs, byName[n])
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// reportsPartitions says whether only partitions in a certain state are wanted.
func (c *topics) reportsPartitions() bool {
	return slices.ContainsFunc([]string{
		"unavailable-partitions", "under-replicated-partitions", "under-min-isr-partitions",
		"at-min-isr-partitions",
	}, c.options.Has)
}

func (c *topics) wanted(r topicReport, p admin.Partition, live []int32) bool {
	switch s := c.options; {
	case !c.reportsPartitions():
		return true
	case s.Has("under-replicated-partitions") && r.replicationFactor(p) > len(p.ISR),
		s.Has("unavailable-partitions") && (p.Leader < 0 || !slices.Contains(live, p.Leader)),
		s.Has("under-min-isr-partitions") && (p.Leader < 0 || len(p.ISR) < r.minISR),
		s.Has("at-min-isr-partitions") && len(p.ISR) == r.minISR:
		return true
	}
	return false
}

// replicationFactor counts no replica that is only being added.
func (r topicReport) replicationFactor(p admin.Partition) int {
	m, ok := r.moves[p.ID]
	moving := ok && slices.ContainsFunc(p.Replicas, func(id int32) bool {
		return slices.Contains(m.Adding, id) || slices.Contains(m.Removing, id)
	})
	if moving {
		return len(m.Replicas) - len(m.Adding)
	}
	return len(p.Replicas)
}

func (c *topics) printTopic(r topicReport) {
	c.printf("Topic: %s", r.Name)
	if r.ID != (admin.ID{}) {
		c.printf("\tTopicId: %s", r.ID)
	}
	c.printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: %s\n", len(r.Partitions), r.replicationFactor(r.Partitions[0]),
		strings.Join(r.settings(), ","))
}

// settings are the configs that somebody has set, as name=value.
func (r topicReport) settings() []string {
	var words []string
	for _, e := range r.configs {
		if e.IsDefault() {
			continue
		}
		value := "null"
		if e.Value != nil {
			value = *e.Value
		}
		words = append(words, e.Name+"="+value)
	}
	return words
}

func (c *topics) printPartition(r topicReport, p admin.Partition) {
	leader := "none"
	if p.Leader >= 0 {
		leader = strconv.Itoa(int(p.Leader))
	}
	c.printf("\tTopic: %s\tPartition: %d\tLeader: %s\tReplicas: %s\tIsr: %s", r.Name, p.ID, leader, joinIDs(p.Replicas, ","), joinIDs(p.ISR, ","))
	if m, ok := r.moves[p.ID]; ok {
		c.printf("\tAdding Replicas: %s\tRemoving Replicas: %s", joinIDs(m.Adding, ","), joinIDs(m.Removing, ","))
	}
	if !p.HasELR {
		c.printf("\tElr: N/A\tLastKnownElr: N/A\n")
		return
	}
	c.printf("\tElr: %s\tLastKnownElr: %s\n", joinIDs(p.ELR, ","), joinIDs(p.LastKnownELR, ","))
}

func joinIDs(ids []int32, separator string) string {
	var words []string
	for _, id := range ids {
		words = append(words, strconv.Itoa(int(id)))
	}
	return strings.Join(words, separator)
}

func (c *topics) describeJSON(reports []topicReport, live []int32) error {
	type partition struct {
		Partition    int32   `json:"partition"`
		Leader       *int32  `json:"leader"`
		Replicas     []int32 `json:"replicas"`
		ISR          []int32 `json:"isr"`
		Adding       []int32 `json:"addingReplicas,omitempty"`
		Removing     []int32 `json:"removingReplicas,omitempty"`
		ELR          []int32 `json:"elr,omitempty"`
		LastKnownELR []int32 `json:"lastKnownElr,omitempty"`
	}
	type topic struct {
		Topic             string            `json:"topic"`
		TopicID           string            `json:"topicId"`
		PartitionCount    int               `json:"partitionCount"`
		ReplicationFactor int               `json:"replicationFactor"`
		Configs           map[string]string `json:"configs"`
		Partitions        []partition       `json:"partitions"`
	}
	list := []topic{}
	for _, r := range reports {
		if c.options.Has("topics-with-overrides") && !r.overrides {
			continue
		}
		t := topic{
			Topic: r.Name, TopicID: r.ID.String(), PartitionCount: len(r.Partitions),
			ReplicationFactor: r.replicationFactor(r.Partitions[0]), Configs: keyValues(r.settings()), Partitions: []partition{},
		}
		for _, p := range r.Partitions {
			if !c.wanted(r, p, live) || c.options.Has("topics-with-overrides") {
				continue
			}
			m := r.moves[p.ID]
			row := partition{p.ID, nil, p.Replicas, p.ISR, m.Adding, m.Removing, p.ELR, p.LastKnownELR}
			if p.Leader >= 0 {
				row.Leader = &p.Leader
			}
			t.Partitions = append(t.Partitions, row)
		}
		if !c.reportsPartitions() || len(t.Partitions) > 0 {
			list = append(list, t)
		}
	}
	return c.printJSON(map[string]any{"topics": list})
}
