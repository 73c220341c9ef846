package vfs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// open opens a file for reading and writing and makes it if it is missing.
func open(t testing.TB, f FS, name string) File {
	t.Helper()
	h, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	return h
}

func write(t testing.TB, h File, off int64, data string) {
	t.Helper()
	_, err := h.WriteAt([]byte(data), off)
	must(t, err)
}

// tree describes all files of a file system, "path=content" or "path/".
func tree(t testing.TB, f FS) []string {
	t.Helper()
	out := []string{}
	var walk func(dir string)
	walk = func(dir string) {
		for _, name := range names(t, f, dir) {
			p := filepath.Join(dir, name)
			if strings.HasSuffix(name, "/") {
				out = append(out, p+"/")
				walk(p)
				continue
			}
			out = append(out, p+"="+get(t, f, p))
		}
	}
	walk("/")
	return out
}

func wantTree(t *testing.T, f FS, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, tree(t, f)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestCrashKeepsOnlyTheSynced: a file needs Sync for its data and SyncDir for
// its name; each directory on the way needs its own.
func TestCrashKeepsOnlyTheSynced(t *testing.T) {
	m := NewCrashableMem()
	must(t, m.MkdirAll("/d/sub", 0o755))
	h := open(t, m, "/d/sub/file")
	write(t, h, 0, "first")
	cut := func() *Mem { return m.CrashClone(CrashOptions{}) }
	wantTree(t, cut())
	must(t, h.Sync())
	wantTree(t, cut())
	must(t, m.SyncDir("/d/sub"))
	wantTree(t, cut())
	must(t, m.SyncDir("/"))
	wantTree(t, cut(), "/d/")
	must(t, m.SyncDir("/d"))
	wantTree(t, cut(), "/d/", "/d/sub/", "/d/sub/file=first")
	write(t, h, 5, " second")
	wantTree(t, cut(), "/d/", "/d/sub/", "/d/sub/file=first")
	wantTree(t, m.KillClone(), "/d/", "/d/sub/", "/d/sub/file=first second")
	must(t, h.Sync())
	must(t, h.Truncate(2))
	wantTree(t, cut(), "/d/", "/d/sub/", "/d/sub/file=first second")
	must(t, m.Remove("/d/sub/file"))
	wantTree(t, cut(), "/d/", "/d/sub/", "/d/sub/file=first second")
	must(t, m.SyncDir("/d/sub"))
	wantTree(t, cut(), "/d/", "/d/sub/")
}

// TestCrashRename: the usual way to replace a file leaves the old or the new
// one, whole, at every moment.
func TestCrashRename(t *testing.T) {
	m := NewCrashableMem()
	put(t, m, "/state", "old")
	must(t, m.SyncDir("/"))
	seen := map[string]bool{}
	look := func() {
		for seed := range uint64(200) {
			c := m.CrashClone(CrashOptions{UnsyncedPercent: 50, RNG: rand.New(rand.NewPCG(seed, 0)), Tear: true})
			got := get(t, c, "/state")
			if got != "old" && got != "new" {
				t.Fatalf("seed %d: %q", seed, got)
			}
			if tmp := get(t, c, "/state.tmp"); tmp == "new" && got == "new" {
				t.Fatalf("seed %d: renamed and still there", seed)
			}
			seen[got] = true
		}
	}
	put(t, m, "/state.tmp", "new")
	look()
	must(t, m.Rename("/state.tmp", "/state"))
	look()
	if !seen["old"] || !seen["new"] {
		t.Errorf("saw %v", seen)
	}
	must(t, m.SyncDir("/"))
	clear(seen)
	look()
	if seen["old"] {
		t.Error("SyncDir did not hold the rename")
	}
}

// TestCrashRenameUnsynced: replacing a file by one that was never synced can
// lose both contents, which is the bug that tests must be able to find.
func TestCrashRenameUnsynced(t *testing.T) {
	m := NewCrashableMem()
	put(t, m, "/state", "old")
	must(t, m.SyncDir("/"))
	write(t, open(t, m, "/state.tmp"), 0, "new")
	must(t, m.Rename("/state.tmp", "/state"))
	must(t, m.SyncDir("/"))
	wantTree(t, m.CrashClone(CrashOptions{}), "/state=")
}

// TestCrashPages: each page of an unsynced file is any of its versions, and all
// of them are reached.
func TestCrashPages(t *testing.T) {
	m := NewCrashableMem()
	h := open(t, m, "/f")
	must(t, m.SyncDir("/"))
	page := func(c byte) string { return strings.Repeat(string(c), crashPageBytes) }
	write(t, h, 0, page('a')+page('a')+page('a'))
	must(t, h.Sync())
	write(t, h, 0, page('b')+page('b'))
	write(t, h, crashPageBytes, page('c')+page('c')+page('c'))
	seen := map[string]int{}
	for seed := range uint64(2000) {
		c := m.CrashClone(CrashOptions{UnsyncedPercent: 60, RNG: rand.New(rand.NewPCG(seed, 7))})
		got := get(t, c, "/f")
		key := ""
		for i := 0; i < len(got); i += crashPageBytes {
			p := got[i:min(i+crashPageBytes, len(got))]
			if strings.Trim(p, p[:1]) != "" || len(p) != crashPageBytes {
				t.Fatalf("seed %d: page %d is torn", seed, i)
			}
			key += p[:1]
		}
		seen[key]++
	}
	for key := range seen {
		if len(key) != 3 && len(key) != 4 || !strings.Contains("ab", key[:1]) || !strings.Contains("abc", key[1:2]) ||
			!strings.Contains("ac", key[2:3]) || len(key) == 4 && !strings.Contains("c\x00", key[3:]) {
			t.Errorf("impossible %q", key)
		}
	}
	if len(seen) != 2*3*2*3 {
		t.Errorf("%d of 36 outcomes: %v", len(seen), seen)
	}
}

// TestCrashTear: with Tear a page mixes two versions, at a multiple of the
// sector.
func TestCrashTear(t *testing.T) {
	m := NewCrashableMem()
	h := open(t, m, "/f")
	must(t, m.SyncDir("/"))
	write(t, h, 0, strings.Repeat("a", crashPageBytes))
	must(t, h.Sync())
	write(t, h, 0, strings.Repeat("b", crashPageBytes))
	for _, sector := range []int{0, 1, 512} {
		torn := 0
		for seed := range uint64(300) {
			c := m.CrashClone(CrashOptions{UnsyncedPercent: 50, RNG: rand.New(rand.NewPCG(seed, 7)), Tear: true, SectorBytes: sector})
			got := get(t, c, "/f")
			cut := strings.LastIndex(got, got[:1]) + 1
			if rest := got[cut:]; strings.Trim(rest, string("ab"["ba"[0]-got[0]])) != "" {
				t.Fatalf("seed %d: torn twice", seed)
			}
			if cut%max(sector, 1) != 0 || sector == 0 && cut%512 != 0 {
				t.Errorf("cut at %d with sectors of %d", cut, sector)
			}
			if cut < len(got) {
				torn++
			}
		}
		if torn == 0 {
			t.Errorf("sector %d: nothing was torn", sector)
		}
	}
}

// TestCrashNameOrder: of the changes to one name, a later one never survives
// without the earlier.
func TestCrashNameOrder(t *testing.T) {
	m := NewCrashableMem()
	for i := range 4 {
		put(t, m, "/x", fmt.Sprint("x", i))
		must(t, m.Rename("/x", fmt.Sprint("/y", i)))
	}
	for seed := range uint64(300) {
		c := m.CrashClone(CrashOptions{UnsyncedPercent: 70, RNG: rand.New(rand.NewPCG(seed, 3))})
		var want []string
		got := tree(t, c)
		for i := range len(got) {
			want = append(want, fmt.Sprintf("/y%d=x%d", i, i))
		}
		if last := len(got) - 1; last >= 0 && strings.HasPrefix(got[0], "/x=") {
			want = append([]string{fmt.Sprintf("/x=x%d", last)}, want[:last]...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %q", seed, got)
		}
	}
}

// TestCrashRepeats: the same seed gives the same clone.
func TestCrashRepeats(t *testing.T) {
	m := NewCrashableMem()
	for i := range 20 {
		h := open(t, m, fmt.Sprint("/", i))
		write(t, h, 0, strings.Repeat(fmt.Sprint(i), 9000))
		if i%3 == 0 {
			must(t, h.Sync())
			must(t, m.SyncDir("/"))
		}
	}
	clone := func() []string {
		return tree(t, m.CrashClone(CrashOptions{UnsyncedPercent: 50, RNG: rand.New(rand.NewPCG(1, 1)), Tear: true}))
	}
	if diff := cmp.Diff(clone(), clone()); diff != "" {
		t.Error("two clones of one seed differ")
	}
	if diff := cmp.Diff(tree(t, m), tree(t, m.CrashClone(CrashOptions{UnsyncedPercent: 100}))); diff != "" {
		t.Error(diff)
	}
}

// TestKillThenCut: what kill -9 left is still not durable.
func TestKillThenCut(t *testing.T) {
	m := NewCrashableMem()
	h := open(t, m, "/f")
	must(t, m.SyncDir("/"))
	write(t, h, 0, "synced")
	must(t, h.Sync())
	write(t, h, 0, "KILLED")
	must(t, m.Rename("/f", "/g"))
	l, err := m.Lock("/lock")
	must(t, err)
	k := m.KillClone()
	write(t, h, 0, "after the kill")
	must(t, l.Close())
	wantTree(t, k, "/g=KILLED", "/lock=")
	wantTree(t, k.CrashClone(CrashOptions{}), "/f=synced")
	if _, err := k.Lock("/lock"); err != nil {
		t.Error(err)
	}
	kh := open(t, k, "/g")
	must(t, kh.Sync())
	must(t, k.SyncDir("/"))
	wantTree(t, k.CrashClone(CrashOptions{}), "/g=KILLED", "/lock=")
	wantTree(t, m, "/g=after the kill", "/lock=")
}

// TestCrashTruncate: a cut that survived has zeroed what a later extension
// shows again.
func TestCrashTruncate(t *testing.T) {
	m := NewCrashableMem()
	h := open(t, m, "/f")
	must(t, m.SyncDir("/"))
	write(t, h, 0, strings.Repeat("a", 2*crashPageBytes))
	must(t, h.Sync())
	must(t, h.Truncate(100))
	must(t, h.Truncate(2*crashPageBytes+1))
	sizes := map[int]bool{}
	for seed := range uint64(300) {
		got := get(t, m.CrashClone(CrashOptions{UnsyncedPercent: 50, RNG: rand.New(rand.NewPCG(seed, 3)), Tear: true}), "/f")
		sizes[len(got)] = true
		if len(got) == 2*crashPageBytes+1 && strings.Trim(got[100:], "\x00") != "" {
			t.Fatalf("seed %d: what was cut came back", seed)
		}
	}
	if diff := cmp.Diff(map[int]bool{100: true, 2 * crashPageBytes: true, 2*crashPageBytes + 1: true}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestCrashCloneOfPlainMem(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewMem().CrashClone(CrashOptions{})
}

func TestQuota(t *testing.T) {
	m := NewMem()
	m.SetQuota(100)
	h := open(t, m, "/f")
	write(t, h, 0, strings.Repeat("a", 60))
	n, err := h.WriteAt(bytes.Repeat([]byte("b"), 60), 60)
	wants(t, err, syscall.ENOSPC)
	if n != 40 {
		t.Errorf("a short write of %d", n)
	}
	if size, err := h.Size(); size != 100 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	if n, err := h.WriteAt([]byte("x"), 150); n != 0 || err == nil {
		t.Errorf("wrote %d beyond, %v", n, err)
	}
	wants(t, h.Truncate(101), syscall.ENOSPC)
	write(t, h, 0, strings.Repeat("c", 100)) // in place needs no room
	free, total, err := m.Free("/")
	if free != 0 || total != 100 || err != nil {
		t.Errorf("%d of %d, %v", free, total, err)
	}
	must(t, m.Remove("/f"))
	if m.Used() != 100 {
		t.Error("an open file gave its space back")
	}
	must(t, h.Close())
	if m.Used() != 0 {
		t.Errorf("%d bytes are still used", m.Used())
	}
	put(t, m, "/g", strings.Repeat("d", 100))
	must(t, m.Rename("/g", "/h"))
	put(t, m, "/h", "now small")
	if m.Used() != int64(len("now small")) {
		t.Errorf("%d bytes are used", m.Used())
	}
	m.SetQuota(0)
	put(t, m, "/g", strings.Repeat("e", 1000))
}

// TestMemAgainstOS applies random operations to both and compares.
func TestMemAgainstOS(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 9))
		mem, dir := NewCrashableMem(), t.TempDir()
		must(t, mem.MkdirAll(dir, 0o755))
		for step := range 150 {
			a, b := filepath.Join(dir, pick(rng)), filepath.Join(dir, pick(rng))
			kind, off := rng.IntN(8), rng.Int64N(9000)
			var results []string
			for _, f := range []FS{New(), mem} {
				results = append(results, apply(f, kind, a, b, off))
			}
			if results[0] != results[1] {
				t.Fatalf("seed %d step %d: op %d %s %s %d: OS %q, Mem %q", seed, step, kind, a, b, off, results[0], results[1])
			}
		}
	}
}

func pick(rng *rand.Rand) string {
	return []string{"a", "b", "d", "d/a", "d/e", "d/e/f"}[rng.IntN(6)]
}

// apply does one operation and describes its outcome.
func apply(f FS, kind int, a, b string, off int64) string {
	outcome := func(err error) string {
		for _, e := range []error{os.ErrNotExist, os.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, syscall.EINVAL} {
			if err != nil && strings.Contains(err.Error(), e.Error()) {
				return "error"
			}
		}
		if err != nil {
			return "error"
		}
		return "ok"
	}
	switch kind {
	case 0:
		return outcome(f.MkdirAll(a, 0o755))
	case 1:
		return outcome(f.Remove(a))
	case 2:
		return outcome(f.RemoveAll(a))
	case 3:
		if a == b {
			return ""
		}
		return outcome(f.Rename(a, b))
	}
	h, err := f.OpenFile(a, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return outcome(err)
	}
	defer func() { _ = h.Close() }()
	switch kind {
	case 4:
		err = h.Truncate(off)
	case 5:
		err = h.Sync()
	default:
		_, err = h.WriteAt([]byte(b), off)
	}
	size, sizeErr := h.Size()
	p := make([]byte, 20_000)
	n, _ := h.ReadAt(p, 0)
	return fmt.Sprint(outcome(err), outcome(sizeErr), size, bytes.TrimRight(p[:n], "\x00"))
}
