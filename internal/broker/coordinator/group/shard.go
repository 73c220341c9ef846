// Package group is the group coordinator's decisions: one Shard keeps the
// groups and committed offsets of one partition of __consumer_offsets. It is
// pure: state, request and now in, a shard.Result out. As Kafka's
// GroupCoordinatorShard, GroupMetadataManager and OffsetMetadataManager.
//
// Two kinds of state live here. What outlives the coordinator (offsets, the
// existence of groups, the last synced generation) changes only by applying
// records: when they are loaded, and, for offsets and deletions, speculatively
// at the moment at which they are decided. The rest (who is joining, timers,
// waiting requests) is soft and is lost with leadership, as in Kafka.
package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// Shard is the coordinator of the groups of one partition. It is not safe for
// concurrent use. Its life: New, Load for every record in the log, Loaded, then
// requests, Advance, Committed, Finish and Revert, in the end Unload.
type Shard struct {
	cfg    Config
	groups map[string]group
	// offsets by group; a group without offsets has no entry.
	offsets map[string]*groupOffsets
	// next is the offset that the next record will get.
	next int64
	// committed is the offset below which everything is committed.
	committed int64
	// undo can take back what is not committed, oldest first.
	undo   []change
	timers shard.Timers
	expiry shard.Timer
	// cluster is what was last seen of topics and configs.
	cluster Cluster
	hashes  modern.Hashes
	// skipped counts records that Load could not use.
	skipped int
}

// op is one input being handled: its time and what comes out of it.
type op struct {
	now time.Time
	res shard.Result
}

func (o *op) nowMs() int64 { return o.now.UnixMilli() }

// reply answers at once.
func (o *op) reply(to shard.Caller, r kmsg.Response) {
	o.res.Replies = append(o.res.Replies, shard.Reply{To: to, Response: r})
}

// replyCommitted answers when all that was appended so far is committed.
func (o *op) replyCommitted(to shard.Caller, r kmsg.Response) {
	o.res.Deferred = append(o.res.Deferred, shard.Reply{To: to, Response: r})
}

func (o *op) note(message string, args ...any) {
	o.res.Notes = append(o.res.Notes, shard.Note{Message: message, Args: args})
}

func (o *op) warn(message string, args ...any) {
	o.res.Notes = append(o.res.Notes, shard.Note{Warn: true, Message: message, Args: args})
}

// What a timer stands for.
type (
	memberExpired struct {
		g *classicGroup
		m *member
	}
	pendingExpired struct {
		g  *classicGroup
		id string
	}
	joinExpired   struct{ g *classicGroup }
	syncExpired   struct{ g *classicGroup }
	offsetsExpire struct{}
	// consumerExpired is a timer of a member of a consumer group.
	consumerExpired struct {
		group, member string
		what          expiryKind
	}
)

// New returns an empty shard.
func New(cfg Config) *Shard {
	s := &Shard{cfg: cfg, groups: map[string]group{}, offsets: map[string]*groupOffsets{}, cluster: noCluster{}}
	s.expiry.What = offsetsExpire{}
	return s
}

// Load applies one record of the log at its offset. A nil value is a tombstone.
// Nothing of key and value is kept. An error (shard.ErrUnknownRecord,
// shard.ErrMalformedRecord) means that the record has been skipped and counted; the
// shard is still sound. producerID is -1 outside of transactions.
func (s *Shard) Load(offset, producerID int64, key, value []byte) error {
	t, err := recordType(key)
	if err == nil {
		replay, ok := recordTable[t]
		if !ok {
			s.skipped++
			return shard.ErrUnknownRecord
		}
		err = replay(s, position{offset: offset, producerID: producerID}, key, value)
	}
	if err != nil {
		s.skipped++
		return err
	}
	s.next = offset + 1
	s.Committed(s.next)
	return nil
}

// Skipped is the number of records that Load could not use.
func (s *Shard) Skipped() int { return s.skipped }

// Loaded ends loading: the log ends at endOffset, all of it committed. Sessions
// of all members start anew.
func (s *Shard) Loaded(now time.Time, endOffset int64) *shard.Result {
	o := &op{now: now}
	s.next = endOffset
	s.Committed(endOffset)
	for _, id := range sortedKeys(s.groups) {
		if g, ok := s.groups[id].(*consumerGroup); ok {
			s.startTimers(o, g)
			continue
		}
		g, ok := s.groups[id].(*classicGroup)
		if !ok {
			continue
		}
		for _, m := range g.members {
			s.keepAlive(o, g, m)
		}
		if len(g.members) > s.cfg.MaxSize {
			// group.max.size was lowered: the rebalance drops who comes last.
			s.prepareRebalance(o, g, "loaded group is over group.max.size")
		}
	}
	s.timers.Set(&s.expiry, now.Add(s.cfg.OffsetsRetentionCheckInterval))
	return &o.res
}

// NextOffset is the offset that the next record must get in the log.
func (s *Shard) NextOffset() int64 { return s.next }

// Deadline is when Advance has something to do, at the latest; it may be early.
func (s *Shard) Deadline() (time.Time, bool) { return s.timers.Next() }

// Advance handles what has expired at now.
func (s *Shard) Advance(now time.Time) *shard.Result {
	o := &op{now: now}
	for t := s.timers.Pop(now); t != nil; t = s.timers.Pop(now) {
		switch e := t.What.(type) {
		case memberExpired:
			s.expireMember(o, e.g, e.m)
		case pendingExpired:
			s.expirePending(o, e.g, e.id)
		case joinExpired:
			s.expireJoin(o, e.g)
		case syncExpired:
			s.expireSync(o, e.g)
		case consumerExpired:
			s.expireConsumer(o, e)
		case offsetsExpire:
			// Its records stand alone, so they go out with a Result of their
			// own: the rest waits for the next Advance.
			if !o.res.Empty() {
				s.timers.Set(&s.expiry, now)
				return &o.res
			}
			s.expireOffsets(o)
			o.res.Divisible = true
			return &o.res
		}
		if o.res.Event != nil || len(o.res.Records) > 0 {
			return &o.res
		}
	}
	return &o.res
}

// Committed says that all records below offset are committed.
func (s *Shard) Committed(offset int64) {
	if offset <= s.committed {
		return
	}
	s.committed = offset
	n := 0
	for n < len(s.undo) && s.undo[n].at < offset {
		n++
	}
	s.undo = trimFront(s.undo, n)
}

// Revert takes back every record from offset on: they could not be appended,
// for the reason err. Who waits in a group that is no more gets the error. The
// driver then calls Finish for the events of these records.
func (s *Shard) Revert(now time.Time, offset int64, err error) *shard.Result {
	o := &op{now: now}
	n := len(s.undo)
	back := map[string]bool{}
	for n > 0 && s.undo[n-1].at >= offset {
		n--
		s.undo[n].revert(s, o, err)
		if !s.undo[n].isOffset {
			back[s.undo[n].group] = true
		}
		s.undo[n] = change{}
	}
	s.undo = s.undo[:n]
	s.next = min(s.next, offset)
	for _, id := range sortedKeys(back) {
		s.revive(o, id)
	}
	return &o.res
}

// Finish tells the outcome of an Event: nil once its records are committed, or
// an error that wraps a kerr.Error.
func (s *Shard) Finish(now time.Time, ev shard.Event, err error) *shard.Result {
	o := &op{now: now}
	switch e := ev.(type) {
	case *assignmentStored:
		s.finishAssignment(o, e, err)
	case *staticReplaced:
		s.finishStatic(o, e, err)
	case *warnEvent:
		if err != nil {
			o.warn(e.message, "group", e.group, "error", err)
		}
	}
	return &o.res
}

// warnEvent is an append of which a failure is worth no more than a log line.
type warnEvent struct{ group, message string }

// Unload ends the shard's life: leadership is gone. All waiting requests are
// answered with NOT_COORDINATOR (GroupMetadataManager.onUnloaded).
func (s *Shard) Unload(now time.Time) *shard.Result {
	o := &op{now: now}
	for _, id := range sortedKeys(s.groups) {
		g, ok := s.groups[id].(*classicGroup)
		if !ok {
			continue
		}
		s.dissolve(o, g, kerr.NotCoordinator)
	}
	return &o.res
}

// dissolve ends a group's soft state: who waits gets the error, timers stop.
func (s *Shard) dissolve(o *op, g *classicGroup, err error) {
	for _, m := range g.members {
		g.answerJoinError(o, m, m.id, err)
		g.answerSync(o, m, err)
		s.timers.Cancel(&m.session)
	}
	for _, id := range sortedKeys(g.pendingJoin) {
		s.timers.Cancel(g.pendingJoin[id])
	}
	s.timers.Cancel(&g.joinTimer)
	s.timers.Cancel(&g.syncTimer)
	g.enter(stateDead, o.nowMs())
}
