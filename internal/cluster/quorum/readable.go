package quorum

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// readable replays what can be read of damaged data: the newest whole snapshot
// and the entries behind it up to the damage. Of a lone voter all of that was
// committed; of others only what is known to be.
func (s *Storage) readable() (*metadata.Image, error) {
	if !s.Founded() {
		return nil, fmt.Errorf("%w: no snapshot can be read", ErrCorrupt)
	}
	m, _, body, err := s.loadSnapshot()
	if err != nil {
		return nil, err
	}
	img, err := readImage(body, metadata.Position{Offset: int64(m.Index), Epoch: int32(m.Term)})
	if err != nil || s.log == nil {
		return img, err
	}
	last := s.lastIndex()
	if len(m.ConfState.GetVoters()) > 1 {
		if s.state == nil {
			return img, nil
		}
		last = min(last, s.state.current.Commit)
	}
	for i := m.Index + 1; i <= last; i++ {
		e, err := s.log.entry(i)
		if err != nil {
			return img, nil // as far as it goes
		}
		if img, err = replayEntry(img, e); err != nil {
			return nil, err
		}
	}
	return img, nil
}

// replayEntry applies one entry to an image, outside of a Voter.
func replayEntry(img *metadata.Image, e *pb.Entry) (*metadata.Image, error) {
	pos := metadata.Position{Offset: int64(e.GetIndex()), Epoch: int32(e.GetTerm()), TimeMs: img.Position().TimeMs}
	var records []metadata.Record
	if e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 {
		b, err := decodeBatch(e.GetData())
		if err != nil {
			return nil, err
		}
		if b.term == e.GetTerm() {
			records, pos.TimeMs = b.records, b.timeMs
		}
	}
	next, _, err := img.Apply(records, pos)
	return next, err
}
