package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory. Made by NewCrashableMem it also remembers
// what has not been made durable yet, so that CrashClone can tell what a power
// cut would leave; the price is a second copy of all unsynced data.
//
// Relative and absolute names are the same: the root is the only directory that
// exists at first. All methods may be called concurrently.
type Mem struct {
	crashable bool

	// mu guards names: the entries and link counts of all nodes, and journal.
	// Order of locks: Mem.mu before memNode.mu before space.mu.
	mu      sync.Mutex
	root    *memNode
	journal []dirOp // directory changes that no SyncDir covers, oldest first
	locks   map[string]bool

	space memSpace
}

// memSpace counts the bytes of all files against a quota.
type memSpace struct {
	mu    sync.Mutex
	used  int64
	quota int64 // 0: none
}

// memNode is a directory, or a file's content; its names are in its parents.
type memNode struct {
	dir     bool
	perm    fs.FileMode
	entries map[string]*memNode // directories: as seen now; guarded by Mem.mu
	durable map[string]*memNode // directories of a crashable Mem: as on disk
	links   int                 // guarded by Mem.mu
	opens   int                 // guarded by Mem.mu

	mu      sync.RWMutex
	data    []byte    // as seen now
	synced  []byte    // as on disk; crashable only
	pending []dataOp  // changes since the last Sync, oldest first; crashable only
	modTime time.Time // zero in a file that was never written
}

// dataOp is one change of a file's content that is not durable yet.
type dataOp struct {
	off      int64  // of a write
	data     []byte // of a write; nil in a truncation
	size     int64  // length of the file after the operation
	truncate bool
}

// dirOp is one atomic change of directory entries that is not durable yet.
type dirOp struct{ sets []entrySet }

// entrySet gives dir's entry name a new node; nil removes it.
type entrySet struct {
	dir  *memNode
	name string
	node *memNode
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty file system whose CrashClone is not available.
func NewMem() *Mem { return newMem(false) }

// NewCrashableMem returns an empty file system that can be crashed.
func NewCrashableMem() *Mem { return newMem(true) }

func newMem(crashable bool) *Mem {
	m := &Mem{crashable: crashable, locks: map[string]bool{}}
	m.root = m.newNode(true, fs.ModeDir|0o755)
	m.root.links = 1
	return m
}

func (m *Mem) newNode(dir bool, perm fs.FileMode) *memNode {
	n := &memNode{dir: dir, perm: perm}
	if dir {
		n.entries = map[string]*memNode{}
		n.durable = map[string]*memNode{}
	}
	return n
}

// SetQuota bounds the bytes that all files together may hold; a write beyond
// it is cut short with ENOSPC. 0 lifts the bound. A quota below what is used
// takes nothing away.
func (m *Mem) SetQuota(bytes int64) {
	m.space.mu.Lock()
	defer m.space.mu.Unlock()
	m.space.quota = bytes
}

// Used returns the bytes that all files hold, those included that were removed
// while open.
func (m *Mem) Used() int64 {
	m.space.mu.Lock()
	defer m.space.mu.Unlock()
	return m.space.used
}

// grow takes up to n bytes and returns how many it got; a negative n gives
// bytes back.
func (s *memSpace) grow(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quota > 0 && n > 0 {
		n = max(0, min(n, s.quota-s.used))
	}
	s.used += n
	return n
}

// Free implements FS. Without a quota the file system claims 1 TiB.
func (m *Mem) Free(name string) (free, total uint64, err error) {
	if _, err := m.lookup("statfs", name); err != nil {
		return 0, 0, err
	}
	m.space.mu.Lock()
	defer m.space.mu.Unlock()
	size := m.space.quota
	if size <= 0 {
		size = 1 << 40
	}
	return uint64(max(0, size-m.space.used)), uint64(size), nil
}

// split cuts name into the elements of its clean form.
func split(name string) []string {
	p := path.Clean("/" + filepath.ToSlash(name))
	if p == "/" {
		return nil
	}
	return strings.Split(p[1:], "/")
}

// walk follows the elements from the root; mu is held.
func (m *Mem) walk(elems []string) (*memNode, error) {
	n := m.root
	for _, e := range elems {
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		next := n.entries[e]
		if next == nil {
			return nil, fs.ErrNotExist
		}
		n = next
	}
	return n, nil
}

// parent returns the directory of name and name's last element; mu is held.
func (m *Mem) parent(name string) (dir *memNode, base string, err error) {
	elems := split(name)
	if len(elems) == 0 {
		return nil, "", syscall.EBUSY
	}
	dir, err = m.walk(elems[:len(elems)-1])
	if err == nil && !dir.dir {
		err = syscall.ENOTDIR
	}
	return dir, elems[len(elems)-1], err
}

func (m *Mem) lookup(op, name string) (*memNode, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(split(name))
	return n, pathError(op, name, err)
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// change applies entry sets as one atomic operation; mu is held.
func (m *Mem) change(sets ...entrySet) {
	for _, s := range sets {
		if old := s.dir.entries[s.name]; old != nil {
			old.links--
			m.reclaim(old)
		}
		if s.node == nil {
			delete(s.dir.entries, s.name)
			continue
		}
		s.dir.entries[s.name] = s.node
		s.node.links++
	}
	if m.crashable {
		m.journal = append(m.journal, dirOp{sets})
	}
}

// reclaim gives a file's bytes back when nothing refers to it any more.
func (m *Mem) reclaim(n *memNode) {
	if n.dir || n.links > 0 || n.opens > 0 {
		return
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	m.space.grow(-int64(len(n.data)))
}

// OpenFile implements FS.
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.open(name, flag, perm)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	n.opens++
	f := &memFile{fs: m, node: n, name: name}
	access := flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	f.readable, f.writable = access != os.O_WRONLY, access != os.O_RDONLY
	if flag&os.O_TRUNC != 0 && f.writable {
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// open finds or makes the file; mu is held.
func (m *Mem) open(name string, flag int, perm fs.FileMode) (*memNode, error) {
	if flag&os.O_APPEND != 0 {
		return nil, errAppend
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.entries[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = m.newNode(false, perm.Perm())
		m.change(entrySet{dir, base, n})
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, fs.ErrExist
	case n.dir:
		return nil, syscall.EISDIR
	}
	return n, nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.root
	for _, e := range split(name) {
		next := n.entries[e]
		if next == nil {
			next = m.newNode(true, fs.ModeDir|perm.Perm())
			m.change(entrySet{n, e, next})
		}
		if !next.dir {
			return pathError("mkdir", name, syscall.ENOTDIR)
		}
		n = next
	}
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	n := dir.entries[base]
	switch {
	case n == nil:
		return pathError("remove", name, fs.ErrNotExist)
	case n.dir && len(n.entries) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.change(entrySet{dir, base, nil})
	return nil
}

// RemoveAll implements FS. As on a real disk it is not atomic: a crash can
// leave any part of the tree.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return pathError("removeall", name, err)
	}
	if n := dir.entries[base]; n != nil {
		m.removeTree(n)
		m.change(entrySet{dir, base, nil})
	}
	return nil
}

func (m *Mem) removeTree(n *memNode) {
	for _, name := range sortedNames(n.entries) {
		m.removeTree(n.entries[name])
		m.change(entrySet{n, name, nil})
	}
}

// Rename implements FS.
func (m *Mem) Rename(oldname, newname string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(oldname, newname); err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func (m *Mem) rename(oldname, newname string) error {
	from, oldBase, err := m.parent(oldname)
	if err != nil {
		return err
	}
	to, newBase, err := m.parent(newname)
	if err != nil {
		return err
	}
	n, target := from.entries[oldBase], to.entries[newBase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n == target:
		return nil
	case n.dir && m.inside(to, n):
		return syscall.EINVAL
	case target == nil:
	case target.dir != n.dir && n.dir:
		return syscall.ENOTDIR
	case target.dir:
		// os.Rename refuses every directory as a target on some systems and
		// a non-empty one on all; the stricter rule is the portable one.
		return fs.ErrExist
	}
	m.change(entrySet{to, newBase, n}, entrySet{from, oldBase, nil})
	return nil
}

// inside reports whether dir is root or lies below it.
func (m *Mem) inside(dir, root *memNode) bool {
	if dir == root {
		return true
	}
	for _, n := range root.entries {
		if n.dir && m.inside(dir, n) {
			return true
		}
	}
	return false
}

// ReadDir implements FS.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(split(name))
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	out := make([]fs.DirEntry, 0, len(n.entries))
	for _, e := range sortedNames(n.entries) {
		out = append(out, fs.FileInfoToDirEntry(n.entries[e].info(e)))
	}
	return out, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	n, err := m.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(path.Base("/" + filepath.ToSlash(name))), nil
}

// SyncDir implements FS. Like fsync on a journaling file system it makes the
// earlier changes durable that the directory's own depend on, and no others.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(split(name))
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return pathError("open", name, err)
	}
	m.commitDir(n)
	return nil
}

// Lock implements FS. The lock belongs to this Mem: a clone starts without.
func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.open(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, pathError("lock", name, err)
	}
	key := strings.Join(split(name), "/")
	if m.locks[key] {
		return nil, pathError("lock", name, ErrLocked)
	}
	m.locks[key] = true
	return &memLock{fs: m, key: key}, nil
}

type memLock struct {
	fs     *Mem
	key    string
	closed bool
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.closed {
		return fmt.Errorf("unlock %s: %w", l.key, fs.ErrClosed)
	}
	l.closed = true
	delete(l.fs.locks, l.key)
	return nil
}

func sortedNames(entries map[string]*memNode) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
