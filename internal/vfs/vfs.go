// Package vfs is the disk that every other package sees. [OS] is the machine's
// own file system; [Mem] keeps files in memory and can answer the question
// "what would a power cut leave?"; [Faulty] wraps either one and makes chosen
// calls fail. All durable state of Headrace goes through these interfaces, so
// that each durability claim has a test that cuts the power at every call.
package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// ErrLocked says that another holder has the lock that FS.Lock asked for.
var ErrLocked = errors.New("file is locked by another process")

// FS is a file system. Names use the operating system's separator. All methods
// may be called from several goroutines. Errors satisfy errors.Is with the
// usual values (fs.ErrNotExist, fs.ErrExist, syscall.ENOSPC, syscall.EIO).
type FS interface {
	// OpenFile opens name with the flags of package os. O_APPEND is refused:
	// writers here always know their position.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// MkdirAll makes a directory and its missing parents. The new entries are
	// durable only after SyncDir on each parent.
	MkdirAll(name string, perm fs.FileMode) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// RemoveAll deletes a tree; a missing name is no error.
	RemoveAll(name string) error
	// Rename replaces newname. It is atomic; it is durable after SyncDir on
	// the parents of both names.
	Rename(oldname, newname string) error
	// ReadDir returns the entries of a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes a file.
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the directory's entries durable.
	SyncDir(name string) error
	// Lock takes an exclusive advisory lock on the file name, which is created
	// if it is missing. It fails at once with ErrLocked if another holder has
	// it. Closing the result releases it.
	Lock(name string) (io.Closer, error)
	// Free returns the bytes that an unprivileged writer may still use on the
	// file system that holds name, and the size of that file system.
	Free(name string) (free, total uint64, err error)
}

// File is an open file. ReadAt and WriteAt have the contracts of io.ReaderAt
// and io.WriterAt and may be called concurrently. There is no file position.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the current length in bytes.
	Size() (int64, error)
	// Truncate cuts or extends (with zeroes) the file.
	Truncate(size int64) error
	// Sync makes the file's data and length durable (fdatasync). A failed Sync
	// is final: the caller must treat everything that was not yet synced as
	// lost and must not call Sync again in the hope of success.
	Sync() error
	// Fd returns the descriptor for system calls that FS does not cover
	// (sendfile, fallocate); ok is false where there is none (Mem).
	Fd() (fd uintptr, ok bool)
}
