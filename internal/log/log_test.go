package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

var (
	testTP = Partition{Topic: "orders", Partition: 3}
	testID = TopicID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	epoch0 = time.UnixMilli(1_700_000_000_000)
)

// batchOf makes a batch of n records with payloads that tell them apart.
func batchOf(t testing.TB, n int, ts int64, tag string, o record.BatchOptions) record.Batch {
	t.Helper()
	var b record.Builder
	b.Reset(o)
	for i := range n {
		b.Append(ts+int64(i), []byte(fmt.Sprintf("%s-%d", tag, i)), []byte("value of "+tag))
	}
	out, err := b.Build(new(record.Compressor))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(out)
}

func plain(t testing.TB, n int, tag string) record.Batch {
	return batchOf(t, n, epoch0.UnixMilli(), tag, record.BatchOptions{})
}

// harness is a Dir without goroutines on a file system in memory.
type harness struct {
	t    testing.TB
	fs   vfs.FS
	dir  *Dir
	log  *Log
	conf Config
	boot string
}

func newHarness(t testing.TB, conf Config) *harness {
	h := &harness{t: t, fs: vfs.NewCrashableMem(), conf: conf, boot: "boot-1"}
	h.open()
	return h
}

func (h *harness) open() {
	h.t.Helper()
	if err := h.tryOpen(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) tryOpen() (err error) {
	h.dir, err = OpenDir(DirOptions{FS: h.fs, Path: "/data", BootID: h.boot, Manual: true, MaxOpenFiles: 64})
	if err != nil {
		return err
	}
	h.log, err = h.dir.Open(testTP, testID, h.conf)
	return err
}

func (h *harness) stop() {
	h.t.Helper()
	if err := h.dir.Close(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) restart() { h.t.Helper(); h.stop(); h.open() }

// kill reopens what a kill -9 leaves.
func (h *harness) kill() {
	h.t.Helper()
	h.fs = h.fs.(*vfs.Mem).KillClone()
	h.dir.Abandon()
	h.open()
}

func (h *harness) append(b record.Batch) Appended {
	h.t.Helper()
	a, err := h.log.Append(b, AppendOptions{LeaderEpoch: 1, Now: epoch0})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// keysFrom reads all records from an offset on, as "offset:key".
func keysFrom(l *Log, from int64) (keys []string, err error) {
	for {
		r, err := l.Read(from, 1<<20, l.EndOffset(), true)
		if err != nil {
			return keys, err
		}
		if r.Len() == 0 {
			return keys, nil
		}
		b := make([]byte, r.Len())
		if _, err := r.ReadAt(b, 0); err != nil {
			return keys, err
		}
		from = r.NextOffset()
		r.Release()
		for len(b) > 0 {
			h, rest, err := record.Next(b)
			if err != nil {
				return keys, err
			}
			if err := h.CheckCRC(); err != nil {
				return keys, err
			}
			var rec record.Record
			it := h.Iterate(h.Records())
			for it.Next(&rec) {
				keys = append(keys, fmt.Sprintf("%d:%s", rec.Offset, rec.Key))
			}
			if it.Err() != nil {
				return keys, it.Err()
			}
			b = rest
		}
	}
}

func (h *harness) keys() []string {
	h.t.Helper()
	k, err := keysFrom(h.log, h.log.StartOffset())
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

func TestAppendReadReopen(t *testing.T) {
	for _, how := range []string{"clean", "kill"} {
		t.Run(how, func(t *testing.T) {
			h := newHarness(t, Config{SegmentBytes: 2000, FlushBeforeAck: true})
			var want []string
			for i := range 100 {
				tag := fmt.Sprint("r", i)
				a := h.append(plain(t, 3, tag))
				if a.BaseOffset != int64(3*i) || a.LastOffset != int64(3*i+2) {
					t.Fatalf("append %d: %+v", i, a)
				}
				for k := range 3 {
					want = append(want, fmt.Sprintf("%d:%s-%d", 3*i+k, tag, k))
				}
				if i%10 == 0 {
					if err := h.dir.Step(epoch0); err != nil {
						t.Fatal(err)
					}
				}
			}
			check := func() {
				t.Helper()
				if got := h.keys(); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("got %v\nwant %v", got, want)
				}
				for from := range int64(300) {
					got, err := keysFrom(h.log, from)
					if err != nil || fmt.Sprint(got) != fmt.Sprint(want[from/3*3:]) {
						t.Fatalf("from %d: %v %v", from, got, err)
					}
				}
			}
			check()
			for range 3 {
				if how == "clean" {
					h.restart()
				} else {
					h.kill()
				}
				if h.dir.CleanStop() != (how == "clean") {
					t.Fatal("clean stop", h.dir.CleanStop())
				}
				if n := len(h.log.Segments()); n < 5 {
					t.Fatalf("%d segments", n)
				}
				check()
				if h.log.EndOffset() != 300 || h.log.DurableOffset() != 300 || h.log.LatestEpoch() != 1 {
					t.Fatal(h.log.EndOffset(), h.log.DurableOffset(), h.log.LatestEpoch())
				}
			}
		})
	}
}

func TestReadLimits(t *testing.T) {
	h := newHarness(t, Config{})
	size := 0
	for i := range 50 {
		b := plain(t, 2, fmt.Sprintf("%03d", i))
		size = len(b)
		h.append(b)
	}
	for _, c := range []struct {
		from, upTo int64
		max        int
		minOne     bool
		n          int
		next       int64
	}{
		{0, 100, 1 << 20, true, 50, 100},
		{1, 100, 1 << 20, true, 50, 100},
		{0, 100, 1, true, 1, 2},
		{0, 100, 1, false, 0, 0},
		{10, 100, 3*size + 5, false, 3, 16},
		{10, 100, 3 * size, false, 3, 16},
		{10, 13, 1 << 20, true, 1, 12},
		{10, 11, 1 << 20, true, 0, 10},
		{98, 100, 1 << 20, true, 1, 100},
		{100, 100, 1 << 20, true, 0, 100},
	} {
		r, err := h.log.Read(c.from, c.max, c.upTo, c.minOne)
		if err != nil {
			t.Fatal(c, err)
		}
		if r.Len() != c.n*size || r.NextOffset() != c.next {
			t.Errorf("%+v: %d bytes (%d batches), next %d", c, r.Len(), r.Len()/size, r.NextOffset())
		}
		r.Release()
	}
	for _, from := range []int64{-1, 101} {
		if _, err := h.log.Read(from, 100, 100, true); !errors.Is(err, kerr.OffsetOutOfRange) {
			t.Error(from, err)
		}
	}
}
