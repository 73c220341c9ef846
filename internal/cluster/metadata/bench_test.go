package metadata

import (
	"fmt"
	"testing"
)

// bigImage has n partitions on three brokers, ten to a topic.
func bigImage(tb testing.TB, n int) *Image {
	tb.Helper()
	records := make([]Record, 0, n+n/10)
	for i := range n {
		id := TopicID{byte(i / 10 >> 16), byte(i / 10 >> 8), byte(i / 10), 1}
		if i%10 == 0 {
			records = append(records, &TopicRecord{fmt.Sprintf("topic-%05d", i/10), id})
		}
		leader := int32(i % 3)
		replicas := []int32{leader, (leader + 1) % 3, (leader + 2) % 3}
		records = append(records, &PartitionRecord{
			TopicID: id, PartitionID: int32(i % 10), Replicas: replicas, ISR: replicas, Leader: leader,
			Directories: []UUID{{1}, {2}, {3}},
		})
	}
	m, err := Restore(records, Position{})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// BenchmarkApply is one change of one partition among 100,000.
func BenchmarkApply(b *testing.B) {
	m := bigImage(b, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		t := m.Topic(fmt.Sprintf("topic-%05d", i%10_000))
		r := NewPartitionChange(t.ID, int32(i%10))
		r.ISR = []int32{0}
		next, d, err := m.Apply([]Record{r}, Position{})
		if err != nil || len(d.Topics) != 1 {
			b.Fatal(err)
		}
		m = next
		i++
	}
}

// BenchmarkRestore decodes and replays a snapshot of 100,000 partitions.
func BenchmarkRestore(b *testing.B) {
	var encoded [][]byte
	for r := range bigImage(b, 100_000).Snapshot() {
		e, err := Append(nil, r)
		if err != nil {
			b.Fatal(err)
		}
		encoded = append(encoded, e)
	}
	b.ReportAllocs()
	for b.Loop() {
		records := make([]Record, len(encoded))
		for i, e := range encoded {
			r, err := Decode(e)
			if err != nil {
				b.Fatal(err)
			}
			records[i] = r
		}
		if _, err := Restore(records, Position{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompare compares two images of 100,000 partitions that differ in one.
func BenchmarkCompare(b *testing.B) {
	m := bigImage(b, 100_000)
	next, _ := mustApply(b, m, NewPartitionChange(m.Topic("topic-00007").ID, 3))
	b.ReportAllocs()
	for b.Loop() {
		if d := Compare(m, next); len(d.Topics) != 1 {
			b.Fatal(d.Topics)
		}
	}
}

// BenchmarkLookup finds a topic by name, and by id.
func BenchmarkLookup(b *testing.B) {
	m := bigImage(b, 100_000)
	id := m.Topic("topic-07777").ID
	b.Run("name", func(b *testing.B) {
		for b.Loop() {
			_ = m.Topic("topic-07777")
		}
	})
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			_ = m.TopicByID(id)
		}
	})
}

// TestApplyCopiesLittle bounds what one change of one partition allocates, at
// 100,000 partitions: paths in three trees, not the trees.
func TestApplyCopiesLittle(t *testing.T) {
	m := bigImage(t, 100_000)
	id := m.Topic("topic-07777").ID
	if allocs := testing.AllocsPerRun(100, func() {
		if _, _, err := m.Apply([]Record{NewPartitionChange(id, 3)}, Position{}); err != nil {
			t.Fatal(err)
		}
	}); allocs > 60 {
		t.Errorf("%v allocations, want at most 60", allocs)
	}
}
