package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// gambler drives a controller with requests that brokers and admins might send,
// in any order, and knows which replica holds what.
type gambler struct {
	*world
	rnd *rand.Rand
	// incarnations counts the lives of each broker.
	incarnations [5]byte
	seen         map[string]int // what came to pass, so that the test can tell that it did
}

// TestRandomClusters holds what must be true of every image, whatever happened.
func TestRandomClusters(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t, Config{ClusterID: "story", UncleanLeaderElection: seed%4 == 0})
		w.apply([]metadata.Record{
			&metadata.FeatureLevelRecord{Name: metadata.FeatureELRVersion, FeatureLevel: int16(seed % 2)},
			configRecord(clusterDefault, configMinISR, ptr("2")),
		})
		g := &gambler{world: w, rnd: rnd, seen: seen}
		for step := range 400 {
			before := w.img
			g.step()
			where := fmt.Sprintf("seed %d step %d", seed, step)
			checkImage(t, where, w.img, seed%2 == 1)
			checkStep(t, where, before, w.img)
			if t.Failed() {
				return
			}
		}
	}
	for _, what := range []string{"fenced", "unfenced", "topic", "isr", "stopped", "reassigned", "leaderless", "elr", "unclean", "expired"} {
		if seen[what] == 0 {
			t.Errorf("%q never came to pass: %v", what, seen)
		}
	}
}

func (g *gambler) step() {
	b := g.rnd.Int32N(int32(len(g.incarnations)))
	switch k := g.rnd.IntN(20); {
	case k < 6:
		g.beat(b, false)
	case k < 7:
		g.beat(b, true)
	case k < 9:
		g.incarnations[b]++
		g.restart(b)
	case k < 11:
		g.now = g.now.Add(time.Duration(g.rnd.IntN(4)) * time.Second)
		for {
			records := g.c.Tick(g.img, g.now)
			if len(records) == 0 {
				return
			}
			g.seen["expired"]++
			g.apply(records)
		}
	case k < 12:
		if g.img.NumTopics() < 6 {
			g.create()
		}
	case k < 17:
		g.alter()
	case k < 18:
		g.move()
	case k < 19:
		g.elect()
	default:
		if g.rnd.IntN(10) == 0 {
			g.c.Reset()
		}
	}
	if g.img.LeaderCount(metadata.NoLeader) > 0 {
		g.seen["leaderless"]++
	}
}

func (g *gambler) beat(broker int32, stop bool) {
	b := g.img.Broker(broker)
	if b == nil {
		return
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.WantShutdown = broker, b.Epoch, stop
	req.CurrentMetadataOffset = g.img.Position().Offset - int64(g.rnd.IntN(3))
	resp := g.handle(req).(*kmsg.BrokerHeartbeatResponse)
	switch {
	case resp.ShouldShutdown:
		g.seen["stopped"]++
	case !resp.IsFenced:
		g.seen["unfenced"]++
	}
	if fenced := g.img.Broker(broker).Fenced; fenced != resp.IsFenced {
		g.t.Fatalf("reply says fenced=%v, the image %v", resp.IsFenced, fenced)
	}
}

func (g *gambler) restart(broker int32) {
	g.handle(registrationOf(broker, func(r *kmsg.BrokerRegistrationRequest) {
		r.IncarnationID = [16]byte{byte(broker), g.incarnations[broker], 1}
		if b := g.img.Broker(broker); b != nil && g.rnd.IntN(2) == 0 {
			r.PreviousBrokerEpoch = b.Epoch
		}
	}))
	g.seen["fenced"]++
}

func (g *gambler) create() {
	before := g.img.NumTopics()
	g.handle(createRequest(topicRequest(fmt.Sprintf("t%d", g.rnd.IntN(9)), 1+g.rnd.Int32N(4), int16(1+g.rnd.IntN(3)))))
	g.seen["topic"] += g.img.NumTopics() - before
}

// pick gives some partition, or nil.
func (g *gambler) pick() (*metadata.Topic, int32, *metadata.Partition) {
	topics := slices.Collect(g.img.AllTopics())
	if len(topics) == 0 {
		return nil, 0, nil
	}
	t := topics[g.rnd.IntN(len(topics))]
	i := g.rnd.Int32N(int32(len(t.Partitions)))
	return t, i, t.Partitions[i]
}

// alter lets a leader report an ISR, of live replicas or not.
func (g *gambler) alter() {
	t, i, p := g.pick()
	if p == nil || !p.HasLeader() {
		return
	}
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.Partition, part.LeaderEpoch, part.PartitionEpoch = i, p.LeaderEpoch, p.PartitionEpoch
	for _, b := range p.Replicas {
		if reg := g.img.Broker(b); b == p.Leader || reg != nil && g.rnd.IntN(3) > 0 {
			part.NewEpochISR = append(part.NewEpochISR, kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: b, BrokerEpoch: reg.Epoch})
		}
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, p.Leader, g.img.Broker(p.Leader).Epoch
	req.Topics = []kmsg.AlterPartitionRequestTopic{{TopicID: t.ID, Partitions: []kmsg.AlterPartitionRequestTopicPartition{part}}}
	before := g.img
	g.handle(req)
	if g.img != before {
		g.seen["isr"]++
	}
	if len(g.img.TopicByID(t.ID).Partitions[i].ELR) > 0 {
		g.seen["elr"]++
	}
}

func (g *gambler) move() {
	t, i, p := g.pick()
	if p == nil {
		return
	}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	part := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	part.Partition = i
	if g.rnd.IntN(3) > 0 {
		for _, b := range g.rnd.Perm(5)[:1+g.rnd.IntN(3)] {
			part.Replicas = append(part.Replicas, int32(b))
		}
	}
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: t.Name, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{part}}}
	before := g.img
	g.handle(req)
	if g.img != before {
		g.seen["reassigned"]++
	}
}

func (g *gambler) elect() {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.ElectionType = 2, int8(g.rnd.IntN(2))
	g.handle(req)
	for t := range g.img.AllTopics() {
		for _, p := range t.Partitions {
			if p.LeaderRecoveryState == metadata.Recovering {
				g.seen["unclean"]++
			}
		}
	}
}

// checkImage holds what is true of every image.
func checkImage(t *testing.T, where string, img *metadata.Image, elr bool) {
	t.Helper()
	for topic := range img.AllTopics() {
		for i, p := range topic.Partitions {
			fail := func(what string) { t.Errorf("%s: %s-%d: %s: %+v", where, topic.Name, i, what, p) }
			if len(slices.Compact(slices.Sorted(slices.Values(p.Replicas)))) != len(p.Replicas) || len(p.Replicas) == 0 {
				fail("replicas are no set")
			}
			if !containsAll(p.Replicas, p.ISR) {
				fail("the ISR holds what is no replica")
			}
			if slices.ContainsFunc(p.ELR, func(b int32) bool { return slices.Contains(p.ISR, b) }) {
				fail("ISR and ELR overlap")
			}
			if len(p.ISR) == 0 && !elr {
				fail("an empty ISR without ELR")
			}
			if !elr && len(p.ELR)+len(p.LastKnownELR) > 0 {
				fail("an ELR without the feature")
			}
			if len(p.Directories) != len(p.Replicas) {
				fail("directories do not fit the replicas")
			}
			if !containsAll(p.Replicas, p.AddingReplicas) || !containsAll(p.Replicas, p.RemovingReplicas) {
				fail("a reassignment of what is no replica")
			}
			if !p.HasLeader() {
				continue
			}
			if !slices.Contains(p.ISR, p.Leader) {
				fail("the leader is not in sync")
			}
			if b := img.Broker(p.Leader); b == nil || b.Fenced && len(p.Replicas) > 1 {
				fail("the leader is fenced")
			}
		}
	}
}

// checkStep holds what is true of two images that follow each other.
func checkStep(t *testing.T, where string, before, after *metadata.Image) {
	t.Helper()
	for topic := range after.AllTopics() {
		old := before.TopicByID(topic.ID)
		if old == nil {
			continue
		}
		for i, p := range topic.Partitions {
			q := old.Partition(int32(i))
			if q == nil || p == q {
				continue
			}
			if p.PartitionEpoch <= q.PartitionEpoch {
				t.Errorf("%s: %s-%d changes without a new partition epoch: %+v, then %+v", where, topic.Name, i, q, p)
			}
			if p.LeaderEpoch < q.LeaderEpoch || p.Leader != q.Leader && p.LeaderEpoch == q.LeaderEpoch {
				t.Errorf("%s: %s-%d: leader epoch: %+v, then %+v", where, topic.Name, i, q, p)
			}
		}
	}
	for b := range after.AllBrokers() {
		if old := before.Broker(b.ID); old != nil && (b.Epoch < old.Epoch || b.IncarnationID != old.IncarnationID && b.Epoch == old.Epoch) {
			t.Errorf("%s: broker epoch: %+v, then %+v", where, old, b)
		}
	}
}
