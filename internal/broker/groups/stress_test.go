package groups

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/coordinator/group"
)

// TestFailovers has clients commit rising offsets while leadership comes and
// goes, with and without what was not committed: every request is answered
// once, and nothing that was acknowledged is lost.
func TestFailovers(t *testing.T) {
	const clients, commits, moves = 8, 20, 60
	log := &fakeLog{epoch: 0}
	r := New(Options{
		Open:       func(context.Context, int32) (coordinator.Log, error) { return log, nil },
		Partitions: func() int32 { return 1 },
		Config:     group.DefaultConfig(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })

	var acked [clients]atomic.Int64
	var answered atomic.Int64
	for move := range moves {
		elect(log, r)
		for commitAndWait(t, r, "mover", int64(move)) != 0 {
			runtime.Gosched() // it loads
		}
		var work sync.WaitGroup
		for i := range clients {
			work.Go(func() {
				for n := range int64(commits) {
					offset := int64(move)*commits + n + 1
					if commitAndWait(t, r, fmt.Sprintf("g%d", i), offset) == 0 {
						acked[i].Store(offset)
					}
					answered.Add(1)
				}
			})
		}
		for answered.Load() < int64(move)*clients*commits+int64(move%(clients*commits)) {
			runtime.Gosched()
		}
		log.hold()
		done := make(chan struct{})
		send(r, "mover", int64(move), func(int16) { close(done) })
		log.depose(move%2 == 0)
		r.Resigned(0)
		<-done
		work.Wait()
	}
	elect(log, r)
	for i := range clients {
		want := acked[i].Load()
		for {
			got, code := fetchNow(t, r, fmt.Sprintf("g%d", i))
			if code == kerr.CoordinatorLoadInProgress.Code {
				continue
			}
			if code != 0 || got < want {
				t.Errorf("group %d: offset %d (code %d), acknowledged %d", i, got, code, want)
			}
			if want == 0 {
				t.Errorf("group %d: no commit has ever succeeded", i)
			}
			break
		}
	}
	cancel()
	wg.Wait()
}

// elect begins a new term of leadership.
func elect(log *fakeLog, r *Coordinator) {
	log.mu.Lock()
	log.epoch++
	epoch := log.epoch
	log.mu.Unlock()
	r.Elected(0, epoch)
}

func send(r *Coordinator, groupID string, offset int64, done func(code int16)) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, groupID, -1
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = "t"
	topic.Partitions = []kmsg.OffsetCommitRequestTopicPartition{{Offset: offset, LeaderEpoch: -1}}
	req.Topics = append(req.Topics, topic)
	r.OffsetCommit(req, func(resp *kmsg.OffsetCommitResponse) { done(resp.Topics[0].Partitions[0].ErrorCode) })
}

func commitAndWait(t *testing.T, r *Coordinator, groupID string, offset int64) int16 {
	c := make(chan int16, 1)
	var answers atomic.Int32
	send(r, groupID, offset, func(code int16) {
		if answers.Add(1) > 1 {
			t.Error("answered twice")
			return
		}
		c <- code
	})
	return <-c
}

func fetchNow(t *testing.T, r *Coordinator, groupID string) (offset int64, code int16) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 8, true
	req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: groupID, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}}}
	c := make(chan *kmsg.OffsetFetchResponse, 1)
	r.OffsetFetch(req, func(resp *kmsg.OffsetFetchResponse) { c <- resp })
	g := (<-c).Groups[0]
	if g.ErrorCode != 0 {
		return 0, g.ErrorCode
	}
	return max(g.Topics[0].Partitions[0].Offset, 0), 0
}

// BenchmarkOffsetCommit is a commit from request to answer, on a log in memory
// that commits at once.
func BenchmarkOffsetCommit(b *testing.B) {
	log := &fakeLog{epoch: 1}
	r := New(Options{
		Open:       func(context.Context, int32) (coordinator.Log, error) { return log, nil },
		Partitions: func() int32 { return 1 },
		Config:     group.DefaultConfig(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	r.Elected(0, 1)
	for r.Loading() > 0 {
		log.EndOffset()
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := int64(0); pb.Next(); i++ {
			send(r, "g", i, func(code int16) {
				if code != 0 {
					b.Errorf("code %d", code)
				}
			})
		}
	})
	cancel()
	wg.Wait()
}

func BenchmarkHeartbeat(b *testing.B) {
	log := &fakeLog{epoch: 1}
	r := New(Options{
		Open:       func(context.Context, int32) (coordinator.Log, error) { return log, nil },
		Partitions: func() int32 { return 1 },
		Config:     group.DefaultConfig(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	r.Elected(0, 1)
	for r.Loading() > 0 {
		log.EndOffset()
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID = 4, "g", "m"
	b.ReportAllocs()
	for range b.N {
		r.Heartbeat(req, func(*kmsg.HeartbeatResponse) {})
	}
	cancel()
	wg.Wait()
}
