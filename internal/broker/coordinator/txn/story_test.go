package txn

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// TestStories runs the stories in testdata/stories; -rewrite accepts new output.
// A producer is written as id/epoch, a partition as topic-index. The clock starts
// at 1000000 ms; what is appended is committed at once unless "hold" stands
// before.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if w == nil {
				cfg := DefaultConfig()
				if d.Cmd == "config" {
					configure(t, d, &cfg)
				}
				if w = newWorld(t, cfg); d.Cmd == "config" {
					return ""
				}
			}
			w.t = t
			f, ok := storyCommands[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			out := f(w, args{t, d})
			if err := w.s.check(); err != nil {
				out += "BROKEN: " + err.Error() + "\n"
			}
			return w.flush() + out
		})
	})
}

func configure(t *testing.T, d *datadriven.TestData, cfg *Config) {
	a := args{t, d}
	cfg.MaxTimeout = a.duration("max-timeout", cfg.MaxTimeout)
	cfg.IDExpiration = a.duration("expiration", cfg.IDExpiration)
	cfg.AbortInterval = a.duration("abort-interval", cfg.AbortInterval)
	cfg.ExpiryInterval = a.duration("expiry-interval", cfg.ExpiryInterval)
	cfg.TwoPhaseCommit = a.has("2pc")
	cfg.TransactionVersion = int16(a.num("version", 2))
}

type args struct {
	t *testing.T
	d *datadriven.TestData
}

func (a args) str(key, def string) string {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			if v := strings.Join(arg.Vals, ","); v != "none" {
				return v
			}
			return ""
		}
	}
	return def
}

func (a args) has(key string) bool {
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key {
			return true
		}
	}
	return false
}

func (a args) num(key string, def int) int {
	v := a.str(key, "")
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		a.d.Fatalf(a.t, "%s: %v", key, err)
	}
	return n
}

func (a args) duration(key string, def time.Duration) time.Duration {
	v := a.str(key, "")
	if v == "" {
		return def
	}
	n, err := time.ParseDuration(v)
	if err != nil {
		a.d.Fatalf(a.t, "%s: %v", key, err)
	}
	return n
}

func (a args) id() string { return a.str("id", "a") }

func (a args) to() string { return a.str("as", "?") }

func (a args) producer() producer { return parseProducer(a.str("producer", "-1/-1")) }

func parseProducer(s string) producer {
	id, epoch, _ := strings.Cut(s, "/")
	return producer{atoi(id), int16(atoi(epoch))}
}

func (a args) topics() []Topic { return parseTopics(split(a.str("partitions", "t-0"))) }

// parseTopics keeps order and repetitions.
func parseTopics(list []string) (out []Topic) {
	for _, x := range list {
		name, p, _ := strings.Cut(x, "-")
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, Topic{Name: name})
		}
		t := &out[len(out)-1]
		t.Partitions = append(t.Partitions, int32(atoi(p)))
	}
	return out
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

var storyCommands = map[string]func(w *world, a args) string{
	"init":    storyInit,
	"add":     storyAdd,
	"batch":   storyBatch,
	"offsets": storyOffsets,
	"end":     storyEnd,
	"markers": storyMarkers,
	"late-marker": func(w *world, a args) string {
		t := a.topics()[0]
		w.take(w.s.MarkersWritten(w.now, MarkerResults{a.id(), int64(a.num("at", 0)), []MarkerResult{{t.Name, t.Partitions[0], nil}}}))
		return ""
	},
	"describe": storyDescribe,
	"list":     storyList,
	"advance": func(w *world, a args) string {
		w.advance(a.duration("by", 0))
		return ""
	},
	"abort-timed-out": func(w *world, a args) string {
		w.take(w.s.AbortTimedOut(w.now, a.id(), int64(a.num("new", 9000))))
		return ""
	},
	"version": func(w *world, a args) string { w.s.SetTransactionVersion(int16(a.num("level", 2))); return "" },
	"epoch": func(w *world, a args) string { // as if it had been bumped so often
		m := *w.s.ids[a.id()].is
		m.epoch = int16(a.num("epoch", 0))
		w.s.ids[a.id()].is = &m
		return ""
	},
	"hold": func(w *world, _ args) string { w.hold, w.heldAt = true, len(w.log); return "" },
	"commit-log": func(w *world, _ args) string {
		w.hold = false
		w.commit()
		return ""
	},
	"fail-log": func(w *world, a args) string {
		w.hold = false
		w.fail(int64(w.heldAt), kerr.TypedErrorForCode(int16(a.num("code", 15))))
		return ""
	},
	// The runtime waits no longer; the log may yet commit.
	"time-out-log": func(w *world, _ args) string {
		for len(w.waiting) > 0 {
			w.finish(kerr.CoordinatorNotAvailable)
		}
		return ""
	},
	// Commits what nobody waits for any more.
	"late-commit": func(w *world, _ args) string {
		w.hold = false
		w.s.Committed(int64(len(w.log)))
		return ""
	},
	"reload": func(w *world, a args) string { w.hold = false; w.reload(a.num("end", len(w.log))); return "" },
	"state":  func(w *world, _ args) string { return w.s.text() },
	"end-offset": func(w *world, _ args) string {
		return fmt.Sprintf("%d\n", len(w.log))
	},
	"deadline": func(w *world, _ args) string {
		at, ok := w.s.Deadline()
		return fmt.Sprintf("%v %v\n", at.Sub(w.now), ok)
	},
}

func storyInit(w *world, a args) string {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version = int16(a.num("version", 5))
	id := a.id()
	if req.TransactionalID = &id; a.has("null") {
		req.TransactionalID = nil
	}
	req.TransactionTimeoutMillis = int32(a.duration("timeout", time.Minute).Milliseconds())
	p := a.producer()
	req.ProducerID, req.ProducerEpoch = p.id, p.epoch
	w.init(InitProducerID{To: a.to(), Request: req, Enable2PC: a.has("2pc"), KeepPreparedTxn: a.has("keep")})
	return ""
}

func storyAdd(w *world, a args) string {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	p := a.producer()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = int16(a.num("version", 3)), a.id(), p.id, p.epoch
	for _, t := range a.topics() {
		req.Topics = append(req.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: t.Name, Partitions: t.Partitions})
	}
	w.take(w.s.AddPartitionsToTxn(w.now, a.to(), req))
	return ""
}

// storyBatch takes lines of "id producer/epoch add|verify partition…".
func storyBatch(w *world, a args) string {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = int16(a.num("version", 5))
	for line := range strings.Lines(a.d.Input) {
		f := strings.Fields(line)
		p := parseProducer(f[1])
		x := kmsg.AddPartitionsToTxnRequestTransaction{TransactionalID: f[0], ProducerID: p.id, ProducerEpoch: p.epoch, VerifyOnly: f[2] == "verify"}
		if f[0] == "none" {
			x.TransactionalID = ""
		}
		for _, t := range parseTopics(f[3:]) {
			x.Topics = append(x.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: t.Name, Partitions: t.Partitions})
		}
		req.Transactions = append(req.Transactions, x)
	}
	w.take(w.s.AddPartitionsToTxn(w.now, a.to(), req))
	return ""
}

func storyOffsets(w *world, a args) string {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	p := a.producer()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = int16(a.num("version", 4)), a.id(), p.id, p.epoch, "g"
	w.take(w.s.AddOffsetsToTxn(w.now, a.to(), req, "__consumer_offsets", int32(a.num("partition", 7))))
	return ""
}

func storyEnd(w *world, a args) string {
	req := kmsg.NewPtrEndTxnRequest()
	p := a.producer()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = int16(a.num("version", 5)), a.id(), p.id, p.epoch, a.has("commit")
	w.end(EndTxn{To: a.to(), Request: req})
	return ""
}

// storyMarkers answers markers that wait: all, or those of an id or of partitions.
func storyMarkers(w *world, a args) string {
	var err error
	if c := int16(a.num("code", 0)); c != 0 {
		err = fmt.Errorf("write marker: %w", kerr.TypedErrorForCode(c))
	}
	if a.has("gone") {
		err = ErrPartitionGone
	}
	id, set := a.str("id", ""), setOf(a.topics())
	w.answerMarkers(func(m *Marker, topic string, partition int32) bool {
		return (id == "" || id == m.TransactionalID) && (!a.has("partitions") || set.has(topic, partition))
	}, err)
	return ""
}

func storyDescribe(w *world, a args) string {
	r := w.s.Describe(a.id())
	if r.ErrorCode != 0 {
		return name(r.ErrorCode) + "\n"
	}
	var set partitionSet
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			set.add(t.Topic, p)
		}
	}
	return fmt.Sprintf("%s: %s producer=%d/%d timeout=%dms start=%d [%s]\n", r.TransactionalID, r.State, r.ProducerID, r.ProducerEpoch, r.TimeoutMillis, r.StartTimestamp, set)
}

func storyList(w *world, a args) string {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = 2
	req.StateFilters = split(a.str("states", ""))
	for _, id := range split(a.str("producers", "")) {
		req.ProducerIDFilters = append(req.ProducerIDFilters, atoi(id))
	}
	req.DurationFilterMillis = -1
	if a.has("duration") {
		req.DurationFilterMillis = a.duration("duration", 0).Milliseconds()
	}
	if p := strings.TrimSpace(a.d.Input); p != "" {
		req.TransactionalIDPattern = &p
	}
	f, err := NewFilter(req)
	if err != nil {
		return name(wire.CodeOf(err)) + "\n"
	}
	var out strings.Builder
	for _, s := range w.s.List(w.now, f) {
		fmt.Fprintf(&out, "%s %d %s\n", s.TransactionalID, s.ProducerID, s.TransactionState)
	}
	for _, s := range f.UnknownStates {
		fmt.Fprintf(&out, "unknown state %s\n", s)
	}
	return out.String()
}
