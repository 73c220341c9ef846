package group

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

// world drives a shard as a runtime would, with time and log in the test's
// hands. Callers are strings.
type world struct {
	t   testing.TB
	cfg Config
	s   *Shard
	now time.Time
	ids byte
	// log is what has been appended; hold keeps appends from being committed.
	log    []shard.Record
	hold   bool
	heldAt int
	// waiting are the deferred parts of results.
	waiting []waiting
	answers []answer
	cluster *topics
	// effects are not done yet.
	effects []shard.Effect
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
	w := &world{t: t, cfg: cfg, now: time.UnixMilli(1_000_000), cluster: newTopics()}
	w.s = New(cfg)
	w.s.See(w.cluster)
	w.take(w.s.Loaded(w.now, 0))
	return w
}

// take does what a runtime does with a result.
func (w *world) take(res *shard.Result) {
	if res == nil {
		return
	}
	for _, r := range res.Replies {
		w.answers = append(w.answers, answer{to: r.To.(string), resp: r.Response})
	}
	w.effects = append(w.effects, res.Effects...)
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
	w.s.Committed(int64(len(w.log)))
	for len(w.waiting) > 0 {
		p := w.waiting[0]
		w.waiting = w.waiting[1:]
		for _, r := range p.res.Deferred {
			w.answers = append(w.answers, answer{to: r.To.(string), resp: r.Response})
		}
		if p.res.Event != nil {
			w.take(w.s.Finish(w.now, p.res.Event, nil))
		}
	}
}

// fail makes everything from offset on fail.
func (w *world) fail(from int64, err error) {
	w.log = w.log[:from]
	failed := w.waiting
	w.waiting = nil
	w.take(w.s.Revert(w.now, from, err))
	for i, p := range failed {
		if p.last < from {
			w.waiting = append(w.waiting, failed[i])
			continue
		}
		for _, r := range p.res.Deferred {
			w.answers = append(w.answers, answer{to: r.To.(string), err: err})
		}
		if p.res.Event != nil {
			w.take(w.s.Finish(w.now, p.res.Event, err))
		}
	}
}

// reload replays the log up to end into a new shard, as another broker would.
func (w *world) reload(end int) {
	w.take(&shard.Result{Replies: w.s.Unload(w.now).Replies})
	w.waiting = nil
	w.log = w.log[:end]
	w.s = load(w.t, w.cfg, w.log)
	w.s.See(w.cluster)
	w.effects = nil
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
		w.now = at
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

func (w *world) newID() (id [16]byte) {
	w.ids++
	id[15] = w.ids
	return id
}

func (w *world) fatal(err error, to string) {
	if err != nil {
		w.answers = append(w.answers, answer{to: to, err: err})
	}
}

var uuidText = regexp.MustCompile(`-00000000-0000-4000-8000-0000000000([0-9a-f]{2})`)

// flush prints the answers since the last call.
func (w *world) flush() string {
	var b strings.Builder
	for _, a := range w.answers {
		text := ""
		if m, ok := errors.AsType[*refusal](a.err); ok {
			text = m.Error()
		} else if a.err != nil {
			text = kerr.TypedErrorForCode(func() *kerr.Error {
				target := &kerr.Error{}
				_ = errors.As(a.err, &target)
				return target
			}().Code).Message
		} else {
			text = describe(a.resp)
		}
		fmt.Fprintf(&b, "%s <- %s\n", a.to, text)
	}
	w.answers = nil
	return short(b.String())
}

// short makes member ids readable: "c-1".
func short(s string) string {
	return uuidText.ReplaceAllStringFunc(s, func(m string) string {
		return "-" + strings.TrimPrefix(m[len(m)-2:], "0")
	})
}

// long is the inverse of short for one member id.
func long(s string) string {
	before, after, ok := strings.CutLast(s, "-")
	if !ok {
		return s
	}
	return fmt.Sprintf("%s-00000000-0000-4000-8000-0000000000%02s", before, after)
}

func code(c int16) string {
	if err := kerr.TypedErrorForCode(c); err != nil {
		return err.Message
	}
	return "ok"
}

func str(p *string) string {
	if p == nil {
		return "null"
	}
	return *p
}

func describe(resp kmsg.Response) string {
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		if r.ErrorCode != 0 {
			return fmt.Sprintf("join: %s member=%s", code(r.ErrorCode), r.MemberID)
		}
		members := ""
		for _, m := range r.Members {
			members += fmt.Sprintf(" %s(%q)", m.MemberID, m.ProtocolMetadata)
		}
		skip := ""
		if r.SkipAssignment {
			skip = " skip-assignment"
		}
		return fmt.Sprintf("join: generation=%d protocol=%s member=%s leader=%s%s%s", r.Generation, str(r.Protocol), r.MemberID, r.LeaderID, skip, members)
	case *kmsg.SyncGroupResponse:
		return fmt.Sprintf("sync: %s assignment=%q", code(r.ErrorCode), r.MemberAssignment)
	case *kmsg.LeaveGroupResponse:
		out := "leave: " + code(r.ErrorCode)
		for _, m := range r.Members {
			out += fmt.Sprintf(" [%s %s %s]", m.MemberID, str(m.InstanceID), code(m.ErrorCode))
		}
		return out
	case *kmsg.OffsetCommitResponse:
		out := "commit:"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				out += fmt.Sprintf(" %s-%d=%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return out
	case *kmsg.OffsetFetchResponse:
		return fetchedText(&r.Groups[0])
	case *kmsg.OffsetDeleteResponse:
		out := "offset-delete:"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				out += fmt.Sprintf(" %s-%d=%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return out
	case *kmsg.ConsumerGroupHeartbeatResponse:
		return heartbeatText(r)
	case *kmsg.ConsumerGroupDescribeResponse:
		return describedText(r)
	case *kmsg.DeleteGroupsResponse:
		out := "delete:"
		for _, g := range r.Groups {
			out += fmt.Sprintf(" %s=%s", g.Group, code(g.ErrorCode))
		}
		return out
	}
	return fmt.Sprintf("%T", resp)
}

func fetchedText(g *kmsg.OffsetFetchResponseGroup) string {
	out := "fetch:"
	for _, t := range g.Topics {
		for _, p := range t.Partitions {
			out += fmt.Sprintf(" %s-%d=%d", t.Topic, p.Partition, p.Offset)
			if p.LeaderEpoch >= 0 {
				out += fmt.Sprintf("/%d", p.LeaderEpoch)
			}
			if *p.Metadata != "" {
				out += fmt.Sprintf("(%s)", *p.Metadata)
			}
		}
	}
	return out
}

// state prints the whole shard, hard state only if soft is false.
func (s *Shard) text(soft bool) string {
	var b strings.Builder
	for _, id := range sortedKeys(s.groups) {
		if c, ok := s.groups[id].(*consumerGroup); ok {
			c.text(&b, soft)
			continue
		}
		g := s.groups[id].(*classicGroup)
		fmt.Fprintf(&b, "group %s %s generation=%d type=%q protocol=%s leader=%s\n", id, g.stateName(), g.generation, g.protocolType, str(g.protocol), g.leader)
		for _, m := range g.members {
			extra := ""
			if soft && m.join != nil {
				extra += " joining"
			}
			if soft && m.sync != nil {
				extra += " syncing"
			}
			fmt.Fprintf(&b, "  member %s instance=%s session=%d rebalance=%d assignment=%q%s\n", m.id, str(m.instanceID), m.sessionTimeoutMs, m.rebalanceTimeoutMs, m.assignment, extra)
		}
		if soft {
			for _, p := range sortedKeys(g.pendingJoin) {
				fmt.Fprintf(&b, "  pending %s\n", p)
			}
		}
	}
	for _, id := range sortedKeys(s.offsets) {
		o := s.offsets[id]
		for _, topic := range o.sortedTopics() {
			for _, p := range o.sortedPartitions(topic) {
				v := o.get(topic, p)
				fmt.Fprintf(&b, "offset %s %s-%d=%d/%d %q at=%d\n", id, topic, p, v.offset, v.leaderEpoch, v.metadata, v.at)
			}
		}
	}
	return b.String()
}

// check verifies what must hold of a group at any time.
func (s *Shard) check() error {
	for _, id := range sortedKeys(s.groups) {
		if c, ok := s.groups[id].(*consumerGroup); ok {
			if err := c.check(); err != nil {
				return err
			}
			continue
		}
		g, ok := s.groups[id].(*classicGroup)
		if !ok {
			continue
		}
		awaiting, offers := 0, map[string]int{}
		for _, m := range g.members {
			if m.join != nil {
				awaiting++
			}
			for _, p := range m.protocols {
				offers[p.Name]++
			}
			if g.byID[m.id] != m {
				return fmt.Errorf("group %s: member %s is not found by its id", id, m.id)
			}
			if m.instanceID != nil && g.static[*m.instanceID] != m.id {
				return fmt.Errorf("group %s: instance %s does not lead to member %s", id, *m.instanceID, m.id)
			}
			if !m.session.Armed() && !m.alive() {
				return fmt.Errorf("group %s: member %s can never expire", id, m.id)
			}
		}
		switch {
		case awaiting != g.awaiting:
			return fmt.Errorf("group %s: %d members await a join, counted %d", id, awaiting, g.awaiting)
		case len(g.byID) != len(g.members):
			return fmt.Errorf("group %s: %d members, %d ids", id, len(g.members), len(g.byID))
		case (g.leader == "") != (len(g.members) == 0), g.leader != "" && g.byID[g.leader] == nil:
			return fmt.Errorf("group %s: leader %q is no member", id, g.leader)
		case g.state == stateEmpty && len(g.members) > 0:
			return fmt.Errorf("group %s: Empty with members", id)
		case g.state == statePreparingRebalance && !g.joinTimer.Armed():
			return fmt.Errorf("group %s: the rebalance can never end", id)
		case g.state == stateCompletingRebalance && len(g.pendingSync) > 0 && !g.syncTimer.Armed():
			return fmt.Errorf("group %s: the sync phase can never end", id)
		}
		if !slices.Equal(sortedKeys(offers), sortedKeys(g.supported)) {
			return fmt.Errorf("group %s: protocols %v, counted %v", id, offers, g.supported)
		}
	}
	return nil
}
