package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Overlay shows another file system and keeps every change to itself, in
// memory: what a command would do to real data can be tried, and looked at,
// while not a byte of them changes. Only locks are the other one's.
//
// Directories cannot be renamed. All methods may be called concurrently.
type Overlay struct {
	under FS

	mu    sync.Mutex
	files map[string]*overlayNode // changed or open; nil: removed
	dirs  map[string]bool         // made here, true, or removed, false
}

var _ FS = (*Overlay)(nil)

// NewOverlay returns an unchanged view of under.
func NewOverlay(under FS) *Overlay {
	return &Overlay{under: under, files: map[string]*overlayNode{}, dirs: map[string]bool{}}
}

// overlayPage is the unit in which a changed file is kept.
const overlayPage = 4096

// overlayNode is one file: the pages that were changed over what the file
// below has. Guarded by Overlay.mu but for the reads of the file below.
type overlayNode struct {
	under    File   // nil: closed, or nothing below
	path     string // of the file below
	visible  int64  // bytes of the file below that still count
	size     int64
	modTime  time.Time
	pages    map[int64]*[overlayPage]byte
	opens    int
	changed  bool
	detached bool // has no name any more
}

// OpenFile implements FS.
func (o *Overlay) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	if flag&os.O_APPEND != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errAppend}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.node(name)
	switch {
	case err == nil && flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		if err := o.isDir(filepath.Dir(name)); err != nil {
			return nil, err
		}
		n = &overlayNode{pages: map[int64]*[overlayPage]byte{}, changed: true, modTime: time.Now()}
		o.files[filepath.Clean(name)] = n
	case err != nil:
		return nil, err
	}
	if n.path != "" && n.under == nil {
		if n.under, err = o.under.OpenFile(n.path, os.O_RDONLY, 0); err != nil {
			return nil, err
		}
	}
	n.opens++
	if flag&os.O_TRUNC != 0 {
		n.truncate(0)
	}
	return &overlayFile{o: o, n: n, name: name, readOnly: flag&(os.O_RDWR|os.O_WRONLY) == 0}, nil
}

// node finds a file, and notes it from now on. The caller holds mu.
func (o *Overlay) node(name string) (*overlayNode, error) {
	name = filepath.Clean(name)
	if n, ok := o.files[name]; ok {
		if n == nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return n, nil
	}
	if o.removed(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	info, err := o.under.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	n := &overlayNode{
		path: name, visible: info.Size(), size: info.Size(), modTime: info.ModTime(),
		pages: map[int64]*[overlayPage]byte{},
	}
	o.files[name] = n
	return n, nil
}

// removed reports whether a directory above name has been removed here.
func (o *Overlay) removed(name string) bool {
	for dir := filepath.Clean(name); ; dir = filepath.Dir(dir) {
		if there, known := o.dirs[dir]; known {
			return !there
		}
		if filepath.Dir(dir) == dir {
			return false
		}
	}
}

func (o *Overlay) isDir(name string) error {
	name = filepath.Clean(name)
	n, known := o.files[name]
	switch {
	case o.dirs[name]:
		return nil
	case n != nil:
		return &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOTDIR}
	case known || o.removed(name):
		return &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	info, err := o.under.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

// forget drops a file that is as it is below. The caller holds mu.
func (o *Overlay) forget(n *overlayNode) error {
	if n.opens > 0 || n.under == nil {
		return nil
	}
	f := n.under
	n.under = nil
	if !n.changed && !n.detached && o.files[n.path] == n {
		delete(o.files, n.path)
	}
	return f.Close()
}

// MkdirAll implements FS.
func (o *Overlay) MkdirAll(name string, _ fs.FileMode) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir := filepath.Clean(name); ; dir = filepath.Dir(dir) {
		err := o.isDir(dir)
		if err == nil || filepath.Dir(dir) == dir {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		o.dirs[dir] = true
	}
}

// Remove implements FS.
func (o *Overlay) Remove(name string) error {
	entries, err := o.ReadDir(name)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		if len(entries) > 0 {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
		o.dirs[filepath.Clean(name)] = false
		return nil
	}
	n, err := o.node(name)
	if err != nil {
		return err
	}
	n.detached = true
	o.files[filepath.Clean(name)] = nil
	return o.forget(n)
}

// RemoveAll implements FS.
func (o *Overlay) RemoveAll(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	name = filepath.Clean(name)
	inside := func(path string) bool {
		return path == name || strings.HasPrefix(path, name+string(filepath.Separator))
	}
	for path, n := range o.files {
		if !inside(path) {
			continue
		}
		o.files[path] = nil
		if n != nil {
			n.detached = true
		}
	}
	for dir := range o.dirs {
		if inside(dir) {
			delete(o.dirs, dir)
		}
	}
	o.dirs[name] = false
	return nil
}

// Rename implements FS, for files.
func (o *Overlay) Rename(oldname, newname string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.node(oldname)
	if errors.Is(err, syscall.EISDIR) {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fmt.Errorf("directory in an overlay: %w", errors.ErrUnsupported)}
	}
	if err != nil {
		return err
	}
	if err := o.isDir(filepath.Dir(newname)); err != nil {
		return err
	}
	from, to := filepath.Clean(oldname), filepath.Clean(newname)
	if from == to {
		return nil
	}
	if o.isDir(to) == nil {
		return &fs.PathError{Op: "rename", Path: newname, Err: syscall.EISDIR}
	}
	if replaced := o.files[to]; replaced != nil {
		replaced.detached = true
	}
	n.changed = true
	o.files[from], o.files[to] = nil, n
	return nil
}

// ReadDir implements FS.
func (o *Overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name = filepath.Clean(name)
	if err := o.isDir(name); err != nil {
		return nil, err
	}
	var all []fs.DirEntry
	if !o.removed(name) {
		below, err := o.under.ReadDir(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range below {
			path := filepath.Join(name, e.Name())
			_, changed := o.files[path]
			if _, known := o.dirs[path]; !changed && !known {
				all = append(all, e)
			}
		}
	}
	for path, n := range o.files {
		if n != nil && filepath.Dir(path) == name {
			all = append(all, fs.FileInfoToDirEntry(n.info(path)))
		}
	}
	for path, there := range o.dirs {
		if there && filepath.Dir(path) == name {
			all = append(all, fs.FileInfoToDirEntry(overlayInfo{name: filepath.Base(path), mode: fs.ModeDir | 0o755}))
		}
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// Stat implements FS.
func (o *Overlay) Stat(name string) (fs.FileInfo, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name = filepath.Clean(name)
	n, known := o.files[name]
	switch {
	case n != nil:
		return n.info(name), nil
	case o.dirs[name]:
		return overlayInfo{name: filepath.Base(name), mode: fs.ModeDir | 0o755}, nil
	case known || o.removed(name):
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return o.under.Stat(name)
}

// SyncDir implements FS: what is kept here is as durable as it gets.
func (o *Overlay) SyncDir(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.isDir(name)
}

// Lock implements FS by the lock below. Where this user may not write, nobody
// who could is kept out: there is no lock then.
func (o *Overlay) Lock(name string) (io.Closer, error) {
	c, err := o.under.Lock(name)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return io.NopCloser(nil), nil
	}
	return c, err
}

// Free implements FS.
func (o *Overlay) Free(name string) (free, total uint64, err error) { return o.under.Free(name) }

func (n *overlayNode) info(path string) fs.FileInfo {
	return overlayInfo{name: filepath.Base(path), size: n.size, mode: 0o600, modTime: n.modTime}
}

// truncate sets the length. The caller holds mu.
func (n *overlayNode) truncate(size int64) {
	n.changed, n.modTime = true, time.Now()
	n.visible = min(n.visible, size)
	if size < n.size {
		for at, p := range n.pages {
			if at*overlayPage >= size {
				delete(n.pages, at)
			} else if (at+1)*overlayPage > size {
				clear(p[size-at*overlayPage:])
			}
		}
	}
	n.size = size
}

// read fills p from the pages and the file below. The caller holds mu.
func (n *overlayNode) read(p []byte, off int64) error {
	clear(p)
	if below := min(int64(len(p)), n.visible-off); below > 0 && n.under != nil {
		if got, err := n.under.ReadAt(p[:below], off); int64(got) < below && !errors.Is(err, io.EOF) {
			return err
		}
	}
	for at := off / overlayPage; at*overlayPage < off+int64(len(p)); at++ {
		page := n.pages[at]
		if page == nil {
			continue
		}
		start := at * overlayPage
		if start >= off {
			copy(p[start-off:], page[:])
		} else {
			copy(p, page[off-start:])
		}
	}
	return nil
}

// write puts p into the pages. The caller holds mu.
func (n *overlayNode) write(p []byte, off int64) error {
	for done := 0; done < len(p); {
		at := (off + int64(done)) / overlayPage
		page := n.pages[at]
		if page == nil {
			page = new([overlayPage]byte)
			if err := n.read(page[:], at*overlayPage); err != nil {
				return err
			}
			n.pages[at] = page
		}
		done += copy(page[off+int64(done)-at*overlayPage:], p[done:])
	}
	n.changed, n.modTime = true, time.Now()
	n.size = max(n.size, off+int64(len(p)))
	return nil
}

// overlayFile is an open file of an Overlay.
type overlayFile struct {
	o        *Overlay
	n        *overlayNode
	name     string
	readOnly bool
	closed   bool
}

func (f *overlayFile) use(op string, writes bool, off int64) error {
	switch {
	case off < 0:
		return &fs.PathError{Op: op, Path: f.name, Err: syscall.EINVAL}
	case f.closed:
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	case writes && f.readOnly:
		return &fs.PathError{Op: op, Path: f.name, Err: syscall.EBADF}
	}
	return nil
}

func (f *overlayFile) ReadAt(p []byte, off int64) (int, error) {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	if err := f.use("read", false, off); err != nil {
		return 0, err
	}
	left := max(0, f.n.size-off)
	short := int64(len(p)) > left
	if short {
		p = p[:left]
	}
	if err := f.n.read(p, off); err != nil {
		return 0, err
	}
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

func (f *overlayFile) WriteAt(p []byte, off int64) (int, error) {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	if err := f.use("write", true, off); err != nil {
		return 0, err
	}
	if err := f.n.write(p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *overlayFile) Truncate(size int64) error {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	if err := f.use("truncate", true, size); err != nil {
		return err
	}
	f.n.truncate(size)
	return nil
}

func (f *overlayFile) Size() (int64, error) {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	return f.n.size, f.use("stat", false, 0)
}

func (f *overlayFile) Sync() error {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	return f.use("sync", false, 0)
}

func (f *overlayFile) Close() error {
	f.o.mu.Lock()
	defer f.o.mu.Unlock()
	if err := f.use("close", false, 0); err != nil {
		return err
	}
	f.closed = true
	f.n.opens--
	return f.o.forget(f.n)
}

// Fd hides the file below: its bytes are not the whole truth.
func (f *overlayFile) Fd() (uintptr, bool) { return 0, false }

// overlayInfo describes what an Overlay keeps.
type overlayInfo struct {
	name    string
	size    int64
	mode    fs.FileMode
	modTime time.Time
}

func (i overlayInfo) Name() string       { return i.name }
func (i overlayInfo) Size() int64        { return i.size }
func (i overlayInfo) Mode() fs.FileMode  { return i.mode }
func (i overlayInfo) ModTime() time.Time { return i.modTime }
func (i overlayInfo) IsDir() bool        { return i.mode.IsDir() }
func (i overlayInfo) Sys() any           { return nil }
