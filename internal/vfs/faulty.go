package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
)

// Op names one kind of call, or, or-ed together, several.
type Op uint16

// The calls that a Rule can name.
const (
	OpOpen Op = 1 << iota
	OpMkdir
	OpRemove // Remove and RemoveAll
	OpRename
	OpReadDir
	OpStat
	OpSyncDir
	OpLock
	OpFree
	OpRead
	OpWrite
	OpTruncate
	OpSync
	OpSize
	OpClose

	// OpAny is every call.
	OpAny = OpClose<<1 - 1
	// OpMutates are the calls that can change what a crash leaves.
	OpMutates = OpOpen | OpMkdir | OpRemove | OpRename | OpSyncDir | OpLock | OpWrite | OpTruncate | OpSync
)

var opNames = [...]string{
	"open", "mkdir", "remove", "rename", "readdir", "stat", "syncdir", "lock", "free",
	"read", "write", "truncate", "sync", "size", "close",
}

// String names the calls, joined by "|".
func (o Op) String() string {
	var names []string
	for i, name := range opNames {
		if o&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// Call is one call on a Faulty file system.
type Call struct {
	Op   Op
	Path string // the new name in a rename
	Seq  int64  // 1 for the file system's first call
	Off  int64  // of a read, write or truncation
	Size int    // bytes of a read or write
}

// Rule makes the calls fail that it matches.
type Rule struct {
	// Op selects the kinds of call; 0 means OpAny.
	Op Op
	// Path is a pattern of path/filepath.Match. Without a separator it is
	// compared with the last element. "" matches every path.
	Path string
	// Skip lets that many matching calls pass first.
	Skip int
	// Times is how many calls fail after that; 0 means all.
	Times int
	// Err is what the call returns. With a nil Err the call goes through, and
	// only Do runs.
	Err error
	// Short is how many bytes a write stores before it fails.
	Short int
	// Do runs before the call fails or goes through; it may be nil.
	Do func(Call)
}

// Faulty is a file system that fails where its rules say so. The rules are
// tried in the order in which they were added and the first that fires with an
// error decides. All methods may be called concurrently.
type Faulty struct {
	fs FS

	mu     sync.Mutex
	seq    int64
	before func(Call)
	rules  []*faultRule
}

type faultRule struct {
	Rule
	seen int
}

var _ FS = (*Faulty)(nil)

// NewFaulty wraps inner.
func NewFaulty(inner FS, rules ...Rule) *Faulty {
	f := &Faulty{fs: inner}
	for _, r := range rules {
		f.Add(r)
	}
	return f
}

// Add appends a rule. Its path pattern must be well formed.
func (f *Faulty) Add(r Rule) {
	if _, err := filepath.Match(r.Path, ""); err != nil {
		panic("vfs: rule with bad pattern " + r.Path)
	}
	if r.Op == 0 {
		r.Op = OpAny
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &faultRule{Rule: r})
}

// Clear takes all rules away.
func (f *Faulty) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Before sets a function that runs before every call, rules or not: a test can
// clone the file system there, and so cut the power at every call.
func (f *Faulty) Before(do func(Call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// Calls returns how many calls there have been.
func (f *Faulty) Calls() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq
}

// fault runs the hooks for a call, outside the lock, and returns the rule that
// makes it fail, if any.
func (f *Faulty) fault(c Call) *Rule {
	f.mu.Lock()
	f.seq++
	c.Seq = f.seq
	before := f.before
	var fired []*Rule
	for _, r := range f.rules {
		if r.Op&c.Op == 0 || !matchPath(r.Path, c.Path) {
			continue
		}
		r.seen++
		if r.seen <= r.Skip || r.Times > 0 && r.seen > r.Skip+r.Times {
			continue
		}
		fired = append(fired, &r.Rule)
		if r.Err != nil {
			break
		}
	}
	f.mu.Unlock()
	if before != nil {
		before(c)
	}
	for _, r := range fired {
		if r.Do != nil {
			r.Do(c)
		}
		if r.Err != nil {
			return r
		}
	}
	return nil
}

func matchPath(pattern, path string) bool {
	if pattern == "" {
		return true
	}
	if !strings.ContainsRune(pattern, filepath.Separator) {
		path = filepath.Base(path)
	}
	ok, err := filepath.Match(pattern, path)
	return err == nil && ok
}

// fail returns the error of a call on name that a rule fails, or nil.
func (f *Faulty) fail(op Op, name string) error {
	if r := f.fault(Call{Op: op, Path: name}); r != nil {
		return &fs.PathError{Op: op.String(), Path: name, Err: r.Err}
	}
	return nil
}

// OpenFile implements FS.
func (f *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.fail(OpOpen, name); err != nil {
		return nil, err
	}
	inner, err := f.fs.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f: inner, fs: f, name: name}, nil
}

// MkdirAll implements FS.
func (f *Faulty) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.fail(OpMkdir, name); err != nil {
		return err
	}
	return f.fs.MkdirAll(name, perm)
}

// Remove implements FS.
func (f *Faulty) Remove(name string) error {
	if err := f.fail(OpRemove, name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// RemoveAll implements FS.
func (f *Faulty) RemoveAll(name string) error {
	if err := f.fail(OpRemove, name); err != nil {
		return err
	}
	return f.fs.RemoveAll(name)
}

// Rename implements FS. Rules see the new name.
func (f *Faulty) Rename(oldname, newname string) error {
	if err := f.fail(OpRename, newname); err != nil {
		return err
	}
	return f.fs.Rename(oldname, newname)
}

// ReadDir implements FS.
func (f *Faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.fail(OpReadDir, name); err != nil {
		return nil, err
	}
	return f.fs.ReadDir(name)
}

// Stat implements FS.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.fail(OpStat, name); err != nil {
		return nil, err
	}
	return f.fs.Stat(name)
}

// SyncDir implements FS.
func (f *Faulty) SyncDir(name string) error {
	if err := f.fail(OpSyncDir, name); err != nil {
		return err
	}
	return f.fs.SyncDir(name)
}

// Lock implements FS.
func (f *Faulty) Lock(name string) (io.Closer, error) {
	if err := f.fail(OpLock, name); err != nil {
		return nil, err
	}
	return f.fs.Lock(name)
}

// Free implements FS.
func (f *Faulty) Free(name string) (free, total uint64, err error) {
	if err := f.fail(OpFree, name); err != nil {
		return 0, 0, err
	}
	return f.fs.Free(name)
}

// faultyFile is an open file of a Faulty.
type faultyFile struct {
	f    File
	fs   *Faulty
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if r := f.fs.fault(Call{Op: OpRead, Path: f.name, Off: off, Size: len(p)}); r != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: r.Err}
	}
	return f.f.ReadAt(p, off)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	r := f.fs.fault(Call{Op: OpWrite, Path: f.name, Off: off, Size: len(p)})
	if r == nil {
		return f.f.WriteAt(p, off)
	}
	failed := &fs.PathError{Op: "write", Path: f.name, Err: r.Err}
	if r.Short <= 0 {
		return 0, failed
	}
	n, err := f.f.WriteAt(p[:min(r.Short, len(p))], off)
	if err != nil {
		return n, errors.Join(failed, err)
	}
	return n, failed
}

func (f *faultyFile) Truncate(size int64) error {
	if r := f.fs.fault(Call{Op: OpTruncate, Path: f.name, Off: size}); r != nil {
		return &fs.PathError{Op: "truncate", Path: f.name, Err: r.Err}
	}
	return f.f.Truncate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.fail(OpSync, f.name); err != nil {
		return err
	}
	return f.f.Sync()
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.fs.fail(OpSize, f.name); err != nil {
		return 0, err
	}
	return f.f.Size()
}

// Close closes the file even where a rule fails it, as a kernel does.
func (f *faultyFile) Close() error {
	err := f.fs.fail(OpClose, f.name)
	return errors.Join(err, f.f.Close())
}

// Fd hides the descriptor, so that no byte moves past the rules.
func (f *faultyFile) Fd() (uintptr, bool) { return 0, false }
