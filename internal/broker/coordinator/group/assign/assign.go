// Package assign computes target assignments of the groups whose members do
// not assign themselves: consumer groups (uniform, range) and share groups
// (simple). It is pure: subscriptions and the assignment so far in, the next
// one out, the same for the same input. As Kafka's package
// org.apache.kafka.coordinator.group.assignor.
//
// Inside, partitions are numbered in one row over all subscribed topics and
// members by their place in the input: a thousand members with ten thousand
// partitions are a few slices of integers.
package assign

import (
	"cmp"
	"slices"

	"github.com/headrace/headrace/internal/kafka/uuid"
)

// TopicPartitions is some partitions of a topic, in ascending order.
type TopicPartitions struct {
	Topic      uuid.TopicID
	Partitions []int32
}

// Assignment is what a member has, ordered by topic; no topic is empty or comes
// twice. It is shared and never changed once it is made; nil is nothing.
type Assignment []TopicPartitions

// Of gives the topic's partitions.
func (a Assignment) Of(topic uuid.TopicID) []int32 {
	if i, ok := slices.BinarySearchFunc(a, topic, compareTopic); ok {
		return a[i].Partitions
	}
	return nil
}

// Has says whether the partition is part of it.
func (a Assignment) Has(topic uuid.TopicID, partition int32) bool {
	_, ok := slices.BinarySearch(a.Of(topic), partition)
	return ok
}

// Len is the number of partitions.
func (a Assignment) Len() int {
	n := 0
	for i := range a {
		n += len(a[i].Partitions)
	}
	return n
}

// Equal says whether both are the same partitions.
func (a Assignment) Equal(b Assignment) bool {
	return slices.EqualFunc(a, b, func(x, y TopicPartitions) bool {
		return x.Topic == y.Topic && slices.Equal(x.Partitions, y.Partitions)
	})
}

// New makes an Assignment of topics in any order, also with a topic several
// times. It takes over the slices.
func New(topics []TopicPartitions) Assignment {
	slices.SortStableFunc(topics, func(a, b TopicPartitions) int { return a.Topic.Compare(b.Topic) })
	out := topics[:0]
	for _, t := range topics {
		if n := len(out); n > 0 && out[n-1].Topic == t.Topic {
			out[n-1].Partitions = append(slices.Clip(out[n-1].Partitions), t.Partitions...)
			continue
		}
		out = append(out, t)
	}
	out = slices.DeleteFunc(out, func(t TopicPartitions) bool { return len(t.Partitions) == 0 })
	for i := range out {
		if !ascending(out[i].Partitions) {
			slices.Sort(out[i].Partitions)
			out[i].Partitions = slices.Compact(out[i].Partitions)
		}
	}
	return out
}

func ascending(p []int32) bool {
	for i := 1; i < len(p); i++ {
		if p[i-1] >= p[i] {
			return false
		}
	}
	return true
}

func compareTopic(t TopicPartitions, id uuid.TopicID) int { return t.Topic.Compare(id) }

// Member is a member as an assignor sees it.
type Member struct {
	ID string
	// InstanceID is that of a static member, else empty.
	InstanceID string
	// Topics are the ids of the subscribed topics that exist, ascending.
	Topics []uuid.TopicID
	// Assigned is the member's target so far.
	Assigned Assignment
}

// Topic is a topic that somebody subscribes to.
type Topic struct {
	ID         uuid.TopicID
	Partitions int32
	// Assignable says which partitions may be assigned; nil means all. Only
	// Simple looks at it.
	Assignable []bool
}

// Spec is a group as an assignor sees it. Members are ordered by id; Topics are
// those that some member subscribes to, in any order.
type Spec struct {
	Members []Member
	Topics  []Topic
}

// Func is an assignor: it gives the assignment of each member of the Spec, at
// the same place. A member whose assignment stays gets the same slice back.
type Func func(s *Spec) []Assignment

// Named is an assignor with the name by which members and configurations ask
// for it.
type Named struct {
	Name   string
	Assign Func
}

// Consumer is the assignors of consumer groups, the default first
// (group.consumer.assignors).
var Consumer = [...]Named{{"uniform", Uniform}, {"range", Range}}

// plan is an assignment being made.
type plan struct {
	spec   *Spec
	topics []Topic // ascending by id
	// first is the number of each topic's first partition; it has one element
	// more, the number of all partitions.
	first []int32
	// owner is who has a partition, -1 for nobody.
	owner []int32
	// load is the number of partitions by member.
	load []int32
	// wants is each member's subscriptions as indexes of topics, ascending.
	wants [][]int32
}

// newPlan starts with nobody owning anything.
func newPlan(s *Spec) *plan {
	p := &plan{spec: s, topics: slices.Clone(s.Topics), load: make([]int32, len(s.Members)), wants: make([][]int32, len(s.Members))}
	slices.SortFunc(p.topics, func(a, b Topic) int { return a.ID.Compare(b.ID) })
	p.first = make([]int32, len(p.topics)+1)
	for i := range p.topics {
		p.first[i+1] = p.first[i] + p.topics[i].Partitions
	}
	p.owner = make([]int32, p.first[len(p.topics)])
	for i := range p.owner {
		p.owner[i] = -1
	}
	for m := range s.Members {
		if m > 0 && slices.Equal(s.Members[m].Topics, s.Members[m-1].Topics) {
			p.wants[m] = p.wants[m-1]
			continue
		}
		for _, id := range s.Members[m].Topics {
			if t, ok := p.find(id); ok {
				p.wants[m] = append(p.wants[m], t)
			}
		}
	}
	return p
}

func (p *plan) find(id uuid.TopicID) (int32, bool) {
	t, ok := slices.BinarySearchFunc(p.topics, id, func(t Topic, id uuid.TopicID) int { return t.ID.Compare(id) })
	return int32(t), ok
}

// homogeneous says whether all members want the same.
func (p *plan) homogeneous() bool {
	for m := 1; m < len(p.wants); m++ {
		if !slices.Equal(p.wants[m], p.wants[0]) {
			return false
		}
	}
	return true
}

// keep calls f for every partition that a member has and may keep: it wants the
// topic, the partition exists and nobody before it has kept the same.
func (p *plan) keep(f func(member, partition int32)) {
	for m := range p.spec.Members {
		for _, tp := range p.spec.Members[m].Assigned {
			t, ok := p.find(tp.Topic)
			if !ok || !wanted(p.wants[m], t) {
				continue
			}
			for _, i := range tp.Partitions {
				if n := p.first[t] + i; i >= 0 && i < p.topics[t].Partitions && p.owner[n] < 0 {
					f(int32(m), n)
				}
			}
		}
	}
}

func wanted(topics []int32, t int32) bool {
	_, ok := slices.BinarySearch(topics, t)
	return ok
}

func (p *plan) give(partition, member int32) {
	if old := p.owner[partition]; old >= 0 {
		p.load[old]--
	}
	p.owner[partition] = member
	p.load[member]++
}

// result reads the members' assignments off the owners.
func (p *plan) result() []Assignment {
	out := make([]Assignment, len(p.spec.Members))
	flat := make([]int32, len(p.owner)) // all partitions in one array
	room := make([][]int32, len(out))
	at := int32(0)
	for m := range out {
		room[m] = flat[at:at:(at + p.load[m])]
		at += p.load[m]
	}
	for t := range p.topics {
		for n := p.first[t]; n < p.first[t+1]; n++ {
			if m := p.owner[n]; m >= 0 {
				room[m] = append(room[m], n-p.first[t])
				last := len(out[m]) - 1
				if last < 0 || out[m][last].Topic != p.topics[t].ID {
					out[m] = append(out[m], TopicPartitions{p.topics[t].ID, room[m][len(room[m])-1:]})
					continue
				}
				k := &out[m][last].Partitions
				*k = (*k)[:len(*k)+1]
			}
		}
	}
	for m := range out {
		for i := range out[m] {
			out[m][i].Partitions = slices.Clip(out[m][i].Partitions)
		}
		if out[m].Equal(p.spec.Members[m].Assigned) {
			out[m] = p.spec.Members[m].Assigned
		}
	}
	return out
}

// byStatic orders members for assignors that hand out by order: static ones
// first, by instance id, so that they keep their place when they return under
// another member id.
func byStatic(a, b *Member) int {
	switch {
	case a.InstanceID != "" && b.InstanceID != "":
		return cmp.Compare(a.InstanceID, b.InstanceID)
	case a.InstanceID != "":
		return -1
	case b.InstanceID != "":
		return 1
	default:
		return cmp.Compare(a.ID, b.ID)
	}
}
