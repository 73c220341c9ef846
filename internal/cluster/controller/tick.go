package controller

import (
	"time"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// maxElectionsPerTick bounds how many leaders one tick elects
// (ReplicationControlManager.MAX_ELECTIONS_PER_IMBALANCE).
const maxElectionsPerTick = 1_000

// Tick gives the records that are due by now: of a broker whose session has
// expired, of leaderships that should go back to the preferred replica, of
// unclean elections where they are allowed. The caller proposes them as one
// atomic batch and calls again, with the image that they make, until it gets
// none; after that, every 100 ms or so.
func (c *Controller) Tick(img *metadata.Image, now time.Time) []metadata.Record {
	x := &exchange{img: img, now: now}
	c.forgivePause(x)
	for _, work := range [...]func(*exchange){c.fenceStale, c.electUncleanly, c.rebalance} {
		if work(x); len(x.out) > 0 {
			break
		}
	}
	return x.out
}

// pauseParts is the part of the session timeout between two ticks that is taken
// for a pause of this process: it was stopped, or the machine was.
const pauseParts = 3

// forgivePause lengthens all sessions by the time in which this process did not
// run, for it could not have heard a heartbeat then. Without it, a lone node
// that was suspended would begin by fencing itself.
//
// Deviation: Kafka fences whoever it did not hear from, whatever the reason.
func (c *Controller) forgivePause(x *exchange) {
	gap := x.now.Sub(c.ticked)
	if !c.ticked.IsZero() && gap > c.cfg.SessionTimeout/pauseParts {
		for b := range x.img.AllBrokers() {
			k := c.contactOf(b, x.now)
			if k.last = k.last.Add(gap); k.last.After(x.now) {
				k.last = x.now
			}
		}
	}
	c.ticked = x.now
}

// Unreachable gives the records that fence a broker whose connections broke and
// whose port refuses new ones: it is not worth waiting for the end of its
// session. epoch is that of the incarnation that is gone; if a newer one has
// registered, or the broker is fenced already, there is nothing to do.
func (c *Controller) Unreachable(img *metadata.Image, now time.Time, broker metadata.BrokerID, epoch int64) []metadata.Record {
	b := img.Broker(broker)
	if b == nil || b.Epoch != epoch || b.Fenced {
		return nil
	}
	x := &exchange{img: img, now: now}
	c.fence(x, b)
	return x.out
}

// fenceStale fences one broker whose session has expired. The others follow in
// the next ticks, so that each decision sees the effect of the last.
func (c *Controller) fenceStale(x *exchange) {
	for b := range x.img.AllBrokers() {
		if b.Fenced || x.now.Sub(c.contactOf(b, x.now).last) < c.cfg.SessionTimeout {
			continue
		}
		c.fence(x, b)
		return
	}
}

// due tells whether periodic work is due, and notes that it is done.
func due(last *time.Time, now time.Time, interval time.Duration) bool {
	if last.IsZero() {
		*last = now
	}
	if now.Sub(*last) < interval {
		return false
	}
	*last = now
	return true
}

// electUncleanly elects leaders for partitions that have none and allow it.
func (c *Controller) electUncleanly(x *exchange) {
	if !due(&c.uncleaned, x.now, c.cfg.UncleanInterval) || x.img.LeaderCount(metadata.NoLeader) == 0 {
		return
	}
	c.electSome(x, &c.uncleaned, c.cfg.UncleanInterval, func(t *metadata.Topic, p *metadata.Partition) (election, bool) {
		return electUnclean, !p.HasLeader() && c.unclean(x.img, t.Name)
	})
}

// rebalance gives leaderships back to preferred replicas.
func (c *Controller) rebalance(x *exchange) {
	if c.cfg.DisableAutoRebalance || !due(&c.balanced, x.now, c.cfg.RebalanceInterval) || x.img.ImbalancedCount() == 0 {
		return
	}
	c.electSome(x, &c.balanced, c.cfg.RebalanceInterval, func(_ *metadata.Topic, p *metadata.Partition) (election, bool) {
		return electPreferred, !p.HasPreferredLeader()
	})
}

// electSome holds an election in the partitions that are chosen. If there are
// more than one tick may elect, the work is due again in the next.
func (c *Controller) electSome(x *exchange, last *time.Time, interval time.Duration,
	choose func(*metadata.Topic, *metadata.Partition) (election, bool),
) {
	for t := range x.img.AllTopics() {
		for i, p := range t.Partitions {
			kind, chosen := choose(t, p)
			if !chosen {
				continue
			}
			if len(x.out) >= maxElectionsPerTick {
				*last = x.now.Add(-interval)
				return
			}
			g := c.newChange(x.img, t, int32(i))
			g.election = kind
			if r := g.build(); r != nil {
				x.emit(r)
			}
		}
	}
}
