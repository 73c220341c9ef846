package log

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
)

// Origin says who appends (Kafka's AppendOrigin).
type Origin int8

// The origins of an append by the leader.
const (
	FromClient      Origin = iota // epochs and sequences are checked
	FromCoordinator               // epochs only
)

// AppendOptions go with one append by the leader.
type AppendOptions struct {
	LeaderEpoch int32
	// Now is the time of the append; SegmentAge counts by it where records
	// have no timestamps.
	Now    time.Time
	Origin Origin
	// TransactionVersion is the level of the transaction protocol that a
	// marker follows (KIP-890): from 2 on its epoch must be new.
	TransactionVersion int16
}

// Appended says where an append went.
type Appended struct {
	BaseOffset, LastOffset int64
	// Timestamp is the largest timestamp of the last batch, in ms.
	Timestamp int64
	// Duplicate says that the batch was in the log already: the other fields
	// are the original's. It may be acknowledged when LastOffset may.
	Duplicate bool
}

// ErrNotContiguous answers a follower's append that does not continue the log.
var ErrNotContiguous = errors.New("batches do not continue the log")

// Append gives the batches in b the next offsets and the leader's epoch, in
// place, and writes them with one call. b is one or more whole batches that the
// caller has validated; it is not kept. Either all of b is appended or none.
//
// Errors wrap kerr.OutOfOrderSequenceNumber, InvalidProducerEpoch,
// InvalidTxnState or TransactionCoordinatorFenced by the rules for producers,
// and KafkaStorageError if the disk is full (Dir.ReadOnly) or has failed.
func (l *Log) Append(b []byte, o AppendOptions) (Appended, error) {
	l.wr.Lock()
	defer l.wr.Unlock()
	if err := l.check(); err != nil {
		return Appended{}, err
	}
	if dup, err := l.checkProducers(b, &o); err != nil || dup.Duplicate {
		return dup, err
	}
	base := l.end.Load()
	next := base
	var run batchRun
	for rest := b; len(rest) > 0; {
		h, tail, err := record.Next(rest)
		if err != nil || h.LastOffsetDelta() < 0 {
			return Appended{}, fmt.Errorf("append to %s: %w", l.partition, kerr.CorruptMessage)
		}
		h.SetBaseOffset(next)
		h.SetLeaderEpoch(o.LeaderEpoch)
		next = h.NextOffset()
		run.take(h)
		rest = tail
	}
	if next == base {
		return Appended{}, fmt.Errorf("append to %s: nothing to append: %w", l.partition, kerr.InvalidRecord)
	}
	if err := l.write(b, base, next, run, millis(o.Now)); err != nil {
		return Appended{}, err
	}
	return Appended{BaseOffset: base, LastOffset: next - 1, Timestamp: run.lastMax}, nil
}

// AppendAsFollower writes batches that a leader has numbered, whose checksums
// the caller has checked. They must begin at or, where the leader has
// compacted, above the end of the log: ErrNotContiguous otherwise.
func (l *Log) AppendAsFollower(b []byte, now time.Time) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	base := l.end.Load()
	next := base
	var run batchRun
	for rest := b; len(rest) > 0; {
		h, tail, err := record.Next(rest)
		if err != nil || h.LastOffsetDelta() < 0 {
			return fmt.Errorf("append to %s: %w", l.partition, kerr.CorruptMessage)
		}
		if h.BaseOffset() < next {
			return fmt.Errorf("append to %s: offset %d after %d: %w", l.partition, h.BaseOffset(), next-1, ErrNotContiguous)
		}
		run.sparse = run.sparse || h.BaseOffset() > next
		next = h.NextOffset()
		run.take(h)
		rest = tail
	}
	if next == base {
		return nil
	}
	return l.write(b, record.Batch(b).BaseOffset(), next, run, millis(now))
}

// batchRun is what the batches of one append have in common.
type batchRun struct {
	maxTimestamp int64
	lastMax      int64
	sparse       bool
	any          bool
}

func (r *batchRun) take(h record.Batch) {
	r.lastMax = h.MaxTimestamp()
	if !r.any || r.lastMax > r.maxTimestamp {
		r.maxTimestamp = r.lastMax
	}
	r.any = true
}

// checkProducers applies the producers' rules to b before anything is written.
func (l *Log) checkProducers(b []byte, o *AppendOptions) (Appended, error) {
	var ahead map[int64]*producer // states after earlier batches of b
	for rest := b; len(rest) > 0; {
		h, tail, err := record.Next(rest)
		if err != nil {
			return Appended{}, fmt.Errorf("append to %s: %w", l.partition, kerr.CorruptMessage)
		}
		rest = tail
		if h.ProducerID() < 0 {
			continue
		}
		i := infoOf(h, h.Records())
		p := ahead[i.id]
		l.mem.Lock()
		if p == nil && l.mem.producers != nil {
			p = l.mem.byID[i.id]
		}
		dup, err := p.check(&i, o)
		if err == nil && dup == nil && len(rest) > 0 {
			ahead = p.ahead(&i, ahead)
		}
		l.mem.Unlock()
		if err != nil {
			return Appended{}, fmt.Errorf("append to %s: %w", l.partition, err)
		}
		if dup != nil {
			return Appended{
				BaseOffset: dup.lastOffset - int64(dup.delta), LastOffset: dup.lastOffset,
				Timestamp: dup.timestamp, Duplicate: true,
			}, nil
		}
	}
	return Appended{}, nil
}

// ahead notes what p will be after a batch that is not in the log yet. Appends
// of several batches with producer ids are rare; the copies do not matter.
func (p *producer) ahead(i *batchInfo, m map[int64]*producer) map[int64]*producer {
	s := newProducers()
	if p != nil {
		q := *p
		s.byID[i.id] = &q
	}
	s.apply(i)
	if m == nil {
		m = map[int64]*producer{}
	}
	if q := s.byID[i.id]; q != nil {
		m[i.id] = q
	}
	return m
}

// write puts numbered batches [base, next) at the end. The caller holds wr.
func (l *Log) write(b []byte, base, next int64, run batchRun, nowMs int64) error {
	if err := l.dir.room(len(b), nowMs); err != nil {
		return err
	}
	c := l.config.Load()
	l.mem.Lock()
	seg := l.mem.active()
	roll := seg.full(c, len(b), next, run.maxTimestamp, nowMs)
	l.mem.Unlock()
	if roll {
		var err error
		if seg, err = l.roll(base, nowMs); err != nil {
			return err
		}
	}
	h, err := l.dir.files.acquireToWrite(seg)
	if err != nil {
		return l.dir.ioError("open "+seg.path(), err)
	}
	if n, err := h.f.WriteAt(b, seg.size); err != nil {
		err = l.cutShort(seg, h, n, err)
		h.release()
		return err
	}
	if page := l.publish(seg, h, b, next, run, nowMs, c); page {
		l.flushIndex(seg)
	}
	l.schedule(c, int64(len(b)))
	return nil
}

// full is Kafka's LogSegment.shouldRoll.
func (s *segment) full(c *Config, n int, next, maxTimestamp, nowMs int64) bool {
	if s.size == 0 {
		return false
	}
	if maxTimestamp < 0 {
		maxTimestamp = nowMs
	}
	waited := maxTimestamp - s.first
	return s.size > c.SegmentBytes-int64(n) ||
		waited > (c.SegmentAge-c.SegmentJitter).Milliseconds() ||
		s.idx.count()*8 >= c.MaxIndexBytes ||
		next-1-s.base > math.MaxInt32
}

// publish shows what has been written to readers. It takes over the reference
// on h. page says that the index has a page to write.
func (l *Log) publish(seg *segment, h *handle, b []byte, next int64, run batchRun, nowMs int64, c *Config) (page bool) {
	m := &l.mem
	m.Lock()
	defer m.Unlock()
	pos := seg.size
	if m.tail == nil {
		m.tail = new(tail)
	}
	seg.sparse = seg.sparse || run.sparse
	for rest := b; len(rest) > 0; {
		h, after, _ := record.Next(rest)
		rest = after
		offset := h.BaseOffset()
		seg.idx.note(offset-seg.base, pos, seg.max, c.IndexIntervalBytes)
		seg.note(offset, h.MaxTimestamp(), nowMs)
		m.tail.wrote(seg, offset, pos)
		if e := h.LeaderEpoch(); e > m.epochs.latest() {
			m.epochs.assign(e, offset)
		}
		if h.ProducerID() >= 0 {
			i := infoOf(h, h.Records())
			l.applyProducer(&i)
		}
		m.unsynced += h.NextOffset() - offset
		pos += int64(len(h))
	}
	m.tail.wrote(seg, next, pos)
	seg.verified.add(seg.size, pos)
	m.appended += pos - seg.size
	seg.size, seg.next, seg.modified = pos, next, nowMs
	m.wrote(seg, h)
	l.end.Store(next)
	return len(seg.idx.tail) >= pageEntries
}

// applyProducer takes a batch into the producer state. The caller holds mem.
func (l *Log) applyProducer(i *batchInfo) {
	m := &l.mem
	if m.producers == nil {
		m.producers = newProducers()
		m.producersFrom = i.base
	}
	m.apply(i)
	if i.transactional || i.control {
		m.passed(l.hw.Load())
		l.unstable.Store(m.firstUnstable())
	}
}

// cutShort removes what a failed write has left behind the end. If that fails
// too, nobody can tell what the file holds.
func (l *Log) cutShort(seg *segment, h *handle, n int, err error) error {
	if n > 0 || !isNoSpace(err) {
		if terr := h.f.Truncate(seg.size); terr != nil {
			l.dir.fail(fmt.Errorf("cut %s to %d bytes: %w", seg.path(), seg.size, terr))
		}
	}
	return l.dir.ioError("write "+seg.path(), err)
}

// schedule has the append synced, at once or in good time.
func (l *Log) schedule(c *Config, bytes int64) {
	if c.FlushBeforeAck || c.FlushMessages > 0 && l.unsyncedRecords() >= c.FlushMessages {
		l.dir.queue.push(l)
		return
	}
	l.dir.queue.pushLazy(l, bytes, c.FlushInterval)
}

func (l *Log) unsyncedRecords() int64 {
	l.mem.Lock()
	defer l.mem.Unlock()
	return l.mem.unsynced
}

// roll closes the active segment and begins one at base. The caller holds wr.
func (l *Log) roll(base, nowMs int64) (*segment, error) {
	seg := newSegment(l.path, base)
	seg.idx = newIndex(0)
	seg.modified = nowMs
	h, err := l.dir.files.create(seg)
	if err != nil {
		return nil, l.dir.ioError("create "+seg.path(), err)
	}
	l.mem.Lock()
	old := l.mem.active()
	old.sealed = true
	old.sparse = old.sparse || base > old.next
	l.mem.segments = append(l.mem.segments, seg)
	l.mem.newNames = true
	l.mem.Unlock()
	h.release()
	l.sealIndex(old)
	l.dir.touch(l)
	return seg, nil
}
