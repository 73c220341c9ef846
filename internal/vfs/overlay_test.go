package vfs

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everything reads everything below dir.
func everything(t *testing.T, f FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := f.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			all[path] = get(t, f, path)
			continue
		}
		all[path] = "dir"
		maps.Copy(all, everything(t, f, path))
	}
	return all
}

// TestOverlay does the same random things to a file system, and to an overlay of
// its twin: both must look the same at every step, and the twin as at first.
func TestOverlay(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		plain, under := NewMem(), NewMem()
		for _, f := range []FS{plain, under} {
			must(t, f.MkdirAll("/d", 0o755))
			put(t, f, "/d/a", string(make([]byte, 10_000)))
			put(t, f, "/d/b", "b")
		}
		before := everything(t, under, "/")
		over := NewOverlay(under)
		names := []string{"/d/a", "/d/b", "/d/c", "/e/a", "/e/b"}
		both := func(what string, do func(f FS) error) {
			t.Helper()
			one, two := do(plain), do(over)
			if (one == nil) != (two == nil) || errors.Is(one, fs.ErrNotExist) != errors.Is(two, fs.ErrNotExist) {
				t.Fatalf("seed %d, %s: %v, in the overlay %v", seed, what, one, two)
			}
			if diff := cmp.Diff(everything(t, plain, "/"), everything(t, over, "/")); diff != "" {
				t.Fatalf("seed %d, %s: (-plain +overlay)\n%s", seed, what, diff)
			}
		}
		for range 60 {
			name, other := names[rng.IntN(len(names))], names[rng.IntN(len(names))]
			flag := []int{os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_TRUNC}[rng.IntN(3)]
			off, size, data := rng.Int64N(9000), rng.Int64N(9000), make([]byte, rng.IntN(5000))
			for i := range data {
				data[i] = byte('a' + rng.IntN(26))
			}
			switch rng.IntN(6) {
			case 0, 1, 2:
				both("write "+name, func(f FS) error {
					h, err := f.OpenFile(name, flag, 0o600)
					if err != nil {
						return err
					}
					_, err = h.WriteAt(data, off)
					return errors.Join(err, h.Truncate(size+off), h.Sync(), h.Close())
				})
			case 3:
				both("rename "+name+" "+other, func(f FS) error { return f.Rename(name, other) })
			case 4:
				both("remove "+name, func(f FS) error { return f.Remove(name) })
			default:
				both("directory", func(f FS) error {
					if size%2 == 0 {
						return f.RemoveAll("/e")
					}
					return f.MkdirAll("/e", 0o755)
				})
			}
		}
		if diff := cmp.Diff(before, everything(t, under, "/")); diff != "" {
			t.Fatalf("seed %d: the file system below has changed: %s", seed, diff)
		}
	}
}
