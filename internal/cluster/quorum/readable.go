package quorum

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// readable replays what can be read of damaged data: the newest whole snapshot
// and the entries behind it up to the damage. Of a lone voter all of that was
// committed; of others only what is known to be. Without any snapshot, a log that
// begins at the founding will do. voters are those of the snapshot, empty if an
// entry changes them.
func (s *Storage) readable() (img *metadata.Image, voters Membership, err error) {
	if !s.Founded() {
		return s.readableLog()
	}
	m, _, body, err := s.loadSnapshot()
	if err != nil {
		return nil, voters, err
	}
	img, err = readImage(body, metadata.Position{Offset: int64(m.Index), Epoch: int32(m.Term)})
	if err != nil || s.log == nil {
		return img, m.Membership, err
	}
	voters = m.Membership
	last := s.lastIndex()
	if len(m.ConfState.GetVoters()) > 1 {
		if s.state == nil {
			return img, voters, nil
		}
		last = min(last, s.state.current.Commit)
	}
	for i := m.Index + 1; i <= last; i++ {
		e, err := s.log.entry(i)
		if err != nil {
			return img, voters, nil // as far as it goes
		}
		if e.GetType() != pb.EntryNormal {
			voters = Membership{}
		}
		if img, err = replayEntry(img, e); err != nil {
			return nil, Membership{}, err
		}
	}
	return img, voters, nil
}

// readableLog replays a log that goes back to the founding of a lone voter. Its
// cluster id is not known.
func (s *Storage) readableLog() (img *metadata.Image, voters Membership, err error) {
	if s.state == nil || s.log == nil || s.log.empty() || s.log.first() != foundingPoint.index+1 {
		return nil, voters, fmt.Errorf("%w: no snapshot can be read", ErrCorrupt)
	}
	img, err = readImage(nil, metadata.Position{Offset: int64(foundingPoint.index), Epoch: int32(foundingPoint.term)})
	voters = Membership{Members: []Member{{Identity: s.state.current.Identity}}}
	for i := s.log.first(); err == nil && i <= s.log.last(); i++ {
		var e *pb.Entry
		if e, err = s.log.entry(i); err != nil {
			return img, voters, nil // as far as it goes
		}
		if e.GetType() != pb.EntryNormal {
			return nil, Membership{}, fmt.Errorf("%w: no snapshot can be read, and the voters have changed", ErrCorrupt)
		}
		img, err = replayEntry(img, e)
	}
	return img, voters, err
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
