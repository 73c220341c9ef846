package quorum

import (
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// ballastName is the file's name in the metadata directory.
const ballastName = "ballast"

// ballast is a file of no meaning that takes up space on the metadata log's
// disk. When a write finds the disk full, the file is emptied: leader epochs,
// registrations and what else keeps a cluster alive go on in its place, until
// somebody makes room. Then it is filled again. It is owned by the goroutine
// that owns the voter.
type ballast struct {
	fs     vfs.FS
	path   string
	bytes  int64 // 0: there is none
	logger *slog.Logger
	full   bool
	// released says that it was there and has been given up.
	released bool
	tried    time.Time // last attempt to fill it
}

// refillEvery is how often an emptied ballast looks for room.
const refillEvery = time.Second

// room is what must be free before the ballast is filled: what is left then
// must not be the end of the disk.
func (b *ballast) room() uint64 { return 3 * uint64(b.bytes) }

// open finds the ballast. A start does not wait for a new one: restore makes it.
func (b *ballast) open(o *Options) {
	*b = ballast{fs: o.FS, path: filepath.Join(o.Dir, ballastName), bytes: o.BallastBytes, logger: o.Logger}
	if b.bytes <= 0 {
		if err := b.fs.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.logger.Warn("the ballast of the metadata log is not wanted and cannot be removed", "error", err)
		}
		return
	}
	info, err := b.fs.Stat(b.path)
	b.full = err == nil && info.Size() >= b.bytes
	b.released = err == nil && !b.full
}

// release gives the space of the ballast to the metadata log. It reports false
// if there is nothing to give.
func (b *ballast) release() bool {
	if !b.full {
		return false
	}
	b.full, b.released = false, true
	f, err := b.fs.OpenFile(b.path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Truncate(0), f.Close())
	}
	if err != nil {
		b.logger.Error("the disk of the metadata log is full, and its ballast cannot be given up", "file", b.path, "error", err)
		return false
	}
	b.logger.Warn("the disk of the metadata log is full: it goes on in the place of its ballast", "file", b.path, "bytes", b.bytes)
	return true
}

// restore fills the ballast if it is empty and there is room. Without room the
// node goes on without.
func (b *ballast) restore(now time.Time) {
	if b.full || b.bytes <= 0 || now.Sub(b.tried) < refillEvery {
		return
	}
	b.tried = now
	b.refill()
	if b.full && b.released {
		b.released = false
		b.logger.Info("the metadata log has its ballast again", "file", b.path, "bytes", b.bytes)
	}
}

func (b *ballast) refill() {
	free, _, err := b.fs.Free(filepath.Dir(b.path))
	if err != nil || free < b.room() {
		return
	}
	if err := b.fill(); err != nil {
		b.logger.Warn("the ballast of the metadata log cannot be made", "file", b.path, "error", err)
		if err := b.fs.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.logger.Warn("half of it stays", "file", b.path, "error", err)
		}
		return
	}
	b.full = true
}

// fill writes bytes that no file system can make smaller. They need not survive
// anything, and are not synced.
func (b *ballast) fill() (err error) {
	f, err := b.fs.OpenFile(b.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	noise := rand.NewChaCha8([32]byte{})
	chunk := make([]byte, min(b.bytes, 256<<10))
	for at := int64(0); at < b.bytes; at += int64(len(chunk)) {
		_, _ = noise.Read(chunk) // never fails
		if _, err := f.WriteAt(chunk[:min(int64(len(chunk)), b.bytes-at)], at); err != nil {
			return err
		}
	}
	return nil
}
