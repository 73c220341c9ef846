package sim

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// World is one run: the virtual clock, the events that are due, the random
// source and the trace. It belongs to one goroutine.
type World struct {
	Rand *rand.Rand

	now    time.Duration // since the start of the run
	queue  eventQueue
	serial uint64
	trace  trace
	reach  Reached
	failed error

	calm     bool         // no more faults
	chosen   map[int]bool // the faults that happen; nil = all
	troubles []Trouble    // those that did
}

// NewWorld gives the world of a plan.
func NewWorld(p Plan) *World {
	w := &World{Rand: rand.New(rand.NewPCG(p.Seed, 0x5ead2ace)), reach: Reached{}}
	if p.Faults != nil {
		w.chosen = map[int]bool{}
		for _, n := range p.Faults {
			w.chosen[n] = true
		}
	}
	w.trace.init()
	return w
}

// result is what the run of a plan has come to.
func (w *World) result(p Plan, events, acked int) Result {
	return Result{
		Seed: p.Seed, Trace: w.Trace(), Events: events, Acked: acked, Reached: w.reach, Troubles: w.troubles,
		Err: w.Err(), Tail: w.Tail(),
	}
}

// event is something that happens at a moment. Events of one moment happen in
// an order that the seed decides.
type event struct {
	at     time.Duration
	tie    uint64
	serial uint64
	what   string
	do     func()
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.tie != b.tie {
		return a.tie < b.tie
	}
	return a.serial < b.serial
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}

// Now is the virtual time since the start of the run.
func (w *World) Now() time.Duration { return w.now }

// epoch is the wall-clock time at which every run begins.
var epoch = time.UnixMilli(1_800_000_000_000)

// After makes do happen d from now. what names it in the trace.
func (w *World) After(d time.Duration, what string, do func()) {
	w.serial++
	heap.Push(&w.queue, &event{at: w.now + max(d, 0), tie: w.Rand.Uint64(), serial: w.serial, what: what, do: do})
}

// Run lets events happen up to a moment, or until something has failed. It
// returns how many there were.
func (w *World) Run(until time.Duration) int {
	n := 0
	for w.failed == nil && len(w.queue) > 0 && w.queue[0].at <= until {
		e := heap.Pop(&w.queue).(*event)
		w.now = e.at
		if e.what != "" {
			w.Note("%s", e.what)
		}
		e.do()
		n++
	}
	if w.failed == nil {
		w.now = max(w.now, until)
	}
	return n
}

// Between draws a duration.
func (w *World) Between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.Rand.Int64N(int64(most-least)+1))
}

// Chance is true in percent of all cases.
func (w *World) Chance(percent int) bool { return w.Rand.IntN(100) < percent }

// Note writes a line to the trace.
func (w *World) Note(format string, args ...any) { w.trace.add(w.now, fmt.Sprintf(format, args...)) }

// Fail ends the run. The first failure counts.
func (w *World) Fail(format string, args ...any) {
	if w.failed == nil {
		w.failed = fmt.Errorf(format, args...)
		w.Note("FAILED: %v", w.failed)
	}
}

// Err is why the run has failed; nil while it has not.
func (w *World) Err() error { return w.failed }

// Reach counts that an interesting state was reached.
func (w *World) Reach(what string) { w.reach[what]++ }

// Trace is the hash over all lines of the trace.
func (w *World) Trace() uint64 { return w.trace.sum }

// Tail gives the last lines of the trace.
func (w *World) Tail() string { return w.trace.tail() }

// keptLines is how much of a trace a failure shows.
const keptLines = 200

// trace is a hash over all lines and the last of them.
type trace struct {
	sum   uint64
	lines [keptLines]string
	count int
}

func (t *trace) init() { t.sum = 14695981039346656037 }

func (t *trace) add(at time.Duration, line string) {
	line = fmt.Sprintf("%12.6f %s", at.Seconds(), line)
	h := fnv.New64a()
	_, _ = h.Write([]byte(line)) // never fails
	t.sum = t.sum*1099511628211 ^ h.Sum64()
	t.lines[t.count%keptLines] = line
	t.count++
}

func (t *trace) tail() string {
	var b strings.Builder
	for i := max(0, t.count-keptLines); i < t.count; i++ {
		b.WriteString(t.lines[i%keptLines])
		b.WriteByte('\n')
	}
	return b.String()
}

// Reached counts interesting states by name.
type Reached map[string]int

// Add sums another run's counts in.
func (r Reached) Add(o Reached) {
	for what, n := range o {
		r[what] += n
	}
}

// Missing lists which of these were never reached.
func (r Reached) Missing(want []string) (missing []string) {
	for _, what := range want {
		if r[what] == 0 {
			missing = append(missing, what)
		}
	}
	return missing
}
