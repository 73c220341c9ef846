package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
	"time"
)

// memFile is an open file of a Mem.
type memFile struct {
	fs                 *Mem
	node               *memNode
	name               string
	readable, writable bool
	closed             atomic.Bool
}

var _ File = (*memFile)(nil)

func (f *memFile) check(op string, off int64, allowed bool) error {
	switch {
	case f.closed.Load():
		return pathError(op, f.name, fs.ErrClosed)
	case off < 0:
		return pathError(op, f.name, fmt.Errorf("negative offset: %w", syscall.EINVAL))
	case !allowed:
		return pathError(op, f.name, syscall.EBADF)
	}
	return nil
}

// ReadAt implements File.
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off, f.readable); err != nil {
		return 0, err
	}
	n := f.node
	n.mu.RLock()
	defer n.mu.RUnlock()
	if len(p) == 0 {
		return 0, nil
	}
	if off >= int64(len(n.data)) {
		return 0, io.EOF
	}
	c := copy(p, n.data[off:])
	if c < len(p) {
		return c, io.EOF
	}
	return c, nil
}

// WriteAt implements File. A full quota gives a short write with ENOSPC.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off, f.writable); err != nil {
		return 0, err
	}
	n := f.node
	n.mu.Lock()
	defer n.mu.Unlock()
	want := len(p)
	if more := off + int64(len(p)) - int64(len(n.data)); more > 0 && want > 0 {
		got := f.fs.space.grow(more)
		p = p[:max(0, int64(len(p))-(more-got))]
		if len(p) == 0 { // not even the hole before the write fits
			f.fs.space.grow(-got)
		}
	}
	if len(p) > 0 {
		n.write(p, off, f.fs.crashable)
	}
	if len(p) < want {
		return len(p), pathError("write", f.name, syscall.ENOSPC)
	}
	return want, nil
}

// write changes the content; mu is held.
func (n *memNode) write(p []byte, off int64, log bool) {
	n.data = overwrite(n.data, p, off)
	n.modTime = time.Now()
	if log {
		n.pending = append(n.pending, dataOp{off: off, data: append([]byte(nil), p...), size: int64(len(n.data))})
	}
}

// overwrite puts p at off into data, with zeroes in a gap, and returns it.
func overwrite(data, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[off:], p)
	return data
}

// resize cuts data or extends it with zeroes.
func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	if size <= int64(cap(data)) {
		old := len(data)
		data = data[:size]
		clear(data[old:])
		return data
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	if err := f.check("truncate", size, f.writable); err != nil {
		return err
	}
	n := f.node
	n.mu.Lock()
	defer n.mu.Unlock()
	more := size - int64(len(n.data))
	if got := f.fs.space.grow(more); got < more {
		f.fs.space.grow(-got)
		return pathError("truncate", f.name, syscall.ENOSPC)
	}
	n.data = resize(n.data, size)
	n.modTime = time.Now()
	if f.fs.crashable {
		n.pending = append(n.pending, dataOp{size: size, truncate: true})
	}
	return nil
}

// Sync implements File.
func (f *memFile) Sync() error {
	if err := f.check("fdatasync", 0, true); err != nil {
		return err
	}
	n := f.node
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, op := range n.pending {
		if op.truncate {
			n.synced = resize(n.synced, op.size)
			continue
		}
		n.synced = overwrite(n.synced, op.data, op.off)
	}
	n.pending = nil
	return nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	if err := f.check("stat", 0, true); err != nil {
		return 0, err
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	return int64(len(f.node.data)), nil
}

// Close implements File.
func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.opens--
	f.fs.reclaim(f.node)
	return nil
}

// Fd implements File: memory has no descriptor.
func (f *memFile) Fd() (uintptr, bool) { return 0, false }

// memInfo is the fs.FileInfo of a memNode at one moment.
type memInfo struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (n *memNode) info(name string) memInfo {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return memInfo{name, int64(len(n.data)), n.perm, n.modTime}
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.time }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
