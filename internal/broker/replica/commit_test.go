package replica

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// idempotent is a batch of a producer that numbers what it sends.
func idempotent(t *testing.T, sequence int32) []byte {
	t.Helper()
	var b record.Builder
	b.Reset(record.BatchOptions{Producer: &record.Producer{ID: 9, Epoch: 0, BaseSequence: sequence}})
	b.Append(time.Now().UnixMilli(), nil, []byte("x"))
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNothingIsVisibleBeforeItIsDurable holds the sync up: nobody may see the
// record until then, nor be told that it is safe; nor the same record's second
// sending, which a client makes when the first is not answered.
func TestNothingIsVisibleBeforeItIsDurable(t *testing.T) {
	held, syncing := make(chan struct{}), make(chan struct{}, 10)
	disk := vfs.NewFaulty(vfs.NewMem())
	w := &world{t: t, img: newWorld(t).img}
	w.settings = newWorld(t).settings
	w.openOn(disk, "/slow")
	p := w.create(self)
	disk.Add(vfs.Rule{Op: vfs.OpSync, Path: "*.log", Do: func(vfs.Call) { syncing <- struct{}{}; <-held }})

	send := func() waiter {
		a, err := p.Append(idempotent(t, 0), AppendOptions{AllISR: true, LeaderEpoch: -1, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		c := make(waiter, 1)
		p.WhenCommitted(a.LastOffset+1, c)
		return c
	}
	defer func() { // whatever has happened
		if err := w.m.opts.Dirs[0].Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	first := send()
	<-syncing
	again := send()
	for name, c := range map[string]waiter{"the record": first, "the record sent twice": again} {
		select {
		case err := <-c:
			t.Fatalf("%s was acknowledged (%v) before it was durable", name, err)
		default:
		}
	}
	if p.HighWatermark() != 0 {
		t.Errorf("the high watermark is %d, and nothing is durable", p.HighWatermark())
	}
	r, err := p.Read(ReadOptions{MaxBytes: 1 << 20, MinOne: true, LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Range.Len() > 0 {
		t.Errorf("%d bytes can be read, and nothing is durable", r.Range.Len())
	}
	r.Range.Release()
	release()
	for _, c := range []waiter{first, again} {
		if err := w.await(c); err != nil {
			t.Error(err)
		}
	}
	if p.HighWatermark() != 1 || p.Log().EndOffset() != 1 {
		t.Errorf("high watermark %d, end %d after one record", p.HighWatermark(), p.Log().EndOffset())
	}
}

// TestADeposedWriterIsFenced: a coordinator names the leader epoch in which it
// was elected, and writes nothing in another.
func TestADeposedWriterIsFenced(t *testing.T) {
	w := newWorld(t)
	p := w.create(self)
	for epoch, want := range map[int32]error{2: kerr.FencedLeaderEpoch, 3: nil, 4: kerr.UnknownLeaderEpoch} {
		_, err := p.Append(batch(t, "x"), AppendOptions{LeaderEpoch: epoch, Internal: true, Now: time.Now()})
		if !errors.Is(err, want) {
			t.Errorf("append in epoch %d, the leader's is 3: %v, want %v", epoch, err, want)
		}
	}
	if p.Log().EndOffset() != 1 {
		t.Errorf("the log ends at %d", p.Log().EndOffset())
	}
}
