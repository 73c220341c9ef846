package streams

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kerr"
)

// State is how far a member is on its way to its target. The numbers are those
// of StreamsGroupCurrentMemberAssignmentValue.
type State int8

// The states of a member.
const (
	Stable          State = 1 // has its target
	UnrevokedTasks  State = 2 // has to give tasks up first
	UnreleasedTasks State = 3 // waits for tasks that others have not given up yet
)

// Current is what a member has: as
// StreamsGroupCurrentMemberAssignmentValue.
type Current struct {
	Epoch         int32
	PreviousEpoch int32 // accepted from a member that missed the last answer
	State         State
	Assigned      Assignment
	// Revoking is what the member was told to give up and still has.
	Revoking Assignment
}

// Owners tells which processes have a task, with what their members still have
// to give up. One process may have it in one role only.
type Owners interface {
	// ActiveProcess is the process of the one active task, ok is false if nobody
	// has it.
	ActiveProcess(id TaskID) (process string, ok bool)
	// Follows says whether the process has the task as a standby or to warm up.
	Follows(process string, id TaskID) bool
}

// Target is where a member is to come to.
type Target struct {
	Epoch      int32 // of the assignment
	Assignment Assignment
}

// Reconcile takes the next step of a member of a process to its target: the
// member itself if there is none. owned is what the member says that it has, nil
// if it did not say. A member in a state that is not known has to begin anew:
// FENCED_MEMBER_EPOCH, unless it says that it has nothing. As
// CurrentAssignmentBuilder.
func Reconcile(m Current, process string, t Target, owned *Assignment, by Owners) (Current, error) {
	switch m.State {
	case Stable:
		if m.Epoch == t.Epoch {
			return m, nil
		}
		return advance(m, m.Epoch, process, t, owned, by), nil
	case UnrevokedTasks:
		if owned == nil || owned.meets(&m.Revoking) {
			return m, nil
		}
		return advance(m, m.Epoch+1, process, t, owned, by), nil
	case UnreleasedTasks:
		return advance(m, m.Epoch, process, t, owned, by), nil
	}
	if owned == nil || !owned.Empty() {
		return m, kerr.FencedMemberEpoch
	}
	return advance(m, t.Epoch, process, t, owned, by), nil
}

// advance compares what the member has with its target. epoch is the member's
// while it still has tasks to give up.
func advance(m Current, epoch int32, process string, t Target, owned *Assignment, by Owners) Current {
	var kept, revoked, added Assignment
	waits := false
	for r := range Roles {
		kept[r], revoked[r], added[r] = Tasks{}, Tasks{}, Tasks{}
		for id, e := range m.Assigned[r] {
			if t.Assignment[r].Has(id) {
				kept[r][id] = e
			} else {
				revoked[r][id] = e
			}
		}
		for id := range t.Assignment[r] {
			switch {
			case kept[r].Has(id):
			case taken(r, process, id, by):
				waits = true
			default:
				added[r][id] = t.Epoch
			}
		}
	}
	next := Current{PreviousEpoch: m.Epoch, State: Stable, Assigned: kept}
	if !revoked.Empty() && (owned == nil || owned.meets(&revoked)) {
		next.Epoch, next.State, next.Revoking = epoch, UnrevokedTasks, revoked
		return next
	}
	next.Epoch = t.Epoch
	if waits {
		next.State = UnreleasedTasks
	}
	for r := range Roles {
		maps.Copy(next.Assigned[r], added[r])
	}
	return next
}

// taken says that a process cannot have the task in this role yet: it has it in
// another one or has not given it up, or, for an active task, anybody has it.
func taken(r Role, process string, id TaskID, by Owners) bool {
	if by.Follows(process, id) {
		return true
	}
	owner, ok := by.ActiveProcess(id)
	return ok && (r == Active || owner == process)
}
