package record

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

var packed = []Codec{Gzip, Snappy, LZ4, Zstd}

// samples are contents of many sizes: text, zeroes, and noise.
func samples() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var out [][]byte
	for _, n := range []int{0, 1, 100, 32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 64<<10 + 1, 300 << 10} {
		text, noise := make([]byte, n), make([]byte, n)
		for i := range n {
			text[i] = "stream of events "[(i+i/97)%17]
			noise[i] = byte(rng.Uint32())
		}
		out = append(out, text, noise, make([]byte, n))
	}
	return out
}

func TestCodecsRoundTrip(t *testing.T) {
	var c Compressor
	var d Decompressor
	for _, codec := range packed {
		levels := map[Codec][]Level{
			Gzip: {{}, LevelOf(1), LevelOf(9)}, Snappy: {{}},
			LZ4: {{}, LevelOf(1), LevelOf(9), LevelOf(17)}, Zstd: {{}, LevelOf(-5), LevelOf(22)},
		}[codec]
		for _, level := range levels {
			for _, want := range samples() {
				p, err := c.Append([]byte("front"), want, codec, level)
				if err != nil {
					t.Fatal(err)
				}
				p = p[len("front"):]
				got, err := d.Append([]byte("front"), p, codec, len(want))
				if err != nil || !bytes.Equal(got, append([]byte("front"), want...)) {
					t.Fatalf("%s %v of %d bytes: got %d, %v", codec, level, len(want), len(got), err)
				}
				if n, err := d.Measure(p, codec, len(want)); n != len(want) || err != nil {
					t.Errorf("%s: measured %d of %d, %v", codec, n, len(want), err)
				}
				if bound, err := Bound(codec, p); err != nil || bound < int64(len(want)) {
					t.Errorf("%s: bound %d of %d, %v", codec, bound, len(want), err)
				}
				if len(want) == 0 {
					continue
				}
				if got, err := d.Append(nil, p, codec, len(want)-1); !errors.Is(err, ErrTooLarge) || got != nil {
					t.Errorf("%s: one byte too many gave %v", codec, err)
				}
				if _, err := d.Append(nil, p[:len(p)-1], codec, len(want)); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: cut by a byte gave %v", codec, err)
				}
			}
		}
	}
}

// TestForeignForms reads what other writers make of the same codecs.
func TestForeignForms(t *testing.T) {
	want := bytes.Repeat([]byte("event streaming "), 20_000)
	half := len(want) / 2
	lz4With := func(o ...lz4.Option) []byte {
		var buf bytes.Buffer
		w := lz4.NewWriter(&buf)
		if err := w.Apply(o...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	enc := func(o ...zstd.EOption) *zstd.Encoder {
		e, err := zstd.NewWriter(nil, append(o, zstd.WithEncoderConcurrency(1))...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	skippable := append([]byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	gz := func(p []byte) []byte {
		out, err := new(Compressor).Append(nil, p, Gzip, Level{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		codec Codec
		src   []byte
	}{
		{"bare snappy", Snappy, s2.EncodeSnappy(nil, want)},
		{"two framed snappy streams", Snappy, append(appendSnappy(nil, want[:half]), appendSnappy(nil, want[half:])...)},
		{"lz4 with content checksum", LZ4, lz4With(lz4.ChecksumOption(true))},
		{"lz4 with block checksums", LZ4, lz4With(lz4.BlockChecksumOption(true), lz4.ChecksumOption(false))},
		{"lz4 with content size", LZ4, lz4With(lz4.SizeOption(uint64(len(want))))},
		{"lz4 with blocks of 256 KiB", LZ4, lz4With(lz4.BlockSizeOption(lz4.Block256Kb))},
		{"zstd of one segment", Zstd, enc(zstd.WithSingleSegment(true)).EncodeAll(want, nil)},
		{"zstd with a window of 128 MiB", Zstd, enc(zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false)).EncodeAll(want, nil)},
		{"zstd without checksum", Zstd, enc(zstd.WithEncoderCRC(false)).EncodeAll(want, nil)},
		{"two zstd frames", Zstd, enc().EncodeAll(want[half:], enc().EncodeAll(want[:half], nil))},
		{"zstd with skippable frames", Zstd, append(enc().EncodeAll(want, bytes.Clone(skippable)), skippable...)},
		{"two gzip members", Gzip, append(gz(want[:half]), gz(want[half:])...)},
	} {
		got, err := new(Decompressor).Append(nil, tc.src, tc.codec, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", tc.name, len(got), err)
		}
		if bound, err := Bound(tc.codec, tc.src); err != nil || bound < int64(len(want)) {
			t.Errorf("%s: bound %d, %v", tc.name, bound, err)
		}
	}
}

// TestDecompressorAfterErrors: a failed use leaves nothing behind.
func TestDecompressorAfterErrors(t *testing.T) {
	want := bytes.Repeat([]byte("abc"), 50_000)
	var c Compressor
	var d Decompressor
	for _, codec := range packed {
		p, err := c.Append(nil, want, codec, Level{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			broken := bytes.Clone(p)
			broken[len(p)*2/3] ^= 0x55
			_, _ = d.Append(nil, broken, codec, len(want)) // snappy has no checksum: it may pass
			if _, err := d.Append(nil, p[:len(p)/2], codec, len(want)); err == nil {
				t.Errorf("%s: half was enough", codec)
			}
			got, err := d.Append(nil, p, codec, len(want))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %v", codec, err)
			}
		}
	}
	for _, codec := range []Codec{5, 6, 7, -1} {
		if _, err := d.Append(nil, nil, codec, 9); !errors.Is(err, ErrCodec) {
			t.Errorf("%s: %v", codec, err)
		}
		if _, err := c.Append(nil, nil, codec, Level{}); !errors.Is(err, ErrCodec) {
			t.Errorf("%s: %v", codec, err)
		}
	}
}

func TestXXHash32(t *testing.T) {
	for in, want := range map[string]uint32{
		"": 0x02cc5d05, "a": 0x550d7456, "abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		if got := xxhash32([]byte(in)); got != want {
			t.Errorf("xxhash32(%q) = %08x, want %08x", in, got, want)
		}
	}
}

// FuzzDecompress: no panic, no more bytes than the bound allows, the same
// whether kept or measured, and the same as another implementation's.
func FuzzDecompress(f *testing.F) {
	var c Compressor
	for _, codec := range packed {
		for _, s := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte("ab"), 40_000)} {
			p, err := c.Append(nil, s, codec, Level{})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(codec), p)
		}
	}
	f.Add(uint8(Snappy), s2.EncodeSnappy(nil, []byte("hello")))
	f.Add(uint8(Zstd), zstdBomb(3))
	var d Decompressor
	f.Fuzz(func(t *testing.T, codec uint8, p []byte) {
		const limit = 1 << 20
		k := packed[codec%4]
		bound, boundErr := Bound(k, p)
		got, err := d.Append(nil, p, k, limit)
		n, measureErr := d.Measure(p, k, limit)
		if (err == nil) != (measureErr == nil) || n != len(got) {
			t.Fatalf("%s: appended %d (%v), measured %d (%v)", k, len(got), err, n, measureErr)
		}
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if boundErr != nil || int64(len(got)) > bound {
			t.Fatalf("%s: %d bytes, bound %d, %v", k, len(got), bound, boundErr)
		}
		ref, err := reference(k, p)
		if k == Gzip && err != nil {
			return // compress/gzip refuses some codes that no writer makes
		}
		if err != nil || !bytes.Equal(ref, got) {
			t.Fatalf("%s: %d bytes, the reference has %d (%v)", k, len(got), len(ref), err)
		}
	})
}

// reference expands p by other code than ours.
func reference(c Codec, p []byte) ([]byte, error) {
	switch c {
	case Gzip:
		r, err := stdgzip.NewReader(bytes.NewReader(p))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case LZ4:
		f, err := lz4Open(p)
		if err != nil {
			return nil, err
		}
		if f.flags&(lz4ContentSum|lz4ContentSize) != 0 {
			return new(Decompressor).Append(nil, p, c, 1<<20) // which Kafka does not check
		}
		return io.ReadAll(lz4.NewReader(bytes.NewReader(endLZ4(p))))
	case Zstd:
		r, err := zstd.NewReader(bytes.NewReader(p), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	if !snappyFramed(p) {
		return s2.Decode(nil, p)
	}
	var out []byte
	for {
		block, rest, err := snappyNext(p)
		if err != nil || len(block) == 0 {
			return out, err
		}
		one, err := s2.Decode(nil, block)
		if err != nil {
			return nil, err
		}
		out, p = append(out, one...), rest
	}
}

// endLZ4 cuts off what follows the frame, which Kafka does not read.
func endLZ4(p []byte) []byte {
	f, err := lz4Open(p)
	if err != nil {
		return p
	}
	for {
		block, _, _, err := f.next()
		if err != nil {
			return p
		}
		if len(block) == 0 {
			return p[:len(p)-len(f.rest)]
		}
	}
}

// FuzzRoundTrip: what is compressed comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(0), []byte("hello hello hello"), 3)
	var c Compressor
	var d Decompressor
	f.Fuzz(func(t *testing.T, codec uint8, p []byte, level int) {
		k := packed[codec%4]
		l := Level{}
		if k != Gzip || level >= 1 && level <= 9 {
			l = LevelOf(level % 23)
		}
		z, err := c.Append(nil, p, k, l)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Append(nil, z, k, len(p))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%s: %v", k, err)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	text := samples()[24]
	for _, codec := range packed {
		p, err := new(Compressor).Append(nil, text, codec, Level{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(codec), func(b *testing.B) {
			var d Decompressor
			var buf []byte
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				buf, err = d.Append(buf[:0], p, codec, len(text))
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
