package sim

import (
	"errors"
	"fmt"
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
	logProcess
	config    log.Config
	producers []*logProducer
	seen      map[int64]seenBatch // base offset -> what was ever read or acknowledged there
	present   map[int64]seenBatch // what the last reading of the whole log has found
	start     int64               // deleted below
	acked     int
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
func RunLog(p Plan) Result {
	w := NewWorld(p)
	r := &logRun{seen: map[int64]seenBatch{}}
	r.logProcess = logProcess{machine: newMachine(w), bug: p.Bug, again: r.open, downFor: 300 * time.Millisecond}
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
	trouble(w, r, logFaults, w.Between(30*time.Millisecond, time.Second))
	events := r.Run(p.Length)
	r.settle()
	before := r.acked
	events += r.Run(p.Length + 5*time.Second)
	if r.Err() == nil && r.acked == before {
		r.Fail("nothing was acknowledged after the faults had ended")
	}
	r.readAll()
	r.checkAcked()
	return w.result(p, events, r.acked)
}

// open starts the process: the log directory is opened and recovered.
func (r *logRun) open() {
	if !r.openLog(logPath, logPartition, log.TopicID{1}, r.config) {
		return
	}
	l := r.log
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
	if r.gone(life) {
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
	if r.gone(life) {
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
var logFaults = []fault[*logRun]{
	{"kill", 3, func(r *logRun) { r.crash(r.kill) }},
	{"power cut", 3, func(r *logRun) { r.crash(r.powerCut) }},
	{"power cut in the middle of a write", 4, func(r *logRun) { r.cutIn = 1 + r.Rand.IntN(15) }},
	{"failed sync", 1, func(r *logRun) { r.failSync() }},
	{"clean stop", 2, (*logRun).stop},
	{"full disk", 2, (*logRun).fill},
}
