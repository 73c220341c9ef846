package log

import (
	"errors"
	"io"
)

// torn decides whether a bad batch of segment i, above the recovery point, is
// what an interrupted write leaves, and so was never acknowledged. After the
// death of the process alone that is only a batch which is not whole, at the
// very end. After a power cut it is also:
//
//   - the bad end of the log: no sound batch follows, in this segment or a later
//     one;
//   - a batch that its file is too short for: a length that was synced stays;
//   - a batch that lacks whole sectors, or the beginning of its header: what was
//     synced may rot, but not into such runs of zeroes.
func (o *loader) torn(w *walker, it item, i int) (bool, error) {
	if !o.rebooted {
		return it.last && !it.whole && i == len(o.l.mem.segments)-1, nil
	}
	if it.last && !it.whole {
		return true, nil
	}
	if it.last {
		followed, err := o.followed(i, it.base)
		if err != nil || !followed {
			return !followed, err
		}
	}
	return holeIn(w.f, it.pos, it.end, o.l.mem.segments[i].size)
}

// followed looks for a sound batch above the offset in the segments behind i.
func (o *loader) followed(i int, offset int64) (bool, error) {
	for _, s := range o.l.mem.segments[i+1:] {
		h, err := o.l.dir.files.acquire(s)
		if err != nil {
			return false, err
		}
		w := newWalker(h.f, s.size, scanChunk)
		at, _, err := w.search(0, offset)
		w.close()
		h.release()
		if err != nil || at >= 0 {
			return at >= 0, err
		}
	}
	return false, nil
}

// sectorBytes is the smallest unit in which a disk loses writes.
const sectorBytes = 512

// holeIn looks for a run of zeroes in [from, to) that begins at from or a
// sector, and ends at to or a sector. One at from that takes in the magic byte
// may end anywhere: no batch begins like that. One from a sector to size, the
// end of the file, may be short: there is no more of that sector.
func holeIn(f io.ReaderAt, from, to, size int64) (bool, error) {
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
			if run == from && at+1-run > magicPos {
				return true, nil
			}
			least := int64(minHole)
			if at+1 == size && run%sectorBytes == 0 {
				least = minLastHole
			}
			if run >= 0 && edge(at+1) && at+1-run >= least {
				return true, nil
			}
		}
		pos += int64(len(b))
	}
	return false, nil
}

// magicPos is the place of the magic in a batch.
const magicPos = 16

// minHole keeps a few zeroes of a sound field beside an edge from being taken
// for a hole.
const minHole = 8

// minLastHole is minHole for the last sector of a file. A sound batch often ends
// with one zero, its last record's number of headers.
const minLastHole = 2
