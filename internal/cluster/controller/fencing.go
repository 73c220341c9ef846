package controller

import (
	"slices"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// brokerChange is what happens to a broker, for the partitions that it is part
// of. Each field names a broker, or is NoLeader.
type brokerChange struct {
	remove  metadata.BrokerID // leaves ISRs and leaderships
	add     metadata.BrokerID // may lead from now on, whatever the image says
	unclean metadata.BrokerID // has lost what it had not flushed: leaves ELRs too
}

func removeBroker(b metadata.BrokerID) brokerChange {
	return brokerChange{remove: b, add: metadata.NoLeader, unclean: metadata.NoLeader}
}

// inISR and inELR choose the partitions that a broker is an (eligible) in-sync
// replica of; leaderless those that nobody leads.
func inISR(b metadata.BrokerID) func(*metadata.Partition) bool {
	return func(p *metadata.Partition) bool { return slices.Contains(p.ISR, b) }
}

func inELR(b metadata.BrokerID) func(*metadata.Partition) bool {
	return func(p *metadata.Partition) bool { return slices.Contains(p.ELR, b) }
}

func leaderless(p *metadata.Partition) bool { return !p.HasLeader() }

// updatePartitions emits what a change of a broker does to the partitions that
// are chosen, in the order of topic and index
// (ReplicationControlManager.generateLeaderAndIsrUpdates).
func (c *Controller) updatePartitions(x *exchange, what brokerChange, chosen func(*metadata.Partition) bool) {
	for t := range x.img.AllTopics() {
		for i, p := range t.Partitions {
			if !chosen(p) {
				continue
			}
			c.updatePartition(x, what, t, int32(i))
		}
	}
}

func (c *Controller) updatePartition(x *exchange, what brokerChange, t *metadata.Topic, index int32) {
	g := c.newChange(x.img, t, index).allowUnclean(c.unclean(x.img, t.Name))
	g.acceptable = func(b metadata.BrokerID) bool {
		return b != what.remove && b != what.unclean && (b == what.add || active(x.img, b))
	}
	g.unclean = what.unclean
	g.isr = without(g.partition.ISR, what.remove, what.unclean)
	if r := g.build(); r != nil {
		x.emit(r)
	}
}

// fence takes a broker out of everything.
func (c *Controller) fence(x *exchange, b *metadata.Broker) {
	c.updatePartitions(x, removeBroker(b.ID), inISR(b.ID))
	x.emit(&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: metadata.Fence})
}

// unfence lets a broker lead again what nobody leads.
func (c *Controller) unfence(x *exchange, b *metadata.Broker) {
	x.emit(&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: metadata.Unfence})
	if x.img.LeaderCount(metadata.NoLeader) > 0 {
		what := brokerChange{remove: metadata.NoLeader, add: b.ID, unclean: metadata.NoLeader}
		c.updatePartitions(x, what, leaderless)
	}
}

// beginShutdown moves a broker's leaderships away.
func (c *Controller) beginShutdown(x *exchange, b *metadata.Broker) {
	if !b.InControlledShutdown {
		x.emit(&metadata.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: 1})
	}
	c.updatePartitions(x, removeBroker(b.ID), inISR(b.ID))
}

// endIncarnation takes the last incarnation of a broker out of what it was part
// of. clean says that it is known to have everything that it acknowledged.
//
// Deviation: the only replica of a partition keeps its place and its leader
// epoch, if its directory is still there. Nobody else could have written
// meanwhile, and a restart of a single broker with many partitions writes
// nothing. Kafka elects such a replica anew, with ELR even uncleanly.
func (c *Controller) endIncarnation(x *exchange, broker metadata.BrokerID, clean bool, dirs []metadata.UUID) {
	alone := func(p *metadata.Partition) bool {
		dir, ok := p.Directory(broker)
		return ok && len(p.Replicas) == 1 && !p.Reassigning() &&
			(dir == metadata.DirUnassigned || dir == metadata.DirMigrating || slices.Contains(dirs, dir))
	}
	what, chosen := removeBroker(broker), inISR(broker)
	if elrEnabled(x.img) && !clean {
		what = brokerChange{remove: metadata.NoLeader, add: metadata.NoLeader, unclean: broker}
		chosen = func(p *metadata.Partition) bool { return inISR(broker)(p) || inELR(broker)(p) }
	}
	c.updatePartitions(x, what, func(p *metadata.Partition) bool { return chosen(p) && !alone(p) })
}
