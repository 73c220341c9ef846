package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadFile reads a whole file, which nobody may be writing to.
func ReadFile(disk FS, name string) (b []byte, err error) {
	f, err := disk.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// ReplaceFile writes a file aside, under a name ending in ".tmp", makes it durable
// and gives it its name, durably: after a crash the file is there as it was, or
// whole and new. The directory must exist.
func ReplaceFile(disk FS, name string, b []byte, perm fs.FileMode) error {
	tmp := name + ".tmp"
	if err := writeSynced(disk, tmp, b, perm); err != nil {
		return err
	}
	if err := disk.Rename(tmp, name); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(name))
}

func writeSynced(disk FS, name string, b []byte, perm fs.FileMode) (err error) {
	f, err := disk.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}
