//go:build !unix

package headrace

// openFileLimit is how many files the process may open, where the system has no
// number for it.
func openFileLimit() int { return 8192 }
