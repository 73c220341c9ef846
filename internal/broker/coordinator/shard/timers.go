package shard

import (
	"container/heap"
	"time"
)

// Timer is a deadline within a Timers queue. The zero Timer is not armed. What
// is a free field for the owner: it tells the shard what has expired. A Timer
// belongs to one queue and must not be copied while it is armed.
type Timer struct {
	What any

	at    time.Time // when it expires
	slot  time.Time // where it stands in the heap; never after at
	seq   uint64
	index int // in the heap, from 1; 0 when it is not armed
}

// Armed reports whether the timer waits in a queue.
func (t *Timer) Armed() bool { return t.index != 0 }

// At is when the timer expires; it means nothing unless the timer is armed.
func (t *Timer) At() time.Time { return t.at }

// Timers is a shard's queue of deadlines. Time comes in as an argument; ties
// expire in the order in which they were armed, so that a run repeats exactly.
// Putting a deadline off, which every heartbeat does, is two stores: the heap
// is put right only when the old deadline comes up. The zero Timers is empty.
type Timers struct {
	heap timerHeap
	seq  uint64
}

// Set arms t for at, or moves it there.
func (q *Timers) Set(t *Timer, at time.Time) {
	t.at = at
	if t.index != 0 {
		if !at.Before(t.slot) {
			return
		}
		t.slot = at
		heap.Fix(&q.heap, t.index-1)
		return
	}
	q.seq++
	t.seq, t.slot = q.seq, at
	heap.Push(&q.heap, t)
}

// Cancel disarms t; it does nothing if t is not armed.
func (q *Timers) Cancel(t *Timer) {
	if t != nil && t.index != 0 {
		heap.Remove(&q.heap, t.index-1)
	}
}

// Next is a time before which no timer expires, and whether there is one. It
// may be early, since put-off timers keep their old place until it comes up.
func (q *Timers) Next() (time.Time, bool) {
	if len(q.heap) == 0 {
		return time.Time{}, false
	}
	return q.heap[0].slot, true
}

// Pop takes out the first timer that has expired at now, or returns nil.
func (q *Timers) Pop(now time.Time) *Timer {
	for len(q.heap) > 0 {
		t := q.heap[0]
		if t.slot.After(now) {
			return nil
		}
		if t.at.After(now) {
			q.seq++
			t.seq, t.slot = q.seq, t.at
			heap.Fix(&q.heap, 0)
			continue
		}
		heap.Pop(&q.heap)
		return t
	}
	return nil
}

// Len is the number of armed timers.
func (q *Timers) Len() int { return len(q.heap) }

type timerHeap []*Timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if !h[i].slot.Equal(h[j].slot) {
		return h[i].slot.Before(h[j].slot)
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push is for container/heap.
func (h *timerHeap) Push(x any) {
	t, _ := x.(*Timer)
	*h = append(*h, t)
	t.index = len(*h)
}

// Pop is for container/heap.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = 0
	return t
}
