package streams

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// holders lists who has each task: members by role.
func holders(t *testing.T, members []Member, targets []Assignment) map[TaskID][Roles][]int {
	t.Helper()
	out := map[TaskID][Roles][]int{}
	for m := range targets {
		for r := range Roles {
			for id := range targets[m][r] {
				h := out[id]
				h[r] = append(h[r], m)
				out[id] = h
			}
		}
	}
	return out
}

// checkTargets holds what every assignment must be.
func checkTargets(t *testing.T, members []Member, parts []Subtopology, standbys int, targets []Assignment, missing int) {
	t.Helper()
	processes := map[string]bool{}
	for _, m := range members {
		processes[m.ProcessID] = true
	}
	by := holders(t, members, targets)
	tasks, notPlaced := 0, 0
	for _, p := range parts {
		for n := range p.Tasks {
			tasks++
			h := by[TaskID{p.ID, n}]
			delete(by, TaskID{p.ID, n})
			if len(h[Active]) != 1 {
				t.Fatalf("task %s_%d is active with %v", p.ID, n, h[Active])
			}
			want := 0
			if p.Stateful {
				want = min(standbys, len(processes)-1)
				notPlaced += standbys - want
			}
			if len(h[Standby]) != want || len(h[Warmup]) != 0 {
				t.Fatalf("task %s_%d has standbys %v and warm-ups %v, want %d", p.ID, n, h[Standby], h[Warmup], want)
			}
			on := map[string]bool{}
			for _, m := range slices.Concat(h[Active], h[Standby]) {
				if on[members[m].ProcessID] {
					t.Fatalf("task %s_%d is twice on process %s", p.ID, n, members[m].ProcessID)
				}
				on[members[m].ProcessID] = true
			}
		}
	}
	if len(by) > 0 {
		t.Fatalf("tasks that there are not: %v", by)
	}
	if missing != notPlaced {
		t.Errorf("%d standbys are said to be missing, %d are", missing, notPlaced)
	}
}

// spread is the least and the most active tasks of a member.
func spread(targets []Assignment) (least, most int) {
	least = len(targets[0][Active])
	for _, a := range targets {
		least, most = min(least, len(a[Active])), max(most, len(a[Active]))
	}
	return least, most
}

func TestStickyProperties(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		var parts []Subtopology
		for i := range 1 + r.IntN(4) {
			parts = append(parts, Subtopology{ID: fmt.Sprint(i), Tasks: 1 + r.Int32N(12), Stateful: r.IntN(2) == 0})
		}
		standbys := r.IntN(3)
		var members []Member
		next := 0
		for range 6 {
			// Somebody comes or goes; everybody else keeps the last target.
			if len(members) == 0 || r.IntN(3) > 0 {
				members = append(members, Member{ID: fmt.Sprintf("m%02d", next), ProcessID: fmt.Sprint("p", r.IntN(4))})
				next++
			} else {
				members = slices.Delete(members, 0, 1)
			}
			targets, missing := Sticky(members, parts, standbys)
			if len(members) == 0 {
				continue
			}
			checkTargets(t, members, parts, standbys, targets, missing)
			for i := range members {
				members[i].Assigned = targets[i]
			}
			again, _ := Sticky(members, parts, standbys)
			if d := cmp.Diff(targets, again); d != "" && standbys == 0 {
				t.Fatalf("seed %d: an assignment without cause to change changes: %s", seed, d)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func TestStickyKeepsWhatItCan(t *testing.T) {
	parts := []Subtopology{{"0", 6, true}}
	members := []Member{{ID: "a", ProcessID: "1"}, {ID: "b", ProcessID: "2"}}
	targets, _ := Sticky(members, parts, 0)
	if least, most := spread(targets); least != 3 || most != 3 {
		t.Fatalf("between %d and %d tasks", least, most)
	}
	members[0].Assigned, members[1].Assigned = targets[0], targets[1]
	members = append(members, Member{ID: "c", ProcessID: "3"})
	targets, _ = Sticky(members, parts, 0)
	for i, m := range members {
		if len(targets[i][Active]) != 2 {
			t.Errorf("%s has %d tasks", m.ID, len(targets[i][Active]))
		}
		for id := range targets[i][Active] {
			if i < 2 && !m.Assigned[Active].Has(id) {
				t.Errorf("%s was given %v without need", m.ID, id)
			}
		}
	}
}

func TestStickyPrefersWhoFollowed(t *testing.T) {
	task := TaskID{"0", 0}
	members := []Member{
		{ID: "a", ProcessID: "1"},
		{ID: "b", ProcessID: "2", Assigned: Assignment{Standby: Tasks{task: 0}}},
	}
	targets, missing := Sticky(members, []Subtopology{{"0", 1, true}}, 1)
	if !targets[1][Active].Has(task) || !targets[0][Standby].Has(task) || missing != 0 {
		t.Errorf("%v, %d missing", targets, missing)
	}
}

func TestStickyWithoutMembers(t *testing.T) {
	if targets, missing := Sticky(nil, []Subtopology{{"0", 3, true}}, 1); len(targets) != 0 || missing != 0 {
		t.Errorf("%v, %d missing", targets, missing)
	}
}

func BenchmarkSticky(b *testing.B) {
	var members []Member
	for i := range 1000 {
		members = append(members, Member{ID: fmt.Sprintf("m%04d", i), ProcessID: fmt.Sprint("p", i/4)})
	}
	parts := []Subtopology{{"0", 2000, true}, {"1", 2000, true}, {"2", 2000, false}}
	for b.Loop() {
		Sticky(members, parts, 1)
	}
}
