package record

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrCodec says that a batch names a compression codec that does not exist.
var ErrCodec = errors.New("unknown compression codec")

// ErrTooLarge says that records expand beyond the limit that the caller set.
var ErrTooLarge = errors.New("records expand beyond the limit")

// codecNames are the codecs' names, as in compression.type.
var codecNames = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd"}

// String returns the codec's name as Kafka's tools print it.
func (c Codec) String() string {
	if c >= 0 && int(c) < len(codecNames) {
		return codecNames[c]
	}
	return fmt.Sprintf("codec(%d)", int8(c))
}

// Valid reports whether c is one of Kafka's codecs.
func (c Codec) Valid() bool { return c >= None && c <= Zstd }

// maxGzipRatio is how many bytes one byte of deflate can stand for: a match of
// 258 bytes in two bits.
const maxGzipRatio = 1032

// Bound returns a number of bytes that src cannot expand beyond, and costs next
// to nothing: zstd's and lz4's block headers are walked, snappy's length prefix
// is read, gzip's highest ratio is taken. Errors wrap ErrCorrupt, if src does
// not have the codec's outer form, or ErrCodec.
func Bound(c Codec, src []byte) (int64, error) {
	switch c {
	case None:
		return int64(len(src)), nil
	case Gzip:
		if len(src) < 18 || src[0] != 0x1f || src[1] != 0x8b || src[2] != 8 {
			return 0, errGzip
		}
		return int64(len(src)) * maxGzipRatio, nil
	case Snappy:
		return snappyBound(src)
	case LZ4:
		return lz4Bound(src)
	case Zstd:
		return zstdBound(src)
	}
	return 0, ErrCodec
}

var errGzip = fmt.Errorf("%w: no gzip data", ErrCorrupt)

// Decompressor expands records and reads them as a stream. It keeps decoders
// and buffers for the next use; the zero value is ready. One goroutine at a
// time may use it: owners with many goroutines keep a sync.Pool.
//
// No length that src declares is trusted: memory grows with what was really
// expanded, and a decoder that had to grow beyond retainBytes is dropped.
type Decompressor struct {
	gzip   gzipReader
	snappy snappyReader
	lz4    lz4Reader
	zstd   zstdReader
	walk   []byte // window of Validate over expanded records
}

// retainBytes bounds what a Decompressor keeps of each buffer between uses.
const retainBytes = 8 << 20

// open returns a reader of what src expands to, and the Bound of that. It is
// valid until the next open of the same codec. Errors wrap ErrCorrupt.
func (d *Decompressor) open(c Codec, src []byte) (r io.Reader, bound int64, err error) {
	bound, err = Bound(c, src)
	if err != nil {
		return nil, 0, err
	}
	switch c {
	case Gzip:
		r, err = d.gzip.reset(src)
	case Snappy:
		r = d.snappy.reset(src)
	case LZ4:
		r, err = d.lz4.reset(src)
	case Zstd:
		r, err = d.zstd.reset(src, bound)
	default:
		err = ErrCodec
	}
	return r, bound, err
}

// release drops the reference to the last src, and what grew too large.
func (d *Decompressor) release(c Codec) {
	switch c {
	case Gzip:
		d.gzip.release()
	case Snappy:
		d.snappy.release()
	case LZ4:
		d.lz4.release()
	case Zstd:
		d.zstd.release()
	}
}

// Append appends what src expands to, at most limit bytes, to dst and returns
// it; on an error it returns dst as it was. Errors wrap ErrCorrupt, ErrCodec or
// ErrTooLarge. With None it copies.
func (d *Decompressor) Append(dst, src []byte, c Codec, limit int) ([]byte, error) {
	if c == None {
		if len(src) > limit {
			return dst, ErrTooLarge
		}
		return append(dst, src...), nil
	}
	r, bound, err := d.open(c, src)
	if err != nil {
		return dst, err
	}
	defer d.release(c)
	base := len(dst)
	out := dst
	for {
		if len(out) == cap(out) {
			out = grow(out, base, bound, len(src))
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out)-base > limit:
			return dst, ErrTooLarge
		case err == io.EOF:
			return out, nil
		case err != nil:
			return dst, corrupt(err)
		}
	}
}

// grow makes room for the next piece: as much as there is already, at least
// four times the compressed size, and no more than the bound needs.
func grow(out []byte, base int, bound int64, compressed int) []byte {
	have := len(out) - base
	more := max(4*compressed, have, 512)
	if rest := bound - int64(have); rest < int64(more) {
		more = int(max(rest, 0)) + 1 // one byte to meet the end of the stream
	}
	bigger := make([]byte, len(out), len(out)+more)
	copy(bigger, out)
	return bigger
}

// Measure returns how many bytes src expands to, without keeping them. It stops
// with ErrTooLarge beyond limit.
func (d *Decompressor) Measure(src []byte, c Codec, limit int) (int, error) {
	r, _, err := d.open(c, src)
	if err != nil {
		return 0, err
	}
	defer d.release(c)
	window := d.window()
	total := 0
	for {
		n, err := r.Read(window)
		total += n
		switch {
		case total > limit:
			return 0, ErrTooLarge
		case err == io.EOF:
			return total, nil
		case err != nil:
			return 0, corrupt(err)
		}
	}
}

// Records returns the batch's records uncompressed: a view on b if they are not
// compressed, else appended to dst (and dst[:0] is the buffer to pass the next
// time). limit bounds the expanded size; 0 means no bound but 2 GiB.
func (d *Decompressor) Records(dst []byte, b Batch, limit int) ([]byte, error) {
	c := b.Attributes().Codec()
	if c == None {
		return b.Records(), nil
	}
	if limit <= 0 {
		limit = math.MaxInt32
	}
	return d.Append(dst, b.Records(), c, limit)
}

// walkBytes is the size of the window through which expanded records are read
// when nobody wants to keep them.
const walkBytes = 32 << 10

func (d *Decompressor) window() []byte {
	if d.walk == nil {
		d.walk = make([]byte, walkBytes)
	}
	return d.walk
}

// corrupt makes an error of a codec's library one of ours.
func corrupt(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
