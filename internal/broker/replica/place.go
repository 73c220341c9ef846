package replica

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
)

// AbsentDir is a configured log directory that could not be opened at the start.
// It stays off line until the node is restarted.
type AbsentDir struct {
	Path string
	ID   metadata.UUID // zero if not even that could be read
}

// copyAt is a partition that a directory held when it was opened.
type copyAt struct {
	dir *Dir
	id  metadata.TopicID // zero if it cannot be read
}

// place finds the directory for a partition's log: where its data are, or, for
// one without data, where the metadata or an administrator want it, or else the
// directory with the fewest partitions (LogManager.getOrCreateLog,
// Partition.createLogInAssignedDirectoryId).
//
// fresh says that the partition was made while this broker was watching, so that
// no directory can hold anything of it. Of any other one that is not found the
// data may be in a directory that is missing now, and an empty log in their
// place would be taken for them.
func (m *Manager) place(t *topic, index int32, mp *metadata.Partition, fresh bool) (*Dir, error) {
	name := log.Partition{Topic: t.name, Partition: index}
	assigned, _ := mp.Directory(m.opts.BrokerID)
	m.mu.Lock()
	defer m.mu.Unlock()
	copies := m.copiesOf(name, t.id)
	for _, c := range copies {
		if c.dir.ID == assigned {
			return c.dir, nil
		}
	}
	if len(copies) == 1 {
		return m.onlyCopy(name, copies[0].dir, assigned)
	}
	if len(copies) > 1 {
		return nil, fmt.Errorf("%s is in %s and in %s, and the controller knows of neither: move one of the two away: %w",
			name, copies[0].dir.Path(), copies[1].dir.Path(), kerr.KafkaStorageError)
	}
	if err := m.opts.ReadOnly; err != nil {
		return nil, fmt.Errorf("%s has no log, and none is made: %w", name, err)
	}
	if err := m.mayBeMade(name, mp, assigned, fresh); err != nil {
		return nil, err
	}
	if d := m.preferred[name]; d != nil && d.Failed() == nil {
		return d, nil
	}
	if d := m.dirByID(assigned); d != nil {
		return d, nil
	}
	if d := m.emptiest(); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("open %s: all log directories have failed: %w", name, kerr.KafkaStorageError)
}

// onlyCopy decides about a copy in another directory than the one that the
// controller knows. If that one is here, it has nothing: the copy is the
// partition, and a move of it was cut short. If it is not here, it may have the
// partition, and this may be what a move has left behind. The caller holds mu.
func (m *Manager) onlyCopy(name log.Partition, d *Dir, assigned metadata.UUID) (*Dir, error) {
	known := m.dirByID(assigned)
	if known != nil && known.Failed() == nil || metadata.ReservedUUID(assigned) || m.preferred[name] == d {
		return d, nil
	}
	return nil, fmt.Errorf("%s is in %s, but the controller knows it in log directory id %s, which is not here: bring that directory back, "+
		"or decide for this one by a move to it (AlterReplicaLogDirs): %w", name, d.Path(), assigned, kerr.KafkaStorageError)
}

// copiesOf lists the directories that hold a partition of this topic id. Failed
// ones count: nothing else may take their place. The caller holds mu.
func (m *Manager) copiesOf(name log.Partition, id metadata.TopicID) []copyAt {
	var out []copyAt
	for _, c := range m.stored[name] {
		if c.id == id || c.id.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

// mayBeMade returns an error if a partition that was not found must not be made
// anew. The caller holds mu.
//
// Deviation: Kafka makes a replica anew, and empty, in another directory if the
// one it is assigned to is no longer configured, even if this broker is in the
// ISR and thus expected to have all records. An empty mount point is enough.
func (m *Manager) mayBeMade(name log.Partition, mp *metadata.Partition, assigned metadata.UUID, fresh bool) error {
	d := m.dirByID(assigned)
	switch {
	case d != nil && d.Failed() != nil:
		return fmt.Errorf("%s is in log directory %s, which has failed: %w", name, d.Path(), kerr.KafkaStorageError)
	case fresh:
		return nil
	case len(m.opts.Absent) > 0:
		return fmt.Errorf("%s may be in log directory %s, which is off line: %w", name, m.opts.Absent[0].Path, kerr.KafkaStorageError)
	case m.preferred[name] != nil || d != nil || metadata.ReservedUUID(assigned) && assigned != metadata.DirLost:
		return nil
	case slices.Contains(mp.ISR, m.opts.BrokerID) || slices.Contains(mp.ELR, m.opts.BrokerID) || slices.Contains(mp.LastKnownELR, m.opts.BrokerID):
		return fmt.Errorf("%s was in log directory id %s, which is not among this node's: bring the directory back, "+
			"or give the partition up by moving it to another (AlterReplicaLogDirs): %w", name, assigned, kerr.KafkaStorageError)
	}
	return nil
}

func (m *Manager) dirByID(id metadata.UUID) *Dir {
	for i := range m.opts.Dirs {
		if m.opts.Dirs[i].ID == id {
			return &m.opts.Dirs[i]
		}
	}
	return nil
}

// dirOf gives the id-bearing directory of a log.
func (m *Manager) dirOf(l *log.Log) *Dir {
	for i := range m.opts.Dirs {
		if m.opts.Dirs[i].Dir == l.Dir() {
			return &m.opts.Dirs[i]
		}
	}
	return nil
}

// emptiest is the working directory with the fewest partitions
// (LogManager.nextLogDirs), nil if none works. The caller holds mu.
func (m *Manager) emptiest() *Dir {
	var best *Dir
	for i := range m.opts.Dirs {
		d := &m.opts.Dirs[i]
		if d.Failed() == nil && (best == nil || m.perDir[d.Dir] < m.perDir[best.Dir]) {
			best = d
		}
	}
	return best
}

// placed takes note of where a partition was opened, and moves other copies of
// it aside: a move between directories that a crash has cut short between its
// two renames, or a directory that was away for a while, leaves them.
func (m *Manager) placed(name log.Partition, id metadata.TopicID, d *Dir) error {
	m.mu.Lock()
	m.perDir[d.Dir]++
	delete(m.preferred, name)
	others := slices.DeleteFunc(m.copiesOf(name, id), func(c copyAt) bool { return c.dir == d })
	if m.opts.ReadOnly != nil {
		others = nil
	}
	rest := slices.DeleteFunc(m.stored[name], func(c copyAt) bool { return c.dir == d || slices.Contains(others, c) })
	if len(rest) == 0 {
		delete(m.stored, name)
	} else {
		m.stored[name] = rest
	}
	m.mu.Unlock()
	var failed []error
	for _, c := range others {
		m.opts.Logger.Warn("another copy of a partition is moved aside", "partition", name.String(), "path", c.dir.Path(), "used", d.Path())
		if err := c.dir.Quarantine(name); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// locate has the controller told where a partition is if the metadata say
// otherwise (ReplicaManager.maybeUpdateTopicAssignment).
func (m *Manager) locate(p *Partition, mp *metadata.Partition) {
	if mp == nil {
		return // its end is on its way
	}
	known, _ := mp.Directory(m.opts.BrokerID)
	if mv := m.moveOf(p.Name()); m.opts.Located == nil || m.opts.ReadOnly != nil || mv != nil && mv.to.ID == known {
		return // it is on its way there
	}
	if d := m.dirOf(p.Log()); d != nil && d.ID != known {
		m.opts.Located(p.TopicID, p.Index, d.ID, nil)
	}
}

// Quarantine moves aside what the directories held at the start and the image
// does not know: partitions whose topic was deleted while this broker was away.
// The image must be at least as new as this broker's registration. A read-only
// broker leaves everything in its place.
func (m *Manager) Quarantine(img *metadata.Image) error {
	if m.opts.ReadOnly != nil {
		return nil
	}
	type stray struct {
		name log.Partition
		dir  *Dir
	}
	var unknown []stray
	m.mu.Lock()
	for name, copies := range m.stored {
		if name.Topic == metadata.ClusterMetadataTopic {
			continue
		}
		t := img.Topic(name.Topic)
		known := func(c copyAt) bool {
			return t.Partition(name.Partition) != nil && (c.id == t.ID || c.id.IsZero())
		}
		for _, c := range copies {
			if !known(c) {
				unknown = append(unknown, stray{name, c.dir})
			}
		}
		if rest := slices.DeleteFunc(copies, func(c copyAt) bool { return !known(c) }); len(rest) == 0 {
			delete(m.stored, name)
		} else {
			m.stored[name] = rest
		}
	}
	abandoned := map[log.Partition][]copyAt{}
	for name, left := range m.intents {
		if !slices.ContainsFunc(left, func(c copyAt) bool { return img.TopicByID(c.id).Partition(name.Partition) != nil }) {
			abandoned[name] = left
			delete(m.intents, name)
		}
	}
	m.mu.Unlock()
	for name, left := range abandoned {
		for _, c := range left {
			m.dropIntent(name, c)
		}
	}
	var failed []error
	for _, s := range unknown {
		m.opts.Logger.Warn("partition of no known topic is moved aside", "partition", s.name.String(), "path", s.dir.Path())
		failed = append(failed, s.dir.Quarantine(s.name))
	}
	return errors.Join(failed...)
}
