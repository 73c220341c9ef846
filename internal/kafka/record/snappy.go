package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/s2"
)

// Snappy comes in two forms: the framing of Java's SnappyOutputStream (the
// "xerial" header, then blocks that each follow their length), and a bare
// block, which some other clients send. Java's reader takes both, and takes
// streams that follow one another.

// snappyMagic starts a framed stream; version and lowest compatible version
// follow, four bytes each.
const snappyMagic = "\x82SNAPPY\x00"

const (
	snappyHeaderSize = 16
	// snappyBlock is how many bytes a block of a framed stream holds, as in
	// Java's writer.
	snappyBlock = 32 << 10
	// maxSnappyRatio is the most that a byte can stand for: a copy of 64
	// bytes takes three.
	maxSnappyRatio = 22
)

var (
	errSnappyShort  = fmt.Errorf("%w: snappy data ends early", ErrCorrupt)
	errSnappyLength = fmt.Errorf("%w: snappy length cannot be right", ErrCorrupt)
)

func snappyFramed(src []byte) bool {
	return len(src) >= snappyHeaderSize && string(src[:len(snappyMagic)]) == snappyMagic
}

// snappyNext cuts the next block off the framed stream in src; it returns an
// empty block at the end.
func snappyNext(src []byte) (block, rest []byte, err error) {
	for snappyFramed(src) {
		src = src[snappyHeaderSize:]
	}
	if len(src) == 0 {
		return nil, nil, nil
	}
	if len(src) < 4 {
		return nil, nil, errSnappyShort
	}
	n := binary.BigEndian.Uint32(src)
	if n == 0 || int64(n) > int64(len(src)-4) {
		return nil, nil, errSnappyShort
	}
	return src[4 : 4+n], src[4+n:], nil
}

// snappyLen returns the size that a block declares, if it can be true.
func snappyLen(block []byte) (int, error) {
	n, used := binary.Uvarint(block)
	if used <= 0 || n > math.MaxInt32 || n > uint64(len(block)-used)*maxSnappyRatio {
		return 0, errSnappyLength
	}
	return int(n), nil
}

func snappyBound(src []byte) (int64, error) {
	if !snappyFramed(src) {
		n, err := snappyLen(src)
		return int64(n), err
	}
	var total int64
	for {
		block, rest, err := snappyNext(src)
		if err != nil || len(block) == 0 {
			return total, err
		}
		n, err := snappyLen(block)
		if err != nil {
			return 0, err
		}
		total += int64(n)
		src = rest
	}
}

// snappyReader expands snappy block by block.
type snappyReader struct {
	src    []byte
	framed bool
	buf    []byte // the last block, expanded
	rest   []byte // what of buf was not read yet
}

func (s *snappyReader) reset(src []byte) io.Reader {
	s.src, s.rest, s.framed = src, nil, snappyFramed(src)
	return s
}

func (s *snappyReader) release() {
	s.src, s.rest = nil, nil
	if cap(s.buf) > retainBytes {
		s.buf = nil
	}
}

// Read implements io.Reader.
func (s *snappyReader) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if len(s.src) == 0 {
			return 0, io.EOF
		}
		block := s.src
		if s.framed {
			var err error
			if block, s.src, err = snappyNext(s.src); err != nil {
				return 0, err
			}
			if len(block) == 0 {
				return 0, io.EOF
			}
		} else {
			s.src = nil
		}
		if err := s.expand(block); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *snappyReader) expand(block []byte) error {
	n, err := snappyLen(block)
	if err != nil {
		return err
	}
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	out, err := s2.Decode(s.buf[:n], block)
	if err != nil {
		return corrupt(err)
	}
	s.rest = out
	return nil
}

// appendSnappy writes the framed form, which is what Java's clients read
// fastest and what they write themselves.
func appendSnappy(dst, src []byte) []byte {
	dst = append(dst, snappyMagic...)
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 1)
	for len(src) > 0 {
		block := src[:min(len(src), snappyBlock)]
		src = src[len(block):]
		at := len(dst)
		room := s2.MaxEncodedLen(len(block))
		dst = reserve(dst, 4+room)
		out := s2.EncodeSnappy(dst[at+4:at+4+room], block)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(out)))
		dst = dst[:at+4+len(out)]
	}
	return dst
}

// reserve makes dst longer by n bytes of any content.
func reserve(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		bigger := make([]byte, len(dst), 2*cap(dst)+n)
		copy(bigger, dst)
		dst = bigger
	}
	return dst[:len(dst)+n]
}
