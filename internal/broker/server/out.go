package server

import "io"

// smallFile is the size below which a file's bytes are read and sent together
// with what stands around them: a sendfile of its own costs a system call and,
// without Nagle's algorithm, a packet.
const smallFile = 32 << 10

// File is what a response can send from without a copy through user space.
// ReadAt must be able to run concurrently with others.
type File interface {
	io.ReaderAt
	// Fd returns the descriptor; ok is false where there is none.
	Fd() (fd uintptr, ok bool)
	// Failed tells the file what the kernel has said of it while it was sent by
	// its descriptor, and returns what ReadAt would have. It may be called
	// while other holders of the file read.
	Failed(err error) error
}

// Part is a piece of a response: bytes, or N bytes of a file from Off on.
type Part struct {
	Bytes []byte
	File  File
	Off   int64
	N     int64
}

// Out is one response frame, length prefix included.
type Out struct {
	Parts []Part
	// Release, if set, is called once when the frame was sent or dropped. It
	// gives back the files.
	Release func()
}

// Bytes makes a frame of b, which the caller must not change afterwards.
func Bytes(b []byte) Out { return Out{Parts: []Part{{Bytes: b}}} }

// Size returns the frame's length in bytes.
func (o *Out) Size() int64 {
	var n int64
	for i := range o.Parts {
		n += int64(len(o.Parts[i].Bytes)) + o.Parts[i].N
	}
	return n
}

// memory returns how much of the frame is in memory.
func (o *Out) memory() int {
	n := 0
	for i := range o.Parts {
		n += len(o.Parts[i].Bytes)
	}
	return n
}

func (o *Out) release() {
	if o.Release != nil {
		o.Release()
	}
	*o = Out{}
}
