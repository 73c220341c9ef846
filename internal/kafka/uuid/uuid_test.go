package uuid

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

func TestTextForm(t *testing.T) {
	u, err := Parse("ESIzRFVmd4gAAAAAAAAAiA")
	if err != nil || u.String() != "ESIzRFVmd4gAAAAAAAAAiA" {
		t.Fatalf("%s, %v", u, err)
	}
	if padded, err := Parse("ESIzRFVmd4gAAAAAAAAAiA=="); err != nil || padded != u || TopicID(u).String() != u.String() {
		t.Errorf("with padding: %s, %v", padded, err)
	}
	for _, bad := range []string{"", "x", "ESIzRFVmd4gAAAAAAAAAi", "ESIzRFVmd4gAAAAAAAAAiAAA", "ESIzRFVmd4g+AAAAAAAAiA"} {
		if u, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %x", bad, u)
		}
	}
}

func TestNewIsOfVersion4AndNoOption(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	seen := map[UUID]bool{}
	for range 2000 {
		u, err := New(source)
		if err != nil || u[6]>>4 != 4 || u[8]>>6 != 2 || u.String()[0] == '-' || Reserved(u) || seen[u] {
			t.Fatalf("%s, %v", u, err)
		}
		seen[u] = true
	}
	if _, err := New(bytes.NewReader(make([]byte, 5))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("without enough of it: %v", err)
	}
}

func TestReserved(t *testing.T) {
	for low, want := range map[uint64]bool{0: true, 1: true, 99: true, 100: false} {
		if got := Reserved(ReservedAs(low)); got != want {
			t.Errorf("%d: %v", low, got)
		}
	}
}
