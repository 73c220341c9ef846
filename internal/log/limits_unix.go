//go:build unix

package log

import "syscall"

// maxOpenFiles is the default of DirOptions.MaxOpenFiles: half of what the
// process may open, the rest being for connections.
func maxOpenFiles() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return fallbackOpenFiles
	}
	return int(min(max(uint64(r.Cur)/2, 64), 1<<16))
}
