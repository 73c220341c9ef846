package record

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Level is a compression level on the codec's own scale, as in
// compression.gzip.level (1 to 9), compression.lz4.level (1 to 17) and
// compression.zstd.level (-131072 to 22). The zero value is the codec's
// default.
type Level struct {
	set bool
	n   int
}

// LevelOf returns the level with that number.
func LevelOf(n int) Level { return Level{set: true, n: n} }

func (l Level) isDefault() bool { return !l.set }

// Compressor compresses records. It keeps encoders for the next use; the zero
// value is ready. One goroutine at a time may use it.
type Compressor struct {
	gzip      *gzip.Writer
	gzipLevel Level
	out       bytes.Buffer
	lz4       lz4Writer
	zstd      *zstd.Encoder
	zstdLevel Level
}

// Append appends src, compressed, to dst and returns it. With None it copies.
func (c *Compressor) Append(dst, src []byte, codec Codec, level Level) ([]byte, error) {
	switch codec {
	case None:
		return append(dst, src...), nil
	case Gzip:
		return c.appendGzip(dst, src, level)
	case Snappy:
		return appendSnappy(dst, src), nil
	case LZ4:
		return c.lz4.append(dst, src, level)
	case Zstd:
		return c.appendZstd(dst, src, level)
	}
	return nil, ErrCodec
}

func (c *Compressor) appendGzip(dst, src []byte, level Level) ([]byte, error) {
	if c.gzip == nil || c.gzipLevel != level {
		n := gzip.DefaultCompression
		if level.set {
			n = level.n
		}
		w, err := gzip.NewWriterLevel(&c.out, n)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		c.gzip, c.gzipLevel = w, level
	}
	c.out.Reset()
	c.gzip.Reset(&c.out)
	if _, err := c.gzip.Write(src); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	if err := c.gzip.Close(); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	dst = append(dst, c.out.Bytes()...)
	if c.out.Cap() > retainBytes {
		c.out = bytes.Buffer{}
	}
	return dst, nil
}

// zstdEncoderWindow bounds the memory of an encoder, and of every consumer that
// reads the batch.
const zstdEncoderWindow = 1 << 20

func (c *Compressor) appendZstd(dst, src []byte, level Level) ([]byte, error) {
	if c.zstd == nil || c.zstdLevel != level {
		speed := zstd.SpeedDefault
		if level.set {
			speed = zstd.EncoderLevelFromZstd(level.n)
		}
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(zstdEncoderWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		c.zstd, c.zstdLevel = enc, level
	}
	return c.zstd.EncodeAll(src, dst), nil
}
