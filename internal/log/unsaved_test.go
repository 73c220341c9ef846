package log

import (
	"bytes"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// A full disk keeps the state log from being written again and again: the log
// hears of it once, and once when it is over.
func TestUnwrittenRecoveryPointsAreToldOnce(t *testing.T) {
	mem := vfs.NewMem()
	disk := vfs.NewFaulty(mem)
	var said bytes.Buffer
	d, err := OpenDir(DirOptions{FS: disk, Path: "/data", Manual: true, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Open(Partition{"t", 0}, testID, Config{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for episode := 1; episode <= 2; episode++ {
		if _, err := l.Append(plain(t, 1, "x"), AppendOptions{Now: now}); err != nil {
			t.Fatal(err)
		}
		disk.Add(vfs.Rule{Op: vfs.OpWrite, Path: "state.log*", Err: syscall.ENOSPC})
		for range 5 {
			now = now.Add(keepEvery)
			if err := d.Step(now); err != nil {
				t.Fatal(err)
			}
		}
		disk.Clear()
		for range 3 {
			now = now.Add(keepEvery)
			if err := d.Step(now); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{"recovery points are not written", "recovery points are written again"} {
			if n := strings.Count(said.String(), text); n != episode {
				t.Fatalf("episode %d: %q is said %d times: %s", episode, text, n, said.String())
			}
		}
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
