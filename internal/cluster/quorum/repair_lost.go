package quorum

import (
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
	pb "go.etcd.io/raft/v3/raftpb"
)

// lostEntries gathers what can still be read of the entries that a repair cuts.
type lostEntries struct {
	last    uint64 // largest index seen
	term    uint64 // largest term seen
	changes int    // of the membership
	seen    map[uint64]bool
	batches []batch
}

// read looks for whole entries in a file from pos on, damage between them or
// not.
func (l *lostEntries) read(disk vfs.FS, path string, pos int64) error {
	f, err := disk.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	b, err := readAll(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if l.seen == nil {
		l.seen = map[uint64]bool{}
	}
	for at := int(pos); at+entryHeaderSize <= len(b); {
		h, ok := decodeEntryHeader(b[at:])
		if !ok {
			at++
			continue
		}
		l.last, l.term = max(l.last, h.index), max(l.term, h.term)
		if h.typ != pb.EntryNormal {
			l.changes++
		}
		data := b[at+entryHeaderSize:]
		if int(h.size) > len(data) || crc32.Checksum(data[:h.size], castagnoli) != h.dataCRC {
			at += entryHeaderSize
			continue
		}
		l.take(h, data[:h.size])
		at += entryHeaderSize + int(h.size)
	}
	return nil
}

// take notes a whole entry.
func (l *lostEntries) take(h entryHeader, data []byte) {
	if h.typ != pb.EntryNormal || l.seen[h.index] {
		return
	}
	if len(data) == 0 {
		l.seen[h.index] = true
		return
	}
	if b, err := decodeBatch(data); err == nil {
		l.seen[h.index] = true
		l.batches = append(l.batches, b)
	}
}

// tell sums the lost records up, by type, and counts the entries behind kept
// that nothing is known of.
func (l *lostEntries) tell(kept, known uint64) (all []Loss, unreadable uint64) {
	byType := map[metadata.RecordType]*Loss{}
	for _, b := range l.batches {
		for _, rec := range b.records {
			loss := byType[rec.Type()]
			if loss == nil {
				loss = &Loss{Type: rec.Type()}
				byType[rec.Type()] = loss
			}
			loss.Count++
			if t, ok := rec.(*metadata.TopicRecord); ok {
				loss.Names = append(loss.Names, t.Name)
			}
		}
	}
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		all = append(all, *byType[t])
	}
	for i := kept + 1; i <= known; i++ {
		if !l.seen[i] {
			unreadable++
		}
	}
	return all, unreadable
}

// Each lost entry may have given out a block of producer ids, and have moved a
// partition's leader epoch once.
const (
	producerIDBlock = 1000 // ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE
	moveOnBatch     = 1000 // records of one entry
)

// moveOn appends entries that put what is given out once beyond what the lost
// entries can have given out. Of a lone voter, what is in the log is committed.
func (r *repairing) moveOn(s *Storage, img *metadata.Image) error {
	lost := r.out.Known - r.out.Kept
	records := []metadata.Record{&metadata.ProducerIDsRecord{
		BrokerID: r.Identity.NodeID, BrokerEpoch: -1, NextProducerID: img.NextProducerID() + producerIDBlock*int64(lost+1),
	}}
	for rec := range img.Snapshot() {
		if p, ok := rec.(*metadata.PartitionRecord); ok {
			next := *p
			next.LeaderEpoch += int32(lost) + 1
			next.PartitionEpoch += int32(lost) + 1
			records = append(records, &next)
		}
	}
	h := s.state.current
	var entries []*pb.Entry
	index := s.lastIndex()
	for some := range slices.Chunk(records, moveOnBatch) {
		data, err := batch{term: h.Term, timeMs: img.Position().TimeMs, records: some}.encode()
		if err != nil {
			return err
		}
		index++
		entries = append(entries, &pb.Entry{Term: new(h.Term), Index: new(index), Type: pb.EntryNormal.Enum(), Data: data})
	}
	for _, e := range entries {
		var err error
		if img, err = replayEntry(img, e); err != nil {
			return err // never write what a start could not read
		}
	}
	// The commit is left to the voter, which knows that it is alone.
	return s.save(&pb.HardState{Term: new(h.Term), Vote: new(h.Vote), Commit: new(h.Commit)}, entries, nil)
}

// noImage is the body of the founding snapshot.
func noImage(io.Writer) error { return nil }
