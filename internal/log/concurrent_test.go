package log

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// TestConcurrent appends to several logs while others read and the workers
// sync, on the machine's disk. Run with -race.
func TestConcurrent(t *testing.T) {
	const logs, writers, each = 4, 3, 100
	path := t.TempDir()
	d, err := OpenDir(DirOptions{FS: vfs.New(), Path: path, MaxOpenFiles: 3})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	open := make([]*Log, logs)
	for i := range logs {
		l, err := d.Open(Partition{"t", int32(i)}, testID, Config{SegmentBytes: 4096, FlushBeforeAck: i%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		open[i] = l
		var told atomic.Int64
		done := make(chan struct{})
		l.OnDurable(func(durable int64) {
			if durable < told.Swap(durable) {
				t.Error("durable offset went back")
			}
			if durable == writers*each {
				close(done)
			}
		})
		for w := range writers {
			wg.Go(func() {
				for k := range each {
					a, err := l.Append(plain(t, 1, fmt.Sprintf("%d.%d", w, k)), AppendOptions{Now: time.Now()})
					if err != nil {
						t.Error(err)
						return
					}
					l.SetHighWatermark(a.LastOffset + 1)
				}
			})
		}
		wg.Go(func() {
			for from := int64(0); from < writers*each; {
				r, err := l.Read(from, 5000, l.EndOffset(), true)
				if err != nil {
					t.Error(err)
					return
				}
				from = r.NextOffset()
				r.Release()
			}
		})
		wg.Go(func() {
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Errorf("durable offset %d, end %d", l.DurableOffset(), l.EndOffset())
			}
		})
	}
	wg.Wait()
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	d, err = OpenDir(DirOptions{FS: vfs.New(), Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if !d.CleanStop() || len(d.Stored()) != logs {
		t.Fatal(d.CleanStop(), d.Stored())
	}
	for _, s := range d.Stored() {
		l, err := d.Open(s.Partition, s.TopicID, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := keysFrom(l, 0); err != nil || len(keys) != writers*each {
			t.Fatal(len(keys), err)
		}
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
