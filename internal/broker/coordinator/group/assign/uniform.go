package assign

import (
	"cmp"
	"container/heap"
	"slices"
)

// Uniform spreads the partitions evenly and moves few of those that are
// assigned already. Where all members want the same, any two of them differ by
// one partition at most and no assignment with that property moves fewer
// (Kafka's UniformAssignor).
func Uniform(s *Spec) []Assignment {
	if len(s.Members) == 0 {
		return nil
	}
	p := newPlan(s)
	if p.homogeneous() {
		p.spreadAll()
	} else {
		p.spreadByTopic()
	}
	return p.result()
}

// spreadAll hands out quotas: everybody gets the floor of the average, and the
// partitions that remain go one each to members that have them already, and
// then in order.
func (p *plan) spreadAll() {
	if len(p.wants[0]) == 0 {
		return
	}
	held := make([]int32, len(p.load))
	p.keep(func(m, n int32) {
		p.owner[n] = m
		held[m]++
	})
	total, members := int32(len(p.owner)), int32(len(p.load))
	quota := make([]int32, members)
	extra := total % members
	for m := range quota {
		quota[m] = total / members
		if extra > 0 && held[m] > quota[m] {
			quota[m]++
			extra--
		}
	}
	for m := range quota {
		if extra > 0 && quota[m] == total/members {
			quota[m]++
			extra--
		}
	}
	var free []int32
	for n, m := range p.owner {
		if m >= 0 && p.load[m] < quota[m] {
			p.load[m]++
			continue
		}
		p.owner[n] = -1
		free = append(free, int32(n))
	}
	for m := range quota {
		for p.load[m] < quota[m] {
			p.give(free[0], int32(m))
			free = free[1:]
		}
	}
}

// maxRounds bounds how often the topics are gone through for balance.
const maxRounds = 16

// spreadByTopic is for members with different subscriptions: unassigned
// partitions go to the least loaded subscriber of their topic; then partitions
// move from the most to the least loaded subscriber of a topic while that makes
// the two differ less. Topics with many partitions for each subscriber come
// first: they leave the most to even out.
func (p *plan) spreadByTopic() {
	p.keep(func(m, n int32) { p.give(n, m) })
	subscribers := make([][]int32, len(p.topics))
	for m := range p.wants {
		for _, t := range p.wants[m] {
			subscribers[t] = append(subscribers[t], int32(m))
		}
	}
	order := make([]int32, 0, len(p.topics))
	for t := range p.topics {
		if len(subscribers[t]) > 0 {
			order = append(order, int32(t))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		sa, sb := int64(len(subscribers[a])), int64(len(subscribers[b]))
		// partitions/subscribers, descending, without dividing
		if c := cmp.Compare(int64(p.topics[b].Partitions)*sa, int64(p.topics[a].Partitions)*sb); c != 0 {
			return c
		}
		return cmp.Compare(sa, sb)
	})
	for _, t := range order {
		p.fill(t, subscribers[t])
	}
	for range maxRounds {
		moved := 0
		for _, t := range order {
			moved += p.level(t, subscribers[t])
		}
		if moved == 0 {
			return
		}
	}
}

// fill gives a topic's free partitions to the least loaded subscribers.
func (p *plan) fill(t int32, subscribers []int32) {
	var h *byLoad
	for n := p.first[t]; n < p.first[t+1]; n++ {
		if p.owner[n] >= 0 {
			continue
		}
		if h == nil {
			h = newByLoad(p.load, subscribers, 1)
		}
		p.give(n, h.members[0])
		heap.Fix(h, 0)
	}
}

// level moves partitions of one topic between its subscribers until none can be
// moved that evens them out, and says how many it moved.
func (p *plan) level(t int32, subscribers []int32) (moved int) {
	if !p.uneven(subscribers) {
		return 0
	}
	has := map[int32][]int32{}
	for n := p.first[t]; n < p.first[t+1]; n++ {
		has[p.owner[n]] = append(has[p.owner[n]], n)
	}
	givers := make([]int32, 0, len(has))
	for _, m := range subscribers {
		if len(has[m]) > 0 {
			givers = append(givers, m)
		}
	}
	// A giver's load only falls and a taker's only rises, until the two meet.
	most, least := newByLoad(p.load, givers, -1), newByLoad(p.load, subscribers, 1)
	for len(most.members) > 0 {
		from, to := most.members[0], least.members[0]
		if p.load[from]-p.load[to] < 2 {
			break
		}
		mine := has[from]
		p.give(mine[len(mine)-1], to)
		moved++
		has[from] = mine[:len(mine)-1]
		heap.Fix(least, 0)
		least.fixMember(from)
		if len(has[from]) == 0 {
			heap.Pop(most)
		} else {
			heap.Fix(most, 0)
		}
		most.fixMember(to)
	}
	return moved
}

func (p *plan) uneven(members []int32) bool {
	least, most := p.load[members[0]], p.load[members[0]]
	for _, m := range members {
		least, most = min(least, p.load[m]), max(most, p.load[m])
	}
	return most-least >= 2
}

// byLoad is a heap of members by their load, the least first if sign is 1, the
// most if it is -1; ties go by the member's place.
type byLoad struct {
	load    []int32
	members []int32
	sign    int32
	at      map[int32]int // where a member stands
}

func newByLoad(load, members []int32, sign int32) *byLoad {
	h := &byLoad{load: load, members: slices.Clone(members), sign: sign, at: make(map[int32]int, len(members))}
	for i, m := range h.members {
		h.at[m] = i
	}
	heap.Init(h)
	return h
}

// fixMember puts a member whose load has changed in its place.
func (h *byLoad) fixMember(m int32) {
	if i, ok := h.at[m]; ok {
		heap.Fix(h, i)
	}
}

func (h *byLoad) Len() int { return len(h.members) }

func (h *byLoad) Less(i, j int) bool {
	a, b := h.members[i], h.members[j]
	if h.load[a] != h.load[b] {
		return h.load[a]*h.sign < h.load[b]*h.sign
	}
	return a < b
}

func (h *byLoad) Swap(i, j int) {
	h.members[i], h.members[j] = h.members[j], h.members[i]
	h.at[h.members[i]], h.at[h.members[j]] = i, j
}

// Push is for container/heap.
func (h *byLoad) Push(any) { panic("assign: nobody joins") }

// Pop is for container/heap.
func (h *byLoad) Pop() any {
	m := h.members[len(h.members)-1]
	h.members = h.members[:len(h.members)-1]
	delete(h.at, m)
	return m
}
