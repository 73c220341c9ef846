package log

import (
	"slices"
	"sort"
)

// NoEpoch stands for a leader epoch that is not known.
const NoEpoch int32 = -1

// epochEntry says at which offset a leader epoch began.
type epochEntry struct {
	epoch int32
	start int64
}

// epochs is the leader epoch cache (KIP-101, LeaderEpochFileCache): entries in
// strictly rising order of epoch, and of start but for an epoch without a
// record, which the next one at the same start replaces.
type epochs []epochEntry

func (e epochs) latest() int32 {
	if len(e) == 0 {
		return NoEpoch
	}
	return e[len(e)-1].epoch
}

// assign notes that epoch begins at start. Entries that contradict it go. It
// reports whether anything changed.
func (e *epochs) assign(epoch int32, start int64) bool {
	v := *e
	if n := len(v); epoch < 0 || n > 0 && v[n-1].epoch == epoch && v[n-1].start <= start {
		return false
	}
	for len(v) > 0 && (v[len(v)-1].epoch >= epoch || v[len(v)-1].start >= start) {
		v = v[:len(v)-1]
	}
	*e = append(v, epochEntry{epoch, start})
	return true
}

// at is the epoch of the record at offset, NoEpoch before the first entry.
func (e epochs) at(offset int64) int32 {
	i := sort.Search(len(e), func(i int) bool { return e[i].start > offset })
	if i == 0 {
		return NoEpoch
	}
	return e[i-1].epoch
}

// endOf answers OffsetsForLeaderEpoch: the largest epoch not above the one
// asked for, and where it ends (KIP-279). found is NoEpoch and end -1 where
// nothing is known. logEnd is the end of the latest epoch.
func (e epochs) endOf(epoch int32, logEnd int64) (found int32, end int64) {
	if epoch == NoEpoch || len(e) == 0 {
		return NoEpoch, -1
	}
	if e.latest() == epoch {
		return epoch, logEnd
	}
	i := sort.Search(len(e), func(i int) bool { return e[i].epoch > epoch })
	if i == len(e) {
		return NoEpoch, -1
	}
	if i == 0 {
		return epoch, e[0].start
	}
	return e[i-1].epoch, e[i].start
}

// cutEnd forgets the epochs that begin at or after end.
func (e *epochs) cutEnd(end int64) bool {
	v := *e
	i := sort.Search(len(v), func(i int) bool { return v[i].start >= end })
	*e = v[:i]
	return i < len(v)
}

// cutStart forgets the epochs that end at or before start; the one that start
// falls into now begins there.
func (e *epochs) cutStart(start int64) bool {
	v := *e
	i := sort.Search(len(v), func(i int) bool { return v[i].start > start })
	if i == 0 || i == 1 && v[0].start == start {
		return false
	}
	v = slices.Delete(v, 0, i-1)
	v[0].start = start
	*e = v
	return true
}
