package quorum

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// ChangeKind is a kind of membership change, as stored in the context of a
// ConfChange.
type ChangeKind byte

// The kinds of change. A newcomer is a learner first, which replicates and has
// no vote, and is promoted when it has caught up.
const (
	AddLearner ChangeKind = 1
	Promote    ChangeKind = 2
	Remove     ChangeKind = 3
)

// confChangeTypes gives the kinds Raft's names.
var confChangeTypes = map[ChangeKind]pb.ConfChangeType{
	AddLearner: pb.ConfChangeAddLearnerNode, Promote: pb.ConfChangeAddNode, Remove: pb.ConfChangeRemoveNode,
}

// membershipChange is a change on its way through the log.
type membershipChange struct {
	kind   ChangeKind
	member Member
	index  uint64 // 0 until it is proposed
	done   func(error)
}

// Change hands in a change of the membership; the next Flush proposes it. done
// is called once, when the change is committed, or with an error that wraps a
// kerr code. One change is under way at a time.
func (v *Voter) Change(k ChangeKind, m Member, done func(error)) {
	switch {
	case v.err != nil || v.stuck != nil:
		done(fmt.Errorf("the voter does not work: %w", kerr.KafkaStorageError))
	case !v.lead.active:
		done(notController())
	case v.lead.change != nil:
		done(fmt.Errorf("another change of the membership is under way: %w", kerr.RequestTimedOut))
	default:
		v.lead.change = &membershipChange{kind: k, member: m, done: done}
	}
}

// proposeChange proposes the change that was handed in. It comes after all other
// proposals of a Flush, which have computed their offsets already.
func (v *Voter) proposeChange() bool {
	c := v.lead.change
	if c == nil || c.index != 0 {
		return false
	}
	context := c.member.encode([]byte{byte(c.kind)})
	err := v.core.proposeChange(&pb.ConfChange{
		Type: confChangeTypes[c.kind].Enum(), NodeId: new(uint64(c.member.RaftID)), Context: context,
	})
	if err != nil {
		v.lead.change = nil
		c.done(errors.Join(notController(), err))
		return false
	}
	c.index = v.lead.next
	v.lead.next++
	return true
}

// changed tells who has asked for the change that became entry index.
func (v *Voter) changed(index uint64, err error) {
	c := v.lead.change
	if c == nil || c.index != index {
		return
	}
	v.lead.change = nil
	if err != nil {
		err = fmt.Errorf("%w: %w", kerr.RequestTimedOut, err)
	}
	c.done(err)
}

// applyChange makes a committed change of the membership count.
func (v *Voter) applyChange(e *pb.Entry) error {
	cc := &pb.ConfChange{}
	if e.GetType() != pb.EntryConfChange {
		return fmt.Errorf("unexpected entry type %v", e.GetType())
	}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return fmt.Errorf("decode membership change: %w", err)
	}
	r := reader{b: cc.GetContext()}
	kind, member := ChangeKind(r.byte()), decodeMember(&r)
	if r.err != nil {
		return fmt.Errorf("decode membership change: %w", r.err)
	}
	v.conf = v.core.node.ApplyConfChange(cc)
	switch kind {
	case AddLearner, Promote:
		member.Learner = kind == AddLearner
		v.membership = v.membership.With(member)
	case Remove:
		v.membership = v.membership.Without(member.RaftID)
	default:
		return fmt.Errorf("unknown membership change %d", kind)
	}
	v.opts.Logger.Info("the metadata quorum's membership has changed", "node", member.NodeID,
		"directory", member.DirectoryID, "change", cc.GetType(), "voters", len(v.conf.Voters), "learners", len(v.conf.Learners))
	pos := metadata.Position{Offset: int64(e.GetIndex()), Epoch: int32(e.GetTerm()), TimeMs: v.image.Position().TimeMs}
	v.changed(e.GetIndex(), nil)
	return v.publish(nil, pos)
}
