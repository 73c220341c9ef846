package tidy

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

func TestNoInit(t *testing.T) {
	for _, f := range source(t).files {
		functions(f, func(fn *ast.FuncDecl) {
			if fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init(): registration is a table, set-up is a constructor", f.path)
			}
		})
	}
}

// Every go statement stands in the list, with who joins it. sync.WaitGroup.Go and errgroup need no entry.
func TestGoroutinesHaveOwners(t *testing.T) {
	found := map[string]int{}
	source(t).product(func(f file) {
		if strings.HasPrefix(f.dir(), "test/") {
			return // programs of the tests, which end with them
		}
		functions(f, func(fn *ast.FuncDecl) {
			ast.Inspect(fn, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok && !isCore(f.dir()) {
					found[symbol(f, fn)]++
				}
				return true
			})
		})
	})
	ratchet(t, "goroutine", found, false, "use WaitGroup.Go in an owner's Run, or say in exceptions.txt who joins it")
}

// A package variable has a value from the start and keeps it: tables, sentinel errors, compiled patterns, guards.
func TestNoMutableGlobals(t *testing.T) {
	tr := source(t)
	vars := map[string]map[string]bool{} // directory → names of its package variables
	found := map[string]int{}
	tr.product(func(f file) {
		if f.dir() == "test" || strings.HasPrefix(f.dir(), "test/") {
			return
		}
		for _, spec := range globals(f) {
			for i, name := range spec.Names {
				if name.Name == "_" {
					continue
				}
				if vars[f.dir()] == nil {
					vars[f.dir()] = map[string]bool{}
				}
				vars[f.dir()][name.Name] = true
				if i >= len(spec.Values) && !embedded(spec) && !array(spec) || i < len(spec.Values) && mutableValue(spec.Values[i]) {
					found[f.dir()+"."+name.Name]++
				}
			}
		}
	})
	tr.product(func(f file) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			for _, id := range written(n) {
				if vars[f.dir()][id.Name] && (id.Obj == nil || isGlobal(f, id.Obj.Decl)) {
					found[f.dir()+"."+id.Name]++
				}
			}
			return true
		})
	})
	ratchet(t, "global", found, false, "pass it: two brokers in one process are normal")
}

// globals are the package's var specs in this file.
func globals(f file) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, d := range f.syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if spec.Doc == nil {
				spec.Doc = g.Doc
			}
			specs = append(specs, spec)
		}
	}
	return specs
}

func isGlobal(f file, decl any) bool {
	for _, s := range globals(f) {
		if s == decl {
			return true
		}
	}
	return false
}

// embedded says whether go:embed gives the variable its value.
func embedded(s *ast.ValueSpec) bool {
	if s.Doc == nil {
		return false
	}
	for _, c := range s.Doc.List {
		if strings.HasPrefix(c.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

// array says whether a variable is an array: without a value, and never written, it is a constant of zeroes.
func array(s *ast.ValueSpec) bool {
	a, ok := s.Type.(*ast.ArrayType)
	return ok && a.Len != nil
}

// mutableValue says whether a value is made to be changed: make, new, and zero values of locks and atomics.
func mutableValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		id, ok := e.Fun.(*ast.Ident)
		return ok && (id.Name == "make" || id.Name == "new")
	case *ast.CompositeLit:
		sel, ok := e.Type.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && (pkg.Name == "sync" || pkg.Name == "atomic")
	}
	return false
}

// written are the identifiers at the root of what a statement assigns to, counts up or deletes from.
func written(n ast.Node) []*ast.Ident {
	var ids []*ast.Ident
	add := func(e ast.Expr) {
		if id := rootIdent(e); id != nil {
			ids = append(ids, id)
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, e := range n.Lhs {
				add(e)
			}
		}
	case *ast.IncDecStmt:
		add(n.X)
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (id.Name == "delete" || id.Name == "clear") {
			add(n.Args[0])
		}
	}
	return ids
}

// rootIdent is the variable in v, v[i], v.f and v[i].f; a pointer's target belongs to somebody else.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// A test that sleeps is slow and flaky at once; in a synctest bubble sleeping is exact and free.
func TestNoSleepsInTests(t *testing.T) {
	found := map[string]int{}
	for _, f := range source(t).files {
		if !f.test || strings.HasPrefix(f.path, "test/") || imports(f, "testing/synctest") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					found[f.path]++
				}
			}
			return true
		})
	}
	ratchet(t, "test-sleep", found, false, "wait for the event, or use a synctest bubble")
}

func imports(f file, path string) bool {
	for _, s := range f.syntax.Imports {
		if strings.Trim(s.Path.Value, `"`) == path {
			return true
		}
	}
	return false
}
