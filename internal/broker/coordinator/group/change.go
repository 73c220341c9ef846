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
	// back takes back a change within a modern group.
	back func()
}

func (c *change) revert(s *Shard, o *op, err error) {
	if c.back != nil {
		c.back()
		return
	}
	if c.isOffset {
		s.putOffset(c.group, c.topic, c.partition, c.oldOffset)
		return
	}
	switch g := s.groups[c.group].(type) {
	case *classicGroup:
		s.dissolve(o, g, err)
	case *consumerGroup:
		s.stopTimers(g)
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
func (s *Shard) applyGroup(at int64, g group) {
	id := g.groupID()
	s.remember(change{at: at, group: id, oldGroup: s.groups[id]})
	s.groups[id] = g
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

// revive starts the clocks of groups that a failed append has brought back: they
// were stopped when the group changed its type or lost its members.
func (s *Shard) revive(o *op, id string) {
	switch g := s.groups[id].(type) {
	case *classicGroup:
		for _, m := range g.members {
			if !m.session.Armed() && !m.alive() {
				s.keepAlive(o, g, m)
			}
		}
		switch {
		case g.state == statePreparingRebalance && !g.joinTimer.Armed():
			s.rearm(o, g, g.rebalanceTimeout())
		case g.state == stateCompletingRebalance && len(g.pendingSync) > 0 && !g.syncTimer.Armed():
			s.timers.Set(&g.syncTimer, o.now.Add(g.rebalanceTimeout()))
		}
	case *consumerGroup:
		s.startTimers(o, g)
	}
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
