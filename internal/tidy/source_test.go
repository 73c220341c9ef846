package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/headrace/headrace"

// file is one Go source file of the module.
type file struct {
	path      string // relative to the module's root, with slashes
	test      bool
	generated bool
	lines     int
	syntax    *ast.File
}

// dir is the file's directory relative to the root, "." for the root itself.
func (f file) dir() string { return filepath.ToSlash(filepath.Dir(f.path)) }

// tree is every Go file of the module, nested modules and testdata apart.
type tree struct {
	root  string
	fset  *token.FileSet
	files []file
}

// source parses the tree once for all tests.
func source(t *testing.T) *tree {
	t.Helper()
	tr, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var parsed = sync.OnceValues(func() (*tree, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	tr := &tree{root: root, fset: token.NewFileSet()}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return tr.enter(path, d.Name())
		}
		if strings.HasSuffix(path, ".go") {
			return tr.add(path)
		}
		return nil
	})
	return tr, err
})

// enter leaves out what the go command leaves out.
func (tr *tree) enter(path, name string) error {
	if path == tr.root {
		return nil
	}
	if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func (tr *tree) add(path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(tr.fset, path, src, parser.ParseComments)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(tr.root, path)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	tr.files = append(tr.files, file{
		path:      rel,
		test:      strings.HasSuffix(rel, "_test.go"),
		generated: strings.HasSuffix(rel, "_gen.go") || ast.IsGenerated(syntax),
		lines:     strings.Count(string(src), "\n"),
		syntax:    syntax,
	})
	return nil
}

// product calls f for each file that is neither a test nor generated.
func (tr *tree) product(f func(file)) {
	for _, x := range tr.files {
		if !x.test && !x.generated {
			f(x)
		}
	}
}

// span is how many lines a node takes, its first and last included.
func (tr *tree) span(n ast.Node) int {
	return tr.fset.Position(n.End()).Line - tr.fset.Position(n.Pos()).Line + 1
}

// symbol names a function as exceptions.txt does: internal/log.(*Log).Append.
func symbol(f file, d *ast.FuncDecl) string {
	name := d.Name.Name
	if d.Recv != nil && len(d.Recv.List) == 1 {
		switch r := d.Recv.List[0].Type.(type) {
		case *ast.StarExpr:
			name = "(*" + typeName(r.X) + ")." + name
		default:
			name = typeName(r) + "." + name
		}
	}
	if f.dir() == "." {
		return "headrace." + name
	}
	return f.dir() + "." + name
}

// typeName is a receiver type's name without its type parameters.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return "?"
}

// functions calls visit for each function declaration with a body.
func functions(f file, visit func(*ast.FuncDecl)) {
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			visit(fn)
		}
	}
}
