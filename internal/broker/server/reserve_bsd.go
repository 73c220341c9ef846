//go:build darwin || freebsd || netbsd || openbsd

package server

// smallPages has nothing to do here.
func smallPages([]byte) {}
