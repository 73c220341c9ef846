package javanum

import (
	"math"
	"testing"
)

// Java's Double.toString and Float.toString.
func TestNumbers(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 1e7: "1.0E7", 9999999: "9999999.0", 1e-3: "0.001", 1e-4: "1.0E-4", 1.5e300: "1.5E300",
		math.Inf(-1): "-Infinity", 123456789.125: "1.23456789125E8",
	} {
		if got := Double(f); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
	if got := Float(0.1); got != "0.1" {
		t.Errorf("0.1f: got %s", got)
	}
	if got := Double(math.NaN()); got != "NaN" {
		t.Errorf("NaN: got %s", got)
	}
}
