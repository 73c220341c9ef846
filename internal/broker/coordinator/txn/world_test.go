package txn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// world drives a shard as a runtime would, with time, log, producer ids and the
// sender of markers in the test's hands. Callers are strings.
type world struct {
	t   testing.TB
	cfg Config
	s   *Shard
	now time.Time
	// nextID is the next producer id.
	nextID int64
	// log is what has been appended; hold keeps appends from being committed.
	log    []shard.Record
	hold   bool
	heldAt int
	// waiting are the deferred parts of results.
	waiting []waiting
	answers []answer
	// effects are what was asked for since the last flush; markers what was asked
	// for and not answered.
	effects []shard.Effect
	markers []Marker
	notes   []shard.Note
}

type waiting struct {
	last int64
	res  *shard.Result
}

type answer struct {
	to   string
	resp kmsg.Response
	err  error
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{t: t, cfg: cfg, now: time.UnixMilli(1_000_000), nextID: 1000}
	w.s = New(cfg)
	w.take(w.s.Loaded(w.now, 0))
	return w
}

// take does what a runtime does with a result.
func (w *world) take(res *shard.Result) {
	for _, r := range res.Replies {
		w.answers = append(w.answers, answer{to: r.To.(string), resp: r.Response})
	}
	w.notes = append(w.notes, res.Notes...)
	for _, e := range res.Effects {
		w.effects = append(w.effects, e)
		if m, ok := e.(Marker); ok {
			w.markers = append(w.markers, m)
		}
	}
	w.log = append(w.log, res.Records...)
	if got := w.s.NextOffset(); got != int64(len(w.log)) {
		w.t.Fatalf("shard expects offset %d, log is at %d", got, len(w.log))
	}
	if len(res.Deferred) > 0 || res.Event != nil {
		w.waiting = append(w.waiting, waiting{int64(len(w.log)) - 1, res})
	}
	if !w.hold {
		w.commit()
	}
}

// commit commits everything that was appended.
func (w *world) commit() {
	end := len(w.log)
	w.s.Committed(int64(end))
	for len(w.waiting) > 0 && w.waiting[0].last < int64(end) {
		w.finish(nil)
	}
	if len(w.log) > end && !w.hold {
		w.commit()
	}
}

// finish ends the first wait.
func (w *world) finish(err error) {
	p := w.waiting[0]
	w.waiting = w.waiting[1:]
	for _, r := range p.res.Deferred {
		a := answer{to: r.To.(string), resp: r.Response}
		if err != nil {
			a.resp, a.err = nil, err
		}
		w.answers = append(w.answers, a)
	}
	if p.res.Event == nil {
		return
	}
	hold := w.hold
	w.hold = true
	w.take(w.s.Finish(w.now, p.res.Event, err))
	w.hold = hold
}

// fail makes everything from offset on fail.
func (w *world) fail(from int64, err error) {
	w.log = w.log[:from]
	i := slices.IndexFunc(w.waiting, func(p waiting) bool { return p.last >= from })
	var failed []waiting
	if i >= 0 {
		failed = slices.Clone(w.waiting[i:])
		w.waiting = w.waiting[:i]
	}
	hold := w.hold
	w.hold = true
	w.take(w.s.Revert(w.now, from, err))
	kept := w.waiting
	w.waiting = failed
	for range failed {
		w.finish(err)
	}
	w.waiting = append(kept, w.waiting...)
	if w.hold = hold; !hold {
		w.commit()
	}
}

// reload replays the log up to end into a new shard, as another broker would.
func (w *world) reload(end int) {
	w.take(w.s.Unload(w.now))
	w.waiting, w.markers = nil, nil
	w.log = w.log[:end]
	level := w.s.version
	w.s = load(w.t, w.cfg, w.log)
	w.s.SetTransactionVersion(level)
	w.take(w.s.Loaded(w.now, int64(end)))
}

func load(t testing.TB, cfg Config, log []shard.Record) *Shard {
	s := New(cfg)
	for i, r := range log {
		if err := s.Load(int64(i), -1, r.Key, r.Value); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	return s
}

// advance moves time in the steps of the shard's deadlines.
func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, ok := w.s.Deadline()
		if !ok || at.After(end) {
			break
		}
		if at.After(w.now) {
			w.now = at
		}
		for {
			res := w.s.Advance(w.now)
			if res.Empty() {
				break
			}
			w.take(res)
		}
	}
	w.now = end
}

// draw runs a request, with a new producer id if it wants one.
func (w *world) draw(f func(id *int64) (*shard.Result, error)) {
	res, err := f(nil)
	if errors.Is(err, ErrProducerIDWanted) {
		id := w.nextID
		w.nextID++
		res, err = f(&id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.take(res)
}

func (w *world) init(in InitProducerID) {
	w.draw(func(id *int64) (*shard.Result, error) {
		in.NewProducerID = id
		return w.s.InitProducerID(w.now, in)
	})
}

func (w *world) end(in EndTxn) {
	w.draw(func(id *int64) (*shard.Result, error) {
		in.NewProducerID = id
		return w.s.EndTxn(w.now, in)
	})
}

// answerMarkers answers all markers that wait, for the partitions that match.
func (w *world) answerMarkers(match func(m *Marker, topic string, partition int32) bool, err error) {
	markers := w.markers
	w.markers = nil
	for i := range markers {
		m := &markers[i]
		r := MarkerResults{TransactionalID: m.TransactionalID, Prepared: m.Prepared}
		var rest partitionSet
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				if match(m, t.Name, p) {
					r.Partitions = append(r.Partitions, MarkerResult{t.Name, p, err})
				} else {
					rest.add(t.Name, p)
				}
			}
		}
		if m.Topics = rest; len(rest) > 0 {
			w.markers = append(w.markers, *m)
		}
		if len(r.Partitions) > 0 {
			w.take(w.s.MarkersWritten(w.now, r))
		}
	}
}

func anyMarker(*Marker, string, int32) bool { return true }

// exercise does everything that can be done to every id, in an order that the
// seed tells.
func (w *world) exercise(seed uint8) {
	rng := rand.New(rand.NewPCG(uint64(seed), 3))
	for range 12 {
		for _, t := range w.s.sorted() {
			m := t.is
			if m == nil {
				continue
			}
			version := int16(rng.IntN(6))
			switch rng.IntN(8) {
			case 0:
				req := kmsg.NewPtrInitProducerIDRequest()
				req.Version, req.TransactionalID, req.TransactionTimeoutMillis = 4, &t.id, 60_000
				if rng.IntN(2) == 0 {
					req.ProducerID, req.ProducerEpoch = m.producerID, m.epoch
				}
				w.init(InitProducerID{To: "i", Request: req})
			case 1, 2:
				req := kmsg.NewPtrEndTxnRequest()
				req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = version, t.id, m.producerID, m.epoch, rng.IntN(2) == 0
				w.end(EndTxn{To: "e", Request: req})
			case 3, 4:
				req := kmsg.NewPtrAddPartitionsToTxnRequest()
				req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = min(version, 3), t.id, m.producerID, m.epoch
				req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "x", Partitions: []int32{0, 1}}}
				w.take(w.s.AddPartitionsToTxn(w.now, "a", req))
			case 5:
				w.answerMarkers(anyMarker, nil)
			case 6:
				w.advance(time.Duration(rng.IntN(200)) * time.Second)
			case 7:
				w.s.Describe(t.id)
				w.take(w.s.AbortTimedOut(w.now, t.id, w.nextID))
				w.nextID++
			}
		}
	}
	w.answerMarkers(anyMarker, nil)
	w.advance(time.Minute)
	w.reload(len(w.log))
}

// flush prints answers and effects since the last call.
func (w *world) flush() string {
	var b strings.Builder
	for _, a := range w.answers {
		text := ""
		if a.err != nil {
			text = name(wire.CodeOf(a.err))
		} else {
			text = describe(a.resp)
		}
		fmt.Fprintf(&b, "%s <- %s\n", a.to, text)
	}
	for _, e := range w.effects {
		switch e := e.(type) {
		case Marker:
			result := "abort"
			if e.Commit {
				result = "commit"
			}
			fmt.Fprintf(&b, "marker %s@%d %s producer=%d/%d version=%d [%s]\n", e.TransactionalID, e.Prepared, result, e.ProducerID, e.ProducerEpoch, e.TransactionVersion, partitionSet(e.Topics))
		case ProducerIDWanted:
			fmt.Fprintf(&b, "producer id wanted for %s\n", e.TransactionalID)
		}
	}
	for _, n := range w.notes {
		if n.Warn {
			fmt.Fprintf(&b, "warning: %s\n", n.Message)
		}
	}
	w.answers, w.effects, w.notes = nil, nil, nil
	return b.String()
}

func name(c int16) string {
	if err := kerr.TypedErrorForCode(c); err != nil {
		return err.Message
	}
	return "ok"
}

func describe(resp kmsg.Response) string {
	switch r := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		return fmt.Sprintf("init: %s producer=%d/%d", name(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.EndTxnResponse:
		return fmt.Sprintf("end: %s producer=%d/%d", name(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.AddOffsetsToTxnResponse:
		return "offsets: " + name(r.ErrorCode)
	case *kmsg.AddPartitionsToTxnResponse:
		out := "add:"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				out += fmt.Sprintf(" %s-%d=%s", t.Topic, p.Partition, name(p.ErrorCode))
			}
		}
		for _, x := range r.Transactions {
			out += " " + x.TransactionalID + "("
			for i, t := range x.Topics {
				for j, p := range t.Partitions {
					if i+j > 0 {
						out += " "
					}
					out += fmt.Sprintf("%s-%d=%s", t.Topic, p.Partition, name(p.ErrorCode))
				}
			}
			out += ")"
		}
		return out
	}
	return fmt.Sprintf("%T", resp)
}

// text is metadata in words.
func text(m *metadata) string {
	return fmt.Sprintf("%s producer=%d/%d prev=%d next=%d last=%d timeout=%dms start=%d update=%d version=%d [%s]",
		m.state, m.producerID, m.epoch, m.prevProducerID, m.nextProducerID, m.lastEpoch, m.timeoutMs, m.startMs, m.updateMs, m.version, m.partitions)
}

// text prints the whole shard.
func (s *Shard) text() string {
	var b strings.Builder
	for _, t := range s.sorted() {
		if t.is == nil {
			fmt.Fprintf(&b, "%s: new", t.id)
		} else {
			fmt.Fprintf(&b, "%s: %s", t.id, text(t.is))
		}
		if t.to != nil {
			fmt.Fprintf(&b, " -> %s", t.to.state)
		}
		if t.is != nil && t.is.state.preparing() {
			fmt.Fprintf(&b, " left=[%s]", t.open.left)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check verifies what must hold of a shard at any time.
func (s *Shard) check() error {
	pending := 0
	for _, t := range s.sorted() {
		if t.to != nil {
			pending++
			if i := slices.Index(s.pending, t); i < 0 || t.toAt < 0 || t.toAt >= s.next {
				return fmt.Errorf("%s: the pending decision at %d is not in the queue", t.id, t.toAt)
			}
		}
		if t.is == nil {
			if t.to == nil {
				return fmt.Errorf("%s: neither is nor comes to be", t.id)
			}
			continue
		}
		m := t.is
		switch {
		case !m.state.written():
			return fmt.Errorf("%s: state %s", t.id, m.state)
		case m.state.idle() != (t.open == nil):
			return fmt.Errorf("%s: %s with open=%v", t.id, m.state, t.open != nil)
		case m.state == Empty && (len(m.partitions) > 0 || m.startMs != noStart):
			return fmt.Errorf("%s: a transaction that has not begun: %s", t.id, text(m))
		case m.state == Ongoing && !m.twoPhase() && !t.open.timer.Armed() && t.to == nil:
			return fmt.Errorf("%s: the transaction can never time out", t.id)
		case m.state.preparing() && !m.partitions.hasAll(t.open.left):
			return fmt.Errorf("%s: markers left for [%s] of [%s]", t.id, t.open.left, m.partitions)
		case m.state.preparing() && !t.open.left.hasAll(t.open.again):
			return fmt.Errorf("%s: markers again for [%s] of [%s]", t.id, t.open.again, t.open.left)
		case m.state.preparing() && len(t.open.again) > 0 && !t.open.timer.Armed():
			return fmt.Errorf("%s: markers [%s] are never tried again", t.id, t.open.again)
		case m.state.preparing() && len(t.open.left) == 0 && t.to == nil && !t.open.timer.Armed() && !slices.Contains(s.decided, t):
			return fmt.Errorf("%s: the transaction can never complete", t.id)
		}
	}
	if pending != len(s.pending) {
		return fmt.Errorf("%d decisions pending, %d in the queue", pending, len(s.pending))
	}
	if !slices.IsSortedFunc(s.pending, func(a, b *transaction) int { return int(a.toAt - b.toAt) }) {
		return errors.New("the queue of pending decisions is out of order")
	}
	return nil
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
