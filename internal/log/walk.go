package log

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/headrace/headrace/internal/kafka/record"
)

// crcStart is the position in a batch from which its checksum counts; magic and
// length before it have their own checks here.
const crcStart = 21

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sizes of the reads of a walk: a lookup wants one index interval, a scan wants
// few calls.
const (
	lookupChunk = 4 << 10
	scanChunk   = 256 << 10
)

var chunks = [...]*sync.Pool{
	{New: func() any { b := make([]byte, lookupChunk); return &b }},
	{New: func() any { b := make([]byte, scanChunk); return &b }},
}

// walker steps over the batches of a file. It holds one chunk of it in memory,
// whatever the batches' sizes.
type walker struct {
	f   io.ReaderAt
	end int64 // of the readable bytes

	pool *sync.Pool
	mem  *[]byte
	buf  []byte // the bytes at at
	at   int64

	// The last batch whose checksum was not looked at. If what follows it makes
	// no sense, its length is the first suspect.
	trusted span
	base    int64 // the offset that was expected there
}

func newWalker(f io.ReaderAt, end int64, chunk int) *walker {
	w := &walker{f: f, end: end, pool: chunks[0]}
	if chunk > lookupChunk {
		w.pool = chunks[1]
	}
	w.mem = w.pool.Get().(*[]byte)
	return w
}

// close gives the chunk back; what the walker returned is no longer valid.
func (w *walker) close() {
	w.pool.Put(w.mem)
	w.mem, w.buf = nil, nil
}

// bytes returns what is at hand from pos on: at least n bytes (at most a
// lookupChunk), or what the file has left. io.EOF at the end, which may come
// before w.end. The result is
// valid until the next call.
func (w *walker) bytes(pos int64, n int) ([]byte, error) {
	if pos >= w.end {
		return nil, io.EOF
	}
	n = int(min(int64(n), w.end-pos))
	if pos < w.at || pos+int64(n) > w.at+int64(len(w.buf)) {
		m := int(min(int64(len(*w.mem)), w.end-pos))
		got, err := w.f.ReadAt((*w.mem)[:m], pos)
		if got < m && err != nil && !errors.Is(err, io.EOF) {
			w.buf = nil
			return nil, err
		}
		w.at, w.buf = pos, (*w.mem)[:got]
		if got < m { // the file is shorter than it should be
			if w.end = pos + int64(got); got == 0 {
				return nil, io.EOF
			}
		}
	}
	return w.buf[pos-w.at:], nil
}

// header returns the batch header at pos, valid until the next call; io.EOF at
// the end and record.ErrShort where fewer bytes than a header are left.
func (w *walker) header(pos int64) (record.Batch, error) {
	b, err := w.bytes(pos, record.HeaderSize)
	if err != nil {
		return nil, err
	}
	if len(b) < record.HeaderSize {
		return nil, record.ErrShort
	}
	return record.Batch(b[:record.HeaderSize]), nil
}

// crc computes the checksum of the batch at [pos, end).
func (w *walker) crc(pos, end int64) (uint32, error) {
	var c uint32
	for pos += crcStart; pos < end; {
		b, err := w.bytes(pos, 1)
		if err != nil {
			return 0, err
		}
		b = b[:min(int64(len(b)), end-pos)]
		c = crc32.Update(c, castagnoli, b)
		pos += int64(len(b))
	}
	return c, nil
}

// item is one step of a walk.
type item struct {
	pos, end   int64        // bytes
	base, next int64        // offsets
	hdr        record.Batch // the header, valid until the next step; nil if bad
	bad        bool
	// whole says of a bad item that its bytes are all there: the header's
	// length fits, or the checksum shows that only the length is wrong.
	whole bool
	// last says of a bad item that no valid batch follows it.
	last bool
}

// rules say what a walk takes for damage.
type rules struct {
	sparse bool // gaps between offsets are allowed
	crc    bool // check checksums
	// epochs, where it is not nil, tells the leader epoch of the offsets below
	// known. The checksum does not cover a batch's own.
	epochs epochs
	known  int64
}

// fits reports whether h can be the batch that continues a log at the offset
// expected, in a file of end bytes.
func (w *walker) fits(h record.Batch, pos, expected int64, r rules) bool {
	if h.Magic() != 2 || h.LastOffsetDelta() < 0 || !w.sized(h, pos) {
		return false
	}
	base := h.BaseOffset()
	if base != expected && (!r.sparse || base < expected) {
		return false
	}
	if base >= r.known {
		return true
	}
	e := r.epochs.at(base)
	return e < 0 || e == h.LeaderEpoch()
}

// sized reports whether the header's length is possible at pos.
func (w *walker) sized(h record.Batch, pos int64) bool {
	n := int64(int32(be32(h[8:]))) + record.LogOverhead
	return n >= record.HeaderSize && n <= w.end-pos
}

// step returns the item at pos, where the offset expected should come next.
// io.EOF ends the walk. Damage may begin before pos, at the batch returned last,
// if that one's checksum was not checked.
func (w *walker) step(pos, expected int64, r rules) (item, error) {
	h, err := w.header(pos)
	if err != nil && !errors.Is(err, record.ErrShort) {
		return item{}, err
	}
	if err == nil && w.fits(h, pos, expected, r) {
		it := item{pos: pos, end: pos + int64(h.Size()), base: h.BaseOffset(), next: h.NextOffset(), hdr: h}
		if !r.crc {
			w.trusted, w.base = span{it.pos, it.end}, expected
			return it, nil
		}
		ok, err := w.sound(it.pos, it.end)
		if err != nil {
			return item{}, err
		}
		if ok {
			it.hdr, err = w.header(pos)
			return it, err
		}
	}
	if v := w.trusted; v.to == pos && v.from < pos {
		ok, err := w.sound(v.from, v.to)
		if err != nil {
			return item{}, err
		}
		if !ok {
			return w.damaged(v.from, w.base)
		}
	}
	return w.damaged(pos, expected)
}

// sound checks the checksum of the batch at [pos, end).
func (w *walker) sound(pos, end int64) (bool, error) {
	h, err := w.header(pos)
	if err != nil {
		return false, err
	}
	want := h.CRC()
	got, err := w.crc(pos, end)
	return got == want, err
}

// damaged finds out how far the damage at pos reaches.
func (w *walker) damaged(pos, expected int64) (item, error) {
	it := item{pos: pos, end: w.end, base: expected, next: expected + 1, bad: true, last: true}
	h, err := w.header(pos)
	if errors.Is(err, record.ErrShort) {
		return it, nil
	}
	if err != nil {
		return item{}, err
	}
	it.next = expected + guessCount(h)
	sized := w.sized(h, pos)
	natural := pos + int64(h.Size())
	if sized && natural == w.end {
		it.whole = true
		return it, nil
	}
	// The batch's own length first: a record may itself hold record batches,
	// which a search by bytes would take for the log's.
	if sized {
		base, ok, err := w.validAt(natural, expected)
		if err != nil {
			return item{}, err
		}
		if ok {
			return item{pos: pos, end: natural, base: expected, next: base, bad: true, whole: true}, nil
		}
	}
	found, base, err := w.search(pos+1, expected)
	if err != nil {
		return item{}, err
	}
	if found >= 0 {
		return item{pos: pos, end: found, base: expected, next: base, bad: true, whole: true}, nil
	}
	// Nothing follows. If the checksum holds up to the end of the file, only
	// the length is wrong, and the batch was once whole.
	if it.whole, err = w.sound(pos, w.end); err != nil {
		return item{}, err
	}
	it.whole = it.whole || sized
	return it, nil
}

// guessCount is how many offsets a damaged batch may have held. Two fields of
// the header tell; one flipped bit spoils one of them, so the larger is safe,
// unless there is no room for so many records.
func guessCount(h record.Batch) int64 {
	const smallestRecord = 7
	byDelta, byCount := int64(h.LastOffsetDelta())+1, int64(h.Count())
	n := max(1, byDelta, byCount)
	if h.Attributes().Codec() == record.None {
		room := int64(h.Size()-record.HeaderSize) / smallestRecord
		if least := min(byDelta, byCount); n > room && room >= least {
			n = max(1, least)
		}
	}
	return n
}

// validAt reports whether a sound batch with a base offset above after starts
// at pos.
func (w *walker) validAt(pos, after int64) (base int64, ok bool, err error) {
	h, err := w.header(pos)
	if errors.Is(err, io.EOF) || errors.Is(err, record.ErrShort) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	base = h.BaseOffset()
	if base <= after || base-after > 1<<32 || !w.fits(h, pos, base, rules{}) {
		return 0, false, nil
	}
	ok, err = w.sound(pos, pos+int64(h.Size()))
	return base, ok, err
}

// search looks at every byte from pos on for a sound batch; -1 if there is
// none. It runs only behind damage.
func (w *walker) search(pos, after int64) (found, base int64, err error) {
	for {
		b, err := w.bytes(pos+16, 1)
		if errors.Is(err, io.EOF) {
			return -1, 0, nil
		}
		if err != nil {
			return 0, 0, err
		}
		n := len(b)
		i := bytes.IndexByte(b, 2) // the magic
		if i < 0 {
			pos += int64(n)
			continue
		}
		pos += int64(i)
		base, ok, err := w.validAt(pos, after)
		if err != nil || ok {
			return pos, base, err
		}
		pos++
	}
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
