package controller

import (
	"slices"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// election says which replicas a change may elect (PartitionChangeBuilder.Election).
type election int8

const (
	electOnline    election = iota // keep the leader if it is fit, else any fit replica
	electPreferred                 // the first replica if it is fit
	electUnclean                   // as electOnline, else any live replica
)

// change works out one partition's next state from what is wanted: the rules by
// which ISR, ELR, leader and reassignment follow from each other. It is Kafka's
// PartitionChangeBuilder (KIP-966 for the ELR).
type change struct {
	partition *metadata.Partition
	record    *metadata.PartitionChangeRecord
	// acceptable tells whether a broker may lead, its log directory apart.
	acceptable func(metadata.BrokerID) bool
	img        *metadata.Image
	minISR     int
	elr        bool // the ELR feature is on
	election   election
	// Wanted values; each begins as it is.
	isr, replicas, removing, adding, eligible []metadata.BrokerID
	directories                               []metadata.UUID // by replicas, before they change
	recovery                                  metadata.LeaderRecoveryState
	// unclean is a broker that is known to have stopped uncleanly, or NoLeader.
	unclean metadata.BrokerID
}

// newChange begins a change that wants what is.
func (c *Controller) newChange(img *metadata.Image, t *metadata.Topic, index int32) *change {
	p := t.Partitions[index]
	return &change{
		partition:  p,
		record:     metadata.NewPartitionChange(t.ID, index),
		acceptable: func(b metadata.BrokerID) bool { return active(img, b) },
		img:        img,
		minISR:     c.minISR(img, t),
		elr:        elrEnabled(img),
		isr:        p.ISR, replicas: p.Replicas, removing: p.RemovingReplicas, adding: p.AddingReplicas,
		eligible: p.ELR, directories: slices.Clone(p.Directories), recovery: p.LeaderRecoveryState,
		unclean: metadata.NoLeader,
	}
}

// allowUnclean lets the change elect uncleanly if the topic does.
func (g *change) allowUnclean(allowed bool) *change {
	if allowed {
		g.election = electUnclean
	}
	return g
}

// build gives the record that makes the change, or nil if nothing changes.
func (g *change) build() metadata.Record {
	g.completeReassignment()
	g.findEligible()
	g.elect()
	g.bumpEpochForRemovedReplicas()
	g.writeEligible()
	if g.record.ISR == nil && (len(g.isr) > 0 || g.elr) && !slices.Equal(g.isr, g.partition.ISR) {
		g.record.ISR = list(g.isr)
	}
	g.bumpEpochForShrunkISR()
	g.writeLastKnownLeader()
	g.writeAssignment()
	if g.recovery != g.partition.LeaderRecoveryState {
		g.record.LeaderRecoveryState = g.recovery
	}
	r := g.record
	if r.ISR == nil && r.ELR == nil && r.LastKnownELR == nil && r.Replicas == nil &&
		r.RemovingReplicas == nil && r.AddingReplicas == nil && r.Directories == nil &&
		r.Leader == metadata.NoLeaderChange && r.LeaderRecoveryState == metadata.RecoveryUnchanged {
		return nil
	}
	return r
}

// list gives a copy that is not nil, for a record field where nil says "no change".
func list(in []metadata.BrokerID) []metadata.BrokerID { return append([]metadata.BrokerID{}, in...) }

// completeReassignment ends a reassignment whose new replicas are all in sync
// (PartitionReassignmentReplicas.maybeCompleteReassignment).
func (g *change) completeReassignment() {
	if len(g.removing) == 0 && len(g.adding) == 0 {
		return
	}
	isr, replicas := without(g.isr, g.removing...), without(g.replicas, g.removing...)
	if len(g.removing) > 0 && (len(isr) == 0 || len(replicas) == 0) {
		return
	}
	if !containsAll(isr, g.adding) {
		return
	}
	// Where the replication factor shrinks, all that stay must be in sync:
	// otherwise ending would make the ISR smaller than waiting does.
	if len(g.adding) < len(g.removing) && !containsAll(isr, replicas) {
		return
	}
	g.isr, g.replicas, g.removing, g.adding = isr, replicas, nil, nil
}

// findEligible moves what leaves an ISR that is below min ISR to the ELR.
func (g *change) findEligible() {
	if !g.elr {
		return
	}
	if len(g.isr) >= g.minISR {
		g.eligible = nil
		return
	}
	var next []metadata.BrokerID
	for _, b := range slices.Concat(g.eligible, g.partition.ISR) {
		if !slices.Contains(g.isr, b) && !slices.Contains(next, b) && b != g.unclean {
			next = append(next, b)
		}
	}
	slices.Sort(next)
	g.eligible = next
}

// fit tells whether a replica may be elected cleanly: it is in the ISR, or in
// the ELR of an empty ISR, and alive.
func (g *change) fit(b metadata.BrokerID) bool {
	return (slices.Contains(g.isr, b) || len(g.isr) == 0 && slices.Contains(g.eligible, b)) && g.alive(b)
}

// alive tells whether a broker may lead, and the directory is on line that its
// replica is in after the change (ReplicationControlManager.LeaderAcceptor).
//
// Deviation: Kafka asks for the directory before the change. A replica that is
// made in another directory, its own being lost, then leads only after the next
// restart.
func (g *change) alive(b metadata.BrokerID) bool {
	if b == metadata.NoLeader || !g.acceptable(b) {
		return false
	}
	at := slices.Index(g.partition.Replicas, b)
	reg := g.img.Broker(b)
	return at >= 0 && reg != nil && reg.HasOnlineDir(g.directories[at])
}

// elect writes a new leader if there is to be one.
func (g *change) elect() {
	leader, unclean := g.choose()
	if leader == g.partition.Leader {
		return
	}
	if slices.Contains(g.eligible, leader) {
		g.isr = []metadata.BrokerID{leader}
		g.eligible = without(g.eligible, leader)
	}
	g.record.Leader = leader
	if unclean {
		// What only others have is lost: the ISR starts again with the leader.
		g.record.ISR = []metadata.BrokerID{leader}
		if g.partition.LeaderRecoveryState != metadata.Recovering {
			g.record.LeaderRecoveryState = metadata.Recovering
		}
	}
}

// choose gives the replica that should lead, and whether that is unclean.
func (g *change) choose() (leader metadata.BrokerID, unclean bool) {
	current := g.partition.Leader
	if g.election == electPreferred && len(g.replicas) > 0 && g.fit(g.replicas[0]) {
		return g.replicas[0], false
	}
	if g.fit(current) {
		return current, false
	}
	if i := slices.IndexFunc(g.replicas, g.fit); i >= 0 {
		return g.replicas[i], false
	}
	if last, ok := g.lastKnownLeader(); ok {
		return last, true
	}
	if g.election == electUnclean {
		if i := slices.IndexFunc(g.replicas, g.alive); i >= 0 {
			return g.replicas[i], true
		}
	}
	return metadata.NoLeader, false
}

// lastKnownLeader gives the leader that a partition had when it lost its last
// in-sync and eligible replica, if it is back: it knows most.
func (g *change) lastKnownLeader() (metadata.BrokerID, bool) {
	if !g.elr || len(g.eligible) > 0 || len(g.isr) > 0 || len(g.partition.LastKnownELR) != 1 {
		return metadata.NoLeader, false
	}
	last := g.partition.LastKnownELR[0]
	return last, g.alive(last)
}

// bumpEpochForRemovedReplicas raises the leader epoch if a replica goes, so that
// it learns of it.
func (g *change) bumpEpochForRemovedReplicas() {
	if g.record.Leader == metadata.NoLeaderChange && !containsAll(g.replicas, g.partition.Replicas) {
		g.record.Leader = g.partition.Leader
	}
}

// metadataVersion36IV0 is the first metadata.version whose brokers need no new
// leader epoch when the ISR shrinks (KAFKA-15021).
const metadataVersion36IV0 = 12

func (g *change) bumpEpochForShrunkISR() {
	if metadataVersion(g.img) < metadataVersion36IV0 && g.record.Leader == metadata.NoLeaderChange &&
		g.record.ISR != nil && !containsAll(g.record.ISR, g.partition.ISR) {
		g.record.Leader = g.partition.Leader
	}
}

func (g *change) writeEligible() {
	if g.record.ISR != nil || !g.elr {
		// The election was unclean, or the feature is off.
		g.eligible = nil
	}
	if !slices.Equal(g.eligible, g.partition.ELR) {
		g.record.ELR = list(g.eligible)
	}
}

func (g *change) writeLastKnownLeader() {
	switch {
	case !g.elr:
	case g.record.Leader == metadata.NoLeader && len(g.partition.LastKnownELR) == 0:
		g.record.LastKnownELR = []metadata.BrokerID{g.partition.Leader}
	case g.record.Leader >= 0 && len(g.partition.LastKnownELR) > 0:
		g.record.LastKnownELR = []metadata.BrokerID{}
	}
}

// metadataVersion37IV2 is the first with directory assignment (KIP-858).
const metadataVersion37IV2 = 17

func (g *change) writeAssignment() {
	p := g.partition
	if len(g.replicas) > 0 {
		if metadataVersion(g.img) >= metadataVersion37IV2 {
			if dirs := g.targetDirectories(); !slices.Equal(dirs, p.Directories) {
				g.record.Directories = dirs
			}
		}
		if !slices.Equal(g.replicas, p.Replicas) {
			g.record.Replicas = list(g.replicas)
		}
	}
	if !slices.Equal(g.removing, p.RemovingReplicas) {
		g.record.RemovingReplicas = list(g.removing)
	}
	if !slices.Equal(g.adding, p.AddingReplicas) {
		g.record.AddingReplicas = list(g.adding)
	}
}

// targetDirectories has the directory that each wanted replica has or gets.
func (g *change) targetDirectories() []metadata.UUID {
	out := make([]metadata.UUID, len(g.replicas))
	for i, b := range g.replicas {
		if at := slices.Index(g.partition.Replicas, b); at >= 0 {
			out[i] = g.directories[at]
		} else {
			out[i] = defaultDir(g.img, b)
		}
	}
	return out
}

// assignDirectory wants a broker's replica in a directory.
func (g *change) assignDirectory(b metadata.BrokerID, dir metadata.UUID) *change {
	if at := slices.Index(g.partition.Replicas, b); at >= 0 {
		g.directories[at] = dir
	}
	return g
}

// without gives the ids of list that are not among those to drop, in order.
func without(list []metadata.BrokerID, drop ...metadata.BrokerID) []metadata.BrokerID {
	out := make([]metadata.BrokerID, 0, len(list))
	for _, b := range list {
		if !slices.Contains(drop, b) {
			out = append(out, b)
		}
	}
	return out
}

func containsAll(list, wanted []metadata.BrokerID) bool {
	return !slices.ContainsFunc(wanted, func(b metadata.BrokerID) bool { return !slices.Contains(list, b) })
}
