package console

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestLongLines: no more than MaxLine bytes of a line are kept, the rest is counted, and the next line is whole again.
func TestLongLines(t *testing.T) {
	r, err := NewLineReader(strings.NewReader("12345678\r\n1234\nk\t345678\n\n1234567"), map[string]string{"topic": "t"})
	if err != nil {
		t.Fatal(err)
	}
	r.MaxLine = 4
	for i, want := range []struct {
		value   string
		omitted int64
	}{{"1234", 4}, {"1234", 0}, {"k\t34", 4}, {"", 0}, {"1234", 3}} {
		rec, err := r.Next()
		if err != nil || string(rec.Value) != want.value || rec.Omitted != want.omitted {
			t.Errorf("line %d: %q and %d more, %v; want %v", i+1, rec.Value, rec.Omitted, err, want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
