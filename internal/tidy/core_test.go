package tidy

import (
	"go/ast"
	"go/importer"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// cores are pure: state, input and time in, effects out. The same input gives the same effects, always.
var cores = []string{
	"internal/kafka/record", "internal/kafka/wire",
	"internal/broker/replica/isr", "internal/broker/coordinator/shard", "internal/broker/coordinator/group", "internal/broker/coordinator/txn",
	"internal/broker/coordinator/group/assign", "internal/broker/coordinator/group/modern", "internal/broker/coordinator/group/consumer",
	"internal/cluster/metadata", "internal/cluster/controller",
	"internal/edge/worker/herder",
}

// coreImports may not be imported by a core.
var coreImports = map[string]string{
	"os":          "a core does no I/O",
	"os/signal":   "a core does no I/O",
	"net":         "a core does no I/O",
	"net/http":    "a core does no I/O",
	"log":         "effects are returned, not logged",
	"log/slog":    "effects are returned, not logged",
	"sync":        "a core has no lock and no goroutine",
	"sync/atomic": "a core has no lock and no goroutine",
	"math/rand":   "randomness comes from the caller's seed, by math/rand/v2",
	"crypto/rand": "randomness comes from the caller's seed",
	"context":     "a core waits for nothing",
}

// clockFuncs are the functions of package time that read or wait for the clock.
var clockFuncs = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
}

// randNames are what a core may name of math/rand/v2: the generator that it is given, never the package's own.
var randNames = map[string]bool{"Rand": true, "Source": true, "New": true, "NewPCG": true, "PCG": true}

// mapIterators of package maps give no order; as the argument of a sorting collector they are fine.
var mapIterators = map[string]bool{"Keys": true, "Values": true, "All": true}

func isCore(dir string) bool {
	return slices.Contains(cores, dir)
}

func TestCoresImportNoShell(t *testing.T) {
	found := map[string]int{}
	source(t).product(func(f file) {
		if !isCore(f.dir()) {
			return
		}
		for _, spec := range f.syntax.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); coreImports[path] != "" {
				found[f.dir()+":"+path]++
				t.Logf("%s imports %s: %s", f.path, path, coreImports[path])
			}
		}
	})
	ratchet(t, "core-import", found, false, "see coreImports")
}

func TestCoresReadNoClockAndStartNothing(t *testing.T) {
	clock, random, started := map[string]int{}, map[string]int{}, map[string]int{}
	source(t).product(func(f file) {
		if !isCore(f.dir()) {
			return
		}
		functions(f, func(fn *ast.FuncDecl) {
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					started[symbol(f, fn)]++
				case *ast.SelectorExpr:
					x, ok := n.X.(*ast.Ident)
					switch {
					case ok && x.Obj == nil && x.Name == "time" && clockFuncs[n.Sel.Name]:
						clock[symbol(f, fn)]++
					case ok && x.Obj == nil && x.Name == "rand" && !randNames[n.Sel.Name]:
						random[symbol(f, fn)]++
					}
				}
				return true
			})
		})
	})
	ratchet(t, "core-clock", clock, false, "take now as an argument")
	ratchet(t, "core-random", random, false, "take a *rand.Rand as an argument")
	ratchet(t, "core-goroutine", started, false, "return an effect, the shell starts it")
}

// Ranging over a map in a core lets the map's order reach effects; sort the keys (slices.Sorted(maps.Keys(m))).
// A loop whose order cannot matter (a sum, a copy into another map) is an exception with its reason.
func TestCoresRangeOverNoMap(t *testing.T) {
	tr := source(t)
	found := map[string]int{}
	exports := exportData(t)
	for _, dir := range cores {
		var syntax []*ast.File // generated files too: the others name what they declare
		for _, f := range tr.files {
			if f.dir() == dir && !f.test {
				syntax = append(syntax, f.syntax)
			}
		}
		if len(syntax) == 0 {
			continue
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		conf := types.Config{Importer: importer.ForCompiler(tr.fset, "gc", exports)}
		if _, err := conf.Check(module+"/"+dir, tr.fset, syntax, info); err != nil {
			t.Errorf("%s cannot be looked into: %v", dir, err)
		}
		tr.product(func(f file) {
			if f.dir() == dir {
				functions(f, func(fn *ast.FuncDecl) { found[symbol(f, fn)] += mapRanges(info, fn) })
			}
		})
	}
	for where, n := range found {
		if n == 0 {
			delete(found, where)
		}
	}
	ratchet(t, "core-map-range", found, false, "sort the keys, or give the reason why the order cannot matter")
}

// mapRanges counts the range statements over maps, and over their iterators, in one function.
func mapRanges(info *types.Info, fn *ast.FuncDecl) int {
	n := 0
	ast.Inspect(fn, func(node ast.Node) bool {
		r, ok := node.(*ast.RangeStmt)
		if !ok {
			return true
		}
		if tv, ok := info.Types[r.X]; ok && tv.Type != nil {
			if _, isMap := tv.Type.Underlying().(*types.Map); isMap {
				n++
			}
		}
		if call, ok := r.X.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && mapIterators[sel.Sel.Name] {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "maps" {
					n++
				}
			}
		}
		return true
	})
	return n
}

// exportData finds the compiled types of everything that the cores import.
func exportData(t *testing.T) importer.Lookup {
	t.Helper()
	args := []string{"list", "-e", "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}}={{.Export}}{{end}}"}
	for _, c := range cores {
		if _, err := os.Stat("../../" + c); err == nil {
			args = append(args, "../../"+c)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = io.Discard
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -export: %v", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, name, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			files[path] = name
		}
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
}
