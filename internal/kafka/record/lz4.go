package record

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

// LZ4 frames as Kafka's Lz4BlockInputStream reads them: one frame with
// independent blocks; the content's size and checksum are passed over. Blocks
// that depend on one another are refused, since no Java client could read them.

const (
	lz4Magic       = 0x184D2204
	lz4Version     = 0x40
	lz4Independent = 0x20
	lz4BlockSum    = 0x10
	lz4ContentSize = 0x08
	lz4ContentSum  = 0x04
	lz4Reserved    = 0x03
	lz4Raw         = 1 << 31
	// maxLZ4Ratio is the most that a byte of a block can stand for.
	maxLZ4Ratio = 255
	// lz4BlockCode and lz4Block are the block size of Kafka's writer.
	lz4BlockCode = 4
	lz4Block     = 64 << 10
)

var (
	errLZ4Header = fmt.Errorf("%w: lz4 frame header", ErrCorrupt)
	errLZ4Block  = fmt.Errorf("%w: lz4 block", ErrCorrupt)
	errLZ4Sum    = fmt.Errorf("%w: lz4 checksum", ErrCorrupt)
)

// lz4Frame is the header of a frame and the blocks that follow it.
type lz4Frame struct {
	rest     []byte
	maxBlock int
	flags    byte
}

func lz4Open(src []byte) (f lz4Frame, err error) {
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return f, errLZ4Header
	}
	f.flags = src[4]
	code := src[5] >> 4
	if f.flags&0xc0 != lz4Version || f.flags&lz4Independent == 0 || f.flags&lz4Reserved != 0 ||
		src[5]&0x8f != 0 || code < 4 || code > 7 {
		return f, errLZ4Header
	}
	f.maxBlock = 1 << (2*code + 8)
	end := 6
	if f.flags&lz4ContentSize != 0 {
		end += 8
	}
	if len(src) <= end || byte(xxhash32(src[4:end])>>8) != src[end] {
		return f, errLZ4Header
	}
	f.rest = src[end+1:]
	return f, nil
}

// next cuts the next block off; an empty one is the end of the frame. raw says
// that the block is not compressed; sum is its checksum, if it has one.
func (f *lz4Frame) next() (block []byte, raw bool, sum []byte, err error) {
	if len(f.rest) < 4 {
		return nil, false, nil, errLZ4Block
	}
	word := binary.LittleEndian.Uint32(f.rest)
	f.rest = f.rest[4:]
	if word == 0 {
		return nil, false, nil, f.end()
	}
	raw = word&lz4Raw != 0
	n := int(word &^ lz4Raw)
	if n == 0 || n > f.maxBlock || n > len(f.rest) {
		return nil, false, nil, errLZ4Block
	}
	block, f.rest = f.rest[:n], f.rest[n:]
	if f.flags&lz4BlockSum != 0 {
		if len(f.rest) < 4 {
			return nil, false, nil, errLZ4Block
		}
		sum, f.rest = f.rest[:4], f.rest[4:]
	}
	return block, raw, sum, nil
}

// end checks what may follow the last block.
func (f *lz4Frame) end() error {
	if f.flags&lz4ContentSum != 0 {
		if len(f.rest) < 4 {
			return errLZ4Block
		}
		f.rest = f.rest[4:]
	}
	return nil
}

// room bounds what a block of n bytes expands to.
func (f *lz4Frame) room(n int, raw bool) int {
	if raw {
		return n
	}
	return min(f.maxBlock, n*maxLZ4Ratio)
}

func lz4Bound(src []byte) (int64, error) {
	f, err := lz4Open(src)
	if err != nil {
		return 0, err
	}
	var total int64
	for {
		block, raw, _, err := f.next()
		if err != nil || len(block) == 0 {
			return total, err
		}
		total += int64(f.room(len(block), raw))
	}
}

// lz4Reader expands a frame block by block.
type lz4Reader struct {
	frame lz4Frame
	buf   []byte
	rest  []byte
	done  bool
}

func (l *lz4Reader) reset(src []byte) (io.Reader, error) {
	var err error
	l.frame, err = lz4Open(src)
	l.rest, l.done = nil, false
	return l, err
}

func (l *lz4Reader) release() { l.frame.rest, l.rest = nil, nil }

// Read implements io.Reader.
func (l *lz4Reader) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.done {
			return 0, io.EOF
		}
		block, raw, sum, err := l.frame.next()
		if err != nil {
			return 0, err
		}
		if len(block) == 0 {
			l.done = true
			continue
		}
		if sum != nil && binary.LittleEndian.Uint32(sum) != xxhash32(block) {
			return 0, errLZ4Sum
		}
		if raw {
			l.rest = block
			continue
		}
		if err := l.expand(block); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lz4Reader) expand(block []byte) error {
	room := l.frame.room(len(block), false)
	if cap(l.buf) < room {
		l.buf = make([]byte, room)
	}
	n, err := lz4.UncompressBlock(block, l.buf[:room])
	if err != nil {
		return corrupt(err)
	}
	l.rest = l.buf[:n]
	return nil
}

// lz4Writer makes frames as Kafka's Lz4BlockOutputStream does.
type lz4Writer struct {
	fast lz4.Compressor
	best lz4.CompressorHC
}

// lz4DefaultLevel selects the fast compressor, as in Kafka; the other levels
// select the thorough one.
const lz4DefaultLevel = 9

func (w *lz4Writer) append(dst, src []byte, level Level) ([]byte, error) {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	dst = append(dst, lz4Version|lz4Independent, lz4BlockCode<<4)
	dst = append(dst, byte(xxhash32(dst[at+4:])>>8))
	for len(src) > 0 {
		block := src[:min(len(src), lz4Block)]
		src = src[len(block):]
		at := len(dst)
		dst = reserve(dst, 4+lz4.CompressBlockBound(len(block)))
		n, err := w.block(block, dst[at+4:], level)
		if err != nil {
			return nil, fmt.Errorf("lz4: %w", err)
		}
		word := uint32(n)
		if n == 0 || n >= len(block) {
			n = copy(dst[at+4:], block)
			word = uint32(n) | lz4Raw
		}
		binary.LittleEndian.PutUint32(dst[at:], word)
		dst = dst[:at+4+n]
	}
	return append(dst, 0, 0, 0, 0), nil
}

func (w *lz4Writer) block(src, dst []byte, level Level) (int, error) {
	if level.isDefault() || level.n == lz4DefaultLevel {
		return w.fast.CompressBlock(src, dst)
	}
	w.best.Level = lz4.CompressionLevel(1 << (8 + min(max(level.n, 1), 9)))
	return w.best.CompressBlock(src, dst)
}
