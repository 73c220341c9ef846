package vfs

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"testing"
)

// At every call the power goes: the file is the old one or the new one.
func TestReplaceFileIsAllOrNothing(t *testing.T) {
	mem := NewCrashableMem()
	disk := NewFaulty(mem)
	if err := disk.MkdirAll("/d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(disk.SyncDir("/"), ReplaceFile(disk, "/d/f", []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	look := func(m *Mem) {
		b, err := ReadFile(m, "/d/f")
		if err != nil || string(b) != "old" && string(b) != "new and longer" {
			t.Fatalf("a crash leaves %q, %v", b, err)
		}
		seen[string(b)]++
	}
	disk.Before(func(c Call) {
		for seed := range uint64(20) {
			look(mem.CrashClone(CrashOptions{UnsyncedPercent: 50, Tear: true, RNG: rand.New(rand.NewPCG(seed, uint64(c.Seq)))}))
		}
	})
	if err := ReplaceFile(disk, "/d/f", []byte("new and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	disk.Before(nil)
	if len(seen) != 2 {
		t.Errorf("crashes leave %v", seen)
	}
	if b, err := ReadFile(mem.CrashClone(CrashOptions{}), "/d/f"); err != nil || string(b) != "new and longer" {
		t.Errorf("what was replaced is %q, %v", b, err)
	}
	if _, err := ReadFile(mem, "/d/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
