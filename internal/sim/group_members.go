package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
)

const (
	groupName       = "g"
	groupTopic      = "t"
	groupPartitions = 6
	groupAddress    = 0
	memberTimeout   = 8 * time.Second
)

// groupMember is one consumer: it joins, takes its partitions, and commits an
// offset in each, again and again, as long as the coordinator lets it.
type groupMember struct {
	run        *groupRun
	index      int
	id         string
	generation int32
	owned      []int32
	position   map[int32]int64
	session    int // grows whenever the member begins anew; old answers are void
	stalled    bool
}

// ask sends a request over the network; do hands it to the shard, and finish
// gets the answer, or nil if none comes in time.
func (m *groupMember) ask(what string, do func(to *caller), finish func(kmsg.Response)) {
	r := m.run
	session, finished := m.session, false
	end := func(resp kmsg.Response) {
		if !finished && m.session == session {
			finished = true
			finish(resp)
		}
	}
	address := clientAddress + m.index
	r.net.SendOnce(address, groupAddress, fmt.Sprintf("member %d: %s", m.index, what), func() {
		if r.log == nil {
			return
		}
		do(&caller{life: r.life, answer: func(resp kmsg.Response) {
			r.net.SendOnce(groupAddress, address, fmt.Sprintf("member %d: %s answered", m.index, what), func() { end(resp) })
		}})
	})
	r.After(memberTimeout, "", func() { end(nil) })
}

// again begins anew after a pause.
func (m *groupMember) again() {
	m.session++
	session := m.session
	m.run.After(m.run.Between(10*time.Millisecond, 500*time.Millisecond), "", func() {
		if m.session == session {
			m.join()
		}
	})
}

func (m *groupMember) join() {
	r := m.run
	m.session++
	m.owned, m.position = nil, nil
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID = 3, groupName, m.id
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 3000, 4000, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name = "simple"
	req.Protocols = append(req.Protocols, p)
	var random [16]byte
	binary.BigEndian.PutUint64(random[:], r.Rand.Uint64())
	m.ask("join", func(to *caller) {
		r.carryOut(r.shard.JoinGroup(r.wall(), group.Join{To: to, Request: req, ClientID: "sim", ClientHost: "/127.0.0.1", NewID: random}))
	}, func(resp kmsg.Response) {
		x, ok := resp.(*kmsg.JoinGroupResponse)
		if !ok || x.ErrorCode != 0 {
			if ok && x.ErrorCode == kerr.UnknownMemberID.Code {
				m.id = ""
			}
			m.again()
			return
		}
		m.id, m.generation = x.MemberID, x.Generation
		r.Reach("rebalance")
		m.sync(x)
	})
}

// sync takes the assignment; the leader makes it: each partition to one member.
func (m *groupMember) sync(joined *kmsg.JoinGroupResponse) {
	r := m.run
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 3, groupName, m.id, m.generation
	if joined.LeaderID == m.id {
		for i, x := range joined.Members {
			a := kmsg.NewSyncGroupRequestGroupAssignment()
			a.MemberID = x.MemberID
			for p := i; p < groupPartitions; p += len(joined.Members) {
				a.MemberAssignment = append(a.MemberAssignment, byte(p))
			}
			req.GroupAssignment = append(req.GroupAssignment, a)
		}
	}
	m.ask("sync", func(to *caller) {
		r.carryOut(r.shard.SyncGroup(r.wall(), to, req))
	}, func(resp kmsg.Response) {
		x, ok := resp.(*kmsg.SyncGroupResponse)
		if !ok || x.ErrorCode != 0 {
			m.again()
			return
		}
		for _, p := range x.MemberAssignment {
			m.owned = append(m.owned, int32(p))
		}
		r.Reach("assignment")
		r.history.assigned(m)
		m.fetch()
	})
}

// fetch asks where to begin: what was committed, or is about to be.
func (m *groupMember) fetch() {
	r := m.run
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = groupName
	floor := r.history.floors()
	m.ask("fetch offsets", func(to *caller) {
		r.carryOut(r.shard.StableOffsetFetch(r.wall(), to, &req))
	}, func(resp kmsg.Response) {
		x, ok := resp.(*kmsg.OffsetFetchResponse)
		if !ok || len(x.Groups) != 1 || x.Groups[0].ErrorCode != 0 {
			m.again()
			return
		}
		m.position = map[int32]int64{}
		for _, t := range x.Groups[0].Topics {
			for _, p := range t.Partitions {
				m.position[p.Partition] = p.Offset
			}
		}
		for p, least := range floor {
			if got := m.position[int32(p)]; got < least {
				r.Fail("partition %d: offset %d was acknowledged, later %d was fetched", p, least, got)
			}
		}
		m.commit()
	})
}

// commit moves the owned partitions on by a few records.
func (m *groupMember) commit() {
	r := m.run
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 7, groupName, m.id, m.generation
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = groupTopic
	sent := map[int32]int64{}
	for _, part := range m.owned {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = part, max(m.position[part], 0)+1+r.Rand.Int64N(5)
		sent[part] = p.Offset
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	m.ask("commit", func(to *caller) {
		res, err := r.shard.OffsetCommit(r.wall(), to, req)
		if err != nil {
			to.answer(commitError(req, err))
			return
		}
		r.carryOut(res)
	}, func(resp kmsg.Response) {
		x, ok := resp.(*kmsg.OffsetCommitResponse)
		if !ok || !m.accepted(x) {
			m.again()
			return
		}
		for _, part := range m.owned {
			m.position[part] = sent[part]
		}
		r.history.committed(m, sent)
		m.heartbeat()
	})
}

// commitError gives every partition of a request the same error.
func commitError(req *kmsg.OffsetCommitRequest, err error) *kmsg.OffsetCommitResponse {
	code := kerr.UnknownServerError.Code
	k := &kerr.Error{}
	if errors.As(err, &k) {
		code = k.Code
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// accepted tells whether a commit went through, and drops the member id where
// the coordinator does not know it.
func (m *groupMember) accepted(x *kmsg.OffsetCommitResponse) bool {
	for _, t := range x.Topics {
		for _, p := range t.Partitions {
			switch p.ErrorCode {
			case 0:
				continue
			case kerr.UnknownMemberID.Code:
				m.id = ""
				m.run.Reach("commit fenced")
			case kerr.IllegalGeneration.Code:
				m.run.Reach("commit fenced")
			}
			return false
		}
	}
	return true
}

// heartbeat keeps the session, and then commits again.
func (m *groupMember) heartbeat() {
	r := m.run
	session := m.session
	r.After(r.Between(10*time.Millisecond, 300*time.Millisecond), "", func() {
		if m.session != session || m.stalled {
			return
		}
		req := kmsg.NewPtrHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.Generation = 3, groupName, m.id, m.generation
		m.ask("heartbeat", func(to *caller) {
			resp := kmsg.NewPtrHeartbeatResponse()
			k := &kerr.Error{}
			if errors.As(r.shard.Heartbeat(r.wall(), req), &k) {
				resp.ErrorCode = k.Code
			}
			to.answer(resp)
		}, func(resp kmsg.Response) {
			x, ok := resp.(*kmsg.HeartbeatResponse)
			switch {
			case !ok:
				m.again()
			case x.ErrorCode == kerr.UnknownMemberID.Code:
				m.id = ""
				m.again()
			case x.ErrorCode != 0:
				m.again()
			default:
				m.commit()
			}
		})
	})
}

// stall makes the member silent for a while, as a long pause would. It then
// goes on as if nothing had happened, with a commit: the zombie.
func (m *groupMember) stall() {
	if m.stalled || m.position == nil {
		return
	}
	m.stalled = true
	m.session++
	session := m.session
	m.run.Note("member %d stalls", m.index)
	m.run.After(m.run.Between(time.Second, 10*time.Second), "", func() {
		m.stalled = false
		if m.session == session {
			if m.run.log != nil && !m.known() {
				m.run.Reach("member expired")
			}
			m.commit()
		}
	})
}

// known tells whether the coordinator still has this member.
func (m *groupMember) known() bool {
	for _, x := range m.run.shard.DescribeGroup(groupName, 5).Members {
		if x.MemberID == m.id {
			return true
		}
	}
	return false
}

// groupHistory is what members were told.
type groupHistory struct {
	world *World
	acked int
	floor [groupPartitions]int64 // highest acknowledged offset
	last  [groupPartitions]int32 // generation of the last acknowledged commit
	owner map[int32]map[int32]string
}

func (h *groupHistory) init(w *World) {
	h.world = w
	h.owner = map[int32]map[int32]string{}
}

// floors is what a fetch that is sent now must at least see.
func (h *groupHistory) floors() [groupPartitions]int64 { return h.floor }

// assigned checks that no partition has two owners in one generation.
func (h *groupHistory) assigned(m *groupMember) {
	owners := h.owner[m.generation]
	if owners == nil {
		owners = map[int32]string{}
		h.owner[m.generation] = owners
	}
	for _, p := range m.owned {
		if other := owners[p]; other != "" && other != m.id {
			h.world.Fail("partition %d has two owners in generation %d: %s and %s", p, m.generation, other, m.id)
		}
		owners[p] = m.id
	}
}

// committed notes an acknowledged commit. It must not be below one that was
// acknowledged before: the member has read that one when it began.
func (h *groupHistory) committed(m *groupMember, sent map[int32]int64) {
	h.acked++
	h.world.Reach("commit acknowledged")
	for p := range int32(groupPartitions) {
		offset, ok := sent[p]
		if !ok {
			continue
		}
		if m.generation >= h.last[p] {
			h.last[p] = m.generation
			h.floor[p] = max(h.floor[p], offset)
		}
	}
}
