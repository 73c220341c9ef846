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

const (
	concurrentLogs    = 4
	concurrentWriters = 3
	concurrentAppends = 100
	concurrentTotal   = concurrentWriters * concurrentAppends
)

// TestConcurrent appends to several logs while others read and the workers
// sync, on the machine's disk. Run with -race.
func TestConcurrent(t *testing.T) {
	path := t.TempDir()
	d, err := OpenDir(DirOptions{FS: vfs.New(), Path: path, MaxOpenFiles: 3})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range concurrentLogs {
		l, err := d.Open(Partition{"t", int32(i)}, testID, Config{SegmentBytes: 4096, FlushBeforeAck: i%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		done := watchDurable(t, l)
		for w := range concurrentWriters {
			wg.Go(func() { appendMany(t, l, w) })
		}
		wg.Go(func() { readAll(t, l) })
		wg.Go(func() {
			select {
			case <-done:
			case <-time.After(5 * time.Minute):
				t.Errorf("durable offset %d, end %d", l.DurableOffset(), l.EndOffset())
			}
		})
	}
	wg.Wait()
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenDir(DirOptions{FS: vfs.New(), Path: path}); err != nil {
		t.Fatal(err)
	}
	if !d.CleanStop() || len(d.Stored()) != concurrentLogs {
		t.Fatal(d.CleanStop(), d.Stored())
	}
	for _, s := range d.Stored() {
		l, err := d.Open(s.Partition, s.TopicID, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := keysFrom(l, 0); err != nil || len(keys) != concurrentTotal {
			t.Fatal(len(keys), err)
		}
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// watchDurable closes the result when everything is durable.
func watchDurable(t *testing.T, l *Log) <-chan struct{} {
	var told atomic.Int64
	done := make(chan struct{})
	l.OnDurable(func(durable int64) {
		if durable < told.Swap(durable) {
			t.Error("durable offset went back")
		}
		if durable == concurrentTotal {
			close(done)
		}
	})
	return done
}

func appendMany(t *testing.T, l *Log, w int) {
	for k := range concurrentAppends {
		a, err := l.Append(plain(t, 1, fmt.Sprintf("%d.%d", w, k)), AppendOptions{Now: time.Now()})
		if err != nil {
			t.Error(err)
			return
		}
		l.SetHighWatermark(a.LastOffset + 1)
	}
}

func readAll(t *testing.T, l *Log) {
	for from := int64(0); from < concurrentTotal; {
		r, err := l.Read(from, 5000, l.EndOffset(), true)
		if err != nil {
			t.Error(err)
			return
		}
		from = r.NextOffset()
		r.Release()
	}
}
