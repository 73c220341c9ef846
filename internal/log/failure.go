package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
)

// errClosed answers calls on a log or directory after its Close or Delete.
var errClosed = fmt.Errorf("log is closed: %w", kerr.KafkaStorageError)

// isNoSpace tells a full disk or quota from a broken one.
func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isTransient reports errors that say nothing about the medium: too many open
// files, a file that someone else removed, a file shorter than recorded.
func isTransient(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// syncError marks what a sync has said. It is final, a full disk's too: the
// kernel may have dropped what it could not write.
type syncError struct{ error }

func (e *syncError) Unwrap() error { return e.error }

// synced marks the error of a sync, unless the sync was not even begun.
func synced(err error) error {
	if err == nil || isTransient(err) {
		return err
	}
	return &syncError{err}
}

func isSyncError(err error) bool {
	_, ok := errors.AsType[*syncError](err)
	return ok
}

// ioError turns what the disk said into the client's error. A full disk makes
// the directory read-only; anything that may be the medium ends it.
func (d *Dir) ioError(op string, err error) error {
	if errors.Is(err, kerr.KafkaStorageError) {
		return err
	}
	switch {
	case isSyncError(err):
		d.fail(fmt.Errorf("%s: %w", op, err))
	case isNoSpace(err):
		d.setReadOnly(err)
	case !isTransient(err):
		d.fail(fmt.Errorf("%s: %w", op, err))
	}
	return fmt.Errorf("log directory %s: %s: %w: %w", d.path, op, err, kerr.KafkaStorageError)
}

// fail takes the directory offline for good. After a failed sync the kernel may
// have dropped the pages and forgotten the error (fsyncgate), so nothing here
// is retried, and no state in memory is patched to fit.
func (d *Dir) fail(err error) {
	if !d.failure.CompareAndSwap(nil, &err) {
		return
	}
	d.logger.Error("log directory failed and stays offline until restart", "dir", d.path, "error", err)
	if d.onFailure != nil {
		d.onFailure(d, err)
	}
}

// undone answers an error in the middle of a change that memory has made
// already: what the files hold is another log then.
func (d *Dir) undone(op string, err error) error {
	d.fail(fmt.Errorf("%s: %w", op, err))
	return d.check()
}

// Failed returns the error that took the directory offline, or nil.
func (d *Dir) Failed() error {
	if p := d.failure.Load(); p != nil {
		return *p
	}
	return nil
}

func (d *Dir) check() error {
	if p := d.failure.Load(); p != nil {
		return fmt.Errorf("log directory %s is offline: %w: %w", d.path, *p, kerr.KafkaStorageError)
	}
	if d.closed.Load() {
		return errClosed
	}
	return nil
}

// ReadOnly reports that the disk was full at the last write. Reads go on;
// appends probe for space themselves, at most a few times a second.
func (d *Dir) ReadOnly() bool { return d.full.Load() }

func (d *Dir) setReadOnly(err error) {
	if d.full.CompareAndSwap(false, true) {
		d.logger.Error("log directory is read-only until space returns", "dir", d.path, "error", err)
	}
}

func (d *Dir) setWritable() {
	if d.full.CompareAndSwap(true, false) {
		d.logger.Info("log directory has space again", "dir", d.path)
	}
}

// spaceReserve is what must be free before a full directory takes writes
// again: enough that the first append does not fill it at once.
const spaceReserve = 1 << 20

// room returns an error while the disk is too full for n more bytes. It asks
// the file system now and then, and more often when the last write found it full.
func (d *Dir) room(n int, nowMs int64) error {
	if !d.full.Load() {
		return d.spare(n)
	}
	const probeEveryMs = 200
	last := d.probed.Load()
	if nowMs-last >= probeEveryMs || nowMs < last {
		d.probed.Store(nowMs)
		free, _, err := d.fs.Free(d.path)
		if err == nil && free >= d.reserve.enough()+uint64(n)+min(spaceReserve, uint64(n)*4+4096) {
			if err := d.state.commit(&stateBatch{}); err != nil { // what is owed comes first
				return d.ioError("write state log", err)
			}
			d.setWritable()
			return nil
		}
	}
	return fmt.Errorf("log directory %s is full: %w: %w", d.path, syscall.ENOSPC, kerr.KafkaStorageError)
}
