package controller

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// TestStories runs the stories in testdata/stories: each command is a request, a tick or
// a look at the image; the output is what was decided. The commands are listed
// at world.commands.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		w := newWorld(t, Config{ClusterID: "story"})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			return w.run(d)
		})
	})
}

// world is a controller with its image, as the quorum would drive it.
type world struct {
	t   *testing.T
	c   *Controller
	img *metadata.Image
	now time.Time
	rnd *rand.Rand
	out strings.Builder
}

func newWorld(t *testing.T, cfg Config) *world {
	w := &world{
		t: t, c: New(cfg), img: metadata.Empty(), now: time.Unix(1_000_000, 0),
		rnd: rand.New(rand.NewPCG(1, 2)),
	}
	w.apply(w.c.Bootstrap(nil))
	return w
}

// apply replays records as the metadata log would carry them: encoded and
// decoded, as one batch with the next offset.
func (w *world) apply(records []metadata.Record) {
	w.t.Helper()
	if len(records) == 0 {
		return
	}
	decoded := make([]metadata.Record, 0, len(records))
	for _, r := range records {
		b, err := metadata.Append(nil, r)
		if err != nil {
			w.t.Fatal(err)
		}
		d, err := metadata.Decode(b)
		if err != nil {
			w.t.Fatal(err)
		}
		decoded = append(decoded, d)
	}
	at := w.img.Position()
	at.Offset++
	img, _, err := w.img.Apply(decoded, at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.img = img
}

// handle lets the controller decide and applies what it has decided.
func (w *world) handle(req kmsg.Request) kmsg.Response {
	w.t.Helper()
	return w.handleFrom(req, Requester{})
}

func (w *world) handleFrom(req kmsg.Request, from Requester) kmsg.Response {
	w.t.Helper()
	d, err := w.c.Handle(w.img, w.now, w.rnd, req, from)
	if err != nil {
		w.t.Fatal(err)
	}
	w.record(d.Records)
	return d.Reply
}

func (w *world) record(records []metadata.Record) {
	for _, r := range records {
		fmt.Fprintf(&w.out, "  %s\n", w.describe(r))
	}
	w.apply(records)
}

// commands are what a story may say.
var commands = map[string]func(*world, *datadriven.TestData){
	"register":     (*world).register,   // id= incarnation= dirs=(..) [rack=] [previous=]
	"heartbeat":    (*world).heartbeat,  // id= [behind] [fence] [shutdown] [offline=(dir)]
	"create":       (*world).create,     // topic= [partitions=] [factor=] [config=(k=v)] [assign=(1:2,2:1)]
	"delete":       (*world).remove,     // topic=
	"set":          (*world).set,        // topic= or broker= name= value=
	"isr":          (*world).alterISR,   // topic= partition= isr=(..) [recovering]
	"elect":        (*world).elect,      // topic= partition= [unclean]
	"reassign":     (*world).reassign,   // topic= partition= [to=(..)]
	"unregister":   (*world).unregister, // id=
	"producer-ids": (*world).producer,   // id=
	"advance":      (*world).advance,    // by= [unnoticed]: without a tick
	"failover":     func(w *world, _ *datadriven.TestData) { w.c.Reset() },
	"show":         (*world).show,
}

func (w *world) run(d *datadriven.TestData) string {
	w.out.Reset()
	cmd := commands[d.Cmd]
	if cmd == nil {
		w.t.Fatalf("unknown command %q", d.Cmd)
	}
	cmd(w, d)
	if w.out.Len() == 0 {
		return "nothing\n"
	}
	return w.out.String()
}

func (w *world) result(code int16, text *string) {
	if code == 0 {
		return
	}
	fmt.Fprintf(&w.out, "%s", kerr.TypedErrorForCode(code).Message)
	if text != nil {
		fmt.Fprintf(&w.out, ": %s", *text)
	}
	fmt.Fprintln(&w.out)
}

// describe gives a record in a form without ids that differ from run to run.
func (w *world) describe(r metadata.Record) string {
	name := func(id metadata.TopicID) string {
		if t := w.img.TopicByID(id); t != nil {
			return t.Name
		}
		return "?"
	}
	switch r := r.(type) {
	case *metadata.PartitionChangeRecord:
		return fmt.Sprintf("PartitionChange %s-%d%s", name(r.TopicID), r.PartitionID, changes(r))
	case *metadata.PartitionRecord:
		return fmt.Sprintf("Partition %d replicas=%v isr=%v leader=%d", r.PartitionID, r.Replicas, r.ISR, r.Leader)
	case *metadata.TopicRecord:
		return "Topic " + r.Name
	case *metadata.RemoveTopicRecord:
		return "RemoveTopic " + name(r.TopicID)
	case *metadata.ConfigRecord:
		value := "-"
		if r.Value != nil {
			value = *r.Value
		}
		return fmt.Sprintf("Config %d/%s %s=%s", r.ResourceType, r.ResourceName, r.Name, value)
	case *metadata.RegisterBrokerRecord:
		return fmt.Sprintf("RegisterBroker %d epoch=%d fenced=%v", r.BrokerID, r.BrokerEpoch, r.Fenced)
	case *metadata.BrokerRegistrationChangeRecord:
		return fmt.Sprintf("BrokerRegistrationChange %d fenced=%+d shutdown=%d dirs=%d", r.BrokerID, r.Fenced, r.InControlledShutdown, len(r.LogDirs))
	}
	return fmt.Sprintf("%v %+v", r.Type(), r)
}

func changes(r *metadata.PartitionChangeRecord) string {
	var b strings.Builder
	for _, f := range []struct {
		name string
		list []int32
	}{
		{"replicas", r.Replicas},
		{"adding", r.AddingReplicas},
		{"removing", r.RemovingReplicas},
		{"isr", r.ISR},
		{"elr", r.ELR},
		{"last", r.LastKnownELR},
	} {
		if f.list != nil {
			fmt.Fprintf(&b, " %s=%v", f.name, f.list)
		}
	}
	if r.Leader != metadata.NoLeaderChange {
		fmt.Fprintf(&b, " leader=%d", r.Leader)
	}
	if r.LeaderRecoveryState != metadata.RecoveryUnchanged {
		fmt.Fprintf(&b, " recovery=%d", r.LeaderRecoveryState)
	}
	if r.Directories != nil {
		b.WriteString(" directories")
	}
	return b.String()
}

func arg[T any](d *datadriven.TestData, key string, parse func(string) T) (v T) {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return parse(strings.Join(a.Vals, ","))
		}
	}
	return v
}

func text(s string) string { return s }

func number(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

func numbers(s string) []int32 {
	var out []int32
	for f := range strings.SplitSeq(s, ",") {
		out = append(out, number(strings.TrimSpace(f)))
	}
	return out
}

func dir(s string) metadata.UUID { return metadata.UUID{1, byte(number(s))} }

func (w *world) register(d *datadriven.TestData) {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = 4
	req.ClusterID = "story"
	req.BrokerID = arg(d, "id", number)
	req.IncarnationID = metadata.UUID{9, byte(arg(d, "incarnation", number))}
	for f := range strings.SplitSeq(arg(d, "dirs", text), ",") {
		req.LogDirs = append(req.LogDirs, dir(f))
	}
	if rack := arg(d, "rack", text); rack != "" {
		req.Rack = &rack
	}
	if d.HasArg("previous") {
		req.PreviousBrokerEpoch = int64(arg(d, "previous", number))
	}
	for _, f := range metadata.SupportedFeatures() {
		r := kmsg.NewBrokerRegistrationRequestFeature()
		r.Name, r.MinSupportedVersion, r.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, r)
	}
	resp := w.handle(req).(*kmsg.BrokerRegistrationResponse)
	w.result(resp.ErrorCode, nil)
}

func (w *world) heartbeat(d *datadriven.TestData) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version = 1
	req.BrokerID = arg(d, "id", number)
	if b := w.img.Broker(req.BrokerID); b != nil {
		req.BrokerEpoch = b.Epoch
	}
	req.CurrentMetadataOffset = w.img.Position().Offset
	if d.HasArg("behind") {
		req.CurrentMetadataOffset = 0
	}
	req.WantFence, req.WantShutdown = d.HasArg("fence"), d.HasArg("shutdown")
	if d.HasArg("offline") {
		req.OfflineLogDirs = [][16]byte{arg(d, "offline", dir)}
	}
	resp := w.handle(req).(*kmsg.BrokerHeartbeatResponse)
	w.result(resp.ErrorCode, nil)
	fmt.Fprintf(&w.out, "caughtUp=%v fenced=%v shutDown=%v\n", resp.IsCaughtUp, resp.IsFenced, resp.ShouldShutdown)
}

func (w *world) create(d *datadriven.TestData) {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = arg(d, "topic", text), -1, -1
	if d.HasArg("partitions") {
		t.NumPartitions = arg(d, "partitions", number)
	}
	if d.HasArg("factor") {
		t.ReplicationFactor = int16(arg(d, "factor", number))
	}
	if d.HasArg("config") {
		name, value, _ := strings.Cut(arg(d, "config", text), "=")
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value})
	}
	if d.HasArg("assign") {
		for i, replicas := range strings.Split(arg(d, "assign", text), ",") {
			t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{
				Partition: int32(i), Replicas: numbers(strings.ReplaceAll(replicas, ":", ",")),
			})
		}
	}
	req.Topics = append(req.Topics, t)
	resp := w.handle(req).(*kmsg.CreateTopicsResponse)
	w.result(resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage)
}

func (w *world) remove(d *datadriven.TestData) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	name := arg(d, "topic", text)
	req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	resp := w.handle(req).(*kmsg.DeleteTopicsResponse)
	w.result(resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage)
}

func (w *world) set(d *datadriven.TestData) {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, arg(d, "broker", text)
	if d.HasArg("topic") {
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, arg(d, "topic", text)
	}
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name = arg(d, "name", text)
	c.Op = kmsg.IncrementalAlterConfigOpDelete
	if d.HasArg("value") {
		value := arg(d, "value", text)
		c.Op, c.Value = kmsg.IncrementalAlterConfigOpSet, &value
	}
	r.Configs = append(r.Configs, c)
	req.Resources = append(req.Resources, r)
	resp := w.handle(req).(*kmsg.IncrementalAlterConfigsResponse)
	w.result(resp.Resources[0].ErrorCode, resp.Resources[0].ErrorMessage)
}

func (w *world) alterISR(d *datadriven.TestData) {
	t := w.img.Topic(arg(d, "topic", text))
	index := arg(d, "partition", number)
	p := t.Partition(index)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = 3
	req.BrokerID = p.Leader
	req.BrokerEpoch = w.img.Broker(p.Leader).Epoch
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID = t.ID
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.Partition, part.LeaderEpoch, part.PartitionEpoch = index, p.LeaderEpoch, p.PartitionEpoch
	if d.HasArg("recovering") {
		part.LeaderRecoveryState = 1
	}
	for _, b := range arg(d, "isr", numbers) {
		part.NewEpochISR = append(part.NewEpochISR, kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: b, BrokerEpoch: w.img.Broker(b).Epoch})
	}
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	resp := w.handle(req).(*kmsg.AlterPartitionResponse)
	w.result(resp.ErrorCode, nil)
	out := resp.Topics[0].Partitions[0]
	w.result(out.ErrorCode, nil)
	if out.ErrorCode == 0 {
		fmt.Fprintf(&w.out, "leader=%d leaderEpoch=%d isr=%v partitionEpoch=%d recovery=%d\n",
			out.LeaderID, out.LeaderEpoch, out.ISR, out.PartitionEpoch, out.LeaderRecoveryState)
	}
}

func (w *world) elect(d *datadriven.TestData) {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version = 2
	if d.HasArg("unclean") {
		req.ElectionType = 1
	}
	req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: arg(d, "topic", text), Partitions: []int32{arg(d, "partition", number)}}}
	resp := w.handle(req).(*kmsg.ElectLeadersResponse)
	w.result(resp.ErrorCode, nil)
	p := resp.Topics[0].Partitions[0]
	w.result(p.ErrorCode, p.ErrorMessage)
}

func (w *world) reassign(d *datadriven.TestData) {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version = 1
	req.AllowReplicationFactorChange = true
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = arg(d, "topic", text)
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = arg(d, "partition", number), arg(d, "to", numbers)
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp := w.handle(req).(*kmsg.AlterPartitionAssignmentsResponse)
	out := resp.Topics[0].Partitions[0]
	w.result(out.ErrorCode, out.ErrorMessage)
}

func (w *world) unregister(d *datadriven.TestData) {
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = arg(d, "id", number)
	resp := w.handle(req).(*kmsg.UnregisterBrokerResponse)
	w.result(resp.ErrorCode, resp.ErrorMessage)
}

func (w *world) producer(d *datadriven.TestData) {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID = arg(d, "id", number)
	if b := w.img.Broker(req.BrokerID); b != nil {
		req.BrokerEpoch = b.Epoch
	}
	resp := w.handle(req).(*kmsg.AllocateProducerIDsResponse)
	w.result(resp.ErrorCode, nil)
	fmt.Fprintf(&w.out, "start=%d len=%d\n", resp.ProducerIDStart, resp.ProducerIDLen)
}

func (w *world) advance(d *datadriven.TestData) {
	by, err := time.ParseDuration(arg(d, "by", text))
	if err != nil {
		w.t.Fatal(err)
	}
	if d.HasArg("unnoticed") {
		w.now = w.now.Add(by)
		return
	}
	const step = 500 * time.Millisecond
	for end := w.now.Add(by); ; w.now = w.now.Add(step) {
		for records := w.c.Tick(w.img, w.now); len(records) > 0; records = w.c.Tick(w.img, w.now) {
			w.record(records)
		}
		if !w.now.Before(end) {
			return
		}
	}
}

func (w *world) show(*datadriven.TestData) {
	for b := range w.img.AllBrokers() {
		fmt.Fprintf(&w.out, "broker %d epoch=%d fenced=%v shutdown=%v leads=%d\n", b.ID, b.Epoch, b.Fenced, b.InControlledShutdown, w.img.LeaderCount(b.ID))
	}
	for t := range w.img.AllTopics() {
		for i, p := range t.Partitions {
			fmt.Fprintf(&w.out, "%s-%d replicas=%v isr=%v elr=%v last=%v leader=%d epoch=%d.%d", t.Name, i, p.Replicas, p.ISR, p.ELR, p.LastKnownELR, p.Leader, p.LeaderEpoch, p.PartitionEpoch)
			if p.Reassigning() {
				fmt.Fprintf(&w.out, " adding=%v removing=%v", p.AddingReplicas, p.RemovingReplicas)
			}
			if p.LeaderRecoveryState != 0 {
				fmt.Fprint(&w.out, " recovering")
			}
			fmt.Fprintln(&w.out)
		}
	}
}
