// Package isr decides how far a partition's high watermark may go and which
// replicas are in sync. It is pure: offsets and times come in, decisions go
// out. Sources: Partition.java and ReplicaState of Apache Kafka, KIP-497 (the
// maximal ISR), KIP-903 (broker epochs), KIP-966 (no progress below min ISR).
package isr

import (
	"slices"
	"time"
)

// Leader is the leader's view of its partition's replicas. The zero value is
// not usable; make one with New. Its owner serialises the calls.
//
// Offsets are "committed" offsets: what a replica has on stable storage, or,
// where the topic does not flush before it acknowledges, what it has written.
type Leader struct {
	self       int32
	epoch      int32
	epochStart int64
	minISR     int
	replicas   []replica // sorted by id, self included
	// maximal holds the ids that the high watermark waits for: the ISR as the
	// controller has confirmed it, joined with the proposal under way.
	maximal []int32
	isr     []int32
	highWM  int64
}

type replica struct {
	id int32
	// offset is the replica's committed offset, -1 while it is not known.
	offset int64
	// caughtUp is the last time at which the replica had everything that the
	// leader had at the time of the fetch before.
	caughtUp time.Time
	// lastFetch and lastFetchEnd are the time of the last fetch and the
	// leader's log end then.
	lastFetch    time.Time
	lastFetchEnd int64
}

// Config describes a partition at the start of a leadership or after a change
// in the metadata.
type Config struct {
	Self        int32   // this broker
	LeaderEpoch int32   // of this leadership
	EpochStart  int64   // the log's end when the leadership began
	Replicas    []int32 // all replicas, Self among them
	ISR         []int32 // as the controller has confirmed it
	MinISR      int     // min.insync.replicas; counts as at most the replication factor
}

// New returns the state of a new leadership. highWatermark is what the log
// remembers.
func New(c Config, highWatermark int64, now time.Time) *Leader {
	l := &Leader{self: c.Self, epoch: c.LeaderEpoch, epochStart: c.EpochStart, highWM: highWatermark}
	l.Update(c, now)
	return l
}

// Update takes over the controller's decision: replicas, ISR, min ISR. Replicas
// that stay keep what is known of them.
func (l *Leader) Update(c Config, now time.Time) {
	ids := slices.Clone(c.Replicas)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	next := make([]replica, 0, len(ids))
	for _, id := range ids {
		if old := l.find(id); old != nil {
			next = append(next, *old)
			continue
		}
		next = append(next, replica{id: id, offset: -1, caughtUp: now})
	}
	l.replicas = next
	l.isr = slices.Clone(c.ISR)
	slices.Sort(l.isr)
	l.maximal = slices.Clone(l.isr)
	l.minISR = max(1, min(c.MinISR, len(ids)))
}

// Propose notes an ISR that was sent to the controller: members that join count
// at once, members that leave count until it is confirmed (KIP-497).
func (l *Leader) Propose(isr []int32) {
	for _, id := range isr {
		if !slices.Contains(l.maximal, id) {
			l.maximal = append(l.maximal, id)
		}
	}
	slices.Sort(l.maximal)
}

// Epoch is the leader epoch of this leadership.
func (l *Leader) Epoch() int32 { return l.epoch }

// EpochStart is the log end at which the leadership began.
func (l *Leader) EpochStart() int64 { return l.epochStart }

// HighWatermark is the offset below which everything is committed.
func (l *Leader) HighWatermark() int64 { return l.highWM }

// EnoughReplicas reports whether acks=all may be accepted: the confirmed ISR has
// at least min.insync.replicas members.
func (l *Leader) EnoughReplicas() bool { return len(l.isr) >= l.minISR }

// ISR is the confirmed ISR, sorted. The caller must not change it.
func (l *Leader) ISR() []int32 { return l.isr }

// Committed notes a replica's committed offset, its own or a follower's, and
// returns the high watermark and whether it moved.
func (l *Leader) Committed(id int32, offset int64) (highWatermark int64, moved bool) {
	if r := l.find(id); r != nil && offset > r.offset {
		r.offset = offset
	}
	return l.advance()
}

// Fetched notes that a follower has fetched from offset on at a time when the
// leader's log ended at end.
func (l *Leader) Fetched(id int32, offset, end int64, now time.Time) {
	r := l.find(id)
	if r == nil {
		return
	}
	if offset >= end {
		r.caughtUp = now
	} else if offset >= r.lastFetchEnd && !r.lastFetch.IsZero() {
		r.caughtUp = r.lastFetch
	}
	r.lastFetch, r.lastFetchEnd = now, end
}

// Behind returns the members of the ISR that have not been caught up for longer
// than lag (replica.lag.time.max.ms).
func (l *Leader) Behind(lag time.Duration, now time.Time) []int32 {
	var out []int32
	for _, id := range l.isr {
		if r := l.find(id); id != l.self && (r == nil || now.Sub(r.caughtUp) > lag) {
			out = append(out, id)
		}
	}
	return out
}

// Joinable reports whether a follower outside the ISR may be proposed for it:
// it has everything below the high watermark and everything from before this
// leadership.
func (l *Leader) Joinable(id int32) bool {
	r := l.find(id)
	return r != nil && !slices.Contains(l.maximal, id) && r.offset >= l.highWM && r.offset >= l.epochStart
}

// advance moves the high watermark to the smallest committed offset of the
// maximal ISR, never back, and not while the ISR is below its minimum.
func (l *Leader) advance() (int64, bool) {
	if !l.EnoughReplicas() {
		return l.highWM, false
	}
	low := int64(-1)
	for _, id := range l.maximal {
		r := l.find(id)
		if r == nil || r.offset < 0 {
			return l.highWM, false
		}
		if low < 0 || r.offset < low {
			low = r.offset
		}
	}
	if low <= l.highWM {
		return l.highWM, false
	}
	l.highWM = low
	return low, true
}

func (l *Leader) find(id int32) *replica {
	i, ok := slices.BinarySearchFunc(l.replicas, id, func(r replica, id int32) int { return int(r.id) - int(id) })
	if !ok {
		return nil
	}
	return &l.replicas[i]
}
