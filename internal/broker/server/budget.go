package server

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// budget shares out the memory of requests that are being received. It is a
// plain state machine: its owner ([memory]) has the lock and the clock, breaks
// off the connections that reclaim names, and wakes those that were granted.
//
// Who asks for more than there is waits, and is served in this order: frames of
// a size that their connection has completed before, then the frames that lack
// least. What they need is taken from others: see reclaim.
type budget struct {
	limit   int64
	used    int64 // held by claims, and by free buffers that are kept
	doomed  int64 // part of used: held by connections that are being broken off
	holders []*claim
	waiting claimHeap
	seq     uint64
}

// claim is one connection's part of the budget: what its frame holds and waits
// for. It exists while the frame is not whole, or is large.
type claim struct {
	conn *Conn
	peer netip.Prefix
	// proven is the size of the last frame that the connection has completed.
	proven int64

	held    int64
	wants   int64 // more, which it waits for
	granted chan struct{}
	doomed  bool
	seq     uint64
	place   int // in holders
	turn    int // in waiting, while wants > 0

	// What the connection's goroutine tells of its frame:
	since    atomic.Int64 // Unix nanoseconds of its beginning
	received atomic.Int64
	declared atomic.Int64
	whole    atomic.Bool  // it is being handled, and ends by itself
	last     atomic.Int64 // Unix nanoseconds of the last bytes
	stopped  atomic.Int64 // Unix nanoseconds since when it waits for memory, or 0
	waited   atomic.Int64 // nanoseconds that it has waited before
}

// active is for how long the frame could have come.
func (c *claim) active(now time.Time) time.Duration {
	d := now.UnixNano() - c.since.Load() - c.waited.Load()
	if s := c.stopped.Load(); s != 0 {
		d -= now.UnixNano() - s
	}
	return time.Duration(d)
}

// stalled says whether nothing comes of the frame, although it could.
func (c *claim) stalled(now time.Time) bool {
	return c.stopped.Load() == 0 && now.UnixNano()-max(c.last.Load(), c.since.Load()) >= int64(evictionGrace)
}

const (
	// speculative is the part of the budget, in eighths, for frames that are
	// larger than what their connection has completed before. The rest is
	// there for those that have shown that they mean it.
	speculative = 7
	// overdraft is the part of the budget by which those who had to take
	// something may be above the bound of speculation before others have to go.
	overdraft = 16
	// evictionGrace is how long a frame may take before it can lose its place
	// to another one that is no better founded.
	evictionGrace = time.Second
	// reclaimParts: what is taken back at a time is at least this part of the
	// budget, so that not every frame needs a search.
	reclaimParts = 32
)

func newBudget(limit int64) budget { return budget{limit: limit} }

// join makes c known; it holds nothing yet.
func (b *budget) join(c *claim) {
	b.seq++
	c.seq = b.seq
	c.place = len(b.holders)
	b.holders = append(b.holders, c)
}

// leave ends c, which gives back all that it holds.
func (b *budget) leave(c *claim) {
	b.give(c, c.held)
	b.cancel(c)
	if c.doomed {
		c.doomed = false
	}
	last := len(b.holders) - 1
	b.holders[c.place] = b.holders[last]
	b.holders[c.place].place = c.place
	b.holders[last] = nil
	b.holders = b.holders[:last]
}

// bound is how far the budget may be used for c to hold n.
func (b *budget) bound(c *claim, n int64) int64 {
	if n <= c.proven {
		return b.limit
	}
	return b.limit / 8 * speculative
}

// take gives c another n bytes if they are there and nobody waits who comes
// first.
func (b *budget) take(c *claim, n int64) bool {
	if b.used+n > b.bound(c, c.held+n) || len(b.waiting) > 0 && b.bound(c, c.held+n) < b.limit {
		return false
	}
	b.force(c, n)
	return true
}

// force gives c another n bytes in any case; the budget may then be overdrawn.
func (b *budget) force(c *claim, n int64) {
	c.held += n
	b.used += n
	if c.doomed {
		b.doomed += n
	}
}

// give takes n bytes back from c.
func (b *budget) give(c *claim, n int64) {
	c.held -= n
	b.used -= n
	if c.doomed {
		b.doomed -= n
	}
}

// await lets c wait for another n bytes.
func (b *budget) await(c *claim, n int64) {
	c.wants = n
	heap.Push(&b.waiting, c)
}

// cancel ends c's waiting.
func (b *budget) cancel(c *claim) {
	if c.wants > 0 {
		heap.Remove(&b.waiting, c.turn)
		c.wants = 0
	}
}

// grant serves those who wait, as far as there is memory, and returns them.
func (b *budget) grant() (served []*claim) {
	for len(b.waiting) > 0 {
		c := b.waiting[0]
		if b.used+c.wants > b.bound(c, c.held+c.wants) {
			break
		}
		n := c.wants
		b.cancel(c)
		b.force(c, n)
		served = append(served, c)
	}
	return served
}

// short is how many bytes are missing for the first who waits, or so that what
// had to be taken does not eat up the part of the proven.
func (b *budget) short() int64 {
	n := b.used - b.doomed - b.limit/8*speculative
	if n <= b.limit/overdraft {
		n = 0
	}
	if len(b.waiting) > 0 {
		c := b.waiting[0]
		n = max(n, b.used-b.doomed+c.wants-b.bound(c, c.held+c.wants))
	}
	return max(n, 0)
}

// standing is how well founded a claim is, compared with others.
type standing struct {
	*claim
	still  bool // nothing comes of its frame
	greedy bool // its address holds more than its share
	guess  bool // the frame is larger than what the connection has completed
	// left is how long the frame still takes at its pace.
	left time.Duration
	age  time.Duration
}

// worse is negative if s should go before o.
func (s standing) worse(o standing) int {
	return cmp.Or(
		boolCompare(o.still, s.still), boolCompare(o.greedy, s.greedy), boolCompare(o.guess, s.guess),
		cmp.Compare(o.left, s.left), cmp.Compare(s.seq, o.seq),
	)
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// reclaim chooses the connections that have to go so that the first who waits,
// or what is overdrawn, finds memory: those that bring nothing, then those of
// addresses that hold more than their share, then frames larger than what their connection has shown, then
// those that would take longest at their pace. A frame that is no better
// founded displaces another only after evictionGrace. The result is to be
// broken off; what it holds is given back when it leaves.
func (b *budget) reclaim(now time.Time) []*claim {
	short := b.short()
	if short == 0 {
		return nil
	}
	ranked := b.rank(now)
	var first standing
	if len(b.waiting) > 0 {
		first = ranked[slices.IndexFunc(ranked, func(s standing) bool { return s.claim == b.waiting[0] })]
	}
	goal := max(short, b.limit/reclaimParts)
	var out []*claim
	for _, v := range ranked {
		if goal <= 0 {
			break
		}
		if v.held == 0 || v.doomed || v.whole.Load() || !b.yields(v, first) {
			continue
		}
		v.claim.doomed = true
		b.doomed += v.held
		goal -= v.held
		out = append(out, v.claim)
	}
	return out
}

// yields says whether v has to make place for first; without a first, for what
// is overdrawn.
func (b *budget) yields(v, first standing) bool {
	if first.claim == nil {
		return v.age >= evictionGrace || b.used-b.doomed > b.limit/4*5
	}
	if v.claim == first.claim || v.worse(first) > 0 {
		return false
	}
	better := v.still && !first.still || v.greedy && !first.greedy || v.guess && !first.guess
	return better || v.age >= evictionGrace
}

// rank sorts all claims, the worst founded first.
func (b *budget) rank(now time.Time) []standing {
	held := map[netip.Prefix]int64{}
	for _, c := range b.holders {
		held[c.peer] += c.held
	}
	share := b.limit / max(int64(len(held)), 1)
	ranked := make([]standing, 0, len(b.holders))
	for _, c := range b.holders {
		got := max(c.received.Load(), 1)
		lacks := max(c.declared.Load()-got, 0)
		ranked = append(ranked, standing{
			claim: c, still: c.stalled(now), greedy: held[c.peer] > share, guess: c.held+c.wants > c.proven,
			age:  now.Sub(time.Unix(0, c.since.Load())),
			left: time.Duration(float64(lacks) / float64(got) * float64(max(c.active(now), time.Millisecond))),
		})
	}
	slices.SortFunc(ranked, standing.worse)
	return ranked
}

// claimHeap holds those who wait, in the order in which they are served.
type claimHeap []*claim

func (h claimHeap) Len() int { return len(h) }

func (h claimHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	ga, gb := a.held+a.wants > a.proven, b.held+b.wants > b.proven
	if ga != gb {
		return gb
	}
	la, lb := a.declared.Load()-a.received.Load(), b.declared.Load()-b.received.Load()
	return la < lb || la == lb && a.seq < b.seq
}

func (h claimHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].turn, h[j].turn = i, j
}

// Push implements heap.Interface.
func (h *claimHeap) Push(x any) {
	c, _ := x.(*claim)
	c.turn = len(*h)
	*h = append(*h, c)
}

// Pop implements heap.Interface.
func (h *claimHeap) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return c
}

// peerOf is the unit that has a share: an IPv4 address, or the network of an
// IPv6 one, for who has one address there has them all.
func peerOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a = a.Unmap().WithZone(""); a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero Prefix for the zero Addr
	return p
}
