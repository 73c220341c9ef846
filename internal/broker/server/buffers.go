package server

import "sync"

// Read buffers come in few sizes. A frame begins in the smallest, and moves to
// a larger one only when it has filled the one it has: a declared length alone
// never costs memory.
const (
	firstBuffer = 8 << 10
	growth      = 8
	// keepBuffer is the largest buffer that goes back to a pool.
	keepBuffer = 4 << 20
)

// buffer is a read buffer with one owner: the connection that took it.
type buffer struct {
	b    []byte
	pool *sync.Pool
}

// bufferPool hands out buffers by size class.
type bufferPool struct {
	classes [4]sync.Pool // 8 KiB, 64 KiB, 512 KiB, 4 MiB
}

var bufferSizes = [...]int{firstBuffer, firstBuffer * growth, firstBuffer * growth * growth, keepBuffer}

// get returns a buffer of at least n bytes.
func (p *bufferPool) get(n int) *buffer {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if b, ok := p.classes[i].Get().(*buffer); ok {
			return b
		}
		return &buffer{b: make([]byte, size), pool: &p.classes[i]}
	}
	return &buffer{b: make([]byte, n)}
}

// release gives the buffer back. The caller must not use it again.
func (b *buffer) release() {
	if b.pool != nil {
		b.pool.Put(b)
	}
}
