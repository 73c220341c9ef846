package controller

import (
	"maps"
	"slices"
)

// sortedKeys gives the keys of a map in order, for effects must not depend on
// the order of a map.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
