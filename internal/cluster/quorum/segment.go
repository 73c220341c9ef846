package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/vfs"
	pb "go.etcd.io/raft/v3/raftpb"
)

// A log segment is a file "<first index, 20 digits>.entries": a header, then
// entries back to back. docs/format/metadata-log.md has the byte diagrams.
const (
	segmentSuffix     = ".entries"
	tmpSuffix         = ".tmp"
	segmentMagic      = 0x48524d4c4f473031 // "HRMLOG01"
	segmentHeaderSize = 24
	entryHeaderSize   = 40
	// maxEntryBytes bounds one entry's payload: what Kafka calls
	// MAX_BATCH_SIZE_BYTES of its controller is 8 MiB; twice that leaves room.
	maxEntryBytes = 16 << 20
)

// entryRef locates one entry in its segment.
type entryRef struct {
	term uint64
	pos  int64 // of the entry's header
	size int32 // of the payload
	typ  pb.EntryType
}

func (r entryRef) end() int64 { return r.pos + entryHeaderSize + int64(r.size) }

// segment is one open log file. refs[i] is the entry with index first+i.
type segment struct {
	first uint64
	path  string
	file  vfs.File
	refs  []entryRef
}

func (s *segment) last() uint64 { return s.first + uint64(len(s.refs)) - 1 }

// end returns the position after the last entry.
func (s *segment) end() int64 {
	if len(s.refs) == 0 {
		return segmentHeaderSize
	}
	return s.refs[len(s.refs)-1].end()
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// parseSegmentName returns the first index in a segment's file name.
func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// createSegment makes an empty segment durable: header synced, then the
// directory.
func createSegment(fsys vfs.FS, dir string, first uint64) (*segment, error) {
	path := filepath.Join(dir, segmentName(first))
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create metadata log segment: %w", err)
	}
	h := make([]byte, segmentHeaderSize)
	binary.BigEndian.PutUint64(h[4:], segmentMagic)
	binary.BigEndian.PutUint64(h[12:], first)
	binary.BigEndian.PutUint32(h, crc32.Checksum(h[4:], castagnoli))
	if _, err = f.WriteAt(h, 0); err == nil {
		if err = errors.Join(f.Sync(), fsys.SyncDir(dir)); err != nil {
			err = &syncError{err}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create metadata log segment %s: %w", path, err), f.Close())
	}
	return &segment{first: first, path: path, file: f}, nil
}

// appendEntry encodes e behind b. durable is the index below which everything
// was on stable storage when e was written: it tells a torn write, which may
// have whole entries of the same write behind it, from damage.
func appendEntry(b []byte, e *pb.Entry, durable uint64) []byte {
	start := len(b)
	data := e.GetData()
	b = append(b, make([]byte, entryHeaderSize)...)
	h := b[start:]
	be := binary.BigEndian
	be.PutUint32(h[4:], uint32(len(data)))
	be.PutUint64(h[8:], e.GetIndex())
	be.PutUint64(h[16:], e.GetTerm())
	be.PutUint64(h[24:], durable)
	h[32] = byte(e.GetType())
	be.PutUint32(h[36:], crc32.Checksum(data, castagnoli))
	be.PutUint32(h, crc32.Checksum(h[4:entryHeaderSize], castagnoli))
	return append(b, data...)
}

// entryHeader is the decoded head of a stored entry.
type entryHeader struct {
	index, term uint64
	durable     uint64 // all entries below were synced before this was written
	size        uint32
	typ         pb.EntryType
	dataCRC     uint32
}

// decodeEntryHeader checks the header's own CRC and its bounds.
func decodeEntryHeader(h []byte) (entryHeader, bool) {
	be := binary.BigEndian
	if len(h) < entryHeaderSize || be.Uint32(h) != crc32.Checksum(h[4:entryHeaderSize], castagnoli) {
		return entryHeader{}, false
	}
	out := entryHeader{
		size: be.Uint32(h[4:]), index: be.Uint64(h[8:]), term: be.Uint64(h[16:]),
		durable: be.Uint64(h[24:]), typ: pb.EntryType(h[32]), dataCRC: be.Uint32(h[36:]),
	}
	return out, out.size <= maxEntryBytes && out.typ <= pb.EntryConfChangeV2
}

// stop says why the scan of a segment ended before the file did.
type stop struct {
	pos    int64  // where the bad structure begins
	torn   bool   // explained by a write that did not finish (file too short)
	reason string // "" where the segment ended cleanly
}

// openSegment opens a file and reads all its entries' headers, checking every
// CRC. It stops at the first structure that is not whole; what that means is
// the caller's decision.
func openSegment(fsys vfs.FS, dir, name string, first uint64) (*segment, stop, error) {
	path := filepath.Join(dir, name)
	f, err := fsys.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, stop{}, fmt.Errorf("open metadata log segment: %w", err)
	}
	s := &segment{first: first, path: path, file: f}
	b, err := readAll(f)
	if err != nil {
		return nil, stop{}, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	return s, s.scan(b), nil
}

// readAll reads a whole file: a segment is a few MiB at most.
func readAll(f vfs.File) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if int64(n) != size {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

func (s *segment) scan(b []byte) stop {
	if len(b) < segmentHeaderSize {
		return stop{torn: true, reason: "segment header is not whole"}
	}
	be := binary.BigEndian
	if be.Uint32(b) != crc32.Checksum(b[4:segmentHeaderSize], castagnoli) || be.Uint64(b[4:]) != segmentMagic {
		return stop{reason: "segment header has a bad CRC"}
	}
	if be.Uint64(b[12:]) != s.first {
		return stop{reason: fmt.Sprintf("segment header says first index %d", be.Uint64(b[12:]))}
	}
	for pos := int64(segmentHeaderSize); pos < int64(len(b)); {
		rest := b[pos:]
		if len(rest) < entryHeaderSize {
			return stop{pos: pos, torn: true, reason: "entry header is not whole"}
		}
		h, ok := decodeEntryHeader(rest)
		if !ok {
			return stop{pos: pos, reason: "entry header has a bad CRC"}
		}
		if want := s.first + uint64(len(s.refs)); h.index != want {
			return stop{pos: pos, reason: fmt.Sprintf("entry has index %d, want %d", h.index, want)}
		}
		if len(rest) < entryHeaderSize+int(h.size) {
			return stop{pos: pos, torn: true, reason: "entry payload is not whole"}
		}
		if crc32.Checksum(rest[entryHeaderSize:entryHeaderSize+int(h.size)], castagnoli) != h.dataCRC {
			return stop{pos: pos, reason: "entry payload has a bad CRC"}
		}
		ref := entryRef{term: h.term, pos: pos, size: int32(h.size), typ: h.typ}
		s.refs = append(s.refs, ref)
		pos = ref.end()
	}
	return stop{pos: s.end()}
}

// laterWrite tells whether a whole entry lies behind pos that was written after
// entry i had been synced. If so the bad bytes of i are damage, not a torn
// write: a write that was never acknowledged has nothing later behind it.
func (s *segment) laterWrite(pos int64, i uint64) (bool, error) {
	b, err := readAll(s.file)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", s.path, err)
	}
	for at := pos + 1; at+entryHeaderSize <= int64(len(b)); at++ {
		h, ok := decodeEntryHeader(b[at:])
		if !ok || h.durable <= i || at+entryHeaderSize+int64(h.size) > int64(len(b)) {
			continue
		}
		data := b[at+entryHeaderSize:][:h.size]
		if crc32.Checksum(data, castagnoli) == h.dataCRC {
			return true, nil
		}
	}
	return false, nil
}

// read returns the entry with index i, checking its CRC again: a bit may have
// flipped since it was written.
func (s *segment) read(i uint64) (*pb.Entry, error) {
	ref := s.refs[i-s.first]
	b := make([]byte, entryHeaderSize+int(ref.size))
	if n, err := s.file.ReadAt(b, ref.pos); n < len(b) {
		return nil, fmt.Errorf("read %s at %d: %w", s.path, ref.pos, err)
	}
	h, ok := decodeEntryHeader(b)
	data := b[entryHeaderSize:]
	if !ok || h.index != i || h.term != ref.term || crc32.Checksum(data, castagnoli) != h.dataCRC {
		return nil, corruptf(s.path, ref.pos, "entry %d changed on disk", i)
	}
	return newEntry(h, data), nil
}

func newEntry(h entryHeader, data []byte) *pb.Entry {
	if len(data) == 0 {
		data = nil
	}
	return &pb.Entry{Term: new(h.term), Index: new(h.index), Type: h.typ.Enum(), Data: data}
}
