package sim

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// LogReached are the states that enough seeds of RunLog must reach.
var LogReached = []string{
	"process killed", "power cut", "power cut in the middle of a write", "clean stop", "sync failed", "disk full",
	"batch repeated", "duplicate recognized", "segment rolled", "records deleted", "retention", "log recovered",
}

var logPartition = log.Partition{Topic: "simulated", Partition: 0}

const logPath = "/data/log"

// logRun is one partition on one machine: idempotent producers append, each ack
// waits for the disk, the machine crashes, and producers repeat what was not
// acknowledged.
type logRun struct {
	*machine
	bug       Bug
	config    log.Config
	dir       *log.Dir
	log       *log.Log
	producers []*logProducer
	seen      map[int64]seenBatch // base offset -> what was ever read or acknowledged there
	present   map[int64]seenBatch // what the last reading of the whole log has found
	start     int64               // deleted below
	acked     int
	full      bool
	calm      bool
}

// seenBatch identifies a batch.
type seenBatch struct {
	producer int64
	sequence int32
	crc      uint32
	next     int64
}

// logProducer is an idempotent producer with up to five batches in flight.
type logProducer struct {
	id       int64
	next     int32       // sequence of the next new batch
	inFlight []*logBatch // in order, not acknowledged
	done     []*logBatch
}

type logBatch struct {
	sequence   int32
	count      int32
	sends      int
	appended   bool // in this life
	base, last int64
}

const maxInFlight = 5

// RunLog simulates one partition's log for a while and checks that nothing
// acknowledged is lost, doubled, reordered or changed.
func RunLog(seed uint64, length time.Duration, bug Bug) Result {
	w := NewWorld(seed)
	r := &logRun{machine: newMachine(w), bug: bug, seen: map[int64]seenBatch{}}
	r.config = log.Config{
		SegmentBytes:       []int64{400, 3000, 1 << 20}[w.Rand.IntN(3)],
		IndexIntervalBytes: []int{64, 512, 4096}[w.Rand.IntN(3)],
		FlushBeforeAck:     true, DeleteEnabled: true,
	}
	if w.Chance(40) {
		r.config.RetentionBytes = 6000
	}
	for i := range 3 {
		r.producers = append(r.producers, &logProducer{id: int64(1000 + i)})
	}
	r.open()
	r.work()
	r.tick()
	r.trouble()
	events := r.Run(length)
	r.Note("all faults end")
	r.calm, r.cutIn = true, 0
	r.disk.SetQuota(0)
	r.faulty.Clear()
	if r.log == nil {
		r.open()
	}
	before := r.acked
	events += r.Run(length + 5*time.Second)
	if r.Err() == nil && r.acked == before {
		r.Fail("nothing was acknowledged after the faults had ended")
	}
	r.readAll()
	r.checkAcked()
	return Result{Seed: seed, Trace: r.Trace(), Events: events, Acked: r.acked, Reached: r.reach, Err: r.Err(), Tail: r.Tail()}
}

// open starts the process: the log directory is opened and recovered.
func (r *logRun) open() {
	if r.Err() != nil || r.log != nil {
		return
	}
	fs := r.begin()
	life := r.life
	dir, err := log.OpenDir(log.DirOptions{FS: r.bug.disk(fs), Path: logPath, BootID: fmt.Sprint("boot-", r.boot), Manual: true})
	var l *log.Log
	if err == nil {
		l, err = dir.Open(logPartition, log.TopicID{1}, r.config)
	}
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	if err != nil {
		if r.full && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, kerr.KafkaStorageError)) {
			r.Reach("start on a full disk")
			r.kill()
			if dir != nil {
				dir.Abandon()
			}
			r.reopenLater()
			return
		}
		r.Fail("the log does not open: %w", err)
		return
	}
	r.dir, r.log = dir, l
	r.Note("opened, life %d, [%d, %d), durable %d", r.life, l.StartOffset(), l.EndOffset(), l.DurableOffset())
	r.Reach("log recovered")
	if l.StartOffset() > r.start {
		r.Fail("the log starts at %d, records were deleted only up to %d", l.StartOffset(), r.start)
	}
	for _, p := range r.producers {
		for _, b := range p.inFlight {
			b.appended = false
		}
	}
	r.readAll()
	r.checkAcked()
}

func (r *logRun) reopenLater() {
	r.log, r.dir = nil, nil
	r.After(r.Between(time.Millisecond, 300*time.Millisecond), "", r.open)
}

// work lets a producer send something, again and again.
func (r *logRun) work() {
	r.After(r.Between(100*time.Microsecond, 10*time.Millisecond), "", func() {
		if r.log != nil {
			r.send(r.producers[r.Rand.IntN(len(r.producers))])
		}
		r.work()
	})
}

// send appends the producer's first batch that is not in the log in this life,
// or a new one.
func (r *logRun) send(p *logProducer) {
	var b *logBatch
	for _, x := range p.inFlight {
		if !x.appended || r.Chance(2) { // now and then one is repeated without need
			b = x
			break
		}
	}
	if b == nil {
		if len(p.inFlight) >= maxInFlight {
			return
		}
		b = &logBatch{sequence: p.next, count: 1 + int32(r.Rand.IntN(3))}
		p.next += b.count
		p.inFlight = append(p.inFlight, b)
	}
	b.sends++
	if b.sends > 1 {
		r.Reach("batch repeated")
	}
	life := r.life
	got, err := r.log.Append(r.encode(p, b), log.AppendOptions{LeaderEpoch: 1, Now: r.wall()})
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	if err != nil {
		r.refused(err)
		return
	}
	if got.Duplicate {
		r.Reach("duplicate recognized")
		if b.sends == 1 {
			r.Fail("producer %d: sequence %d is a duplicate the first time it is sent", p.id, b.sequence)
		}
	}
	b.appended, b.base, b.last = true, got.BaseOffset, got.LastOffset
	r.Note("producer %d: sequence %d at %d", p.id, b.sequence, b.base)
	if r.bug == EarlyAck {
		r.ack(p)
	}
}

// refused handles an append that failed: the disk is full, or it has failed and
// the process is started anew.
func (r *logRun) refused(err error) {
	r.Note("append refused: %v", err)
	switch {
	case errors.Is(err, kerr.OutOfOrderSequenceNumber):
		// Only right where an earlier batch of the producer is not there yet.
		r.Fail("a producer that sends in order was refused: %w", err)
	case r.dir.Failed() != nil:
		r.kill()
		r.dir.Abandon()
		r.reopenLater()
	}
}

func (r *logRun) encode(p *logProducer, b *logBatch) []byte {
	var builder record.Builder
	builder.Reset(record.BatchOptions{Producer: &record.Producer{ID: p.id, Epoch: 0, BaseSequence: b.sequence}})
	for i := range b.count {
		value := fmt.Sprintf("%d/%d", p.id, b.sequence+i)
		builder.Append(epoch.UnixMilli()+int64(b.sequence), nil, []byte(value))
	}
	out, err := builder.Build(nil)
	if err != nil {
		r.Fail("build a batch: %w", err)
	}
	return out
}

// tick lets the directory sync, and acknowledges what has become durable.
func (r *logRun) tick() {
	r.After(r.Between(200*time.Microsecond, 20*time.Millisecond), "", func() {
		if r.log != nil {
			r.sync()
		}
		r.tick()
	})
}

func (r *logRun) sync() {
	life := r.life
	before := len(r.log.Segments())
	r.dir.SyncPending()
	var err error
	switch r.Rand.IntN(20) {
	case 0:
		err = r.dir.Step(r.wall())
	case 1:
		err = r.retain()
	}
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	if failed := r.dir.Failed(); failed != nil {
		r.refused(failed)
		return
	}
	if err != nil {
		r.Note("housekeeping: %v", err)
	}
	if before > 1 {
		r.Reach("segment rolled")
	}
	r.log.SetHighWatermark(r.log.DurableOffset())
	for _, p := range r.producers {
		r.ack(p)
	}
}

// retain deletes old records, by request and by retention.
func (r *logRun) retain() error {
	if r.Chance(20) {
		to := r.log.StartOffset() + r.Rand.Int64N(20)
		if to <= r.log.HighWatermark() {
			r.start = max(r.start, to) // whatever happens now, it may take effect
			if _, err := r.log.DeleteRecordsBefore(to); err != nil {
				return err
			}
			r.Reach("records deleted")
		}
	}
	if r.config.RetentionBytes > 0 {
		r.start = max(r.start, r.log.HighWatermark())
	}
	n, err := r.log.Retain(r.wall())
	if n > 0 {
		r.Reach("retention")
	}
	return err
}

// ack tells a producer what is durable, in order.
func (r *logRun) ack(p *logProducer) {
	for len(p.inFlight) > 0 {
		b := p.inFlight[0]
		if !b.appended || (b.last >= r.log.DurableOffset() && r.bug != EarlyAck) {
			return
		}
		p.inFlight = p.inFlight[1:]
		p.done = append(p.done, b)
		r.acked++
	}
}

// readAll reads the log from its start and compares it with everything that was
// ever read or acknowledged.
func (r *logRun) readAll() {
	if r.log == nil || r.Err() != nil {
		return
	}
	r.present = map[int64]seenBatch{}
	at := r.log.StartOffset()
	sequences := map[int64]int32{}
	for at < r.log.EndOffset() {
		rg, err := r.log.Read(at, 1<<20, r.log.EndOffset(), true)
		if err != nil {
			r.Fail("read at %d: %w", at, err)
			return
		}
		b := make([]byte, rg.Len())
		_, err = rg.ReadAt(b, 0)
		next := rg.NextOffset()
		rg.Release()
		if err != nil || next <= at {
			r.Fail("read at %d went to %d: %w", at, next, err)
			return
		}
		for len(b) > 0 {
			var h record.Batch
			if h, b, err = record.Next(b); err != nil {
				r.Fail("read at %d: %w", at, err)
				return
			}
			r.checkBatch(h, sequences)
		}
		at = next
	}
}

// checkBatch compares one batch with what was known of its offset, and its
// producer's order.
func (r *logRun) checkBatch(h record.Batch, sequences map[int64]int32) {
	got := seenBatch{h.ProducerID(), h.BaseSequence(), h.CRC(), h.NextOffset()}
	if err := h.CheckCRC(); err != nil {
		r.Fail("batch at %d: %w", h.BaseOffset(), err)
	}
	if next, seen := sequences[h.ProducerID()]; seen && next != h.BaseSequence() {
		r.Fail("producer %d: sequence %d at offset %d follows sequence %d", h.ProducerID(), h.BaseSequence(), h.BaseOffset(), next-1)
	}
	sequences[h.ProducerID()] = h.BaseSequence() + h.LastOffsetDelta() + 1
	r.present[h.BaseOffset()] = got
	if h.NextOffset() > r.log.DurableOffset() {
		return // may be gone after the next crash, and its offset given out again
	}
	if want, seen := r.seen[h.BaseOffset()]; seen && want != got {
		r.Fail("offset %d was %+v and is %+v", h.BaseOffset(), want, got)
	}
	r.seen[h.BaseOffset()] = got
}

// checkAcked looks for every acknowledged batch that was not deleted.
func (r *logRun) checkAcked() {
	if r.log == nil || r.Err() != nil {
		return
	}
	for _, p := range r.producers {
		for _, b := range p.done {
			if b.base < max(r.start, r.log.StartOffset()) {
				continue
			}
			got, ok := r.present[b.base]
			if !ok || got.producer != p.id || got.sequence != b.sequence {
				r.Fail("producer %d: sequence %d was acknowledged at %d and is not there (found %+v)", p.id, b.sequence, b.base, got)
				return
			}
		}
	}
}

// logFaults are what can happen to the machine.
var logFaults = []struct {
	weight int
	happen func(*logRun)
}{
	{3, func(r *logRun) { r.crash(r.kill) }},
	{3, func(r *logRun) { r.crash(r.powerCut) }},
	{4, func(r *logRun) { r.cutIn = 1 + r.Rand.IntN(15) }},
	{1, func(r *logRun) { r.failSync() }},
	{2, (*logRun).stop},
	{2, (*logRun).fill},
}

// crash ends the process, by what, and starts it again later.
func (r *logRun) crash(what func()) {
	if r.log == nil {
		return
	}
	old := r.dir
	what()
	old.Abandon()
	r.reopenLater()
}

// stop is a clean stop.
func (r *logRun) stop() {
	if r.log == nil {
		return
	}
	life := r.life
	end := r.log.EndOffset()
	err := r.dir.Close(context.Background())
	if r.lost(life) {
		r.afterCut()
		r.reopenLater()
		return
	}
	r.Note("stopped at %d: %v", end, err)
	r.Reach("clean stop")
	r.kill()
	r.reopenLater()
}

// fill leaves little room on the disk for a while.
func (r *logRun) fill() {
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

// trouble makes faults happen until the run calms down.
func (r *logRun) trouble() {
	every := r.Between(30*time.Millisecond, time.Second)
	total := 0
	for _, f := range logFaults {
		total += f.weight
	}
	var next func()
	next = func() {
		if r.calm {
			return
		}
		pick := r.Rand.IntN(total)
		for i, f := range logFaults {
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
