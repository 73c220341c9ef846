package sim

import (
	"time"

	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/vfs"
)

// wipe gives a node a new, empty disk. It comes back as a stranger with another
// identity, and the operator has to make it a voter again. One node at a time:
// who loses two disks of three has lost data, whatever the software does.
func (r *quorumRun) wipe() {
	leader := r.active()
	if leader == nil || !r.complete(leader) {
		return
	}
	n := r.someone()
	if !n.up || n == leader {
		return
	}
	r.Note("node %d: disk lost", n.id)
	r.Reach("disk lost")
	n.end(vfs.NewCrashableMem())
	n.boot++
	n.identity.RaftID = quorum.RaftID(r.Rand.Uint64() >> 1)
	n.identity.DirectoryID[1]++
	s, err := n.open()
	if err == nil {
		err = s.Identify(n.identity)
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		r.Fail("node %d: new disk: %w", n.id, err)
		return
	}
	n.restartLater()
}

// active is the active controller of the highest term.
func (r *quorumRun) active() (leader *voterNode) {
	for _, n := range r.nodes {
		if n.up && n.voter.Active() && (leader == nil || roleTerm(n) > roleTerm(leader)) {
			leader = n
		}
	}
	return leader
}

// complete tells whether the voters are exactly the nodes as they are now.
func (r *quorumRun) complete(leader *voterNode) bool {
	m := leader.voter.Membership()
	for _, n := range r.nodes {
		x, ok := m.Lookup(n.identity.RaftID)
		if !ok || x.Learner {
			return false
		}
	}
	return len(m.Members) == len(r.nodes)
}

// operate is the operator: removes voters that are no more, adds strangers, and
// promotes learners that have caught up.
func (r *quorumRun) operate() {
	r.After(r.Between(200*time.Millisecond, 2*time.Second), "", func() {
		if leader := r.active(); leader != nil && !leader.paused {
			r.repair(leader)
		}
		r.operate()
	})
}

func (r *quorumRun) repair(leader *voterNode) {
	change := func(k quorum.ChangeKind, m quorum.Member, what string) {
		r.Note("operator: %s node %d", what, m.NodeID)
		leader.do(func() {
			leader.voter.Change(k, m, func(err error) {
				if err == nil {
					r.Reach("member: " + what)
				}
			})
		})
	}
	for _, m := range leader.voter.Membership().Members {
		if r.byRaftID(m.RaftID) == nil {
			change(quorum.Remove, m, "removed")
			return
		}
	}
	d := leader.voter.Describe(leader.now())
	for _, n := range r.nodes {
		m, ok := leader.voter.Membership().Lookup(n.identity.RaftID)
		if !ok {
			change(quorum.AddLearner, quorum.Member{Identity: n.identity}, "added")
			return
		}
		for _, x := range d.Members {
			if m.Learner && x.RaftID == m.RaftID && x.LogEndOffset >= d.HighWatermark-5 {
				change(quorum.Promote, m, "promoted")
				return
			}
		}
	}
}
