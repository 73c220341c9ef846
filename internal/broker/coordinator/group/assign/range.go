package assign

import "slices"

// Range gives each subscriber of a topic one run of its partitions, in the
// order of the members, static ones first: topics with the same number of
// partitions and the same subscribers are assigned alike, so that keys that are
// partitioned alike meet at one member. It does not look at what is assigned
// (Kafka's RangeAssignor).
func Range(s *Spec) []Assignment {
	p := newPlan(s)
	order := make([]int32, len(s.Members))
	for m := range order {
		order[m] = int32(m)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return byStatic(&s.Members[a], &s.Members[b]) })
	subscribers := make([]int32, len(p.topics))
	for m := range p.wants {
		for _, t := range p.wants[m] {
			subscribers[t]++
		}
	}
	given := make([]int32, len(p.topics)) // members that have had their run
	next := slices.Clone(p.first)
	for _, m := range order {
		for _, t := range p.wants[m] {
			run := p.topics[t].Partitions / subscribers[t]
			if given[t] < p.topics[t].Partitions%subscribers[t] {
				run++
			}
			given[t]++
			for range run {
				p.give(next[t], m)
				next[t]++
			}
		}
	}
	return p.result()
}
