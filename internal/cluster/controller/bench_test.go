package controller

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// bigCluster has three brokers and 100,000 partitions, ten to a topic.
func bigCluster(b *testing.B) (*Controller, *metadata.Image) {
	b.Helper()
	c := New(Config{ClusterID: "story"})
	records := c.Bootstrap(nil)
	for id := range int32(3) {
		records = append(records, &metadata.RegisterBrokerRecord{BrokerID: id, BrokerEpoch: 1, LogDirs: []metadata.UUID{{byte(id + 1)}}})
	}
	for i := range 10_000 {
		id := metadata.TopicID{byte(i >> 8), byte(i), 1}
		records = append(records, &metadata.TopicRecord{Name: fmt.Sprintf("topic.%d", i), TopicID: id})
		for p := range int32(10) {
			replicas := []int32{p % 3, (p + 1) % 3, (p + 2) % 3}
			records = append(records, &metadata.PartitionRecord{
				PartitionID: p, TopicID: id, Replicas: replicas, ISR: replicas, Leader: p % 3,
				Directories: []metadata.UUID{{byte(p%3 + 1)}, {byte((p+1)%3 + 1)}, {byte((p+2)%3 + 1)}},
			})
		}
	}
	img, err := metadata.Restore(records, metadata.Position{})
	if err != nil {
		b.Fatal(err)
	}
	return c, img
}

// BenchmarkFence fences a broker that is a replica of 100,000 partitions.
func BenchmarkFence(b *testing.B) {
	c, img := bigCluster(b)
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Unreachable(img, time.Unix(0, 0), 1, 1); len(r) != 100_001 {
			b.Fatal(len(r))
		}
	}
}

// BenchmarkHeartbeat is a heartbeat that changes nothing.
func BenchmarkHeartbeat(b *testing.B) {
	c, img := bigCluster(b)
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = 1, 1, 5
	rnd := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Handle(img, time.Unix(0, 0), rnd, req, Requester{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreateTopic creates a topic of ten partitions beside 10,000 topics
// whose names could collide with its own.
func BenchmarkCreateTopic(b *testing.B) {
	c, img := bigCluster(b)
	rnd := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		d, err := c.Handle(img, time.Unix(0, 0), rnd, createRequest(topicRequest("topic.new", 10, 3)), Requester{})
		if err != nil || len(d.Records) != 11 {
			b.Fatal(len(d.Records), err)
		}
	}
}

// BenchmarkTick is a tick with nothing to do.
func BenchmarkTick(b *testing.B) {
	c, img := bigCluster(b)
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Tick(img, time.Unix(0, 0)); len(r) != 0 {
			b.Fatal(r)
		}
	}
}
