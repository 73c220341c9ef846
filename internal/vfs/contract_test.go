package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestContract holds every file system to the comments of FS and File.
func TestContract(t *testing.T) {
	systems := map[string]func(t *testing.T) (FS, string){
		"OS":        func(t *testing.T) (FS, string) { return New(), t.TempDir() },
		"Mem":       func(t *testing.T) (FS, string) { return NewMem(), "/" },
		"crashable": func(t *testing.T) (FS, string) { return NewCrashableMem(), "/" },
		"Faulty":    func(t *testing.T) (FS, string) { return NewFaulty(NewMem()), "/" },
		"Overlay":   func(t *testing.T) (FS, string) { return NewOverlay(New()), t.TempDir() },
	}
	parts := map[string]func(t *testing.T, f FS, dir string){
		"open": contractOpen, "read and write": contractReadWrite, "truncate": contractTruncate,
		"directories": contractDirs, "rename": contractRename, "remove": contractRemove,
		"lock": contractLock, "free": contractFree, "closed": contractClosed, "concurrent": contractConcurrent,
	}
	for system, make := range systems {
		for part, check := range parts {
			if system == "Overlay" && part == "rename" {
				continue // it renames files only: TestOverlay
			}
			t.Run(system+"/"+part, func(t *testing.T) {
				f, dir := make(t)
				check(t, f, dir)
			})
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants checks that err is each of targets.
func wants(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
}

// put writes a file and syncs it.
func put(t testing.TB, f FS, name, content string) {
	t.Helper()
	h, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	must(t, err)
	_, err = h.WriteAt([]byte(content), 0)
	must(t, err)
	must(t, h.Sync())
	must(t, h.Close())
}

// get reads a file; a missing one is "<none>".
func get(t testing.TB, f FS, name string) string {
	t.Helper()
	h, err := f.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "<none>"
	}
	must(t, err)
	size, err := h.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(h, 0, size))
	must(t, err)
	must(t, h.Close())
	return string(b)
}

// names lists a directory; directories end in a slash.
func names(t testing.TB, f FS, dir string) []string {
	t.Helper()
	entries, err := f.ReadDir(dir)
	must(t, err)
	out := []string{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		out = append(out, name)
	}
	return out
}

func contractOpen(t *testing.T, f FS, dir string) {
	name := filepath.Join(dir, "file")
	_, err := f.OpenFile(name, os.O_RDWR, 0)
	wants(t, err, fs.ErrNotExist)
	h, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	must(t, err)
	must(t, h.Close())
	_, err = f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	wants(t, err, fs.ErrExist)
	_, err = f.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	wants(t, err, syscall.EINVAL)
	_, err = f.OpenFile(filepath.Join(dir, "no", "file"), os.O_RDWR|os.O_CREATE, 0o600)
	wants(t, err, fs.ErrNotExist)
	_, err = f.OpenFile(filepath.Join(name, "below"), os.O_RDWR|os.O_CREATE, 0o600)
	wants(t, err, syscall.ENOTDIR)
	_, err = f.OpenFile(dir, os.O_RDWR, 0)
	if err == nil {
		t.Error("a directory was opened for writing")
	}
	put(t, f, name, "content")
	h, err = f.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	if _, err := h.WriteAt([]byte("x"), 0); err == nil {
		t.Error("wrote to a file opened for reading")
	}
	must(t, h.Close())
	h, err = f.OpenFile(name, os.O_RDWR|os.O_TRUNC, 0)
	must(t, err)
	must(t, h.Close())
	if got := get(t, f, name); got != "" {
		t.Errorf("O_TRUNC left %q", got)
	}
	info, err := f.Stat(name)
	must(t, err)
	if info.Name() != "file" || info.IsDir() || info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v %d %v", info.Name(), info.IsDir(), info.Size(), info.Mode())
	}
}

func contractReadWrite(t *testing.T, f FS, dir string) {
	h, err := f.OpenFile(filepath.Join(dir, "file"), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	for _, w := range []struct {
		off  int64
		data string
	}{{0, "hello"}, {3, "LO!"}, {10_000, "far"}, {0, ""}} {
		n, err := h.WriteAt([]byte(w.data), w.off)
		if n != len(w.data) || err != nil {
			t.Fatalf("WriteAt(%q, %d) = %d, %v", w.data, w.off, n, err)
		}
	}
	size, err := h.Size()
	must(t, err)
	want := make([]byte, 10_003)
	copy(want, "helLO!")
	copy(want[10_000:], "far")
	got := make([]byte, 20_000)
	n, err := h.ReadAt(got, 0)
	if size != 10_003 || n != 10_003 || !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], want) {
		t.Errorf("size %d, read %d, %v", size, n, err)
	}
	if n, err := h.ReadAt(got[:3], 10_000); n != 3 || err != nil && !errors.Is(err, io.EOF) || string(got[:3]) != "far" {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := h.ReadAt(got[:3], 10_003); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d at the end, %v", n, err)
	}
	if n, err := h.ReadAt(nil, 5); n != 0 || err != nil {
		t.Errorf("read nothing: %d, %v", n, err)
	}
	if _, err := h.ReadAt(got, -1); err == nil {
		t.Error("read at -1")
	}
	if _, err := h.WriteAt(got, -1); err == nil {
		t.Error("write at -1")
	}
	must(t, h.Sync())
}

func contractTruncate(t *testing.T, f FS, dir string) {
	name := filepath.Join(dir, "file")
	put(t, f, name, "0123456789")
	h, err := f.OpenFile(name, os.O_RDWR, 0)
	must(t, err)
	must(t, h.Truncate(4))
	must(t, h.Truncate(6))
	_, err = h.WriteAt([]byte("x"), 7)
	must(t, err)
	must(t, h.Close())
	if got := get(t, f, name); got != "0123\x00\x00\x00x" {
		t.Errorf("%q", got)
	}
}

func contractDirs(t *testing.T, f FS, dir string) {
	deep := filepath.Join(dir, "a", "b", "c")
	must(t, f.MkdirAll(deep, 0o755))
	must(t, f.MkdirAll(deep, 0o755))
	put(t, f, filepath.Join(dir, "a", "z"), "")
	put(t, f, filepath.Join(dir, "a", "B"), "")
	if diff := cmp.Diff([]string{"B", "b/", "z"}, names(t, f, filepath.Join(dir, "a"))); diff != "" {
		t.Error(diff)
	}
	info, err := f.Stat(deep)
	must(t, err)
	if !info.IsDir() || info.Name() != "c" {
		t.Errorf("%s %v", info.Name(), info.IsDir())
	}
	must(t, f.SyncDir(filepath.Join(dir, "a")))
	wants(t, f.SyncDir(filepath.Join(dir, "none")), fs.ErrNotExist)
	wants(t, f.MkdirAll(filepath.Join(dir, "a", "z", "below"), 0o755), syscall.ENOTDIR)
	_, err = f.ReadDir(filepath.Join(dir, "none"))
	wants(t, err, fs.ErrNotExist)
	_, err = f.Stat(filepath.Join(dir, "none"))
	wants(t, err, fs.ErrNotExist)
	if _, err := f.ReadDir(filepath.Join(dir, "a", "z")); err == nil {
		t.Error("read a file as a directory")
	}
}

func contractRename(t *testing.T, f FS, dir string) {
	p := func(name string) string { return filepath.Join(dir, name) }
	put(t, f, p("old"), "old")
	put(t, f, p("new"), "new")
	h, err := f.OpenFile(p("new"), os.O_RDONLY, 0)
	must(t, err)
	must(t, f.Rename(p("old"), p("new")))
	if get(t, f, p("new")) != "old" || get(t, f, p("old")) != "<none>" {
		t.Error("not renamed")
	}
	b := make([]byte, 3)
	if _, err := h.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) || string(b) != "new" {
		t.Errorf("an open file changed to %q, %v", b, err)
	}
	must(t, h.Close())
	must(t, f.Rename(p("new"), p("new")))
	must(t, f.MkdirAll(p("d/e"), 0o755))
	must(t, f.Rename(p("new"), p("d/e/f")))
	must(t, f.Rename(p("d"), p("dd")))
	if get(t, f, p("dd/e/f")) != "old" {
		t.Error("a directory did not take its files along")
	}
	wants(t, f.Rename(p("none"), p("x")), fs.ErrNotExist)
	wants(t, f.Rename(p("dd"), p("dd/e/inside")), syscall.EINVAL)
	put(t, f, p("file"), "")
	if err := f.Rename(p("file"), p("dd")); err == nil {
		t.Error("a file replaced a directory")
	}
	wants(t, f.Rename(p("dd"), p("file")), syscall.ENOTDIR)
}

func contractRemove(t *testing.T, f FS, dir string) {
	p := func(name string) string { return filepath.Join(dir, name) }
	must(t, f.MkdirAll(p("d/e"), 0o755))
	put(t, f, p("d/e/f"), "kept while open")
	h, err := f.OpenFile(p("d/e/f"), os.O_RDWR, 0)
	must(t, err)
	wants(t, f.Remove(p("d/e")), syscall.ENOTEMPTY)
	must(t, f.Remove(p("d/e/f")))
	wants(t, f.Remove(p("d/e/f")), fs.ErrNotExist)
	b := make([]byte, 4)
	if _, err := h.ReadAt(b, 0); err != nil || string(b) != "kept" {
		t.Errorf("%q %v", b, err)
	}
	must(t, h.Close())
	must(t, f.Remove(p("d/e")))
	put(t, f, p("d/g"), "")
	must(t, f.RemoveAll(p("d")))
	must(t, f.RemoveAll(p("d")))
	must(t, f.RemoveAll(p("no/such/parent")))
	_, err = f.Stat(p("d"))
	wants(t, err, fs.ErrNotExist)
}

func contractLock(t *testing.T, f FS, dir string) {
	name := filepath.Join(dir, ".lock")
	l, err := f.Lock(name)
	must(t, err)
	_, err = f.Lock(name)
	wants(t, err, ErrLocked)
	other, err := f.Lock(name + "2")
	must(t, err)
	must(t, other.Close())
	must(t, l.Close())
	if err := l.Close(); err == nil {
		t.Error("unlocked twice")
	}
	l, err = f.Lock(name)
	must(t, err)
	must(t, l.Close())
	if _, err := f.Stat(name); err != nil {
		t.Error(err)
	}
}

func contractFree(t *testing.T, f FS, dir string) {
	free, total, err := f.Free(dir)
	if err != nil || free > total || total == 0 {
		t.Errorf("%d of %d, %v", free, total, err)
	}
	_, _, err = f.Free(filepath.Join(dir, "none"))
	wants(t, err, fs.ErrNotExist)
}

func contractClosed(t *testing.T, f FS, dir string) {
	h, err := f.OpenFile(filepath.Join(dir, "file"), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	must(t, h.Close())
	b := make([]byte, 1)
	_, readErr := h.ReadAt(b, 0)
	_, writeErr := h.WriteAt(b, 0)
	_, sizeErr := h.Size()
	for _, err := range []error{readErr, writeErr, sizeErr, h.Truncate(0), h.Sync(), h.Close()} {
		wants(t, err, fs.ErrClosed)
	}
}

func contractConcurrent(t *testing.T, f FS, dir string) {
	h, err := f.OpenFile(filepath.Join(dir, "file"), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			block := bytes.Repeat([]byte{byte('a' + i)}, 1000)
			for j := range 20 {
				off := int64((i*20 + j) * 1000)
				if _, err := h.WriteAt(block, off); err != nil {
					t.Error(err)
				}
				got := make([]byte, 1000)
				if _, err := h.ReadAt(got, off); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, block) {
					t.Errorf("block %d: %v", off, err)
				}
				if j%5 == 0 {
					if err := h.Sync(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if size, err := h.Size(); size != 160_000 || err != nil {
		t.Errorf("%d %v", size, err)
	}
}

// TestFd: only the machine's own files have a descriptor.
func TestFd(t *testing.T) {
	for _, f := range []FS{New(), NewMem(), NewFaulty(New())} {
		h, err := f.OpenFile(filepath.Join(rootOf(t, f), "file"), os.O_RDWR|os.O_CREATE, 0o600)
		must(t, err)
		_, isOS := f.(OS)
		if fd, ok := h.Fd(); ok != isOS || ok && fd < 3 {
			t.Errorf("%T: %d %v", f, fd, ok)
		}
		must(t, h.Close())
	}
}

func rootOf(t *testing.T, f FS) string {
	if _, ok := f.(*Mem); ok {
		return "/"
	}
	return t.TempDir()
}
