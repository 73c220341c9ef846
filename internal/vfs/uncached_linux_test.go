package vfs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// TestUncached reads the same bytes as the page cache has, at every alignment.
func TestUncached(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	content := make([]byte, 3*directBuffer+12_345)
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	dir := t.TempDir()
	for _, fs := range []FS{New(), NewFaulty(New())} {
		put(t, fs, filepath.Join(dir, "f"), string(content))
		f, err := OpenUncached(fs, filepath.Join(dir, "f"))
		must(t, err)
		size, err := f.Size()
		if err != nil || size != int64(len(content)) {
			t.Fatal(size, err)
		}
		for range 200 {
			off := rng.IntN(len(content) + 100)
			p := make([]byte, rng.IntN(300_000))
			n, err := f.ReadAt(p, int64(off))
			want := content[min(off, len(content)):min(off+len(p), len(content))]
			if !bytes.Equal(p[:n], want) || (n < len(p)) != errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes at %d: %d, %v", len(p), off, n, err)
			}
		}
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("written")
		}
		must(t, f.Close())
	}
}
