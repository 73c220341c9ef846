package replica

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

const self = 1

// world is a manager on a disk in memory, and the metadata that it follows.
type world struct {
	t        *testing.T
	fs       *vfs.Mem
	m        *Manager
	img      *metadata.Image
	offset   int64
	settings Settings
	elected  []int32
	resigned int
	located  map[metadata.TopicID]metadata.UUID
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, fs: vfs.NewMem(), img: metadata.Empty()}
	w.settings = Settings{
		MinISR: 1, Log: log.Config{FlushBeforeAck: true, DeleteEnabled: true},
		Rules: record.Rules{BeforeMaxMs: math.MaxInt64, AfterMaxMs: math.MaxInt64},
	}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	w.openOn(w.fs, "/data")
}

// openOn opens a manager with directories on disk, /again without one. A
// directory that fails comes out of the channel.
func (w *world) openOn(disk vfs.FS, paths ...string) <-chan *log.Dir {
	w.t.Helper()
	if len(paths) == 0 {
		paths = []string{"/again"}
	}
	failed := make(chan *log.Dir, len(paths))
	var dirs []Dir
	for _, path := range paths {
		d, err := log.OpenDir(log.DirOptions{
			FS: disk, Path: path, BootID: "boot", OnFailure: func(d *log.Dir, _ error) { failed <- d },
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = d.Close(context.Background()) }) // closed already where the test did
		dirs = append(dirs, Dir{Dir: d, ID: metadata.UUID{path[1]}})
	}
	w.located = map[metadata.TopicID]metadata.UUID{}
	w.m = NewManager(Options{
		BrokerID: self, Dirs: dirs,
		Settings: func(*metadata.Image, string) *Settings { s := w.settings; return &s },
		Elected:  func(_ *Partition, epoch int32) { w.elected = append(w.elected, epoch) },
		Resigned: func(*Partition) { w.resigned++ },
		Located:  func(id metadata.TopicID, _ int32, dir metadata.UUID, _ func()) { w.located[id] = dir },
	})
	return failed
}

// apply replays records and lets the manager act on them.
func (w *world) apply(records ...metadata.Record) {
	w.t.Helper()
	w.offset++
	img, delta, err := w.img.Apply(records, metadata.Position{Offset: w.offset, Epoch: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	w.img = img
	if err := w.m.Apply(delta); err != nil {
		w.t.Fatal(err)
	}
}

var topicID = metadata.TopicID{7}

// create makes a topic with one partition, led by this broker.
func (w *world) create(replicas ...int32) *Partition {
	w.t.Helper()
	w.apply(&metadata.TopicRecord{Name: "t", TopicID: topicID}, &metadata.PartitionRecord{
		TopicID: topicID, Replicas: replicas, ISR: replicas, Leader: replicas[0], LeaderEpoch: 3,
	})
	p := w.m.Partition("t", 0)
	if p == nil {
		w.t.Fatal("the partition is not here")
	}
	return p
}

func batch(t *testing.T, values ...string) []byte {
	t.Helper()
	var b record.Builder
	b.Reset(record.BatchOptions{})
	for _, v := range values {
		b.Append(time.Now().UnixMilli(), nil, []byte(v))
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) produce(p *Partition, values ...string) log.Appended {
	w.t.Helper()
	a, err := p.Append(batch(w.t, values...), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// waiter passes on what it is told.
type waiter chan error

func (w waiter) Committed(err error) { w <- err }

func (w *world) await(c waiter) error {
	w.t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(time.Minute):
		w.t.Fatal("nobody told the waiter")
		return nil
	}
}

func TestCommittedMeansDurable(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	if !p.Leads() || !slices.Equal(w.elected, []int32{3}) {
		t.Fatalf("leads: %v, elected in %v", p.Leads(), w.elected)
	}
	a := w.produce(p, "a", "b")
	c := make(waiter, 1)
	p.WhenCommitted(a.LastOffset+1, c)
	if err := w.await(c); err != nil {
		t.Fatal(err)
	}
	if p.HighWatermark() != 2 || p.Log().DurableOffset() < 2 {
		t.Fatalf("high watermark %d, durable %d", p.HighWatermark(), p.Log().DurableOffset())
	}
}

func TestWithoutFlushTheAppendCommits(t *testing.T) {
	w := newWorld(t)
	w.settings.Log.FlushBeforeAck = false
	p := w.create(self)
	w.produce(p, "a")
	if p.HighWatermark() != 1 {
		t.Fatalf("high watermark %d right after the append", p.HighWatermark())
	}
}

func TestFewerReplicasThanAskedFor(t *testing.T) {
	w := newWorld(t)
	w.settings.MinISR = 2
	p := w.create(self, 2)
	w.apply(&metadata.PartitionChangeRecord{TopicID: topicID, ISR: []int32{self}, Leader: metadata.NoLeaderChange})
	_, err := p.Append(batch(t, "x"), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()})
	if !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Fatalf("acks=all: %v", err)
	}
	if _, err := p.Append(batch(t, "x"), AppendOptions{LeaderEpoch: -1, Now: time.Now()}); err != nil {
		t.Fatalf("acks=1: %v", err)
	}
}

func TestLostLeadershipTellsEverybody(t *testing.T) {
	w := newWorld(t)
	p := w.create(self, 2)
	a := w.produce(p, "a") // 2 never fetches: not committed
	c := make(waiter, 1)
	p.WhenCommitted(a.LastOffset+1, c)
	var woken atomic.Int32
	f := NewFetchWaiter(1, func() { woken.Add(1) })
	p.Wait(f, ReadUncommitted, 0)
	w.apply(&metadata.PartitionChangeRecord{TopicID: topicID, Leader: 2})
	if err := w.await(c); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Fatalf("the producer was told %v", err)
	}
	if woken.Load() != 1 || w.resigned != 1 {
		t.Fatalf("fetches woken %d times, resigned %d times", woken.Load(), w.resigned)
	}
	if _, err := p.Append(batch(t, "b"), AppendOptions{LeaderEpoch: -1, Now: time.Now()}); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Fatalf("append on a follower: %v", err)
	}
	if err := p.CheckLeader(3); !errors.Is(err, kerr.FencedLeaderEpoch) {
		t.Fatalf("the old epoch: %v", err)
	}
	if err := p.CheckLeader(9); !errors.Is(err, kerr.UnknownLeaderEpoch) {
		t.Fatalf("an epoch to come: %v", err)
	}
}

func TestFetchWaiterFiresOnceForManyPartitions(t *testing.T) {
	w := newWorld(t)
	w.settings.Log.FlushBeforeAck = false
	w.apply(&metadata.TopicRecord{Name: "t", TopicID: topicID},
		&metadata.PartitionRecord{TopicID: topicID, PartitionID: 0, Replicas: []int32{self}, ISR: []int32{self}, Leader: self},
		&metadata.PartitionRecord{TopicID: topicID, PartitionID: 1, Replicas: []int32{self}, ISR: []int32{self}, Leader: self})
	p0, p1 := w.m.Partition("t", 0), w.m.PartitionByID(topicID, 1)
	var fired atomic.Int32
	f := NewFetchWaiter(2, func() { fired.Add(1) })
	p0.Wait(f, ReadUncommitted, 0)
	p1.Wait(f, ReadUncommitted, 0)
	w.produce(p1, "a")
	w.produce(p0, "b")
	if fired.Load() != 1 {
		t.Fatalf("fired %d times", fired.Load())
	}
	f.Cancel()
	if p0.waiting[ReadUncommitted].head != nil || p1.waiting[ReadUncommitted].head != nil {
		t.Fatal("the waiter is still in a list (C25)")
	}
	late := NewFetchWaiter(1, func() { fired.Add(1) })
	p0.Wait(late, ReadUncommitted, 0) // there is something already
	if fired.Load() != 2 {
		t.Fatal("a fetch that could be answered at once was parked")
	}
}

func TestReadKeepsToTheReadersLimit(t *testing.T) {
	w := newWorld(t)
	p := w.create(self, 2) // commits nothing: 2 does not fetch
	w.produce(p, "a", "b")
	r, err := p.Read(ReadOptions{From: 0, MaxBytes: 1 << 20, LeaderEpoch: -1})
	if err != nil || r.Range.Len() != 0 {
		t.Fatalf("a consumer got %d bytes above the high watermark, %v", r.Range.Len(), err)
	}
	r, err = p.Read(ReadOptions{From: 0, MaxBytes: 1 << 20, LeaderEpoch: 3, Level: ReadLogEnd})
	if err != nil || r.Range.Len() == 0 {
		t.Fatalf("a follower got %d bytes, %v", r.Range.Len(), err)
	}
	r.Range.Release()
	if _, err = p.Read(ReadOptions{From: 3, MaxBytes: 1, LeaderEpoch: -1}); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Fatalf("beyond the end: %v", err)
	}
}

func TestDeletedAndCreatedAgain(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	w.produce(p, "old")
	w.apply(&metadata.RemoveTopicRecord{TopicID: topicID})
	if w.m.Len() != 0 || w.m.Partition("t", 0) != nil || w.m.PartitionByID(topicID, 0) != nil {
		t.Fatal("the deleted partition is still found")
	}
	if err := p.CheckLeader(-1); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Fatalf("who still has the partition is told %v", err)
	}
	topicID2 := metadata.TopicID{8}
	w.apply(&metadata.TopicRecord{Name: "t", TopicID: topicID2}, &metadata.PartitionRecord{
		TopicID: topicID2, Replicas: []int32{self}, ISR: []int32{self}, Leader: self,
	})
	if q := w.m.Partition("t", 0); q == nil || q.Log().EndOffset() != 0 {
		t.Fatal("the new topic has its predecessor's records")
	}
}

func TestRestartFindsThePartition(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	a := w.produce(p, "kept")
	c := make(waiter, 1)
	p.WhenCommitted(a.LastOffset+1, c)
	if err := w.await(c); err != nil {
		t.Fatal(err)
	}
	if err := p.Log().Dir().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open()
	if err := w.m.Apply(metadata.Compare(metadata.Empty(), w.img)); err != nil {
		t.Fatal(err)
	}
	if q := w.m.Partition("t", 0); q == nil || q.HighWatermark() != 1 {
		t.Fatal("the record is gone, or hidden")
	}
}

func TestConfigsReachTheLog(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	w.settings.Log.RetentionBytes = 12345
	w.settings.SegmentJitter = time.Hour
	name := "retention.bytes"
	value := "12345"
	w.apply(&metadata.ConfigRecord{ResourceType: metadata.ResourceTopic, ResourceName: "t", Name: name, Value: &value})
	c := p.Log().Config()
	if c.RetentionBytes != 12345 || c.SegmentJitter <= 0 || c.SegmentJitter >= time.Hour {
		t.Fatalf("the log has %+v", c)
	}
}

func TestPartitionsOfNoKnownTopicAreMovedAside(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	w.produce(p, "left over")
	if err := p.Log().Dir().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.img = metadata.Empty() // the topic was deleted meanwhile
	if err := w.m.Quarantine(w.img); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fs.Stat("/data/t-0"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the partition is still there: %v", err)
	}
	if _, err := w.fs.Stat("/data/t-0." + topicID.String() + "-stray"); err != nil {
		t.Errorf("it was not moved aside: %v", err)
	}
	if q := w.create(self); q.Log().EndOffset() != 0 {
		t.Error("a new topic has the old one's records")
	}
}
