// Package streams is what a streams group decides (KIP-1071): which internal
// topics a topology needs, who gets which task, and how a member comes from the
// tasks that it has to those that it shall have. It is pure: the same for the
// same input. As Kafka's package org.apache.kafka.coordinator.group.streams.
package streams

import (
	"cmp"
	"maps"
	"slices"
)

// TaskID names a task: one partition of a subtopology's input topics.
type TaskID struct {
	Subtopology string
	Partition   int32
}

// Compare orders tasks by subtopology, then by partition.
func (t TaskID) Compare(o TaskID) int {
	return cmp.Or(cmp.Compare(t.Subtopology, o.Subtopology), cmp.Compare(t.Partition, o.Partition))
}

// Tasks is a set of tasks. With a member's active tasks the value is the epoch
// of the assignment that gave it the task, else it has no meaning.
type Tasks map[TaskID]int32

// Sorted gives the tasks by subtopology and partition.
func (t Tasks) Sorted() []TaskID { return slices.SortedFunc(maps.Keys(t), TaskID.Compare) }

// Has says whether the task is in the set.
func (t Tasks) Has(id TaskID) bool {
	_, ok := t[id]
	return ok
}

// equal says whether both are the same tasks, whatever their epochs.
func (t Tasks) equal(o Tasks) bool {
	if len(t) != len(o) {
		return false
	}
	for id := range t {
		if !o.Has(id) {
			return false
		}
	}
	return true
}

func (t Tasks) meets(o Tasks) bool {
	for id := range t {
		if o.Has(id) {
			return true
		}
	}
	return false
}

// Role is what a member does with a task.
type Role int

// The roles. No assignor makes warm-up tasks yet, as in Kafka 4.3.
const (
	Active  Role = iota // processes records
	Standby             // follows the state's changelog
	Warmup              // follows it until it may become active
	Roles               // how many there are
)

// Assignment is a member's tasks by role. It is never changed once it is made;
// nil sets are empty.
type Assignment [Roles]Tasks

// Empty says that there is no task in any role.
func (a *Assignment) Empty() bool {
	return len(a[Active]) == 0 && len(a[Standby]) == 0 && len(a[Warmup]) == 0
}

// Equal says whether both are the same tasks in the same roles, whatever their
// epochs.
func (a *Assignment) Equal(b *Assignment) bool {
	for r := range a {
		if !a[r].equal(b[r]) {
			return false
		}
	}
	return true
}

// meets says whether a task has the same role in both.
func (a *Assignment) meets(b *Assignment) bool {
	for r := range a {
		if a[r].meets(b[r]) {
			return true
		}
	}
	return false
}
