package log

import (
	"errors"
	"io"

	"github.com/headrace/headrace/internal/kafka/record"
)

// replayer collects what batches say beyond their bytes.
type replayer struct {
	epochs        epochs
	epochsFrom    int64  // batches from here on are taken
	spare         epochs // loaded entries that may be taken back at the end
	producers     *producers
	producersFrom int64
	buf           []byte
}

// replayer decides from where epochs and producers have to be replayed.
func (o *loader) replayer(point mark) *replayer {
	l, s := o.l, o.l.dir.state
	begin := l.mem.segments[0].base
	r := &replayer{epochsFrom: begin, producersFrom: begin}
	if !o.cpOK {
		l.saved.force = true
		return r
	}
	if rev, asOf, v, ok := decodeEpochs(s.get(o.name, kindEpochs)); ok && rev >= o.cp.epochs {
		l.saved.epochsRev, l.saved.epochs = rev, append(epochs(nil), v...)
		r.epochsFrom = max(begin, min(asOf, point.offset))
		r.epochs, r.spare = v, append(epochs(nil), v...)
		r.epochs.cutEnd(r.epochsFrom)
	}
	l.saved.epochsRev = max(l.saved.epochsRev, o.cp.epochs)
	o.replayProducers(r, point, begin)
	return r
}

// replayProducers picks the snapshot to begin with. The one of a clean stop is
// as of the end of the log; the other one may lie anywhere below the recovery
// point, or above it if the checkpoint that goes with it was lost.
func (o *loader) replayProducers(r *replayer, point mark, begin int64) {
	s, saved := o.l.dir.state, &o.l.saved
	saved.snap, saved.endRev = snapshotRef{rev: o.cp.producers, asOf: -1}, o.cp.producersEnd
	if o.cp.producersFrom < 0 {
		r.producersFrom = point.offset
		return
	}
	b := s.get(o.name, kindProducers)
	rev, asOf, v, ok := decodeProducers(b)
	switch {
	case ok && rev >= o.cp.producers && asOf >= o.cp.producersFrom:
		saved.snap = snapshotRef{rev: rev, asOf: asOf, size: int64(len(b))}
		r.producers, r.producersFrom = v, max(begin, asOf)
	case o.cp.producers == 0:
		r.producersFrom = max(begin, min(o.cp.producersFrom, point.offset))
		o.l.mem.producersFrom = r.producersFrom
	}
	rev, asOf, v, ok = decodeProducers(s.get(o.name, kindProducersEnd))
	if ok && rev == o.cp.producersEnd && asOf == point.offset && asOf >= r.producersFrom {
		r.producers, r.producersFrom = v, asOf
	}
}

// take takes one sound batch.
func (r *replayer) take(w *walker, it item) error {
	if e := it.hdr.LeaderEpoch(); it.base >= r.epochsFrom && e > r.epochs.latest() {
		r.epochs.assign(e, it.base)
	}
	if it.base < r.producersFrom || it.hdr.ProducerID() < 0 {
		return nil
	}
	var records []byte
	i := infoOf(it.hdr, nil)
	if i.control {
		const enough = 256
		r.buf = append(r.buf[:0], make([]byte, min(enough, it.end-it.pos-record.HeaderSize))...)
		if _, err := w.f.ReadAt(r.buf, it.pos+record.HeaderSize); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		records = r.buf
		i.marker = parseMarker(records)
	}
	if r.producers == nil {
		r.producers = newProducers()
	}
	r.producers.apply(&i)
	return nil
}
