package group

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// topics is a cluster for tests, which is replaced when it changes.
type topics struct {
	version, created int64
	list             []modern.Topic // by name
	racks            map[string][]string
	settings         ConsumerSettings
}

var _ Cluster = (*topics)(nil)

func (c *topics) Version() int64   { return c.version }
func (c *topics) CreatedAt() int64 { return c.created }

func (c *topics) Topic(name string) (modern.Topic, bool) {
	i := slices.IndexFunc(c.list, func(t modern.Topic) bool { return t.Name == name })
	if i < 0 {
		return modern.Topic{}, false
	}
	return c.list[i], true
}

func (c *topics) TopicByID(id uuid.TopicID) (modern.Topic, bool) {
	i := slices.IndexFunc(c.list, func(t modern.Topic) bool { return t.ID == id })
	if i < 0 {
		return modern.Topic{}, false
	}
	return c.list[i], true
}

func (c *topics) Racks(t modern.Topic, _ int32) []string { return slices.Clone(c.racks[t.Name]) }

func (c *topics) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range c.list {
			if !yield(t.Name) {
				return
			}
		}
	}
}

func (c *topics) ConsumerSettings(string) ConsumerSettings { return c.settings }

// with is the cluster after a topic got this number of partitions; with zero it
// is deleted. A topic that comes again has another id.
func (c *topics) with(name string, partitions int32) *topics {
	next := *c
	next.version++
	next.list = slices.Clone(c.list)
	i := slices.IndexFunc(next.list, func(t modern.Topic) bool { return t.Name == name })
	switch {
	case partitions == 0:
		next.list = slices.Delete(next.list, i, i+1)
	case i >= 0:
		next.list[i].Partitions, next.list[i].Token = partitions, next.version
	default:
		t := modern.Topic{Name: name, Partitions: partitions, Token: next.version}
		t.ID[0] = byte(next.version)
		next.list = append(next.list, t)
		next.created = next.version
	}
	return &next
}

func newTopics() *topics {
	s := DefaultConsumerSettings()
	s.AssignmentInterval = 0
	return &topics{settings: s}
}

// text prints what the group's records tell.
func (g *consumerGroup) text(b *strings.Builder, soft bool) {
	fmt.Fprintf(b, "group %s consumer %s epoch=%d hash=%x assignment=%d/%d\n", g.ID, g.State(), g.Epoch(), uint64(g.MetadataHash()), g.AssignmentEpoch(), g.AssignedAtMs())
	for _, regex := range g.AllResolved() {
		fmt.Fprintf(b, "  regex %s = %v at %d\n", regex, g.Resolution(regex).Topics, g.Resolution(regex).AtMs)
	}
	for _, m := range g.Members() {
		target, _ := g.Target(m.ID)
		fmt.Fprintf(b, "  member %s epoch=%d/%d state=%d instance=%s topics=%v regex=%q owns=%v revoking=%v target=%v",
			m.ID, m.Epoch, m.PreviousEpoch, m.State, str(m.InstanceID), m.Topics, m.Regex, epochs(m.Assigned), epochs(m.Revoking), numbered(target))
		if m.Classic != nil {
			fmt.Fprintf(b, " classic=%s", m.Protocol())
		}
		b.WriteByte('\n')
	}
	if soft && g.resolving {
		b.WriteString("  resolving\n")
	}
}

// epochs prints partitions with the epochs at which they were assigned.
func epochs(o consumer.Owned) string {
	var out []string
	for _, t := range o {
		var parts []string
		for i, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%d@%d", p, t.Epochs[i]))
		}
		out = append(out, fmt.Sprintf("#%d%v", t.Topic[0], parts))
	}
	return "[" + strings.Join(out, " ") + "]"
}

// check verifies what must hold of a consumer group at any time.
func (g *consumerGroup) check() error {
	owners := map[string]string{}
	for _, m := range g.Members() {
		for _, tp := range m.Holds() {
			for _, p := range tp.Partitions {
				key := fmt.Sprint(tp.Topic, "-", p)
				if o := owners[key]; o != "" {
					return fmt.Errorf("group %s: %s belongs to %s and %s", g.ID, key, o, m.ID)
				}
				owners[key] = m.ID
				if g.Free(tp.Topic, p) {
					return fmt.Errorf("group %s: %s belongs to %s and counts as free", g.ID, key, m.ID)
				}
			}
		}
		if m.Epoch > g.Epoch() {
			return fmt.Errorf("group %s: member %s is at epoch %d of %d", g.ID, m.ID, m.Epoch, g.Epoch())
		}
		if t := g.timers[m.ID]; t == nil || !t.clocks[sessionExpired].Armed() {
			return fmt.Errorf("group %s: member %s can never expire", g.ID, m.ID)
		}
		if m.State == modern.UnrevokedPartitions && m.Classic == nil && !g.timers[m.ID].clocks[rebalanceExpired].Armed() {
			return fmt.Errorf("group %s: member %s may take for ever to give up partitions", g.ID, m.ID)
		}
		if i := m.InstanceID; i != nil && g.Static(i) != m {
			return fmt.Errorf("group %s: instance %s does not lead to member %s", g.ID, *i, m.ID)
		}
	}
	if g.AssignmentEpoch() > g.Epoch() {
		return fmt.Errorf("group %s: assigned for epoch %d of %d", g.ID, g.AssignmentEpoch(), g.Epoch())
	}
	return nil
}
