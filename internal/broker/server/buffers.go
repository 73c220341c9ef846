package server

import "sync"

// Where the bytes of a request are while it comes in:
//
//   - A read goes into a scratch buffer, which a connection has only while its
//     goroutine works: most frames are whole after one read, and cost no memory
//     beyond that.
//   - A frame that is not whole when there is nothing more to read keeps what has
//     come in the smallest scratch buffer that holds it.
//   - A frame that does not fit goes on in a frame buffer: address space as long
//     as the frame, of which the system backs what has been written to. It is no
//     part of Go's heap, so that the collector does not let it grow to twice its
//     size, and it is charged to the budget as it fills.
//
// A declared length alone therefore costs nothing.
const (
	parkedBuffer = 1 << 10
	firstBuffer  = 8 << 10
	largeScratch = 64 << 10

	// firstReserve is the most address space that a frame gets before it has
	// filled it: systems that count address space as memory shall not run dry.
	firstReserve = 4 << 20
	// firstStep and lastStep bound by how much the charge of a frame buffer
	// grows at a time; between them it doubles.
	firstStep = 32 << 10
	lastStep  = 1 << 20

	// maxLargeScratch bounds the large scratch buffers of readers. Who gets none
	// takes a small one.
	maxLargeScratch = 256
	noClass         = -1
)

// buffer is a read buffer with one owner: the connection that took it.
type buffer struct {
	b []byte
	// ready is how much of a frame buffer is paid for; all of a scratch buffer.
	ready int
	// resident is how much of a frame buffer was ever written to, as charged.
	resident int64
	class    int8 // of a frame buffer, or noClass
	mapped   bool
	pool     *sync.Pool // of a scratch buffer
}

func (b *buffer) isFrame() bool { return b.class >= 0 }

// bufferSizes are the classes of scratch buffers for reading and sending,
// beside parkedBuffer.
var bufferSizes = [...]int{firstBuffer, largeScratch, 512 << 10, 4 << 20}

// bufferPool hands out scratch buffers by size class.
type bufferPool struct {
	parked  sync.Pool
	classes [len(bufferSizes)]sync.Pool
}

// get returns a buffer of at least n bytes.
func (p *bufferPool) get(n int) *buffer {
	if n <= parkedBuffer {
		return fromPool(&p.parked, parkedBuffer)
	}
	for i, size := range bufferSizes {
		if n <= size {
			return fromPool(&p.classes[i], size)
		}
	}
	return &buffer{b: make([]byte, n), ready: n, class: noClass}
}

func fromPool(p *sync.Pool, size int) *buffer {
	if b, ok := p.Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, size), ready: size, class: noClass, pool: p}
}

// release gives a scratch buffer back. The caller must not use it again.
func (b *buffer) release() {
	if b.pool != nil {
		b.pool.Put(b)
	}
}

// frameClasses are the sizes of frame buffers that are kept for the next frame:
// 64 KiB, and doubled up to firstReserve. Larger ones are made for each frame.
const frameClasses = 7

// frameClass is the smallest class of at least n bytes, frameClasses if there
// is none.
func frameClass(n int) int {
	class := 0
	for class < frameClasses && n > largeScratch<<class {
		class++
	}
	return class
}

// reserveFrame makes a frame buffer of at least n bytes, of which nothing is in
// memory yet. ok is false if the system has no address space to give.
func reserveFrame(n, class int) (b *buffer, ok bool) {
	if class < frameClasses {
		n = largeScratch << class
	}
	bytes, mapped, err := reserve(n)
	if err != nil {
		return nil, false
	}
	b = &buffer{b: bytes, class: int8(class), mapped: mapped}
	return b, true
}

// unmap gives a frame buffer's memory back to the system.
func (b *buffer) unmap() {
	if b.mapped {
		unreserve(b.b)
	}
	b.b = nil
}
