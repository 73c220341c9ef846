package group

import (
	"maps"
	"slices"
)

// change remembers how to take back one applied record.
type change struct {
	at    int64 // the record's offset
	group string
	// Of an offset: what stood there before. Of a group: who had the id.
	topic     string
	partition int32
	isOffset  bool
	oldOffset *offset
	oldGroup  group
}

func (c *change) revert(s *Shard, o *op, err error) {
	if c.isOffset {
		s.putOffset(c.group, c.topic, c.partition, c.oldOffset)
		return
	}
	if g, ok := s.groups[c.group].(*classicGroup); ok {
		s.dissolve(o, g, err)
	}
	if c.oldGroup == nil {
		delete(s.groups, c.group)
		return
	}
	s.groups[c.group] = c.oldGroup
}

// remember notes a change; committed ones (while loading) need no way back.
func (s *Shard) remember(c change) {
	if c.at >= s.committed {
		s.undo = append(s.undo, c)
	}
}

// applyGroup puts a loaded group in place.
func (s *Shard) applyGroup(at int64, g *classicGroup) {
	s.remember(change{at: at, group: g.id, oldGroup: s.groups[g.id]})
	s.groups[g.id] = g
}

// applyGroupTombstone removes a group. Its offsets have their own tombstones.
func (s *Shard) applyGroupTombstone(at int64, id string) {
	g := s.groups[id]
	if g == nil {
		return
	}
	s.remember(change{at: at, group: id, oldGroup: g})
	delete(s.groups, id)
}

func (s *Shard) emitGroupTombstone(o *op, id string) {
	o.res.Records = append(o.res.Records, groupTombstone(id))
	s.applyGroupTombstone(s.take(), id)
}

// take gives the offset of a record that has just been added to the Result.
func (s *Shard) take() int64 {
	at := s.next
	s.next++
	return at
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// trimFront drops the first n elements and keeps the array when little is left,
// so that the queue does not creep through memory.
func trimFront[T any](q []T, n int) []T {
	if n == 0 {
		return q
	}
	m := copy(q, q[n:])
	clear(q[m:])
	return q[:m]
}
