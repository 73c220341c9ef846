package sim

import (
	"time"
)

// QuorumReached are the states that enough seeds of RunQuorum must reach.
var QuorumReached = []string{
	"election", "leader changed", "log truncated", "snapshot taken", "snapshot sent", "snapshot installed", "torn tail cut",
	"process killed", "power cut", "power cut of all", "power cut in the middle of a write", "partition", "one-way partition",
	"process paused", "clock jump", "voter stopped by its disk", "disk full",
	"disk lost", "member: removed", "member: added", "member: promoted", "message duplicated", "broker registered", "broker unfenced",
	"repeated create found its topic", "repeated delete found it done",
}

// Result is what a run came to.
type Result struct {
	Seed     uint64
	Trace    uint64    // hash over every event
	Events   int       // that happened
	Acked    int       // requests that clients were told to be done
	Reached  Reached   // interesting states
	Troubles []Trouble // the faults that happened
	Err      error     // what a checker found; nil if all is well
	Tail     string    // the last lines of the trace
}

// liveWithin is how soon after the last fault everything must work again.
const liveWithin = 10 * time.Second

// RunQuorum simulates a quorum of three voters under faults for a while, then
// heals everything, and checks that nothing acknowledged was lost, that all
// voters replay the same, that no term has two leaders, and that the quorum
// works again.
func RunQuorum(p Plan) Result {
	r := newQuorumRun(p)
	events := 0
	var clients []*simClient
	for i := range clientCount {
		c := &simClient{run: r, id: i}
		clients = append(clients, c)
		r.After(r.Between(0, time.Second), "", c.step)
	}
	for id := range int32(voterCount) {
		b := &simBroker{run: r, id: id + 1, epoch: -1}
		r.After(r.Between(0, time.Second), "", b.step)
	}
	r.operate()
	trouble(r.World, r, r.swarm(), r.knobs.faultEvery)
	events += r.Run(p.Length)
	r.settle()
	before := acked(clients)
	events += r.Run(p.Length + liveWithin)
	if r.Err() == nil && acked(clients) == before {
		r.Fail("nothing was acknowledged within %v after the last fault", liveWithin)
	}
	r.checkEnd(clients)
	return r.result(p, events, acked(clients))
}

func acked(clients []*simClient) (n int) {
	for _, c := range clients {
		n += c.acked
	}
	return n
}

// checkEnd lets the leader's image, which is the newest, stand for the state of
// the cluster. The others must have come close.
func (r *quorumRun) checkEnd(clients []*simClient) {
	if r.Err() != nil {
		return
	}
	var leader *voterNode
	for _, n := range r.nodes {
		if !n.up {
			r.Fail("node %d is still down at the end", n.id)
			return
		}
		if n.voter.Active() && (leader == nil || roleTerm(n) > roleTerm(leader)) {
			leader = n
		}
	}
	if leader == nil {
		r.Fail("no voter is the active controller at the end")
		return
	}
	for _, n := range r.nodes {
		if lag := leader.voter.Image().Position().Offset - n.voter.Image().Position().Offset; lag > 50 {
			r.Fail("node %d is %d entries behind at the end", n.id, lag)
		}
	}
	for _, c := range clients {
		c.check(leader.voter.Image())
	}
}

func roleTerm(n *voterNode) int32 {
	term, _ := n.voter.Role()
	return term
}
