package log

import (
	"slices"
	"sync/atomic"
)

// savedState is what the state log holds of a log. Guarded by Dir.saving.
type savedState struct {
	touched atomic.Bool // in keeper.touched
	// force writes everything again: the last commit failed, or nothing is
	// known to be there.
	force      bool
	checkpoint checkpoint
	epochsRev  uint32
	epochs     epochs
	// The segment list is told by its ends: segments are only added at one end
	// and removed at the other; truncation forces.
	segmentsRev uint32
	segmentN    int
	segmentLo   int64
	// endRev is the revision of the snapshot of the last clean stop; endSpent
	// says that the log has moved on since, and that one does not count.
	endRev   uint32
	endSpent bool
	// snap is the snapshot in the state log; trying is one that the commit
	// under way adds, zero if none; pending are the bytes of one that waits
	// until what it covers is safe.
	snap, trying, waiting snapshotRef
	pending               []byte
}

// snapshotRef describes a snapshot of the producer state.
type snapshotRef struct {
	rev      uint32
	asOf     int64 // -1: none that counts
	appended int64 // logMem.appended then
	size     int64 // bytes
}

// Snapshots of producer states are written when so many bytes have been
// appended that recovery would take noticeable time, or a multiple of their
// own size.
const (
	snapshotEvery  = 4 << 20
	snapshotFactor = 32
)

// saveTouched writes the state of the logs that have changed.
func (d *Dir) saveTouched() error {
	logs := d.keep.takeTouched()
	if len(logs) == 0 || d.failure.Load() != nil {
		return nil
	}
	for _, l := range logs {
		l.saved.touched.Store(false)
	}
	return d.saveAll(logs, false)
}

// saveAll writes what has changed of the given logs: first the records that
// the checkpoints speak of, then the checkpoints, each durable before the next.
func (d *Dir) saveAll(logs []*Log, final bool) error {
	d.saving.Lock()
	defer d.saving.Unlock()
	for some := range slices.Chunk(logs, 1024) {
		if err := d.saveSome(some, final); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) saveSome(logs []*Log, final bool) error {
	var data, points stateBatch
	for _, l := range logs {
		if !l.gone.Load() {
			l.collect(&data, &points, final)
		}
	}
	err := d.state.commit(&data)
	if err == nil {
		err = d.state.commit(&points)
	}
	for _, l := range logs {
		l.saved.settle(err == nil)
	}
	if err == nil {
		return nil
	}
	for _, l := range logs {
		d.touch(l)
	}
	return d.ioError("write state log", err)
}

// settle takes note of how a commit has ended.
func (s *savedState) settle(ok bool) {
	if ok && s.trying.rev != 0 {
		s.snap, s.pending = s.trying, nil
	}
	s.trying = snapshotRef{}
	s.force = s.force || !ok
}

// collect adds the records of l that have changed. The caller holds saving.
func (l *Log) collect(data, points *stateBatch, final bool) {
	s, m, key := &l.saved, &l.mem, l.partition.String()
	m.Lock()
	defer m.Unlock()
	if s.force || !slices.Equal(s.epochs, m.epochs) {
		s.epochs = slices.Clone(m.epochs)
		s.epochsRev++
		data.add(key, kindEpochs, func(b []byte) []byte { return encodeEpochs(b, s.epochsRev, l.end.Load(), m.epochs) })
	}
	if lo, n := m.segments[0].base, len(m.segments)-1; s.force || s.segmentN != n || s.segmentLo != lo {
		s.segmentN, s.segmentLo = n, lo
		s.segmentsRev++
		data.add(key, kindSegments, func(b []byte) []byte { return encodeSegments(b, s.segmentsRev, m.segments) })
	}
	cp := checkpoint{
		topicID: l.topicID, session: l.dir.boot.session,
		start: l.start.Load(), hw: l.hw.Load(), point: m.durable,
		epochs: s.epochsRev, segments: s.segmentsRev, cutting: m.cutting, named: m.named,
	}
	l.collectProducers(&cp, data, key, final)
	if cp == s.checkpoint && !s.force {
		return
	}
	s.checkpoint, s.force = cp, false
	points.add(key, kindCheckpoint, cp.encode)
}

// collectProducers adds a snapshot of the producer state if one is due, and
// tells the checkpoint from where recovery has to replay.
func (l *Log) collectProducers(cp *checkpoint, data *stateBatch, key string, final bool) {
	s, m := &l.saved, &l.mem
	if final || !s.endSpent {
		s.endRev++
		s.endSpent = !final
	}
	cp.producers, cp.producersEnd, cp.producersFrom = s.snap.rev, s.endRev, -1
	if m.producers == nil {
		s.pending, s.snap.asOf = nil, -1
		return
	}
	end := l.end.Load()
	if final {
		data.add(key, kindProducersEnd, func(b []byte) []byte { return m.producers.encode(b, s.endRev, end) })
	}
	due := max(l.dir.snapshotEvery, s.snap.size*snapshotFactor)
	if s.pending == nil && !m.cutting && m.appended-s.snap.appended >= due {
		s.pending = m.producers.encode(nil, s.snap.rev+1, end)
		s.waiting = snapshotRef{rev: s.snap.rev + 1, asOf: end, appended: m.appended, size: int64(len(s.pending))}
	}
	// The snapshot must not pass what a power cut, or a truncation to the high
	// watermark, leaves: state cannot be rolled back.
	if s.pending != nil && s.waiting.asOf <= min(m.durable.offset, l.hw.Load()) {
		s.trying = s.waiting
		data.add(key, kindProducers, func(b []byte) []byte { return append(b, s.pending...) })
		cp.producers, cp.producersFrom = s.trying.rev, s.trying.asOf
		return
	}
	cp.producersFrom = s.snap.asOf
	if s.snap.asOf < 0 {
		cp.producersFrom = m.producersFrom
	}
}

// finish makes everything durable for a clean stop. The caller holds wr and
// syncing.
func (l *Log) finish() error {
	if l.gone.Load() {
		return nil
	}
	return l.flushLocked()
}
