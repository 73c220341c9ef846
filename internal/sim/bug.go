package sim

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/internal/vfs"
)

// Bug is a fault planted in the system under test, to show that the checkers
// notice. A run without bugs has NoBug.
type Bug int

// The planted bugs.
const (
	NoBug Bug = iota
	// VoteNotSynced forgets to sync the state file: a voter may vote twice.
	VoteNotSynced
	// LogNotSynced forgets to sync the metadata log.
	LogNotSynced
	// RecordsNotSynced forgets to sync a partition's segments.
	RecordsNotSynced
	// EarlyAck answers a request before its records are committed.
	EarlyAck
	// OldIdentity gives a node that lost its disk its old identity back, with
	// nothing else: it has forgotten its votes and the log.
	OldIdentity
)

var bugNames = [...]string{"no bug", "vote not synced", "log not synced", "records not synced", "early ack", "old identity"}

// String names the bug.
func (b Bug) String() string { return bugNames[b] }

// lyingFS is a disk whose Sync does nothing for files with a suffix.
type lyingFS struct {
	vfs.FS
	suffix string
}

func (l lyingFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.HasSuffix(filepath.Base(name), l.suffix) {
		return f, err
	}
	return lyingFile{f}, nil
}

type lyingFile struct{ vfs.File }

func (lyingFile) Sync() error { return nil }

// disk wraps a node's file system with the bug.
func (b Bug) disk(f vfs.FS) vfs.FS {
	switch b {
	case VoteNotSynced:
		return lyingFS{f, "quorum-state"}
	case LogNotSynced:
		return lyingFS{f, ".entries"}
	case RecordsNotSynced:
		return lyingFS{f, ".log"}
	}
	return f
}
