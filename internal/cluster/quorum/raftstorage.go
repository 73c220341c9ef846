package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The methods of raft.Storage; see there for the contracts. They run on the
// goroutine that owns the voter.

// InitialState implements raft.Storage.
func (s *Storage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	cs := &pb.ConfState{AutoLeave: new(false)}
	if s.Founded() {
		cs = s.newest().ConfState
	}
	if s.state == nil {
		return nil, cs, nil
	}
	h := s.state.current
	// The newest snapshot is committed by definition, even where the hint in
	// the state file is older.
	commit := max(h.Commit, s.boundary.index)
	if s.Founded() {
		commit = max(commit, s.newest().Index)
	}
	return &pb.HardState{Term: new(h.Term), Vote: new(h.Vote), Commit: new(commit)}, cs, nil
}

// Entries implements raft.Storage.
func (s *Storage) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if lo <= s.boundary.index {
		return nil, raft.ErrCompacted
	}
	if hi > s.lastIndex()+1 {
		return nil, raft.ErrUnavailable
	}
	var out []*pb.Entry
	var size uint64
	for i := lo; i < hi; i++ {
		e, err := s.log.entry(i)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		size += uint64(len(e.GetData())) + entryHeaderSize
		if len(out) > 0 && size > maxSize {
			break
		}
		out = append(out, e)
	}
	return out, nil
}

// Term implements raft.Storage.
func (s *Storage) Term(i uint64) (uint64, error) {
	if i < s.boundary.index {
		return 0, raft.ErrCompacted
	}
	if i == s.boundary.index {
		return s.boundary.term, nil
	}
	if term, ok := s.log.term(i); ok {
		return term, nil
	}
	return 0, raft.ErrUnavailable
}

// LastIndex implements raft.Storage.
func (s *Storage) LastIndex() (uint64, error) { return s.lastIndex(), nil }

func (s *Storage) lastIndex() uint64 {
	if s.log == nil || s.log.empty() {
		return s.boundary.index
	}
	return max(s.log.last(), s.boundary.index)
}

// FirstIndex implements raft.Storage.
func (s *Storage) FirstIndex() (uint64, error) { return s.boundary.index + 1, nil }

// Snapshot implements raft.Storage. The result has no data: whoever sends it
// puts the file in (Voter does), so that Raft never holds the bytes.
func (s *Storage) Snapshot() (*pb.Snapshot, error) {
	if !s.Founded() {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	m := s.newest()
	return &pb.Snapshot{Metadata: &pb.SnapshotMetadata{
		ConfState: m.ConfState, Index: new(m.Index), Term: new(m.Term),
	}}, nil
}
