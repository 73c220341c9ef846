package controller

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// FuzzHandle holds that no request makes the controller panic, that what it
// decides replays, and that its reply can be sent.
func FuzzHandle(f *testing.F) {
	for _, req := range conversation() {
		f.Add(req.Key(), req.GetVersion(), req.AppendTo(nil))
	}
	for _, r := range table {
		req := sampleRequest(r.key)
		req.SetVersion(req.MaxVersion())
		f.Add(r.key, req.MaxVersion(), req.AppendTo(nil))
	}
	c := New(Config{ClusterID: "story", NodeID: 1, Schema: fakeSchema{}})
	records := c.Bootstrap(nil)
	for id := range int32(3) {
		records = append(records, &metadata.RegisterBrokerRecord{
			BrokerID: id, LogDirs: []metadata.UUID{{byte(id + 1)}}, Features: metadata.SupportedFeatures(),
		})
	}
	topic := metadata.TopicID{1, 2}
	records = append(
		records, &metadata.TopicRecord{Name: "a", TopicID: topic},
		&metadata.PartitionRecord{TopicID: topic, Replicas: []int32{0, 1, 2}, ISR: []int32{0}, ELR: []int32{1}},
		&metadata.PartitionRecord{
			TopicID: topic, PartitionID: 1, Replicas: []int32{0, 1, 2}, AddingReplicas: []int32{2},
			RemovingReplicas: []int32{1}, Leader: -1, LastKnownELR: []int32{1},
		},
	)
	img, err := metadata.Restore(records, metadata.Position{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		r := rowOf(key)
		if r == nil || version < 0 {
			return
		}
		req := kmsg.RequestForKey(key)
		if version > req.MaxVersion() {
			return
		}
		req.SetVersion(version)
		if err := req.ReadFrom(body); err != nil {
			return
		}
		c.Reset()
		d, err := c.Handle(img, time.Unix(0, 0), rand.New(rand.NewPCG(1, 1)), req, Requester{})
		if err != nil {
			t.Fatal(err)
		}
		next, _, err := img.Apply(d.Records, metadata.Position{Offset: 1})
		if err != nil {
			t.Fatalf("%+v: %v", req, err)
		}
		checkImage(t, "after the request", next, true)
		checkReply(t, d.Reply)
	})
}
