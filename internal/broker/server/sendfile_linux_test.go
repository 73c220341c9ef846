package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
