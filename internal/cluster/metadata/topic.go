package metadata

import "slices"

// Names of the topics that Kafka keeps for itself (Topic.INTERNAL_TOPICS, and
// the metadata log).
const (
	GroupMetadataTopic    = "__consumer_offsets"
	TransactionStateTopic = "__transaction_state"
	ShareGroupStateTopic  = "__share_group_state"
	ClusterMetadataTopic  = "__cluster_metadata"
)

// Topic is one topic. It is immutable once it is part of an [Image].
type Topic struct {
	Name string
	ID   TopicID
	// Partitions has the partition with index i at i; none is nil.
	Partitions []*Partition
}

// Partition gives the partition with this index, or nil if there is none.
func (t *Topic) Partition(index int32) *Partition {
	if t == nil || index < 0 || int(index) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[index]
}

// Internal tells whether the topic is one that Kafka marks as internal.
func (t *Topic) Internal() bool { return InternalTopic(t.Name) }

// InternalTopic tells whether a topic of this name is internal (Topic.isInternal).
func InternalTopic(name string) bool {
	return name == GroupMetadataTopic || name == TransactionStateTopic || name == ShareGroupStateTopic
}

// Partition is the state of one partition (PartitionRegistration). It is
// immutable once it is part of an [Image].
type Partition struct {
	Replicas            []int32 // in preferred order; includes those being added and removed
	ISR                 []int32
	ELR                 []int32 // eligible leader replicas, KIP-966
	LastKnownELR        []int32
	AddingReplicas      []int32
	RemovingReplicas    []int32
	Directories         []UUID // of each replica, in the order of Replicas
	Leader              int32  // NoLeader if there is none
	LeaderEpoch         int32  // raised whenever a leader is elected
	PartitionEpoch      int32  // raised by every change of the partition
	LeaderRecoveryState LeaderRecoveryState
}

// HasLeader tells whether the partition has a leader.
func (p *Partition) HasLeader() bool { return p.Leader != NoLeader }

// PreferredReplica is the first replica, or NoLeader if there is none.
func (p *Partition) PreferredReplica() int32 {
	if len(p.Replicas) == 0 {
		return NoLeader
	}
	return p.Replicas[0]
}

// HasPreferredLeader tells whether the first replica leads.
func (p *Partition) HasPreferredLeader() bool { return p.Leader == p.PreferredReplica() }

// Reassigning tells whether replicas are being added or removed.
func (p *Partition) Reassigning() bool {
	return len(p.AddingReplicas) > 0 || len(p.RemovingReplicas) > 0
}

// Directory gives the log directory of a broker's replica. It is DirMigrating,
// and false, if the broker has no replica of the partition.
func (p *Partition) Directory(broker int32) (UUID, bool) {
	i := slices.Index(p.Replicas, broker)
	if i < 0 || i >= len(p.Directories) {
		return DirMigrating, i >= 0
	}
	return p.Directories[i], true
}

// Equal tells whether both are in the same state, epochs included.
func (p *Partition) Equal(o *Partition) bool {
	if p == o || p == nil || o == nil {
		return p == o
	}
	return p.Leader == o.Leader && p.LeaderEpoch == o.LeaderEpoch &&
		p.PartitionEpoch == o.PartitionEpoch && p.LeaderRecoveryState == o.LeaderRecoveryState &&
		slices.Equal(p.Replicas, o.Replicas) && slices.Equal(p.ISR, o.ISR) &&
		slices.Equal(p.ELR, o.ELR) && slices.Equal(p.LastKnownELR, o.LastKnownELR) &&
		slices.Equal(p.AddingReplicas, o.AddingReplicas) &&
		slices.Equal(p.RemovingReplicas, o.RemovingReplicas) &&
		slices.Equal(p.Directories, o.Directories)
}

func newPartition(r *PartitionRecord) *Partition {
	return (&Partition{
		Replicas: r.Replicas, ISR: r.ISR, ELR: r.ELR, LastKnownELR: r.LastKnownELR,
		AddingReplicas: r.AddingReplicas, RemovingReplicas: r.RemovingReplicas,
		Directories: r.Directories, Leader: r.Leader, LeaderEpoch: r.LeaderEpoch,
		PartitionEpoch: r.PartitionEpoch, LeaderRecoveryState: r.LeaderRecoveryState,
	}).compact()
}

// merge gives the partition after the change, as PartitionRegistration.merge.
func (p *Partition) merge(r *PartitionChangeRecord) *Partition {
	n := *p
	if r.Leader != NoLeaderChange {
		n.Leader = r.Leader
		n.LeaderEpoch++
	}
	n.PartitionEpoch++
	if r.LeaderRecoveryState != RecoveryUnchanged {
		n.LeaderRecoveryState = r.LeaderRecoveryState
	}
	for _, f := range [...]struct {
		to   *[]int32
		from []int32
	}{
		{&n.Replicas, r.Replicas},
		{&n.ISR, r.ISR},
		{&n.ELR, r.ELR},
		{&n.LastKnownELR, r.LastKnownELR},
		{&n.AddingReplicas, r.AddingReplicas},
		{&n.RemovingReplicas, r.RemovingReplicas},
	} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if r.Directories != nil {
		n.Directories = r.Directories
	}
	return n.compact()
}

// compact gives empty lists and equal lists the least memory: most partitions
// have an ISR that equals their replicas, and four empty lists.
func (p *Partition) compact() *Partition {
	if slices.Equal(p.ISR, p.Replicas) {
		p.ISR = p.Replicas
	}
	for _, list := range [...]*[]int32{
		&p.Replicas, &p.ISR, &p.ELR, &p.LastKnownELR, &p.AddingReplicas, &p.RemovingReplicas,
	} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if !slices.ContainsFunc(p.Directories, func(d UUID) bool { return d != DirMigrating }) {
		p.Directories = nil
	}
	if p.Directories == nil && len(p.Replicas) > 0 {
		p.Directories = make([]UUID, len(p.Replicas))
	}
	return p
}

// After gives the partition as a change leaves it.
func (p *Partition) After(r *PartitionChangeRecord) *Partition { return p.merge(r) }
