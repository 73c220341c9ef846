package txn

import (
	"fmt"
	"slices"
)

// State is where a transactional id stands (Kafka's TransactionState); the
// numbers are those of the records.
type State int8

// The states. Dead and PrepareEpochFence are never written: they are the names
// of decisions under way, which clients may filter by.
const (
	Empty             State = 0 // no transaction yet since the last InitProducerId
	Ongoing           State = 1 // partitions were added
	PrepareCommit     State = 2 // decided; the markers are being written
	PrepareAbort      State = 3 // decided; the markers are being written
	CompleteCommit    State = 4 // all markers are written
	CompleteAbort     State = 5 // all markers are written
	Dead              State = 6 // expired
	PrepareEpochFence State = 7 // an older producer is being fenced
)

// states has one row for each state: its name in DescribeTransactions and the
// states from which it may come. An abort without a transaction (from Empty,
// CompleteCommit and CompleteAbort) is KIP-890's.
var states = [...]struct {
	name string
	from []State
}{
	Empty:             {"Empty", []State{Empty, CompleteCommit, CompleteAbort}},
	Ongoing:           {"Ongoing", []State{Ongoing, Empty, CompleteCommit, CompleteAbort}},
	PrepareCommit:     {"PrepareCommit", []State{Ongoing}},
	PrepareAbort:      {"PrepareAbort", []State{Ongoing, Empty, CompleteCommit, CompleteAbort}},
	CompleteCommit:    {"CompleteCommit", []State{PrepareCommit}},
	CompleteAbort:     {"CompleteAbort", []State{PrepareAbort}},
	Dead:              {"Dead", []State{Empty, CompleteCommit, CompleteAbort}},
	PrepareEpochFence: {"PrepareEpochFence", []State{Ongoing}},
}

// String is the state's name on the wire: "PrepareCommit".
func (s State) String() string {
	if s < 0 || int(s) >= len(states) {
		return fmt.Sprintf("State(%d)", int8(s))
	}
	return states[s].name
}

// stateNamed finds a state by its name; case matters, as in Kafka.
func stateNamed(name string) (State, bool) {
	for s := range states {
		if states[s].name == name {
			return State(s), true
		}
	}
	return 0, false
}

// mayFollow says whether a transactional id in state from may enter s.
func (s State) mayFollow(from State) bool { return slices.Contains(states[s].from, from) }

// preparing says that a transaction is decided and its markers are written.
func (s State) preparing() bool { return s == PrepareCommit || s == PrepareAbort }

// idle says that there is no transaction: the id may start one, or expire.
func (s State) idle() bool { return s == Empty || s == CompleteCommit || s == CompleteAbort }

// written says that the state stands in records.
func (s State) written() bool { return s >= Empty && s <= CompleteAbort }
