package group

// group is what every type of group offers to the parts that do not depend on
// the type: offsets, listing, deletion, expiry (Kafka's Group). Classic groups
// are the first type; consumer, share and streams groups are further
// implementations.
type group interface {
	groupID() string
	// kind is the type's name as ListGroups sends it: "classic".
	kind() string
	stateName() string
	protocolName() string
	empty() bool
	// validateOffsetCommit says whether the sender may commit offsets. If it may
	// for some partitions only, check, which is else nil, says for which.
	validateOffsetCommit(c *committer) (check partitionCheck, err error)
	// validateOffsetFetch says whether who names itself may read offsets; who
	// does not (memberID nil, epoch negative) may.
	validateOffsetFetch(memberID *string, epoch int32) error
	// validateOffsetDelete and validateDelete say whether a client may delete
	// offsets of the group, or all of it.
	validateOffsetDelete() error
	validateDelete() error
	subscribedTo(topic string) bool
	// expiry is the time from which an offset's retention counts; ok is false
	// while the group's offsets do not expire.
	expiry() (base func(o *offset) int64, ok bool)
	// appendTombstones decides the records that remove the group, and stops
	// its timers.
	appendTombstones(s *Shard, o *op)
}

// committer is who wants to commit offsets.
type committer struct {
	memberID   string
	instanceID *string
	// epoch is the generation, or the member epoch of a modern group; negative
	// for who is no member.
	epoch int32
	// version is that of the OffsetCommit request.
	version int16
	// transactional is true for TxnOffsetCommit, whose senders need not say who
	// they are.
	transactional bool
}

// partitionCheck refuses a commit to a partition, in the name of the whole
// request. topicID is zero if it is not known.
type partitionCheck func(topicID [16]byte, partition int32) error
