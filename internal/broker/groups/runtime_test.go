package groups

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
)

// bench is a runtime with one partition on a fakeLog, within a synctest bubble.
type bench struct {
	t   *testing.T
	r   *Coordinator
	log *fakeLog
}

type topicTable map[string][16]byte

func (t topicTable) TopicByName(name string) ([16]byte, int32, bool) {
	id, ok := t[name]
	return id, 4, ok
}

func (t topicTable) TopicByID(id [16]byte) (string, bool) {
	for name, i := range t {
		if i == id {
			return name, true
		}
	}
	return "", false
}

var someTopics = topicTable{"t": {1}, "u": {2}}

// inBubble runs f with a runtime that leads partition 0 of one.
func inBubble(t *testing.T, change func(*Options), f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, log: &fakeLog{epoch: 1}}
		o := Options{
			Open:       func(context.Context, int32) (coordinator.Log, error) { return b.log, nil },
			Partitions: func() int32 { return 1 },
			Topics:     someTopics,
			Config:     group.DefaultConfig(),
		}
		if change != nil {
			change(&o)
		}
		b.r = New(o)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- b.r.Run(ctx) }()
		b.r.Elected(0, 1)
		synctest.Wait()
		f(b)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// once makes a reply function that checks that it is called once, and its
// result.
func once[R any](b *bench) (reply func(R), get func() (R, bool)) {
	c := make(chan R, 2)
	return func(r R) {
			select {
			case c <- r:
			default:
				b.t.Error("answered more than twice")
			}
		}, func() (r R, ok bool) {
			synctest.Wait()
			if len(c) > 1 {
				b.t.Error("answered twice")
			}
			select {
			case r = <-c:
				return r, true
			default:
				return r, false
			}
		}
}

func (b *bench) commit(groupID string, partition int32, offset int64) func() (*kmsg.OffsetCommitResponse, bool) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, groupID, -1
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = "t"
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	reply, get := once[*kmsg.OffsetCommitResponse](b)
	b.r.OffsetCommit(req, reply)
	return get
}

func (b *bench) mustCommit(groupID string, partition int32, offset int64) {
	b.t.Helper()
	resp, ok := b.commit(groupID, partition, offset)()
	if !ok || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		b.t.Fatalf("commit of %d: answered %v, %+v", offset, ok, resp)
	}
}

func commitCode(resp *kmsg.OffsetCommitResponse) int16 { return resp.Topics[0].Partitions[0].ErrorCode }

// fetch returns the offset of partition, or the error.
func (b *bench) fetch(groupID string, partition int32, stable bool) (int64, error) {
	get := b.fetchLater(groupID, partition, stable)
	resp, ok := get()
	if !ok {
		return 0, errors.New("no answer")
	}
	g := resp.Groups[0]
	if g.ErrorCode != 0 {
		return 0, kerr.ErrorForCode(g.ErrorCode)
	}
	return g.Topics[0].Partitions[0].Offset, nil
}

func (b *bench) fetchLater(groupID string, partition int32, stable bool) func() (*kmsg.OffsetFetchResponse, bool) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 9, stable
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = groupID
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.Partitions = "t", []int32{partition}
	g.Topics = append(g.Topics, t)
	req.Groups = append(req.Groups, g)
	reply, get := once[*kmsg.OffsetFetchResponse](b)
	b.r.OffsetFetch(req, reply)
	return get
}

func (b *bench) join(groupID, member string, session time.Duration) func() (*kmsg.JoinGroupResponse, bool) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID = 3, groupID, member
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = int32(session.Milliseconds()), 60000
	req.ProtocolType = "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("m")}}
	reply, get := once[*kmsg.JoinGroupResponse](b)
	b.r.JoinGroup(req, ClientInfo{ID: "c", Host: "/127.0.0.1"}, reply)
	return get
}

func (b *bench) sync(groupID, member string, generation int32, assign ...string) func() (*kmsg.SyncGroupResponse, bool) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, groupID, member, generation
	for _, m := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m, MemberAssignment: []byte("of " + m)})
	}
	reply, get := once[*kmsg.SyncGroupResponse](b)
	b.r.SyncGroup(req, reply)
	return get
}

func (b *bench) heartbeat(groupID, member string, generation int32) int16 {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, groupID, member, generation
	reply, get := once[*kmsg.HeartbeatResponse](b)
	b.r.Heartbeat(req, reply)
	resp, ok := get()
	if !ok {
		b.t.Fatal("heartbeat was not answered")
	}
	return resp.ErrorCode
}

func TestCommitAnswersWhenCommitted(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		b.log.hold()
		second := b.commit("g", 0, 2)
		if _, ok := second(); ok {
			t.Error("answered before the record was committed")
		}
		if got, err := b.fetch("g", 0, false); got != 1 || err != nil {
			t.Errorf("fetched %d, %v; want what is committed, 1", got, err)
		}
		stable := b.fetchLater("g", 0, true)
		if _, ok := stable(); ok {
			t.Error("a stable fetch was answered before the offset was committed")
		}
		b.log.commit()
		if resp, ok := second(); !ok || commitCode(resp) != 0 {
			t.Errorf("answered %v, %+v", ok, resp)
		}
		if resp, ok := stable(); !ok || resp.Groups[0].Topics[0].Partitions[0].Offset != 2 {
			t.Errorf("answered %v, %+v", ok, resp)
		}
	})
}

// TestGroupCommit shows that commits that come while an append runs share the
// next batch.
func TestGroupCommit(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		gate := make(chan struct{})
		b.log.onAppend = func() { <-gate }
		var gets []func() (*kmsg.OffsetCommitResponse, bool)
		first := make(chan func() (*kmsg.OffsetCommitResponse, bool))
		go func() { first <- b.commit("g", 0, 1) }()
		synctest.Wait() // in the append
		for i := range 100 {
			gets = append(gets, b.commit("g", 1, int64(i)))
		}
		b.log.mu.Lock()
		b.log.onAppend = nil
		b.log.mu.Unlock()
		close(gate)
		gets = append(gets, <-first)
		for i, get := range gets {
			if resp, ok := get(); !ok || commitCode(resp) != 0 {
				t.Fatalf("commit %d: answered %v, %+v", i, ok, resp)
			}
		}
		if b.log.appends != 2 {
			t.Errorf("%d appends, want 2", b.log.appends)
		}
	})
}

func TestCommitTimesOut(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.log.hold()
		get := b.commit("g", 0, 1)
		time.Sleep(4 * time.Second)
		if _, ok := get(); ok {
			t.Error("answered early")
		}
		time.Sleep(time.Second)
		if resp, ok := get(); !ok || commitCode(resp) != kerr.CoordinatorNotAvailable.Code {
			t.Errorf("answered %v, %+v", ok, resp)
		}
		b.log.commit() // the record is in the log all the same
		if got, err := b.fetch("g", 0, true); got != 1 || err != nil {
			t.Errorf("fetched %d, %v", got, err)
		}
	})
}

func TestAppendFails(t *testing.T) {
	cases := []struct {
		err  error
		code int16
	}{
		{fmt.Errorf("append: %w", kerr.NotEnoughReplicas), kerr.CoordinatorNotAvailable.Code},
		{kerr.NotLeaderForPartition, kerr.NotCoordinator.Code},
		{kerr.KafkaStorageError, kerr.NotCoordinator.Code},
		{kerr.MessageTooLarge, kerr.UnknownServerError.Code},
		{errors.New("who knows"), kerr.UnknownServerError.Code},
	}
	for _, c := range cases {
		inBubble(t, nil, func(b *bench) {
			b.mustCommit("g", 0, 1)
			b.log.setFail(c.err)
			if resp, ok := b.commit("g", 0, 2)(); !ok || commitCode(resp) != c.code {
				t.Errorf("%v: answered %v, %+v, want %d", c.err, ok, resp, c.code)
			}
			b.log.setFail(nil)
			if got, err := b.fetch("g", 0, true); got != 1 || err != nil {
				t.Errorf("%v: fetched %d, %v; want 1", c.err, got, err)
			}
			b.mustCommit("g", 0, 3)
		})
	}
}

// TestTooLarge has a request whose records fit no batch: it fails alone.
func TestTooLarge(t *testing.T) {
	inBubble(t, func(o *Options) { o.MaxBatchBytes = 200; o.Config.OffsetMetadataMaxSize = 1000 }, func(b *bench) {
		b.mustCommit("g", 0, 1)
		b.mustCommit("g", 0, 2)
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Version, req.Group, req.Generation = 9, "g", -1
		for i := range int32(4) {
			topic := kmsg.NewOffsetCommitRequestTopic()
			topic.Topic = "t"
			topic.Partitions = append(topic.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: i, Offset: 9})
			req.Topics = append(req.Topics, topic)
		}
		reply, get := once[*kmsg.OffsetCommitResponse](b)
		b.r.OffsetCommit(req, reply)
		if resp, ok := get(); !ok || commitCode(resp) != kerr.UnknownServerError.Code {
			t.Errorf("answered %v, %+v", ok, resp)
		}
		if got, err := b.fetch("g", 0, true); got != 2 || err != nil {
			t.Errorf("fetched %d, %v", got, err)
		}
		// Tombstones of deleted topics may be cut.
		for i := range int32(4) {
			b.mustCommit("g", i, 5)
		}
		before := b.log.appends
		b.r.TopicsDeleted([]DeletedTopic{{Name: "t", ID: [16]byte{1}}})
		synctest.Wait()
		if got, _ := b.fetch("g", 3, true); got != -1 || b.log.appends < before+2 {
			t.Errorf("fetched %d after %d appends", got, b.log.appends-before)
		}
	})
}

func TestRouting(t *testing.T) {
	inBubble(t, func(o *Options) { o.Partitions = func() int32 { return 3 } }, func(b *bench) {
		// "g" is in partition 1 of 3, see the golden table.
		if code := b.heartbeat("g", "m", 1); code != kerr.NotCoordinator.Code {
			t.Errorf("code %d, want NOT_COORDINATOR", code)
		}
	})
	inBubble(t, func(o *Options) { o.Partitions = func() int32 { return 0 } }, func(b *bench) {
		if code := b.heartbeat("g", "m", 1); code != kerr.CoordinatorNotAvailable.Code {
			t.Errorf("code %d, want COORDINATOR_NOT_AVAILABLE", code)
		}
	})
}

// TestLoading checks the answers while the high watermark of a new leader lags.
func TestLoading(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		b.log.hold()
		b.commit("g", 0, 2)
		b.log.mu.Lock()
		b.log.epoch, b.log.waiters = 2, nil
		b.log.mu.Unlock()
		b.r.Elected(0, 2)
		synctest.Wait()
		if resp, ok := b.commit("g", 0, 3)(); !ok || commitCode(resp) != kerr.CoordinatorLoadInProgress.Code {
			t.Errorf("commit answered %v, %+v", ok, resp)
		}
		if _, err := b.fetch("g", 0, false); !errors.Is(err, kerr.CoordinatorLoadInProgress) {
			t.Errorf("fetch: %v", err)
		}
		if code := b.heartbeat("g", "m", 1); code != 0 {
			t.Errorf("heartbeat: %d, want none", code)
		}
		reply, get := once[*kmsg.ListGroupsResponse](b)
		b.r.ListGroups(kmsg.NewPtrListGroupsRequest(), reply)
		if resp, _ := get(); resp.ErrorCode != kerr.CoordinatorLoadInProgress.Code {
			t.Errorf("list: %+v", resp)
		}
		if b.r.Loading() != 1 {
			t.Errorf("%d partitions are loading, want 1", b.r.Loading())
		}
		b.log.commit()
		synctest.Wait()
		if got, err := b.fetch("g", 0, false); got != 2 || err != nil {
			t.Errorf("fetched %d, %v; want 2", got, err)
		}
	})
}

func TestLoadTriesAgain(t *testing.T) {
	tries := 0
	inBubble(t, func(o *Options) {
		open := o.Open
		o.Open = func(ctx context.Context, p int32) (coordinator.Log, error) {
			if tries++; tries < 3 {
				return nil, errors.New("not now")
			}
			return open(ctx, p)
		}
	}, func(b *bench) {
		if code := commitCode(first(b.commit("g", 0, 1)())); code != kerr.CoordinatorLoadInProgress.Code {
			t.Errorf("code %d", code)
		}
		time.Sleep(3 * time.Second)
		b.mustCommit("g", 0, 1)
	})
}

func first[A, B any](a A, _ B) A { return a }

func TestResigned(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.log.hold()
		commit, join, stable := b.commit("g", 0, 1), b.join("h", "", 10*time.Second), b.fetchLater("g", 0, true)
		b.r.Resigned(0)
		if resp, ok := commit(); !ok || commitCode(resp) != kerr.NotCoordinator.Code {
			t.Errorf("commit answered %v, %+v", ok, resp)
		}
		if resp, ok := join(); !ok || resp.ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("join answered %v, %+v", ok, resp)
		}
		if resp, ok := stable(); !ok || resp.Groups[0].ErrorCode != kerr.NotCoordinator.Code {
			t.Errorf("fetch answered %v, %+v", ok, resp)
		}
		b.log.commit() // nobody is there to hear it
		if code := b.heartbeat("g", "m", 1); code != kerr.NotCoordinator.Code {
			t.Errorf("heartbeat: %d", code)
		}
		b.r.Elected(0, 1)
		synctest.Wait()
		if got, err := b.fetch("g", 0, true); got != 1 || err != nil {
			t.Errorf("fetched %d, %v", got, err)
		}
	})
}

// TestLogLosesLeadership has the log give up on a commit, first with a new
// leader elsewhere, then with none: the same leadership goes on.
func TestLogLosesLeadership(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		b.log.hold()
		get := b.commit("g", 0, 2)
		b.log.depose(true)
		if resp, ok := get(); !ok || commitCode(resp) != kerr.NotCoordinator.Code {
			t.Errorf("answered %v, %+v", ok, resp)
		}
		if code := b.heartbeat("g", "m", 1); code != kerr.NotCoordinator.Code {
			t.Errorf("heartbeat: %d", code)
		}
		b.log.mu.Lock()
		b.log.epoch = 1
		b.log.mu.Unlock()
		time.Sleep(2 * time.Second)
		if got, err := b.fetch("g", 0, true); got != 1 || err != nil {
			t.Errorf("fetched %d, %v", got, err)
		}
		b.mustCommit("g", 0, 3)
	})
}

func TestForeignAppendReloads(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		b.mustCommit("g", 0, 1)
		b.log.foreign()
		if resp, ok := b.commit("g", 0, 2)(); !ok || commitCode(resp) != kerr.CoordinatorLoadInProgress.Code {
			t.Errorf("answered %v, %+v", ok, resp)
		}
		if got, err := b.fetch("g", 0, true); got != 2 || err != nil {
			t.Errorf("fetched %d, %v; the record is in the log", got, err)
		}
		b.mustCommit("g", 0, 3)
	})
}

func TestRunEndsWithAnswers(t *testing.T) {
	var join func() (*kmsg.JoinGroupResponse, bool)
	var bb *bench
	inBubble(t, nil, func(b *bench) {
		bb = b
		join = b.join("g", "", 10*time.Second)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.r.Run(ctx); err != nil { // a second Run that ends at once stops it
			t.Error(err)
		}
		if resp, ok := join(); !ok || resp.ErrorCode != kerr.NotCoordinator.Code && resp.ErrorCode != kerr.CoordinatorNotAvailable.Code {
			t.Errorf("join answered %v, %+v", ok, resp)
		}
		if code := bb.heartbeat("g", "m", 1); code != kerr.CoordinatorNotAvailable.Code {
			t.Errorf("heartbeat: %d", code)
		}
	})
}

// TestLifeOfAGroup runs the timers: initial delay, session, rebalance.
func TestLifeOfAGroup(t *testing.T) {
	inBubble(t, nil, func(b *bench) {
		joinA, joinB := b.join("g", "", 10*time.Second), b.join("g", "", 10*time.Second)
		time.Sleep(2900 * time.Millisecond)
		if _, ok := joinA(); ok {
			t.Error("joined before the initial delay")
		}
		time.Sleep(3100 * time.Millisecond)
		a, okA := joinA()
		c, okB := joinB()
		if !okA || !okB || a.Generation != 1 || a.LeaderID != a.MemberID || len(a.Members) != 2 {
			t.Fatalf("joined %v %+v, %v %+v", okA, a, okB, c)
		}
		b.log.hold()
		syncB, syncA := b.sync("g", c.MemberID, 1), b.sync("g", a.MemberID, 1, a.MemberID, c.MemberID)
		if _, ok := syncB(); ok {
			t.Error("synced before the assignment was committed")
		}
		b.log.commit()
		ra, okA := syncA()
		rb, okB := syncB()
		if !okA || !okB || string(ra.MemberAssignment) != "of "+a.MemberID || string(rb.MemberAssignment) != "of "+c.MemberID {
			t.Fatalf("synced %v %+v, %v %+v", okA, ra, okB, rb)
		}
		for range 5 {
			time.Sleep(9 * time.Second)
			if code := b.heartbeat("g", a.MemberID, 1); code != 0 && code != kerr.RebalanceInProgress.Code {
				t.Fatalf("heartbeat: %d", code)
			}
		}
		// B is silent, so A has to rebalance, and then is alone.
		again := b.join("g", a.MemberID, 10*time.Second)
		if resp, ok := again(); !ok || resp.Generation != 2 || len(resp.Members) != 1 {
			t.Fatalf("rejoined %v %+v", ok, resp)
		}
		if code := b.heartbeat("g", c.MemberID, 1); code != kerr.UnknownMemberID.Code {
			t.Errorf("heartbeat of the lost member: %d", code)
		}
		time.Sleep(11 * time.Second)
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Version, req.Groups = 6, []string{"g", "nope"}
		reply, get := once[*kmsg.DescribeGroupsResponse](b)
		b.r.DescribeGroups(req, reply)
		if resp, _ := get(); resp.Groups[0].State != "Empty" || resp.Groups[1].ErrorCode != kerr.GroupIDNotFound.Code {
			t.Errorf("described %+v", resp)
		}
	})
}
