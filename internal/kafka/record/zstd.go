package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// Zstandard frames, RFC 8878. Java's clients declare a window of up to 128 MiB
// (level 22) even for a batch of a few bytes, and a decoder allocates its
// window at once; but no window is needed beyond what the frame can expand to,
// which its block headers tell. So the decoder is shown a window descriptor that
// fits.

const (
	zstdMagic       = 0xFD2FB528
	zstdSkipMagic   = 0x184D2A50
	zstdSkipMask    = 0xFFFFFFF0
	zstdMaxBlock    = 128 << 10
	zstdMaxWindow   = 128 << 20
	zstdSingle      = 0x20
	zstdReserved    = 0x08
	zstdChecksum    = 0x04
	zstdDictMask    = 0x03
	zstdRawBlock    = 0
	zstdRunBlock    = 1
	zstdPackedBlock = 2
)

var (
	errZstdHeader = fmt.Errorf("%w: zstd frame header", ErrCorrupt)
	errZstdBlock  = fmt.Errorf("%w: zstd block", ErrCorrupt)
	errZstdWindow = fmt.Errorf("%w: zstd window above %d MiB", ErrCorrupt, zstdMaxWindow>>20)
)

// zstdFrame is what the headers of one frame tell.
type zstdFrame struct {
	size     int   // of the whole frame
	bound    int64 // bytes that it cannot expand beyond
	window   int   // position of the window descriptor, 0 if there is none
	narrower byte  // the descriptor of the smallest window that is enough
}

// zstdScan walks the headers of the frame at the start of src.
func zstdScan(src []byte) (f zstdFrame, err error) {
	if len(src) < 8 {
		return f, errZstdHeader
	}
	if magic := binary.LittleEndian.Uint32(src); magic != zstdMagic {
		size := int64(binary.LittleEndian.Uint32(src[4:])) + 8
		if magic&zstdSkipMask != zstdSkipMagic || size > int64(len(src)) {
			return f, errZstdHeader
		}
		return zstdFrame{size: int(size)}, nil
	}
	desc := src[4]
	if desc&(zstdReserved|zstdDictMask) != 0 { // a dictionary is nothing a reader could have
		return f, errZstdHeader
	}
	pos := 5
	window := uint64(0)
	if desc&zstdSingle == 0 {
		f.window = pos
		exp, mantissa := src[pos]>>3, uint64(src[pos]&7)
		base := uint64(1) << (10 + exp)
		window = base + base/8*mantissa
		pos++
	}
	content, n := zstdContentSize(desc, src[pos:])
	if n < 0 {
		return f, errZstdHeader
	}
	pos += n
	if desc&zstdSingle != 0 {
		window = content
	}
	if window > zstdMaxWindow { // Java's decoder refuses more, too
		return f, errZstdWindow
	}
	f.bound, n, err = zstdBlocks(src[pos:], int64(min(max(window, 1<<10), zstdMaxBlock)))
	if err != nil {
		return f, err
	}
	pos += n
	if desc&zstdChecksum != 0 {
		pos += 4
	}
	if pos > len(src) || desc&zstdSingle != 0 && content > uint64(f.bound) {
		return f, errZstdBlock
	}
	f.size = pos
	f.narrower = zstdWindow(min(int64(window), max(f.bound, zstdMaxBlock)))
	return f, nil
}

// zstdContentSize reads the content size of a frame with that descriptor and
// returns how many bytes the field takes, -1 if they are not there.
func zstdContentSize(desc byte, p []byte) (size uint64, n int) {
	switch code := desc >> 6; {
	case code > 0:
		n = 1 << code
	case desc&zstdSingle != 0:
		n = 1
	}
	if n > len(p) {
		return 0, -1
	}
	var field [8]byte
	copy(field[:n], p)
	size = binary.LittleEndian.Uint64(field[:])
	if n == 2 {
		size += 256
	}
	return size, n
}

// zstdBlocks walks the block headers at the start of p, of blocks that expand
// to at most maxBlock bytes, and returns what all can expand to and how many
// bytes they take.
func zstdBlocks(p []byte, maxBlock int64) (bound int64, n int, err error) {
	for {
		if len(p)-n < 3 {
			return 0, 0, errZstdBlock
		}
		head := uint32(p[n]) | uint32(p[n+1])<<8 | uint32(p[n+2])<<16
		n += 3
		size := int(head >> 3)
		if int64(size) > maxBlock {
			return 0, 0, errZstdBlock
		}
		switch head >> 1 & 3 {
		case zstdRawBlock:
			bound += int64(size)
		case zstdRunBlock:
			bound += int64(size)
			size = 1
		case zstdPackedBlock:
			bound += maxBlock
		default:
			return 0, 0, errZstdBlock
		}
		if size > len(p)-n {
			return 0, 0, errZstdBlock
		}
		n += size
		if head&1 != 0 {
			return bound, n, nil
		}
	}
}

// zstdWindow returns the descriptor of the smallest power of two that is at
// least need.
func zstdWindow(need int64) byte {
	log := max(bits.Len64(uint64(max(need, 1)-1)), 10)
	return byte(log-10) << 3
}

func zstdBound(src []byte) (int64, error) {
	var total int64
	for first := true; first || len(src) > 0; first = false {
		f, err := zstdScan(src)
		if err != nil {
			return 0, err
		}
		total += f.bound
		src = src[f.size:]
	}
	return total, nil
}

// zstdSource gives frames to the decoder with narrowed windows. It hides that
// its bytes are in memory, since the decoder would then trust content sizes.
type zstdSource struct {
	src   []byte
	pos   int
	end   int // of the frame at pos
	patch int // position of the window descriptor to replace, -1 if none
	with  byte
}

// Read implements io.Reader.
func (s *zstdSource) Read(p []byte) (int, error) {
	if s.pos == len(s.src) {
		return 0, io.EOF
	}
	if s.pos == s.end {
		f, err := zstdScan(s.src[s.pos:])
		if err != nil {
			return 0, err
		}
		s.end = s.pos + f.size
		s.patch, s.with = -1, f.narrower
		if f.window > 0 && s.src[s.pos+f.window] > f.narrower {
			s.patch = s.pos + f.window
		}
	}
	n := copy(p, s.src[s.pos:s.end])
	if s.patch >= s.pos && s.patch < s.pos+n {
		p[s.patch-s.pos] = s.with
	}
	s.pos += n
	return n, nil
}

// zstdReader expands zstd frames.
type zstdReader struct {
	src zstdSource
	dec *zstd.Decoder
	big bool // the decoder had to grow
}

func (z *zstdReader) reset(src []byte, bound int64) (io.Reader, error) {
	z.src = zstdSource{src: src, patch: -1}
	z.big = bound > retainBytes
	if z.dec == nil {
		var err error
		// One decoder at a time starts no goroutine and needs no Close.
		z.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
	}
	if err := z.dec.Reset(&z.src); err != nil {
		return nil, corrupt(err)
	}
	return z.dec, nil
}

func (z *zstdReader) release() {
	z.src = zstdSource{}
	if z.big {
		z.dec = nil
		return
	}
	if err := z.dec.Reset(nil); err != nil {
		z.dec = nil
	}
}
