package log

import (
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// DeleteRecordsBefore moves the start of the log to o, at most to the high
// watermark. The new start is durable on return; whole segments below it go
// with the next Retain. An o below the start changes nothing.
func (l *Log) DeleteRecordsBefore(o int64) (newStart int64, err error) {
	l.wr.Lock()
	defer l.wr.Unlock()
	if err := l.check(); err != nil {
		return 0, err
	}
	if o > l.hw.Load() {
		return 0, fmt.Errorf("delete records of %s before %d, above the high watermark %d: %w",
			l.partition, o, l.hw.Load(), kerr.OffsetOutOfRange)
	}
	if o > l.start.Load() {
		err = l.moveStart(o)
	} else {
		err = l.settleStart()
	}
	if err != nil {
		return 0, err
	}
	return l.start.Load(), nil
}

// settleStart makes the start offset durable that recovery has found: the
// process that moved it may have been killed before it was. The caller holds wr.
func (l *Log) settleStart() error {
	l.mem.Lock()
	settled := !l.mem.newMeta
	l.mem.Unlock()
	if settled {
		return nil
	}
	return l.flush()
}

// moveStart makes a new start offset durable and puts it in force. The caller
// holds wr.
func (l *Log) moveStart(o int64) error {
	if err := l.putMeta(o); err != nil {
		return err
	}
	l.setStart(o)
	d := l.dir
	d.saving.Lock()
	defer d.saving.Unlock()
	err := d.saveSome([]*Log{l}, false)
	if isNoSpace(err) {
		return nil // partition.metadata has it, and must not keep space from being freed
	}
	return err
}

func (l *Log) setStart(o int64) {
	l.mem.Lock()
	defer l.mem.Unlock()
	l.start.Store(o)
	l.mem.epochs.cutStart(o)
	if l.mem.producers != nil {
		l.mem.cutStart(o)
	}
}

// Retain removes the oldest segments as Kafka's retention does (UnifiedLog.
// deleteOldSegments): those below the start offset, and by RetentionBytes and
// RetentionAge where the topic's policy has delete. Nothing at or above the last
// stable offset goes. If all segments are due, a new one is begun. It also
// forgets producers that have expired. It returns the number of segments.
func (l *Log) Retain(now time.Time) (deleted int, err error) {
	l.wr.Lock()
	gone, err := l.retire(millis(now))
	l.wr.Unlock()
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	// Unlinking a large file takes long; the log does not wait for it. Oldest
	// first: what a crash leaves is a log without its beginning.
	for i, s := range gone {
		l.dir.files.drop(s)
		for _, name := range []string{s.indexPath(), s.path()} {
			if err := removeIfThere(l.fs(), name); err != nil {
				return i, l.dir.ioError("remove "+name, err)
			}
		}
	}
	return len(gone), nil
}

// retire takes the segments that are due out of the log. Its start is durable
// before they may be unlinked.
func (l *Log) retire(nowMs int64) ([]*segment, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	c := l.config.Load()
	l.expireProducers(c, nowMs)
	n := l.dueSegments(c, nowMs)
	if n == 0 {
		return nil, nil
	}
	l.mem.Lock()
	all := n == len(l.mem.segments)
	l.mem.Unlock()
	if all {
		if _, err := l.roll(l.end.Load(), nowMs); err != nil {
			return nil, err
		}
	}
	if err := l.keepProducers(n); err != nil {
		return nil, err
	}
	l.mem.Lock()
	start := max(l.start.Load(), l.mem.segments[n].base)
	l.mem.Unlock()
	if start > l.start.Load() {
		if err := l.moveStart(start); err != nil {
			return nil, err
		}
	}
	l.mem.Lock()
	gone := l.mem.segments[:n:n]
	l.mem.segments = append([]*segment(nil), l.mem.segments[n:]...)
	l.mem.tail = nil
	l.mem.Unlock()
	l.dir.logger.Info("old segments removed", "partition", l.partition.String(), "segments", n, "startOffset", start)
	l.dir.touch(l)
	return gone, nil
}

// keepProducers makes the producer state durable before the n oldest segments
// go, from which alone it could be made again: the state as of the first offset
// that stays, which no truncation undoes.
func (l *Log) keepProducers(n int) error {
	l.mem.Lock()
	has, segments := l.mem.producers != nil, l.mem.segments
	base, begin := segments[n].base, segments[0].base
	l.mem.Unlock()
	d := l.dir
	d.saving.Lock()
	covered := l.saved.snap.asOf >= base
	d.saving.Unlock()
	if !has || covered {
		return nil
	}
	if l.durable.Load() < base {
		if err := l.flush(); err != nil {
			return err
		}
	}
	o := loader{l: l}
	r := &replayer{epochsFrom: math.MaxInt64}
	r.producers, r.producersFrom = l.snapshotBelow(base)
	for i, s := range segments[:n] {
		if s.next > max(r.producersFrom, begin) {
			if err := o.walkOne(r, i, s.size, r.producersFrom, false); err != nil {
				return err
			}
		}
	}
	if r.producers == nil {
		r.producers = newProducers()
	}
	d.saving.Lock()
	defer d.saving.Unlock()
	s := &l.saved
	s.waiting = snapshotRef{rev: s.snap.rev + 1, asOf: base, appended: s.snap.appended}
	s.pending = r.producers.encode(nil, s.waiting.rev, base)
	s.waiting.size = int64(len(s.pending))
	if err := d.saveSome([]*Log{l}, false); err != nil && !isNoSpace(err) {
		return err
	}
	return nil
}

// dueSegments counts the segments to remove.
func (l *Log) dueSegments(c *Config, nowMs int64) int {
	stable, start := l.LastStableOffset(), l.start.Load()
	l.mem.Lock()
	defer l.mem.Unlock()
	var excess int64 = -1
	if c.DeleteEnabled && c.RetentionBytes > 0 {
		excess = -c.RetentionBytes
		for _, s := range l.mem.segments {
			excess += s.size
		}
	}
	n := 0
	for i, s := range l.mem.segments {
		last := i == len(l.mem.segments)-1
		if s.next > stable || last && s.size == 0 {
			break
		}
		if !last && l.mem.segments[i+1].base > stable {
			break
		}
		below := !last && l.mem.segments[i+1].base <= start
		big := excess >= s.size && s.size > 0
		old := c.DeleteEnabled && c.RetentionAge > 0 && nowMs-s.largest() > c.RetentionAge.Milliseconds()
		if !below && !big && !old {
			break
		}
		if excess >= 0 {
			excess -= s.size
		}
		n++
	}
	return n
}

// expireProducers forgets silent producers (producer.id.expiration.ms).
func (l *Log) expireProducers(c *Config, nowMs int64) {
	l.mem.Lock()
	defer l.mem.Unlock()
	if l.mem.producers == nil {
		return
	}
	l.mem.expire(nowMs, c.ProducerExpiry.Milliseconds())
	if l.mem.producers.empty() {
		l.mem.producers = nil
	}
}
