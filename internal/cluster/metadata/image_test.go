package metadata

import (
	"slices"
	"testing"
)

func TestApplyTopic(t *testing.T) {
	id := TopicID{1}
	a, d, err := Empty().Apply([]Record{
		&TopicRecord{Name: "a", TopicID: id},
		&PartitionRecord{TopicID: id, PartitionID: 0, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 1},
		&PartitionRecord{TopicID: id, PartitionID: 1, Replicas: []int32{2, 1}, ISR: []int32{2, 1}, Leader: 2},
	}, Position{Offset: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Topics) != 1 || d.Topics[0].Old != nil || !slices.Equal(d.Topics[0].Partitions, []int32{0, 1}) {
		t.Fatalf("delta %+v", d.Topics)
	}
	change := NewPartitionChange(id, 1)
	change.Leader, change.ISR = 1, []int32{1}
	b, d, err := a.Apply([]Record{change}, Position{Offset: 4})
	if err != nil {
		t.Fatal(err)
	}
	if p := b.Partition("a", 1); p.Leader != 1 || p.LeaderEpoch != 1 || p.PartitionEpoch != 1 || len(p.ISR) != 1 {
		t.Fatalf("partition %+v", p)
	}
	if p := a.Partition("a", 1); p.Leader != 2 || a.LeaderCount(1) != 1 || b.LeaderCount(1) != 2 || b.LeaderCount(2) != 0 {
		t.Fatalf("old image moved, or sums are wrong: %+v", p)
	}
	if len(d.Topics) != 1 || !slices.Equal(d.Topics[0].Partitions, []int32{1}) || b.ImbalancedCount() != 1 {
		t.Fatalf("delta %+v", d.Topics)
	}
	c, d, err := b.Apply([]Record{&RemoveTopicRecord{id}}, Position{Offset: 5})
	if err != nil {
		t.Fatal(err)
	}
	if c.NumTopics() != 0 || c.NumPartitions() != 0 || c.LeaderCount(1) != 0 || len(d.Topics) != 1 || d.Topics[0].New != nil {
		t.Fatalf("not removed: %+v", d)
	}
}
