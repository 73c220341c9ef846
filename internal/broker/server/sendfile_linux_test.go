package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is a file that remembers what it was told.
type told struct {
	File
	err error
}

func (f *told) Failed(err error) error { f.err = err; return errors.Join(errTold, err) }

var errTold = errors.New("the file was told")

// An error of the disk reaches the file, one of the client's connection does not.
func TestTheFileHearsOfTheDisk(t *testing.T) {
	for _, tc := range []struct {
		err  error
		disk bool
	}{
		{nil, false},
		{syscall.EIO, true},
		{syscall.EUCLEAN, true},
		{syscall.EBADMSG, true},
		{syscall.EPIPE, false},
		{syscall.ECONNRESET, false},
		{syscall.ETIMEDOUT, false},
		{net.ErrClosed, false},
		{os.ErrDeadlineExceeded, false},
	} {
		err := tc.err
		if err != nil {
			err = fmt.Errorf("sendfile: %w", err)
		}
		f := &told{}
		got := whose(err, f)
		if tc.disk != (f.err != nil) || tc.disk != errors.Is(got, errTold) || !errors.Is(got, tc.err) {
			t.Errorf("%v: the file was told %v, the connection %v", tc.err, f.err, got)
		}
	}
}

func TestUnsentGoesOnWhereTheKernelStopped(t *testing.T) {
	for n, want := range map[int][][]byte{
		0: {[]byte("abc"), []byte("de")},
		2: {[]byte("c"), []byte("de")},
		3: {[]byte("de")},
		4: {[]byte("e")},
		5: {},
	} {
		if diff := cmp.Diff(want, unsent([][]byte{[]byte("abc"), []byte("de")}, n)); diff != "" {
			t.Errorf("after %d bytes: %s", n, diff)
		}
	}
}
