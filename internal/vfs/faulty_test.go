package vfs

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaultyRules(t *testing.T) {
	f := NewFaulty(NewMem(),
		Rule{Op: OpSync, Path: "*.log", Skip: 1, Times: 1, Err: syscall.EIO},
		Rule{Op: OpWrite, Path: "/d/*.log", Err: syscall.ENOSPC, Short: 3, Skip: 2})
	must(t, f.MkdirAll("/d", 0o755))
	h, other := open(t, f, "/d/x.log"), open(t, f, "/d/x.index")
	must(t, h.Sync())
	must(t, other.Sync())
	wants(t, h.Sync(), syscall.EIO)
	must(t, h.Sync())
	write(t, h, 0, "one")
	write(t, h, 3, "two")
	n, err := h.WriteAt([]byte("three"), 6)
	wants(t, err, syscall.ENOSPC)
	if n != 3 || get(t, f, "/d/x.log") != "onetwothr" {
		t.Errorf("%d bytes: %q", n, get(t, f, "/d/x.log"))
	}
	write(t, other, 0, "free")
	f.Clear()
	write(t, h, 6, "three")
}

// TestFaultyEveryOp: each kind of call can be made to fail, and does nothing
// then.
func TestFaultyEveryOp(t *testing.T) {
	mem := NewMem()
	f := NewFaulty(mem)
	h := open(t, f, "/f")
	b := make([]byte, 1)
	closers := []io.Closer{}
	calls := map[Op]func() error{
		OpOpen:     func() error { _, err := f.OpenFile("/g", os.O_CREATE|os.O_RDWR, 0o600); return err },
		OpMkdir:    func() error { return f.MkdirAll("/d", 0o755) },
		OpRemove:   func() error { return f.Remove("/f") },
		OpRename:   func() error { return f.Rename("/f", "/g") },
		OpReadDir:  func() error { _, err := f.ReadDir("/"); return err },
		OpStat:     func() error { _, err := f.Stat("/f"); return err },
		OpSyncDir:  func() error { return f.SyncDir("/") },
		OpLock:     func() error { l, err := f.Lock("/lock"); closers = append(closers, l); return err },
		OpFree:     func() error { _, _, err := f.Free("/"); return err },
		OpRead:     func() error { _, err := h.ReadAt(b, 0); return err },
		OpWrite:    func() error { _, err := h.WriteAt(b, 0); return err },
		OpTruncate: func() error { return h.Truncate(9) },
		OpSync:     func() error { return h.Sync() },
		OpSize:     func() error { _, err := h.Size(); return err },
	}
	for op, call := range calls {
		f.Add(Rule{Op: op, Err: syscall.EIO})
		wants(t, call(), syscall.EIO)
		f.Clear()
	}
	if diff := cmp.Diff([]string{"/f="}, tree(t, mem)); diff != "" {
		t.Error(diff)
	}
	f.Add(Rule{Op: OpRemove, Err: syscall.EIO})
	wants(t, f.RemoveAll("/f"), syscall.EIO)
	f.Clear()
	f.Add(Rule{Op: OpClose, Err: syscall.EIO})
	wants(t, h.Close(), syscall.EIO)
	if _, err := h.Size(); err == nil {
		t.Error("a failed close left the file open")
	}
	if len(calls)+1 != len(opNames) || OpAny != 1<<len(opNames)-1 {
		t.Errorf("%d kinds of calls are tested of %d", len(calls)+1, len(opNames))
	}
}

func TestFaultyHooks(t *testing.T) {
	mem := NewCrashableMem()
	f := NewFaulty(mem)
	var before []string
	f.Before(func(c Call) { before = append(before, c.Op.String()+" "+c.Path) })
	killed := 0
	f.Add(Rule{Op: OpWrite | OpSync, Do: func(c Call) {
		killed++
		if c.Op == OpWrite && (c.Off != 2 || c.Size != 5) {
			t.Errorf("%+v", c)
		}
	}})
	h := open(t, f, "/f")
	write(t, h, 2, "hello")
	must(t, h.Sync())
	must(t, h.Close())
	want := []string{"open /f", "write /f", "sync /f", "close /f"}
	if diff := cmp.Diff(want, before); diff != "" || killed != 2 || f.Calls() != 4 {
		t.Errorf("%s %d %d", diff, killed, f.Calls())
	}
	if OpMutates.String() == "" || (OpRead|OpWrite).String() != "read|write" {
		t.Error(OpRead | OpWrite)
	}
}
