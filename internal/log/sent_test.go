package log

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/vfs"
)

// What the kernel says of a file that it sends counts as if it had been read.
func TestAnErrorWhileSendingEndsTheDirectory(t *testing.T) {
	d, err := OpenDir(DirOptions{FS: vfs.NewMem(), Path: "/data", Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Open(Partition{"t", 0}, testID, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(plain(t, 1, "x"), AppendOptions{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	r, err := l.Read(0, 1<<20, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if err := r.Failed(fmt.Errorf("sendfile: %w", syscall.EIO)); !errors.Is(err, kerr.KafkaStorageError) {
		t.Error(err)
	}
	if err := d.Failed(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the directory: %v", err)
	}
	if _, err := l.Read(0, 1<<20, 1, true); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("a read after it: %v", err)
	}
}
