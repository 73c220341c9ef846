package log

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
)

// TimestampOffset is a record found by time.
type TimestampOffset struct {
	Offset      int64
	Timestamp   int64 // ms
	LeaderEpoch int32
}

// maxExpandedBytes bounds what one batch may expand to in a lookup by time. The
// broker's own limit for batches it accepts is lower or equal.
const maxExpandedBytes = 1 << 30

// OffsetForTimestamp finds the first record with a timestamp of at least ts, in
// ms, at or above StartOffset; ok is false if it is not below upTo or does not
// exist. Compressed batches are expanded, so that the answer is exact.
func (l *Log) OffsetForTimestamp(ts, upTo int64) (found TimestampOffset, ok bool, err error) {
	if err := l.check(); err != nil {
		return found, false, err
	}
	l.mem.Lock()
	segments := append([]*segment(nil), l.mem.segments...)
	start := l.start.Load()
	l.mem.Unlock()
	for _, s := range segments {
		l.mem.Lock()
		skip := s.max < ts || s.next <= start || s.size == 0
		l.mem.Unlock()
		if skip {
			continue
		}
		e, size, err := l.lookup(s, byTime(ts))
		if err != nil {
			return found, false, err
		}
		q := timeQuery{start: start, atLeast: ts}
		found, ok, err = l.searchTime(s, e, size, q)
		if err != nil {
			return found, false, err
		}
		if ok {
			return found, found.Offset < upTo, nil
		}
	}
	return found, false, nil
}

// MaxTimestamp finds the first record with the largest timestamp in the log
// (KIP-734); ok is false if no record has one.
func (l *Log) MaxTimestamp() (found TimestampOffset, ok bool, err error) {
	if err := l.check(); err != nil {
		return found, false, err
	}
	l.mem.Lock()
	var best *segment
	var ts, base int64
	for _, s := range l.mem.segments {
		if s.max >= 0 && (best == nil || s.max > ts) {
			best, ts, base = s, s.max, s.maxBase
		}
	}
	l.mem.Unlock()
	if best == nil {
		return found, false, nil
	}
	p, _, err := l.locateIn(best, base)
	if err != nil {
		return found, false, err
	}
	e := entry{rel: uint32(p.base - best.base), pos: uint32(p.pos)}
	l.mem.Lock()
	size := best.size
	l.mem.Unlock()
	return l.searchTime(best, e, size, timeQuery{atLeast: ts})
}

// timeQuery says which record searchTime looks for.
type timeQuery struct {
	start   int64 // no offset below
	atLeast int64
}

// searchTime looks through the batches from an index entry on.
func (l *Log) searchTime(s *segment, e entry, size int64, q timeQuery) (found TimestampOffset, ok bool, err error) {
	h, err := l.dir.files.acquire(s)
	if err != nil {
		return found, false, l.dir.ioError("open "+s.path(), err)
	}
	defer h.release()
	w := newWalker(h.f, size, scanChunk)
	defer w.close()
	r := l.rulesFor(s)
	pos, expected := int64(e.pos), s.base+int64(e.rel)
	for {
		it, err := w.step(pos, expected, r)
		if errors.Is(err, io.EOF) {
			return found, false, nil
		}
		if err != nil {
			return found, false, l.dir.ioError("read "+s.path(), err)
		}
		if !it.bad && it.next > q.start && it.hdr.MaxTimestamp() >= q.atLeast {
			found, ok, err = l.searchBatch(h, it, q)
			if err != nil || ok {
				return found, ok, err
			}
		}
		pos, expected = it.end, it.next
	}
}

// searchBatch looks through the records of one batch.
func (l *Log) searchBatch(h *handle, it item, q timeQuery) (found TimestampOffset, ok bool, err error) {
	b := make([]byte, it.end-it.pos)
	if _, err := h.f.ReadAt(b, it.pos); err != nil {
		return found, false, l.dir.ioError("read "+h.seg.path(), err)
	}
	batch := record.Batch(b)
	bad := func(err error) error {
		return fmt.Errorf("read %s at %d: %w: %w", l.partition, it.base, err, kerr.CorruptMessage)
	}
	if err := batch.CheckCRC(); err != nil {
		return found, false, bad(err)
	}
	found = TimestampOffset{Timestamp: batch.MaxTimestamp(), LeaderEpoch: batch.LeaderEpoch()}
	if batch.Attributes().LogAppendTime() {
		found.Offset = max(batch.BaseOffset(), q.start)
		return found, true, nil
	}
	d := decompressors.Get().(*record.Decompressor)
	defer decompressors.Put(d)
	payload, err := d.Records(nil, batch, maxExpandedBytes)
	if err != nil {
		return found, false, bad(err)
	}
	var r record.Record
	records := batch.Iterate(payload)
	for records.Next(&r) {
		if r.Timestamp >= q.atLeast && r.Offset >= q.start {
			found.Offset, found.Timestamp = r.Offset, r.Timestamp
			return found, true, nil
		}
	}
	if err := records.Err(); err != nil {
		return found, false, bad(err)
	}
	return found, false, nil
}

var decompressors = sync.Pool{New: func() any { return new(record.Decompressor) }}
