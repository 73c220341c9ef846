package metadata

// Leader values that are no broker (LeaderConstants).
const (
	// NoLeader says that a partition has no leader.
	NoLeader int32 = -1
	// NoLeaderChange in a PartitionChangeRecord leaves leader and leader epoch.
	NoLeaderChange int32 = -2
)

// LeaderRecoveryState says whether a leader was elected uncleanly and has not
// finished its recovery (KIP-704).
type LeaderRecoveryState int8

// The leader recovery states.
const (
	Recovered  LeaderRecoveryState = 0
	Recovering LeaderRecoveryState = 1
	// RecoveryUnchanged in a PartitionChangeRecord leaves the state.
	RecoveryUnchanged LeaderRecoveryState = -1
)

func (s *LeaderRecoveryState) visit(c *coder) { c.int8((*int8)(s)) }

// TopicRecord creates a topic, without partitions.
type TopicRecord struct {
	Name    string
	TopicID TopicID
}

// Type implements [Record].
func (*TopicRecord) Type() RecordType { return TypeTopic }

func (r *TopicRecord) visit(c *coder) {
	c.string(&r.Name)
	c.topicID(&r.TopicID)
	c.noTags()
}

// PartitionRecord creates a partition, or replaces all of it.
type PartitionRecord struct {
	PartitionID         int32
	TopicID             TopicID
	Replicas            []int32 // in preferred order
	ISR                 []int32
	RemovingReplicas    []int32
	AddingReplicas      []int32
	Leader              int32 // NoLeader if there is none
	LeaderRecoveryState LeaderRecoveryState
	LeaderEpoch         int32
	PartitionEpoch      int32
	Directories         []UUID  // one per replica, version 1 and later
	ELR                 []int32 // eligible leader replicas (KIP-966), version 2
	LastKnownELR        []int32 // version 2
}

func newPartitionRecord() *PartitionRecord {
	return &PartitionRecord{PartitionID: -1, Leader: NoLeader, LeaderEpoch: -1, PartitionEpoch: -1}
}

// Type implements [Record].
func (*PartitionRecord) Type() RecordType { return TypePartition }

func (r *PartitionRecord) visit(c *coder) {
	c.int32(&r.PartitionID)
	c.topicID(&r.TopicID)
	c.int32s(&r.Replicas)
	c.int32s(&r.ISR)
	c.int32s(&r.RemovingReplicas)
	c.int32s(&r.AddingReplicas)
	c.int32(&r.Leader)
	c.int32(&r.LeaderEpoch)
	c.int32(&r.PartitionEpoch)
	if c.since(1, len(r.Directories) > 0) {
		c.uuids(&r.Directories)
	}
	c.beginTags()
	c.tag(0, 0, r.LeaderRecoveryState != Recovered, r.LeaderRecoveryState.visit)
	c.tag(1, 2, r.ELR != nil, func(c *coder) { nullableList(c, &r.ELR, 4, c.int32) })
	c.tag(2, 2, r.LastKnownELR != nil, func(c *coder) { nullableList(c, &r.LastKnownELR, 4, c.int32) })
	c.endTags()
}

// PartitionChangeRecord changes some fields of a partition. A nil slice leaves
// the field; an empty one empties it. Use [NewPartitionChange] for a record that
// changes nothing yet: the zero value makes broker 0 the leader.
type PartitionChangeRecord struct {
	PartitionID         int32
	TopicID             TopicID
	ISR                 []int32
	Leader              int32 // NoLeaderChange keeps leader and leader epoch
	Replicas            []int32
	RemovingReplicas    []int32
	AddingReplicas      []int32
	LeaderRecoveryState LeaderRecoveryState // RecoveryUnchanged keeps it
	ELR                 []int32             // version 2
	LastKnownELR        []int32             // version 2
	Directories         []UUID              // one per replica, version 1 and later
}

// NewPartitionChange gives a record that changes nothing but the partition epoch.
func NewPartitionChange(id TopicID, partition int32) *PartitionChangeRecord {
	return &PartitionChangeRecord{
		PartitionID: partition, TopicID: id,
		Leader: NoLeaderChange, LeaderRecoveryState: RecoveryUnchanged,
	}
}

// Type implements [Record].
func (*PartitionChangeRecord) Type() RecordType { return TypePartitionChange }

func (r *PartitionChangeRecord) visit(c *coder) {
	replicas := func(number uint64, version int16, field *[]int32) {
		c.tag(number, version, *field != nil, func(c *coder) { nullableList(c, field, 4, c.int32) })
	}
	c.int32(&r.PartitionID)
	c.topicID(&r.TopicID)
	c.beginTags()
	replicas(0, 0, &r.ISR)
	c.tag(1, 0, r.Leader != NoLeaderChange, func(c *coder) { c.int32(&r.Leader) })
	replicas(2, 0, &r.Replicas)
	replicas(3, 0, &r.RemovingReplicas)
	replicas(4, 0, &r.AddingReplicas)
	c.tag(5, 0, r.LeaderRecoveryState != RecoveryUnchanged, r.LeaderRecoveryState.visit)
	replicas(6, 2, &r.ELR)
	replicas(7, 2, &r.LastKnownELR)
	c.tag(8, 1, r.Directories != nil, func(c *coder) { nullableList(c, &r.Directories, 16, c.uuid) })
	c.endTags()
}

// RemoveTopicRecord deletes a topic with its partitions and its configs.
type RemoveTopicRecord struct{ TopicID TopicID }

// Type implements [Record].
func (*RemoveTopicRecord) Type() RecordType { return TypeRemoveTopic }

func (r *RemoveTopicRecord) visit(c *coder) {
	c.topicID(&r.TopicID)
	c.noTags()
}

// ClearElrRecord empties the eligible and the last known leader replicas of one
// topic, or of all topics if the name is empty (KIP-966).
type ClearElrRecord struct{ TopicName string }

// Type implements [Record].
func (*ClearElrRecord) Type() RecordType { return TypeClearElr }

func (r *ClearElrRecord) visit(c *coder) {
	c.string(&r.TopicName)
	c.noTags()
}
