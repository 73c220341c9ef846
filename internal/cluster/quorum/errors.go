package quorum

import (
	"errors"
	"fmt"
)

// ErrCorrupt marks stored quorum data (log, snapshot, state file) whose CRC or
// structure is wrong in a way that a crash cannot explain. A voter that meets
// it takes no further part in elections: what it has forgotten may be a vote
// or an acknowledged entry.
var ErrCorrupt = errors.New("quorum: stored metadata is damaged")

// ErrStopped is returned by calls on a Node that has been closed.
var ErrStopped = errors.New("quorum: node is stopped")

// ErrFailed is wrapped by the error of a voter that stopped itself after an
// I/O error, a damaged log or a broken invariant. Node.Err has the cause.
var ErrFailed = errors.New("quorum: voter has failed")

// CorruptError says which file is damaged and where. It unwraps to ErrCorrupt.
type CorruptError struct {
	File   string // path as given to vfs
	Offset int64  // byte position of the bad structure
	Reason string // what is wrong with it
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d: %s", ErrCorrupt, e.File, e.Offset, e.Reason)
}

// Unwrap makes errors.Is(err, ErrCorrupt) hold.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

func corruptf(file string, offset int64, format string, args ...any) error {
	return &CorruptError{File: file, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}
