package log

import (
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Range is a run of whole batches in one segment file. Its holder keeps the
// file open and must Release it. It may be handed to another goroutine, but not
// used by two at once.
type Range struct {
	dir  *Dir
	h    *handle
	pos  int64
	n    int
	from int64
	next int64
}

// Len is the number of bytes. It is 0 where there is nothing to read yet.
func (r *Range) Len() int { return r.n }

// Pos is where the range begins in the file.
func (r *Range) Pos() int64 { return r.pos }

// NextOffset is the offset to read from after this range.
func (r *Range) NextOffset() int64 { return r.next }

// Fd returns the file's descriptor for sendfile with an explicit offset; ok is
// false where there is none. It is valid until Release.
func (r *Range) Fd() (fd uintptr, ok bool) {
	if r.h == nil {
		return 0, false
	}
	return r.h.f.Fd()
}

// ReadAt reads bytes of the range, off counting from its start. It has the
// contract of io.ReaderAt. Errors of the disk wrap kerr.KafkaStorageError.
func (r *Range) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(r.n) {
		return 0, io.EOF
	}
	short := int64(len(p)) > int64(r.n)-off
	if short {
		p = p[:int64(r.n)-off]
	}
	n, err := r.h.f.ReadAt(p, r.pos+off)
	switch {
	case err == nil && short:
		err = io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		err = r.dir.ioError("read "+r.h.seg.path(), err)
	}
	return n, err
}

// Failed is told the error that the kernel met in the range's file while it sent
// it by Fd, and does and returns what ReadAt would have. The range must not have
// been released.
func (r *Range) Failed(err error) error {
	return r.dir.ioError("send "+r.h.seg.path(), err)
}

// Release lets go of the file. A second call does nothing.
func (r *Range) Release() {
	if r.h != nil {
		r.h.release()
		r.h = nil
	}
	r.n = 0
}

// place is what locate finds.
type place struct {
	seg  *segment
	pos  int64 // of the batch that holds the offset, or the segment's end
	base int64 // the batch's base offset; the segment's next offset at its end
}

// Read finds the batches that hold the offsets from `from` on and lie below
// upTo as a whole, at most maxBytes of them and at most to the end of a
// segment; minOne allows the first batch to be larger than that. The first
// batch is the one that holds from, so it may begin below. An empty Range says
// that there is nothing to read yet.
//
// Bytes that this process has neither written nor checked are checked here.
// Errors wrap kerr.OffsetOutOfRange below StartOffset and above EndOffset,
// CorruptMessage where the offset is damaged, and KafkaStorageError.
func (l *Log) Read(from int64, maxBytes int, upTo int64, minOne bool) (Range, error) {
	r, err := l.read(from, maxBytes, upTo, minOne)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return r, err
	}
	// A file is shorter than it was: mark what is gone.
	if err := l.lookAt(from); err != nil {
		return Range{}, err
	}
	return l.read(from, maxBytes, upTo, minOne)
}

func (l *Log) read(from int64, maxBytes int, upTo int64, minOne bool) (Range, error) {
	if err := l.check(); err != nil {
		return Range{}, err
	}
	start, end := l.start.Load(), l.end.Load()
	if from < start || from > end {
		return Range{}, fmt.Errorf("read %s at %d, which holds [%d, %d): %w", l.partition, from, start, end, kerr.OffsetOutOfRange)
	}
	upTo = min(upTo, end)
	if from >= upTo {
		return Range{next: from}, nil
	}
	p, err := l.locate(from)
	if err != nil {
		return Range{}, err
	}
	h, err := l.dir.files.acquire(p.seg)
	if err != nil {
		if l.start.Load() > from {
			return Range{}, fmt.Errorf("read %s at %d: %w", l.partition, from, kerr.OffsetOutOfRange)
		}
		return Range{}, l.dir.ioError("open "+p.seg.path(), err)
	}
	r := Range{dir: l.dir, h: h, pos: p.pos, from: p.base, next: from}
	if err := l.extend(&r, p, maxBytes, upTo, minOne); err != nil {
		r.Release()
		return Range{}, err
	}
	return r, nil
}

// extend sets the range's end.
func (l *Log) extend(r *Range, p place, maxBytes int, upTo int64, minOne bool) error {
	limit, next, err := l.endBelow(p.seg, upTo)
	if err != nil || limit <= p.pos {
		return err
	}
	l.mem.Lock()
	if bad := p.seg.nextBad(p.pos); bad < limit {
		limit, next = bad, -1
	}
	l.mem.Unlock()
	if limit <= p.pos {
		return fmt.Errorf("read %s at %d: %w", l.partition, p.base, kerr.CorruptMessage)
	}
	if limit-p.pos > int64(maxBytes) {
		if limit, next, err = l.fit(r.h, p, p.pos+int64(maxBytes), limit, minOne); err != nil || limit <= p.pos {
			return err
		}
	}
	l.mem.Lock()
	_, unverified := p.seg.verified.missing(p.pos, limit)
	l.mem.Unlock()
	if unverified || next < 0 {
		if limit, next, err = l.verify(r.h, p, limit); err != nil {
			return err
		}
	}
	r.n, r.next = int(limit-p.pos), next
	l.mem.Lock()
	if l.mem.tail == nil {
		l.mem.tail = new(tail)
	}
	l.mem.tail.read(p.seg, next, limit)
	l.mem.Unlock()
	return nil
}

// locate finds the batch that holds offset, which the log has.
func (l *Log) locate(offset int64) (place, error) {
	l.mem.Lock()
	if l.mem.tail != nil {
		if n, ok := l.mem.tail.find(offset); ok && n.pos < n.seg.size && offset < n.seg.next {
			l.mem.Unlock()
			return place{n.seg, n.pos, offset}, nil
		}
	}
	i := l.mem.floor(offset)
	if i >= 0 {
		if b, bad := l.mem.segments[i].badOffset(offset); bad && b.pos < b.end {
			p := place{l.mem.segments[i], b.pos, b.first}
			l.mem.Unlock()
			return p, nil
		}
	}
	if i < 0 {
		l.mem.Unlock()
		return place{}, fmt.Errorf("read %s at %d: %w", l.partition, offset, kerr.OffsetOutOfRange)
	}
	seg := l.mem.segments[i]
	l.mem.Unlock()
	for {
		p, found, err := l.locateIn(seg, offset)
		if err != nil || found {
			return p, err
		}
		// Behind the segment's last batch: the next segment's first one, if
		// offsets may be missing between.
		l.mem.Lock()
		i := l.mem.floor(seg.base)
		if i < 0 || l.mem.segments[i] != seg || i+1 == len(l.mem.segments) || !seg.sparse {
			l.mem.Unlock()
			return place{}, fmt.Errorf("read %s at %d: %w", l.partition, offset, kerr.CorruptMessage)
		}
		seg = l.mem.segments[i+1]
		l.mem.Unlock()
	}
}

// locateIn finds the first batch of seg that ends above offset; found is false
// if all end below.
func (l *Log) locateIn(seg *segment, offset int64) (p place, found bool, err error) {
	if offset <= seg.base {
		l.mem.Lock()
		dense, size := !seg.sparse, seg.size
		l.mem.Unlock()
		if dense {
			return place{seg, 0, seg.base}, size > 0, nil
		}
	}
	for try := 0; ; try++ {
		e, size, err := l.lookup(seg, byOffset(offset-seg.base))
		if err != nil {
			return place{}, false, err
		}
		p, found, err = l.walkTo(seg, e, size, offset, try > 0)
		if !errors.Is(err, errBadIndex) {
			return p, found, err
		}
		if err := l.dropIndex(seg); err != nil {
			return place{}, false, err
		}
	}
}

// errBadIndex says that an entry led to the wrong place.
var errBadIndex = errors.New("index does not fit its segment")

// lookup asks the segment's index, loading it if need be. size is how much of
// the segment may be read.
func (l *Log) lookup(seg *segment, behind order) (e entry, size int64, err error) {
	for {
		page := -1
		l.mem.Lock()
		size = seg.size
		ready := seg.idx != nil
		if ready {
			e, page = seg.idx.find(behind)
			// Without the part before from, only an entry behind it is an answer.
			ready = seg.idx.from == 0 || e.pos > 0 || size == 0
		}
		l.mem.Unlock()
		if ready {
			if page >= 0 {
				e = findInPage(l.fs(), seg, page, e, behind)
			}
			return e, size, nil
		}
		if err := l.loadIndex(seg); err != nil {
			return entry{}, 0, err
		}
	}
}

// rulesFor are the rules of a walk over headers.
func (l *Log) rulesFor(seg *segment) rules {
	l.mem.Lock()
	defer l.mem.Unlock()
	return rules{sparse: seg.sparse}
}

// walkTo goes from an index entry to the first batch that ends above offset. If
// the index is fresh, damage at the entry is the segment's.
func (l *Log) walkTo(seg *segment, e entry, size, offset int64, fresh bool) (p place, found bool, err error) {
	pos, expected := int64(e.pos), seg.base+int64(e.rel)
	if pos >= size {
		return place{seg, pos, expected}, false, nil
	}
	h, err := l.dir.files.acquire(seg)
	if err != nil {
		return place{}, false, l.dir.ioError("open "+seg.path(), err)
	}
	defer h.release()
	w := newWalker(h.f, size, lookupChunk)
	defer w.close()
	r := l.rulesFor(seg)
	for {
		it, err := w.step(pos, expected, r)
		if errors.Is(err, io.EOF) && pos < size {
			err = io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) {
			return place{seg, pos, expected}, false, nil
		}
		if err != nil {
			return place{}, false, l.dir.ioError("read "+seg.path(), err)
		}
		if !fresh && pos == int64(e.pos) && pos > 0 && (it.bad || it.base != expected) {
			return place{}, false, errBadIndex
		}
		if it.next > offset {
			return place{seg, it.pos, it.base}, true, nil
		}
		pos, expected = it.end, it.next
	}
}

// endBelow returns where the batches of seg end that lie below upTo as a whole,
// and the offset that follows them.
func (l *Log) endBelow(seg *segment, upTo int64) (pos, next int64, err error) {
	l.mem.Lock()
	if upTo >= seg.next {
		pos, next = seg.size, seg.next
		l.mem.Unlock()
		return pos, next, nil
	}
	if l.mem.tail != nil {
		if n, ok := l.mem.tail.find(upTo); ok && n.seg == seg {
			l.mem.Unlock()
			return n.pos, upTo, nil
		}
	}
	l.mem.Unlock()
	p, _, err := l.locateIn(seg, upTo)
	return p.pos, p.base, err
}

// fit moves the end of a range down to the last end of a batch at or below want.
// If not even the first batch fits, it is taken alone or, without minOne, not.
func (l *Log) fit(h *handle, p place, want, limit int64, minOne bool) (pos, next int64, err error) {
	pos, next = p.pos, p.base
	e, _, err := l.lookup(p.seg, byPos(want))
	if err != nil {
		return 0, 0, err
	}
	if int64(e.pos) > pos {
		pos, next = int64(e.pos), p.seg.base+int64(e.rel)
	}
	w := newWalker(h.f, limit, lookupChunk)
	defer w.close()
	r := l.rulesFor(p.seg)
	for {
		it, err := w.step(pos, next, r)
		if errors.Is(err, io.EOF) && pos < limit {
			err = io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) {
			return pos, next, nil
		}
		if err != nil {
			return 0, 0, l.dir.ioError("read "+p.seg.path(), err)
		}
		if pos > p.pos && pos == int64(e.pos) && (it.bad || it.base != next) {
			// The entry or the batch is wrong: walk from the range's start.
			pos, next, e.pos = p.pos, p.base, 0
			continue
		}
		if it.bad { // verify tells how far to read, or that there is nothing
			if it.pos > p.pos {
				return it.pos, it.base, nil
			}
			return it.end, it.next, nil
		}
		if it.end > want && (pos > p.pos || !minOne) {
			return pos, next, nil
		}
		pos, next = it.end, it.next
		if it.end >= want {
			return pos, next, nil
		}
	}
}

// verify walks the batches in [p.pos, limit), checks those whose checksums this
// process has not seen, and returns where the sound ones end.
func (l *Log) verify(h *handle, p place, limit int64) (pos, next int64, err error) {
	w := newWalker(h.f, limit, scanChunk)
	defer w.close()
	l.mem.Lock()
	r := rules{sparse: p.seg.sparse, epochs: l.mem.epochs, known: l.durable.Load()}
	r.epochs = append(epochs(nil), r.epochs...)
	l.mem.Unlock()
	pos, next = p.pos, p.base
	for pos < limit {
		l.mem.Lock()
		gap, unseen := p.seg.verified.missing(pos, limit)
		l.mem.Unlock()
		r.crc = unseen && gap.from == pos
		it, err := w.step(pos, next, r)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // pos is below limit
		}
		if err != nil {
			return 0, 0, l.dir.ioError("read "+p.seg.path(), err)
		}
		if it.bad {
			l.damagedIn(p.seg, it)
			if pos == p.pos {
				return 0, 0, fmt.Errorf("read %s at %d: %w", l.partition, next, kerr.CorruptMessage)
			}
			break
		}
		if r.crc {
			l.mem.Lock()
			p.seg.verified.add(it.pos, it.end)
			l.mem.Unlock()
		}
		pos, next = it.end, it.next
	}
	return pos, next, nil
}

// damagedIn is damaged for a segment whose end is known, so not for recovery. A
// closed segment holds no offset of the next one, and bytes behind its last batch
// are none of the log's.
func (l *Log) damagedIn(seg *segment, it item) {
	l.mem.Lock()
	if seg.sealed {
		it.next = min(it.next, seg.next)
	}
	stray := it.base >= it.next
	if stray && it.end == seg.size {
		seg.size = it.pos
	}
	l.mem.Unlock()
	if !stray {
		l.damaged(seg, it)
	}
}

// damaged notes damage and reports it once.
func (l *Log) damaged(seg *segment, it item) {
	b := badRange{pos: it.pos, end: it.end, first: it.base, next: it.next}
	l.mem.Lock()
	fresh := seg.addBad(b)
	l.mem.Unlock()
	if fresh {
		l.dir.stats.found.Add(1)
		l.dir.logger.Error("damaged batches: reads of them answer CORRUPT_MESSAGE",
			"partition", l.partition.String(), "segment", seg.path(), "pos", it.pos, "bytes", it.end-it.pos,
			"firstOffset", it.base, "nextOffset", it.next)
	}
}
