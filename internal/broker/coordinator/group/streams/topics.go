package streams

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Status is a reason for which a group cannot work yet, as StreamsGroupHeartbeat
// tells it (StreamsGroupHeartbeatResponse.Status).
type Status int8

// The statuses.
const (
	StaleTopology                Status = 0
	MissingSourceTopics          Status = 1
	IncorrectlyPartitionedTopics Status = 2
	MissingInternalTopics        Status = 3
	ShutdownApplication          Status = 4
	AssignmentDelayed            Status = 5
)

// TopicsError says what is wrong with the topics of a topology. The group waits
// until it has been put right.
type TopicsError struct {
	Status  Status
	Message string
}

// Error implements error.
func (e *TopicsError) Error() string { return e.Message }

// Configured is a topology with the cluster's topics.
type Configured struct {
	// Subtopologies are ready to be assigned, by id; nil unless the topics are
	// such that tasks can be made.
	Subtopologies []Subtopology
	// Missing are the internal topics that have to be created, by name.
	Missing []TopicInfo
	// Err says why there can be no assignment yet; nil if there can.
	Err *TopicsError
}

// Configure decides how many partitions and tasks a topology needs. partitions
// tells how many a topic has; ok is false for a topic that is not there. The
// error is STREAMS_INVALID_TOPOLOGY: such a topology will never work. As
// InternalTopicManager, RepartitionTopics, CopartitionedTopicsEnforcer and
// ChangelogTopics.
func Configure(t *Topology, partitions func(topic string) (n int32, ok bool)) (Configured, error) {
	d := deciding{topology: t, exists: partitions, decided: map[string]int32{}}
	if err := d.sources(); err != nil {
		return Configured{Err: err}, nil
	}
	if err := d.repartition(); err != nil {
		return Configured{}, err
	}
	if err := d.copartition(); err != nil {
		return Configured{Err: err}, nil
	}
	subtopologies, err := d.tasks()
	if err != nil {
		return Configured{}, err
	}
	missing, bad := d.missing()
	if bad != nil {
		return Configured{Err: bad}, nil
	}
	c := Configured{Subtopologies: subtopologies, Missing: missing}
	if len(missing) > 0 {
		names := make([]string, len(missing))
		for i := range missing {
			names[i] = missing[i].Name
		}
		c.Err = &TopicsError{MissingInternalTopics, "Internal topics are missing: " + summary(names)}
	}
	return c, nil
}

// deciding is a topology being configured.
type deciding struct {
	topology *Topology
	exists   func(topic string) (int32, bool)
	decided  map[string]int32 // partitions of internal topics
}

// count is the number of partitions that a topic has or is to have.
func (d *deciding) count(topic string) (int32, bool) {
	if n, ok := d.exists(topic); ok {
		return n, true
	}
	n, ok := d.decided[topic]
	return n, ok
}

func (d *deciding) sources() *TopicsError {
	missing := map[string]bool{}
	for i := range d.topology.Subtopologies {
		for _, topic := range d.topology.Subtopologies[i].SourceTopics {
			if _, ok := d.exists(topic); !ok {
				missing[topic] = true
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &TopicsError{MissingSourceTopics, "Source topics " + summary(slices.Sorted(maps.Keys(missing))) + " are missing."}
}

// repartition decides the partitions of topics between subtopologies: what the
// application says, else as many as the largest input of who writes the topic.
// What is written may be the input of the next, so this goes round until nothing
// is open.
func (d *deciding) repartition() error {
	parts := d.topology.Subtopologies
	for i := range parts {
		for _, info := range parts[i].RepartitionSourceTopics {
			if info.Partitions != 0 {
				d.decided[info.Name] = info.Partitions
			}
		}
	}
	for open := true; open; {
		open = false
		progress := false
		for i := range parts {
			for _, sink := range parts[i].RepartitionSinkTopics {
				if _, ok := d.decided[sink]; ok {
					continue
				}
				if n := d.widest(&parts[i]); n > 0 {
					d.decided[sink] = n
					progress = true
				} else {
					open = true
				}
			}
		}
		if open && !progress {
			return fmt.Errorf("the partitions of repartition topics cannot be decided, there may be a loop in the topology: %w", kerr.StreamsInvalidTopology)
		}
	}
	for i := range parts {
		for _, info := range parts[i].RepartitionSourceTopics {
			if _, ok := d.decided[info.Name]; !ok {
				return fmt.Errorf("nothing writes the repartition topic %s: %w", info.Name, kerr.StreamsInvalidTopology)
			}
		}
	}
	return nil
}

// widest is the most partitions that an input of a subtopology has, as far as
// it is known.
func (d *deciding) widest(p *Part) int32 {
	most := int32(0)
	for _, info := range p.RepartitionSourceTopics {
		most = max(most, d.decided[info.Name])
	}
	for _, topic := range p.SourceTopics {
		n, _ := d.exists(topic)
		most = max(most, n)
	}
	return most
}

// copartition gives the topics of each copartition group the same number of
// partitions, or finds that they cannot have it.
func (d *deciding) copartition() *TopicsError {
	for i := range d.topology.Subtopologies {
		p := &d.topology.Subtopologies[i]
		for _, g := range p.CopartitionGroups {
			if err := d.equalize(p, g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *deciding) equalize(p *Part, g CopartitionGroup) *TopicsError {
	given := map[string]int32{} // topics whose partitions are not ours to choose
	for _, i := range g.SourceTopics {
		given[p.SourceTopics[i]], _ = d.count(p.SourceTopics[i])
	}
	fixed := map[string]int32{}
	widest := int32(0)
	for _, i := range g.RepartitionSourceTopics {
		info := &p.RepartitionSourceTopics[i]
		n, _ := d.count(info.Name)
		widest = max(widest, n)
		if info.Partitions != 0 {
			fixed[info.Name] = n
		}
	}
	if len(given) == 0 {
		given = fixed
	}
	n, same := common(given)
	if !same {
		return &TopicsError{IncorrectlyPartitionedTopics, "Following topics do not have the same number of partitions: [" + listing(given) + "]"}
	}
	if len(given) == 0 {
		n = widest
	}
	for _, i := range g.RepartitionSourceTopics {
		name := p.RepartitionSourceTopics[i].Name
		if was, ok := fixed[name]; ok && was != n {
			return &TopicsError{IncorrectlyPartitionedTopics, fmt.Sprintf(
				"Number of partitions [%d] of repartition topic [%s] doesn't match number of partitions [%d] of the source topic.", was, name, n)}
		}
		d.decided[name] = n
	}
	return nil
}

// common is the one value of all topics.
func common(topics map[string]int32) (n int32, same bool) {
	first := true
	for _, m := range topics {
		if !first && m != n {
			return 0, false
		}
		n, first = m, false
	}
	return n, true
}

// tasks decides the tasks of the subtopologies and the partitions of their
// changelogs.
func (d *deciding) tasks() ([]Subtopology, error) {
	out := make([]Subtopology, 0, len(d.topology.Subtopologies))
	for i := range d.topology.Subtopologies {
		p := &d.topology.Subtopologies[i]
		n := int32(0)
		for _, topic := range p.SourceTopics {
			m, _ := d.count(topic)
			n = max(n, m)
		}
		for j := range p.RepartitionSourceTopics {
			m, _ := d.count(p.RepartitionSourceTopics[j].Name)
			n = max(n, m)
		}
		if n == 0 {
			return nil, fmt.Errorf("no source topics found for subtopology %s: %w", p.ID, kerr.StreamsInvalidTopology)
		}
		for j := range p.ChangelogTopics {
			d.decided[p.ChangelogTopics[j].Name] = n
		}
		out = append(out, Subtopology{ID: p.ID, Tasks: n, Stateful: len(p.ChangelogTopics) > 0})
	}
	return out, nil
}

// missing lists the internal topics that are not there, and finds those that are
// there with a wrong number of partitions.
func (d *deciding) missing() ([]TopicInfo, *TopicsError) {
	wanted := map[string]TopicInfo{}
	for i := range d.topology.Subtopologies {
		p := &d.topology.Subtopologies[i]
		for _, infos := range [][]TopicInfo{p.RepartitionSourceTopics, p.ChangelogTopics} {
			for _, info := range infos {
				if info.Partitions == 0 {
					info.Partitions = d.decided[info.Name]
				}
				wanted[info.Name] = info
			}
		}
	}
	var out []TopicInfo
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		info := wanted[name]
		switch n, ok := d.exists(name); {
		case !ok:
			out = append(out, info)
		case n != info.Partitions:
			return nil, &TopicsError{IncorrectlyPartitionedTopics, fmt.Sprintf(
				"Existing topic %s has different number of partitions: expected %d, found %d", name, info.Partitions, n)}
		}
	}
	return out, nil
}

// listing shows topics with their partitions as Java prints a map.
func listing(topics map[string]int32) string {
	out := make([]string, 0, len(topics))
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		out = append(out, fmt.Sprintf("%s=%d", name, topics[name]))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// summary names the first three.
func summary(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d additional topics", strings.Join(names[:most], ", "), len(names)-most)
}
