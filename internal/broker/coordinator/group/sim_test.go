package group

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
)

// sim runs consumers of one group against a shard whose log is slow, fails and
// moves to other brokers, all from one seed.
type sim struct {
	*world
	rng       *rand.Rand
	consumers []*client
	committed int // records that are committed
	open      map[string]string
	calls     int
	// owners of partitions by generation: what members were told.
	owners map[int32]map[string]string
	// acked is the last offset of each partition whose commit was answered;
	// seen is the highest that a fetch told.
	acked, tried [3]int64
	seen         [3]int64
	sometimes    map[string]int
}

// client is a consumer that follows the protocol of the classic group.
type client struct {
	name       string
	instance   *string
	id         string
	generation int32
	members    []string // if it leads
	skip       bool
	phase      string // "", joining, joined, syncing, stable
	call       string // what it waits for
	silent     bool
	protocols  []string
}

const partitions = 3

func newSim(t *testing.T, seed uint64) *sim {
	rng := rand.New(rand.NewPCG(seed, 1))
	cfg := DefaultConfig()
	cfg.InitialRebalanceDelay = time.Duration(rng.IntN(4)) * time.Second
	if rng.IntN(4) == 0 {
		cfg.MaxSize = 2 + rng.IntN(2)
	}
	s := &sim{world: newWorld(t, cfg), rng: rng, open: map[string]string{}, owners: map[int32]map[string]string{}, sometimes: map[string]int{}}
	s.hold = true
	for i := range 4 {
		c := &client{name: "c" + strconv.Itoa(i), protocols: []string{"range", "sticky"}}
		if i >= 2 {
			c.instance = &c.name
		}
		s.consumers = append(s.consumers, c)
	}
	return s
}

func (s *sim) newCall(c *client, kind string) string {
	s.calls++
	id := fmt.Sprintf("%s/%s/%d", c.name, kind, s.calls)
	s.open[id] = c.name
	c.call = id
	return id
}

// step lets one thing happen.
func (s *sim) step() {
	c := s.consumers[s.rng.IntN(len(s.consumers))]
	switch n := s.rng.IntN(100); {
	case n < 45:
		s.act(c)
	case n < 60:
		s.advance(time.Duration(s.rng.IntN(4000)) * time.Millisecond)
	case n < 80:
		s.commitSome()
	case n < 84:
		s.failSome()
	case n < 85:
		s.timeout()
	case n < 86:
		s.fetch()
	case n < 88:
		s.moveCoordinator()
	case n < 91:
		c.silent = !c.silent
	case n < 93: // the process restarts and forgets everything
		*c = client{name: c.name, instance: c.instance, protocols: c.protocols}
	case n < 94:
		slices.Reverse(c.protocols)
	case n < 96 && c.id != "":
		s.leave(c)
	case n < 97 && s.rng.IntN(5) == 0:
		s.advance(time.Duration(s.rng.IntN(120)) * time.Second)
	default:
		s.heartbeat(c)
	}
	s.read()
}

// act is the consumer's next move.
func (s *sim) act(c *client) {
	if c.silent {
		return
	}
	switch c.phase {
	case "":
		s.join(c)
	case "joined":
		s.sync(c)
	case "stable":
		if s.rng.IntN(3) == 0 {
			s.heartbeat(c)
			return
		}
		s.offsetCommit(c)
	case "joining", "syncing":
		if s.rng.IntN(30) == 0 { // its request times out, it asks again
			c.phase = ""
		}
	}
}

func (s *sim) join(c *client) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = []int16{3, 5, 8, 9}[s.rng.IntN(4)]
	req.Group, req.MemberID, req.InstanceID = "g", c.id, c.instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 20_000
	req.ProtocolType = "consumer"
	for _, p := range c.protocols {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscription("t")})
	}
	c.phase = "joining"
	s.take(s.s.JoinGroup(s.now, Join{To: s.newCall(c, "join"), Request: req, ClientID: c.name, NewID: s.newID()}))
}

func (s *sim) sync(c *client) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 4, "g", c.id, c.instance, c.generation
	if len(c.members) > 0 && !c.skip {
		for i := range partitions {
			m := c.members[(i+s.rng.IntN(2))%len(c.members)]
			j := slices.IndexFunc(req.GroupAssignment, func(a kmsg.SyncGroupRequestGroupAssignment) bool { return a.MemberID == m })
			if j < 0 {
				j = len(req.GroupAssignment)
				req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m})
			}
			req.GroupAssignment[j].MemberAssignment = append(req.GroupAssignment[j].MemberAssignment, byte('0'+i))
		}
	}
	c.phase = "syncing"
	s.take(s.s.SyncGroup(s.now, s.newCall(c, "sync"), req))
}

func (s *sim) heartbeat(c *client) {
	if c.id == "" {
		return
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = "g", c.id, c.instance, c.generation
	s.failed(c, s.s.Heartbeat(s.now, req))
}

func (s *sim) leave(c *client) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = 5, "g"
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: c.id}}
	if c.instance != nil {
		req.Members[0] = kmsg.LeaveGroupRequestMember{InstanceID: c.instance}
	}
	to := s.newCall(c, "leave")
	*c = client{name: c.name, instance: c.instance, protocols: c.protocols}
	s.take(s.s.LeaveGroup(s.now, to, req))
}

// offsetCommit commits an offset that is higher than any before.
func (s *sim) offsetCommit(c *client) {
	p := s.rng.IntN(partitions)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 9, "g", c.id, c.instance, c.generation
	s.tried[p]++
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: int32(p), Offset: s.tried[p]}}}}
	to := fmt.Sprintf("%s/commit %d %d", c.name, p, s.tried[p])
	s.open[to] = c.name
	res, err := s.s.OffsetCommit(s.now, to, req)
	s.fatal(err, to)
	s.take(res)
	s.failed(c, err)
}

// fetch checks that what is told never goes back and knows all that was acked.
func (s *sim) fetch() {
	for p := range int32(partitions) {
		got := max(fetchOffsets(s.s.committedOffsets("g"), &kmsg.OffsetFetchRequestGroup{
			Group:  "g",
			Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{p}}},
		}).Topics[0].Partitions[0].Offset, 0)
		if got < s.acked[p] || got < s.seen[p] || got > s.tried[p] {
			s.t.Fatalf("partition %d: fetched %d; acknowledged %d, seen %d, tried %d", p, got, s.acked[p], s.seen[p], s.tried[p])
		}
		s.seen[p] = got
	}
}

// commitSome commits some of the records that wait for it.
func (s *sim) commitSome() {
	if len(s.log) == s.committed {
		return
	}
	s.committed += 1 + s.rng.IntN(len(s.log)-s.committed)
	s.s.Committed(int64(s.committed))
	for len(s.waiting) > 0 && s.waiting[0].last < int64(s.committed) {
		p := s.waiting[0]
		s.waiting = s.waiting[1:]
		for _, r := range p.res.Deferred {
			s.answers = append(s.answers, answer{to: r.To.(string), resp: r.Response})
		}
		if p.res.Event != nil {
			s.take(s.s.Finish(s.now, p.res.Event, nil))
		}
	}
}

func (s *sim) failSome() {
	if len(s.log) > s.committed {
		s.sometimes["append failed"]++
		s.fail(int64(s.committed+s.rng.IntN(len(s.log)-s.committed)), kerr.CoordinatorNotAvailable)
	}
}

// timeout ends one wait though its record stays in the log.
func (s *sim) timeout() {
	if len(s.waiting) == 0 {
		return
	}
	s.sometimes["wait timed out"]++
	p := s.waiting[0]
	s.waiting = s.waiting[1:]
	for _, r := range p.res.Deferred {
		s.answers = append(s.answers, answer{to: r.To.(string), err: kerr.CoordinatorNotAvailable})
	}
	if p.res.Event != nil {
		s.take(s.s.Finish(s.now, p.res.Event, kerr.CoordinatorNotAvailable))
	}
}

// moveCoordinator loads what is committed, and perhaps more, somewhere else.
func (s *sim) moveCoordinator() {
	s.sometimes["coordinator moved"]++
	for _, w := range s.waiting {
		for _, r := range w.res.Deferred {
			s.answers = append(s.answers, answer{to: r.To.(string), err: kerr.NotCoordinator})
		}
	}
	end := s.committed + s.rng.IntN(len(s.log)-s.committed+1)
	s.reload(end)
	s.committed = end
}

// take is world.take, but for commits, which are the simulation's.
func (s *sim) take(res *shard.Result) { s.world.take(res) }

// read lets consumers hear their answers and checks what they are told.
func (s *sim) read() {
	if err := s.s.check(); err != nil {
		s.t.Fatal(err)
	}
	answers := s.answers
	s.answers = nil
	for _, a := range answers {
		owner, ok := s.open[a.to]
		if !ok {
			s.t.Fatalf("%s was answered twice, or never asked", a.to)
		}
		delete(s.open, a.to)
		i := slices.IndexFunc(s.consumers, func(c *client) bool { return c.name == owner })
		s.hear(s.consumers[i], a)
	}
}

func (s *sim) hear(c *client, a answer) {
	var p int
	var offset int64
	if _, err := fmt.Sscanf(a.to[strings.IndexByte(a.to, '/')+1:], "commit %d %d", &p, &offset); err == nil {
		if a.err == nil {
			s.acked[p] = max(s.acked[p], offset)
			s.sometimes["offset committed"]++
		}
		return
	}
	if sync, ok := a.resp.(*kmsg.SyncGroupResponse); ok && sync.ErrorCode == 0 {
		s.own(c, a.to, sync)
	}
	if c.call != a.to {
		return // it does not wait for this any more
	}
	switch r := a.resp.(type) {
	case *kmsg.JoinGroupResponse:
		if r.ErrorCode == kerr.MemberIDRequired.Code {
			c.id, c.phase = r.MemberID, ""
			return
		}
		if s.failed(c, kerr.ErrorForCode(r.ErrorCode)); r.ErrorCode != 0 {
			c.phase = ""
			return
		}
		c.id, c.generation, c.phase, c.skip, c.members = r.MemberID, r.Generation, "joined", r.SkipAssignment, nil
		for _, m := range r.Members {
			c.members = append(c.members, m.MemberID)
		}
		if r.SkipAssignment {
			s.sometimes["assignment skipped"]++
		}
	case *kmsg.SyncGroupResponse:
		if s.failed(c, kerr.ErrorForCode(r.ErrorCode)); r.ErrorCode != 0 {
			c.phase = ""
			return
		}
		c.phase = "stable"
	}
}

// own notes what a member was told to own: nobody else may have it in that
// generation, whoever coordinates. A static member that comes back owns what
// its former self did.
func (s *sim) own(c *client, call string, r *kmsg.SyncGroupResponse) {
	if call != c.call {
		return // told to a process that is gone
	}
	g := s.owners[c.generation]
	if g == nil {
		g = map[string]string{}
		s.owners[c.generation] = g
	}
	for _, p := range string(r.MemberAssignment) {
		if owner := g[string(p)]; owner != "" && owner != c.name {
			s.t.Fatalf("generation %d: partition %c belongs to %s and %s", c.generation, p, owner, c.name)
		}
		g[string(p)] = c.name
		s.sometimes["partition owned"]++
	}
}

// failed is how a consumer takes an error.
func (s *sim) failed(c *client, err error) {
	coded, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return
	}
	switch coded.Code {
	case kerr.UnknownMemberID.Code, kerr.FencedInstanceID.Code:
		c.id, c.phase = "", ""
		s.sometimes[coded.Message]++
	case kerr.RebalanceInProgress.Code, kerr.IllegalGeneration.Code, kerr.InconsistentGroupProtocol.Code:
		if c.phase == "stable" {
			c.phase = ""
		}
		s.sometimes[coded.Message]++
	}
}

// TestSimulation checks invariants 17 and 18 (no committed offset is lost, no
// partition has two owners in a generation), that every request is answered
// once, and that every prefix of the log is a sound state.
func TestSimulation(t *testing.T) {
	seeds, steps := uint64(200), 1000
	if testing.Short() {
		seeds = 20
	}
	sometimes := map[string]int{}
	for seed := range seeds {
		if !t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s := newSim(t, seed)
			for range steps {
				s.step()
			}
			s.finish()
			for _, k := range sortedKeys(s.sometimes) {
				sometimes[k] += s.sometimes[k]
			}
		}) {
			break
		}
	}
	for _, what := range []string{
		"append failed", "wait timed out", "coordinator moved", "offset committed", "partition owned", "assignment skipped",
		"UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION",
	} {
		if sometimes[what] == 0 {
			t.Errorf("never seen: %s", what)
		}
	}
	t.Log(sometimes)
}

// finish lets everything settle and looks at the whole.
func (s *sim) finish() {
	s.hold = false
	s.world.commit()
	s.committed = len(s.log)
	s.read()
	s.fetch()
	s.prefixes()
	s.world.reload(len(s.log))
	s.read()
	s.fetch()
	if len(s.open) > 0 {
		s.t.Fatalf("never answered: %v", sortedKeys(s.open))
	}
}

// prefixes loads every prefix of the log.
func (s *sim) prefixes() {
	var last [partitions]int64
	for n := 0; n <= len(s.log); n += 1 + len(s.log)/100 {
		l := load(s.t, s.cfg, s.log[:n])
		l.Loaded(s.now, int64(n))
		if err := l.check(); err != nil {
			s.t.Fatalf("prefix of %d records: %v", n, err)
		}
		for p := range last {
			got := int64(0)
			if o := l.offsets["g"].get("t", int32(p)); o != nil {
				got = o.offset
			}
			if got < last[p] {
				s.t.Fatalf("prefix of %d records: offset of %d goes back from %d to %d", n, p, last[p], got)
			}
			last[p] = got
		}
	}
}

// TestSimulationRepeats runs a seed twice and compares the logs.
func TestSimulationRepeats(t *testing.T) {
	trace := func() string {
		s := newSim(t, 7)
		for range 300 {
			s.step()
		}
		var b strings.Builder
		for _, r := range s.log {
			fmt.Fprintf(&b, "%x %x\n", r.Key, r.Value)
		}
		return b.String() + s.s.text(true)
	}
	if first, second := trace(), trace(); first != second {
		t.Error("the same seed gives another run")
	}
}
