package sim

import (
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
	logProcess
	net     *Net
	shard   *group.Shard
	waiting []waitingResult // appended, not yet durable, in log order
	members []*groupMember
	history groupHistory
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
func RunGroup(p Plan) Result {
	w := NewWorld(p)
	r := &groupRun{net: NewNet(w)}
	r.logProcess = logProcess{machine: newMachine(w), bug: p.Bug, again: r.open, downFor: time.Second}
	r.history.init(w)
	r.open()
	for i := range 4 {
		m := &groupMember{run: r, index: i}
		r.members = append(r.members, m)
		w.After(w.Between(0, 2*time.Second), "", m.join)
	}
	r.tick()
	trouble(w, r, groupFaults, w.Between(200*time.Millisecond, 2*time.Second))
	events := r.Run(p.Length)
	r.net.Calm()
	r.settle()
	before := r.history.acked
	events += r.Run(p.Length + 30*time.Second)
	if r.Err() == nil && r.history.acked < before+50 {
		r.Fail("the group has not settled: %d commits were acknowledged after the faults", r.history.acked-before)
	}
	return w.result(p, events, r.history.acked)
}

// open starts the process: it recovers the log and loads the shard from it.
func (r *groupRun) open() {
	if !r.openLog(groupPath, offsetsPartition, log.TopicID{2}, log.Config{SegmentBytes: 5000, FlushBeforeAck: true}) {
		return
	}
	r.shard, r.waiting = group.New(groupConfig()), nil
	r.load()
	if len(r.shard.DescribeGroup(groupName, 5).Members) > 0 {
		r.Reach("shard loaded with members")
	}
	r.Note("loaded, life %d, %d records", r.life, r.log.EndOffset())
	r.carryOut(r.shard.Loaded(r.wall(), r.log.EndOffset()))
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
		if r.gone(life) {
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
	if res.Event != nil && r.log != nil {
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
	for r.log != nil && len(r.waiting) > 0 && r.waiting[0].offset <= r.log.DurableOffset() {
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
	if r.gone(life) {
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
	if r.log == nil {
		return
	}
	if at, ok := r.shard.Deadline(); ok && !at.After(r.wall()) {
		r.carryOut(r.shard.Advance(r.wall()))
	}
}

// groupFaults are what can happen to the coordinator and to members.
var groupFaults = []fault[*groupRun]{
	{"kill", 3, func(r *groupRun) { r.crash(r.kill) }},
	{"power cut", 3, func(r *groupRun) { r.crash(r.powerCut) }},
	{"power cut in the middle of a write", 3, func(r *groupRun) { r.cutIn = 1 + r.Rand.IntN(8) }},
	{"failed sync", 1, func(r *groupRun) { r.failSync() }},
	{"full disk", 2, (*groupRun).fill},
	{"a member stalls", 5, func(r *groupRun) { r.members[r.Rand.IntN(len(r.members))].stall() }},
	{"clean stop", 1, (*groupRun).stop},
}
