package log

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"sort"
	"sync"

	"github.com/headrace/headrace/internal/vfs"
)

// entry says that a batch with the offset base+rel starts at the byte pos of a
// segment, and that no batch before it has a timestamp above maxTs. So one list
// serves lookups by offset, by position and by time.
type entry struct {
	rel, pos uint32
	maxTs    int64
}

// index is a segment's sparse index: an entry about every 4 KiB of batches. All
// but the newest entries lie in pages in a file beside the segment; memory
// holds the first entry of each page and the page that is being filled, 20 KiB
// for a segment of 1 GiB. It is guarded by Log.mem.
//
// The file is never synced and never trusted: a page has a checksum, a lookup
// compares the batch that it finds with the entry that led there, and what is
// missing is made again from the segment.
type index struct {
	heads []entry // the first entry of each page of the file
	tail  []entry // the entries after those pages
	// from is where the entries begin: 0, or the segment's size when it was
	// opened, until the part before has been loaded.
	from int64
	last int64 // position of the newest entry; -1: none
}

const (
	pageBytes   = 4096
	entryBytes  = 16
	pageEntries = (pageBytes - pageHeader) / entryBytes
	pageHeader  = 32
	pageMagic   = "HRIX\x00\x00\x00\x01"
)

func newIndex(from int64) *index { return &index{from: from, last: -1} }

// note adds an entry for the batch at pos unless the newest one is close.
func (x *index) note(rel int64, pos int64, maxTs int64, interval int) {
	if x.last >= 0 && pos-x.last < int64(interval) {
		return
	}
	x.tail = append(x.tail, entry{rel: uint32(rel), pos: uint32(pos), maxTs: maxTs})
	x.last = pos
}

func (x *index) count() int { return len(x.heads)*pageEntries + len(x.tail) }

// order compares an entry with what is looked for: it reports whether the
// entry lies behind it.
type order func(e entry) bool

func byOffset(rel int64) order { return func(e entry) bool { return int64(e.rel) > rel } }
func byPos(pos int64) order    { return func(e entry) bool { return int64(e.pos) > pos } }

// byTime finds the last entry before which no timestamp reaches ts.
func byTime(ts int64) order { return func(e entry) bool { return e.maxTs >= ts } }

// find returns the last entry that is not behind. If that lies in a page of the
// file, page is its number and e the page's first entry; else page is -1.
func (x *index) find(behind order) (e entry, page int) {
	if i := lastNot(x.tail, behind); i >= 0 {
		return x.tail[i], -1
	}
	if i := lastNot(x.heads, behind); i >= 0 {
		return x.heads[i], i
	}
	return entry{maxTs: noTimestamp}, -1
}

func lastNot(v []entry, behind order) int {
	return sort.Search(len(v), func(i int) bool { return behind(v[i]) }) - 1
}

// encodePage writes a page of at most pageEntries entries.
//
//	magic 8 | base offset 8 | page number 4 | entries 4 | reserved 4 | crc32c 4 | entries of 16
func encodePage(b *[pageBytes]byte, base int64, number int, v []entry) {
	clear(b[:])
	copy(b[:8], pageMagic)
	binary.BigEndian.PutUint64(b[8:], uint64(base))
	binary.BigEndian.PutUint32(b[16:], uint32(number))
	binary.BigEndian.PutUint32(b[20:], uint32(len(v)))
	for i, e := range v {
		p := b[pageHeader+i*entryBytes:]
		binary.BigEndian.PutUint32(p, e.rel)
		binary.BigEndian.PutUint32(p[4:], e.pos)
		binary.BigEndian.PutUint64(p[8:], uint64(e.maxTs))
	}
	binary.BigEndian.PutUint32(b[28:], pageCRC(b))
}

func pageCRC(b *[pageBytes]byte) uint32 {
	c := crc32.Checksum(b[:28], castagnoli)
	return crc32.Update(c, castagnoli, b[pageHeader:])
}

// decodePage returns the number of entries of a page, or ok false if it is not
// page number of the index of base.
func decodePage(b *[pageBytes]byte, base int64, number int) (n int, ok bool) {
	n = int(binary.BigEndian.Uint32(b[20:]))
	ok = string(b[:8]) == pageMagic && int64(binary.BigEndian.Uint64(b[8:])) == base &&
		int(binary.BigEndian.Uint32(b[16:])) == number && n > 0 && n <= pageEntries &&
		binary.BigEndian.Uint32(b[28:]) == pageCRC(b)
	return n, ok
}

func pageEntry(b *[pageBytes]byte, i int) entry {
	p := b[pageHeader+i*entryBytes:]
	return entry{
		rel:   binary.BigEndian.Uint32(p),
		pos:   binary.BigEndian.Uint32(p[4:]),
		maxTs: int64(binary.BigEndian.Uint64(p[8:])),
	}
}

var pagePool = sync.Pool{New: func() any { return new([pageBytes]byte) }}

// findInPage refines a find that ended in a page of the file. It returns hint,
// the page's first entry, if the page cannot be read: the lookup is slower then.
func findInPage(fs vfs.FS, seg *segment, page int, hint entry, behind order) entry {
	f, err := fs.OpenFile(seg.indexPath(), os.O_RDONLY, 0)
	if err != nil {
		return hint
	}
	defer func() { _ = f.Close() }()
	b := pagePool.Get().(*[pageBytes]byte)
	defer pagePool.Put(b)
	if _, err := f.ReadAt(b[:], int64(page)*pageBytes); err != nil {
		return hint
	}
	n, ok := decodePage(b, seg.base, page)
	if !ok || pageEntry(b, 0) != hint {
		return hint
	}
	if i := sort.Search(n, func(i int) bool { return behind(pageEntry(b, i)) }) - 1; i >= 0 {
		return pageEntry(b, i)
	}
	return hint
}

// writePages stores the entries v as the pages from number first on. A short
// page may only be the last of a sealed segment.
func writePages(fs vfs.FS, seg *segment, first int, v []entry) error {
	f, err := fs.OpenFile(seg.indexPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	b := pagePool.Get().(*[pageBytes]byte)
	defer pagePool.Put(b)
	for len(v) > 0 {
		n := min(len(v), pageEntries)
		encodePage(b, seg.base, first, v[:n])
		if _, err = f.WriteAt(b[:], int64(first)*pageBytes); err != nil {
			break
		}
		v, first = v[n:], first+1
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// readPages returns the first entries of the file's sound pages, the entries of
// a last short page, and the newest entry of all. Pages that point at or behind
// limit, or out of order, are left out with all after them.
func readPages(fs vfs.FS, seg *segment, limit int64) (heads, short []entry, newest entry) {
	newest = entry{maxTs: noTimestamp}
	f, err := fs.OpenFile(seg.indexPath(), os.O_RDONLY, 0)
	if err != nil {
		return nil, nil, newest
	}
	defer func() { _ = f.Close() }()
	b := pagePool.Get().(*[pageBytes]byte)
	defer pagePool.Put(b)
	for number := 0; ; number++ {
		if _, err := f.ReadAt(b[:], int64(number)*pageBytes); err != nil {
			return heads, nil, newest
		}
		n, ok := decodePage(b, seg.base, number)
		if !ok || number > 0 && pageEntry(b, 0).pos <= newest.pos || int64(pageEntry(b, n-1).pos) >= limit {
			return heads, nil, newest
		}
		newest = pageEntry(b, n-1)
		if n == pageEntries {
			heads = append(heads, pageEntry(b, 0))
			continue
		}
		for i := range n {
			short = append(short, pageEntry(b, i))
		}
		return heads, short, newest
	}
}
