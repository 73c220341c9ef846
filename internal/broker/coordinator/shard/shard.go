// Package shard is the contract between a coordinator runtime and the pure
// state machines that it drives: one shard for each partition of an internal
// topic (__consumer_offsets, __transaction_state, __share_group_state). A
// shard turns (state, request, now) into a Result and has no goroutine, lock,
// clock or I/O. As Kafka's coordinator-common (CoordinatorShard,
// CoordinatorResult, CoordinatorRecord).
package shard

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a shard says of a record that it cannot load.
var (
	// ErrUnknownRecord marks a record of a type or version that this broker does
	// not know: a newer one wrote it.
	ErrUnknownRecord = errors.New("unknown record type or version")
	// ErrMalformedRecord marks a record that does not follow its schema.
	ErrMalformedRecord = errors.New("malformed record")
)

// Record is one record of the internal topic. A nil Value is a tombstone. The
// bytes belong to whoever holds the Record; a shard never changes them after
// it has handed them out.
type Record struct {
	Key, Value []byte
}

// Caller stands for somebody who waits for an answer. A shard keeps it and
// hands it back in a Reply, and does nothing else with it.
type Caller any

// Reply is an answer for Caller To. The response belongs to the receiver.
type Reply struct {
	To       Caller
	Response kmsg.Response
}

// Event is something that the shard wants to hear about again when the records
// of the same Result have been committed, or when that has failed. The runtime
// does not look into it.
type Event any

// Effect is something that the shard wants done outside: a transaction marker
// written to another partition. Its types are the shard's; what comes of it
// returns as an input. The runtime does not look into it.
type Effect any

// Note is a log line that a pure shard asks for; Args are keys and values in
// turn, as slog takes them.
type Note struct {
	Warn    bool
	Message string
	Args    []any
}

// Result is what a shard asks its driver to do after one input. The shard has
// already applied Records to its own state (speculatively: see Revert in the
// runtime's Shard interface), so a driver appends them in order and without
// anything in between.
type Result struct {
	// Records are to be appended, as one batch unless Divisible is set.
	Records []Record
	// Divisible says that Records may be split over several batches, because
	// each of them means something alone (tombstones of an expiry run).
	Divisible bool
	// Replies are to be sent at once: they depend on nothing that is not
	// committed.
	Replies []Reply
	// Deferred are to be sent when everything appended so far, Records
	// included, is committed; if that fails, their callers get the error.
	Deferred []Reply
	// Event, if not nil, is handed back when Records are committed or failed.
	Event Event
	// Effects are to be done at once: they depend on nothing that is not
	// committed. They end with the shard's leadership: who takes over finds in
	// the log what is still to be done.
	Effects []Effect
	// Notes are log lines.
	Notes []Note
}

// Empty reports that the Result asks for nothing.
func (r *Result) Empty() bool {
	return r == nil || len(r.Records) == 0 && len(r.Replies) == 0 && len(r.Deferred) == 0 && r.Event == nil && len(r.Effects) == 0 && len(r.Notes) == 0
}
