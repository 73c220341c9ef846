package log

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// load builds the log from its files. What the state log vouches for is taken
// as it is; the rest is walked:
//
//   - headers only, from where epochs or producers are not known, up to the
//     recovery point;
//   - with checksums, from the recovery point to the end, where the log may be
//     torn.
func (o *loader) load() error {
	l := o.l
	segments, ok := o.listKnown()
	if !ok {
		var err error
		if segments, err = o.list(); err != nil {
			return err
		}
	}
	if err := o.dropOrphans(&segments); err != nil {
		return err
	}
	if len(segments) == 0 {
		start := max(o.start, o.cp.start)
		if err := l.begin(start); err != nil {
			return err
		}
		l.saved.force = true
		l.mem.newMeta = true
		if o.cp.point.offset > start {
			return o.skipTo(o.cp.point.offset)
		}
		return nil
	}
	point := o.adopt(segments)
	l.mem.segments = segments
	o.start = max(o.start, segments[0].base)

	r := o.replayer(point)
	if err := o.walkHeaders(r, point); err != nil {
		return err
	}
	changed, err := o.walkTail(r, point)
	if err != nil {
		return err
	}
	return o.finish(r, changed || o.cp.cutting)
}

// dropOrphans removes segments whose beginning a power cut has lost: names
// become durable one by one, and the first segment's was not. Nothing in them
// was acknowledged as durable, for that takes all names before them.
func (o *loader) dropOrphans(segments *[]*segment) error {
	v := *segments
	if len(v) == 0 || v[0].base <= o.start || !o.rebooted || o.cpOK && o.cp.point.offset > o.start {
		return nil
	}
	o.l.dir.logger.Warn("segments without the beginning of their log removed", "partition", o.name,
		"startOffset", o.start, "baseOffset", v[0].base)
	*segments = nil
	return o.l.removeSegments(v)
}

// adopt gives the segments what the state log knows of them, and returns the
// recovery point: the place from which checksums have to be checked.
func (o *loader) adopt(segments []*segment) mark {
	compacted := o.l.config.Load().CompactionEnabled
	for i, s := range segments {
		s.sealed = i < len(segments)-1
		s.sparse = compacted && !o.cpOK
		if k, ok := o.known[s.base]; ok && o.cpOK && s.base < o.cp.point.base {
			s.segmentTimes, s.sparse = k.segmentTimes, k.sparse
			if k.size != s.size {
				s.first, s.max, s.maxBase = noTimestamp, noTimestamp, -1
			}
		}
		if s.sealed {
			s.next = segments[i+1].base
		}
	}
	p := o.cp.point
	if o.cpOK {
		for _, s := range segments {
			if s.base == p.base && s.size >= p.pos {
				s.sparse = p.sparse
				if !o.cp.cutting { // else they are those before the cut
					s.segmentTimes = p.segmentTimes
				}
				return p
			}
		}
		o.l.dir.logger.Error("log is shorter than what was durable: all of it is checked",
			"partition", o.name, "durableOffset", p.offset)
	}
	s := segments[0]
	return mark{offset: s.base, base: s.base, segmentTimes: s.segmentTimes, sparse: s.sparse}
}

// walkHeaders reads headers below the recovery point where something about them
// is not known.
func (o *loader) walkHeaders(r *replayer, point mark) error {
	from := min(r.epochsFrom, r.producersFrom)
	for i, s := range o.l.mem.segments {
		if s.base > point.base {
			break
		}
		untimed := s.base < point.base && s.max < 0 && s.size > 0
		end, next := s.size, s.next
		if s.base == point.base {
			untimed, end, next = o.cp.cutting, point.pos, point.offset
		}
		if !untimed && next <= from {
			continue
		}
		if err := o.walkOne(r, i, end, from, untimed); err != nil {
			return err
		}
	}
	return nil
}

func (o *loader) walkOne(r *replayer, i int, end, from int64, untimed bool) error {
	s, d := o.l.mem.segments[i], o.l.dir
	h, err := d.files.acquire(s)
	if err != nil {
		return d.ioError("open "+s.path(), err)
	}
	defer h.release()
	w := newWalker(h.f, end, scanChunk)
	defer w.close()
	pos, expected := int64(0), s.base
	modified := s.modified
	for {
		it, err := w.step(pos, expected, rules{sparse: s.sparse})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return d.ioError("read "+s.path(), err)
		}
		if !it.bad {
			if untimed {
				s.note(it.base, it.hdr.MaxTimestamp(), modified)
			}
			if it.next > from {
				if err := r.take(w, it); err != nil {
					return d.ioError("read "+s.path(), err)
				}
			}
		}
		pos, expected = it.end, it.next
	}
}

// walkTail checks everything behind the recovery point, and cuts or marks what
// is damaged. changed says that there was something.
func (o *loader) walkTail(r *replayer, point mark) (changed bool, err error) {
	l := o.l
	pos, expected := point.pos, point.offset
	for i := 0; i < len(l.mem.segments); i++ {
		s := l.mem.segments[i]
		if s.base < point.base {
			continue
		}
		if s.base > point.base {
			pos = 0
			keep, err := o.joins(i, expected)
			if err != nil {
				return changed, err
			}
			if !keep {
				return true, o.cut(i, -1, expected)
			}
			expected = s.base
		}
		if s.size > pos || s.base > point.base {
			changed = true
		}
		s.next = expected
		stop, err := o.walkSegment(r, i, pos, expected)
		if err != nil || stop {
			return true, err
		}
		expected = s.next
	}
	return changed, nil
}

// joins decides whether segment i may follow the offset at which the one before
// it ends. keep is false if a power cut has lost what was between.
func (o *loader) joins(i int, expected int64) (keep bool, err error) {
	l := o.l
	s, before := l.mem.segments[i], l.mem.segments[i-1]
	switch {
	case s.base < expected:
		return false, fmt.Errorf("segment %s begins before offset %d, where the one before it ends: %w", s.path(), expected, kerr.KafkaStorageError)
	case s.base == expected || before.sparse:
		return true, nil
	case o.rebooted:
		return false, nil
	}
	// The machine was not down, so these offsets were there: keep their place.
	l.damaged(before, item{pos: before.size, end: before.size, base: expected, next: s.base})
	before.next = s.base
	return true, nil
}

// walkSegment checks segment i from pos on. stop says that the log was cut
// there.
func (o *loader) walkSegment(r *replayer, i int, pos, expected int64) (stop bool, err error) {
	s, d := o.l.mem.segments[i], o.l.dir
	if pos >= s.size {
		return false, nil
	}
	h, err := d.files.acquire(s)
	if err != nil {
		return false, d.ioError("open "+s.path(), err)
	}
	defer h.release()
	w := newWalker(h.f, s.size, scanChunk)
	defer w.close()
	modified := s.modified
	for {
		it, err := w.step(pos, expected, rules{sparse: s.sparse, crc: true})
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, d.ioError("read "+s.path(), err)
		}
		if it.bad {
			torn, err := o.torn(w, it, i)
			if err != nil {
				return false, d.ioError("read "+s.path(), err)
			}
			if torn {
				return true, o.cut(i, pos, expected)
			}
			if it.last && i+1 < len(o.l.mem.segments) {
				it.next = o.l.mem.segments[i+1].base
			}
			o.l.damaged(s, it)
		} else {
			s.note(it.base, it.hdr.MaxTimestamp(), modified)
			s.verified.add(it.pos, it.end)
			if err := r.take(w, it); err != nil {
				return false, d.ioError("read "+s.path(), err)
			}
		}
		pos, expected = it.end, it.next
		s.next = expected
	}
}

// cut ends the log at pos of segment i, offset end: later segments go, newest
// first, so that what a crash leaves is always a log without its end. A pos of
// -1 removes segment i too.
func (o *loader) cut(i int, pos, end int64) error {
	l := o.l
	l.dir.logger.Warn("log cut to the end of its last whole batch", "partition", o.name, "offset", end)
	first := i + 1
	l.recovered = Recovery{Cut: true, CutAt: end}
	if pos < 0 {
		first = i
	} else {
		l.recovered.CutBytes = l.mem.segments[i].size - pos
	}
	for _, s := range l.mem.segments[first:] {
		l.recovered.CutBytes += s.size
	}
	if err := l.removeSegments(l.mem.segments[first:]); err != nil {
		return err
	}
	l.mem.segments = l.mem.segments[:first]
	s := l.mem.active()
	s.sealed, s.next = false, end
	if pos < 0 {
		return nil
	}
	h, err := l.dir.files.acquire(s)
	if err != nil {
		return l.dir.ioError("open "+s.path(), err)
	}
	defer h.release()
	if err := h.f.Truncate(pos); err != nil {
		return l.dir.ioError("truncate "+s.path(), err)
	}
	s.size = pos
	s.verified.cut(pos)
	return nil
}

// removeSegments unlinks segments and their indexes, newest first.
func (l *Log) removeSegments(v []*segment) error {
	for _, v0 := range slices.Backward(v) {
		l.dir.files.drop(v0)
		for _, name := range []string{v0.indexPath(), v0.path()} {
			if err := removeIfThere(l.fs(), name); err != nil {
				return l.dir.ioError("remove "+name, err)
			}
		}
	}
	return nil
}

// finish makes what was found durable and puts it in force.
func (o *loader) finish(r *replayer, changed bool) error {
	l := o.l
	if changed {
		if err := o.syncTail(); err != nil {
			return err
		}
	}
	active := l.mem.active()
	active.sealed, active.idx = false, newIndex(active.size)
	end := active.next
	for _, e := range r.spare { // epochs without a batch
		if e.start <= end && e.epoch > r.epochs.latest() {
			r.epochs.assign(e.epoch, e.start)
		}
	}
	start := max(o.start, l.mem.segments[0].base)
	r.epochs.cutStart(start)
	l.mem.epochs = r.epochs
	l.mem.durable = l.mem.endMark()
	// What the last process wrote, and did not sync, may be in memory only. Below
	// the recovery point that is not the records, but it can be names: they
	// become durable before the durable offset moves.
	l.mem.named = o.clean || changed || o.cp.named && o.start <= o.cp.start
	l.mem.newNames, l.mem.newMeta = !l.mem.named, !l.mem.named
	l.start.Store(min(start, max(end, o.start)))
	l.end.Store(max(end, l.start.Load()))
	l.durable.Store(l.end.Load())
	l.hw.Store(min(max(o.cp.hw, l.start.Load()), l.end.Load()))
	if r.producers != nil && !r.producers.empty() {
		r.producers.cutStart(start)
		r.producers.passed(l.hw.Load())
		l.mem.producers = r.producers
		l.mem.producersFrom = max(l.mem.producersFrom, l.mem.segments[0].base)
		l.unstable.Store(r.producers.firstUnstable())
	}
	l.saved.checkpoint = o.cp
	l.saved.segmentN = -1
	if lost := o.cp.point.offset; o.cpOK && end < lost || end < o.start {
		return o.skipTo(max(lost, o.start))
	}
	return nil
}

// skipTo begins a segment at next, behind the end that was found. Offsets that
// were durable and are lost are not given out again; those below the log's
// start, in a log that was never synced so far, nobody misses.
func (o *loader) skipTo(next int64) error {
	l := o.l
	s := l.mem.active()
	lost := o.cp.point.offset > s.next
	if lost {
		l.dir.logger.Error("durable records are missing: their offsets stay unused",
			"partition", o.name, "firstOffset", s.next, "nextOffset", next)
		l.damaged(s, item{pos: s.size, end: s.size, base: s.next, next: next})
	}
	hw := l.hw.Load()
	if _, err := l.roll(next, l.dir.keep.clock().UnixMilli()); err != nil {
		return err
	}
	l.mem.Lock()
	s.sparse = s.sparse && !lost // roll takes the gap for a legal one
	l.mem.Unlock()
	l.end.Store(next)
	l.hw.Store(hw)
	return l.flush()
}

// syncTail ends recovery: before this, what was read may be in memory only.
func (o *loader) syncTail() error {
	l := o.l
	for _, s := range l.mem.segments {
		if o.cpOK && s.base < o.cp.point.base {
			continue
		}
		h, err := l.dir.files.acquire(s)
		if err != nil {
			return l.dir.ioError("open "+s.path(), err)
		}
		err = h.f.Sync()
		h.release()
		if err != nil {
			return l.dir.ioError("sync "+s.path(), err)
		}
	}
	err := syncFile(l.fs(), l.path+"/"+metaName)
	if err == nil {
		err = l.fs().SyncDir(l.path)
	}
	if err != nil {
		return l.dir.ioError("sync "+l.path, err)
	}
	return nil
}
