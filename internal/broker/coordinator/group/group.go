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
	// validateOffsetCommit says whether the member may commit offsets.
	validateOffsetCommit(memberID string, instanceID *string, generation int32) error
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
