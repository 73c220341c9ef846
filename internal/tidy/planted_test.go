package tidy

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"
)

// planted breaks the rules that are checked by looking into functions; each check must see its line.
const planted = `package planted

import "maps"

var table = []int{1, 2}
var cache = make(map[string]int)
var local int = 3

func ranges(m map[string]int, s []int) {
	for range m {
	}
	for range maps.Keys(m) {
	}
	for range s {
	}
}

func writes() {
	table[1] = 4
	local := 5
	local++
	delete(cache, "x")
}
`

func TestPlantedFaultsAreFound(t *testing.T) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "planted.go", planted, 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := conf.Check("planted", fset, []*ast.File{syntax}, info); err != nil {
		t.Fatal(err)
	}
	f := file{path: "planted/planted.go", syntax: syntax}
	var roots []string
	functions(f, func(fn *ast.FuncDecl) {
		if fn.Name.Name == "ranges" {
			if n := mapRanges(info, fn); n != 2 {
				t.Errorf("found %d ranges over maps, want 2", n)
			}
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			for _, id := range written(n) {
				if id.Obj == nil || isGlobal(f, id.Obj.Decl) {
					roots = append(roots, id.Name)
				}
			}
			return true
		})
	})
	if want := []string{"table", "cache"}; !slices.Equal(roots, want) {
		t.Errorf("written globals %v, want %v", roots, want)
	}
	mutable := 0
	for _, spec := range globals(f) {
		if mutableValue(spec.Values[0]) {
			mutable++
		}
	}
	if mutable != 1 {
		t.Errorf("%d variables were made to be changed, want 1", mutable)
	}
}
