//go:build unix

package headrace

import (
	"math"

	"golang.org/x/sys/unix"
)

// openFileLimit is how many files the process may open. The runtime has raised
// the soft limit to the hard one.
func openFileLimit() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024 // POSIX systems' usual one
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}
