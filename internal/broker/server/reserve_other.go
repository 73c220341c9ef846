//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package server

// reserve returns n bytes of Go's heap; large ones come from the system as they
// are, and are backed when they are written to.
func reserve(n int) (b []byte, mapped bool, err error) { return make([]byte, n), false, nil }

func unreserve([]byte) {}
