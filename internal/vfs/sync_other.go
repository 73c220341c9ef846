//go:build unix && !linux

package vfs

import "golang.org/x/sys/unix"

// fdatasync is fsync where the system has nothing cheaper.
func fdatasync(fd int) error { return unix.Fsync(fd) }
