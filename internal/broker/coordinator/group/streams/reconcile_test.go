package streams

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
)

// cluster is a group as Reconcile sees it.
type cluster struct {
	members []Member
	current []Current
}

func (c *cluster) ActiveProcess(id TaskID) (string, bool) {
	for i := range c.current {
		if c.current[i].Assigned[Active].Has(id) || c.current[i].Revoking[Active].Has(id) {
			return c.members[i].ProcessID, true
		}
	}
	return "", false
}

func (c *cluster) Follows(process string, id TaskID) bool {
	for i := range c.current {
		for _, r := range []Role{Standby, Warmup} {
			if c.members[i].ProcessID == process && (c.current[i].Assigned[r].Has(id) || c.current[i].Revoking[r].Has(id)) {
				return true
			}
		}
	}
	return false
}

func active(n ...int32) Assignment {
	a := Assignment{Active: Tasks{}}
	for _, p := range n {
		a[Active][TaskID{"0", p}] = 1
	}
	return a
}

func TestReconcile(t *testing.T) {
	nothing := Assignment{}
	none := active()
	one := active(1)
	for name, c := range map[string]struct {
		from   Current
		target Target
		owned  *Assignment
		others Assignment // active with another process
		want   Current
		err    error
	}{
		"there already": {
			from: Current{Epoch: 2, State: Stable, Assigned: active(1)}, target: Target{2, active(1)},
			want: Current{Epoch: 2, State: Stable, Assigned: active(1)},
		},
		"new tasks": {
			from: Current{Epoch: 0, State: Stable}, target: Target{1, active(1, 2)},
			want: Current{Epoch: 1, State: Stable, Assigned: active(1, 2)},
		},
		"told to give up": {
			from: Current{Epoch: 1, State: Stable, Assigned: active(1, 2)}, target: Target{2, active(1, 3)}, owned: new(active(1, 2)),
			want: Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: active(1), Revoking: active(2)},
		},
		"has not given up yet": {
			from:   Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: none, Revoking: active(1)},
			target: Target{2, none}, owned: &one,
			want: Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: none, Revoking: active(1)},
		},
		"says nothing": {
			from:   Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: none, Revoking: active(1)},
			target: Target{2, none},
			want:   Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: none, Revoking: active(1)},
		},
		"has given up": {
			from:   Current{Epoch: 1, PreviousEpoch: 1, State: UnrevokedTasks, Assigned: none, Revoking: active(1)},
			target: Target{3, none}, owned: &nothing,
			want: Current{Epoch: 3, PreviousEpoch: 1, State: Stable, Assigned: none},
		},
		"waits for another": {
			from: Current{Epoch: 1, State: Stable}, target: Target{2, active(1)}, others: active(1),
			want: Current{Epoch: 2, PreviousEpoch: 1, State: UnreleasedTasks, Assigned: none},
		},
		"gets it": {
			from: Current{Epoch: 2, PreviousEpoch: 1, State: UnreleasedTasks, Assigned: none}, target: Target{2, active(1)},
			want: Current{Epoch: 2, PreviousEpoch: 2, State: Stable, Assigned: active(1)},
		},
		"a state of a newer version": {
			from: Current{Epoch: 2, State: 127, Assigned: active(1)}, target: Target{2, active(1)}, owned: &one,
			want: Current{Epoch: 2, State: 127, Assigned: active(1)}, err: kerr.FencedMemberEpoch,
		},
		"a state of a newer version, begun anew": {
			from: Current{Epoch: 2, State: 127}, target: Target{2, active(1)}, owned: &nothing,
			want: Current{Epoch: 2, PreviousEpoch: 2, State: Stable, Assigned: active(1)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			by := &cluster{
				members: []Member{{ID: "a", ProcessID: "1"}, {ID: "b", ProcessID: "2"}},
				current: []Current{c.from, {Assigned: c.others}},
			}
			got, err := Reconcile(c.from, "1", c.target, c.owned, by)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if got.State != c.want.State || got.Epoch != c.want.Epoch || got.PreviousEpoch != c.want.PreviousEpoch ||
				!got.Assigned.Equal(&c.want.Assigned) || !got.Revoking.Equal(&c.want.Revoking) {
				t.Error(cmp.Diff(c.want, got))
			}
		})
	}
}

func TestReconcileKeepsEpochsOfTasks(t *testing.T) {
	m, err := Reconcile(Current{Epoch: 4, State: Stable, Assigned: active(1)}, "1", Target{7, active(1, 2)}, nil, &cluster{})
	if err != nil || m.Assigned[Active][TaskID{"0", 1}] != 1 || m.Assigned[Active][TaskID{"0", 2}] != 7 {
		t.Errorf("%v, %v", m, err)
	}
}

// TestReconcileConverges has groups change while members follow at their own
// pace: at no time has a task two owners, or a process a task twice, and once
// nothing changes any more everybody comes to the target.
func TestReconcileConverges(t *testing.T) {
	parts := []Subtopology{{"0", 5, true}, {"1", 3, false}, {"2", 4, true}}
	waited := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := &cluster{}
		var owned []Assignment // what each member runs
		epoch := int32(0)
		var targets []Assignment
		change := func() {
			if len(c.members) > 1 && r.IntN(3) == 0 {
				i := r.IntN(len(c.members))
				c.members = append(c.members[:i], c.members[i+1:]...)
				c.current = append(c.current[:i], c.current[i+1:]...)
				owned = append(owned[:i], owned[i+1:]...)
			} else {
				c.members = append(c.members, Member{ID: fmt.Sprint("m", epoch), ProcessID: fmt.Sprint("p", r.IntN(3))})
				c.current = append(c.current, Current{State: Stable})
				owned = append(owned, Assignment{})
			}
			epoch++
			targets, _ = Sticky(c.members, parts, r.IntN(2))
			for i := range c.members {
				c.members[i].Assigned = targets[i]
			}
		}
		heartbeat := func(i int) {
			var said *Assignment
			if r.IntN(3) > 0 {
				said = &owned[i]
			}
			next, err := Reconcile(c.current[i], c.members[i].ProcessID, Target{epoch, targets[i]}, said, c)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if next.Epoch < c.current[i].Epoch {
				t.Fatalf("seed %d: the epoch went back from %d to %d", seed, c.current[i].Epoch, next.Epoch)
			}
			if next.State == UnreleasedTasks {
				waited++
			}
			c.current[i] = next
			if r.IntN(2) == 0 {
				owned[i] = next.Assigned // the answer came, and was followed
			}
			checkOwners(t, seed, c, owned)
		}
		change()
		for range 60 {
			if r.IntN(8) == 0 {
				change()
			}
			heartbeat(r.IntN(len(c.members)))
		}
		for range 40 {
			for i := range c.members {
				heartbeat(i)
			}
		}
		for i := range c.members {
			if m := &c.current[i]; m.State != Stable || m.Epoch != epoch || !m.Assigned.Equal(&targets[i]) {
				t.Fatalf("seed %d: member %d stays at %+v, target %v of epoch %d", seed, i, *m, targets[i], epoch)
			}
		}
	}
	if waited == 0 {
		t.Error("no member ever waited for another")
	}
}

func checkOwners(t *testing.T, seed uint64, c *cluster, owned []Assignment) {
	t.Helper()
	actives := map[TaskID]int{}
	onProcess := map[string]map[TaskID]int{}
	for i := range owned {
		p := c.members[i].ProcessID
		if onProcess[p] == nil {
			onProcess[p] = map[TaskID]int{}
		}
		for r := range Roles {
			for id := range owned[i][r] {
				if r == Active {
					actives[id]++
				}
				onProcess[p][id]++
				if actives[id] > 1 || onProcess[p][id] > 1 {
					t.Fatalf("seed %d: task %v has two owners, or is twice on process %s", seed, id, p)
				}
			}
		}
	}
}
