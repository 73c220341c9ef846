package log

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// ErrNoDamage answers a Skip of what is not one of the log's Damages.
var ErrNoDamage = errors.New("no such damage")

// skipSuffix is that of a segment in the making, without its damage.
const skipSuffix = ".skip"

// Skip takes damage out of the log for good: a batch without records stands in
// for its offsets, so that reads go around as they do where compaction has left
// nothing, and the offsets are never given out again. dmg must be one of
// Damages. The result is durable on return; a crash before leaves the damage.
//
// The records are lost: there is no way back. Nothing may read the log
// meanwhile.
func (l *Log) Skip(dmg Damage) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	seg, bad, ok := l.findDamage(dmg)
	if !ok {
		return fmt.Errorf("skip offsets %d to %d of %s: %w", dmg.First, dmg.Next-1, l.partition, ErrNoDamage)
	}
	if !seg.sealed {
		// So that the recovery point lies in no segment that changes its length.
		if _, err := l.roll(l.end.Load(), l.dir.keep.clock().UnixMilli()); err != nil {
			return err
		}
	}
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.flushLocked(); err != nil {
		return err
	}
	if err := l.saveNow(); err != nil {
		return err
	}
	if err := l.replaceBad(seg, bad); err != nil {
		return err
	}
	l.dir.logger.Warn("damaged range skipped", "partition", l.partition.String(), "segment", seg.path(),
		"firstOffset", bad.first, "nextOffset", bad.next, "bytes", bad.end-bad.pos)
	return l.saveNow()
}

// findDamage finds the segment and the range of a Damage.
func (l *Log) findDamage(dmg Damage) (*segment, badRange, bool) {
	l.mem.Lock()
	defer l.mem.Unlock()
	for _, s := range l.mem.segments {
		for _, b := range s.bad {
			if s.base == dmg.Segment && b.pos == dmg.Pos && b.first == dmg.First && b.next == dmg.Next {
				return s, b, true
			}
		}
	}
	return nil, badRange{}, false
}

// replaceBad writes the segment anew with a stand-in for the range.
func (l *Log) replaceBad(seg *segment, bad badRange) error {
	l.mem.Lock()
	epoch := l.mem.epochs.at(bad.first)
	l.mem.Unlock()
	stand := standIn(seg.base, bad.first, bad.next, epoch)
	tmp := seg.path() + skipSuffix
	size, err := l.copyAround(tmp, seg, bad, stand)
	if err != nil {
		return l.dir.ioError("write "+tmp, err)
	}
	if err := l.dropIndex(seg); err != nil { // it has the old positions
		return err
	}
	err = l.fs().Rename(tmp, seg.path())
	if err != nil {
		return l.dir.ioError("rename "+tmp, err)
	}
	if err := l.fs().SyncDir(l.path); err != nil {
		return l.dir.undone("rename "+tmp, err)
	}
	l.dir.files.drop(seg)
	l.mem.Lock()
	defer l.mem.Unlock()
	delta := size - seg.size
	seg.size, seg.verified = size, nil
	seg.sparse = seg.sparse || len(stand) == 0
	seg.bad = slices.DeleteFunc(seg.bad, func(b badRange) bool { return b == bad })
	for i := range seg.bad {
		if seg.bad[i].pos >= bad.end {
			seg.bad[i].pos += delta
			seg.bad[i].end += delta
		}
	}
	l.mem.tail = nil
	l.mem.cuts++
	return nil
}

// copyAround writes the bytes of a segment to a new file, stand in the place of
// the range, durably.
func (l *Log) copyAround(name string, seg *segment, bad badRange, stand []byte) (size int64, err error) {
	var old vfs.File
	if bad.pos > 0 || bad.end < seg.size { // else there may be no file
		h, err := l.dir.files.acquire(seg)
		if err != nil {
			return 0, err
		}
		defer h.release()
		old = h.f
	}
	f, err := l.fs().OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	out := &fileAppender{f: f}
	if err := copyRange(out, old, 0, bad.pos); err != nil {
		return 0, err
	}
	out.write(stand)
	if err := copyRange(out, old, bad.end, seg.size); err != nil {
		return 0, err
	}
	if err := out.flush(); err != nil {
		return 0, err
	}
	return out.pos(), f.Sync()
}

func copyRange(out *fileAppender, f vfs.File, from, to int64) error {
	buf := make([]byte, scanChunk)
	for from < to && out.err == nil {
		b := buf[:min(int64(len(buf)), to-from)]
		if n, err := f.ReadAt(b, from); n < len(b) {
			return err
		}
		out.write(b)
		from += int64(len(b))
	}
	return out.err
}

// standIn is a batch without records for the offsets [first, next). There is
// none where they do not fit a segment, whose offsets are 31 bits wide.
func standIn(base, first, next int64, epoch int32) []byte {
	if first >= next || next-1-base > math.MaxInt32 {
		return nil
	}
	return record.Empty(first, next, epoch)
}

// dropLeftover removes what a Skip that was interrupted has left.
func (o *loader) dropLeftover(name string) {
	path := filepath.Join(o.l.path, name)
	if err := removeIfThere(o.l.fs(), path); err != nil {
		o.l.dir.logger.Warn("left-over file not removed", "file", path, "error", err)
	}
}
