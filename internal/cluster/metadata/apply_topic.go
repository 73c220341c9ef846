package metadata

import (
	"fmt"
	"slices"
)

// maxPartitionID bounds the partition ids that a record may name, so that a bad
// record cannot make the image reserve memory for billions of partitions.
const maxPartitionID = 1<<20 - 1

// topic gives a topic that this edit may write to.
func (e *edit) topic(id TopicID) (*Topic, error) {
	if t := e.fresh[id]; t != nil {
		return t, nil
	}
	old := e.img.TopicByID(id)
	if old == nil {
		return nil, fmt.Errorf("no topic with id %s", id)
	}
	t := &Topic{Name: old.Name, ID: old.ID, Partitions: slices.Clone(old.Partitions)}
	e.putTopic(t)
	return t, nil
}

func (e *edit) putTopic(t *Topic) {
	e.fresh[t.ID] = t
	e.img.topicsByID.put(e.owner, t.ID, t)
	e.img.topicsByName.put(e.owner, t.Name, t)
	e.touched.topics = append(e.touched.topics, t.ID)
}

func (e *edit) createTopic(r *TopicRecord) error {
	if t := e.img.Topic(r.Name); t != nil {
		return fmt.Errorf("topic %q exists with id %s", r.Name, t.ID)
	}
	if t := e.img.TopicByID(r.TopicID); t != nil {
		return fmt.Errorf("topic id %s is that of %q", r.TopicID, t.Name)
	}
	e.putTopic(&Topic{Name: r.Name, ID: r.TopicID})
	return nil
}

func (e *edit) removeTopic(r *RemoveTopicRecord) error {
	t := e.img.TopicByID(r.TopicID)
	if t == nil {
		return fmt.Errorf("no topic with id %s", r.TopicID)
	}
	for _, p := range t.Partitions {
		e.tally(p, nil)
	}
	delete(e.fresh, t.ID)
	e.img.topicsByID.remove(e.owner, t.ID)
	e.img.topicsByName.remove(e.owner, t.Name)
	e.touched.topics = append(e.touched.topics, t.ID)
	if resource := (ConfigResource{ResourceTopic, t.Name}); e.img.Configs(resource).Len() > 0 {
		e.putConfigs(resource, ConfigSet{})
	}
	return nil
}

func (e *edit) putPartition(r *PartitionRecord) error {
	t, err := e.topic(r.TopicID)
	if err != nil {
		return err
	}
	if r.PartitionID < 0 || r.PartitionID > maxPartitionID {
		return fmt.Errorf("partition %s-%d is out of range", t.Name, r.PartitionID)
	}
	for int(r.PartitionID) >= len(t.Partitions) {
		t.Partitions = append(t.Partitions, nil)
	}
	return e.setPartition(t, r.PartitionID, newPartition(r))
}

func (e *edit) changePartition(r *PartitionChangeRecord) error {
	t, err := e.topic(r.TopicID)
	if err != nil {
		return err
	}
	p := t.Partition(r.PartitionID)
	if p == nil {
		return fmt.Errorf("no partition %s-%d", t.Name, r.PartitionID)
	}
	return e.setPartition(t, r.PartitionID, p.merge(r))
}

func (e *edit) setPartition(t *Topic, index int32, p *Partition) error {
	if len(p.Directories) != len(p.Replicas) {
		return fmt.Errorf("partition %s-%d has %d replicas in %d directories",
			t.Name, index, len(p.Replicas), len(p.Directories))
	}
	e.tally(t.Partitions[index], p)
	t.Partitions[index] = p
	return nil
}

func (e *edit) clearElr(r *ClearElrRecord) error {
	if r.TopicName != "" {
		t := e.img.Topic(r.TopicName)
		if t == nil {
			return fmt.Errorf("no topic %q", r.TopicName)
		}
		return e.clearTopicElr(t)
	}
	// The walk is over the tree as it was: clearing writes to copies.
	all := *e.img
	e.owner = &owner{}
	for t := range all.AllTopics() {
		if err := e.clearTopicElr(t); err != nil {
			return err
		}
	}
	return nil
}

func (e *edit) clearTopicElr(t *Topic) error {
	for i, p := range t.Partitions {
		if p == nil || len(p.ELR) == 0 && len(p.LastKnownELR) == 0 {
			continue
		}
		change := NewPartitionChange(t.ID, int32(i))
		change.ELR, change.LastKnownELR = []int32{}, []int32{}
		if err := e.changePartition(change); err != nil {
			return err
		}
	}
	return nil
}

// tally moves the sums from one state of a partition to the next; nil stands
// for a partition that does not exist.
func (e *edit) tally(old, p *Partition) {
	s := &e.img.tallies
	count := func(p *Partition, n int) {
		if p == nil {
			return
		}
		s.partitions += n
		if !p.HasPreferredLeader() {
			s.imbalanced += n
		}
		if p.Reassigning() {
			s.reassigning += n
		}
	}
	count(old, -1)
	count(p, 1)
	if old != nil && p != nil && old.Leader == p.Leader {
		return
	}
	lead := func(p *Partition, n int) {
		if p == nil {
			return
		}
		was, _ := s.leaders.get(p.Leader)
		if was+n == 0 {
			s.leaders.remove(e.owner, p.Leader)
			return
		}
		s.leaders.put(e.owner, p.Leader, was+n)
	}
	lead(old, -1)
	lead(p, 1)
}

// checkHoles fails if a topic is left with a partition that has a greater index
// than one that is missing: readers index Partitions without a check.
func (e *edit) checkHoles() error {
	for _, id := range e.touched.topics {
		t := e.fresh[id]
		if t == nil {
			continue
		}
		if i := slices.Index(t.Partitions, nil); i >= 0 {
			return fmt.Errorf("%w: topic %q has %d partitions, but no partition %d", ErrReplay, t.Name, len(t.Partitions), i)
		}
	}
	return nil
}
