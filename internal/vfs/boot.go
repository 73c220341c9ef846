package vfs

import (
	"os"
	"strings"
)

// BootID changes with each boot of the machine; "" where the system does not
// tell it.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
