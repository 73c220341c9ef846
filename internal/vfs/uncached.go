package vfs

import "os"

// uncachedFS is what an FS may offer beyond FS.
type uncachedFS interface {
	openUncached(name string) (File, error)
}

// OpenUncached opens a file for reading only. Where the system can, what is
// read comes from the disk itself, even if memory has a copy, and pushes nothing
// out of memory: that is how to find out what a disk has become of. The file
// should not be written meanwhile. The result is meant for long reads in
// sequence by one goroutine at a time.
func OpenUncached(f FS, name string) (File, error) {
	if u, ok := f.(uncachedFS); ok {
		return u.openUncached(name)
	}
	return f.OpenFile(name, os.O_RDONLY, 0)
}
