package server

import "golang.org/x/sys/unix"

// smallPages keeps huge pages away: the first byte would cost two megabytes.
// Kernels without them refuse, and need not be asked.
func smallPages(b []byte) { _ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) }
