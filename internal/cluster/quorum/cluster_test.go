package quorum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/vfs"
)

// wires connects nodes of one test: a Transport that calls the other's
// HandleRaft, or refuses where nobody listens.
type wires struct {
	mu      sync.Mutex
	nodes   map[string]*Node
	refused map[kind]bool          // kinds that get lost, by the first byte after the version
	delayed map[kind]time.Duration // kinds that take longer than a millisecond
}

func (w *wires) Call(ctx context.Context, address string, payload []byte) ([]byte, error) {
	w.mu.Lock()
	n := w.nodes[address]
	lost := w.refused[kind(payload[5])]
	latency := max(w.delayed[kind(payload[5])], time.Millisecond)
	w.mu.Unlock()
	if n == nil || lost {
		return nil, syscall.ECONNREFUSED
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return n.HandleRaft(ctx, "test", payload)
}

// machine is where one node of a test cluster runs.
type machine struct {
	t    *testing.T
	w    *wires
	id   int32
	disk vfs.FS
	ids  []int32 // all configured voters
	node *Node
	end  chan error
}

// newCluster makes machines that are off. Those that run when the test ends,
// also by a failure, are stopped.
func newCluster(t *testing.T, ids ...int32) (w *wires, machines []*machine) {
	w = &wires{nodes: map[string]*Node{}, refused: map[kind]bool{}, delayed: map[kind]time.Duration{}}
	t.Cleanup(func() { stopAll(machines) })
	for _, id := range ids {
		machines = append(machines, &machine{t: t, w: w, id: id, disk: vfs.NewMem(), ids: ids})
	}
	return w, machines
}

func hostOf(id int32) string { return fmt.Sprintf("node-%d", id) }

func (m *machine) start() {
	m.t.Helper()
	var voters []VoterAddress
	for _, id := range m.ids {
		voters = append(voters, VoterAddress{NodeID: id, Host: hostOf(id), Port: 9093})
	}
	self := Endpoint{Name: "CONTROLLER", Host: hostOf(m.id), Port: 9093}
	n, err := Open(Options{
		FS: m.disk, Dir: "/m", NodeID: m.id, Endpoints: []Endpoint{self}, Voters: voters,
		Controller: &configController{}, Transport: m.w,
	})
	must(m.t, err)
	m.node, m.end = n, make(chan error, 1)
	m.w.mu.Lock()
	m.w.nodes[self.Address()] = n
	m.w.mu.Unlock()
	go func() { m.end <- n.Run(context.Background()) }()
}

func (m *machine) stop() {
	m.t.Helper()
	m.w.mu.Lock()
	delete(m.w.nodes, Endpoint{Host: hostOf(m.id), Port: 9093}.Address())
	m.w.mu.Unlock()
	must(m.t, m.node.Close())
	must(m.t, <-m.end)
	m.node = nil
}

// within waits until ok, in the time of the test's bubble.
func within(t *testing.T, d time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > d {
			t.Fatalf("not within %v: %s", d, what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(start)
}

func leaderOf(machines []*machine) *machine {
	for _, m := range machines {
		if m.node != nil && m.node.Active() {
			return m
		}
	}
	return nil
}

func (m *machine) set(name, value string) {
	m.t.Helper()
	_, err := m.node.Submit(m.t.Context(), setConfig(name, value), controller.Requester{})
	must(m.t, err)
}

// agree tells whether all running nodes have a config.
func agree(machines []*machine, name, value string) bool {
	for _, m := range machines {
		if m.node != nil && configOf(m.node.Image(), name) != value {
			return false
		}
	}
	return true
}

func stopAll(machines []*machine) {
	for _, m := range machines {
		if m.node != nil {
			m.stop()
		}
	}
}

func TestThreeNodesFoundTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := newCluster(t, 3, 1, 2)
		for i, m := range ms {
			m.start()
			if i < 2 {
				time.Sleep(3 * time.Second)
				if leaderOf(ms) != nil {
					t.Fatal("a quorum was founded although not all listed voters were reached")
				}
			}
		}
		took := within(t, electionTimeout/2, "a leader", func() bool { return leaderOf(ms) != nil })
		t.Logf("a leader %v after the last of three nodes was started", took)
		leaderOf(ms).set("a", "1")
		within(t, time.Second, "the same image everywhere", func() bool { return agree(ms, "a", "1") })
		for _, m := range ms[1:] {
			if m.node.ClusterID() != ms[0].node.ClusterID() || m.node.ClusterID() == "" {
				t.Errorf("cluster ids %q and %q", ms[0].node.ClusterID(), m.node.ClusterID())
			}
		}
		d, err := leaderOf(ms).node.Describe(t.Context())
		must(t, err)
		if len(d.Members) != 3 || d.LeaderID != leaderOf(ms).id {
			t.Errorf("description %+v", d)
		}
		// The last follower's acknowledgement may still be on its way.
		within(t, time.Second, "every log end is the high watermark", func() bool {
			d, err := leaderOf(ms).node.Describe(t.Context())
			must(t, err)
			return !slices.ContainsFunc(d.Members, func(m MemberState) bool { return m.LogEndOffset != d.HighWatermark })
		})
	})
}

// electionTimeout is what a founded quorum never has to wait for.
const electionTimeout = electionTicks * 100 * time.Millisecond

// TestFounderStandsWhenTheOthersCanVote: the founder's request for votes may
// overtake its proposal, and falls on deaf ears then.
func TestFounderStandsWhenTheOthersCanVote(t *testing.T) {
	for _, ids := range [][]int32{{1, 2, 3}, {1, 2, 3, 4, 5}} {
		synctest.Test(t, func(t *testing.T) {
			w, ms := newCluster(t, ids...)
			w.delayed[kindFound] = 50 * time.Millisecond
			for _, m := range ms {
				m.start()
			}
			within(t, 2*foundingRetry, "a leader", func() bool { return leaderOf(ms) != nil })
		})
	}
}

func TestLeaderKillIsNoticedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := newCluster(t, 1, 2, 3)
		for _, m := range ms {
			m.start()
		}
		for round := range 5 {
			within(t, 5*time.Second, "a leader", func() bool { return leaderOf(ms) != nil })
			old := leaderOf(ms)
			name := fmt.Sprint("round-", round)
			old.set(name, "v")
			old.stop()
			took := within(t, 900*time.Millisecond, "another leader, before the election timeout", func() bool { return leaderOf(ms) != nil })
			t.Logf("round %d: another leader %v after the kill", round, took)
			if got := configOf(leaderOf(ms).node.Image(), name); got != "v" {
				t.Errorf("what was acknowledged before the kill is %q", got)
			}
			old.start()
			within(t, 5*time.Second, "the old leader has caught up", func() bool { return agree(ms, name, "v") })
		}
	})
}

func TestNamedNodeFinishesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ms := newCluster(t, 1, 2, 3)
		w.refused[kindFound] = true // the proposal reaches nobody; they have to ask
		for _, m := range ms {
			m.start()
		}
		within(t, electionTimeout, "a leader", func() bool { return leaderOf(ms) != nil })
		leaderOf(ms).set("a", "1")
		within(t, 3*time.Second, "all have it", func() bool { return agree(ms, "a", "1") })
	})
}

// TestWipedNodeIsAStranger: who lost its disk is no voter any more, whatever its
// files say, and harms nobody.
func TestWipedNodeIsAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := newCluster(t, 1, 2, 3)
		for _, m := range ms {
			m.start()
		}
		within(t, 3*time.Second, "a leader", func() bool { return leaderOf(ms) != nil })
		leaderOf(ms).set("a", "1")
		var wiped *machine
		for _, m := range ms {
			if m != leaderOf(ms) {
				wiped = m
			}
		}
		wiped.stop()
		wiped.disk = vfs.NewMem()
		wiped.start()
		time.Sleep(20 * time.Second)
		if wiped.node.Active() {
			t.Fatal("a node that lost its disk became the controller")
		}
		l := leaderOf(ms)
		if l == nil {
			t.Fatal("the quorum lost its leader")
		}
		l.set("b", "2")
		d, err := l.node.Describe(t.Context())
		must(t, err)
		for _, m := range d.Members {
			if m.Identity == wiped.node.Identity() {
				t.Error("the new directory is a member although nobody has added it")
			}
		}
		// With another voter gone there is no majority: the stranger has no vote.
		for _, m := range ms {
			if m != wiped && m != l {
				m.stop()
			}
		}
		within(t, 10*time.Second, "the leader steps down", func() bool { return leaderOf(ms) == nil })
	})
}

func TestClusterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := newCluster(t, 1, 2, 3)
		for run := range 3 {
			for _, m := range ms {
				m.start()
			}
			within(t, 5*time.Second, "a leader", func() bool { return leaderOf(ms) != nil })
			for i := range run {
				if configOf(leaderOf(ms).node.Image(), fmt.Sprint(i)) != "v" {
					t.Errorf("run %d: what run %d has set is gone", run, i)
				}
			}
			leaderOf(ms).set(fmt.Sprint(run), "v")
			stopAll(ms)
		}
	})
}

// TestReplaceWipedVoter: a node that lost its disk is added by a command, its
// old self removed, and then it counts.
func TestReplaceWipedVoter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ms := newCluster(t, 1, 2, 3)
		for _, m := range ms {
			m.start()
		}
		within(t, 3*time.Second, "a leader", func() bool { return leaderOf(ms) != nil })
		l := leaderOf(ms)
		for i := range 20 {
			l.set(fmt.Sprint(i), "v")
		}
		var wiped, third *machine
		for _, m := range ms {
			switch {
			case m == l:
			case wiped == nil:
				wiped = m
			default:
				third = m
			}
		}
		old := wiped.node.Identity()
		wiped.stop()
		wiped.disk = vfs.NewMem()
		wiped.start()
		time.Sleep(time.Second) // it learns that there is a quorum
		at := Endpoint{Name: "CONTROLLER", Host: hostOf(wiped.id), Port: 9093}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := l.node.AddVoter(ctx, wiped.id, old.DirectoryID, at); !errors.Is(err, kerr.InvalidRequest) {
			t.Errorf("adding it under its old directory: %v", err)
		}
		must(t, l.node.RemoveVoter(ctx, wiped.id, old.DirectoryID))
		must(t, l.node.AddVoter(ctx, wiped.id, wiped.node.Identity().DirectoryID, at))
		if err := l.node.AddVoter(ctx, wiped.id, wiped.node.Identity().DirectoryID, at); !errors.Is(err, kerr.DuplicateVoter) {
			t.Errorf("adding it twice: %v", err)
		}
		within(t, time.Second, "the newcomer has everything", func() bool { return configOf(wiped.node.Image(), "19") == "v" })
		third.stop()
		l.set("after", "v") // two of three are a majority, and the newcomer is one of them
		within(t, time.Second, "the newcomer follows", func() bool { return configOf(wiped.node.Image(), "after") == "v" })
		wiped.stop()
		wiped.start()
		within(t, 5*time.Second, "the newcomer is back after a restart", func() bool {
			return leaderOf(ms) != nil && configOf(wiped.node.Image(), "after") == "v"
		})
	})
}
