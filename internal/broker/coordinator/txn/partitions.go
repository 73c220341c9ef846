package txn

import (
	"slices"
	"strings"
)

// Topic names partitions of one topic: each of them once, ascending.
type Topic struct {
	Name       string
	Partitions []int32
}

// partitionSet is a set of partitions, sorted by topic, so that records and
// markers repeat exactly. A set that others can see is never changed.
type partitionSet []Topic

func byName(t Topic, name string) int { return strings.Compare(t.Name, name) }

func (s partitionSet) len() int {
	n := 0
	for i := range s {
		n += len(s[i].Partitions)
	}
	return n
}

func (s partitionSet) has(topic string, partition int32) bool {
	i, ok := slices.BinarySearchFunc(s, topic, byName)
	if !ok {
		return false
	}
	_, ok = slices.BinarySearch(s[i].Partitions, partition)
	return ok
}

// hasAll says whether every partition of o is in s.
func (s partitionSet) hasAll(o partitionSet) bool {
	for i := range o {
		for _, p := range o[i].Partitions {
			if !s.has(o[i].Name, p) {
				return false
			}
		}
	}
	return true
}

// clone is a set of its own, for one who changes it.
func (s partitionSet) clone() partitionSet {
	c := slices.Clone(s)
	for i := range c {
		c[i].Partitions = slices.Clone(c[i].Partitions)
	}
	return c
}

// add puts a partition in, in place.
func (s *partitionSet) add(topic string, partition int32) {
	i, ok := slices.BinarySearchFunc(*s, topic, byName)
	if !ok {
		*s = slices.Insert(*s, i, Topic{Name: topic})
	}
	t := &(*s)[i]
	if j, ok := slices.BinarySearch(t.Partitions, partition); !ok {
		t.Partitions = slices.Insert(t.Partitions, j, partition)
	}
}

// remove takes a partition out, in place, and says whether it was in.
func (s *partitionSet) remove(topic string, partition int32) bool {
	i, ok := slices.BinarySearchFunc(*s, topic, byName)
	if !ok {
		return false
	}
	t := &(*s)[i]
	j, ok := slices.BinarySearch(t.Partitions, partition)
	if !ok {
		return false
	}
	if t.Partitions = slices.Delete(t.Partitions, j, j+1); len(t.Partitions) == 0 {
		*s = slices.Delete(*s, i, i+1)
	}
	return true
}

// setOf makes a set of topics in any order, with repetitions.
func setOf(topics []Topic) partitionSet {
	s := make(partitionSet, 0, len(topics))
	for _, t := range topics {
		if len(t.Partitions) > 0 {
			s = append(s, Topic{t.Name, slices.Clone(t.Partitions)})
		}
	}
	slices.SortStableFunc(s, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	n := 0
	for i := range s {
		if n > 0 && s[n-1].Name == s[i].Name {
			s[n-1].Partitions = append(s[n-1].Partitions, s[i].Partitions...)
			continue
		}
		s[n] = s[i]
		n++
	}
	s = s[:n:n]
	for i := range s {
		slices.Sort(s[i].Partitions)
		s[i].Partitions = slices.Compact(s[i].Partitions)
	}
	return s
}

// union is a new set of what is in s or in o.
func (s partitionSet) union(o partitionSet) partitionSet {
	if len(s) == 0 {
		return o
	}
	return setOf(append(slices.Clone(s), o...))
}
