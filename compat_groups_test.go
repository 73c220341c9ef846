package headrace

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// coordinate waits until the group's coordinator serves; the first question
// creates __consumer_offsets.
func coordinate(c *wireClient, group string) {
	c.t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{group}
	for ask[*kmsg.FindCoordinatorResponse](c, find, 4).Coordinators[0].ErrorCode != 0 {
		continue // the answer is awaited by the connection's deadline
	}
	beat := kmsg.NewPtrOffsetFetchRequest()
	beat.Groups = []kmsg.OffsetFetchRequestGroup{{Group: group}}
	for {
		switch ask[*kmsg.OffsetFetchResponse](c, beat, 8).Groups[0].ErrorCode {
		case kerr.CoordinatorLoadInProgress.Code, kerr.NotCoordinator.Code:
			continue
		}
		return
	}
}

func commitRequest(group, topic string, partition int32, offset int64, metadata *string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	rt := kmsg.NewOffsetCommitRequestTopic()
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = partition, offset, 0, metadata
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// C30: the committed leader epoch is told in every form; no topics means all of
// them; from version 8 on several groups are asked for at once; a stable fetch
// is answered. C31: metadata come back as they were, also none.
func TestCommittedOffsets(t *testing.T) {
	c := wireNode(t, "t", 2)
	coordinate(c, "g")
	text := "where I was"
	for v := int16(2); v <= 9; v++ {
		for p, metadata := range []*string{&text, nil} {
			resp := ask[*kmsg.OffsetCommitResponse](c, commitRequest("g", "t", int32(p), 7+int64(v), metadata), v)
			if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
				t.Fatalf("commit v%d: code %d", v, code)
			}
		}
	}
	check := func(v int16, topic string, partition int32, offset int64, epoch int32, metadata *string) {
		t.Helper()
		want := ""
		if partition == 0 {
			want = text
		}
		if topic != "t" || offset != 16 || v >= 5 && epoch != 0 || metadata == nil || *metadata != want {
			t.Errorf("v%d: %s-%d: offset %d, epoch %d, metadata %v", v, topic, partition, offset, epoch, metadata)
		}
	}
	for v := int16(1); v <= 9; v++ {
		for _, all := range []bool{false, true} {
			if all && v < 2 {
				continue
			}
			req := kmsg.NewPtrOffsetFetchRequest()
			req.RequireStable = v >= 7
			req.Group = "g"
			one := kmsg.NewOffsetFetchRequestGroup()
			one.Group = "g"
			if !all {
				req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0, 1}}}
				one.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0, 1}}}
			}
			nobody := kmsg.NewOffsetFetchRequestGroup()
			nobody.Group = "nobody"
			req.Groups = []kmsg.OffsetFetchRequestGroup{one, nobody}
			resp, n := ask[*kmsg.OffsetFetchResponse](c, req, v), 0
			for _, rt := range resp.Topics {
				for _, p := range rt.Partitions {
					check(v, rt.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata)
					n++
				}
			}
			if v >= 8 {
				if len(resp.Groups) != 2 || resp.Groups[1].Group != "nobody" || resp.Groups[1].ErrorCode != 0 {
					t.Fatalf("v%d: %+v", v, resp.Groups)
				}
				for _, rt := range resp.Groups[0].Topics {
					for _, p := range rt.Partitions {
						check(v, rt.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata)
						n++
					}
				}
			}
			if n != 2 {
				t.Errorf("v%d, all %v: %d offsets", v, all, n)
			}
		}
	}
}

// C07: from version 10 on offsets are committed and fetched by topic id.
func TestOffsetsByTopicID(t *testing.T) {
	c := wireNode(t, "t", 1)
	coordinate(c, "g")
	id := topicID(c, "t")
	commit := commitRequest("g", "", 0, 5, nil)
	commit.Topics[0].TopicID = id
	if code := ask[*kmsg.OffsetCommitResponse](c, commit, 10).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("commit: code %d", code)
	}
	commit.Topics[0].TopicID = [16]byte{9}
	if code := ask[*kmsg.OffsetCommitResponse](c, commit, 10).Topics[0].Partitions[0].ErrorCode; code != kerr.UnknownTopicID.Code {
		t.Errorf("commit for an unknown id: code %d", code)
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group, one.Topics = "g", []kmsg.OffsetFetchRequestGroupTopic{{TopicID: id, Partitions: []int32{0}}}
	fetch.Groups = append(fetch.Groups, one)
	resp := ask[*kmsg.OffsetFetchResponse](c, fetch, 10).Groups[0]
	if len(resp.Topics) != 1 || resp.Topics[0].TopicID != id || resp.Topics[0].Partitions[0].Offset != 5 {
		t.Errorf("fetch: %+v", resp)
	}
}

// member joins a group by the wire and returns its id and the answer's.
type member struct {
	c  *wireClient
	id string
}

func joinRequest(id, instance string, protocols ...string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = "g", id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 45_000, 60_000
	if instance != "" {
		req.InstanceID = &instance
	}
	for _, name := range protocols {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = name, []byte{0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0} // subscribes to t
		req.Protocols = append(req.Protocols, p)
	}
	return req
}

// join asks for a member id, and sends the join with it.
func newMember(t *testing.T, addr, instance string, protocols ...string) *member {
	t.Helper()
	m := &member{c: dialWire(t, addr)}
	if instance == "" {
		first := ask[*kmsg.JoinGroupResponse](m.c, joinRequest("", "", protocols...), 9)
		if first.ErrorCode != kerr.MemberIDRequired.Code || first.MemberID == "" {
			t.Fatalf("code %d, member %q; want a member id to join with", first.ErrorCode, first.MemberID)
		}
		m.id = first.MemberID
	}
	m.rejoin(instance, protocols...)
	return m
}

func (m *member) rejoin(instance string, protocols ...string) {
	m.c.t.Helper()
	req := joinRequest(m.id, instance, protocols...)
	req.SetVersion(9)
	m.c.send(req)
}

func (m *member) joined() *kmsg.JoinGroupResponse {
	m.c.t.Helper()
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.SetVersion(9)
	m.c.receive(resp)
	m.id = resp.MemberID
	return resp
}

func (m *member) sync(generation int32, protocol string, assign ...string) *kmsg.SyncGroupResponse {
	m.c.t.Helper()
	kind := "consumer"
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID, req.Protocol, req.ProtocolType = "g", generation, m.id, &protocol, &kind
	for _, id := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte("for " + id)})
	}
	return ask[*kmsg.SyncGroupResponse](m.c, req, 5)
}

// C32: the members' votes decide on the protocol, and a member that has none in
// common with them is told so. C33: a second rebalance while the first is under
// way keeps the members known, and makes one generation.
func TestJoiningMembers(t *testing.T) {
	c := wireNode(t, "t", 1)
	coordinate(c, "g")
	addr := c.conn.RemoteAddr().String()
	a := newMember(t, addr, "", "range", "sticky")
	first := a.joined()
	if first.ErrorCode != 0 || first.Protocol == nil || *first.Protocol != "range" || first.LeaderID != a.id {
		t.Fatalf("alone: %+v", first)
	}
	if got := a.sync(first.Generation, "range", a.id); got.ErrorCode != 0 || string(got.MemberAssignment) != "for "+a.id {
		t.Fatalf("sync: %+v", got)
	}
	if got := ask[*kmsg.JoinGroupResponse](dialWire(t, addr), joinRequest("", "", "roundrobin"), 3); got.ErrorCode != kerr.InconsistentGroupProtocol.Code {
		t.Errorf("nothing in common: code %d", got.ErrorCode)
	}
	b := newMember(t, addr, "", "sticky", "range")
	d := newMember(t, addr, "", "sticky")
	// The generation waits for a, which hears of it by its heartbeat.
	for {
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Group, beat.Generation, beat.MemberID = "g", first.Generation, a.id
		if ask[*kmsg.HeartbeatResponse](a.c, beat, 4).ErrorCode == kerr.RebalanceInProgress.Code {
			break
		}
	}
	known := a.id
	a.rejoin("", "range", "sticky")
	answers := []*kmsg.JoinGroupResponse{a.joined(), b.joined(), d.joined()}
	for i, r := range answers {
		if r.ErrorCode != 0 || r.Generation != answers[0].Generation || r.Protocol == nil || *r.Protocol != "sticky" {
			t.Errorf("member %d: code %d, generation %d, protocol %v", i, r.ErrorCode, r.Generation, r.Protocol)
		}
	}
	if a.id != known || answers[0].Generation <= first.Generation {
		t.Errorf("the first member is now %q, it was %q; generation %d after %d", a.id, known, answers[0].Generation, first.Generation)
	}
}

// C34: a static member that comes back keeps its place without a rebalance, and
// the one that it replaces is fenced.
func TestStaticMember(t *testing.T) {
	c := wireNode(t, "t", 1)
	coordinate(c, "g")
	addr := c.conn.RemoteAddr().String()
	a := newMember(t, addr, "shelf-1", "range")
	first := a.joined()
	if first.ErrorCode != 0 {
		t.Fatalf("code %d", first.ErrorCode)
	}
	if got := a.sync(first.Generation, "range", a.id); got.ErrorCode != 0 {
		t.Fatalf("sync: code %d", got.ErrorCode)
	}
	old := a.id
	again := newMember(t, addr, "shelf-1", "range")
	second := again.joined()
	if second.ErrorCode != 0 || second.Generation != first.Generation || second.MemberID == old {
		t.Errorf("code %d, generation %d after %d, member %q after %q", second.ErrorCode, second.Generation, first.Generation, second.MemberID, old)
	}
	beat := kmsg.NewPtrHeartbeatRequest()
	instance := "shelf-1"
	beat.Group, beat.Generation, beat.MemberID, beat.InstanceID = "g", first.Generation, old, &instance
	if code := ask[*kmsg.HeartbeatResponse](a.c, beat, 4).ErrorCode; code != kerr.FencedInstanceID.Code {
		t.Errorf("the replaced member's heartbeat: code %d", code)
	}
}

// C36: a deleted group stays deleted over a restart; one that does not exist is
// Dead, and from version 6 on not found; offsets that a member still reads are
// not deleted.
func TestDeletedGroup(t *testing.T) {
	dir := t.TempDir()
	_, addr, stop := startNode(t, dir)
	c := dialWire(t, addr)
	makeTopic(t, c, "t", 1)
	coordinate(c, "gone")
	if code := ask[*kmsg.OffsetCommitResponse](c, commitRequest("gone", "t", 0, 5, nil), 8).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("commit: code %d", code)
	}
	remove := kmsg.NewPtrDeleteGroupsRequest()
	remove.Groups = []string{"gone"}
	if code := ask[*kmsg.DeleteGroupsResponse](c, remove, 2).Groups[0].ErrorCode; code != 0 {
		t.Fatalf("delete: code %d", code)
	}
	stop()
	_, addr, stop = startNode(t, dir)
	defer stop()
	c = dialWire(t, addr)
	coordinate(c, "gone")
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{"gone"}
	for v := int16(0); v <= 6; v++ {
		want := int16(0)
		if v >= 6 {
			want = kerr.GroupIDNotFound.Code
		}
		if g := ask[*kmsg.DescribeGroupsResponse](c, describe, v).Groups[0]; g.State != "Dead" || g.ErrorCode != want {
			t.Errorf("v%d: state %q, code %d", v, g.State, g.ErrorCode)
		}
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "gone", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}}}
	if p := ask[*kmsg.OffsetFetchResponse](c, fetch, 8).Groups[0].Topics[0].Partitions[0]; p.Offset != -1 {
		t.Errorf("offset %d of a deleted group", p.Offset)
	}

	coordinate(c, "g")
	m := newMember(t, addr, "", "range")
	if got := m.joined(); got.ErrorCode != 0 || m.sync(got.Generation, "range", m.id).ErrorCode != 0 {
		t.Fatalf("join: code %d", got.ErrorCode)
	}
	offsets := kmsg.NewPtrOffsetDeleteRequest()
	offsets.Group = "g"
	offsets.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}}
	if p := ask[*kmsg.OffsetDeleteResponse](c, offsets, 0).Topics[0].Partitions[0]; p.ErrorCode != kerr.GroupSubscribedToTopic.Code {
		t.Errorf("offsets of a topic that is read: code %d", p.ErrorCode)
	}
}
