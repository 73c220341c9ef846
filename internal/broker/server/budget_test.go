package server

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// newClaim makes a claim of an address with a frame that declares so much, has
// begun so long before now, and has received so much.
func newClaim(addr string, declared, received int64, age time.Duration) *claim {
	c := &claim{peer: peerOf(netip.MustParseAddr(addr))}
	c.since.Store(budgetNow.Add(-age).UnixNano())
	c.declared.Store(declared)
	c.received.Store(received)
	c.last.Store(budgetNow.UnixNano())
	return c
}

var budgetNow = time.Unix(1_700_000_000, 0)

const mib = 1 << 20

func TestBudgetKeepsAPartForTheProven(t *testing.T) {
	b := newBudget(8 * mib)
	guess, proven := newClaim("10.0.0.1", 100*mib, 0, 0), newClaim("10.0.0.1", mib, 0, 0)
	proven.proven = mib
	b.join(guess)
	b.join(proven)
	if !b.take(guess, 7*mib) || b.take(guess, 1) {
		t.Error("a guess gets seven eighths")
	}
	if !b.take(proven, mib) || b.take(proven, 1) {
		t.Error("what is proven gets all")
	}
	b.leave(guess)
	b.leave(proven)
	if b.used != 0 || len(b.holders) != 0 {
		t.Errorf("%d bytes and %d holders are left", b.used, len(b.holders))
	}
}

func TestBudgetServesTheProvenThenTheSmallest(t *testing.T) {
	b := newBudget(8 * mib)
	holder := newClaim("10.0.0.1", 100*mib, 0, 0)
	b.join(holder)
	b.force(holder, 8*mib)
	large, small, proven := newClaim("10.0.0.1", 50*mib, 0, 0), newClaim("10.0.0.1", 2*mib, 0, 0), newClaim("10.0.0.1", 70*mib, 0, 0)
	proven.proven = 70 * mib
	for _, c := range []*claim{large, small, proven} {
		b.join(c)
		b.await(c, mib)
	}
	var order []*claim
	for b.give(holder, mib); len(order) < 3; b.give(holder, mib) {
		order = append(order, b.grant()...)
	}
	if !slices.Equal(order, []*claim{proven, small, large}) {
		t.Errorf("served in another order: %v", order)
	}
	if b.take(newClaim("10.0.0.1", mib, 0, 0), 8*mib) {
		t.Error("what is not there was given")
	}
}

// Who takes longest at its pace goes first, but not before its time.
func TestReclaimChoosesTheSlowest(t *testing.T) {
	b := newBudget(8 * mib)
	slow := newClaim("10.0.0.1", 100*mib, 64<<10, 5*time.Second)
	slower := newClaim("10.0.0.1", 100*mib, 1, 5*time.Second)
	fast := newClaim("10.0.0.1", 4*mib, 3*mib, 2*time.Second)
	young := newClaim("10.0.0.1", 100*mib, 1, 500*time.Millisecond)
	whole := newClaim("10.0.0.1", 100*mib, 1, time.Hour)
	whole.whole.Store(true)
	for _, c := range []*claim{slow, fast, slower, young, whole} {
		b.join(c)
		b.force(c, 7*mib/5)
	}
	first := newClaim("10.0.0.1", mib, 512<<10, time.Second)
	b.join(first)
	b.await(first, mib)
	if got := b.reclaim(budgetNow); !slices.Equal(got, []*claim{slower}) {
		t.Fatalf("chose %v", got)
	}
	if got := b.reclaim(budgetNow); got != nil {
		t.Fatalf("more than needed: %v", got)
	}
	b.leave(slower)
	if got := b.grant(); !slices.Equal(got, []*claim{first}) || b.doomed != 0 {
		t.Fatalf("served %v, %d doomed", got, b.doomed)
	}
	again := newClaim("10.0.0.1", mib, 512<<10, time.Second)
	b.join(again)
	b.await(again, mib)
	if got := b.reclaim(budgetNow); !slices.Equal(got, []*claim{slow}) {
		t.Fatalf("then chose %v", got)
	}
}

// What brings nothing makes place for what waits, however near it is to its end.
func TestReclaimTakesFromThoseThatStopped(t *testing.T) {
	b := newBudget(8 * mib)
	still := newClaim("10.0.0.1", mib, mib-1, 5*time.Second)
	still.last.Store(budgetNow.Add(-2 * time.Second).UnixNano())
	b.join(still)
	b.force(still, 7*mib)
	waits := newClaim("10.0.0.1", 100*mib, 1, 5*time.Second)
	waits.stopped.Store(budgetNow.Add(-4 * time.Second).UnixNano())
	b.join(waits)
	b.await(waits, mib)
	if got := b.reclaim(budgetNow); !slices.Equal(got, []*claim{still}) {
		t.Fatalf("chose %v", got)
	}
}

// An address that holds more than its share makes place for others at once.
func TestReclaimKeepsTheShares(t *testing.T) {
	b := newBudget(8 * mib)
	for range 7 {
		c := newClaim("10.0.0.1", 2*mib, mib, 10*time.Millisecond)
		b.join(c)
		b.force(c, mib)
	}
	other := newClaim("10.0.0.2", 100*mib, 1, 10*time.Millisecond)
	b.join(other)
	b.await(other, mib)
	if got := b.reclaim(budgetNow); len(got) != 1 || got[0].peer == other.peer {
		t.Fatalf("chose %v", got)
	}
	b.cancel(other)
	b.leave(other)
	same := newClaim("10.0.0.1", 2*mib, mib, 10*time.Millisecond)
	b.join(same)
	b.await(same, mib)
	for _, c := range b.holders {
		c.doomed = false
	}
	b.doomed = 0
	if got := b.reclaim(budgetNow); got != nil {
		t.Fatalf("a frame that is no better displaced %v", got)
	}
}

// Nobody waits for ever behind frames that wait too.
func TestReclaimEndsADeadlock(t *testing.T) {
	b := newBudget(8 * mib)
	for i := range int64(14) {
		c := newClaim("10.0.0.1", 100*mib, 512<<10+i, 2*time.Second)
		b.join(c)
		b.force(c, mib/2)
		b.await(c, mib)
	}
	if got := b.reclaim(budgetNow); len(got) == 0 {
		t.Fatal("all wait for each other")
	}
}

// Whatever happens, the sums are right and the bound holds for those who ask.
func TestBudgetSums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	b := newBudget(8 * mib)
	var all []*claim
	now := budgetNow
	for step := range 20_000 {
		now = now.Add(time.Duration(rnd.Int64N(int64(20 * time.Millisecond))))
		switch op := rnd.IntN(6); {
		case op == 0 || len(all) == 0:
			c := newClaim([]string{"10.0.0.1", "10.0.0.2", "fe80::1"}[rnd.IntN(3)], rnd.Int64N(4*mib), 0, 0)
			c.since.Store(now.UnixNano())
			c.proven = rnd.Int64N(2) * mib
			b.join(c)
			all = append(all, c)
		case op == 1:
			i := rnd.IntN(len(all))
			b.leave(all[i])
			all = slices.Delete(all, i, i+1)
			b.grant()
		case op == 2:
			for _, v := range b.reclaim(now) {
				b.leave(v)
				all = slices.DeleteFunc(all, func(c *claim) bool { return c == v })
			}
			b.grant()
		default:
			c := all[rnd.IntN(len(all))]
			c.received.Add(rnd.Int64N(32 << 10))
			if n := 1 + rnd.Int64N(256<<10); c.wants == 0 && !b.take(c, n) {
				b.await(c, n)
			}
		}
		var held, doomed int64
		waiting := 0
		for i, c := range all {
			held += c.held
			if c.doomed {
				doomed += c.held
			}
			if c.wants > 0 {
				waiting++
			}
			if b.holders[c.place] != c {
				t.Fatalf("step %d: claim %d is not in its place", step, i)
			}
		}
		if held != b.used || doomed != b.doomed || waiting != len(b.waiting) || len(all) != len(b.holders) || b.used > b.limit {
			t.Fatalf("step %d: %d held, %d used of %d; %d doomed, %d; %d wait, %d", step, held, b.used, b.limit, doomed, b.doomed, waiting, len(b.waiting))
		}
	}
}

func TestPeerOf(t *testing.T) {
	for addr, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "::ffff:10.1.2.3": "10.1.2.3/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := peerOf(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
}
