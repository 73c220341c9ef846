package quorum

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"
)

// A decision without records changes nothing, but its answer must be true: it
// may be refused because of a topic that exists, or say that a broker is fenced.
// A leader that has been deposed and does not know it yet would answer from the
// past. So such answers wait until a majority has confirmed that this voter
// still leads (Raft's ReadIndex), and until everything that the decision rested
// on is committed. One confirmation serves all answers of a Flush.

// read is a set of answers that wait for one confirmation.
type read struct {
	id        uint64
	after     uint64 // index that must be applied first
	confirmed bool
	replies   []func(error)
}

// answerLater queues an answer that has no records to wait for.
func (v *Voter) answerLater(reply func(error)) {
	if v.Alone() && len(v.lead.pending) == 0 {
		reply(nil) // nobody else can have decided anything
		return
	}
	if v.lead.gathering == nil {
		v.lead.readSerial++
		v.lead.gathering = &read{id: v.lead.readSerial}
	}
	r := v.lead.gathering
	r.after = v.lead.next - 1
	r.replies = append(r.replies, reply)
}

// confirmReads asks Raft to confirm the leadership for the gathered answers. It
// tells whether it did.
func (v *Voter) confirmReads() bool {
	r := v.lead.gathering
	if r == nil {
		return false
	}
	v.lead.gathering = nil
	v.lead.reads = append(v.lead.reads, r)
	v.core.node.ReadIndex(binary.BigEndian.AppendUint64(nil, r.id))
	return true
}

// confirmed notes the confirmations that Raft reports.
func (v *Voter) confirmed(states []raft.ReadState) {
	for _, s := range states {
		id := binary.BigEndian.Uint64(s.RequestCtx)
		for _, r := range v.lead.reads {
			// A confirmation holds for every question asked before.
			if r.id <= id {
				r.confirmed = true
				r.after = max(r.after, s.Index)
			}
		}
	}
}

// answerReads gives the answers that nothing holds back any more.
func (v *Voter) answerReads() {
	for len(v.lead.reads) > 0 && v.lead.reads[0].confirmed && v.applied >= v.lead.reads[0].after {
		r := v.lead.reads[0]
		v.lead.reads = v.lead.reads[1:]
		for _, reply := range r.replies {
			reply(nil)
		}
	}
}
