package session

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// assigned is a controller that records directories, or refuses to.
type assigned struct {
	mu       sync.Mutex
	requests int
	where    map[Replica]metadata.UUID
	refuse   func(n int, r Replica) int16 // may be nil
	fail     func(n int) int16            // may be nil
}

func (c *assigned) Submit(_ context.Context, req kmsg.Request) (kmsg.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := req.(*kmsg.AssignReplicasToDirsRequest)
	if !ok {
		return nil, fmt.Errorf("unexpected %T", req)
	}
	c.requests++
	resp := kmsg.NewPtrAssignReplicasToDirsResponse()
	if c.fail != nil {
		if resp.ErrorCode = c.fail(c.requests); resp.ErrorCode != 0 {
			return resp, nil
		}
	}
	for _, d := range r.Directories {
		dir := kmsg.NewAssignReplicasToDirsResponseDirectory()
		dir.ID = d.ID
		for _, t := range d.Topics {
			topic := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
			topic.TopicID = t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
				part.Partition = p.Partition
				at := Replica{t.TopicID, p.Partition}
				if c.refuse != nil {
					part.ErrorCode = c.refuse(c.requests, at)
				}
				if part.ErrorCode == 0 {
					c.where[at] = d.ID
				}
				topic.Partitions = append(topic.Partitions, part)
			}
			dir.Topics = append(dir.Topics, topic)
		}
		resp.Directories = append(resp.Directories, dir)
	}
	return resp, nil
}

// wholeTopic is an image with a topic of n partitions on broker 1.
func wholeTopic(t *testing.T, id metadata.TopicID, n int32) *metadata.Image {
	t.Helper()
	records := []metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, FeatureLevel: metadata.MetadataVersion43IV0},
		&metadata.TopicRecord{Name: "t", TopicID: id},
	}
	for i := range n {
		records = append(records, &metadata.PartitionRecord{PartitionID: i, TopicID: id, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1})
	}
	img, _, err := metadata.Empty().Apply(records, metadata.Position{Offset: 1})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// assign runs body beside a queue that sends to c, in a bubble.
func assign(t *testing.T, c *assigned, img *metadata.Image, body func(t *testing.T, a *Assignments)) {
	synctest.Test(t, func(t *testing.T) {
		c.where = map[Replica]metadata.UUID{}
		s := New(Options{BrokerID: 1, Controller: c})
		a := NewAssignments(s, func() *metadata.Image { return img })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		body(t, a)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

var oneTopic = metadata.TopicID{5}

func TestManyReplicasGoInFewRequests(t *testing.T) {
	const n = 2*maxAssignments + 1
	c := &assigned{}
	assign(t, c, wholeTopic(t, oneTopic, n), func(t *testing.T, a *Assignments) {
		told := 0
		c.mu.Lock() // the first request may go with the first replica, and waits for the others
		for i := range int32(n) {
			a.Assign(Replica{oneTopic, i}, metadata.UUID{byte(i % 3), 1}, func() { told++ })
		}
		c.mu.Unlock()
		synctest.Wait()
		if a.Pending() != 0 || told != n || len(c.where) != n || c.requests > 4 {
			t.Errorf("%d pending, %d told, %d recorded in %d requests", a.Pending(), told, len(c.where), c.requests)
		}
		for r, dir := range c.where {
			if dir != (metadata.UUID{byte(r.Index % 3), 1}) {
				t.Errorf("%d is recorded in %s", r.Index, dir)
			}
		}
	})
}

func TestARefusedAssignmentIsSentAgain(t *testing.T) {
	c := &assigned{
		fail: func(n int) int16 {
			if n == 1 {
				return kerr.StaleBrokerEpoch.Code
			}
			return 0
		},
		refuse: func(n int, r Replica) int16 {
			if n < 4 && r.Index == 1 {
				return kerr.NotLeaderForPartition.Code
			}
			return 0
		},
	}
	assign(t, c, wholeTopic(t, oneTopic, 2), func(t *testing.T, a *Assignments) {
		var told []int32
		for i := range int32(2) {
			a.Assign(Replica{oneTopic, i}, metadata.UUID{9}, func() { told = append(told, i) })
		}
		synctest.Wait()
		if c.requests != 1 || a.Pending() != 2 {
			t.Errorf("%d requests, %d pending before the first pause", c.requests, a.Pending())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(told, []int32{0, 1}) || c.requests != 4 {
			t.Errorf("told of %v after %d requests", told, c.requests)
		}
	})
}

func TestTheLastDirectoryCounts(t *testing.T) {
	c := &assigned{fail: func(n int) int16 {
		if n == 1 {
			return kerr.CoordinatorNotAvailable.Code
		}
		return 0
	}}
	assign(t, c, wholeTopic(t, oneTopic, 1), func(t *testing.T, a *Assignments) {
		at := Replica{oneTopic, 0}
		a.Assign(at, metadata.UUID{1}, func() { t.Error("the first is recorded") })
		synctest.Wait()
		a.Assign(at, metadata.UUID{2}, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if c.where[at] != (metadata.UUID{2}) || c.requests != 2 {
			t.Errorf("recorded in %s after %d requests", c.where[at], c.requests)
		}
	})
}

func TestWhatIsGoneIsNotSent(t *testing.T) {
	c := &assigned{}
	assign(t, c, wholeTopic(t, oneTopic, 1), func(t *testing.T, a *Assignments) {
		a.Assign(Replica{metadata.TopicID{6}, 0}, metadata.UUID{1}, nil)
		a.Assign(Replica{oneTopic, 1}, metadata.UUID{1}, nil)
		synctest.Wait()
		if c.requests != 0 || a.Pending() != 0 {
			t.Errorf("%d requests, %d pending", c.requests, a.Pending())
		}
	})
}
