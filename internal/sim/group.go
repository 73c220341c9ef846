package sim

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// GroupReached are the states that enough seeds of RunGroup must reach.
var GroupReached = []string{
	"process killed", "power cut", "power cut in the middle of a write", "sync failed", "disk full", "append reverted",
	"assignment", "commit acknowledged", "commit fenced", "member expired", "rebalance", "shard loaded with members",
}

const groupPath = "/data/offsets"

var offsetsPartition = log.Partition{Topic: "__consumer_offsets", Partition: 0}

// groupRun is one partition of __consumer_offsets on one machine: the group
// shard on a real log, driven as the coordinator's runtime drives it, and the
// members of a group, who join, commit, stall and come back.
type groupRun struct {
	*machine
	bug     Bug
	net     *Net
	dir     *log.Dir
	log     *log.Log
	shard   *group.Shard
	waiting []waitingResult // appended, not yet durable, in log order
	members []*groupMember
	history groupHistory
	full    bool
	calm    bool
}

// waitingResult is what happens when everything below offset is committed.
type waitingResult struct {
	offset  int64
	replies []shard.Reply
	event   shard.Event
}

// caller is who waits for an answer of the shard.
type caller struct {
	life   int
	answer func(kmsg.Response)
}

func groupConfig() group.Config {
	c := group.DefaultConfig()
	c.InitialRebalanceDelay = 200 * time.Millisecond
	c.MinSessionTimeout = time.Second
	return c
}

// RunGroup simulates a consumer group's coordinator for a while and checks that
// acknowledged offsets never go back, that commits are fenced by generation, and
// that the group settles when the faults end.
func RunGroup(seed uint64, length time.Duration, bug Bug) Result {
	w := NewWorld(seed)
	r := &groupRun{machine: newMachine(w), bug: bug, net: NewNet(w)}
	r.history.init(w)
	r.open()
	for i := range 4 {
		m := &groupMember{run: r, index: i}
		r.members = append(r.members, m)
		w.After(w.Between(0, 2*time.Second), "", m.join)
	}
	r.tick()
	r.trouble()
	events := r.Run(length)
	r.Note("all faults end")
	r.calm, r.cutIn = true, 0
	r.disk.SetQuota(0)
	r.faulty.Clear()
	r.net.Calm()
	if r.log == nil {
		r.open()
	}
	before := r.history.acked
	events += r.Run(length + 30*time.Second)
	if r.Err() == nil && r.history.acked < before+50 {
		r.Fail("the group has not settled: %d commits were acknowledged after the faults", r.history.acked-before)
	}
	return Result{Seed: seed, Trace: r.Trace(), Events: events, Acked: r.history.acked, Reached: r.reach, Err: r.Err(), Tail: r.Tail()}
}

// open starts the process: it recovers the log and loads the shard from it.
func (r *groupRun) open() {
	if r.Err() != nil || r.log != nil {
		return
	}
	fs := r.begin()
	life := r.life
	dir, err := log.OpenDir(log.DirOptions{FS: r.bug.disk(fs), Path: groupPath, BootID: fmt.Sprint("boot-", r.boot), Manual: true})
	var l *log.Log
	if err == nil {
		l, err = dir.Open(offsetsPartition, log.TopicID{2}, log.Config{SegmentBytes: 5000, FlushBeforeAck: true})
	}
	switch {
	case r.lost(life):
		r.afterCut()
		r.reopenLater()
		return
	case err != nil && r.full && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, kerr.KafkaStorageError)):
		r.kill()
		if dir != nil {
			dir.Abandon()
		}
		r.reopenLater()
		return
	case err != nil:
		r.Fail("the log does not open: %w", err)
		return
	}
	r.dir, r.log, r.shard, r.waiting = dir, l, group.New(groupConfig()), nil
	r.load()
	if len(r.shard.DescribeGroup(groupName, 5).Members) > 0 {
		r.Reach("shard loaded with members")
	}
	r.Note("loaded, life %d, %d records", r.life, l.EndOffset())
	r.carryOut(r.shard.Loaded(r.wall(), l.EndOffset()))
}

func (r *groupRun) reopenLater() {
	r.log, r.dir, r.shard = nil, nil, nil
	r.After(r.Between(time.Millisecond, time.Second), "", r.open)
}

// load replays the log into the shard.
func (r *groupRun) load() {
	for at := r.log.StartOffset(); at < r.log.EndOffset() && r.Err() == nil; {
		rg, err := r.log.Read(at, 1<<20, r.log.EndOffset(), true)
		if err != nil {
			r.Fail("load at %d: %w", at, err)
			return
		}
		b := make([]byte, rg.Len())
		_, err = rg.ReadAt(b, 0)
		at = rg.NextOffset()
		rg.Release()
		for err == nil && len(b) > 0 {
			var h record.Batch
			if h, b, err = record.Next(b); err == nil {
				err = r.loadBatch(h)
			}
		}
		if err != nil {
			r.Fail("load before %d: %w", at, err)
		}
	}
}

func (r *groupRun) loadBatch(h record.Batch) error {
	it := h.Iterate(h.Records())
	var rec record.Record
	for it.Next(&rec) {
		if err := r.shard.Load(rec.Offset, -1, rec.Key, rec.Value); err != nil {
			return err
		}
	}
	return it.Err()
}

// carryOut does what the shard asks for: append, then answer what may be
// answered at once, and keep the rest until it is committed.
func (r *groupRun) carryOut(res *shard.Result) {
	if res.Empty() || r.Err() != nil {
		return
	}
	first := r.shard.NextOffset() - int64(len(res.Records))
	if len(res.Records) > 0 {
		life := r.life
		err := r.append(first, res.Records)
		if r.lost(life) {
			r.afterCut()
			r.reopenLater()
			return
		}
		if err != nil {
			r.refuse(first, res, err)
			return
		}
	}
	r.reply(res.Replies)
	if len(res.Deferred) > 0 || res.Event != nil {
		if r.bug == EarlyAck {
			r.reply(res.Deferred)
			res.Deferred = nil
		}
		r.waiting = append(r.waiting, waitingResult{r.shard.NextOffset(), res.Deferred, res.Event})
		r.committed()
	}
}

func (r *groupRun) append(first int64, records []shard.Record) error {
	var b record.Builder
	b.Reset(record.BatchOptions{})
	for i := range records {
		b.Append(r.wall().UnixMilli(), records[i].Key, records[i].Value)
	}
	batch, err := b.Build(nil)
	if err != nil {
		return err
	}
	got, err := r.log.Append(batch, log.AppendOptions{LeaderEpoch: 1, Now: r.wall(), Origin: log.FromCoordinator})
	if err == nil && got.BaseOffset != first {
		r.Fail("the shard expected offset %d, the log gave %d", first, got.BaseOffset)
	}
	return err
}

// refuse takes records back that could not be appended.
func (r *groupRun) refuse(first int64, res *shard.Result, err error) {
	r.Note("append refused: %v", err)
	if r.dir.Failed() != nil {
		r.kill()
		r.dir.Abandon()
		r.reopenLater()
		return
	}
	r.Reach("append reverted")
	reverted := r.shard.Revert(r.wall(), first, kerr.CoordinatorNotAvailable)
	r.reply(res.Replies)
	r.carryOut(reverted)
	if res.Event != nil && r.shard != nil {
		r.carryOut(r.shard.Finish(r.wall(), res.Event, kerr.CoordinatorNotAvailable))
	}
}

func (r *groupRun) reply(replies []shard.Reply) {
	for _, x := range replies {
		if c, ok := x.To.(*caller); ok && c.life == r.life {
			c.answer(x.Response)
		}
	}
}

// committed tells the shard what is durable, and gives the answers that waited.
func (r *groupRun) committed() {
	r.shard.Committed(r.log.DurableOffset())
	for r.shard != nil && len(r.waiting) > 0 && r.waiting[0].offset <= r.log.DurableOffset() {
		w := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.reply(w.replies)
		if w.event != nil {
			r.carryOut(r.shard.Finish(r.wall(), w.event, nil))
		}
	}
}

// tick syncs the log and lets the shard's timers expire.
func (r *groupRun) tick() {
	r.After(r.Between(time.Millisecond, 20*time.Millisecond), "", func() {
		if r.log != nil {
			r.turn()
		}
		r.tick()
	})
}

func (r *groupRun) turn() {
	life := r.life
	r.dir.SyncPending()
	var err error
	if r.Chance(5) {
		err = r.dir.Step(r.wall())
	}
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	if r.dir.Failed() != nil {
		r.kill()
		r.dir.Abandon()
		r.reopenLater()
		return
	}
	if err != nil {
		r.Note("housekeeping: %v", err)
	}
	r.log.SetHighWatermark(r.log.DurableOffset())
	r.committed()
	if r.shard == nil {
		return
	}
	if at, ok := r.shard.Deadline(); ok && !at.After(r.wall()) {
		r.carryOut(r.shard.Advance(r.wall()))
	}
}

// groupFaults are what can happen to the coordinator and to members.
var groupFaults = []struct {
	weight int
	happen func(*groupRun)
}{
	{3, func(r *groupRun) { r.crash(r.kill) }},
	{3, func(r *groupRun) { r.crash(r.powerCut) }},
	{3, func(r *groupRun) { r.cutIn = 1 + r.Rand.IntN(8) }},
	{1, func(r *groupRun) { r.failSync() }},
	{2, (*groupRun).fill},
	{5, func(r *groupRun) { r.members[r.Rand.IntN(len(r.members))].stall() }},
	{1, (*groupRun).stop},
}

func (r *groupRun) crash(what func()) {
	if r.log == nil {
		return
	}
	old := r.dir
	what()
	old.Abandon()
	r.reopenLater()
}

func (r *groupRun) stop() {
	if r.log == nil {
		return
	}
	life := r.life
	err := r.dir.Close(context.Background())
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	r.Note("stopped: %v", err)
	r.kill()
	r.reopenLater()
}

func (r *groupRun) fill() {
	if r.full {
		return
	}
	r.full = true
	r.disk.SetQuota(r.disk.Used() + r.Rand.Int64N(500))
	r.Reach("disk full")
	r.After(r.Between(10*time.Millisecond, 2*time.Second), "", func() {
		r.full = false
		r.disk.SetQuota(0)
	})
}

func (r *groupRun) trouble() {
	every := r.Between(200*time.Millisecond, 2*time.Second)
	total := 0
	for _, f := range groupFaults {
		total += f.weight
	}
	var next func()
	next = func() {
		if r.calm {
			return
		}
		pick := r.Rand.IntN(total)
		for i, f := range groupFaults {
			if pick < f.weight {
				r.Note("fault %d", i)
				f.happen(r)
				break
			}
			pick -= f.weight
		}
		r.After(r.Between(0, 2*every), "", next)
	}
	r.After(every, "", next)
}
