package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// faultRun works on a log while one call to the disk fails, and remembers what
// was promised.
type faultRun struct {
	t       *testing.T
	mem     *vfs.Mem
	fs      *vfs.Faulty
	dir     *Dir
	log     *Log
	now     time.Time
	next    int64            // end of what was appended
	keys    map[int64]string // offset → key, of every append that was answered well
	durable int64            // the largest that was told
}

var faultConf = Config{SegmentBytes: 500, IndexIntervalBytes: 64, FlushBeforeAck: true, DeleteEnabled: true, RetentionBytes: 1000}

func newFaultRun(t *testing.T) *faultRun {
	mem := vfs.NewCrashableMem()
	return &faultRun{t: t, mem: mem, fs: vfs.NewFaulty(mem), now: epoch0, keys: map[int64]string{}}
}

// allowed are the answers that a failing disk may give.
func (r *faultRun) allowed(what string, err error) bool {
	r.t.Helper()
	if err == nil {
		return true
	}
	if !errors.Is(err, kerr.KafkaStorageError) && !errors.Is(err, kerr.OffsetOutOfRange) {
		r.t.Errorf("%s: %v", what, err)
	}
	return false
}

func (r *faultRun) open() bool {
	var err error
	r.dir, r.log, err = openTest(r.fs, "boot", faultConf)
	if err != nil {
		return false // the words are those of the disk
	}
	if r.log.EndOffset() < r.durable {
		r.t.Errorf("opened with end offset %d, %d was durable", r.log.EndOffset(), r.durable)
	}
	r.next = r.log.EndOffset()
	return true
}

// openTwice opens, and tries again if the fault was in the way.
func (r *faultRun) openTwice() bool {
	for range 2 {
		if r.open() {
			return true
		}
	}
	return false
}

func (r *faultRun) append(i int) {
	key := fmt.Sprint("f", i)
	o := record.BatchOptions{}
	a, err := r.log.Append(batchOf(r.t, 2, r.now.UnixMilli(), key, o), AppendOptions{LeaderEpoch: 1, Now: r.now})
	if !r.allowed("append", err) {
		return
	}
	if a.BaseOffset < r.next {
		r.t.Errorf("offset %d given out again", a.BaseOffset)
	}
	r.next = a.LastOffset + 1
	r.keys[a.BaseOffset], r.keys[a.LastOffset] = key+"-0", key+"-1"
}

// settle notes what is promised now.
func (r *faultRun) settle() { r.durable = max(r.durable, r.log.DurableOffset()) }

// work does something of everything.
func (r *faultRun) work() {
	if !r.openTwice() {
		return
	}
	for i := range 14 {
		r.append(i)
		switch i % 4 {
		case 0:
			r.dir.SyncPending()
		case 1:
			r.now = r.now.Add(time.Second)
			_ = r.dir.Step(r.now)
		case 2:
			r.log.SetHighWatermark(r.log.DurableOffset())
			_, err := keysFrom(r.log, r.log.StartOffset())
			r.allowed("read", err)
		}
		r.settle()
	}
	r.log.SetHighWatermark(r.log.DurableOffset())
	_, err := r.log.DeleteRecordsBefore(2)
	r.allowed("delete records", err)
	_, err = r.log.Retain(r.now)
	r.allowed("retain", err)
	r.allowed("verify", r.log.Verify(noPace))
	_, _, err = r.log.OffsetForTimestamp(epoch0.UnixMilli(), r.next)
	r.allowed("time", err)
	r.settle()
	if err := r.dir.Close(context.Background()); err != nil {
		r.dir.Abandon()
	}
	if !r.openTwice() {
		return
	}
	r.append(20)
	_ = r.dir.Step(r.now.Add(time.Second))
	r.settle()
	r.durable = min(r.durable, max(r.next-6, r.log.StartOffset())) // the rest may go now
	r.allowed("truncate", r.log.TruncateTo(r.durable))
	r.next = max(r.durable, r.log.EndOffset())
	r.append(21)
	_ = r.dir.Step(r.now.Add(2 * time.Second))
	r.settle()
}

// goesOn lets the disk be well again: what has not failed must work.
func (r *faultRun) goesOn(what string) {
	r.t.Helper()
	if r.dir == nil {
		return
	}
	defer r.dir.Abandon()
	if r.dir.Failed() != nil || r.dir.closed.Load() {
		return
	}
	r.fs.Clear()
	r.now = r.now.Add(time.Minute)
	_ = r.dir.Step(r.now)
	r.append(30)
	if err := r.dir.Step(r.now); err != nil || r.dir.ReadOnly() || r.log.DurableOffset() != r.next {
		r.t.Errorf("%s: later: %v, read-only %v, durable %d of %d", what, err, r.dir.ReadOnly(), r.log.DurableOffset(), r.next)
	}
	r.settle()
}

// check opens what is left and holds it against the promises.
func (r *faultRun) check(what string, fs *vfs.Mem, boot string) {
	r.t.Helper()
	d, l, err := openTest(fs, boot, faultConf)
	if err != nil {
		r.t.Errorf("%s: %v", what, err)
		return
	}
	defer d.Abandon()
	if l.EndOffset() < r.durable {
		r.t.Errorf("%s: end offset %d, %d was durable", what, l.EndOffset(), r.durable)
	}
	got, err := keysFrom(l, l.StartOffset())
	if err != nil {
		r.t.Errorf("%s: %v", what, err)
	}
	for o := l.StartOffset(); o < r.durable; o++ {
		if want := fmt.Sprintf("%d:%s", o, r.keys[o]); !slices.Contains(got, want) {
			r.t.Errorf("%s: %q is gone: %v", what, want, got)
			return
		}
	}
}

// TestFaultAtEveryCall fails each call to the disk in turn, once, with every
// error that a disk may give. Nothing that was told to be durable is lost, no
// offset is given out twice, and after a failed sync nothing is promised though
// the next one would succeed.
func TestFaultAtEveryCall(t *testing.T) {
	plain := newFaultRun(t)
	plain.work()
	calls := int(plain.fs.Calls())
	plain.check("undisturbed", plain.mem.CrashClone(vfs.CrashOptions{}), "boot-2")
	if plain.durable != 26 || calls < 150 {
		t.Fatalf("%d durable, %d calls", plain.durable, calls)
	}
	hit := map[string]int{}
	for k, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EMFILE} {
		for i := range calls {
			if testing.Short() && i%8 != k {
				continue
			}
			var op vfs.Op
			r := newFaultRun(t)
			r.fs.Add(vfs.Rule{Skip: i, Times: 1, Err: fault, Short: 30, Do: func(c vfs.Call) { op = c.Op }})
			r.work()
			what := fmt.Sprintf("call %d (%v) fails with %v", i, op, fault)
			r.goesOn(what)
			r.check(what+", power cut", r.mem.CrashClone(vfs.CrashOptions{}), "boot-2")
			r.check(what+", kill", r.mem.KillClone(), "boot")
			hit[op.String()]++
			if t.Failed() {
				t.Fatal(what)
			}
		}
	}
	for _, op := range []vfs.Op{vfs.OpOpen, vfs.OpRead, vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir, vfs.OpRename, vfs.OpRemove, vfs.OpStat, vfs.OpReadDir} {
		if hit[op.String()] == 0 && !testing.Short() {
			t.Errorf("no %v was made to fail: %v", op, hit)
		}
	}
}

// TestFaultsGoOn: from its n-th call on a disk gives nothing but errors. The log
// answers them, the process goes on, and what was promised before is there.
func TestFaultsGoOn(t *testing.T) {
	plain := newFaultRun(t)
	plain.work()
	for i := 0; i < int(plain.fs.Calls()); i += 7 {
		r := newFaultRun(t)
		r.fs.Add(vfs.Rule{Skip: i, Err: syscall.EIO})
		r.work()
		if r.dir != nil {
			r.dir.Abandon()
		}
		r.check(fmt.Sprint("dead from call ", i), r.mem.CrashClone(vfs.CrashOptions{}), "boot-2")
	}
}

// TestSyncFailsOnce: each sync in turn fails once, and would succeed when tried
// again. From then on the durable offset stands still until a restart.
func TestSyncFailsOnce(t *testing.T) {
	for i := 0; ; i++ {
		r := newFaultRun(t)
		if !r.open() {
			t.Fatal("not opened")
		}
		failed := int64(-1)
		r.fs.Add(vfs.Rule{Op: vfs.OpSync | vfs.OpSyncDir, Skip: i, Times: 1, Err: syscall.EIO, Do: func(vfs.Call) { failed = r.log.DurableOffset() }})
		for n := range 10 {
			r.append(n)
			r.dir.SyncPending()
			if n%3 == 0 {
				_ = r.dir.Step(r.now)
			}
			if failed >= 0 && r.log.DurableOffset() != failed {
				t.Fatalf("sync %d: durable offset %d after a failed sync at %d", i, r.log.DurableOffset(), failed)
			}
		}
		if failed < 0 {
			if i < 10 {
				t.Fatalf("only %d syncs", i)
			}
			r.dir.Abandon()
			return
		}
		if r.dir.Failed() == nil {
			t.Fatalf("sync %d: the directory goes on", i)
		}
		r.durable = failed
		r.dir.Abandon()
		r.check(fmt.Sprint("sync ", i), r.mem.CrashClone(vfs.CrashOptions{}), "boot-2")
	}
}

// TestSlowDisk: a sync that takes its time holds up its acknowledgements, and
// nothing else: appends and reads go on, and it all comes true in the end.
func TestSlowDisk(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := vfs.NewFaulty(mem)
	d, err := OpenDir(DirOptions{FS: fs, Path: "/data", BootID: "b"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Open(testTP, testID, Config{FlushBeforeAck: true})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan int64, 100)
	l.OnDurable(func(o int64) { told <- o })
	slow, free := make(chan struct{}, 100), make(chan struct{})
	fs.Add(vfs.Rule{Op: vfs.OpSync, Path: "*.log", Do: func(c vfs.Call) {
		if c.Path != "/data/"+stateName {
			slow <- struct{}{}
			<-free
		}
	}})
	appendOne := func(key string) {
		t.Helper()
		if _, err := l.Append(plain(t, 1, key), AppendOptions{Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	appendOne("a")
	<-slow // the disk is busy now
	for i := range 20 {
		appendOne(fmt.Sprint("b", i))
	}
	if got, err := keysFrom(l, 0); err != nil || len(got) != 21 {
		t.Fatal(got, err)
	}
	if l.DurableOffset() != 0 || len(told) != 0 {
		t.Fatal("promised before the disk has answered", l.DurableOffset())
	}
	close(free)
	for o := int64(0); o < 21; {
		o = <-told
	}
	image := mem.CrashClone(vfs.CrashOptions{})
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	again, l, err := openTest(image, "c", Config{})
	if err != nil || l.EndOffset() != 21 {
		t.Fatal(err, l.EndOffset())
	}
	again.Abandon()
	if s := d.Stats(); s.Flushes[len(s.Flushes)-1].Count == 0 || s.FlushTime == 0 {
		t.Errorf("%+v", s)
	}
}
