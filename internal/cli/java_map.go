package cli

import (
	"slices"
	"unicode/utf16"
)

// javaMapOrder returns names in the order in which a java.util.HashMap that was made for size entries iterates over
// them: some tools print maps as they come, and their output is compared line by line.
func javaMapOrder(names []string, size int) []string {
	capacity := 1
	for capacity < size {
		capacity *= 2
	}
	for len(names)*4 > capacity*3 {
		capacity *= 2
	}
	ordered := slices.Clone(names)
	bucket := func(s string) int {
		var h uint32
		for _, c := range utf16.Encode([]rune(s)) {
			h = 31*h + uint32(c)
		}
		return int(h^h>>16) & (capacity - 1)
	}
	slices.SortStableFunc(ordered, func(a, b string) int { return bucket(a) - bucket(b) })
	return ordered
}

// javaMapCapacity is the capacity of a map that was made without a size.
const javaMapCapacity = 16
