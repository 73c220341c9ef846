package log

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// TestDurableIsTold: each forward move of the durable offset is told, whoever
// made the sync, and though a truncation has made the same number come by twice.
func TestDurableIsTold(t *testing.T) {
	h := newHarness(t, Config{FlushBeforeAck: true})
	var told []int64
	h.log.OnDurable(func(d int64) { told = append(told, d) })
	h.append(plain(t, 2, "a"))
	if len(told) != 0 || h.log.DurableOffset() != 0 || h.log.EndOffset() != 2 {
		t.Fatal(told, h.log.DurableOffset())
	}
	h.dir.SyncPending()
	h.append(plain(t, 2, "b"))
	if err := h.log.Sync(); err != nil {
		t.Fatal(err)
	}
	h.dir.SyncPending()
	if err := h.log.TruncateTo(2); err != nil {
		t.Fatal(err)
	}
	h.append(plain(t, 2, "c"))
	h.dir.SyncPending()
	h.dir.SyncPending()
	if !slices.Equal(told, []int64{2, 4, 4}) {
		t.Fatal(told)
	}
	h.stop()
}

// TestLazySync: without flush-before-ack everything is durable within about a
// second, within flush.ms, or when flush.messages have come together.
func TestLazySync(t *testing.T) {
	for _, c := range []struct {
		name   string
		conf   Config
		within time.Duration
	}{
		{"by itself", Config{}, keepEvery},
		{"flush.ms", Config{FlushInterval: 50 * time.Millisecond}, 50 * time.Millisecond},
		{"flush.messages", Config{FlushMessages: 2}, 0},
		{"flush before ack", Config{FlushBeforeAck: true}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, err := OpenDir(DirOptions{FS: vfs.NewMem(), Path: "/data"})
				if err != nil {
					t.Fatal(err)
				}
				l, err := d.Open(testTP, testID, c.conf)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(keepEvery / 3)
				if _, err := l.Append(plain(t, 2, "a"), AppendOptions{Now: time.Now()}); err != nil {
					t.Fatal(err)
				}
				if c.within > 0 {
					time.Sleep(c.within/2 - 1)
					synctest.Wait()
					if l.DurableOffset() != 0 {
						t.Error("durable too early")
					}
				}
				time.Sleep(c.within + 1)
				synctest.Wait()
				if l.DurableOffset() != 2 {
					t.Error("not durable in time")
				}
				if err := d.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestDelete: the name goes at once and for good, the bytes after the delay;
// a reader keeps what it holds.
func TestDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewCrashableMem()
		d, err := OpenDir(DirOptions{FS: mem, Path: "/data"})
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.Open(testTP, testID, Config{DeleteDelay: time.Minute, FlushBeforeAck: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(plain(t, 2, "a"), AppendOptions{Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r, err := l.Read(0, 1000, 2, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Delete(l); err != nil {
			t.Fatal(err)
		}
		gone := "/data/orders-3." + testID.String() + deleteSuffix
		if _, err := mem.CrashClone(vfs.CrashOptions{}).Stat(gone); err != nil {
			t.Error("not durable:", err)
		}
		if _, err := l.Read(0, 1000, 2, true); err == nil {
			t.Error("read of a deleted log")
		}
		if n, err := r.ReadAt(make([]byte, r.Len()), 0); err != nil || n != r.Len() {
			t.Error(n, err)
		}
		r.Release()
		if l, err = d.Open(testTP, TopicID{7}, Config{}); err != nil || l.EndOffset() != 0 {
			t.Fatal(l, err)
		}
		if _, err := d.Open(testTP, TopicID{7}, Config{}); err == nil {
			t.Error("opened twice")
		}
		time.Sleep(time.Minute + 2*keepEvery)
		synctest.Wait()
		if _, err := mem.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Error("still there:", err)
		}
		if err := d.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLock: one owner at a time.
func TestLock(t *testing.T) {
	h := newHarness(t, Config{})
	if _, err := OpenDir(DirOptions{FS: h.fs, Path: "/data", Manual: true}); err == nil {
		t.Fatal("opened twice")
	}
	h.restart()
	h.stop()
	if err := h.dir.Close(context.Background()); err == nil {
		t.Error("closed twice")
	}
	if _, err := h.log.Append(plain(t, 1, "x"), AppendOptions{}); err == nil {
		t.Error("append after close")
	}
}

// TestAcknowledgementsComeBeforeLazySyncs: what somebody waits for is synced
// before the lazy logs that are due, one of which comes now and then all the
// same; and no log is served twice for one request.
func TestAcknowledgementsComeBeforeLazySyncs(t *testing.T) {
	var q syncQueue
	q.init(func(time.Duration) {})
	logs := make([]*Log, 40)
	for i := range logs {
		logs[i] = &Log{}
		q.pushLazy(logs[i], 0, 0)
	}
	q.pushAllLazy()
	q.push(logs[30]) // from the lazy ones
	for range 2 {    // again and again
		q.pushLazy(logs[3], 0, 0)
		q.pushAllLazy()
	}
	waited := []*Log{logs[30]}
	for range 20 {
		l := &Log{}
		waited = append(waited, l)
		q.push(l)
	}
	served := map[*Log]int{}
	for i := range 2*dueShare - 1 {
		l, ok := q.next(false)
		if !ok {
			t.Fatal("nothing to do")
		}
		served[l]++
		if lazy := !slices.Contains(waited, l); lazy != (i == dueShare-1) {
			t.Errorf("take %d: lazy %v", i, lazy)
		}
		l.queue.turn.Store(queueIdle)
	}
	for l, ok := q.next(false); ok; l, ok = q.next(false) {
		served[l]++
		l.queue.turn.Store(queueIdle)
	}
	for _, l := range append(logs, waited...) {
		if served[l] != 1 {
			t.Errorf("a log was served %d times", served[l])
		}
	}
}
