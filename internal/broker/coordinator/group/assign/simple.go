package assign

import "slices"

// Simple is for share groups, whose members may have a partition together:
// every partition gets at least one member, all get about as many, every member
// gets about as many partitions, and few of those that are assigned move.
// Members with different subscriptions are dealt with topic by topic (Kafka's
// SimpleAssignor).
func Simple(s *Spec) []Assignment {
	if len(s.Members) == 0 {
		return nil
	}
	p := newPlan(s)
	out := make([][]int32, len(s.Members)) // numbers of partitions
	if p.homogeneous() {
		p.shareOut(p.assignable(p.wants[0]), everybody(len(s.Members)), out)
	} else {
		for t := range p.topics {
			var subscribers []int32
			for m := range p.wants {
				if wanted(p.wants[m], int32(t)) {
					subscribers = append(subscribers, int32(m))
				}
			}
			p.shareOut(p.assignable([]int32{int32(t)}), subscribers, out)
		}
	}
	return p.shared(out)
}

func everybody(n int) []int32 {
	all := make([]int32, n)
	for m := range all {
		all[m] = int32(m)
	}
	return all
}

// assignable is the numbers of the topics' partitions that may be assigned.
func (p *plan) assignable(topics []int32) (out []int32) {
	for _, t := range topics {
		for i := range p.topics[t].Partitions {
			if a := p.topics[t].Assignable; a == nil || int(i) < len(a) && a[i] {
				out = append(out, p.first[t]+i)
			}
		}
	}
	return out
}

// sharing is one run of shareOut.
type sharing struct {
	partitions []int32
	members    []int32
	// most is how many members a partition may have.
	most int
	// quota is how many partitions each of members should have, has what it has.
	quota []int
	has   [][]int32
	// shares is the number of members by partition, at its place.
	shares []int
}

// shareOut spreads partitions over members and adds what each gets to out.
func (p *plan) shareOut(partitions, members []int32, out [][]int32) {
	if len(partitions) == 0 || len(members) == 0 {
		return
	}
	n, k := len(members), len(partitions)
	s := &sharing{
		partitions: partitions, members: members, most: (n + k - 1) / k,
		quota: make([]int, n), has: make([][]int32, n), shares: make([]int, k),
	}
	for i := range members {
		// Ceilings of a running sum, so that the quotas add up.
		slots := s.most * k
		s.quota[i] = (slots*(i+1)+n-1)/n - (slots*i+n-1)/n
		s.keep(p, i)
	}
	s.thin()
	s.deal()
	for i, m := range members {
		out[m] = append(out[m], s.has[i]...)
	}
}

// keep takes over what the member has, as far as its quota and the limit of
// each partition allow.
func (s *sharing) keep(p *plan, i int) {
	for _, tp := range p.spec.Members[s.members[i]].Assigned {
		t, ok := p.find(tp.Topic)
		if !ok {
			continue
		}
		for _, part := range tp.Partitions {
			at, ok := slices.BinarySearch(s.partitions, p.first[t]+part)
			if ok && part >= 0 && part < p.topics[t].Partitions {
				s.has[i] = append(s.has[i], int32(at))
				s.shares[at]++
			}
		}
	}
}

// thin takes away what is too much: first of partitions with too many members,
// then of members with too many partitions, those with most members first.
func (s *sharing) thin() {
	for i := range s.has {
		s.has[i] = slices.DeleteFunc(s.has[i], func(at int32) bool {
			if s.shares[at] > s.most {
				s.shares[at]--
				return true
			}
			return false
		})
		if len(s.has[i]) <= s.quota[i] {
			continue
		}
		slices.SortStableFunc(s.has[i], func(a, b int32) int { return s.shares[a] - s.shares[b] })
		for _, at := range s.has[i][s.quota[i]:] {
			s.shares[at]--
		}
		s.has[i] = s.has[i][:s.quota[i]]
	}
}

// deal gives partitions to members below their quota, in rounds, so that no
// partition gets a second member while another has none.
func (s *sharing) deal() {
	next := 0
	for round := range s.most {
		for at := range s.partitions {
			if s.shares[at] > round {
				continue
			}
			for range s.members {
				i := next
				next = (next + 1) % len(s.members)
				if len(s.has[i]) < s.quota[i] && !slices.Contains(s.has[i], int32(at)) {
					s.has[i] = append(s.has[i], int32(at))
					s.shares[at]++
					break
				}
			}
		}
	}
	for i := range s.has {
		for k, at := range s.has[i] {
			s.has[i][k] = s.partitions[at]
		}
	}
}

// shared turns numbers of partitions into assignments.
func (p *plan) shared(numbers [][]int32) []Assignment {
	out := make([]Assignment, len(numbers))
	for m, list := range numbers {
		slices.Sort(list)
		t := int32(0)
		for _, n := range list {
			for n >= p.first[t+1] {
				t++
			}
			if k := len(out[m]); k > 0 && out[m][k-1].Topic == p.topics[t].ID {
				out[m][k-1].Partitions = append(out[m][k-1].Partitions, n-p.first[t])
				continue
			}
			out[m] = append(out[m], TopicPartitions{p.topics[t].ID, []int32{n - p.first[t]}})
		}
		if out[m].Equal(p.spec.Members[m].Assigned) {
			out[m] = p.spec.Members[m].Assigned
		}
	}
	return out
}
