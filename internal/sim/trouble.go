package sim

import (
	"fmt"
	"strings"
	"time"
)

// Plan is what to run: the same plan gives the same run.
type Plan struct {
	Seed   uint64
	Length time.Duration // under faults
	Bug    Bug
	// Faults are the numbers of the faults that happen, of all that the seed has
	// drawn; the others are left out. Nil means all of them.
	Faults []int
}

// Trouble is a fault that happened.
type Trouble struct {
	Number int // in the order of the run, left out ones included
	At     time.Duration
	Name   string
}

// fault is one kind of trouble of a run R; it draws its details from the seed.
type fault[R any] struct {
	name   string
	weight int
	happen func(R)
}

// trouble makes faults happen about every so often, until the world is calm.
func trouble[R any](w *World, run R, kinds []fault[R], every time.Duration) {
	total := 0
	for _, f := range kinds {
		total += f.weight
	}
	number := 0
	var next func()
	next = func() {
		if w.calm {
			return
		}
		f := drawn(kinds, w.Rand.IntN(total))
		if w.chosen == nil || w.chosen[number] {
			w.Note("fault: %s", f.name)
			w.troubles = append(w.troubles, Trouble{number, w.now, f.name})
			f.happen(run)
		}
		number++
		w.After(w.Between(0, 2*every), "", next)
	}
	w.After(every, "", next)
}

// drawn is the kind at a place of the wheel, on which each has its weight.
func drawn[R any](kinds []fault[R], at int) *fault[R] {
	for i := range kinds {
		if at < kinds[i].weight {
			return &kinds[i]
		}
		at -= kinds[i].weight
	}
	return &kinds[len(kinds)-1]
}

// Shrink looks for fewer faults with which a failed run fails too, however: it
// leaves out half of them, then quarters, and so on (delta debugging, Zeller and
// Hildebrandt 2002). It makes at most so many runs, and returns the shortest
// plan that failed with its result.
func Shrink(p Plan, failed Result, run func(Plan) Result, runs int) (Plan, Result) {
	left := numbers(failed.Troubles)
	p.Faults = left
	for size := (len(left) + 1) / 2; size > 0 && runs > 0; {
		smaller := false
		for at := 0; at < len(left) && runs > 0; {
			try := p
			try.Faults = append(append([]int{}, left[:at]...), left[min(at+size, len(left)):]...)
			runs--
			if res := run(try); res.Err != nil {
				// Those that did not come to happen before the failure are not needed.
				left, failed, smaller = numbers(res.Troubles), res, true
				p.Faults = left
				continue
			}
			at += size
		}
		if size == 1 && !smaller {
			break
		}
		size = max(size/2, 1)
	}
	return p, failed
}

func numbers(all []Trouble) []int {
	n := make([]int, 0, len(all))
	for _, t := range all {
		n = append(n, t.Number)
	}
	return n
}

// Story tells the faults of a run, a line each.
func (r Result) Story() string {
	var b strings.Builder
	for _, t := range r.Troubles {
		fmt.Fprintf(&b, "%12.6f fault %d: %s\n", t.At.Seconds(), t.Number, t.Name)
	}
	return b.String()
}
