package vfs

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// directAlign suits every disk's O_DIRECT, and directBuffer is the largest read.
const (
	directAlign  = 4096
	directBuffer = 256 << 10
)

func (o OS) openUncached(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, syscall.EINVAL) { // not every file system has it
		return o.OpenFile(name, os.O_RDONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	size := int(min(info.Size()/directAlign*directAlign+directAlign, directBuffer))
	b := make([]byte, size+directAlign)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) & (directAlign - 1)) //nolint:gosec // the kernel wants an aligned address
	return &directFile{osFile: osFile{f}, buf: b[skip:][:size]}, nil
}

// directFile reads by O_DIRECT, through a buffer with the alignment that this
// takes.
type directFile struct {
	osFile

	mu   sync.Mutex
	buf  []byte
	at   int64 // of buf[:have] in the file
	have int
}

// ReadAt implements io.ReaderAt.
func (d *directFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return d.osFile.ReadAt(p, off) // has the words for it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := 0; ; {
		if n == len(p) {
			return n, nil
		}
		pos := off + int64(n)
		if pos < d.at || pos >= d.at+int64(d.have) {
			d.at = pos &^ (directAlign - 1)
			got, err := d.f.ReadAt(d.buf, d.at)
			d.have = got
			if err != nil && !errors.Is(err, io.EOF) {
				d.have = 0
				if errors.Is(err, syscall.EINVAL) && n == 0 { // opened by a file system that then refuses
					return d.cached(p, off)
				}
				return n, err
			}
			if pos >= d.at+int64(got) {
				return n, io.EOF
			}
		}
		n += copy(p[n:], d.buf[pos-d.at:d.have])
	}
}

// cached reads in the usual way.
func (d *directFile) cached(p []byte, off int64) (int, error) {
	f, err := os.Open(d.f.Name())
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, off)
	return n, errors.Join(err, f.Close())
}
