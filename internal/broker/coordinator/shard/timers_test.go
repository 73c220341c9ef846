package shard

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func at(s int) time.Time { return time.Unix(int64(s), 0) }

func TestTimersOrder(t *testing.T) {
	var q Timers
	timers := make([]Timer, 4)
	for i, s := range []int{5, 3, 5, 1} {
		timers[i].What = i
		q.Set(&timers[i], at(s))
	}
	if next, ok := q.Next(); !ok || !next.Equal(at(1)) {
		t.Errorf("next is %v, %v", next, ok)
	}
	var got []int
	for tm := q.Pop(at(4)); tm != nil; tm = q.Pop(at(4)) {
		got = append(got, tm.What.(int))
	}
	for tm := q.Pop(at(5)); tm != nil; tm = q.Pop(at(5)) {
		got = append(got, tm.What.(int))
	}
	// Ties go by the order of arming.
	if want := []int{3, 1, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("popped %v, want %v", got, want)
	}
	if _, ok := q.Next(); ok || q.Len() != 0 {
		t.Error("the queue is not empty")
	}
}

func TestTimersMove(t *testing.T) {
	var q Timers
	var a, b Timer
	q.Set(&a, at(10))
	q.Set(&b, at(11))
	q.Set(&a, at(20)) // put off: the heap hears of it later
	if next, _ := q.Next(); next.After(at(10)) {
		t.Errorf("next is %v, want no later than before", next)
	}
	if tm := q.Pop(at(10)); tm != nil {
		t.Error("a timer that was put off has expired")
	}
	if next, _ := q.Next(); !next.Equal(at(11)) {
		t.Errorf("next is %v", next)
	}
	q.Set(&a, at(5)) // brought forward
	if tm := q.Pop(at(5)); tm != &a || a.Armed() {
		t.Error("a timer that was brought forward has not expired")
	}
	q.Cancel(&b)
	q.Cancel(&b)
	q.Cancel(nil)
	if q.Len() != 0 || b.Armed() {
		t.Error("a cancelled timer waits")
	}
}

// TestTimersModel compares with a plain list.
func TestTimersModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q Timers
	timers := make([]Timer, 20)
	model := map[*Timer]time.Time{}
	now := 0
	for range 20_000 {
		tm := &timers[rng.IntN(len(timers))]
		switch rng.IntN(4) {
		case 0:
			q.Cancel(tm)
			delete(model, tm)
		case 1, 2:
			d := at(now + rng.IntN(30))
			q.Set(tm, d)
			model[tm] = d
		case 3:
			now += rng.IntN(4)
			for tm := q.Pop(at(now)); tm != nil; tm = q.Pop(at(now)) {
				if d, ok := model[tm]; !ok || d.After(at(now)) {
					t.Fatalf("popped a timer for %v at %v (armed %v)", d, at(now), ok)
				}
				delete(model, tm)
			}
			for _, d := range model {
				if !d.After(at(now)) {
					t.Fatalf("a timer for %v has not expired at %v", d, at(now))
				}
			}
		}
		if q.Len() != len(model) {
			t.Fatalf("%d timers, want %d", q.Len(), len(model))
		}
		if next, ok := q.Next(); ok {
			for _, d := range model {
				if next.After(d) {
					t.Fatalf("next is %v, but one expires at %v", next, d)
				}
			}
		}
	}
}
