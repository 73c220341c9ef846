package modern

// State is how far a member has followed the target assignment (Kafka's
// MemberState); its numbers are those of the records.
type State int8

// The states of a member.
const (
	// Stable has all of the target assignment of its epoch.
	Stable State = 0
	// UnrevokedPartitions has to give up partitions before it can go on.
	UnrevokedPartitions State = 1
	// UnreleasedPartitions waits for partitions that others have not given up.
	UnreleasedPartitions State = 2
	// Unknown was written by a newer version.
	Unknown State = 127
)

// Member epochs with a meaning of their own.
const (
	// JoinEpoch is sent by who joins.
	JoinEpoch int32 = 0
	// LeaveEpoch is sent by who leaves.
	LeaveEpoch int32 = -1
	// LeaveStaticEpoch is sent by a static member that means to come back.
	LeaveStaticEpoch int32 = -2
)

// Member is what members of all modern groups have. A member that is in a group
// is never changed: another one takes its place.
type Member struct {
	ID string
	// Epoch is what the member should send; PreviousEpoch it may send as long as
	// it has not heard of Epoch.
	Epoch, PreviousEpoch int32
	State                State
	InstanceID, RackID   *string
	ClientID, ClientHost string
	// Topics are the subscribed topics by name, ascending.
	Topics []string
}

// Base implements Subscriber.
func (m *Member) Base() *Member { return m }

// ReconciledTo says whether the member has all of the target assignment of the
// epoch.
func (m *Member) ReconciledTo(epoch int32) bool { return m.State == Stable && m.Epoch == epoch }

// Subscriber is a member of some type of modern group: a pointer.
type Subscriber interface {
	comparable
	Base() *Member
}
