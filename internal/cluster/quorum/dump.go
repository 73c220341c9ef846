package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// What the files of a metadata directory hold, for who looks at them (kafka-dump-log). Nothing here opens or changes
// a directory: the bytes come from the caller.

// IsSegment says whether b begins as a segment of the metadata log does.
func IsSegment(b []byte) bool {
	return len(b) >= 12 && binary.BigEndian.Uint64(b[4:]) == segmentMagic
}

// IsSnapshot says whether b begins as a snapshot of the metadata does.
func IsSnapshot(b []byte) bool {
	return len(b) >= 12 && binary.BigEndian.Uint64(b[4:]) == snapshotMagic
}

// IsState says whether b begins as a quorum-state file does.
func IsState(b []byte) bool {
	return len(b) >= 8 && binary.BigEndian.Uint32(b[4:]) == stateMagic
}

// EntryDump is one entry of the metadata log.
type EntryDump struct {
	Position         int64
	Size             int // in bytes, with its header
	Index, Term      uint64
	DurableUpTo      uint64 // exclusive
	CRC              uint32 // of the data, as stored
	Valid            bool   // the data have that CRC
	MembershipChange bool

	// Of a batch of records:
	DecidedIn uint64 // term; entries of another one are not applied
	TimeMs    int64
	Records   [][]byte // as in Kafka's metadata log; views

	// Of a change of the membership:
	Change string // ADD_LEARNER, PROMOTE or REMOVE
	Member Member
	// Err says why the data cannot be read.
	Err error
}

// FirstIndex is the index of a segment's first entry, from its header.
func FirstIndex(b []byte) (uint64, error) {
	if len(b) < segmentHeaderSize || !IsSegment(b) || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:segmentHeaderSize], castagnoli) {
		return 0, errors.New("the segment's header is damaged")
	}
	return binary.BigEndian.Uint64(b[12:]), nil
}

// DumpEntries yields the entries of a segment up to the first one whose header is not sound. It returns how many
// bytes are left then in the last yielded pair, as an error.
func DumpEntries(b []byte) iter.Seq2[EntryDump, error] {
	return func(yield func(EntryDump, error) bool) {
		for pos := min(segmentHeaderSize, len(b)); pos < len(b); {
			h, ok := decodeEntryHeader(b[pos:])
			if !ok || len(b)-pos < entryHeaderSize+int(h.size) {
				yield(EntryDump{Position: int64(pos)}, fmt.Errorf("found %d invalid bytes at the end", len(b)-pos))
				return
			}
			data := b[pos+entryHeaderSize:][:h.size]
			if !yield(dumpEntry(h, data, int64(pos)), nil) {
				return
			}
			pos += entryHeaderSize + int(h.size)
		}
	}
}

func dumpEntry(h entryHeader, data []byte, pos int64) EntryDump {
	d := EntryDump{
		Position: pos, Size: entryHeaderSize + len(data), Index: h.index, Term: h.term, DurableUpTo: h.durable,
		CRC: h.dataCRC, Valid: crc32.Checksum(data, castagnoli) == h.dataCRC, MembershipChange: h.typ != pb.EntryNormal,
	}
	switch {
	case !d.Valid:
	case d.MembershipChange:
		d.Change, d.Member, d.Err = dumpChange(data)
	case len(data) > 0:
		d.DecidedIn, d.TimeMs, d.Records, d.Err = dumpBatch(data)
	}
	return d
}

func dumpBatch(data []byte) (term uint64, timeMs int64, records [][]byte, err error) {
	r := reader{b: data}
	if v := r.byte(); r.err == nil && v != batchVersion {
		return 0, 0, nil, fmt.Errorf("batch has version %d, this build knows %d", v, batchVersion)
	}
	term, timeMs = r.uvarint(), r.varint()
	for range r.count(len(r.b)) {
		records = append(records, r.bytes(r.count(maxRecordBytes)))
		if r.err != nil {
			break
		}
	}
	return term, timeMs, records, r.err
}

// changeNames are the kinds of change as tools show them.
var changeNames = map[ChangeKind]string{AddLearner: "ADD_LEARNER", Promote: "PROMOTE", Remove: "REMOVE"}

func dumpChange(data []byte) (string, Member, error) {
	cc := &pb.ConfChange{}
	if err := proto.Unmarshal(data, cc); err != nil {
		return "", Member{}, fmt.Errorf("membership change: %w", err)
	}
	r := reader{b: cc.GetContext()}
	kind, m := ChangeKind(r.byte()), decodeMember(&r)
	return changeNames[kind], m, r.err
}

// SnapshotDump is a snapshot of the metadata.
type SnapshotDump struct {
	Index, Term uint64
	Membership  Membership
	// Offset, Epoch and TimeMs are those of the last batch in it; zero in the founding snapshot.
	Offset  int64
	Epoch   int32
	TimeMs  int64
	Records [][]byte // as in Kafka's metadata log
}

// DumpSnapshot reads a snapshot whose parts are all sound. What could be read comes with the error.
func DumpSnapshot(path string, b []byte) (d SnapshotDump, err error) {
	m, body, err := parseSnapshot(path, b)
	d = SnapshotDump{Index: m.Index, Term: m.Term, Membership: m.Membership}
	if err != nil || len(body) == 0 {
		return d, err
	}
	r := reader{b: body}
	if v := r.byte(); v != batchVersion {
		return d, fmt.Errorf("snapshot body has version %d, this build knows %d", v, batchVersion)
	}
	d.Offset, d.Epoch, d.TimeMs = r.varint(), int32(r.varint()), r.varint()
	for r.err == nil && len(r.b) > 0 {
		d.Records = append(d.Records, r.bytes(r.count(maxRecordBytes)))
	}
	return d, r.err
}

// StateDump is one slot of quorum-state.
type StateDump struct {
	Slot     string // A or B
	Position int64
	Sequence uint64
	Identity Identity
	Term     uint64
	Vote     uint64 // Raft id; 0: none
	Commit   uint64
	BootID   [16]byte // hash of the machine's boot id
	Valid    bool     // else nothing but slot and position is known
}

// DumpState reads both slots. The valid one with the greater sequence counts.
func DumpState(b []byte) []StateDump {
	var all []StateDump
	for i, name := range []string{"A", "B"} {
		d := StateDump{Slot: name, Position: int64(i) * stateSlotPitch}
		if int64(len(b)) > d.Position {
			var h hardState
			h, d.Sequence, d.Valid = decodeState(b[d.Position:])
			d.Identity, d.Term, d.Vote, d.Commit, d.BootID = h.Identity, h.Term, h.Vote, h.Commit, h.BootID
		}
		all = append(all, d)
	}
	return all
}
