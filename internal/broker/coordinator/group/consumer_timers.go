package group

import (
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// expiryKind is what a member of a consumer group has not done in time.
type expiryKind uint8

// What members of consumer groups may be late with.
const (
	sessionExpired   expiryKind = iota // no sign of life
	rebalanceExpired                   // has not given up its partitions
	rejoinExpired                      // a classic member has not joined again
	resyncExpired                      // a classic member has not synced
	expiryKinds
)

var expiryReasons = [expiryKinds]string{
	sessionExpired:   "its session has expired",
	rebalanceExpired: "it has not given up its partitions in time",
	rejoinExpired:    "it has not joined again in time",
	resyncExpired:    "it has not synced in time",
}

// memberTimers are one member's clocks.
type memberTimers struct {
	clocks [expiryKinds]shard.Timer
	// epoch is the member epoch for which the rebalance clock runs.
	epoch int32
}

func (g *consumerGroup) clocks(member string) *memberTimers {
	t := g.timers[member]
	if t == nil {
		t = &memberTimers{}
		for k := range t.clocks {
			t.clocks[k].What = consumerExpired{g.ID, member, expiryKind(k)}
		}
		g.timers[member] = t
	}
	return t
}

// startTimers runs the clocks of all members that have none: after loading, and
// when a failed append brought them back.
func (s *Shard) startTimers(o *op, g *consumerGroup) {
	for _, m := range g.Members() {
		t := g.clocks(m.ID)
		if !t.clocks[sessionExpired].Armed() {
			s.startSession(o.now, g, m)
		}
		if m.State == modern.UnrevokedPartitions && m.Classic == nil && !t.clocks[rebalanceExpired].Armed() {
			s.startRebalance(o, g, m)
		}
	}
}

// stopTimers stops the clocks of all members.
func (s *Shard) stopTimers(g *consumerGroup) {
	for _, id := range sortedKeys(g.timers) {
		s.stopMember(g, id)
	}
}

// stopMember stops and forgets one member's clocks.
func (s *Shard) stopMember(g *consumerGroup, id string) {
	t := g.timers[id]
	if t == nil {
		return
	}
	for k := range t.clocks {
		s.timers.Cancel(&t.clocks[k])
	}
	delete(g.timers, id)
}

// startSession runs the member's session anew.
func (s *Shard) startSession(now time.Time, g *consumerGroup, m *consumer.Member) {
	timeout := s.cluster.ConsumerSettings(g.ID).SessionTimeout
	if m.Classic != nil {
		timeout = millis(m.Classic.SessionTimeoutMs)
	}
	s.timers.Set(&g.clocks(m.ID).clocks[sessionExpired], now.Add(timeout))
}

// startRebalance gives the member its time to give up partitions.
func (s *Shard) startRebalance(o *op, g *consumerGroup, m *consumer.Member) {
	t := g.clocks(m.ID)
	t.epoch = m.Epoch
	s.timers.Set(&t.clocks[rebalanceExpired], o.now.Add(millis(m.RebalanceTimeoutMs)))
}

// startRejoin gives a classic member its time to join again, once.
func (s *Shard) startRejoin(now time.Time, g *consumerGroup, m *consumer.Member) {
	if t := &g.clocks(m.ID).clocks[rejoinExpired]; !t.Armed() {
		s.timers.Set(t, now.Add(millis(m.RebalanceTimeoutMs)))
	}
}

func (s *Shard) stop(g *consumerGroup, member string, what expiryKind) {
	if t := g.timers[member]; t != nil {
		s.timers.Cancel(&t.clocks[what])
	}
}

// expireConsumer puts a member out that was late.
func (s *Shard) expireConsumer(o *op, e consumerExpired) {
	g, ok := s.groups[e.group].(*consumerGroup)
	if !ok {
		return
	}
	m, ok := g.Member(e.member)
	if !ok {
		s.stopMember(g, e.member)
		return
	}
	if e.what == rebalanceExpired && m.Epoch != g.clocks(m.ID).epoch {
		return // it has gone on
	}
	o.note("member is put out", "group", g.ID, "member", m.ID, "because", expiryReasons[e.what])
	s.fence(o, g, []*consumer.Member{m})
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }
