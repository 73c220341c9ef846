package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// errForeignAppend says that somebody else wrote to the partition, so that the
// predicted offsets are wrong.
var errForeignAppend = errors.New("somebody else appends to the coordinator's partition")

// maxBatchesAtOnce is how many batches one caller appends for all before a
// loader takes over: it has a connection of its own to serve.
const maxBatchesAtOnce = 8

// recordSize bounds a record's size in a batch: key, value and at most 34 bytes
// of varints and attributes.
func recordSize(r *shard.Record) int { return len(r.Key) + len(r.Value) + 34 }

// kick lets a loader append what is queued, for callers that must not wait.
// With mu held.
func (e *Executor[S]) kick() {
	if len(e.mu.queue) > 0 && !e.mu.appending && !e.mu.kicked {
		e.mu.kicked = true
		e.r.jobs.add(e.flush)
	}
}

// flush appends what is queued, batch by batch. If somebody is at it already,
// the queue is theirs: what comes while an append runs makes one batch.
func (e *Executor[S]) flush(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.kicked = false
	if e.mu.appending {
		return
	}
	e.mu.appending = true
	for n := 0; n < maxBatchesAtOnce && e.mu.phase == active && len(e.mu.queue) > 0; n++ {
		e.appendNext(ctx)
	}
	e.mu.appending = false
	e.kick()
}

// appendNext appends one batch from the queue. mu is held on entry and return,
// but not in between; appending is set, so nobody else takes from the queue.
func (e *Executor[S]) appendNext(ctx context.Context) {
	log, term := e.mu.log, e.mu.term
	batch, first, last, err := e.nextBatch()
	var out outbox
	if err == nil {
		e.mu.Unlock()
		if err = e.append(ctx, log, batch, last); err == nil {
			log.WhenCommitted(last, func(err error) { e.advanced(term, last, err) })
		}
		e.mu.Lock()
	}
	if err == nil || e.mu.term != term || e.mu.phase != active {
		return
	}
	e.rejected(first, err, &out)
	e.arm()
	e.mu.Unlock()
	e.r.deliver(&out)
	e.mu.Lock()
}

func (e *Executor[S]) append(ctx context.Context, log Log, batch []byte, last int64) error {
	got, err := log.Append(ctx, batch, e.epoch)
	if err != nil {
		return fmt.Errorf("append to coordinator partition %d: %w", e.partition, err)
	}
	if got != last {
		return fmt.Errorf("partition %d: record got offset %d instead of %d: %w", e.partition, got, last, errForeignAppend)
	}
	return nil
}

// nextBatch makes a batch of what is queued, up to the largest batch; a
// divisible run of records may be cut. On error, first is where the records
// begin that cannot be appended. With mu held.
func (e *Executor[S]) nextBatch() (batch record.Batch, first, last int64, err error) {
	limit := e.r.opts.MaxBatchBytes - record.HeaderSize
	first = e.mu.queue[0].first
	e.builder.Reset(record.BatchOptions{Codec: e.r.opts.Compression})
	nowMs := e.r.opts.Now().UnixMilli()
	last, room := first-1, limit
	for len(e.mu.queue) > 0 && room > 0 {
		d := &e.mu.queue[0]
		n := len(d.records)
		if d.size > room {
			if n = d.fits(room); n == 0 {
				break
			}
		}
		for i := range d.records[:n] {
			r := &d.records[i]
			e.builder.Append(nowMs, r.Key, r.Value)
			room -= recordSize(r)
			d.size -= recordSize(r)
		}
		last += int64(n)
		d.first += int64(n)
		if d.records = d.records[n:]; len(d.records) > 0 {
			break
		}
		e.mu.queue = dropFront(e.mu.queue, 1)
	}
	if last < first {
		return nil, first, last, kerr.RecordListTooLarge
	}
	batch, err = e.builder.Build(&e.compressor)
	return batch, first, last, err
}

// fits is how many of the records may go into a batch with that much room: none
// if they must stay together.
func (d *decided) fits(room int) int {
	if !d.divisible {
		return 0
	}
	n := 0
	for n < len(d.records) && recordSize(&d.records[n]) <= room {
		room -= recordSize(&d.records[n])
		n++
	}
	return n
}

// rejected takes back everything from offset first on, which could not be
// appended. If the log is not what the shard takes it for, the shard loads
// anew.
func (e *Executor[S]) rejected(first int64, err error, out *outbox) {
	now := e.r.opts.Now()
	e.note(out, slog.LevelWarn, "append to the coordinator's log failed", err)
	if errors.Is(err, errForeignAppend) {
		e.reload(now, kerr.CoordinatorLoadInProgress, out)
		return
	}
	err = clientError(err)
	e.mu.queue = nil
	n := len(e.mu.writes)
	for n > 0 && e.mu.writes[n-1].last >= first {
		n--
	}
	failed := slices.Clone(e.mu.writes[n:])
	clear(e.mu.writes[n:])
	e.mu.writes = e.mu.writes[:n]
	_ = e.guard(now, out, func() error {
		e.take(now, first, e.mu.shard.Revert(now, first, err), out)
		for i := range failed {
			e.finish(now, &failed[i], err, out)
		}
		return nil
	}) // a failure is logged and the shard loads anew
}

// advanced is the log's word that everything up to last is committed, or never
// will be because leadership is gone. Resigned or the next Elected follows then;
// should it be a passing trouble of the log instead, the shard loads again.
func (e *Executor[S]) advanced(term uint64, last int64, err error) {
	now := e.r.opts.Now()
	var out outbox
	e.mu.Lock()
	if e.mu.phase != active || e.mu.term != term {
		e.mu.Unlock()
		return
	}
	if err != nil {
		e.note(&out, slog.LevelInfo, "leadership of a coordinator partition is lost", err)
		e.drop(now, kerr.NotCoordinator, &out)
		e.mu.phase, e.mu.lost, e.mu.retryAt = loading, true, now.Add(loadRetry)
	} else {
		e.commit(now, last+1, &out)
	}
	e.arm()
	e.kick()
	e.mu.Unlock()
	e.r.deliver(&out)
}

// commit moves the committed offset and answers who waited for it.
func (e *Executor[S]) commit(now time.Time, offset int64, out *outbox) {
	if offset <= e.mu.committed {
		return
	}
	e.mu.committed = offset
	_ = e.guard(now, out, func() error {
		e.mu.shard.Committed(offset)
		n := 0
		for n < len(e.mu.writes) && e.mu.writes[n].last < offset {
			n++
		}
		done := slices.Clone(e.mu.writes[:n])
		e.mu.writes = dropFront(e.mu.writes, n)
		for i := range done {
			e.finish(now, &done[i], nil, out)
		}
		return nil
	}) // a failure is logged and the shard loads anew
}

func (e *Executor[S]) note(out *outbox, level slog.Level, message string, err error) {
	out.note(level, message, "partition", e.partition, "leaderEpoch", e.epoch, "error", err)
}

// clientErrors says how clients of a coordinator hear of errors of its log
// (Kafka's CoordinatorOperationExceptionHelper).
var clientErrors = map[int16]*kerr.Error{
	kerr.UnknownTopicOrPartition.Code:      kerr.CoordinatorNotAvailable,
	kerr.NotEnoughReplicas.Code:            kerr.CoordinatorNotAvailable,
	kerr.NotEnoughReplicasAfterAppend.Code: kerr.CoordinatorNotAvailable,
	kerr.RequestTimedOut.Code:              kerr.CoordinatorNotAvailable,
	kerr.NotLeaderForPartition.Code:        kerr.NotCoordinator,
	kerr.KafkaStorageError.Code:            kerr.NotCoordinator,
	kerr.FencedLeaderEpoch.Code:            kerr.NotCoordinator,
	kerr.MessageTooLarge.Code:              kerr.UnknownServerError,
	kerr.RecordListTooLarge.Code:           kerr.UnknownServerError,
	kerr.InvalidFetchSize.Code:             kerr.UnknownServerError,
	kerr.NetworkException.Code:             kerr.CoordinatorLoadInProgress,
}

// clientError turns an error of the log into one for clients.
func clientError(err error) error {
	if ke := clientErrors[wire.CodeOf(err)]; ke != nil {
		return ke
	}
	return err
}
