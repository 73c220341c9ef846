package api

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/kafka/wire"
	"github.com/headrace/headrace/internal/log"
)

// maxFetchWait bounds how long a fetch may wait, whatever it asks for.
const maxFetchWait = 5 * time.Minute

// maxFetchFiles bounds the partitions with records in one answer: each holds a
// file open until it is sent. The next fetch gets the others.
const maxFetchFiles = 256

// fetch answers Fetch, versions 4 to 18. It reads what there is and, if that is
// less than the client wants, waits for more. As KafkaApis.handleFetchRequest
// and DelayedFetch.
func (b *Broker) fetch(c *call) {
	var req wire.FetchRequest
	if err := req.Decode(c.header.Version, c.body); err != nil {
		c.req.Fail(fmt.Sprintf("Fetch v%d: %v", c.header.Version, err))
		return
	}
	c.req.CountTrailing(req.Trailing)
	f := &fetching{b: b, c: c, byID: req.Version >= 13, minBytes: int64(req.MinBytes), maxBytes: int(req.MaxBytes)}
	if err := f.prepare(&req); err != nil {
		f.fail(err)
		return
	}
	wait := min(time.Duration(req.MaxWaitMs)*time.Millisecond, maxFetchWait)
	f.deadline = together(time.Now(), wait)
	f.patient = wait > 0
	if out, ok := f.attempt(); ok {
		c.req.Reply(out)
	}
}

// The longest that a fetch waits beyond its time: a part of it, and no more than
// some milliseconds.
const (
	lateParts = 16
	latest    = 32 * time.Millisecond
)

// together is when a fetch that waits from now on gives up: in a moment that it
// shares with others. Thousands of consumers that wait for nothing then wake the
// process sixty times a second, not each at its own time, and ask again together.
func together(now time.Time, wait time.Duration) time.Time {
	step := min(wait/lateParts, latest)
	if step <= time.Millisecond {
		return now.Add(wait)
	}
	// Steps are powers of two, so that all waits share the moments of the longest.
	step = 1 << (bits.Len64(uint64(step)) - 1)
	end := now.Add(wait + step - 1)
	return end.Add(-time.Duration(end.UnixNano() % int64(step)))
}

// fetching is one fetch on its way.
type fetching struct {
	b        *Broker
	c        *call
	byID     bool
	replica  int32 // that fetches; negative: a consumer
	level    replica.Isolation
	minBytes int64
	maxBytes int
	deadline time.Time
	// patient says that the fetch may still wait. It is false from the
	// deadline on.
	patient bool
	session *fetchSession // nil without one
	full    bool          // every partition is in the answer
	parts   []wanted
	waiter  *replica.FetchWaiter
	timer   *time.Timer
}

// prepare finds out which partitions the request means.
func (f *fetching) prepare(req *wire.FetchRequest) error {
	switch {
	case req.IsolationLevel < 0 || req.IsolationLevel > lastIsolation:
		return fmt.Errorf("isolation level %d: %w", req.IsolationLevel, kerr.InvalidRequest)
	case req.MaxBytes < 0:
		return fmt.Errorf("max bytes %d: %w", req.MaxBytes, kerr.InvalidRequest)
	}
	f.replica = req.ReplicaID
	if limit := f.b.settings.FetchMaxBytes; limit > 0 {
		f.maxBytes = min(f.maxBytes, limit)
	}
	if req.IsolationLevel == readCommittedIsolation {
		f.level = replica.ReadCommitted
	}
	if req.SessionEpoch != initialSessionEpoch && req.SessionEpoch != finalSessionEpoch {
		return f.resume(req)
	}
	f.full = true
	if req.SessionID != 0 {
		f.b.sessions.drop(req.SessionID)
	}
	f.parts = distinct(req)
	if req.Version >= 7 && req.SessionEpoch == initialSessionEpoch && len(f.parts) > 0 {
		f.session = f.b.sessions.create(f.parts, f.byID)
	}
	return nil
}

// distinct lists the partitions of a full request. One that is named again is
// answered once, in its first place and for what was asked last, as
// FetchRequest.fetchData.
func distinct(req *wire.FetchRequest) []wanted {
	var parts []wanted
	var places map[fetchKey]int // from the second partition on
	for t := range req.Topics {
		ref := wire.TopicRef{Name: string(t.Name), ID: t.ID}
		for asked := range t.Partitions {
			key := fetchKey{ref, asked.Index}
			if len(parts) == 1 {
				places = map[fetchKey]int{parts[0].key: 0}
			}
			if at, again := places[key]; again {
				parts[at].asked = asked
				continue
			}
			if places != nil {
				places[key] = len(parts)
			}
			parts = append(parts, wanted{key: key, asked: asked})
		}
	}
	return parts
}

func (f *fetching) resume(req *wire.FetchRequest) error {
	var err error
	if f.session, f.parts, err = f.b.sessions.resume(req, f.byID); err != nil {
		return fmt.Errorf("fetch session %d epoch %d: %w", req.SessionID, req.SessionEpoch, err)
	}
	f.full = f.session == nil
	return nil
}

// fail answers with an error for the whole request.
func (f *fetching) fail(err error) {
	var w wire.FetchWriter
	w.Start(make([]byte, 0, 64), &f.c.header, wire.FetchHead{ErrorCode: f.b.code(f.c, err)})
	segments, _ := w.End(nil)
	f.c.req.Reply(server.Out{Parts: parts(segments, nil)})
}

// found is what one attempt read from one partition.
type found struct {
	wanted
	read replica.Read
	err  error
}

// attempt reads, and answers unless the fetch wants to wait for more. In that
// case it has arranged to be called again. It runs in a goroutine of the
// connection, never twice at a time.
func (f *fetching) attempt() (server.Out, bool) {
	if f.waiter != nil {
		f.waiter.Cancel()
		f.waiter = nil
	}
	results, bytes, urgent := f.readAll()
	if bytes >= f.minBytes || urgent || !f.patient || len(f.parts) == 0 {
		return f.answer(results), true
	}
	now := time.Now()
	if !now.Before(f.deadline) {
		return f.answer(results), true
	}
	for i := range results {
		results[i].read.Range.Release()
	}
	f.park(results, now)
	return server.Out{}, false
}

// park waits for news on every partition, or for the deadline.
func (f *fetching) park(results []found, now time.Time) {
	w := replica.NewFetchWaiter(len(results), func() { f.c.req.Wake(f.attempt) })
	f.waiter = w
	if f.timer == nil {
		f.timer = time.AfterFunc(f.deadline.Sub(now), f.expire)
		f.c.req.OnDrop(f.abandon)
	}
	for i := range results {
		r := &results[i]
		p := f.b.findPartition(f.byID, r.key.topic, r.key.index)
		if p == nil {
			w.Fire()
			return
		}
		p.Wait(w, f.level, max(r.asked.FetchOffset, r.read.Limit))
	}
}

// abandon takes a parked fetch down when its connection is gone.
func (f *fetching) abandon() {
	f.timer.Stop()
	if f.waiter != nil {
		f.waiter.Cancel()
	}
}

func (f *fetching) expire() {
	f.c.req.WakeHere(func() (server.Out, bool) {
		f.patient = false
		return f.attempt()
	})
}

// readAll reads every partition once. urgent says that the answer must not wait:
// something failed, or there is more than fits.
func (f *fetching) readAll() (results []found, bytes int64, urgent bool) {
	results = make([]found, 0, len(f.parts))
	left, held := f.maxBytes, 0
	for i := range f.parts {
		part := &f.parts[i]
		r := found{wanted: *part}
		p := f.b.findPartition(f.byID, part.key.topic, part.key.index)
		switch {
		case p == nil:
			r.err = f.b.absent(f.byID, part.key.topic, part.key.index)
		case f.replica >= 0:
			r.err = fmt.Errorf("broker %d is no follower of %s-%d: %w", f.replica, p.Topic, p.Index, kerr.NotLeaderForPartition)
		default:
			r.read, r.err = p.Read(replica.ReadOptions{
				From: part.asked.FetchOffset, MaxBytes: min(left, int(part.asked.MaxBytes)),
				MinOne: bytes == 0, Level: f.level, LeaderEpoch: part.asked.CurrentLeaderEpoch,
			})
		}
		n := int64(r.read.Range.Len())
		bytes += n
		left -= int(min(n, int64(left)))
		if n > 0 {
			if held++; held == maxFetchFiles {
				left = 0
			}
		}
		// Full, or cut off before what does not fit: no later append could make
		// this partition give more.
		urgent = urgent || r.err != nil || n > 0 && (n >= int64(part.asked.MaxBytes) || r.read.Range.NextOffset() < r.read.Limit)
		results = append(results, r)
	}
	return results, bytes, urgent || left <= 0
}

// answer builds the response and notes in the session what it tells.
func (f *fetching) answer(results []found) server.Out {
	if f.timer != nil {
		f.timer.Stop()
	}
	head := wire.FetchHead{}
	if f.session != nil {
		head.SessionID = f.session.id
	}
	sent := results
	if !f.full {
		sent = f.session.news(results)
	}
	var w wire.FetchWriter
	var leaders nodeSet
	var ranges []log.Range
	w.Start(make([]byte, 0, 128+96*len(sent)), &f.c.header, withTopics(head, sent))
	for i := range sent {
		if i == 0 || sent[i].key.topic != sent[i-1].key.topic {
			w.Topic(sent[i].key.topic, sameTopic(sent[i:]))
		}
		out := f.partition(&sent[i], &leaders)
		w.Partition(&out)
		ranges = append(ranges, sent[i].read.Range)
	}
	segments, _ := w.End(leaders.nodes)
	if f.session != nil {
		f.session.settle(sent)
	}
	return server.Out{Parts: parts(segments, ranges), Release: func() {
		for i := range ranges {
			ranges[i].Release()
		}
	}}
}

// partition is the answer for one partition.
func (f *fetching) partition(r *found, leaders *nodeSet) wire.FetchPartitionResponse {
	out := wire.FetchPartitionResponse{
		Index: r.key.index, ErrorCode: f.b.code(f.c, r.err), PreferredReadReplica: -1,
		HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1,
	}
	if r.err != nil {
		if unknown(r.err) {
			out.Aborted = []wire.AbortedTransaction{}
		}
		out.CurrentLeader = leaders.leaderFor(f.b, f.c, r.key.topic, f.byID, r.key.index, out.ErrorCode)
		return out
	}
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset = r.read.HighWatermark, r.read.LastStableOffset, r.read.LogStartOffset
	if f.level == replica.ReadCommitted {
		out.Aborted = make([]wire.AbortedTransaction, 0, len(r.read.Aborted))
		for _, a := range r.read.Aborted {
			out.Aborted = append(out.Aborted, wire.AbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
		}
	}
	out.FileBytes = r.read.Range.Len()
	return out
}

// unknown says that a partition was refused before anything was read. Its
// aborted transactions are an empty list (FetchResponse.partitionResponse),
// those of a failed read are null.
func unknown(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

func withTopics(h wire.FetchHead, sent []found) wire.FetchHead {
	for i := range sent {
		if i == 0 || sent[i].key.topic != sent[i-1].key.topic {
			h.TopicCount++
		}
	}
	return h
}

func sameTopic(sent []found) int {
	n := 0
	for n < len(sent) && sent[n].key.topic == sent[0].key.topic {
		n++
	}
	return n
}

// parts makes a frame of a response's segments: bytes as they are, gaps from
// the ranges that were read.
func parts(segments []wire.Segment, ranges []log.Range) []server.Part {
	out := make([]server.Part, len(segments))
	for i, s := range segments {
		if s.Bytes != nil {
			out[i] = server.Part{Bytes: s.Bytes}
			continue
		}
		r := fileRange{&ranges[s.Partition]}
		out[i] = server.Part{File: r, Off: r.Pos(), N: int64(r.Len())}
	}
	return out
}

// fileRange is a log's range as the server sees it: by positions in the file.
type fileRange struct{ *log.Range }

// ReadAt implements io.ReaderAt with positions in the file.
func (r fileRange) ReadAt(p []byte, off int64) (int, error) { return r.Range.ReadAt(p, off-r.Pos()) }
