package log

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// TruncateTo removes the records from offset o on. A batch that holds o goes as
// a whole, so the log may end below o. The result is durable on return. Epochs,
// producers and indexes follow. Below StartOffset it is TruncateFullyAndStartAt.
func (l *Log) TruncateTo(o int64) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	if o >= l.end.Load() {
		return nil
	}
	if o < l.start.Load() {
		return l.restartAt(o)
	}
	p, err := l.cutPlace(o)
	if err != nil {
		return err
	}
	if err := l.flushLocked(); err != nil {
		return err
	}
	gone, to := l.retreat(p)
	// The state log must not vouch for what is about to go.
	err = l.saveNow()
	if err == nil {
		err = l.cutFiles(p.seg, gone)
	}
	if err == nil {
		err = l.restore(to)
	}
	if err != nil {
		return l.dir.undone("truncate "+l.path, err)
	}
	l.dir.logger.Info("log truncated", "partition", l.partition.String(), "asked", o, "endOffset", to.offset)
	return nil
}

// cutPlace finds where to cut for offset o, damage or not.
func (l *Log) cutPlace(o int64) (place, error) {
	p, err := l.locate(o)
	if err == nil || !errors.Is(err, kerr.CorruptMessage) {
		return p, err
	}
	l.mem.Lock()
	defer l.mem.Unlock()
	s := l.mem.segments[l.mem.floor(o)]
	return place{seg: s, pos: s.size, base: s.next}, nil
}

// retreat takes everything from p on out of memory, and returns the segments
// behind and the new end.
func (l *Log) retreat(p place) (gone []*segment, to mark) {
	m := &l.mem
	m.Lock()
	defer m.Unlock()
	n := m.floor(p.seg.base) + 1
	gone = append(gone, m.segments[n:]...)
	m.segments = append([]*segment(nil), m.segments[:n]...)
	s := p.seg
	s.size, s.next, s.sealed = p.pos, p.base, false
	s.verified.cut(p.pos)
	for len(s.bad) > 0 && s.bad[len(s.bad)-1].end > p.pos {
		s.bad = s.bad[:len(s.bad)-1]
	}
	s.idx = newIndex(p.pos)
	m.tail = nil
	m.epochs.cutEnd(p.base)
	m.cutting = true
	m.cuts++
	m.producersFrom = min(m.producersFrom, p.base)
	m.durable = m.endMark()
	l.end.Store(p.base)
	l.durable.Store(p.base)
	l.hw.Store(min(l.hw.Load(), p.base))
	return gone, m.durable
}

// saveNow writes the state of this log alone, without its producer snapshot:
// what it covers may be gone. The caller holds syncing.
func (l *Log) saveNow() error {
	d := l.dir
	d.saving.Lock()
	defer d.saving.Unlock()
	s := &l.saved
	s.force, s.pending = true, nil
	if s.snap.asOf > l.end.Load() {
		s.snap.asOf = -1
		s.snap.rev++ // the one in the state log does not count any more
	}
	return d.saveSome([]*Log{l}, false)
}

// cutFiles removes segments, newest first, and cuts the one that is active now.
func (l *Log) cutFiles(s *segment, gone []*segment) error {
	if err := l.removeSegments(gone); err != nil {
		return err
	}
	if err := l.dropIndex(s); err != nil {
		return err
	}
	h, err := l.dir.files.acquire(s)
	if err != nil {
		return l.dir.ioError("open "+s.path(), err)
	}
	defer h.release()
	if err = h.f.Truncate(s.size); err == nil {
		// Before new batches are written there: a mix of old and new could pass
		// for a log after a power cut.
		err = h.f.Sync()
	}
	if err == nil {
		err = l.fs().SyncDir(l.path)
	}
	if err != nil {
		return l.dir.ioError("truncate "+s.path(), err)
	}
	return nil
}

// restore makes the active segment's times and the producer state again as they
// were at the mark.
func (l *Log) restore(to mark) error {
	l.mem.Lock()
	s := l.mem.active()
	begin := l.mem.segments[0].base
	had := l.mem.producers != nil
	l.mem.Unlock()

	o := loader{l: l, name: l.partition.String()}
	r := &replayer{epochsFrom: math.MaxInt64, producersFrom: math.MaxInt64}
	if had {
		r.producers, r.producersFrom = l.snapshotBelow(to.offset)
		r.producersFrom = max(r.producersFrom, begin)
	}
	times := segmentTimes{first: noTimestamp, max: noTimestamp, maxBase: -1, modified: s.modified}
	l.mem.Lock()
	s.segmentTimes = times
	segments := l.mem.segments
	l.mem.Unlock()
	for i, seg := range segments {
		if seg == s || seg.next > r.producersFrom {
			if err := o.walkOne(r, i, seg.size, r.producersFrom, seg == s); err != nil {
				return err
			}
		}
	}
	l.mem.Lock()
	defer l.mem.Unlock()
	l.mem.durable = l.mem.endMark()
	l.mem.cutting = false
	if r.producers.empty() {
		l.mem.producers = nil
		l.unstable.Store(-1)
	} else {
		r.producers.passed(l.hw.Load())
		l.mem.producers = r.producers
		l.unstable.Store(r.producers.firstUnstable())
	}
	l.dir.touch(l)
	return nil
}

// snapshotBelow returns the producer state in the state log, if it does not pass
// the offset, and from where it has to be replayed.
func (l *Log) snapshotBelow(offset int64) (*producers, int64) {
	l.dir.saving.Lock()
	defer l.dir.saving.Unlock()
	snap := l.saved.snap
	if snap.asOf < 0 || snap.asOf > offset {
		return nil, -1
	}
	rev, asOf, v, ok := decodeProducers(l.dir.state.get(l.partition.String(), kindProducers))
	if !ok || rev != snap.rev || asOf != snap.asOf {
		return nil, -1
	}
	return v, asOf
}

// TruncateFullyAndStartAt empties the log; the next offset is o. It is durable
// on return.
func (l *Log) TruncateFullyAndStartAt(o int64) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	if o < 0 {
		return fmt.Errorf("truncate %s to %d: %w", l.partition, o, kerr.OffsetOutOfRange)
	}
	return l.restartAt(o)
}

func (l *Log) restartAt(o int64) error {
	if err := l.flushLocked(); err != nil {
		return err
	}
	if err := l.putMeta(o); err != nil {
		return err
	}
	seg := newSegment(l.path, o)
	seg.idx = newIndex(0)
	seg.modified = l.dir.keep.clock().UnixMilli()
	m := &l.mem
	m.Lock()
	gone := m.segments
	m.segments = []*segment{seg}
	m.tail, m.epochs, m.producers = nil, nil, nil
	m.cutting = true
	m.cuts++
	m.durable = m.endMark()
	for _, a := range []interface{ Store(int64) }{&l.start, &l.end, &l.durable, &l.hw} {
		a.Store(o)
	}
	l.unstable.Store(-1)
	m.Unlock()
	if err := l.replaceFiles(gone, seg); err != nil {
		return l.dir.undone("empty "+l.path, err)
	}
	m.Lock()
	m.cutting = false
	m.Unlock()
	l.dir.touch(l)
	l.dir.logger.Info("log emptied", "partition", l.partition.String(), "startOffset", o)
	return nil
}

// replaceFiles puts an empty segment in the place of all others, durably.
func (l *Log) replaceFiles(gone []*segment, seg *segment) error {
	if err := l.saveNow(); err != nil {
		return err
	}
	if err := l.removeSegments(gone); err != nil {
		return err
	}
	h, err := l.dir.files.create(seg)
	if err != nil {
		return err
	}
	defer h.release()
	if err := h.f.Sync(); err != nil {
		return err
	}
	return l.fs().SyncDir(l.path)
}

func removeIfThere(fsys vfs.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
