package tidy

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every exported name says what it is. Methods that only fulfil an interface of the standard library may be silent.
var silent = map[string]bool{
	"Error": true, "String": true, "Unwrap": true, "Is": true, "Len": true, "Less": true, "Swap": true, "Write": true, "Read": true, "Close": true,
	"MarshalText": true, "UnmarshalText": true, "MarshalJSON": true, "UnmarshalJSON": true, "LogValue": true,
}

func TestExportedIsDocumented(t *testing.T) {
	packages := map[string]bool{} // directory → has a package comment
	source(t).product(func(f file) {
		packages[f.dir()] = packages[f.dir()] || f.syntax.Doc != nil
		if f.syntax.Name.Name == "main" {
			return
		}
		for _, d := range f.syntax.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: exported %s has no comment", f.path, name)
			}
		}
	})
	for dir, ok := range packages {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// undocumented are the exported names of a declaration that lack a comment; a group's comment serves its members.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && !silent[d.Name.Name] && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil || d.Tok == token.IMPORT {
			return nil
		}
		var out []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Doc == nil && s.Comment == nil && s.Names[0].IsExported() {
					out = append(out, s.Names[0].Name)
				}
			}
		}
		return out
	}
	return nil
}

// exportedReceiver says whether a function's receiver, if it has one, can be reached from outside.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	e := d.Recv.List[0].Type
	if s, ok := e.(*ast.StarExpr); ok {
		e = s.X
	}
	return ast.IsExported(typeName(e))
}

// banned are words that no committed file may hold: machine paths, unnumbered to-dos, history.
var banned = []struct {
	pattern *regexp.Regexp
	why     string
	only    *regexp.Regexp // where it counts; nil is everywhere
}{
	{regexp.MustCompile(`(^|[^\w.$])/(work|root|home/\w+)/`), "names a path of one machine", nil},
	{regexp.MustCompile(`/tmp/(ref|w|bones)\b`), "names a path of one machine", nil},
	{regexp.MustCompile(`(//|#)\s*(TODO|FIXME|XXX)\b(\(#\d+\))?`), "a to-do needs an issue: TODO(#12)", regexp.MustCompile(`\.(go|sh|py|yml)$`)},
	{regexp.MustCompile(`\b[Pp]hase [0-9]\b`), "names a phase of the work, which readers do not know", regexp.MustCompile(`\.go$`)},
	{regexp.MustCompile(`//nolint(:[\w,]+)?\s*$`), "an exception gives its reason: //nolint:name // why", regexp.MustCompile(`\.go$`)},
}

var numbered = regexp.MustCompile(`TODO\(#\d+\)$`)

func TestBannedWords(t *testing.T) {
	for _, path := range tracked(t) {
		if path == "internal/tidy/docs_test.go" {
			continue // it holds the patterns
		}
		text, err := os.ReadFile(filepath.Join("../..", path))
		if os.IsNotExist(err) {
			continue // removed and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			for _, b := range banned {
				if b.only != nil && !b.only.MatchString(path) {
					continue
				}
				if m := b.pattern.FindString(strings.TrimRight(line, "\n")); m != "" && !numbered.MatchString(m) {
					t.Errorf("%s:%d: %q: %s", path, n, m, b.why)
				}
			}
		}
	}
}

// tracked are the files that git knows; without git, every file.
func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files").Output()
	if err != nil {
		t.Skipf("no git checkout: %v", err)
	}
	var files []string
	for line := range strings.Lines(string(out)) {
		files = append(files, strings.TrimSpace(line))
	}
	return files
}
