package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
)

const (
	// loadRetry is how long a failed load waits for the next try.
	loadRetry = time.Second
	// maxLoadedBatch bounds what a compressed batch expands to while loading.
	maxLoadedBatch = 256 << 20
)

var errLogShort = errors.New("the log ends before its end offset")

// load reads the partition into a new shard. What the log holds when it begins
// must be committed first: a new leader's high watermark may lag behind.
func (e *Executor[S]) load(ctx context.Context) {
	e.mu.Lock()
	term, wanted := e.mu.term, e.mu.phase == loading
	e.mu.Unlock()
	if !wanted {
		return
	}
	log, err := e.r.opts.Open(ctx, e.partition)
	if err != nil {
		e.loadFailed(term, fmt.Errorf("open: %w", err))
		return
	}
	start, end := log.StartOffset(), log.EndOffset()
	if start >= end {
		e.replay(ctx, term, log, start, end)
		return
	}
	log.WhenCommitted(end-1, func(err error) {
		if err != nil {
			e.loadFailed(term, fmt.Errorf("wait for the high watermark: %w", err))
			return
		}
		e.r.jobs.add(func(ctx context.Context) { e.replay(ctx, term, log, start, end) })
	})
}

// replay reads the log and opens for requests.
func (e *Executor[S]) replay(ctx context.Context, term uint64, log Log, start, end int64) {
	began := e.r.opts.Now()
	s := e.r.opts.New()
	if err := e.readAll(ctx, term, log, s, start, end); err != nil {
		e.loadFailed(term, err)
		return
	}
	now := e.r.opts.Now()
	var out outbox
	e.mu.Lock()
	if e.mu.phase != loading || e.mu.term != term {
		e.mu.Unlock()
		return
	}
	e.mu.lost = false
	e.mu.phase, e.mu.shard, e.mu.loaded, e.mu.log, e.mu.committed = active, s, true, log, end
	_ = e.guard(now, &out, func() error {
		e.take(now, end, s.Loaded(now, end), &out)
		return nil
	}) // a failure is logged and the shard loads anew
	e.arm()
	e.kick()
	e.mu.Unlock()
	level := slog.LevelInfo
	if end == start {
		level = slog.LevelDebug // all fifty of a new cluster
	}
	e.r.log.LogAttrs(ctx, level, "coordinator partition loaded", slog.Int("partition", int(e.partition)),
		slog.Int("leaderEpoch", int(e.epoch)), slog.Int64("endOffset", end), slog.Duration("took", now.Sub(began)),
		slog.Int("skippedRecords", s.Skipped()))
	e.r.deliver(&out)
}

func (e *Executor[S]) readAll(ctx context.Context, term uint64, log Log, s S, start, end int64) error {
	var l loader
	for next := start; next < end; {
		e.mu.Lock()
		current := e.mu.term == term && e.mu.phase == loading
		e.mu.Unlock()
		if !current {
			return context.Canceled
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := log.Read(next, e.r.opts.LoadBufferBytes)
		if err != nil {
			return fmt.Errorf("read at %d: %w", next, err)
		}
		got, err := l.apply(s, p, next)
		if err != nil {
			return fmt.Errorf("read at %d: %w", next, err)
		}
		if got <= next {
			return fmt.Errorf("%w: at %d of %d", errLogShort, next, end)
		}
		next = got
	}
	if l.malformed != nil {
		e.r.log.LogAttrs(ctx, slog.LevelError, "coordinator partition has records that cannot be used; they are skipped",
			slog.Int("partition", int(e.partition)), slog.Any("first", l.malformed))
	}
	return nil
}

// loader applies batches to a shard.
type loader struct {
	decompressor record.Decompressor
	scratch      []byte
	malformed    error // the first of them
}

// apply loads the batches in p, without the records before offset from, and
// returns the offset after them.
func (l *loader) apply(s Shard, p []byte, from int64) (int64, error) {
	next := from
	for len(p) > 0 {
		b, rest, err := record.Next(p)
		if err != nil {
			return next, err
		}
		if err := b.CheckCRC(); err != nil {
			return next, err
		}
		if err := l.batch(s, b, from); err != nil {
			return next, err
		}
		next, p = max(next, b.NextOffset()), rest
	}
	return next, nil
}

func (l *loader) batch(s Shard, b record.Batch, from int64) error {
	if b.Attributes().Control() {
		return nil
	}
	payload := b.Records()
	if b.Attributes().Codec() != record.None {
		var err error
		if l.scratch, err = l.decompressor.Records(l.scratch[:0], b, maxLoadedBatch); err != nil {
			return err
		}
		payload = l.scratch
	}
	producerID := int64(-1)
	if b.Attributes().Transactional() {
		producerID = b.ProducerID()
	}
	it := b.Iterate(payload)
	var r record.Record
	for it.Next(&r) {
		if r.Offset < from {
			continue
		}
		if err := s.Load(r.Offset, producerID, r.Key, r.Value); errors.Is(err, shard.ErrMalformedRecord) && l.malformed == nil {
			l.malformed = fmt.Errorf("offset %d: %w", r.Offset, err)
		}
	}
	return it.Err()
}

// loadFailed plans another try.
func (e *Executor[S]) loadFailed(term uint64, err error) {
	now := e.r.opts.Now()
	var out outbox
	e.mu.Lock()
	if e.mu.phase == loading && e.mu.term == term {
		e.note(&out, slog.LevelError, "coordinator partition cannot be loaded; trying again", err)
		e.mu.retryAt = now.Add(loadRetry)
		e.arm()
	}
	e.mu.Unlock()
	e.r.deliver(&out)
}
