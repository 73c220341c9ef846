package perf

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Fixed writes f with digits after the point as Java's formatter: halves are rounded away from zero, by the digits
// that the shortest form of f has.
func Fixed(f float64, digits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	shortest := strconv.FormatFloat(f, 'f', -1, 64)
	_, fraction, _ := strings.Cut(shortest, ".")
	if len(fraction) <= digits {
		return strconv.FormatFloat(f, 'f', digits, 64)
	}
	r, ok := new(big.Rat).SetString(shortest)
	if !ok {
		return strconv.FormatFloat(f, 'f', digits, 64)
	}
	return r.FloatString(digits) // rounds halves away from zero
}
