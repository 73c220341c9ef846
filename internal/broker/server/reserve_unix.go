//go:build linux || darwin || freebsd || netbsd || openbsd

package server

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve returns n bytes of zeros that the system backs with memory when they
// are written to. mapped says that unreserve must give them back.
func reserve(n int) (b []byte, mapped bool, err error) {
	if b, err = unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
		return nil, false, fmt.Errorf("reserve %d bytes: %w", n, err)
	}
	smallPages(b)
	return b, true, nil
}

func unreserve(b []byte) { _ = unix.Munmap(b) } // fails for other memory only
