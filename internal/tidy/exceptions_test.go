package tidy

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ratchet compares what was found with testdata/exceptions.txt, whose lines are "rule where bound # reason".
// Found beyond its bound, or without a line, is an error; so is a line that nothing needs any more, and a count
// (slack false) that has become smaller than its bound.
func ratchet(t *testing.T, rule string, found map[string]int, slack bool, advice string) {
	t.Helper()
	allowed := exceptions(t, rule)
	for _, where := range slices.Sorted(maps.Keys(found)) {
		n, bound := found[where], allowed[where]
		switch {
		case n > bound && bound == 0:
			t.Errorf("%s: %s: %d; %s", rule, where, n, advice)
		case n > bound:
			t.Errorf("%s: %s: %d, the exception allows %d; %s", rule, where, n, bound, advice)
		case n < bound && !slack:
			t.Errorf("%s: %s: now %d: lower the bound %d in testdata/exceptions.txt", rule, where, n, bound)
		}
	}
	for _, where := range slices.Sorted(maps.Keys(allowed)) {
		if _, ok := found[where]; !ok {
			t.Errorf("%s: %s: the exception is no longer needed: remove its line from testdata/exceptions.txt", rule, where)
		}
	}
}

// exceptions reads the lines of one rule: where → bound.
func exceptions(t *testing.T, rule string) map[string]int {
	t.Helper()
	text, err := os.ReadFile("testdata/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, err := parseExceptions(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return all[rule]
}

// parseExceptions takes the whole file apart: rule → where → bound.
func parseExceptions(text string) (map[string]map[string]int, error) {
	all := map[string]map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		entry, reason, _ := strings.Cut(line, "#")
		f := strings.Fields(entry)
		if len(f) != 3 || len(strings.TrimSpace(reason)) < 10 {
			return nil, fmt.Errorf("exceptions.txt:%d: want \"rule where bound # reason\", got %q", i+1, line)
		}
		bound, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, fmt.Errorf("exceptions.txt:%d: bound: %w", i+1, err)
		}
		if all[f[0]] == nil {
			all[f[0]] = map[string]int{}
		}
		all[f[0]][f[1]] = bound
	}
	return all, nil
}

func TestExceptionsNeedAReason(t *testing.T) {
	for _, line := range []string{"goroutine internal/x.f 1", "goroutine internal/x.f 1 #", "goroutine internal/x.f one # joined by Close"} {
		if _, err := parseExceptions(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if _, err := parseExceptions("goroutine internal/x.f 1 # joined by Close"); err != nil {
		t.Error(err)
	}
}
