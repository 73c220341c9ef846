package quorum

import (
	"errors"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// apply replays one committed entry into the image.
func (v *Voter) apply(e *pb.Entry) error {
	v.applied = e.GetIndex()
	v.sinceSnapshot += int64(len(e.GetData()))
	if e.GetType() != pb.EntryNormal {
		return v.applyChange(e)
	}
	pos := metadata.Position{Offset: int64(e.GetIndex()), Epoch: int32(e.GetTerm()), TimeMs: v.image.Position().TimeMs}
	if len(e.GetData()) == 0 { // a new leader's first entry, or a change that Raft has refused
		v.changed(e.GetIndex(), errors.New("another change of the membership is under way"))
		err := v.publish(nil, pos)
		v.maybeActivate(e.GetTerm())
		return err
	}
	p, err := v.lead.committed(e)
	if err != nil {
		return err
	}
	if p != nil {
		v.show(p.image, p.delta)
		p.answer()
		return nil
	}
	b, err := decodeBatch(e.GetData())
	if err != nil {
		return err
	}
	if b.term != e.GetTerm() {
		// Decided on an image that this term never had: no part of it counts.
		v.opts.Logger.Warn("dropped a metadata batch that was decided in another epoch",
			"offset", e.GetIndex(), "epoch", e.GetTerm(), "decided", b.term)
		return v.publish(nil, pos)
	}
	pos.TimeMs = b.timeMs
	return v.publish(b.records, pos)
}

// publish applies records and hands out the new image.
func (v *Voter) publish(records []metadata.Record, pos metadata.Position) error {
	img, delta, err := v.image.Apply(records, pos)
	if err != nil {
		return err
	}
	v.show(img, delta)
	return nil
}

func (v *Voter) show(img *metadata.Image, delta *metadata.Delta) {
	v.image = img
	if v.opts.OnImage != nil {
		v.opts.OnImage(img, delta)
	}
}

// install replaces the state machine by a snapshot from the leader.
func (v *Voter) install(s *pb.Snapshot) error {
	m, body, err := parseSnapshot("snapshot from the leader", s.GetData())
	if err != nil {
		return err
	}
	old := v.image
	if err := v.adopt(m, body); err != nil {
		return err
	}
	v.opts.Logger.Info("installed a snapshot of the metadata log", "offset", m.Index, "epoch", m.Term)
	v.show(v.image, metadata.Compare(old, v.image))
	return nil
}
