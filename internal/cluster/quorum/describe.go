package quorum

import (
	"context"
	"slices"
	"time"
)

// Description is the state of the quorum as this node sees it, for
// DescribeQuorum.
type Description struct {
	LeaderID      int32 // node id; -1 = unknown
	LeaderEpoch   int32
	HighWatermark int64 // offset after the last committed entry
	Members       []MemberState
}

// MemberState is one voter or learner; Kafka calls the latter an observer.
type MemberState struct {
	Member
	// LogEndOffset is the offset after the last entry that the member is known
	// to have on disk; -1 = unknown. Only the leader knows it of others.
	LogEndOffset int64
	// LastFetchTime and LastCaughtUpTime are when the leader last heard from the
	// member, and when the member last had all; zero = never, or not the leader.
	LastFetchTime    time.Time
	LastCaughtUpTime time.Time
}

// Describe tells the state of the quorum. On a node that is not the leader only
// the node's own log end is known.
func (n *Node) Describe(ctx context.Context) (Description, error) {
	answer := make(chan Description, 1)
	queued := n.inbox.put(func() {
		if n.voter == nil {
			answer <- Description{LeaderID: -1}
			return
		}
		answer <- n.voter.Describe(time.Now())
	})
	if !queued {
		return Description{}, ErrStopped
	}
	select {
	case d := <-answer:
		return d, nil
	case <-ctx.Done():
		return Description{}, ctx.Err()
	case <-n.inbox.closed:
		return Description{}, ErrStopped
	}
}

// Describe tells the state of the quorum as of the last Flush.
func (v *Voter) Describe(now time.Time) Description {
	d := Description{
		LeaderID: v.nodeOf(v.role.leader), LeaderEpoch: int32(v.role.term),
		HighWatermark: int64(max(v.role.commit, v.applied)) + 1,
	}
	end := v.storage.lastIndex() + 1
	for _, m := range v.membership.Members {
		s := MemberState{Member: m, LogEndOffset: -1}
		if m.RaftID == v.Identity().RaftID {
			s.LogEndOffset = int64(end)
			if v.role.leads {
				s.LastFetchTime, s.LastCaughtUpTime = now, now
			}
		}
		d.Members = append(d.Members, s)
	}
	v.core.progress(func(id RaftID, match uint64, _ bool) {
		i := slices.IndexFunc(d.Members, func(m MemberState) bool { return m.RaftID == id })
		if i < 0 || id == v.Identity().RaftID {
			return
		}
		c := v.lead.contacts[id]
		d.Members[i].LogEndOffset = int64(match) + 1
		d.Members[i].LastFetchTime, d.Members[i].LastCaughtUpTime = c.heard, c.caughtUp
	})
	return d
}

// contact is when the leader last heard from a member.
type contact struct{ heard, caughtUp time.Time }

// noteContact remembers when a member was heard; the leader calls it for every
// message from one.
func (v *Voter) noteContact(id RaftID, now time.Time) {
	if !v.role.leads {
		return
	}
	c := v.lead.contacts[id]
	c.heard = now
	v.core.progress(func(x RaftID, match uint64, _ bool) {
		if x == id && match >= v.storage.lastIndex() {
			c.caughtUp = now
		}
	})
	if v.lead.contacts == nil {
		v.lead.contacts = map[RaftID]contact{}
	}
	v.lead.contacts[id] = c
}
