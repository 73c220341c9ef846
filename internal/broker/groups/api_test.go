package groups

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer sends req and returns the answer after it went over the wire, so that
// the test sees what a client of that version sees.
func answer[R kmsg.Response](b *bench, version int16, send func(reply func(R))) R {
	b.t.Helper()
	reply, get := once[R](b)
	send(reply)
	resp, ok := get()
	if !ok {
		b.t.Fatal("no answer")
	}
	if got := resp.GetVersion(); got != version {
		b.t.Fatalf("%T has version %d, want %d", resp, got, version)
	}
	if err := resp.ReadFrom(resp.AppendTo(nil)); err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func commitText(resp *kmsg.OffsetCommitResponse) (out string) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			out += fmt.Sprintf("%s/%x %d=%d ", t.Topic, t.TopicID[:1], p.Partition, p.ErrorCode)
		}
	}
	return out
}

// TestOffsetCommitTopics: what does not exist is answered apart, by name or id.
func TestOffsetCommitTopics(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		commit := func(version int16, topics ...kmsg.OffsetCommitRequestTopic) string {
			req := kmsg.NewPtrOffsetCommitRequest()
			req.Version, req.Group, req.Generation, req.Topics = version, "g", -1, topics
			return commitText(answer(b, version, func(r func(*kmsg.OffsetCommitResponse)) { b.r.OffsetCommit(req, r) }))
		}
		topic := func(name string, id byte, partitions ...int32) kmsg.OffsetCommitRequestTopic {
			out := kmsg.OffsetCommitRequestTopic{Topic: name}
			if id > 0 {
				out.TopicID[0] = id
			}
			for _, p := range partitions {
				out.Partitions = append(out.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: p, Offset: 5, LeaderEpoch: -1})
			}
			return out
		}
		for version := int16(2); version <= 9; version++ {
			got := commit(version, topic("t", 0, 0, 4, 1, -1), topic("nope", 0, 0), topic("u", 0, 9))
			if want := "t/00 4=3 t/00 -1=3 t/00 0=0 t/00 1=0 nope/00 0=3 u/00 9=3 "; got != want {
				t.Errorf("version %d: %s, want %s", version, got, want)
			}
			if got := commit(version, topic("nope", 0, 0)); got != "nope/00 0=3 " {
				t.Errorf("version %d: %s", version, got)
			}
		}
		got := commit(10, topic("", 1, 0, 7), topic("", 9, 0), topic("", 2, 3))
		if want := "/01 7=3 /01 0=0 /09 0=100 /02 3=0 "; got != want {
			t.Errorf("version 10: %s, want %s", got, want)
		}
	})
}

// TestOffsetFetchVersions reads the same offsets in every version's form.
func TestOffsetFetchVersions(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 5)
		b.mustCommit("g", 2, 7)
		for version := int16(1); version <= 10; version++ {
			for _, all := range []bool{false, true} {
				if all && version < 2 {
					continue
				}
				req := kmsg.NewPtrOffsetFetchRequest()
				req.Version, req.RequireStable = version, version >= 7
				req.Group = "g"
				g := kmsg.NewOffsetFetchRequestGroup()
				g.Group = "g"
				if !all {
					req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0, 1, 2}}}
					g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0, 1, 2}}}
					if version >= 10 {
						g.Topics[0].Topic, g.Topics[0].TopicID = "", [16]byte{1}
						g.Topics = append(g.Topics, kmsg.OffsetFetchRequestGroupTopic{TopicID: [16]byte{9}, Partitions: []int32{0}})
					}
				}
				if version >= 8 {
					req.Groups = append(req.Groups, g)
				}
				got := fetchText(answer(b, version, func(r func(*kmsg.OffsetFetchResponse)) { b.r.OffsetFetch(req, r) }))
				want := map[bool]string{false: "t 0=5:0 1=-1:0 2=7:0 | ", true: "t 0=5:0 2=7:0 | "}[all]
				if version >= 10 {
					want = map[bool]string{false: "01 0=5:0 1=-1:0 2=7:0 | 09 0=-1:100 | ", true: "01 0=5:0 2=7:0 | "}[all]
				}
				if got != want {
					t.Errorf("version %d, all=%v: %s, want %s", version, all, got, want)
				}
			}
		}
	})
}

func fetchText(resp *kmsg.OffsetFetchResponse) (out string) {
	if resp.ErrorCode != 0 {
		out = fmt.Sprintf("error %d ", resp.ErrorCode)
	}
	for _, t := range resp.Topics {
		out += t.Topic + " "
		for _, p := range t.Partitions {
			out += fmt.Sprintf("%d=%d:%d ", p.Partition, p.Offset, p.ErrorCode)
		}
		out += "| "
	}
	for _, g := range resp.Groups {
		if g.ErrorCode != 0 {
			out += fmt.Sprintf("group error %d ", g.ErrorCode)
		}
		for _, t := range g.Topics {
			name := t.Topic
			if resp.Version >= 10 {
				name = fmt.Sprintf("%x", t.TopicID[:1])
			}
			out += name + " "
			for _, p := range t.Partitions {
				out += fmt.Sprintf("%d=%d:%d ", p.Partition, p.Offset, p.ErrorCode)
			}
			out += "| "
		}
	}
	return out
}

// TestOffsetFetchErrors puts an error where the version has a place for it.
func TestOffsetFetchErrors(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.r.Resigned(0)
		for version, want := range map[int16]string{
			1: "t 0=-1:16 | ",
			2: "error 16 ",
			7: "error 16 ",
			8: "group error 16 ",
			9: "group error 16 ",
		} {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.Version, req.Group = version, "g"
			req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
			if version >= 8 {
				req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g"}}
			}
			if got := fetchText(answer(b, version, func(r func(*kmsg.OffsetFetchResponse)) { b.r.OffsetFetch(req, r) })); got != want {
				t.Errorf("version %d: %s, want %s", version, got, want)
			}
		}
		none := kmsg.NewPtrOffsetFetchRequest()
		none.Version = 9
		if got := fetchText(answer(b, 9, func(r func(*kmsg.OffsetFetchResponse)) { b.r.OffsetFetch(none, r) })); got != "" {
			t.Errorf("no groups: %s", got)
		}
	})
}

func TestDeleteGroups(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		join := b.join("busy", "", 10*time.Second)
		for version := range int16(3) {
			req := kmsg.NewPtrDeleteGroupsRequest()
			req.Version, req.Groups = version, []string{"nope", "g", "busy", "g"}
			resp := answer(b, version, func(r func(*kmsg.DeleteGroupsResponse)) { b.r.DeleteGroups(req, r) })
			got := map[string]int16{}
			for _, g := range resp.Groups {
				got[g.Group] = g.ErrorCode
			}
			want := map[string]int16{"nope": kerr.GroupIDNotFound.Code, "g": 0, "busy": kerr.NonEmptyGroup.Code}
			if version > 0 {
				want["g"] = kerr.GroupIDNotFound.Code
			}
			if diff := cmp.Diff(want, got); diff != "" || len(resp.Groups) != 3 {
				t.Errorf("version %d: %s", version, diff)
			}
		}
		b.r.Resigned(0)
		if resp, ok := join(); !ok || resp.ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("join answered %v, %+v", ok, resp)
		}
	})
}

func TestOffsetDeleteTopics(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = "g"
		req.Topics = []kmsg.OffsetDeleteRequestTopic{
			{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 8}}},
			{Topic: "nope", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}},
		}
		resp := answer(b, 0, func(r func(*kmsg.OffsetDeleteResponse)) { b.r.OffsetDelete(req, r) })
		got := ""
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				got += fmt.Sprintf("%s-%d=%d ", t.Topic, p.Partition, p.ErrorCode)
			}
		}
		if want := "t-8=3 t-0=0 nope-0=3 "; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		req.Group = ""
		if resp := answer(b, 0, func(r func(*kmsg.OffsetDeleteResponse)) { b.r.OffsetDelete(req, r) }); resp.ErrorCode != kerr.InvalidGroupID.Code {
			t.Errorf("no group: %+v", resp)
		}
		req.Group = "nope"
		if resp := answer(b, 0, func(r func(*kmsg.OffsetDeleteResponse)) { b.r.OffsetDelete(req, r) }); resp.ErrorCode != kerr.GroupIDNotFound.Code {
			t.Errorf("unknown group: %+v", resp)
		}
	})
}

// TestEarlyErrors: what can be told without the group is told, whoever
// coordinates it.
func TestEarlyErrors(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.r.Resigned(0)
		for version := range int16(10) {
			join := kmsg.NewPtrJoinGroupRequest()
			join.Version, join.SessionTimeoutMillis = version, 10_000
			if r := answer(b, version, func(r func(*kmsg.JoinGroupResponse)) { b.r.JoinGroup(join, ClientInfo{}, r) }); r.ErrorCode != kerr.InvalidGroupID.Code {
				t.Errorf("join %d: %+v", version, r)
			}
			join.Group, join.SessionTimeoutMillis = "g", 0
			if r := answer(b, version, func(r func(*kmsg.JoinGroupResponse)) { b.r.JoinGroup(join, ClientInfo{}, r) }); r.ErrorCode != kerr.InvalidSessionTimeout.Code {
				t.Errorf("join %d: %+v", version, r)
			}
			join.SessionTimeoutMillis = 10_000
			if r := answer(b, version, func(r func(*kmsg.JoinGroupResponse)) { b.r.JoinGroup(join, ClientInfo{}, r) }); r.ErrorCode != kerr.NotCoordinator.Code {
				t.Errorf("join %d: %+v", version, r)
			}
		}
		for version := range int16(6) {
			sync := kmsg.NewPtrSyncGroupRequest()
			sync.Version = version
			want := kerr.InvalidGroupID.Code
			if version >= 5 {
				want = kerr.InconsistentGroupProtocol.Code
			}
			if r := answer(b, version, func(r func(*kmsg.SyncGroupResponse)) { b.r.SyncGroup(sync, r) }); r.ErrorCode != want {
				t.Errorf("sync %d: %+v", version, r)
			}
			leave := kmsg.NewPtrLeaveGroupRequest()
			leave.Version = version
			if r := answer(b, version, func(r func(*kmsg.LeaveGroupResponse)) { b.r.LeaveGroup(leave, r) }); r.ErrorCode != kerr.InvalidGroupID.Code {
				t.Errorf("leave %d: %+v", version, r)
			}
		}
		for version := range int16(5) {
			beat := kmsg.NewPtrHeartbeatRequest()
			beat.Version = version
			if r := answer(b, version, func(r func(*kmsg.HeartbeatResponse)) { b.r.Heartbeat(beat, r) }); r.ErrorCode != kerr.InvalidGroupID.Code {
				t.Errorf("heartbeat %d: %+v", version, r)
			}
		}
	})
}

func TestListGroups(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("b", 0, 1)
		b.mustCommit("a", 0, 1)
		for version := range int16(6) {
			req := kmsg.NewPtrListGroupsRequest()
			req.Version = version
			resp := answer(b, version, func(r func(*kmsg.ListGroupsResponse)) { b.r.ListGroups(req, r) })
			if len(resp.Groups) != 2 || resp.Groups[0].Group != "a" || version >= 4 && resp.Groups[0].GroupState != "Empty" || version >= 5 && resp.Groups[0].GroupType != "classic" {
				t.Errorf("version %d: %+v", version, resp)
			}
		}
	})
}
