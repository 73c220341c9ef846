package api

import (
	"testing"
	"time"
)

func TestFetchesGiveUpTogether(t *testing.T) {
	from := time.Unix(1_700_000_000, 123_456_789)
	for wait, most := range map[time.Duration]time.Duration{
		0:                      0,
		5 * time.Millisecond:   0,
		100 * time.Millisecond: 100 * time.Millisecond / lateParts,
		500 * time.Millisecond: 500 * time.Millisecond / lateParts,
		5 * time.Minute:        latest,
	} {
		moments := map[time.Time]bool{}
		for i := range 100 {
			now := from.Add(time.Duration(i) * most / 100)
			end := together(now, wait)
			if late := end.Sub(now.Add(wait)); late < 0 || late > most {
				t.Errorf("a fetch that waits for %v gives up %v late, more than %v", wait, late, most)
			}
			moments[end] = true
		}
		if most > 0 && len(moments) > 3 {
			t.Errorf("a hundred fetches within %v that wait for %v give up at %d times", most, wait, len(moments))
		}
	}
	if end := together(time.Now(), time.Second); time.Until(end) > time.Second+latest || time.Until(end) < 0 {
		t.Errorf("a second from now is in %v", time.Until(end))
	}
}

// A full cache gives up the session whose last use is longest ago, and only
// after a while.
func TestSessionsAreEvictedByLastUse(t *testing.T) {
	sc := newSessionCache(2)
	parts := []wanted{{}}
	a, b := sc.create(parts, false), sc.create(parts, false)
	if a == nil || b == nil || sc.create(parts, false) != nil {
		t.Fatal("there is room for two sessions")
	}
	sc.touch(a)
	now := time.Now()
	if sc.evict(now.Add(minSessionEviction - time.Minute)) {
		t.Error("a session that was used a minute ago had to go")
	}
	if !sc.evict(now.Add(minSessionEviction+time.Second)) || sc.sessions[b.id] != nil || sc.sessions[a.id] == nil {
		t.Error("not the session that was used longest ago had to go")
	}
	sc.touch(b) // a request of it was under way
	sc.drop(b.id)
	sc.drop(a.id)
	if len(sc.sessions) != 0 || sc.order.Len() != 0 || sc.evict(now.Add(time.Hour)) {
		t.Errorf("%d sessions are left, %d in the order", len(sc.sessions), sc.order.Len())
	}
}
