package replica

import (
	"fmt"
	"strings"
)

// maxToldFailures bounds the partitions that an error speaks of: what has hit
// 100,000 partitions is told by the first few, and how many there are.
const maxToldFailures = 5

// failures collects what went wrong with partitions. The zero value is empty.
type failures struct {
	first []error
	n     int // all of them
}

// add takes an error; nil counts nothing.
func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.n++
	if len(f.first) < maxToldFailures {
		f.first = append(f.first, err)
	}
}

// err is nil if nothing went wrong.
func (f *failures) err() error {
	if f.n == 0 {
		return nil
	}
	return f
}

// Error implements error.
func (f *failures) Error() string {
	var b strings.Builder
	for i, err := range f.first {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(err.Error())
	}
	if more := f.n - len(f.first); more > 0 {
		fmt.Fprintf(&b, "; and %d more partitions", more)
	}
	return b.String()
}

// Unwrap gives those that are told.
func (f *failures) Unwrap() []error { return f.first }
