package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// sweep reads what is on the disk from end to end, whatever has been verified
// before, and marks what is damaged as a first read would. What can be made
// again (indexes, partition.metadata) is.
type sweep struct {
	// pace is called before each read of so many bytes; its error ends the sweep.
	pace   func(bytes int) error
	bytes  int64    // read so far
	halted error    // what pace has said
	mended []string // names of files that were damaged and can be made again
}

// rest asks pace.
func (s *sweep) rest(bytes int) error {
	if s.halted == nil {
		s.halted = s.pace(bytes)
	}
	return s.halted
}

// stretch is the part of a segment that a sweep reads: what was durable when it
// came by.
type stretch struct {
	seg        *segment
	size, next int64
	sealed     bool
	cuts       uint64 // logMem.cuts then
	rules      rules
}

// stretchAfter returns the first segment above the base offset.
func (l *Log) stretchAfter(base int64) (s stretch, ok bool) {
	l.mem.Lock()
	defer l.mem.Unlock()
	m := &l.mem
	for _, seg := range m.segments {
		if seg.base <= base {
			continue
		}
		if seg.base > m.durable.base {
			break
		}
		s = stretch{seg: seg, size: seg.size, next: seg.next, sealed: seg.sealed, cuts: m.cuts}
		if seg.base == m.durable.base {
			s.size, s.next = m.durable.pos, m.durable.offset
		}
		s.rules = rules{sparse: seg.sparse, crc: true, known: m.durable.offset, epochs: append(epochs(nil), m.epochs...)}
		return s, true
	}
	return s, false
}

// there reports that a stretch is still part of the log.
func (l *Log) there(s *stretch) bool {
	l.mem.Lock()
	defer l.mem.Unlock()
	return !l.gone.Load() && l.mem.there(s)
}

// there reports that a stretch is still part of its log, as it was. The caller
// holds mem.
func (m *logMem) there(s *stretch) bool {
	if m.cuts != s.cuts {
		return false
	}
	i := m.floor(s.seg.base)
	return i >= 0 && m.segments[i] == s.seg
}

// errMoved says that the log has changed under the sweep.
var errMoved = errors.New("the log has been cut meanwhile")

// log reads one log.
func (s *sweep) log(l *Log) error {
	if err := s.mendMeta(l); err != nil {
		return err
	}
	for base := int64(-1); ; {
		part, ok := l.stretchAfter(base)
		if !ok || l.gone.Load() {
			return nil
		}
		if err := s.segment(l, part); err != nil && !errors.Is(err, errMoved) {
			return err
		}
		base = part.seg.base
	}
}

// fileCost is what opening a file counts for beside what is read of it, so that
// very many small ones are not read in one go.
const fileCost = 4096

// segment reads one segment and its index.
func (s *sweep) segment(l *Log, part stretch) error {
	if part.size == 0 && part.next == part.seg.base {
		return nil
	}
	if err := s.rest(fileCost); err != nil {
		return err
	}
	f, err := vfs.OpenUncached(l.fs(), part.seg.path())
	if errors.Is(err, fs.ErrNotExist) {
		return l.mark(&part, item{end: part.size, base: part.seg.base, next: part.next})
	}
	if err != nil {
		return l.dir.ioError("open "+part.seg.path(), err)
	}
	size, err := f.Size()
	if err == nil {
		err = s.walk(l, &part, f, min(size, part.size))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && part.sealed {
		err = s.mendIndex(l, &part)
	}
	if err == nil || errors.Is(err, errMoved) || s.halted != nil {
		return err
	}
	if !l.there(&part) { // cut shorter than what was to be read
		return errMoved
	}
	return l.dir.ioError("read "+part.seg.path(), err)
}

// verifiedStep is how many bytes a sweep reads before it tells that they are
// sound.
const verifiedStep = 1 << 20

// walk reads the batches in the first size bytes of a file.
func (s *sweep) walk(l *Log, part *stretch, f io.ReaderAt, size int64) error {
	w := newWalker(pacedReader{f, s}, size, scanChunk)
	defer w.close()
	good := span{}
	tell := func() bool {
		l.mem.Lock()
		defer l.mem.Unlock()
		ok := l.mem.there(part)
		if ok {
			part.seg.verified.add(good.from, good.to)
		}
		return ok
	}
	pos, expected := int64(0), part.seg.base
	for {
		it, err := w.step(pos, expected, part.rules)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if it.bad {
			if it.end == part.size {
				it.next = part.next
			}
			if !tell() {
				return errMoved
			}
			if err := l.mark(part, it); err != nil {
				return err
			}
			good.from = it.end
		}
		good.to = it.end
		if good.to-good.from >= verifiedStep {
			if !tell() {
				return errMoved
			}
			good.from = good.to
		}
		pos, expected = it.end, it.next
	}
	if !tell() {
		return errMoved
	}
	if pos < part.size || expected < part.next && !part.rules.sparse {
		return l.mark(part, item{pos: pos, end: part.size, base: expected, next: part.next})
	}
	return nil
}

// lookAt sweeps the segment that should hold an offset, as fast as it goes.
func (l *Log) lookAt(offset int64) error {
	l.mem.Lock()
	i := l.mem.floor(offset)
	if i < 0 {
		l.mem.Unlock()
		return fmt.Errorf("read %s at %d: %w", l.partition, offset, kerr.OffsetOutOfRange)
	}
	base := l.mem.segments[i].base
	l.mem.Unlock()
	part, ok := l.stretchAfter(base - 1)
	if !ok {
		return nil
	}
	s := sweep{pace: func(int) error { return nil }}
	if err := s.segment(l, part); err != nil && !errors.Is(err, errMoved) {
		return err
	}
	return nil
}

// mark notes damage that a sweep has met, if the log is still what it read.
func (l *Log) mark(part *stretch, it item) error {
	if !l.there(part) {
		return errMoved
	}
	l.damagedIn(part.seg, it)
	return nil
}

// pacedReader reads as fast as its sweep may.
type pacedReader struct {
	f io.ReaderAt
	s *sweep
}

func (r pacedReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.s.rest(len(p)); err != nil {
		return 0, err
	}
	n, err := r.f.ReadAt(p, off)
	r.s.bytes += int64(n)
	return n, err
}

// mendIndex looks through a closed segment's index. A damaged one is dropped:
// the next lookup makes it again.
func (s *sweep) mendIndex(l *Log, part *stretch) error {
	f, err := vfs.OpenUncached(l.fs(), part.seg.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sound, err := indexSound(pacedReader{f, s}, part.seg.base)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil || sound {
		return err
	}
	s.mended = append(s.mended, filepath.Base(part.seg.indexPath()))
	l.dir.logger.Warn("damaged index dropped: it is made again", "file", part.seg.indexPath())
	return l.dropIndex(part.seg)
}

// indexSound checks every page of a closed segment's index.
func indexSound(f io.ReaderAt, base int64) (bool, error) {
	b := pagePool.Get().(*[pageBytes]byte)
	defer pagePool.Put(b)
	for number := 0; ; number++ {
		n, err := f.ReadAt(b[:], int64(number)*pageBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if n == 0 {
			return true, nil
		}
		if n < pageBytes {
			return false, nil
		}
		if _, ok := decodePage(b, base, number); !ok {
			return false, nil
		}
	}
}

// mendMeta looks at partition.metadata, and writes it again from memory if it
// is damaged or gone.
func (s *sweep) mendMeta(l *Log) error {
	if err := s.rest(fileCost); err != nil {
		return err
	}
	l.wr.Lock()
	defer l.wr.Unlock()
	if l.gone.Load() {
		return nil
	}
	m, err := readMeta(l.fs(), l.path)
	switch {
	case err == nil && m.topicID == l.topicID:
		return nil
	case err != nil && !errors.Is(err, errBadMeta) && !errors.Is(err, fs.ErrNotExist):
		return l.dir.ioError("read "+metaName, err)
	}
	s.mended = append(s.mended, metaName)
	l.dir.logger.Warn("damaged partition.metadata written again", "partition", l.partition.String(), "error", err)
	return l.putMeta(l.start.Load())
}

// Verify reads the whole log from the disk, whatever has been verified before.
// What is damaged is among Damages then; indexes and partition.metadata are
// written again if need be. It asks pace before each read of so many bytes; its
// error ends the work and is returned. Others may use the log meanwhile.
func (l *Log) Verify(pace func(bytes int) error) error {
	if err := l.check(); err != nil {
		return err
	}
	s := sweep{pace: pace}
	return s.log(l)
}
