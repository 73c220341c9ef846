package groups

import (
	"context"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/kafka/record"
)

// fakeLog is a partition in memory that keeps Log's contract. Its content can
// outlive a leader, as a replicated log does.
type fakeLog struct {
	mu      sync.Mutex
	epoch   int32
	batches []record.Batch
	start   int64
	end     int64
	hw      int64
	// held keeps the high watermark where it is until commit.
	held    bool
	fail    error // of the next appends
	waiters []waiter
	appends int
	// onAppend runs while an append is under way, without the lock.
	onAppend func()
}

type waiter struct {
	offset int64
	done   func(error)
}

var _ coordinator.Log = (*fakeLog)(nil)

func (l *fakeLog) Append(_ context.Context, batch []byte, leaderEpoch int32) (int64, error) {
	l.mu.Lock()
	hook := l.onAppend
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	l.mu.Lock()
	if l.fail != nil || leaderEpoch != l.epoch {
		defer l.mu.Unlock()
		if l.fail != nil {
			return 0, l.fail
		}
		return 0, kerr.NotLeaderForPartition
	}
	b, rest, err := record.Next(slices.Clone(batch))
	if err != nil || len(rest) > 0 || b.CheckCRC() != nil {
		defer l.mu.Unlock()
		return 0, kerr.CorruptMessage
	}
	b.SetBaseOffset(l.end)
	b.SetLeaderEpoch(leaderEpoch)
	l.batches = append(l.batches, b)
	l.end = b.NextOffset()
	l.appends++
	last, ready := l.end-1, l.advance()
	l.mu.Unlock()
	for _, w := range ready {
		w.done(nil)
	}
	return last, nil
}

// advance moves the high watermark and returns who has waited for it.
func (l *fakeLog) advance() (ready []waiter) {
	if l.held {
		return nil
	}
	l.hw = l.end
	l.waiters = slices.DeleteFunc(l.waiters, func(w waiter) bool {
		if w.offset < l.hw {
			ready = append(ready, w)
			return true
		}
		return false
	})
	return ready
}

func (l *fakeLog) WhenCommitted(offset int64, done func(error)) {
	l.mu.Lock()
	if offset < l.hw {
		l.mu.Unlock()
		done(nil)
		return
	}
	l.waiters = append(l.waiters, waiter{offset, done})
	l.mu.Unlock()
}

func (l *fakeLog) Read(from int64, maxBytes int) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []byte
	for _, b := range l.batches {
		if b.NextOffset() <= from || b.NextOffset() > l.hw {
			continue
		}
		if len(out) > 0 && len(out)+len(b) > maxBytes {
			break
		}
		out = append(out, b...)
	}
	return out, nil
}

func (l *fakeLog) StartOffset() int64 { l.mu.Lock(); defer l.mu.Unlock(); return l.start }
func (l *fakeLog) EndOffset() int64   { l.mu.Lock(); defer l.mu.Unlock(); return l.end }

// hold stops the high watermark; commit lets it go on.
func (l *fakeLog) hold() { l.mu.Lock(); l.held = true; l.mu.Unlock() }

func (l *fakeLog) commit() {
	l.mu.Lock()
	l.held = false
	ready := l.advance()
	l.mu.Unlock()
	for _, w := range ready {
		w.done(nil)
	}
}

// depose ends this leadership: waiters hear of it, and what was not committed
// is cut if cut is set, as when the next leader does not have it.
func (l *fakeLog) depose(cut bool) {
	l.mu.Lock()
	l.epoch++
	lost := l.waiters
	l.waiters = nil
	if cut {
		for len(l.batches) > 0 && l.batches[len(l.batches)-1].NextOffset() > l.hw {
			l.batches = l.batches[:len(l.batches)-1]
		}
		l.end = l.hw
	}
	l.held = false
	l.advance()
	l.mu.Unlock()
	for _, w := range lost {
		w.done(kerr.NotLeaderForPartition)
	}
}

func (l *fakeLog) setFail(err error) { l.mu.Lock(); l.fail = err; l.mu.Unlock() }

// foreign appends a batch that is not the coordinator's.
func (l *fakeLog) foreign() {
	var b record.Builder
	b.Reset(record.BatchOptions{})
	b.Append(0, []byte{0, 99}, nil)
	batch, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	l.mu.Lock()
	batch = record.Batch(slices.Clone(batch))
	batch.SetBaseOffset(l.end)
	l.batches = append(l.batches, batch)
	l.end++
	l.advance()
	l.mu.Unlock()
}
