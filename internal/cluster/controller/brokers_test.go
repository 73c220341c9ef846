package controller

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// registration makes a request that is in order.
func registrationOf(broker int32, change func(*kmsg.BrokerRegistrationRequest)) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.ClusterID, req.BrokerID = 4, "story", broker
	req.IncarnationID, req.LogDirs = [16]byte{1}, [][16]byte{{byte(broker + 1)}}
	for _, f := range metadata.SupportedFeatures() {
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{
			Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max,
		})
	}
	if change != nil {
		change(req)
	}
	return req
}

func TestRegisterBrokerAnswers(t *testing.T) {
	type request = kmsg.BrokerRegistrationRequest
	feature := func(name string, low, high int16) func(*request) {
		return func(r *request) {
			i := slices.IndexFunc(r.Features, func(f kmsg.BrokerRegistrationRequestFeature) bool { return f.Name == name })
			r.Features = slices.Delete(r.Features, i, i+1)
			if low <= high {
				r.Features = append(r.Features, kmsg.BrokerRegistrationRequestFeature{Name: name, MinSupportedVersion: low, MaxSupportedVersion: high})
			}
		}
	}
	for name, c := range map[string]struct {
		broker int32
		change func(*request)
		want   *kerr.Error
	}{
		"new":                 {7, nil, nil},
		"other cluster":       {7, func(r *request) { r.ClusterID = "other" }, kerr.InconsistentClusterID},
		"ZooKeeper":           {7, func(r *request) { r.IsMigratingZkBroker = true }, kerr.BrokerIDNotRegistered},
		"no directories":      {7, func(r *request) { r.LogDirs = nil }, kerr.InvalidRegistration},
		"reserved directory":  {7, func(r *request) { r.LogDirs = [][16]byte{{}} }, kerr.InvalidRegistration},
		"repeated directory":  {7, func(r *request) { r.LogDirs = [][16]byte{{8}, {8}} }, kerr.InvalidRegistration},
		"another's directory": {7, func(r *request) { r.LogDirs = [][16]byte{{1}} }, kerr.InvalidRegistration},
		"no metadata.version": {7, feature(metadata.FeatureMetadataVersion, 1, 0), kerr.InvalidRegistration},
		"old software":        {7, feature(metadata.FeatureMetadataVersion, 1, 25), kerr.UnsupportedVersion},
		"feature missing":     {7, feature(metadata.FeatureTransactionVersion, 1, 0), kerr.UnsupportedVersion},
		"feature too old":     {7, feature(metadata.FeatureTransactionVersion, 0, 1), kerr.UnsupportedVersion},
		"same incarnation":    {0, nil, nil},
		"another process":     {0, func(r *request) { r.IncarnationID, r.LogDirs = [16]byte{9}, [][16]byte{{77}} }, kerr.DuplicateBrokerRegistration},
		"restart":             {0, func(r *request) { r.IncarnationID = [16]byte{9} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t, 1)
			before := w.img
			resp := w.handle(registrationOf(c.broker, c.change)).(*kmsg.BrokerRegistrationResponse)
			code := int16(0)
			if c.want != nil {
				code = c.want.Code
			}
			if resp.ErrorCode != code {
				t.Fatalf("error %v, want %v", kerr.ErrorForCode(resp.ErrorCode), c.want)
			}
			if c.want != nil && (w.img != before || resp.BrokerEpoch != -1) {
				t.Errorf("refused, but %+v", resp)
			}
			if c.want == nil && w.img.Broker(c.broker).Epoch != resp.BrokerEpoch {
				t.Errorf("epoch %d in the image, %d in the reply", w.img.Broker(c.broker).Epoch, resp.BrokerEpoch)
			}
		})
	}
}

// TestRegisterBrokerEpochs holds that epochs grow with each incarnation, and
// that the present incarnation keeps epoch and fencing.
func TestRegisterBrokerEpochs(t *testing.T) {
	w := newCluster(t, 1)
	first := w.img.Broker(0).Epoch
	same := w.handle(registrationOf(0, func(r *kmsg.BrokerRegistrationRequest) { r.Rack = ptr("r") })).(*kmsg.BrokerRegistrationResponse)
	if b := w.img.Broker(0); same.BrokerEpoch != first || b.Fenced || *b.Rack != "r" {
		t.Fatalf("amended: %+v", b)
	}
	next := w.handle(registrationOf(0, func(r *kmsg.BrokerRegistrationRequest) { r.IncarnationID = [16]byte{2} })).(*kmsg.BrokerRegistrationResponse)
	if b := w.img.Broker(0); next.BrokerEpoch <= first || !b.Fenced {
		t.Fatalf("restarted: epoch %d after %d, %+v", next.BrokerEpoch, first, b)
	}
}

// TestUncleanRestartLeavesElr quotes KIP-966: a broker that restarts after an
// unclean shutdown is removed from ISR and ELR, one that restarts after a clean
// one keeps its place.
func TestUncleanRestartLeavesElr(t *testing.T) {
	for name, previous := range map[string]int64{"clean": 10, "unclean": -1, "stale": 9} {
		w := newCluster(t, 3)
		w.handle(createRequest(assigned("isr", []int32{0, 1, 2}), assigned("elr", []int32{0, 1, 2}), assigned("alone", []int32{0})))
		w.apply([]metadata.Record{configRecord(clusterDefault, configMinISR, ptr("2"))})
		change := metadata.NewPartitionChange(w.img.Topic("elr").ID, 0)
		change.ISR, change.ELR, change.Leader = []int32{1}, []int32{0}, 1
		w.apply([]metadata.Record{change})
		w.handle(registrationOf(0, func(r *kmsg.BrokerRegistrationRequest) {
			r.IncarnationID, r.PreviousBrokerEpoch = [16]byte{2}, previous
		}))
		isr, elr, alone := w.img.Partition("isr", 0), w.img.Partition("elr", 0), w.img.Partition("alone", 0)
		if isr.Leader != 1 || isr.LeaderEpoch != 1 || slices.Contains(isr.ISR, 0) {
			t.Errorf("%s: it leads without a new leader epoch: %+v", name, isr)
		}
		if kept := slices.Contains(elr.ELR, 0); kept != (name == "clean") {
			t.Errorf("%s: place in the ELR kept = %v", name, kept)
		}
		if alone.Leader != 0 || alone.LeaderEpoch != 0 {
			t.Errorf("%s: the only replica was elected anew: %+v", name, alone)
		}
	}
}

// TestLostDiskLosesAloneReplica holds that the only replica does not keep its
// leadership when its directory is gone.
func TestLostDiskLosesAloneReplica(t *testing.T) {
	w := newCluster(t, 1)
	w.handle(createRequest(assigned("alone", []int32{0})))
	w.now = w.now.Add(time.Hour)
	w.c.contactOf(w.img.Broker(0), w.now.Add(-time.Hour))
	w.handle(registrationOf(0, func(r *kmsg.BrokerRegistrationRequest) {
		r.IncarnationID, r.LogDirs = [16]byte{2}, [][16]byte{{50}}
	}))
	if p := w.img.Partition("alone", 0); p.HasLeader() {
		t.Errorf("an empty disk leads: %+v", p)
	}
}

func TestHeartbeatOfStaleIncarnation(t *testing.T) {
	w := newCluster(t, 1)
	for _, epoch := range []int64{9, 11} {
		req := kmsg.NewPtrBrokerHeartbeatRequest()
		req.BrokerID, req.BrokerEpoch = 0, epoch
		if resp := w.handle(req).(*kmsg.BrokerHeartbeatResponse); resp.ErrorCode != kerr.StaleBrokerEpoch.Code || !resp.IsFenced {
			t.Errorf("epoch %d: %+v", epoch, resp)
		}
	}
}

func TestCordonedDirectories(t *testing.T) {
	w := newCluster(t, 1)
	beat := func(cordoned [][16]byte) int {
		req := kmsg.NewPtrBrokerHeartbeatRequest()
		req.Version, req.BrokerEpoch, req.CurrentMetadataOffset, req.CordonedLogDirs = 2, 10, math.MaxInt64, cordoned
		d, err := w.c.Handle(w.img, w.now, w.rnd, req, Requester{})
		if err != nil {
			t.Fatal(err)
		}
		w.apply(d.Records)
		return len(d.Records)
	}
	for i, c := range []struct {
		cordoned [][16]byte
		records  int
	}{{nil, 0}, {[][16]byte{}, 1}, {[][16]byte{}, 0}, {[][16]byte{{2}, {1}}, 1}, {[][16]byte{{1}, {2}}, 0}, {[][16]byte{}, 1}} {
		if n := beat(c.cordoned); n != c.records {
			t.Errorf("%d: %v: %d records, want %d", i, c.cordoned, n, c.records)
		}
	}
}

func TestUnreachable(t *testing.T) {
	w := newCluster(t, 2)
	w.handle(createRequest(assigned("t", []int32{0, 1})))
	if r := w.c.Unreachable(w.img, w.now, 0, 9); r != nil {
		t.Errorf("fenced for an incarnation that is long gone: %v", r)
	}
	w.apply(w.c.Unreachable(w.img, w.now, 0, 10))
	if !w.img.Broker(0).Fenced || w.img.Partition("t", 0).Leader != 1 {
		t.Errorf("not fenced: %+v", w.img.Partition("t", 0))
	}
	if r := w.c.Unreachable(w.img, w.now, 0, 10); r != nil {
		t.Errorf("fenced twice: %v", r)
	}
}

func TestAllocateProducerIDs(t *testing.T) {
	w := newCluster(t, 1)
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerEpoch = 10
	w.apply([]metadata.Record{&metadata.ProducerIDsRecord{NextProducerID: math.MaxInt64 - 1000}})
	resp := w.handle(req).(*kmsg.AllocateProducerIDsResponse)
	if resp.ErrorCode != 0 || resp.ProducerIDStart != math.MaxInt64-1000 || resp.ProducerIDLen != 1000 {
		t.Fatalf("%+v", resp)
	}
	if resp := w.handle(req).(*kmsg.AllocateProducerIDsResponse); resp.ErrorCode != kerr.UnknownServerError.Code {
		t.Fatalf("beyond the last: %+v", resp)
	}
	req.BrokerEpoch = 9
	if resp := w.handle(req).(*kmsg.AllocateProducerIDsResponse); resp.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Fatalf("stale: %+v", resp)
	}
}

func TestAlterPartitionAnswers(t *testing.T) {
	type partition = kmsg.AlterPartitionRequestTopicPartition
	member := func(ids ...int32) []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR {
		var out []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR
		for _, id := range ids {
			out = append(out, kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: id, BrokerEpoch: int64(10 + id)})
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(*partition)
		want   *kerr.Error
	}{
		"shrink":                   {func(p *partition) { p.NewEpochISR = member(0) }, nil},
		"same":                     {nil, nil},
		"unknown partition":        {func(p *partition) { p.Partition = 5 }, kerr.UnknownTopicOrPartition},
		"newer leader epoch":       {func(p *partition) { p.LeaderEpoch = 9 }, kerr.NotController},
		"newer partition epoch":    {func(p *partition) { p.PartitionEpoch = 9 }, kerr.NotController},
		"older leader epoch":       {func(p *partition) { p.LeaderEpoch = 0 }, kerr.FencedLeaderEpoch},
		"older partition epoch":    {func(p *partition) { p.PartitionEpoch = 0 }, kerr.InvalidUpdateVersion},
		"empty":                    {func(p *partition) { p.NewEpochISR = nil }, kerr.InvalidRequest},
		"no replica":               {func(p *partition) { p.NewEpochISR = member(0, 3) }, kerr.InvalidRequest},
		"repeated":                 {func(p *partition) { p.NewEpochISR = member(0, 0) }, kerr.InvalidRequest},
		"without itself":           {func(p *partition) { p.NewEpochISR = member(1) }, kerr.InvalidRequest},
		"fenced":                   {func(p *partition) { p.NewEpochISR = member(0, 2) }, kerr.IneligibleReplica},
		"old epoch of a member":    {func(p *partition) { p.NewEpochISR = member(0, 1); p.NewEpochISR[1].BrokerEpoch = 3 }, kerr.IneligibleReplica},
		"unchecked epoch":          {func(p *partition) { p.NewEpochISR = member(0, 1); p.NewEpochISR[1].BrokerEpoch = -1 }, nil},
		"recovering again":         {func(p *partition) { p.NewEpochISR, p.LeaderRecoveryState = member(0), 1 }, kerr.InvalidRequest},
		"nonsense recovery":        {func(p *partition) { p.LeaderRecoveryState = 5 }, kerr.InvalidRequest},
		"recovering with a second": {func(p *partition) { p.LeaderRecoveryState = 1 }, kerr.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t, 4)
			w.handle(createRequest(assigned("t", []int32{0, 1, 2})))
			w.apply([]metadata.Record{&metadata.BrokerRegistrationChangeRecord{BrokerID: 2, BrokerEpoch: 12, Fenced: metadata.Fence}})
			change := metadata.NewPartitionChange(w.img.Topic("t").ID, 0)
			change.ISR, change.Leader = []int32{0, 1}, 0
			w.apply([]metadata.Record{change})
			p := partition{LeaderEpoch: 1, PartitionEpoch: 1, NewEpochISR: member(0, 1)}
			if c.change != nil {
				c.change(&p)
			}
			req := kmsg.NewPtrAlterPartitionRequest()
			req.Version, req.BrokerEpoch = 3, 10
			req.Topics = []kmsg.AlterPartitionRequestTopic{
				{TopicID: w.img.Topic("t").ID, Partitions: []partition{p}},
				{TopicID: [16]byte{1}, Partitions: []partition{{Partition: 3}}},
			}
			resp := w.handle(req).(*kmsg.AlterPartitionResponse)
			got, unknown := resp.Topics[0].Partitions[0], resp.Topics[1].Partitions[0]
			if unknown.ErrorCode != kerr.UnknownTopicID.Code || unknown.Partition != 3 {
				t.Errorf("unknown topic: %+v", unknown)
			}
			if c.want != nil && got.ErrorCode != c.want.Code || c.want == nil && got.ErrorCode != 0 {
				t.Fatalf("error %v, want %v", kerr.ErrorForCode(got.ErrorCode), c.want)
			}
			if now := w.img.Partition("t", 0); c.want == nil && (got.PartitionEpoch != now.PartitionEpoch || !slices.Equal(got.ISR, now.ISR)) {
				t.Errorf("reply %+v, image %+v", got, now)
			}
		})
	}
}

func TestAlterPartitionOfOtherBroker(t *testing.T) {
	w := newCluster(t, 2)
	w.handle(createRequest(assigned("t", []int32{0, 1})))
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 2, 1, 11
	req.Topics = []kmsg.AlterPartitionRequestTopic{{
		TopicID: w.img.Topic("t").ID, Partitions: []kmsg.AlterPartitionRequestTopicPartition{{NewISR: []int32{1}}},
	}}
	resp := w.handle(req).(*kmsg.AlterPartitionResponse)
	if got := resp.Topics[0].Partitions[0].ErrorCode; got != kerr.InvalidRequest.Code {
		t.Errorf("a follower alters the ISR: %v", kerr.ErrorForCode(got))
	}
	req.BrokerID, req.BrokerEpoch = 0, 10
	req.Topics[0].Partitions[0].NewISR = []int32{0}
	if w.handle(req); len(w.img.Partition("t", 0).ISR) != 1 {
		t.Error("version 2 does not shrink the ISR")
	}
	req.BrokerEpoch = 9
	if resp := w.handle(req).(*kmsg.AlterPartitionResponse); resp.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Errorf("stale broker: %+v", resp)
	}
}

func TestAssignReplicasToDirs(t *testing.T) {
	w := newCluster(t, 2)
	w.apply([]metadata.Record{&metadata.RegisterBrokerRecord{BrokerID: 0, BrokerEpoch: 10, LogDirs: []metadata.UUID{{1}, {31}}}})
	w.handle(createRequest(assigned("t", []int32{0, 1}), assigned("u", []int32{1})))
	id := w.img.Topic("t").ID
	assign := func(dir metadata.UUID, topic metadata.TopicID, partition int32) error {
		req := kmsg.NewPtrAssignReplicasToDirsRequest()
		req.BrokerEpoch = 10
		req.Directories = []kmsg.AssignReplicasToDirsRequestDirectory{{ID: dir, Topics: []kmsg.AssignReplicasToDirsRequestDirectoryTopic{{
			TopicID: topic, Partitions: []kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{{Partition: partition}},
		}}}}
		resp := w.handle(req).(*kmsg.AssignReplicasToDirsResponse)
		return kerr.ErrorForCode(resp.Directories[0].Topics[0].Partitions[0].ErrorCode)
	}
	if d, _ := w.img.Partition("t", 0).Directory(0); d != metadata.DirUnassigned {
		t.Fatalf("a broker with two directories chooses: %v", d)
	}
	if err := assign(metadata.UUID{31}, id, 0); err != nil {
		t.Fatal(err)
	}
	if d, _ := w.img.Partition("t", 0).Directory(0); d != (metadata.UUID{31}) || w.img.Partition("t", 0).Leader != 0 {
		t.Errorf("directory %v", d)
	}
	if err := assign(metadata.DirLost, id, 0); err != nil {
		t.Fatal(err)
	}
	if p := w.img.Partition("t", 0); p.Leader != 1 || slices.Contains(p.ISR, 0) || p.LeaderEpoch != 1 {
		t.Errorf("a replica in a lost directory leads: %+v", p)
	}
	lost := metadata.NewPartitionChange(id, 0)
	lost.Leader, lost.ISR, lost.Directories = metadata.NoLeader, []int32{0}, []metadata.UUID{{77}, {2}}
	w.apply([]metadata.Record{lost})
	if err := assign(metadata.UUID{31}, id, 0); err != nil {
		t.Fatal(err)
	}
	if p := w.img.Partition("t", 0); p.Leader != 0 {
		t.Errorf("nobody leads a partition whose replica has a directory again: %+v", p)
	}
	for want, err := range map[*kerr.Error]error{
		kerr.UnknownTopicID:          assign(metadata.UUID{1}, metadata.TopicID{1}, 0),
		kerr.UnknownTopicOrPartition: assign(metadata.UUID{1}, id, 7),
		kerr.NotLeaderForPartition:   assign(metadata.UUID{1}, w.img.Topic("u").ID, 0),
	} {
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

func TestElectLeaders(t *testing.T) {
	w := newCluster(t, 2)
	w.handle(createRequest(assigned("t", []int32{0, 1}, []int32{1, 0})))
	change := metadata.NewPartitionChange(w.img.Topic("t").ID, 0)
	change.Leader = 1
	w.apply([]metadata.Record{change})
	elect := func(kind int8, topics []kmsg.ElectLeadersRequestTopic) *kmsg.ElectLeadersResponse {
		req := kmsg.NewPtrElectLeadersRequest()
		req.Version, req.ElectionType, req.Topics = 2, kind, topics
		return w.handle(req).(*kmsg.ElectLeadersResponse)
	}
	if resp := elect(9, nil); resp.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("type 9: %+v", resp)
	}
	resp := elect(electionTypePreferred, nil)
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].ErrorCode != 0 || w.img.Partition("t", 0).Leader != 0 {
		t.Errorf("all: %+v", resp)
	}
	resp = elect(electionTypeUnclean, []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0, 9}}, {Topic: "z", Partitions: []int32{0}}})
	var got []answer
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			got = append(got, answerOf(p.ErrorCode, p.ErrorMessage))
		}
	}
	want := []answer{
		{"ELECTION_NOT_NEEDED", "Leader election not needed for topic partition."},
		{"UNKNOWN_TOPIC_OR_PARTITION", "No such partition as t-9"},
		{"UNKNOWN_TOPIC_OR_PARTITION", "No such topic as z"},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); d != "" {
		t.Error(d)
	}
}

func TestReassignments(t *testing.T) {
	w := newCluster(t, 4)
	w.handle(createRequest(assigned("t", []int32{0, 1}, []int32{1, 2}), assigned("quiet", []int32{0})))
	alter := func(partition int32, replicas []int32, allow bool) answer {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		req.Version, req.AllowReplicationFactorChange = 1, allow
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}},
		}}
		resp := w.handle(req).(*kmsg.AlterPartitionAssignmentsResponse)
		p := resp.Topics[0].Partitions[0]
		return answerOf(p.ErrorCode, p.ErrorMessage)
	}
	list := func(topics []kmsg.ListPartitionReassignmentsRequestTopic) string {
		req := kmsg.NewPtrListPartitionReassignmentsRequest()
		req.Topics = topics
		out := ""
		for _, topic := range w.handle(req).(*kmsg.ListPartitionReassignmentsResponse).Topics {
			for _, p := range topic.Partitions {
				out += fmt.Sprintf("%s-%d %v +%v -%v;", topic.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas)
			}
		}
		return out
	}
	answer{}.check(t, "begin", alter(0, []int32{2, 3}, true))
	answer{"INVALID_REPLICATION_FACTOR", "The replication factor is changed from 2 to 1"}.check(t, "factor", alter(1, []int32{3}, false))
	answer{"UNKNOWN_TOPIC_OR_PARTITION", "Unable to find partition t:9."}.check(t, "partition", alter(9, []int32{3}, true))
	answer{err: "NO_REASSIGNMENT_IN_PROGRESS"}.check(t, "cancel nothing", alter(1, nil, true))
	answer{}.check(t, "only the order", alter(1, []int32{2, 1}, true))
	if p := w.img.Partition("t", 1); p.Reassigning() || !slices.Equal(p.Replicas, []int32{2, 1}) {
		t.Errorf("a new order takes effect at once: %+v", p)
	}
	want := "t-0 [2 3 0 1] +[2 3] -[0 1];"
	if got := list(nil); got != want {
		t.Errorf("all: %q, want %q", got, want)
	}
	if got := list([]kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "t", Partitions: []int32{0, 1}}, {Topic: "z", Partitions: []int32{0}}}); got != want {
		t.Errorf("some: %q, want %q", got, want)
	}
	if got := list([]kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "t", Partitions: []int32{1}}}); got != "" {
		t.Errorf("none: %q", got)
	}
	answer{}.check(t, "cancel", alter(0, nil, true))
	if p := w.img.Partition("t", 0); p.Reassigning() || !slices.Equal(p.Replicas, []int32{0, 1}) || w.img.ReassigningCount() != 0 {
		t.Errorf("cancelled: %+v", p)
	}
}

func TestRegisterController(t *testing.T) {
	w := newCluster(t, 0)
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID, req.IncarnationID = 3, [16]byte{3}
	req.Listeners = []kmsg.ControllerRegistrationRequestListener{{Name: "CONTROLLER", Host: "h", Port: 9093}}
	req.Features = []kmsg.ControllerRegistrationRequestFeature{{Name: "z", MaxSupportedVersion: 1}, {Name: "a", MaxSupportedVersion: 2}}
	if resp := w.handle(req).(*kmsg.ControllerRegistrationResponse); resp.ErrorCode != 0 {
		t.Fatalf("%+v", resp)
	}
	c := w.img.Controller(3)
	if c == nil || c.Endpoints[0].Port != 9093 || c.Features[0].Name != "a" {
		t.Errorf("%+v", c)
	}
}

// TestPauseIsForgiven holds that the controller does not blame brokers for a
// time in which it did not run itself.
func TestPauseIsForgiven(t *testing.T) {
	w := newCluster(t, 1)
	tick := func(after time.Duration) bool {
		w.now = w.now.Add(after)
		w.apply(w.c.Tick(w.img, w.now))
		return w.img.Broker(0).Fenced
	}
	if tick(0) || tick(2*time.Second) || tick(time.Hour) {
		t.Fatal("fenced at once after a pause")
	}
	for range 3 {
		if tick(2 * time.Second) {
			t.Fatal("fenced before its session was over")
		}
	}
	if !tick(2 * time.Second) {
		t.Fatal("never fenced")
	}
}
