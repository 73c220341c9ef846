package replica

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/replica/isr"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// role is what the metadata say of the partition, as one value so that a
// reader sees no mix of two leaderships.
type role struct {
	leader      bool
	leaderID    int32
	leaderEpoch int32
}

func (r *role) checkEpoch(current int32) error {
	switch {
	case current < 0 || current == r.leaderEpoch:
		return nil
	case current < r.leaderEpoch:
		return kerr.FencedLeaderEpoch
	}
	return kerr.UnknownLeaderEpoch
}

// configure takes over the topic's settings.
func (p *Partition) configure(s *Settings) {
	p.settings.Store(s)
	p.Log().SetConfig(s.forPartition(p.Name()))
}

// become takes over what the metadata say of a partition. Waiters are told
// later, by announce, when lookups find the partition.
func (p *Partition) become(mp *metadata.Partition, s *Settings) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.configure(s)
	before := p.role.Load()
	now := &role{leader: mp.Leader == p.mgr.opts.BrokerID, leaderID: mp.Leader, leaderEpoch: mp.LeaderEpoch}
	if now.leader && before.leaderEpoch != now.leaderEpoch && p.mgr.opts.ReadOnly == nil {
		p.Log().AssignEpoch(now.leaderEpoch)
	}
	c := isr.Config{
		Self: p.mgr.opts.BrokerID, LeaderEpoch: mp.LeaderEpoch, EpochStart: p.Log().EndOffset(),
		Replicas: mp.Replicas, ISR: mp.ISR, MinISR: s.MinISR,
	}
	p.isr.Lock()
	switch {
	case !now.leader:
		p.isr.leader = nil
	case p.isr.leader == nil || before.leaderEpoch != now.leaderEpoch:
		p.isr.leader = isr.New(c, p.Log().HighWatermark(), time.Now())
	default:
		p.isr.leader.Update(c, time.Now())
	}
	p.isr.Unlock()
	p.role.Store(now)
}

// announce tells what follows from the last change of role.
func (p *Partition) announce() {
	r := p.role.Load()
	if !r.leader || p.Offline() {
		p.resigned()
		return
	}
	if p.Settings().Log.FlushBeforeAck {
		p.committed(p.Log().DurableOffset())
	} else {
		p.committed(p.Log().EndOffset())
	}
	if p.mgr.opts.Elected != nil {
		p.mgr.opts.Elected(p, r.leaderEpoch)
	}
	if p.Offline() { // by now: DirFailed may have been here before Elected
		p.resigned()
	}
}

// resign ends this broker's part in the partition, before its log goes.
func (p *Partition) resign() {
	p.mu.Lock()
	before := p.role.Load()
	p.role.Store(&role{leaderID: metadata.NoLeader, leaderEpoch: before.leaderEpoch})
	p.isr.Lock()
	p.isr.leader = nil
	p.isr.Unlock()
	p.mu.Unlock()
	p.resigned()
}

// resigned sends everyone away who waits for this broker as the leader.
func (p *Partition) resigned() {
	p.commits.fail(p.unavailable())
	for i := range p.waiting {
		p.waiting[i].wake()
	}
	if p.mgr.opts.Resigned != nil {
		p.mgr.opts.Resigned(p)
	}
}
