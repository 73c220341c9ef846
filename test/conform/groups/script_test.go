package groups

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (s *script) run() {
	s.prepare()
	s.unknown()
	s.simple()
	s.oneMember()
	s.twoMembers()
	s.staticMembers()
	s.admin()
}

// prepare makes topics and waits for the coordinator.
func (s *script) prepare() {
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 7, 60_000
	for _, name := range []string{"t", "subscribed"} {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, 2, 1
		create.Topics = append(create.Topics, t)
	}
	s.main.send(create)
	created, ok := s.main.receive(create).(*kmsg.CreateTopicsResponse)
	if !ok || created.Topics[0].ErrorCode != 0 {
		s.t.Fatalf("create topics: %+v", created)
	}
	s.topicID = created.Topics[0].TopicID
	deadline := time.Now().Add(time.Minute)
	for {
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.Version, find.CoordinatorKeys = 4, []string{"g"}
		s.main.send(find)
		found, ok := s.main.receive(find).(*kmsg.FindCoordinatorResponse)
		list := kmsg.NewPtrListGroupsRequest()
		beat := s.heartbeat("g", "m", 1)
		beat.Version = 4
		s.main.send(beat)
		beaten, ok2 := s.main.receive(beat).(*kmsg.HeartbeatResponse)
		list.Version = 4
		if ok && ok2 && found.Coordinators[0].ErrorCode == 0 && beaten.ErrorCode == 25 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("no coordinator")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// unknown asks about groups and members that do not exist, and with bad input.
func (s *script) unknown() {
	s.title("unknown groups")
	for v := int16(0); v <= 9; v++ {
		s.do(v, s.join("nope", "m", nil, "range"))
		s.do(v, s.join("", "", nil, "range"))
		short := s.join("nope", "", nil, "range")
		short.SessionTimeoutMillis = 10
		s.do(v, short)
		s.do(v, s.join("nope", "", nil))
	}
	for v := int16(0); v <= 5; v++ {
		s.do(v, s.sync("nope", "m", 1))
		s.do(v, s.sync("", "m", 1))
		s.do(v, s.leave("nope", "m", nil))
		s.do(v, s.leave("", "m", nil))
	}
	bare := s.sync("nope", "m", 1)
	bare.Protocol = nil
	s.do(5, bare)
	for v := int16(0); v <= 4; v++ {
		s.do(v, s.heartbeat("nope", "m", 1))
		s.do(v, s.heartbeat("", "m", 1))
	}
	for v := int16(0); v <= 6; v++ {
		s.do(v, s.describe("gone"))
	}
	for v := int16(0); v <= 2; v++ {
		s.do(v, s.deleteGroups("gone"))
	}
	s.do(0, s.deleteOffsets("gone", "t"))
	s.do(0, s.deleteOffsets("", "t"))
	for v := int16(1); v <= 10; v++ {
		s.do(v, s.fetch("gone", false, "t"))
		s.do(v, s.fetch("gone", true, "t", "nope"))
		if v >= 2 {
			s.do(v, s.fetch("gone", false))
		}
	}
	for v := int16(2); v <= 10; v++ {
		s.do(v, s.commit("gone", "m", 1, "t", 0, 1, nil))
	}
}

// simple commits without being a member.
func (s *script) simple() {
	s.title("a simple group")
	big := strings.Repeat("x", 4097)
	for v := int16(2); v <= 10; v++ {
		meta := "meta"
		s.do(v, s.commit("simple", "", -1, "t", 0, int64(v), &meta))
		s.do(v, s.commit("simple", "", -1, "t", 1, int64(v), nil))
		s.do(v, s.commit("simple", "", -1, "t", 1, 99, &big))
		s.do(v, s.commit("simple", "", -1, "t", 9, 99, nil))
		s.do(v, s.commit("simple", "", -1, "nope", 0, 99, nil))
		s.do(v, s.commit("simple", "m", -1, "t", 1, 50, nil))
		s.do(v, s.fetch("simple", false, "t", "subscribed"))
		s.do(v, s.fetch("simple", true))
	}
	s.do(1, s.fetch("simple", false, "t"))
	s.do(9, s.commit("", "", -1, "t", 0, 5, nil))
	s.do(9, s.fetch("", false))
	s.do(9, s.commit("simple", "m", 3, "t", 0, 1, nil))
	s.do(6, s.describe("simple"))
	s.do(0, s.deleteOffsets("simple", "t", "nope"))
	s.do(9, s.fetch("simple", false))
}

// joined runs a JoinGroup to its end, with the member id that it is given.
func (s *script) joined(c *conn, version int16, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	resp, _ := s.on(c, version, req).(*kmsg.JoinGroupResponse)
	if resp.ErrorCode == 79 {
		req.MemberID = resp.MemberID
		resp, _ = s.on(c, version, req).(*kmsg.JoinGroupResponse)
	}
	return resp
}

func (s *script) oneMember() {
	for v := int16(0); v <= 9; v++ {
		group := "one" + string('0'+rune(v))
		s.title("one member, JoinGroup version %d", v)
		j := s.joined(s.main, v, s.join(group, "", nil, "range", "roundrobin"))
		s.do(6, s.describe(group))
		s.do(4, s.heartbeat(group, j.MemberID, 1))
		s.do(4, s.heartbeat(group, j.MemberID, 2))
		s.do(4, s.heartbeat(group, "x", 1))
		s.do(9, s.commit(group, j.MemberID, 1, "t", 0, 1, nil))
		s.do(v, s.join(group, j.MemberID, nil, "range", "roundrobin"))
		wrong := s.sync(group, j.MemberID, 1)
		wrong.Protocol = ptr("roundrobin")
		s.do(5, wrong)
		s.do(5, s.sync(group, "x", 1))
		s.do(5, s.sync(group, j.MemberID, 0))
		sv := min(v, 5)
		s.do(sv, s.sync(group, j.MemberID, 1, j.MemberID))
		s.do(sv, s.sync(group, j.MemberID, 1))
		s.do(6, s.describe(group))
		for cv := int16(2); cv <= 10; cv++ {
			s.do(cv, s.commit(group, j.MemberID, 1, "t", 0, 1, nil))
			s.do(cv, s.commit(group, j.MemberID, 7, "t", 0, 1, nil))
			s.do(cv, s.commit(group, "x", 1, "t", 0, 1, nil))
			s.do(cv, s.commit(group, "", -1, "t", 0, 1, nil))
		}
		s.do(0, s.deleteOffsets(group, "t", "subscribed"))
		s.do(2, s.deleteGroups(group))
		s.do(v, s.join(group, "", nil, "other"))
		other := s.join(group, "", nil, "range")
		other.ProtocolType = "connect"
		s.do(v, other)
		s.joined(s.main, v, s.join(group, j.MemberID, nil, "range"))
		s.do(sv, s.sync(group, j.MemberID, 2))
		s.do(min(v, 5), s.leave(group, "x", nil))
		s.do(min(v, 5), s.leave(group, j.MemberID, nil))
		s.do(4, s.heartbeat(group, j.MemberID, 2))
		s.do(6, s.describe(group))
	}
}

// later sends a request of which the answer waits.
func (s *script) later(c *conn, version int16, req kmsg.Request) (get func()) {
	req.SetVersion(version)
	c.send(req)
	return func() { s.write(c.receive(req)) }
}

func (s *script) twoMembers() {
	s.title("two members")
	a, b := dial(s.t, s.addr), dial(s.t, s.addr)
	ja := s.joined(a, 9, s.join("two", "", nil, "range"))
	s.on(a, 5, s.sync("two", ja.MemberID, 1, ja.MemberID))
	jb := s.join("two", "", nil, "range")
	first, _ := s.on(b, 9, jb).(*kmsg.JoinGroupResponse)
	jb.MemberID = first.MemberID
	getB := s.later(b, 9, jb)
	s.waitFor("two", "PreparingRebalance")
	s.on(a, 4, s.heartbeat("two", ja.MemberID, 1))
	s.on(a, 5, s.sync("two", ja.MemberID, 1))
	s.on(a, 9, s.commit("two", ja.MemberID, 1, "t", 0, 5, nil))
	s.on(a, 9, s.join("two", ja.MemberID, nil, "range"))
	getB()
	syncB := s.later(b, 5, s.sync("two", jb.MemberID, 2))
	s.do(6, s.describe("two"))
	s.do(9, s.commit("two", jb.MemberID, 2, "t", 0, 5, nil))
	s.on(a, 5, s.sync("two", ja.MemberID, 2, ja.MemberID))
	syncB()
	s.do(6, s.describe("two"))
	s.do(5, s.leave("two", ja.MemberID, nil))
	s.on(b, 4, s.heartbeat("two", jb.MemberID, 2))
	s.on(b, 9, s.join("two", jb.MemberID, nil, "range"))
	s.on(b, 5, s.sync("two", jb.MemberID, 3))
	s.on(b, 5, s.leave("two", jb.MemberID, nil))
}

// waitFor waits until the group is in that state, without a trace.
func (s *script) waitFor(group, state string) {
	deadline := time.Now().Add(time.Minute)
	for {
		req := s.describe(group)
		req.Version = 6
		s.main.send(req)
		resp, ok := s.main.receive(req).(*kmsg.DescribeGroupsResponse)
		if ok && resp.Groups[0].State == state {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("group %s is not %s", group, state)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *script) staticMembers() {
	i := ptr("i1")
	for v := int16(5); v <= 9; v++ {
		group := "static" + string('0'+rune(v))
		s.title("a static member, JoinGroup version %d", v)
		j := s.joined(s.main, v, s.join(group, "", i, "range"))
		s.do(5, s.sync(group, j.MemberID, 1, j.MemberID))
		again, _ := s.do(v, s.join(group, "", i, "range")).(*kmsg.JoinGroupResponse)
		old := s.heartbeat(group, j.MemberID, 1)
		s.do(4, old)
		old.InstanceID = i
		s.do(4, old)
		sync := s.sync(group, j.MemberID, 1)
		sync.InstanceID = i
		s.do(5, sync)
		commit := s.commit(group, j.MemberID, 1, "t", 0, 1, nil)
		commit.InstanceID = i
		s.do(9, commit)
		s.do(v, s.join(group, j.MemberID, i, "range"))
		s.do(5, s.leave(group, j.MemberID, i))
		sync.MemberID = again.MemberID
		s.do(5, sync)
		s.do(6, s.describe(group))
		s.do(5, s.leave(group, "", ptr("i9")))
		s.do(5, s.leave(group, "", i))
		s.do(6, s.describe(group))
	}
}

func (s *script) admin() {
	s.title("lists and deletion")
	for v := int16(4); v <= 5; v++ {
		list := kmsg.NewPtrListGroupsRequest()
		list.StatesFilter = []string{"stable"}
		s.do(v, list)
		list.TypesFilter, list.StatesFilter = []string{"consumer"}, nil
		if v >= 5 {
			s.do(v, list)
		}
	}
	s.do(2, s.deleteGroups("two"))
	s.do(6, s.describe("two"))
	s.do(9, s.fetch("two", true))
	s.do(2, s.deleteGroups("two"))
	s.do(2, s.deleteGroups(""))
	s.do(6, s.describe(""))
}
