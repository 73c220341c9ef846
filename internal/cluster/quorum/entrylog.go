package quorum

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/internal/vfs"
	pb "go.etcd.io/raft/v3/raftpb"
)

// entryLog is the sequence of Raft entries on disk, in segments. Entries are
// contiguous. The newest ones are also kept in memory, up to a bound, because
// Raft asks for them again at once. Not safe for concurrent use.
type entryLog struct {
	fs           vfs.FS
	dir          string
	segmentBytes int64
	cacheBytes   int64
	segments     []*segment // never empty segments but for the last

	cache     []*pb.Entry // the newest entries, contiguous up to last()
	cacheSize int64
	buf       []byte // reused to encode appends
}

// openEntryLog opens every segment in dir. damage is non-nil where the log
// stops before its files do; the segment with the damage is then the last one
// opened, and nothing has been changed on disk.
func openEntryLog(fsys vfs.FS, dir string, segmentBytes, cacheBytes int64) (l *entryLog, damage *logDamage, err error) {
	l = &entryLog{fs: fsys, dir: dir, segmentBytes: segmentBytes, cacheBytes: cacheBytes}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list metadata log: %w", err)
	}
	var names []string
	for _, e := range entries { // sorted by name, hence by index
		if _, ok := parseSegmentName(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	for i, name := range names {
		first, _ := parseSegmentName(name)
		if len(l.segments) > 0 && first != l.last()+1 {
			return l, &logDamage{
				reason: fmt.Sprintf("segment begins at %d, the log ends at %d", first, l.last()),
				path:   filepath.Join(dir, name), next: l.last() + 1,
			}, nil
		}
		s, st, err := openSegment(fsys, dir, name, first)
		if err != nil {
			return nil, nil, errors.Join(err, l.close())
		}
		l.segments = append(l.segments, s)
		if st.reason != "" {
			return l, &logDamage{stop: st, path: s.path, next: first + uint64(len(s.refs)), segment: s, newest: i == len(names)-1}, nil
		}
	}
	return l, nil, nil
}

// logDamage describes where reading the log stopped.
type logDamage struct {
	stop
	path    string
	next    uint64   // index of the entry that could not be read
	segment *segment // nil where the damage is a missing segment
	newest  bool     // in the newest segment
}

func (l *entryLog) empty() bool { return len(l.segments) == 0 }

// first returns the index of the oldest entry; meaningless when empty.
func (l *entryLog) first() uint64 { return l.segments[0].first }

// last returns the index of the newest entry; meaningless when empty.
func (l *entryLog) last() uint64 { return l.segments[len(l.segments)-1].last() }

// find returns the segment that holds index i, or nil.
func (l *entryLog) find(i uint64) *segment {
	n, _ := slices.BinarySearchFunc(l.segments, i, func(s *segment, i uint64) int {
		if s.first <= i {
			return -1
		}
		return 1
	})
	if n == 0 || i > l.segments[n-1].last() {
		return nil
	}
	return l.segments[n-1]
}

// term returns the term of entry i; ok is false where the log has no such entry.
func (l *entryLog) term(i uint64) (uint64, bool) {
	s := l.find(i)
	if s == nil || i < s.first {
		return 0, false
	}
	return s.refs[i-s.first].term, true
}

// entry returns entry i from memory or disk. The result must not be changed.
func (l *entryLog) entry(i uint64) (*pb.Entry, error) {
	if n := len(l.cache); n > 0 {
		if first := l.cache[0].GetIndex(); i >= first && i < first+uint64(n) {
			return l.cache[i-first], nil
		}
	}
	s := l.find(i)
	if s == nil {
		return nil, fmt.Errorf("quorum: entry %d is not in the log", i)
	}
	return s.read(i)
}

// append makes entries durable. They must continue the log or overwrite its
// tail. On an error of write the log is cut back to where it was; after an
// error of sync the log must not be used again.
func (l *entryLog) append(entries []*pb.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	first := entries[0].GetIndex()
	if !l.empty() && first <= l.last() {
		if err := l.truncateFrom(first); err != nil {
			return err
		}
	}
	if !l.empty() && len(l.segments[len(l.segments)-1].refs) == 0 && l.segments[len(l.segments)-1].first != first {
		if err := l.dropLast(); err != nil {
			return err
		}
	}
	if l.empty() || l.segments[len(l.segments)-1].end() >= l.segmentBytes {
		s, err := createSegment(l.fs, l.dir, first)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
	}
	s := l.segments[len(l.segments)-1]
	if want := s.first + uint64(len(s.refs)); first != want {
		return fmt.Errorf("quorum: append of entry %d to a log that continues at %d", first, want)
	}
	if err := l.write(s, entries); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return &syncError{fmt.Errorf("sync %s: %w", s.path, err)}
	}
	l.remember(entries)
	return nil
}

// write puts entries behind the end of s in one call.
func (l *entryLog) write(s *segment, entries []*pb.Entry) error {
	start := s.end()
	l.buf = l.buf[:0]
	refs := make([]entryRef, 0, len(entries))
	for i, e := range entries {
		if e.GetIndex() != entries[0].GetIndex()+uint64(i) || len(e.GetData()) > maxEntryBytes {
			return fmt.Errorf("quorum: entry %d is out of order or has %d bytes", e.GetIndex(), len(e.GetData()))
		}
		refs = append(refs, entryRef{
			term: e.GetTerm(), pos: start + int64(len(l.buf)), size: int32(len(e.GetData())), typ: e.GetType(),
		})
		l.buf = appendEntry(l.buf, e, entries[0].GetIndex())
	}
	if _, err := s.file.WriteAt(l.buf, start); err != nil {
		err = fmt.Errorf("write %s: %w", s.path, err)
		if cut := s.file.Truncate(start); cut != nil {
			return &syncError{errors.Join(err, cut)} // what is behind start is not known
		}
		return err
	}
	s.refs = append(s.refs, refs...)
	if cap(l.buf) > 1<<20 {
		l.buf = nil // one big batch must not pin its buffer for ever
	}
	return nil
}

// syncError marks a failure after which the content of the disk is not known:
// that of a sync above all, which is never tried again.
type syncError struct{ error }

func (e *syncError) Unwrap() error { return e.error }

// truncateFrom removes entry i and all behind it, durably: newer entries of
// another term must never meet leftovers of the old ones after a power cut.
func (l *entryLog) truncateFrom(i uint64) error {
	l.forgetFrom(i)
	for len(l.segments) > 0 && l.segments[len(l.segments)-1].first >= i {
		if err := l.dropLast(); err != nil {
			return err
		}
	}
	if l.empty() || i > l.last() {
		return nil
	}
	s := l.segments[len(l.segments)-1]
	if err := s.file.Truncate(s.refs[i-s.first].pos); err != nil {
		return fmt.Errorf("truncate %s: %w", s.path, err)
	}
	s.refs = s.refs[:i-s.first]
	if err := s.file.Sync(); err != nil {
		return &syncError{fmt.Errorf("sync %s: %w", s.path, err)}
	}
	return nil
}

// dropLast deletes the newest segment, durably.
func (l *entryLog) dropLast() error {
	s := l.segments[len(l.segments)-1]
	l.segments = l.segments[:len(l.segments)-1]
	if err := errors.Join(s.file.Close(), l.fs.Remove(s.path)); err != nil {
		return fmt.Errorf("delete %s: %w", s.path, err)
	}
	return l.fs.SyncDir(l.dir)
}

// clear deletes every segment, newest first, so that what a crash leaves is a
// prefix.
func (l *entryLog) clear() error {
	l.cache, l.cacheSize = nil, 0
	for !l.empty() {
		if err := l.dropLast(); err != nil {
			return err
		}
	}
	return nil
}

// compact deletes segments that hold only entries up to and including i, oldest
// first and each durably, so that what a crash leaves has no gap. The newest
// segment stays.
func (l *entryLog) compact(i uint64) error {
	for len(l.segments) > 1 && l.segments[0].last() <= i {
		s := l.segments[0]
		l.segments = slices.Delete(l.segments, 0, 1)
		if err := errors.Join(s.file.Close(), l.fs.Remove(s.path), l.fs.SyncDir(l.dir)); err != nil {
			return fmt.Errorf("delete %s: %w", s.path, err)
		}
	}
	return nil
}

// cutTorn removes the bad tail that a crash left in the newest segment and
// makes the cut durable.
func (l *entryLog) cutTorn(d *logDamage) error {
	if d.pos < segmentHeaderSize { // even the header is not whole: no entry was ever in it
		return l.dropLast()
	}
	if err := d.segment.file.Truncate(d.pos); err != nil {
		return fmt.Errorf("cut torn tail of %s: %w", d.path, err)
	}
	if err := d.segment.file.Sync(); err != nil {
		return &syncError{fmt.Errorf("sync %s: %w", d.path, err)}
	}
	return nil
}

// remember adds entries to the cache and drops the oldest beyond the bound.
func (l *entryLog) remember(entries []*pb.Entry) {
	l.cache = append(l.cache, entries...)
	for _, e := range entries {
		l.cacheSize += int64(len(e.GetData())) + entryHeaderSize
	}
	if l.cacheSize <= l.cacheBytes {
		return
	}
	drop := 0
	// Down to three quarters, so that the copy below is paid once in a while.
	for l.cacheSize > l.cacheBytes*3/4 && drop < len(l.cache)-1 {
		l.cacheSize -= int64(len(l.cache[drop].GetData())) + entryHeaderSize
		drop++
	}
	// A fresh array: slices handed to Raft may still point into the old one.
	l.cache = slices.Clone(l.cache[drop:])
}

func (l *entryLog) forgetFrom(i uint64) {
	keep := len(l.cache)
	for keep > 0 && l.cache[keep-1].GetIndex() >= i {
		keep--
		l.cacheSize -= int64(len(l.cache[keep].GetData())) + entryHeaderSize
	}
	l.cache = slices.Clone(l.cache[:keep])
}

// sync makes the newest segment durable: entries that an earlier process wrote
// may have reached the page cache only.
func (l *entryLog) sync() error {
	if l.empty() {
		return nil
	}
	s := l.segments[len(l.segments)-1]
	if err := s.file.Sync(); err != nil {
		return &syncError{fmt.Errorf("sync %s: %w", s.path, err)}
	}
	return nil
}

func (l *entryLog) close() error {
	var errs []error
	for _, s := range l.segments {
		errs = append(errs, s.file.Close())
	}
	l.segments = nil
	return errors.Join(errs...)
}
