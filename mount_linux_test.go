package headrace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func mountTmpfs(dir string, megabytes int) error {
	return unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes))
}

func unmount(dir string) error { return unix.Unmount(dir, 0) }
