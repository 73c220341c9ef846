package dump

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// problems collects what does not fit together, by file. The original keeps maps of its own for it; here files come in
// the order in which they were given.
type problems struct {
	index     perFile[map[int64]int64] // index offset → log offset
	mismatch  perFile[[][2]int64]      // index timestamp, log timestamp
	disorder  perFile[[][2]int64]      // index timestamp, the one before
	notFound  perFile[[][2]int64]      // index offset, log offset
	gaps      perFile[map[int64]int64] // offset → the one that follows
	ownErrors perFile[[]string]
}

// perFile remembers the order of files.
type perFile[T any] struct {
	files []string
	of    map[string]T
}

func newPerFile[T any]() perFile[T] { return perFile[T]{of: map[string]T{}} }

func (p *perFile[T]) get(path string) T { return p.of[absolute(path)] }

func (p *perFile[T]) put(path string, v T) {
	path = absolute(path)
	if _, ok := p.of[path]; !ok {
		p.files = append(p.files, path)
	}
	p.of[path] = v
}

// absolute is File.getAbsolutePath, which cleans nothing.
func absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	return dir + "/" + path
}

func newProblems() problems {
	return problems{
		newPerFile[map[int64]int64](), newPerFile[[][2]int64](), newPerFile[[][2]int64](), newPerFile[[][2]int64](),
		newPerFile[map[int64]int64](), newPerFile[[]string](),
	}
}

func (p *problems) pair(in *perFile[map[int64]int64], path string, key, value int64) {
	m := in.get(path)
	if m == nil {
		m = map[int64]int64{}
	}
	m[key] = value
	in.put(path, m)
}

func (p *problems) gap(path string, offset, next int64) { p.pair(&p.gaps, path, offset, next) }

func (p *problems) offsetMismatch(path string, index, inLog int64) {
	p.pair(&p.index, path, index, inLog)
}

func (p *problems) add(in *perFile[[][2]int64], path string, a, b int64) {
	in.put(path, append(in.get(path), [2]int64{a, b}))
}

// own notes what is wrong with a file of Headrace's.
func (p *problems) own(path, format string, args ...any) {
	p.ownErrors.put(path, append(p.ownErrors.get(path), fmt.Sprintf(format, args...)))
}

// write tells all of them, in the order and the words of the original.
func (p *problems) write(w io.Writer) {
	for _, f := range p.index.files {
		fmt.Fprintf(w, "Mismatches in :%s\n", f)
		for _, k := range slices.Backward(slices.Sorted(maps.Keys(p.index.of[f]))) {
			fmt.Fprintf(w, "  Index offset: %d, log offset: %d\n", k, p.index.of[f][k])
		}
	}
	for _, kind := range []struct {
		in         *perFile[[][2]int64]
		head, line string
	}{
		{&p.mismatch, "Found timestamp mismatch in :%s\n", "  Index timestamp: %d, log timestamp: %d\n"},
		{&p.disorder, "Found out of order timestamp in :%s\n", "  Index timestamp: %d, Previously indexed timestamp: %d\n"},
		{&p.notFound, "The following indexed offsets are not found in :%s\n", "Indexed offset: %d, found log offset: %d\n"},
	} {
		for _, f := range kind.in.files {
			fmt.Fprintf(w, kind.head, f)
			for _, pair := range kind.in.of[f] {
				fmt.Fprintf(w, kind.line, pair[0], pair[1])
			}
		}
	}
	for _, f := range p.gaps.files {
		fmt.Fprintf(w, "Non-consecutive offsets in %s\n", f)
		for _, k := range slices.Sorted(maps.Keys(p.gaps.of[f])) {
			fmt.Fprintf(w, "  %d is followed by %d\n", k, p.gaps.of[f][k])
		}
	}
	for _, f := range p.ownErrors.files {
		fmt.Fprintf(w, "Damage in %s\n", f)
		for _, text := range p.ownErrors.of[f] {
			fmt.Fprintf(w, "  %s\n", text)
		}
	}
}

// problem is one of them in JSON.
type problem struct {
	Kind     string `json:"kind"`
	Index    *int64 `json:"index,omitempty"`
	Log      *int64 `json:"log,omitempty"`
	Previous *int64 `json:"previous,omitempty"`
	Next     *int64 `json:"next,omitempty"`
	Text     string `json:"text,omitempty"`
}

func (problem) text(*bufio.Writer) {}

// emit tells all of them as items.
func (p *problems) emit(d *Dumper) {
	one := func(file string, v problem) {
		d.file = file
		_ = d.emit("problem", v) // the writer keeps its error for Flush
	}
	for _, f := range p.index.files {
		for _, k := range slices.Sorted(maps.Keys(p.index.of[f])) {
			one(f, problem{Kind: "OFFSET_MISMATCH", Index: new(k), Log: new(p.index.of[f][k])})
		}
	}
	for _, f := range p.mismatch.files {
		for _, v := range p.mismatch.of[f] {
			one(f, problem{Kind: "TIMESTAMP_MISMATCH", Index: new(v[0]), Log: new(v[1])})
		}
	}
	for _, f := range p.disorder.files {
		for _, v := range p.disorder.of[f] {
			one(f, problem{Kind: "TIMESTAMP_OUT_OF_ORDER", Index: new(v[0]), Previous: new(v[1])})
		}
	}
	for _, f := range p.notFound.files {
		for _, v := range p.notFound.of[f] {
			one(f, problem{Kind: "OFFSET_NOT_FOUND", Index: new(v[0]), Log: new(v[1])})
		}
	}
	for _, f := range p.gaps.files {
		for _, k := range slices.Sorted(maps.Keys(p.gaps.of[f])) {
			one(f, problem{Kind: "NON_CONSECUTIVE_OFFSETS", Previous: new(k), Next: new(p.gaps.of[f][k])})
		}
	}
	for _, f := range p.ownErrors.files {
		for _, text := range p.ownErrors.of[f] {
			one(f, problem{Kind: "DAMAGE", Text: text})
		}
	}
}
