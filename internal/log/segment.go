package log

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	logSuffix   = ".log"
	indexSuffix = ".idx"
	noTimestamp = -1
)

// segment is one file of batches. Everything but base, dir and h is guarded by
// Log.mem.
type segment struct {
	base int64
	dir  string // the partition's directory
	h    atomic.Pointer[handle]

	size int64 // bytes that readers may see
	next int64 // offset after the last batch
	segmentTimes
	sealed bool
	dirty  bool // in Log.dirty
	// sparse says that offsets may be missing between batches, as compaction
	// leaves them. Without it a gap is damage.
	sparse bool

	idx      *index // nil: not loaded
	verified spans  // byte ranges whose checksums this process has seen
	bad      []badRange
}

// segmentTimes is what is known of a segment's timestamps, all in ms, -1 where
// there is none.
type segmentTimes struct {
	first    int64 // the first batch's largest timestamp: rolling counts from it
	max      int64
	maxBase  int64 // base offset of the first batch that holds max
	modified int64 // when the last batch was appended
}

// badRange is damage that was kept: bytes [pos, end) that should hold the
// offsets [first, next).
type badRange struct {
	pos, end    int64
	first, next int64
}

func newSegment(dir string, base int64) *segment {
	return &segment{
		base: base, dir: dir, next: base,
		first: noTimestamp, max: noTimestamp, maxBase: -1,
	}
}

func segmentName(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// parseSegmentName returns the base offset in the name of a segment file.
func parseSegmentName(name string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, logSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0
}

func (s *segment) path() string      { return filepath.Join(s.dir, segmentName(s.base, logSuffix)) }
func (s *segment) indexPath() string { return filepath.Join(s.dir, segmentName(s.base, indexSuffix)) }

// note takes one more batch into the segment's times. A batch without
// timestamps counts by the clock for rolling.
func (t *segmentTimes) note(baseOffset, maxTimestamp, nowMs int64) {
	if t.first < 0 {
		t.first = maxTimestamp
		if t.first < 0 {
			t.first = nowMs
		}
	}
	if maxTimestamp > t.max {
		t.max, t.maxBase = maxTimestamp, baseOffset
	}
}

// largest is the timestamp that retention counts from: the newest record's, or
// the time of the last append where records have none (LogSegment.largestTimestamp).
func (t *segmentTimes) largest() int64 {
	if t.max >= 0 {
		return t.max
	}
	return t.modified
}

// badAt returns the damage that covers the byte at pos.
func (s *segment) badAt(pos int64) (badRange, bool) {
	i, _ := slices.BinarySearchFunc(s.bad, pos, func(b badRange, p int64) int {
		if b.end <= p {
			return -1
		}
		return 1
	})
	if i < len(s.bad) && s.bad[i].pos <= pos {
		return s.bad[i], true
	}
	return badRange{}, false
}

// badOffset returns the damage that should hold an offset.
func (s *segment) badOffset(offset int64) (badRange, bool) {
	for _, b := range s.bad {
		if b.first <= offset && offset < b.next {
			return b, true
		}
	}
	return badRange{}, false
}

// nextBad returns the start of the first damage at or after pos, or size.
func (s *segment) nextBad(pos int64) int64 {
	for _, b := range s.bad {
		if b.pos >= pos {
			return b.pos
		}
	}
	return s.size
}

// addBad records damage. It reports false if it was known.
func (s *segment) addBad(b badRange) bool {
	if _, known := s.badAt(b.pos); known || slices.Contains(s.bad, b) {
		return false
	}
	s.bad = append(s.bad, b)
	slices.SortFunc(s.bad, func(a, b badRange) int { return int(a.pos - b.pos) })
	return true
}

// spans is a sorted list of byte ranges that do not touch each other.
type spans []span

type span struct{ from, to int64 }

// maxSpans bounds the list. Beyond it the smallest range is forgotten: its
// bytes are checked again when they are read again.
const maxSpans = 64

// add joins [from, to) to the list.
func (s *spans) add(from, to int64) {
	if from >= to {
		return
	}
	v := *s
	if n := len(v); n > 0 && v[n-1].to == from { // an append: the hot case
		v[n-1].to = to
		return
	}
	i := 0
	for i < len(v) && v[i].to < from {
		i++
	}
	j := i
	for j < len(v) && v[j].from <= to {
		from, to = min(from, v[j].from), max(to, v[j].to)
		j++
	}
	v = slices.Replace(v, i, j, span{from, to})
	if len(v) > maxSpans {
		small := 0
		for k := range v {
			if v[k].to-v[k].from < v[small].to-v[small].from {
				small = k
			}
		}
		v = slices.Delete(v, small, small+1)
	}
	*s = v
}

// missing returns the first part of [from, to) that is not in the list.
func (s spans) missing(from, to int64) (span, bool) {
	for _, v := range s {
		if v.to <= from {
			continue
		}
		if v.from > from {
			return span{from, min(to, v.from)}, from < to
		}
		from = v.to
		if from >= to {
			return span{}, false
		}
	}
	return span{from, to}, from < to
}

// cut forgets everything from pos on.
func (s *spans) cut(pos int64) {
	v := *s
	for len(v) > 0 && v[len(v)-1].from >= pos {
		v = v[:len(v)-1]
	}
	if n := len(v); n > 0 {
		v[n-1].to = min(v[n-1].to, pos)
	}
	*s = v
}
