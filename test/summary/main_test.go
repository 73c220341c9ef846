package main

import (
	"strings"
	"testing"
)

// One test passes, one with sub-tests fails in one of them, one is skipped, and a package does not build.
const stream = `{"Action":"start","Package":"p"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB/x"}
{"Action":"output","Package":"p","Test":"TestB/x","Output":"    b_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestB/x"}
{"Action":"pass","Package":"p","Test":"TestB/y"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:2: no network\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
q.go:1: syntax error
`

func TestRead(t *testing.T) {
	var out strings.Builder
	got, err := read(&out, strings.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	if want := (counts{Passed: 2, Failed: 1, Skipped: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	for _, want := range []string{"FAIL p TestB/x\n    b_test.go:1: wrong", "SKIP p TestC: c_test.go:2: no network", "q.go:1: syntax error"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestSkipFailsOnlyWhereStrict(t *testing.T) {
	line := `{"Action":"skip","Package":"p","Test":"TestC"}`
	for _, strict := range []bool{false, true} {
		dir := t.TempDir()
		err := run(new(strings.Builder), dir, "stage", []string{"echo", line}, strict)
		if (err != nil) != strict {
			t.Errorf("strict %t: error %v", strict, err)
		}
		if err := sum(new(strings.Builder), dir); err != nil {
			t.Errorf("strict %t: sum says %v", strict, err)
		}
	}
}

func TestFailedCommandFails(t *testing.T) {
	dir := t.TempDir()
	line := `{"Action":"fail","Package":"p","Test":"TestC"}`
	if err := run(new(strings.Builder), dir, "stage", []string{"sh", "-c", "echo '" + line + "'; exit 1"}, false); err == nil {
		t.Error("a failed command was taken as passed")
	}
	if err := sum(new(strings.Builder), dir); err == nil {
		t.Error("the sum hides a failure")
	}
}
