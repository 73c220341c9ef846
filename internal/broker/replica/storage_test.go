package replica

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

// tryApply is apply for what may fail.
func (w *world) tryApply(records ...metadata.Record) error {
	w.t.Helper()
	w.offset++
	img, delta, err := w.img.Apply(records, metadata.Position{Offset: w.offset, Epoch: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	w.img = img
	return w.m.Apply(delta)
}

func newTopic(id metadata.TopicID, name string) []metadata.Record {
	return []metadata.Record{&metadata.TopicRecord{Name: name, TopicID: id}, &metadata.PartitionRecord{
		TopicID: id, Replicas: []int32{self}, ISR: []int32{self}, Leader: self, LeaderEpoch: 3,
	}}
}

// full opens a world whose disk can take no partition.
func full(t *testing.T) *world {
	w := newWorld(t)
	w.fs.SetQuota(w.fs.Used() + 1)
	err := w.tryApply(newTopic(topicID, "t")...)
	if !errors.Is(err, kerr.KafkaStorageError) || !strings.Contains(err.Error(), "t-0") {
		t.Fatalf("a partition on a full disk: %v", err)
	}
	return w
}

func TestAPartitionThatCouldNotBeOpenedIsOpenedLater(t *testing.T) {
	w := full(t)
	if w.m.Pending() != 1 || w.m.Partition("t", 0) != nil || len(w.elected) > 0 {
		t.Fatalf("%d pending, elected %v", w.m.Pending(), w.elected)
	}
	if err := w.m.OpenError("t", 0); !errors.Is(err, kerr.KafkaStorageError) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("who asks is told %v", err)
	}
	if err := w.m.OpenError("t", 1); err != nil {
		t.Fatalf("a partition that does not exist: %v", err)
	}
	w.m.Retry()
	if w.m.Pending() != 1 {
		t.Fatal("opened on a full disk")
	}
	w.fs.SetQuota(0)
	w.retryUntilOpen()
	p := w.m.Partition("t", 0)
	if p == nil || !p.Leads() || w.m.OpenError("t", 0) != nil || len(w.elected) != 1 || w.m.Len() != 1 {
		t.Fatalf("the partition is %+v, elected %v", p, w.elected)
	}
	w.commit(p, "a")
}

// retryUntilOpen retries as its owner does, faster: a full log directory asks
// the disk for space a few times a second only.
func (w *world) retryUntilOpen() {
	w.t.Helper()
	for began := time.Now(); w.m.Pending() > 0; w.m.Retry() {
		if time.Since(began) > time.Minute {
			w.t.Fatalf("still not open: %v", w.m.OpenError("t", 0))
		}
	}
}

// commit appends values and waits until they are committed.
func (w *world) commit(p *Partition, values ...string) {
	w.t.Helper()
	c := make(waiter, 1)
	p.WhenCommitted(w.produce(p, values...).LastOffset+1, c)
	if err := w.await(c); err != nil {
		w.t.Fatal(err)
	}
}

// Wherever the space ends while a partition is made, what is left behind does
// not keep it from being made later.
func TestAHalfMadePartitionIsOpenedLater(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpMkdir, vfs.OpOpen, vfs.OpWrite} {
		for skip := 0; ; skip++ {
			w := newWorld(t)
			faulty := vfs.NewFaulty(w.fs)
			w.openOn(faulty)
			path := "/again/t-0/*"
			if op == vfs.OpMkdir {
				path = "/again/t-0"
			}
			faulty.Add(vfs.Rule{Op: op, Path: path, Skip: skip, Err: syscall.ENOSPC})
			if err := w.tryApply(newTopic(topicID, "t")...); err == nil {
				if skip == 0 {
					t.Errorf("%v never fails", op)
				}
				break
			}
			faulty.Clear()
			w.retryUntilOpen()
			w.commit(w.m.Partition("t", 0), "a")
		}
	}
}

func TestTheNextDeltaOpensWhatCouldNotBeOpened(t *testing.T) {
	w := newWorld(t)
	faulty := vfs.NewFaulty(w.fs, vfs.Rule{Op: vfs.OpMkdir, Path: "t-0", Times: 1, Err: syscall.EMFILE})
	w.openOn(faulty)
	if err := w.tryApply(newTopic(topicID, "t")...); err == nil || w.m.Pending() != 1 {
		t.Fatalf("opened without a directory: %v", err)
	}
	w.apply(newTopic(metadata.TopicID{8}, "other")...)
	if w.m.Pending() != 0 || w.m.Partition("t", 0) == nil || w.m.Partition("other", 0) == nil {
		t.Fatalf("%d pending: %v", w.m.Pending(), w.m.OpenError("t", 0))
	}
}

func TestADeletedTopicIsNotOpenedAnyMore(t *testing.T) {
	w := full(t)
	if err := w.tryApply(&metadata.RemoveTopicRecord{TopicID: topicID}); err != nil {
		t.Fatal(err)
	}
	if w.m.Pending() != 0 || w.m.OpenError("t", 0) != nil {
		t.Fatalf("still pending: %v", w.m.OpenError("t", 0))
	}
}

func TestAReplicaThatMovedAwayIsNotOpenedAnyMore(t *testing.T) {
	w := full(t)
	if err := w.tryApply(&metadata.PartitionChangeRecord{TopicID: topicID, Replicas: []int32{2}, ISR: []int32{2}, Leader: 2}); err != nil {
		t.Fatal(err)
	}
	if w.m.Pending() != 0 || w.m.OpenError("t", 0) != nil {
		t.Fatalf("still pending: %v", w.m.OpenError("t", 0))
	}
}

func TestAFailedDirectorySendsEverybodyAway(t *testing.T) {
	w := newWorld(t)
	faulty := vfs.NewFaulty(w.fs)
	failed := w.openOn(faulty)
	p := w.create(self)
	w.commit(p, "before")
	var woken atomic.Int32
	f := NewFetchWaiter(1, func() { woken.Add(1) })
	p.Wait(f, ReadUncommitted, 1)

	faulty.Add(vfs.Rule{Op: vfs.OpSync, Path: "*.log", Err: syscall.EIO})
	a := w.produce(p, "lost")
	c := make(waiter, 1)
	p.WhenCommitted(a.LastOffset+1, c)
	d := <-failed
	// From the failure on, and before anybody has acted on it.
	if _, err := p.Append(batch(t, "x"), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()}); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("append: %v", err)
	}
	if _, err := p.Read(ReadOptions{MaxBytes: 1 << 20, LeaderEpoch: -1}); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("read: %v", err)
	}
	if p.Leads() || !p.Offline() {
		t.Errorf("leads %v, offline %v", p.Leads(), p.Offline())
	}
	w.m.DirFailed(d)
	if err := w.await(c); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("the producer was told %v", err)
	}
	if woken.Load() != 1 || w.resigned != 1 {
		t.Errorf("fetches woken %d times, resigned %d times", woken.Load(), w.resigned)
	}
	late := make(waiter, 1)
	p.WhenCommitted(a.LastOffset+1, late)
	if err := w.await(late); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("a late waiter was told %v", err)
	}
	w.stayOffline(p)
}

// stayOffline changes what the metadata say of a partition whose directory has
// failed, and creates one while no directory is left.
func (w *world) stayOffline(p *Partition) {
	w.t.Helper()
	elected := len(w.elected)
	w.apply(&metadata.PartitionChangeRecord{TopicID: topicID, Leader: metadata.NoLeader})
	w.apply(&metadata.PartitionChangeRecord{TopicID: topicID, Leader: self, ISR: []int32{self}})
	if p.Leads() || len(w.elected) != elected {
		w.t.Errorf("leads again: %v, elected %v", p.Leads(), w.elected)
	}
	if err := p.CheckLeader(0); !errors.Is(err, kerr.KafkaStorageError) {
		w.t.Errorf("the leader epoch is told before the failure: %v", err)
	}
	if err := w.tryApply(newTopic(metadata.TopicID{8}, "new")...); !errors.Is(err, kerr.KafkaStorageError) {
		w.t.Errorf("a partition without a directory: %v", err)
	}
	if err := w.m.OpenError("new", 0); !errors.Is(err, kerr.KafkaStorageError) {
		w.t.Errorf("who asks for it is told %v", err)
	}
}

func TestAnotherDirectoryGoesOn(t *testing.T) {
	w := newWorld(t)
	faulty := vfs.NewFaulty(w.fs, vfs.Rule{Op: vfs.OpSync, Path: "/a/*/*.log", Err: syscall.EIO})
	failed := w.openOn(faulty, "/a", "/b")
	for i := range byte(2) {
		w.apply(newTopic(metadata.TopicID{20 + i}, string('a'+rune(i)))...)
	}
	a, b := w.m.Partition("a", 0), w.m.Partition("b", 0)
	if a.Log().Dir() == b.Log().Dir() {
		t.Fatal("one directory took both")
	}
	c := make(waiter, 1)
	a.WhenCommitted(w.produce(a, "x").LastOffset+1, c)
	w.m.DirFailed(<-failed)
	if err := w.await(c); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("the producer was told %v", err)
	}
	w.commit(b, "y")
	w.apply(newTopic(metadata.TopicID{30}, "c")...)
	w.commit(w.m.Partition("c", 0), "z")
}
