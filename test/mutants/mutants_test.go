// Package mutants plants bugs in the product and looks whether the tests find
// them: a test that no bug can fail proves nothing. Each bug is a change of a
// few bytes of one source file, made in a copy that only the compiler sees.
package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mutant is one planted bug and the tests that are to find it.
type mutant struct {
	name string
	file string // from the root of the module
	old  string // occurs once in the file
	new  string
	pkg  string // the package whose tests find it, from the root
	run  string // a regular expression of its tests
	// quick marks those of the short run: each is found within a few seconds.
	quick bool
	// missed says why no test finds it; such a bug counts as not found.
	missed string
}

const root = "../.."

// least is how many of the planted bugs the tests have to find.
const least = 24

// TestMutantsApply: a bug that cannot be planted any more is one that is no
// longer looked for.
func TestMutantsApply(t *testing.T) {
	if len(mutants) < least+1 {
		t.Errorf("%d planted bugs", len(mutants))
	}
	seen := map[string]bool{}
	for _, m := range mutants {
		if seen[m.name] {
			t.Errorf("%s: named twice", m.name)
		}
		seen[m.name] = true
		if _, err := m.source(); err != nil {
			t.Error(err)
		}
	}
}

// TestMutantsAreFound runs the tests of each bug: of the quick ones, or of those
// whose names MUTANTS (a regular expression; "." is all) matches.
func TestMutantsAreFound(t *testing.T) {
	wanted := os.Getenv("MUTANTS")
	pattern, err := regexp.Compile(wanted)
	if err != nil {
		t.Fatalf("MUTANTS: %v", err)
	}
	ran, found := 0, 0
	for _, m := range mutants {
		if wanted == "" && !m.quick || !pattern.MatchString(m.name) {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			ran++
			began := time.Now()
			out, err := m.test(t)
			took := time.Since(began).Round(100 * time.Millisecond)
			var failed *exec.ExitError
			switch {
			case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
				t.Fatalf("the bug does not compile:\n%s", out)
			case errors.As(err, &failed):
				found++
				t.Logf("found by %s after %s", strings.Join(failures(out), ", "), took)
			case err != nil:
				t.Fatal(err)
			case m.missed != "":
				t.Logf("not found, as is known: %s", m.missed)
			default:
				t.Errorf("not found by %s of %s after %s", m.run, m.pkg, took)
			}
		})
	}
	t.Logf("%d of %d planted bugs were found", found, ran)
	if ran == len(mutants) && found < least {
		t.Errorf("fewer than %d", least)
	}
}

// source is the file with the bug in it.
func (m *mutant) source() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), m.old); n != 1 {
		return nil, errors.New(m.name + ": the place for the bug is not there exactly once in " + m.file + ":\n" + m.old)
	}
	return []byte(strings.Replace(string(b), m.old, m.new, 1)), nil
}

// test runs the tests with the bug laid over the tree.
func (m *mutant) test(t *testing.T) (string, error) {
	t.Helper()
	src, err := m.source()
	if err != nil {
		return "", err
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, src, 0o600); err != nil {
		return "", err
	}
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", list, "-count=1", "-timeout=5m", "-run", m.run, "./"+m.pkg)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^panic: (.*)$`)

// failures names the tests that failed, the first few.
func failures(out string) (names []string) {
	for _, m := range failure.FindAllStringSubmatch(out, 4) {
		names = append(names, m[1]+m[2])
	}
	return names
}
