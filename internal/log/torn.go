package log

import (
	"errors"
	"io"
)

// torn decides whether a bad batch above the recovery point is what an
// interrupted write leaves, and so was never acknowledged. After the death of
// the process alone that is only a batch which is not whole, at the very end.
// After a power cut it is also the bad end of the log, and a batch that lacks
// whole sectors: what was synced may rot, but not into aligned runs of zeroes.
func (o *loader) torn(w *walker, it item, lastSegment bool) (bool, error) {
	rebooted := o.l.dir.boot.rebooted
	if it.last && lastSegment && (rebooted || !it.whole) {
		return true, nil
	}
	if !rebooted {
		return false, nil
	}
	return holeIn(w.f, it.pos, it.end)
}

// sectorBytes is the smallest unit in which a disk loses writes.
const sectorBytes = 512

// holeIn looks for a run of zeroes in [from, to) that begins at from or a
// sector, and ends at to or a sector.
func holeIn(f io.ReaderAt, from, to int64) (bool, error) {
	buf := make([]byte, 64<<10)
	edge := func(pos int64) bool { return pos == from || pos == to || pos%sectorBytes == 0 }
	run := int64(-1) // begins a run of zeroes that began at an edge
	for pos := from; pos < to; {
		b := buf[:min(int64(len(buf)), to-pos)]
		if _, err := f.ReadAt(b, pos); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		for i, c := range b {
			at := pos + int64(i)
			switch {
			case c != 0:
				run = -1
				continue
			case run < 0 && edge(at):
				run = at
			}
			if run >= 0 && edge(at+1) && at+1-run >= minHole {
				return true, nil
			}
		}
		pos += int64(len(b))
	}
	return false, nil
}

// minHole keeps a few zeroes of a sound field beside an edge from being taken
// for a hole.
const minHole = 8
