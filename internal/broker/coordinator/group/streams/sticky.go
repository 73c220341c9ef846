package streams

import (
	"cmp"
	"container/heap"
	"slices"
)

// Member is a member as the assignor sees it.
type Member struct {
	ID        string
	ProcessID string
	// Assigned is the target so far.
	Assigned Assignment
}

// Subtopology is a part of a topology as the assignor sees it.
type Subtopology struct {
	ID       string
	Tasks    int32 // as many as the input topics have partitions, at most
	Stateful bool  // it has a changelog, so standby tasks make sense
}

// Sticky assigns all tasks to members, ordered by id: to those who had them, as
// active or standby tasks, as long as these have no more than their share, and
// the rest to the processes with the least load. standbys is the number of
// standby tasks that each stateful task should have beside the active one
// (streams.num.standby.replicas); a process has a task only once, so there may be
// fewer: missing says how many could not be placed. As StickyTaskAssignor; ties
// are decided by process and member id. Without members nothing is assigned.
func Sticky(members []Member, subtopologies []Subtopology, standbys int) (targets []Assignment, missing int) {
	targets = make([]Assignment, len(members))
	if len(members) == 0 {
		return targets, 0
	}
	s := newSticky(members, targets)
	var active, stateful []TaskID
	for _, t := range subtopologies {
		for p := range t.Tasks {
			id := TaskID{t.ID, p}
			active = append(active, id)
			if t.Stateful {
				stateful = append(stateful, id)
			}
		}
	}
	s.active = quota{tasks: len(active), members: len(members)}
	s.all = quota{tasks: len(active) + standbys*len(stateful), members: len(members)}
	s.assignActive(active)
	if standbys > 0 {
		missing = s.assignStandby(stateful, standbys)
	}
	return targets, missing
}

// sticky is an assignment being made. Members are known by their index.
type sticky struct {
	targets   []Assignment
	member    []load     // load of each member
	process   []*process // of each member
	processes []*process // by id
	// Who had the task before; the last one counts where several say that they
	// had it active.
	hadActive  map[TaskID]int
	hadStandby map[TaskID][]int
	active     quota // of active tasks
	all        quota // of tasks
}

// load is a member in its process's heap.
type load struct {
	tasks int
	place int // in the heap
}

// process is a JVM with members: its threads.
type process struct {
	id      string
	members []int // heap by load
	tasks   map[TaskID]bool
}

// quota is the share of tasks of a member, rounded up; who has reached it leaves
// the others with what remains.
type quota struct{ tasks, members int }

func (q *quota) share() int {
	if q.members == 0 {
		return 0
	}
	return (q.tasks + q.members - 1) / q.members
}

func (q *quota) reached(n int) {
	if n == q.share() {
		q.members--
		q.tasks -= n
	}
}

func newSticky(members []Member, targets []Assignment) *sticky {
	s := &sticky{
		targets: targets, member: make([]load, len(members)), process: make([]*process, len(members)),
		hadActive: map[TaskID]int{}, hadStandby: map[TaskID][]int{},
	}
	byID := map[string]*process{}
	for i := range members {
		m := &members[i]
		p := byID[m.ProcessID]
		if p == nil {
			p = &process{id: m.ProcessID, tasks: map[TaskID]bool{}}
			byID[m.ProcessID] = p
			s.processes = append(s.processes, p)
		}
		s.process[i] = p
		s.member[i].place = len(p.members)
		p.members = append(p.members, i)
		for r := range Roles {
			targets[i][r] = Tasks{}
		}
		for id := range m.Assigned[Active] {
			s.hadActive[id] = i
		}
		for id := range m.Assigned[Standby] {
			s.hadStandby[id] = append(s.hadStandby[id], i)
		}
	}
	slices.SortFunc(s.processes, func(a, b *process) int { return cmp.Compare(a.id, b.id) })
	return s
}

// give assigns a task and counts it.
func (s *sticky) give(m int, r Role, id TaskID) {
	s.targets[m][r][id] = 0
	p := s.process[m]
	p.tasks[id] = true
	l := &s.member[m]
	l.tasks++
	heap.Fix(membersByLoad{s, p}, l.place)
	if r == Active {
		s.active.reached(l.tasks)
	}
	s.all.reached(l.tasks)
}

// full says how much of its process's capacity is used.
func (s *sticky) full(p *process) float64 { return float64(len(p.tasks)) / float64(len(p.members)) }

// least is the process's member with the fewest tasks.
func (p *process) least() int { return p.members[0] }

func (s *sticky) assignActive(tasks []TaskID) {
	// Partition by partition, so that a task and its copartitioned ones stay
	// together if there is no room for all.
	slices.SortFunc(tasks, func(a, b TaskID) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Subtopology, b.Subtopology))
	})
	tasks = slices.DeleteFunc(tasks, func(id TaskID) bool {
		m, ok := s.hadActive[id]
		return ok && s.keep(m, Active, id, &s.active)
	})
	tasks = slices.DeleteFunc(tasks, func(id TaskID) bool {
		m, ok := s.leastOf(s.hadStandby[id], id)
		return ok && s.keep(m, Active, id, &s.active)
	})
	slices.SortFunc(tasks, TaskID.Compare)
	h := s.byLoad()
	for _, id := range tasks {
		p := h.processes[0]
		s.give(p.least(), Active, id)
		heap.Fix(h, 0)
	}
}

// keep gives the task to a member that has had it, if its share allows.
func (s *sticky) keep(m int, r Role, id TaskID, q *quota) bool {
	if s.process[m].tasks[id] || s.member[m].tasks >= q.share() {
		return false
	}
	s.give(m, r, id)
	return true
}

// leastOf is the member with the least load, of those whose process does not
// have the task.
func (s *sticky) leastOf(members []int, id TaskID) (best int, ok bool) {
	for _, m := range members {
		switch p := s.process[m]; {
		case p.tasks[id]:
		case !ok, cmp.Or(cmp.Compare(s.full(p), s.full(s.process[best])), cmp.Compare(s.member[m].tasks, s.member[best].tasks)) < 0:
			best, ok = m, true
		}
	}
	return best, ok
}

func (s *sticky) assignStandby(tasks []TaskID, standbys int) (missing int) {
	slices.SortFunc(tasks, func(a, b TaskID) int {
		return -cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Subtopology, b.Subtopology))
	})
	type rest struct {
		id TaskID
		n  int
	}
	var rests []rest
	for _, id := range tasks {
		n := standbys
		for ; n > 0; n-- {
			if m, ok := s.hadActive[id]; ok && s.keep(m, Standby, id, &s.all) {
				continue
			}
			if m, ok := s.leastOf(s.hadStandby[id], id); ok && s.keep(m, Standby, id, &s.all) {
				continue
			}
			break
		}
		if n > 0 {
			rests = append(rests, rest{id, n})
		}
	}
	slices.SortFunc(rests, func(a, b rest) int { return -a.id.Compare(b.id) })
	h := s.byLoad()
	for _, r := range rests {
		for n := r.n; n > 0; n-- {
			if !s.giveLeast(h, r.id) {
				missing += n
				break
			}
		}
	}
	return missing
}

// giveLeast gives a standby task to the process with the least load that does
// not have it.
func (s *sticky) giveLeast(h *processesByLoad, id TaskID) (ok bool) {
	var passed []*process
	for len(h.processes) > 0 {
		p := h.processes[0]
		if !p.tasks[id] {
			s.give(p.least(), Standby, id)
			heap.Fix(h, 0)
			ok = true
			break
		}
		passed = append(passed, p)
		heap.Pop(h)
	}
	for _, p := range passed {
		heap.Push(h, p)
	}
	return ok
}

func (s *sticky) byLoad() *processesByLoad {
	h := &processesByLoad{s, slices.Clone(s.processes)}
	heap.Init(h)
	return h
}

// membersByLoad is a process's members as a heap.
type membersByLoad struct {
	s *sticky
	p *process
}

func (h membersByLoad) Len() int { return len(h.p.members) }

func (h membersByLoad) Less(i, j int) bool {
	a, b := h.p.members[i], h.p.members[j]
	return cmp.Or(cmp.Compare(h.s.member[a].tasks, h.s.member[b].tasks), cmp.Compare(a, b)) < 0
}

func (h membersByLoad) Swap(i, j int) {
	m := h.p.members
	m[i], m[j] = m[j], m[i]
	h.s.member[m[i]].place, h.s.member[m[j]].place = i, j
}

// Push is not used: members do not come and go.
func (h membersByLoad) Push(any) {}

// Pop is not used.
func (h membersByLoad) Pop() any { return nil }

// processesByLoad is the processes as a heap.
type processesByLoad struct {
	s         *sticky
	processes []*process
}

func (h *processesByLoad) Len() int { return len(h.processes) }

func (h *processesByLoad) Less(i, j int) bool {
	a, b := h.processes[i], h.processes[j]
	return cmp.Or(cmp.Compare(h.s.full(a), h.s.full(b)), cmp.Compare(a.id, b.id)) < 0
}

func (h *processesByLoad) Swap(i, j int) {
	h.processes[i], h.processes[j] = h.processes[j], h.processes[i]
}

// Push implements heap.Interface.
func (h *processesByLoad) Push(p any) { h.processes = append(h.processes, p.(*process)) }

// Pop implements heap.Interface.
func (h *processesByLoad) Pop() any {
	last := len(h.processes) - 1
	p := h.processes[last]
	h.processes = h.processes[:last]
	return p
}
