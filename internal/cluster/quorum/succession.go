package quorum

// LeaderGone tells the voter that leader's port refuses connections. If it is
// still the leader that this voter follows, there is an election without waiting
// for the timeout: the voter forgets the leader, so that it can grant others its
// vote, and stands itself when its turn has come.
func (v *Voter) LeaderGone(leader RaftID) {
	if v.role.leader != leader || v.role.leads || leader == 0 {
		return
	}
	v.guard(v.core.node.ForgetLeader)
	v.noteRole()
	v.succession = succession{due: v.rank(leader) * turnTicks, left: maxTurns}
	v.takeTurn()
}

// standAsFounder makes the voter that has founded the quorum stand for election
// now, and some more times while nobody leads: until the others have taken the
// founding over they have no voter, and a request for their votes is lost.
func (v *Voter) standAsFounder() {
	v.succession = succession{due: turnTicks, left: maxTurns}
	v.standWhereVacant()
}

// standWhereVacant makes the voter stand for election now, unless there is a
// leader or its election is under way: new votes have become possible.
func (v *Voter) standWhereVacant() {
	if r := v.core.role(); r.leader == 0 && !r.candidate {
		v.Campaign()
	}
}

// succession is a voter's place in the queue for a leadership that has become
// vacant. The voters stand one after the other, in the order of their ids: if
// all stood at once they would split the votes, and wait for a timeout.
type succession struct {
	due  int // ticks until this voter stands
	left int // times that it will; 0 = the usual timeout decides
}

// A turn lasts turnTicks: enough for a round of votes, and for others to notice
// the vacancy too. After maxTurns the usual election timeout takes over.
const (
	turnTicks = 2
	maxTurns  = 3
)

// rank counts the voters that come before this one.
func (v *Voter) rank(gone RaftID) int {
	self, _ := v.membership.Lookup(v.Identity().RaftID)
	n := 0
	for _, m := range v.membership.Members {
		if !m.Learner && m.RaftID != gone && compareMembers(m, self) < 0 {
			n++
		}
	}
	return n
}

// takeTurn stands for election if it is this voter's turn and there is neither a
// leader nor a vote that it has asked for already.
func (v *Voter) takeTurn() {
	if v.succession.left == 0 {
		return
	}
	if v.role.leader != 0 || v.role.candidate {
		v.succession = succession{}
		return
	}
	if v.succession.due > 0 {
		v.succession.due--
		return
	}
	v.succession.left--
	v.succession.due = turnTicks
	v.guard(v.core.node.Campaign)
}
