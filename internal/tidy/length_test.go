package tidy

import (
	"go/ast"
	"slices"
	"testing"
)

const (
	maxFileLines = 800 // files of 100 to 400 lines are the aim
	maxFuncLines = 70
	maxFields    = 25
)

func TestFileLength(t *testing.T) {
	found := map[string]int{}
	var product, tests []int
	for _, f := range source(t).files {
		if f.generated {
			continue
		}
		if f.test {
			tests = append(tests, f.lines)
		} else {
			product = append(product, f.lines)
		}
		if f.lines > maxFileLines {
			found[f.path] = f.lines
		}
	}
	report(t, "lines a file", product)
	report(t, "lines a test file", tests)
	ratchet(t, "file-lines", found, true, "one concept, one file: 800 lines at most")
}

func TestFunctionLength(t *testing.T) {
	tr := source(t)
	found := map[string]int{}
	var all []int
	tr.product(func(f file) {
		functions(f, func(fn *ast.FuncDecl) {
			n := tr.span(fn)
			all = append(all, n)
			if n > maxFuncLines {
				found[symbol(f, fn)] = n
			}
		})
	})
	report(t, "lines a function", all)
	ratchet(t, "func-lines", found, true, "70 lines at most: push ifs up and fors down")
}

func TestStructWidth(t *testing.T) {
	found := map[string]int{}
	var all []int
	source(t).product(func(f file) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				n := s.Fields.NumFields()
				all = append(all, n)
				if n > maxFields {
					found[f.dir()+"."+spec.Name.Name] = n
				}
			}
			return true
		})
	})
	report(t, "fields a struct", all)
	ratchet(t, "struct-fields", found, true, "no god types: split by what is locked together")
}

// report logs where the middle and the tail stand (go test -v).
func report(t *testing.T, what string, n []int) {
	t.Helper()
	if len(n) == 0 {
		return
	}
	slices.Sort(n)
	at := func(p int) int { return n[min(len(n)-1, len(n)*p/100)] }
	t.Logf("%s: p50 %d, p90 %d, p99 %d, max %d, of %d", what, at(50), at(90), at(99), n[len(n)-1], len(n))
}
