package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// stable makes a group of n members that has its assignment.
func stable(t testing.TB, n int) (*Shard, []string, time.Time) {
	cfg := DefaultConfig()
	w := newWorld(t, cfg)
	for range n {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.ProtocolType = 3, "g", "consumer"
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 45_000, 300_000
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription("t")}}
		w.take(w.s.JoinGroup(w.now, Join{To: "x", Request: req, ClientID: "c", NewID: w.newID()}))
	}
	w.advance(6 * time.Second)
	g := w.s.groups["g"].(*classicGroup)
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID = "g", 1, g.leader
	w.take(w.s.SyncGroup(w.now, "x", req))
	var ids []string
	for _, m := range g.members {
		ids = append(ids, m.id)
	}
	if g.state != stateStable {
		t.Fatal("the group is not stable")
	}
	return w.s, ids, w.now
}

func TestHeartbeatAllocatesNothing(t *testing.T) {
	s, ids, now := stable(t, 3)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = "g", 1, ids[1]
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(time.Second)
		if err := s.Heartbeat(now, req); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			s, ids, now := stable(b, n)
			req := kmsg.NewPtrHeartbeatRequest()
			req.Group, req.Generation = "g", 1
			b.ReportAllocs()
			for i := range b.N {
				now = now.Add(time.Millisecond)
				req.MemberID = ids[i%n]
				if err := s.Heartbeat(now, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOffsetCommit(b *testing.B) {
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprintf("partitions=%d", n), func(b *testing.B) {
			s, ids, now := stable(b, 1)
			req := kmsg.NewPtrOffsetCommitRequest()
			req.Version, req.Group, req.Generation, req.MemberID = 9, "g", 1, ids[0]
			topic := kmsg.OffsetCommitRequestTopic{Topic: "topic", TopicID: [16]byte{1}}
			for p := range int32(n) {
				topic.Partitions = append(topic.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: p, Offset: 1000, LeaderEpoch: 3})
			}
			req.Topics = append(req.Topics, topic)
			b.ReportAllocs()
			for range b.N {
				if _, err := s.OffsetCommit(now, "x", req); err != nil {
					b.Fatal(err)
				}
				s.Committed(s.NextOffset())
			}
		})
	}
}

func BenchmarkLoadOffset(b *testing.B) {
	r := offsetCommitRecord("group", "topic", 3, offset{offset: 7, leaderEpoch: 5, commitMs: 1, expireMs: noExpiry})
	s := New(DefaultConfig())
	b.ReportAllocs()
	b.SetBytes(int64(len(r.Key) + len(r.Value)))
	for i := range b.N {
		if err := s.Load(int64(i), -1, r.Key, r.Value); err != nil {
			b.Fatal(err)
		}
	}
}
