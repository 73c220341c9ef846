package log

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/record"
)

// TestStories runs the stories in testdata. Each begins with an empty log; the
// commands are the keys of storyCommands.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &story{h: newHarness(t, Config{SegmentBytes: 400, IndexIntervalBytes: 100, FlushBeforeAck: true, DeleteEnabled: true})}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			run, ok := storyCommands[d.Cmd]
			if !ok {
				d.Fatalf(t, "no command %q", d.Cmd)
			}
			s.h.t, s.d = t, d
			out := run(s)
			if out != "" && !strings.HasSuffix(out, "\n") {
				out += "\n"
			}
			return out
		})
		s.h.dir.Abandon()
	})
}

type story struct {
	h *harness
	d *datadriven.TestData
}

func (s *story) int(key string, otherwise int64) int64 {
	v := otherwise
	s.d.MaybeScanArgs(s.h.t.(*testing.T), key, &v)
	return v
}

// fault gives Kafka's name of an error's code.
func fault(err error) string {
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return k.Message
	}
	return err.Error()
}

var storyCommands = map[string]func(*story) string{
	"append":    (*story).append,
	"follow":    (*story).follow,
	"marker":    (*story).marker,
	"state":     (*story).state,
	"read":      (*story).read,
	"producers": (*story).producers,
	"aborted":   (*story).aborted,
	"epochs":    (*story).epochs,
	"segments":  (*story).segments,
	"time":      (*story).time,
	"hw": func(s *story) string {
		s.h.log.SetHighWatermark(s.int("to", s.h.log.EndOffset()))
		return s.state()
	},
	"lead": func(s *story) string {
		s.h.log.AssignEpoch(int32(s.int("epoch", 0)))
		return s.epochs()
	},
	"truncate": func(s *story) string {
		err := s.h.log.TruncateTo(s.int("to", 0))
		if s.d.HasArg("fully") {
			err = s.h.log.TruncateFullyAndStartAt(s.int("to", 0))
		}
		if err != nil {
			return fault(err)
		}
		return s.state()
	},
	"delete-records": func(s *story) string {
		if _, err := s.h.log.DeleteRecordsBefore(s.int("before", 0)); err != nil {
			return fault(err)
		}
		return s.state()
	},
	"retain": func(s *story) string {
		c := s.h.log.Config()
		c.RetentionBytes, c.RetentionAge = s.int("bytes", 0), time.Duration(s.int("ms", 0))*time.Millisecond
		s.h.log.SetConfig(c)
		n, err := s.h.log.Retain(epoch0.Add(time.Duration(s.int("now", 0)) * time.Millisecond))
		if err != nil {
			return fault(err)
		}
		return fmt.Sprintf("%d segments removed\n%s", n, s.state())
	},
	"sync":    func(s *story) string { s.h.dir.SyncPending(); return s.state() },
	"step":    func(s *story) string { _ = s.h.dir.Step(epoch0); return s.state() },
	"restart": func(s *story) string { s.h.restart(); return s.state() },
	"kill":    func(s *story) string { s.h.kill(); return s.state() },
}

func (s *story) batch() record.Batch {
	o := record.BatchOptions{BaseOffset: s.int("at", 0), LeaderEpoch: int32(s.int("epoch", 1)), Transactional: s.d.HasArg("txn")}
	if id := s.int("pid", -1); id >= 0 {
		o.Producer = &record.Producer{ID: id, Epoch: int16(s.int("pepoch", 0)), BaseSequence: int32(s.int("seq", 0))}
	}
	if s.d.HasArg("gzip") {
		o.Codec = record.Gzip
	}
	return batchOf(s.h.t, int(s.int("n", 1)), epoch0.UnixMilli()+s.int("ts", 0), "k", o)
}

func (s *story) put(b []byte) string {
	o := AppendOptions{LeaderEpoch: int32(s.int("epoch", 1)), Now: epoch0, TransactionVersion: int16(s.int("tv", 1))}
	if s.d.HasArg("coordinator") {
		o.Origin = FromCoordinator
	}
	a, err := s.h.log.Append(b, o)
	if err != nil {
		return fault(err)
	}
	out := fmt.Sprintf("offsets %d to %d", a.BaseOffset, a.LastOffset)
	if a.Duplicate {
		out += ", duplicate"
	}
	return out
}

func (s *story) append() string { return s.put(s.batch()) }

func (s *story) follow() string {
	if err := s.h.log.AppendAsFollower(s.batch(), epoch0); err != nil {
		return fault(err)
	}
	return s.state()
}

func (s *story) marker() string {
	m := record.EndTxnMarker{
		ProducerID: s.int("pid", 0), ProducerEpoch: int16(s.int("pepoch", 0)), CoordinatorEpoch: int32(s.int("cepoch", 0)),
		Commit: !s.d.HasArg("abort"), TimestampMs: epoch0.UnixMilli(),
	}
	return s.put(m.Append(nil))
}

func (s *story) state() string {
	l := s.h.log
	return fmt.Sprintf("start %d hw %d lso %d durable %d end %d", l.StartOffset(), l.HighWatermark(), l.LastStableOffset(), l.DurableOffset(), l.EndOffset())
}

func (s *story) read() string {
	r, err := s.h.log.Read(s.int("from", 0), int(s.int("max", 1<<20)), s.int("upto", s.h.log.EndOffset()), !s.d.HasArg("exact"))
	if err != nil {
		return fault(err)
	}
	defer r.Release()
	b := make([]byte, r.Len())
	if r.Len() > 0 {
		if _, err := r.ReadAt(b, 0); err != nil {
			return err.Error()
		}
	}
	var out []string
	for len(b) > 0 {
		h, rest, err := record.Next(b)
		if err != nil {
			return err.Error()
		}
		out = append(out, fmt.Sprintf("%d..%d", h.BaseOffset(), h.LastOffset()))
		b = rest
	}
	return fmt.Sprintf("%s, then %d", strings.Join(out, " "), r.NextOffset())
}

func (s *story) producers() string {
	v := s.h.log.ActiveProducers()
	slices.SortFunc(v, func(a, b ProducerInfo) int { return int(a.ProducerID - b.ProducerID) })
	var out strings.Builder
	for _, p := range v {
		fmt.Fprintf(&out, "%d: epoch %d, last sequence %d, coordinator epoch %d, transaction from %d\n",
			p.ProducerID, p.Epoch, p.LastSequence, p.CoordinatorEpoch, p.TxnStartOffset)
	}
	return out.String()
}

func (s *story) aborted() string {
	var out strings.Builder
	for _, t := range s.h.log.AbortedTxns(s.int("from", 0), s.int("upto", 1<<40)) {
		fmt.Fprintf(&out, "%d: %d to %d, stable %d\n", t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset)
	}
	return out.String()
}

func (s *story) epochs() string {
	if e := s.int("end-of", -1); e >= 0 {
		found, end := s.h.log.EndOffsetForEpoch(int32(e))
		return fmt.Sprintf("epoch %d ends at %d", found, end)
	}
	return fmt.Sprint(s.h.log.mem.epochs)
}

func (s *story) segments() string {
	var out strings.Builder
	for _, g := range s.h.log.Segments() {
		fmt.Fprintf(&out, "%d to %d, newest record at %d ms\n", g.BaseOffset, g.NextOffset, g.MaxTimestamp-epoch0.UnixMilli())
	}
	return out.String()
}

func (s *story) time() string {
	found, ok, err := s.h.log.OffsetForTimestamp(epoch0.UnixMilli()+s.int("ts", 0), s.int("upto", s.h.log.EndOffset()))
	if s.d.HasArg("max") {
		found, ok, err = s.h.log.MaxTimestamp()
	}
	if err != nil {
		return fault(err)
	}
	if !ok {
		return "none"
	}
	return fmt.Sprintf("offset %d at %d ms, epoch %d", found.Offset, found.Timestamp-epoch0.UnixMilli(), found.LeaderEpoch)
}
