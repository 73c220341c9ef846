package scale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestTopicsAtOnce makes SCALE_TOPICS topics (200; in full 1,000) of 5
// partitions with one request, and deletes them with one.
func TestTopicsAtOnce(t *testing.T) {
	count := setting(t, "SCALE_TOPICS", 200)
	b := run(t)
	cl := b.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	var names []string
	for i := range count {
		names = append(names, topicName(i))
	}
	began := time.Now()
	made, err := adm.CreateTopics(patient(t), 5, 1, nil, names...)
	if err != nil || made.Error() != nil {
		t.Fatalf("create: %v, %v", err, made.Error())
	}
	t.Logf("%d topics created in %s", count, time.Since(began).Round(time.Millisecond))
	listed, err := adm.ListTopics(patient(t))
	if err != nil || len(listed) != count {
		t.Fatalf("%d topics are listed, %v", len(listed), err)
	}
	for _, d := range listed {
		if d.Err != nil || len(d.Partitions) != 5 {
			t.Errorf("%s has %d partitions, %v", d.Topic, len(d.Partitions), d.Err)
		}
	}
	began = time.Now()
	gone, err := adm.DeleteTopics(patient(t), names...)
	if err != nil || gone.Error() != nil {
		t.Fatalf("delete: %v, %v", err, gone.Error())
	}
	t.Logf("and deleted in %s", time.Since(began).Round(time.Millisecond))
	other := b.client() // the first one still has its answer from before
	defer other.Close()
	if listed, err = kadm.NewClient(other).ListTopics(patient(t)); err != nil || len(listed) != 0 {
		t.Errorf("%d topics are left, %v", len(listed), err)
	}
}

// TestDeletionStorm deletes a topic and makes it again SCALE_CYCLES times (15;
// in full 100) while clients write to it. What was acknowledged before a
// deletion is never served by a later topic of the name.
func TestDeletionStorm(t *testing.T) {
	const name, partitions = "storm", 3
	cycles := setting(t, "SCALE_CYCLES", 15)
	b := run(t)
	cl := b.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	s := &storm{b: b, topic: name}
	ctx, stop := context.WithCancel(patient(t))
	var load sync.WaitGroup
	ids := map[kadm.TopicID]bool{}
	for cycle := range cycles {
		made, err := adm.CreateTopic(ctx, partitions, 1, nil, name)
		if err != nil {
			t.Fatalf("cycle %d: create: %v", cycle, err)
		}
		if ids[made.ID] {
			t.Fatalf("cycle %d: the id %v was given again", cycle, made.ID)
		}
		ids[made.ID] = true
		if cycle == 0 {
			for range 3 {
				load.Go(func() { s.produce(ctx) })
			}
		}
		before := s.acknowledged()
		for s.acknowledged() < before+20 && ctx.Err() == nil {
			time.Sleep(time.Millisecond) // until the load has reached this topic
		}
		s.check(ctx, t, made.ID, partitions)
		s.deleting()
		if gone, err := adm.DeleteTopics(ctx, name); err != nil || gone.Error() != nil {
			t.Fatalf("cycle %d: delete: %v, %v", cycle, err, gone.Error())
		}
	}
	stop()
	load.Wait()
	t.Logf("%d topics of one name, %d records acknowledged", cycles, s.acknowledged())
}

// storm numbers its records, and knows which of them belong to a topic that is
// gone.
type storm struct {
	b     *broker
	topic string
	next  atomic.Int64

	mu    sync.Mutex
	acked map[int64]bool
	old   map[int64]bool // acknowledged before the last deletion began
	count int
}

func (s *storm) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// deleting notes that all that is acknowledged by now goes.
func (s *storm) deleting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.old == nil {
		s.old = map[int64]bool{}
	}
	for n := range s.acked {
		s.old[n] = true
	}
	s.acked = nil
}

func (s *storm) ack(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acked == nil {
		s.acked = map[int64]bool{}
	}
	s.acked[n] = true
	s.count++
}

// produce writes numbered records until ctx ends. A client that knows a topic
// that is gone is replaced.
func (s *storm) produce(ctx context.Context) {
	for ctx.Err() == nil {
		cl, err := kgo.NewClient(kgo.SeedBrokers(s.b.addr), kgo.DefaultProduceTopic(s.topic), kgo.ProducerLinger(0),
			kgo.RecordDeliveryTimeout(10*time.Second), kgo.UnknownTopicRetries(0))
		if err != nil {
			s.b.t.Error(err)
			return
		}
		for ctx.Err() == nil {
			n := s.next.Add(1)
			if err := cl.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(n))).FirstErr(); err != nil {
				break // the topic is gone, or not there yet
			}
			s.ack(n)
		}
		cl.Close()
	}
}

// check reads the topic with this id and finds no record of its predecessors.
func (s *storm) check(ctx context.Context, t *testing.T, id kadm.TopicID, partitions int32) {
	t.Helper()
	s.mu.Lock()
	old := s.old // replaced by nobody while this runs: deleting is called by the caller
	s.mu.Unlock()
	cl := s.b.client()
	defer cl.Close()
	for p := range partitions {
		req := kmsg.NewPtrFetchRequest()
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 0, 0, 50<<20
		asked := kmsg.NewFetchRequestTopic()
		asked.Topic, asked.TopicID = s.topic, id
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.PartitionMaxBytes = p, 50<<20
		asked.Partitions = append(asked.Partitions, part)
		req.Topics = append(req.Topics, asked)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil || len(resp.Topics) != 1 {
			t.Fatalf("fetch: %v", errors.Join(err, kerr.ErrorForCode(resp.ErrorCode)))
		}
		got := &resp.Topics[0].Partitions[0]
		fetched, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: s.topic, Partition: p}, got, kgo.DefaultDecompressor(), nil)
		if fetched.Err != nil {
			t.Fatalf("fetch %s-%d: %v", s.topic, p, fetched.Err)
		}
		for _, r := range fetched.Records {
			var n int64
			if _, err := fmt.Sscan(string(r.Value), &n); err != nil || old[n] {
				t.Errorf("%s-%d offset %d: %q is of a topic that was deleted", s.topic, p, r.Offset, r.Value)
			}
		}
	}
}
