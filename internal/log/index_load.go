package log

import (
	"errors"
	"io"
	"io/fs"
)

// flushIndex writes the full pages of the active segment's index to its file.
// The caller holds wr, so nobody else writes that file.
func (l *Log) flushIndex(seg *segment) {
	l.mem.Lock()
	loaded := seg.idx.from == 0
	l.mem.Unlock()
	if !loaded && l.loadIndex(seg) != nil {
		return // the pages stay in memory until a later try
	}
	l.writeIndex(seg, false)
}

// sealIndex writes what is left of a closed segment's index. A failure costs
// time only: the first lookup makes the index again.
func (l *Log) sealIndex(seg *segment) {
	l.mem.Lock()
	loaded := seg.idx != nil && seg.idx.from == 0
	l.mem.Unlock()
	if loaded {
		l.writeIndex(seg, true)
	}
}

// writeIndex moves pages from memory to the file, the last short one too if
// all. The short page stays in memory as well.
func (l *Log) writeIndex(seg *segment, all bool) {
	l.mem.Lock()
	x := seg.idx
	first, n := len(x.heads), len(x.tail)
	if !all {
		n -= n % pageEntries
	}
	pages := x.tail[:n:n] // appends beyond n do not touch these
	l.mem.Unlock()
	if n == 0 {
		return
	}
	if err := writePages(l.fs(), seg, first, pages); err != nil {
		if !isNoSpace(err) && !isTransient(err) {
			_ = l.dir.ioError("write "+seg.indexPath(), err)
		}
		l.dir.logger.Debug("index not written", "segment", seg.path(), "error", err)
		return
	}
	l.mem.Lock()
	defer l.mem.Unlock()
	if seg.idx != x || len(x.heads) != first {
		return // made again meanwhile
	}
	full := n - n%pageEntries
	for i := 0; i < full; i += pageEntries {
		x.heads = append(x.heads, x.tail[i])
	}
	x.tail = append([]entry(nil), x.tail[full:]...)
}

// loadIndex gets the index of a segment from its file, and what the file lacks
// from the segment.
func (l *Log) loadIndex(seg *segment) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	l.mem.Lock()
	x, limit, sealed := seg.idx, seg.size, seg.sealed
	if x != nil {
		if x.from == 0 {
			l.mem.Unlock()
			return nil
		}
		limit = x.from
	}
	l.mem.Unlock()

	loaded := newIndex(0)
	heads, short, newest := readPages(l.fs(), seg, limit)
	loaded.heads, loaded.tail = heads, short
	if len(heads)+len(short) > 0 {
		loaded.last = int64(newest.pos)
	}
	if err := l.scanIndex(seg, loaded, newest, limit); err != nil {
		return err
	}

	l.mem.Lock()
	if x != nil {
		loaded.tail = append(loaded.tail, x.tail...)
		loaded.last = max(loaded.last, x.last)
	}
	seg.idx = loaded
	l.mem.Unlock()
	if sealed {
		l.writeIndex(seg, true)
	}
	return nil
}

// scanIndex adds the entries for the batches from the newest entry up to limit.
func (l *Log) scanIndex(seg *segment, x *index, newest entry, limit int64) error {
	if int64(newest.pos) >= limit {
		return nil
	}
	h, err := l.dir.files.acquire(seg)
	if err != nil {
		return l.dir.ioError("open "+seg.path(), err)
	}
	defer h.release()
	w := newWalker(h.f, limit, scanChunk)
	defer w.close()
	r := l.rulesFor(seg)
	interval := l.config.Load().IndexIntervalBytes
	pos, expected, maxTs := int64(newest.pos), seg.base+int64(newest.rel), newest.maxTs
	for {
		it, err := w.step(pos, expected, r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return l.dir.ioError("read "+seg.path(), err)
		}
		if !it.bad {
			x.note(it.base-seg.base, pos, maxTs, interval)
			maxTs = max(maxTs, it.hdr.MaxTimestamp())
		}
		pos, expected = it.end, it.next
	}
}

// dropIndex forgets an index that does not fit its segment, file and all, so
// that it is made again from the batches.
func (l *Log) dropIndex(seg *segment) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	if err := l.fs().Remove(seg.indexPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l.dir.ioError("remove "+seg.indexPath(), err)
	}
	l.mem.Lock()
	defer l.mem.Unlock()
	seg.idx = nil
	if !seg.sealed {
		seg.idx = newIndex(seg.size)
	}
	return nil
}
