package streams

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Topology is what an application of Kafka Streams is made of, as its clients
// send it and StreamsGroupTopologyValue keeps it.
type Topology struct {
	Epoch         int32
	Subtopologies []Part // by id
}

// Part is a subtopology.
type Part struct {
	ID string
	// SourceTopics are the topics of others that it reads.
	SourceTopics []string
	// SourceTopicRegex are patterns of such topics. Kafka 4.3 does not resolve
	// them, and neither do we.
	SourceTopicRegex []string
	// ChangelogTopics keep the state; there is none without state.
	ChangelogTopics []TopicInfo
	// RepartitionSinkTopics are internal topics that it writes.
	RepartitionSinkTopics []string
	// RepartitionSourceTopics are internal topics that it reads.
	RepartitionSourceTopics []TopicInfo
	// CopartitionGroups are sets of topics that need the same number of
	// partitions.
	CopartitionGroups []CopartitionGroup
}

// TopicInfo is an internal topic as the application wants it.
type TopicInfo struct {
	Name              string
	Partitions        int32 // 0: whatever is needed
	ReplicationFactor int16 // 0: the cluster's default
	Configs           []Config
}

// Config is a setting of a topic.
type Config struct{ Key, Value string }

// CopartitionGroup has indexes into the subtopology's lists.
type CopartitionGroup struct {
	SourceTopics            []int16
	SourceTopicRegex        []int16
	RepartitionSourceTopics []int16
}

// Check finds what no topology may be: INVALID_REQUEST for indexes that point
// nowhere, STREAMS_INVALID_TOPOLOGY for what cannot be told apart or has no
// input.
func (t *Topology) Check() error {
	seen := map[string]bool{}
	for i := range t.Subtopologies {
		p := &t.Subtopologies[i]
		if seen[p.ID] {
			return fmt.Errorf("subtopology %s is there twice: %w", p.ID, kerr.StreamsInvalidTopology)
		}
		seen[p.ID] = true
		for _, g := range p.CopartitionGroups {
			if !within(g.SourceTopics, len(p.SourceTopics)) || !within(g.SourceTopicRegex, len(p.SourceTopicRegex)) ||
				!within(g.RepartitionSourceTopics, len(p.RepartitionSourceTopics)) {
				return fmt.Errorf("subtopology %s has a copartition group of topics that it does not have: %w", p.ID, kerr.InvalidRequest)
			}
		}
	}
	return nil
}

func within(indexes []int16, n int) bool {
	return !slices.ContainsFunc(indexes, func(i int16) bool { return i < 0 || int(i) >= n })
}

// Topics names every topic that has to be there before the application can
// work, in order.
func (t *Topology) Topics() []string {
	names := map[string]bool{}
	for i := range t.Subtopologies {
		p := &t.Subtopologies[i]
		for _, n := range p.SourceTopics {
			names[n] = true
		}
		for _, infos := range [][]TopicInfo{p.RepartitionSourceTopics, p.ChangelogTopics} {
			for j := range infos {
				names[infos[j].Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
