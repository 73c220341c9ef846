// Package javanum writes numbers as Java does. Kafka's configs, its tools and its JSON show them in this form.
package javanum

import (
	"math"
	"strconv"
	"strings"
)

// Double writes f as Java's Double.toString: at least one digit after the point, powers of ten from 10^7 and below
// 10^-3.
func Double(f float64) string { return number(f, 64) }

// Float writes f as Java's Float.toString.
func Float(f float32) string { return number(float64(f), 32) }

func number(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a == 0 || (a >= 1e-3 && a < 1e7) {
		s := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	negative := strings.HasPrefix(exponent, "-")
	exponent = strings.TrimLeft(exponent, "+-0")
	if negative {
		exponent = "-" + exponent
	}
	return digits + "E" + exponent
}
