package log

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/vfs"
)

// contents reads every file of a log directory.
func contents(t *testing.T, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			maps.Copy(all, contents(t, fsys, name))
			continue
		}
		b, err := readFile(fsys, name, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(b)
	}
	return all
}

// TestInspect: an inspection finds what a start and a sweep would, changes not a
// byte, and shows what a skip will skip.
func TestInspect(t *testing.T) {
	for _, clean := range []bool{true, false} {
		h := damagedLog(t, clean, 4, 7)
		h.dir.Abandon()
		var progress []int64
		o := InspectOptions{FS: h.fs, Path: "/data", BootID: h.boot, Progress: func(done, total int64) {
			if done > total || total == 0 {
				t.Error(done, total)
			}
			progress = append(progress, done)
		}}
		before := contents(t, h.fs, "/data")
		got, err := Inspect(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, contents(t, h.fs, "/data")); diff != "" {
			t.Fatal("inspecting has changed", diff)
		}
		if len(got.Partitions) != 1 || got.Sound() || !slices.IsSorted(progress) || len(progress) == 0 {
			t.Fatalf("%+v %v", got, progress)
		}
		p := got.Partitions[0]
		if len(p.Damages) != 2 || p.Damages[0].First != 8 || p.Damages[1].First != 14 || p.End != 20 || p.TopicID != testID {
			t.Fatalf("%+v", p)
		}
		found, skipped, err := SkipDamage(t.Context(), o, testTP, func(d Damage) bool { return d.First == 14 })
		if err != nil || len(found.Damages) != 2 || len(skipped) != 1 || skipped[0] != p.Damages[1] {
			t.Fatalf("%+v %+v %v", found, skipped, err)
		}
		if got, err = Inspect(t.Context(), o); err != nil || len(got.Partitions[0].Damages) != 1 || !got.CleanStop {
			t.Fatalf("%+v %v", got, err)
		}
		if _, skipped, err = SkipDamage(t.Context(), o, testTP, func(Damage) bool { return true }); err != nil || len(skipped) != 1 {
			t.Fatal(skipped, err)
		}
		if got, err = Inspect(t.Context(), o); err != nil || !got.Sound() || got.Partitions[0].End != 20 {
			t.Fatalf("%+v %v", got, err)
		}
		h.open()
		if keys := h.keys(); len(keys) != 16 {
			t.Fatal(keys)
		}
		if _, err := Inspect(t.Context(), o); !errors.Is(err, vfs.ErrLocked) {
			t.Fatal("inspected beside a broker:", err)
		}
		h.dir.Abandon()
	}
}

// TestInspectFinds: whatever is wrong is told, and what is only the mark of a
// kill is not called damage.
func TestInspectFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		harm  func(t *testing.T, fs vfs.FS)
		sound bool
		check func(i *Inspection) bool
	}{
		{"nothing", func(*testing.T, vfs.FS) {}, true, func(i *Inspection) bool { return i.CleanStop }},
		{
			"index", func(t *testing.T, fs vfs.FS) { flip(t, fs, "/data/orders-3/00000000000000000000.idx", 50, 1) }, false,
			func(i *Inspection) bool { return strings.HasSuffix(i.Partitions[0].Mended[0], indexSuffix) },
		},
		{
			"metadata", func(t *testing.T, fs vfs.FS) { flip(t, fs, "/data/orders-3/"+metaName, 50, 1) }, false,
			func(i *Inspection) bool { return slices.Equal(i.Partitions[0].Mended, []string{metaName}) },
		},
		{
			"state log", func(t *testing.T, fs vfs.FS) { flip(t, fs, "/data/"+stateName, 50, 1) }, false,
			func(i *Inspection) bool { return i.LostRecords == 1 && i.Partitions[0].Sound() },
		},
		{"torn", func(t *testing.T, fs vfs.FS) {
			name := "/data/orders-3/00000000000000000018.log"
			edit(t, fs, name, func(f vfs.File) {
				if _, err := f.WriteAt([]byte("half a batch"), sizeOf(t, fs, name)); err != nil {
					t.Fatal(err)
				}
			})
		}, true, func(i *Inspection) bool {
			r := i.Partitions[0].Recovery
			return r == Recovery{Cut: true, CutAt: 20, CutBytes: 12}
		}},
		{"no metadata at all", func(t *testing.T, fs vfs.FS) {
			if err := errors.Join(fs.Remove("/data/"+stateName), fs.Remove("/data/orders-3/"+metaName)); err != nil {
				t.Fatal(err)
			}
		}, false, func(i *Inspection) bool { return i.Partitions[0].Err != nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := damagedLog(t, true)
			h.stop()
			c.harm(t, h.fs)
			got, err := Inspect(t.Context(), InspectOptions{FS: h.fs, Path: "/data", BootID: h.boot})
			if err != nil || got.Sound() != c.sound || !c.check(got) {
				t.Fatalf("%+v %v", got, err)
			}
		})
	}
	mem := vfs.NewMem()
	if _, err := Inspect(t.Context(), InspectOptions{FS: mem, Path: "/none"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := damagedLog(t, true)
	h.stop()
	if _, err := Inspect(ctx, InspectOptions{FS: h.fs, Path: "/data"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
