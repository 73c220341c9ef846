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
	segmentsRev      uint32
	segmentN         int
	segmentLo        int64
	producersRev     uint32
	snapshotAsOf     int64  // of the snapshot in the state log; -1: there is none that counts
	snapshotAppended int64  // logMem.appended then
	snapshotSize     int64  // bytes
	pending          []byte // a snapshot that waits until what it covers is safe
	pendingAsOf      int64
	pendingAppended  int64
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
	if err == nil {
		return nil
	}
	for _, l := range logs {
		l.saved.force = true
		d.touch(l)
	}
	return d.ioError("write state log", err)
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
		epochs: s.epochsRev, segments: s.segmentsRev,
	}
	cp.producersFrom = l.collectProducers(data, key, final)
	cp.producers = s.producersRev
	if cp == s.checkpoint && !s.force {
		return
	}
	s.checkpoint, s.force = cp, false
	points.add(key, kindCheckpoint, cp.encode)
}

// collectProducers adds a snapshot of the producer state if one is due, and
// returns the offset from which recovery has to replay; -1: no producers.
func (l *Log) collectProducers(data *stateBatch, key string, final bool) (from int64) {
	s, m := &l.saved, &l.mem
	if m.producers == nil {
		s.pending, s.snapshotAsOf = nil, -1
		return -1
	}
	due := max(snapshotEvery, s.snapshotSize*snapshotFactor)
	grown := m.appended - s.snapshotAppended
	end := l.end.Load()
	switch {
	case s.force && s.snapshotAsOf >= 0, final && (s.snapshotAsOf < 0 || grown > 0):
		s.pending = m.producers.encode(nil, s.producersRev+1, end)
		s.pendingAsOf, s.pendingAppended = end, m.appended
	case s.pending == nil && grown >= due:
		s.pending = m.producers.encode(nil, s.producersRev+1, end)
		s.pendingAsOf, s.pendingAppended = end, m.appended
	}
	// A snapshot must not pass what a power cut or a truncation to the high
	// watermark leaves: state cannot be rolled back from it.
	safe := m.durable.offset
	if !final {
		safe = min(safe, l.hw.Load())
	}
	if s.pending != nil && s.pendingAsOf <= safe {
		s.producersRev++
		data.add(key, kindProducers, func(b []byte) []byte { return append(b, s.pending...) })
		s.snapshotSize = int64(len(s.pending))
		s.snapshotAsOf, s.snapshotAppended, s.pending = s.pendingAsOf, s.pendingAppended, nil
	}
	if s.snapshotAsOf >= 0 {
		return s.snapshotAsOf
	}
	return m.producersFrom
}

// finish makes everything durable for a clean stop. The caller holds wr and
// syncing.
func (l *Log) finish() error {
	if l.gone.Load() {
		return nil
	}
	return l.flushLocked()
}
