package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/internal/vfs"
)

// The state file keeps what a voter must never forget: its identity, its term
// and its vote; and, as a hint that saves work after a restart, the commit
// index. docs/format/metadata-log.md has the byte diagram.
//
// It has two slots, one per 4 KiB block, so that no write can harm the other
// slot. Slot A always holds the newest *synced* term and vote. Slot B repeats
// them and takes the frequent commit-only updates, which need no sync. So one
// torn write, or one flipped bit, in either slot loses no vote.
const (
	stateFileName  = "quorum-state"
	stateSlotSize  = 96
	stateSlotPitch = 4096
	stateMagic     = 0x48525153 // "HRQS"
	stateVersion   = 1
)

// castagnoli is the polynomial of every CRC in this package, as in Kafka's
// record batches.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hardState is Raft's persistent state of one voter, with its identity.
type hardState struct {
	Identity Identity
	Term     uint64
	Vote     uint64 // Raft id voted for in Term; 0 = none
	Commit   uint64 // known commit index; may lag behind
	BootID   [16]byte
}

// sameVote reports whether two states differ in nothing that must be synced.
func (h hardState) sameVote(o hardState) bool {
	return h.Identity == o.Identity && h.Term == o.Term && h.Vote == o.Vote && h.BootID == o.BootID
}

func (h hardState) encode(sequence uint64) []byte {
	b := make([]byte, stateSlotSize)
	be := binary.BigEndian
	be.PutUint32(b[4:], stateMagic)
	be.PutUint16(b[8:], stateVersion)
	be.PutUint32(b[12:], uint32(h.Identity.NodeID))
	be.PutUint64(b[16:], sequence)
	be.PutUint64(b[24:], uint64(h.Identity.RaftID))
	copy(b[32:48], h.Identity.DirectoryID[:])
	be.PutUint64(b[48:], h.Term)
	be.PutUint64(b[56:], h.Vote)
	be.PutUint64(b[64:], h.Commit)
	copy(b[72:88], h.BootID[:])
	be.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// decodeState reads one slot; ok is false where the slot was never written or
// is damaged.
func decodeState(b []byte) (h hardState, sequence uint64, ok bool) {
	be := binary.BigEndian
	if len(b) < stateSlotSize || be.Uint32(b) != crc32.Checksum(b[4:stateSlotSize], castagnoli) {
		return hardState{}, 0, false
	}
	if be.Uint32(b[4:]) != stateMagic || be.Uint16(b[8:]) != stateVersion {
		return hardState{}, 0, false
	}
	h.Identity.NodeID = int32(be.Uint32(b[12:]))
	h.Identity.RaftID = RaftID(be.Uint64(b[24:]))
	copy(h.Identity.DirectoryID[:], b[32:48])
	h.Term = be.Uint64(b[48:])
	h.Vote = be.Uint64(b[56:])
	h.Commit = be.Uint64(b[64:])
	copy(h.BootID[:], b[72:88])
	return h, be.Uint64(b[16:]), true
}

// stateFile is the open state file. Not safe for concurrent use.
type stateFile struct {
	file     vfs.File
	path     string
	current  hardState
	sequence uint64
	dirtyB   bool // slot B may hold bytes that no sync has covered
}

// openStateFile opens the state file of dir. It returns nil where none exists:
// the node has never been given an identity.
func openStateFile(fsys vfs.FS, dir string) (*stateFile, error) {
	path := filepath.Join(dir, stateFileName)
	f, err := fsys.OpenFile(path, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open quorum state: %w", err)
	}
	s := &stateFile{file: f, path: path, dirtyB: true}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *stateFile) load() error {
	var found bool
	for slot := range int64(2) {
		b := make([]byte, stateSlotSize)
		n, err := s.file.ReadAt(b, slot*stateSlotPitch)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read quorum state: %w", err)
		}
		h, sequence, ok := decodeState(b[:n])
		if ok && (!found || sequence > s.sequence) {
			s.current, s.sequence, found = h, sequence, true
		}
	}
	if !found {
		return corruptf(s.path, 0, "neither slot is whole")
	}
	return nil
}

// createStateFile writes the first state of a voter under a temporary name and
// renames it, so that a state file that exists is whole.
func createStateFile(fsys vfs.FS, dir string, h hardState) (*stateFile, error) {
	path := filepath.Join(dir, stateFileName)
	f, err := fsys.OpenFile(path+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create quorum state: %w", err)
	}
	s := &stateFile{file: f, path: path, current: h, sequence: 1}
	slot := h.encode(s.sequence)
	_, errA := f.WriteAt(slot, 0)
	_, errB := f.WriteAt(slot, stateSlotPitch)
	if err := errors.Join(errA, errB); err != nil {
		return nil, errors.Join(fmt.Errorf("write quorum state: %w", err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("sync quorum state: %w", err), f.Close())
	}
	if err := errors.Join(fsys.Rename(path+tmpSuffix, path), fsys.SyncDir(dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("publish quorum state: %w", err), f.Close())
	}
	return s, nil
}

// save stores h. A change of identity, term, vote or boot is durable when save
// returns; a change of the commit index alone is written and not synced.
func (s *stateFile) save(h hardState) error {
	if h == s.current {
		return nil
	}
	s.sequence++
	slot := h.encode(s.sequence)
	if !h.sameVote(s.current) {
		if err := s.saveA(slot); err != nil {
			return err
		}
	}
	s.dirtyB = true
	if _, err := s.file.WriteAt(slot, stateSlotPitch); err != nil {
		return fmt.Errorf("write quorum state: %w", err)
	}
	s.current = h
	return nil
}

// saveA replaces slot A. Slot B is made durable first, so that at no moment
// both slots are exposed to a power cut.
func (s *stateFile) saveA(slot []byte) error {
	if s.dirtyB {
		if err := s.file.Sync(); err != nil {
			return &syncError{fmt.Errorf("sync quorum state: %w", err)}
		}
		s.dirtyB = false
	}
	if _, err := s.file.WriteAt(slot, 0); err != nil {
		return fmt.Errorf("write quorum state: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		return &syncError{fmt.Errorf("sync quorum state: %w", err)}
	}
	return nil
}

func (s *stateFile) close() error { return s.file.Close() }
