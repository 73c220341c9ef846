package group

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	noExpiry      int64 = -1 // an offset without a time of its own
	noOffset      int64 = -1
	noLeaderEpoch int32 = -1
)

// offset is a committed offset (Kafka's OffsetAndMetadata). It is never changed
// once it is stored.
type offset struct {
	at          int64 // offset of its own record in the log
	offset      int64
	leaderEpoch int32 // -1 if the client told none
	metadata    string
	commitMs    int64 // ms since the epoch
	expireMs    int64 // noExpiry, or set by OffsetCommit before version 5
	topicID     [16]byte
}

func offsetFromRecord(at int64, v *kmsg.OffsetCommitValue) offset {
	return offset{
		at:          at,
		offset:      v.Offset,
		leaderEpoch: v.LeaderEpoch,
		metadata:    v.Metadata,
		commitMs:    v.CommitTimestamp,
		expireMs:    v.ExpireTimestamp,
		topicID:     v.TopicID,
	}
}

// ofTopic says whether the offset was committed for this incarnation of the
// topic; a zero id on either side is unknown and matches.
func (o *offset) ofTopic(id [16]byte) bool {
	var zero [16]byte
	return o.topicID == zero || id == zero || o.topicID == id
}

// groupOffsets is one group's offsets by topic and partition.
type groupOffsets struct {
	topics map[string]map[int32]*offset
}

func (g *groupOffsets) get(topic string, partition int32) *offset {
	if g == nil {
		return nil
	}
	return g.topics[topic][partition]
}

func (g *groupOffsets) put(topic string, partition int32, o *offset) {
	t := g.topics[topic]
	if o == nil {
		if delete(t, partition); len(t) == 0 {
			delete(g.topics, topic)
		}
		return
	}
	if t == nil {
		t = map[int32]*offset{}
		g.topics[topic] = t
	}
	t[partition] = o
}

// sortedTopics and sortedPartitions give a repeatable order.
func (g *groupOffsets) sortedTopics() []string {
	if g == nil {
		return nil
	}
	return sortedKeys(g.topics)
}

func (g *groupOffsets) sortedPartitions(topic string) []int32 {
	return slices.Sorted(maps.Keys(g.topics[topic]))
}

func (g *groupOffsets) clone() *groupOffsets {
	c := &groupOffsets{topics: map[string]map[int32]*offset{}}
	if g == nil {
		return c
	}
	for _, t := range g.sortedTopics() {
		c.topics[t] = maps.Clone(g.topics[t])
	}
	return c
}

// putOffset stores an offset, or removes it if o is nil.
func (s *Shard) putOffset(group, topic string, partition int32, o *offset) {
	g := s.offsets[group]
	if g == nil {
		if o == nil {
			return
		}
		g = &groupOffsets{topics: map[string]map[int32]*offset{}}
		s.offsets[group] = g
	}
	if g.put(topic, partition, o); len(g.topics) == 0 {
		delete(s.offsets, group)
	}
}

// applyOffset applies an OffsetCommit record. A group that does not exist is
// made: a simple group, of a client that commits without being a member.
func (s *Shard) applyOffset(at int64, group, topic string, partition int32, o offset) {
	if s.groups[group] == nil {
		s.applyGroup(at, newClassicGroup(group, o.commitMs))
	}
	s.remember(change{
		at: at, group: group, topic: topic, partition: partition, isOffset: true,
		oldOffset: s.offsets[group].get(topic, partition),
	})
	s.putOffset(group, topic, partition, &o)
}

func (s *Shard) applyOffsetTombstone(at int64, group, topic string, partition int32) {
	old := s.offsets[group].get(topic, partition)
	if old == nil {
		return
	}
	s.remember(change{at: at, group: group, topic: topic, partition: partition, isOffset: true, oldOffset: old})
	s.putOffset(group, topic, partition, nil)
}

// emitOffset and emitOffsetTombstone decide a record and apply it.
func (s *Shard) emitOffset(o *op, group, topic string, partition int32, v offset) {
	o.res.Records = append(o.res.Records, offsetCommitRecord(group, topic, partition, v))
	v.at = s.take()
	s.applyOffset(v.at, group, topic, partition, v)
}

func (s *Shard) emitOffsetTombstone(o *op, group, topic string, partition int32) {
	o.res.Records = append(o.res.Records, offsetTombstone(group, topic, partition))
	s.applyOffsetTombstone(s.take(), group, topic, partition)
}

// committedOffsets is the group's offsets without what is not committed yet:
// what another coordinator would find after a failover, so that an answer is
// never taken back. Mostly that is the state itself; else a copy, on which the
// open changes are undone.
func (s *Shard) committedOffsets(group string) *groupOffsets {
	g, copied := s.offsets[group], false
	for i := len(s.undo) - 1; i >= 0; i-- {
		c := &s.undo[i]
		if !c.isOffset || c.group != group {
			continue
		}
		if !copied {
			g, copied = g.clone(), true
		}
		g.put(c.topic, c.partition, c.oldOffset)
	}
	return g
}
