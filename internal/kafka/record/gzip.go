package record

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzipReader expands gzip.
type gzipReader struct {
	src bytes.Reader
	z   *gzip.Reader
}

func (g *gzipReader) reset(src []byte) (io.Reader, error) {
	g.src.Reset(src)
	if g.z == nil {
		g.z = new(gzip.Reader)
	}
	if err := g.z.Reset(&g.src); err != nil {
		g.src.Reset(nil)
		return nil, corrupt(err)
	}
	return g.z, nil
}

func (g *gzipReader) release() { g.src.Reset(nil) }
