package dump

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/kafka/schema"
	"github.com/headrace/headrace/internal/log"
)

// Headrace's own files. Their lines have the manner of Kafka's: name, colon, value.

type stateLine struct {
	Position int64  `json:"position"`
	Size     int    `json:"size"`
	Kind     string `json:"kind"`
	Key      string `json:"key"`
	Value    any    `json:"value"`
}

func (l stateLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "position: %d size: %d kind: %s", l.Position, l.Size, l.Kind)
	if l.Key != "" {
		fmt.Fprintf(w, " key: %s", l.Key)
	}
	if l.Value != nil {
		if text, err := json.Marshal(l.Value); err == nil {
			fmt.Fprintf(w, " value: %s", text)
		}
	}
	fmt.Fprintln(w)
}

// stateLog shows a state.log.
func (d *Dumper) stateLog() error {
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	for s := range log.DumpState(b) {
		if s.Damaged {
			d.problems.own(d.file, "%d bytes from byte %d are no record", s.Size, s.Position)
			continue
		}
		if err := d.emit("state", stateLine{s.Position, s.Size, s.Kind, s.Key, s.Value}); err != nil {
			return err
		}
	}
	return nil
}

type indexLine struct {
	Offset       int64 `json:"offset"`
	Position     int64 `json:"position"`
	MaxTimestamp int64 `json:"maxTimestamp"`
}

func (l indexLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "offset: %d position: %d maxTimestamp: %d\n", l.Offset, l.Position, l.MaxTimestamp)
}

// segmentIndex shows an .idx: each entry must lead to a batch with its offset.
func (d *Dumper) segmentIndex() error {
	base, err := baseOffset(filepath.Base(d.file))
	if err != nil {
		return err
	}
	f, end, err := open(d.sibling(".log"))
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	sound := true
	for e, err := range log.DumpIndex(b, base) {
		if err != nil {
			sound = false
			d.problems.own(d.file, "%v", err)
			continue
		}
		if d.SanityOnly {
			continue
		}
		raw, err := (&batches{f: f, pos: e.Position, end: end, path: d.file}).next()
		switch {
		case err != nil || raw.bytes == nil:
			d.problems.own(d.file, "no batch begins at position %d, where the index has offset %d", e.Position, e.Offset)
		case batchOffset(raw) != e.Offset:
			d.problems.offsetMismatch(d.file, e.Offset, batchOffset(raw))
		}
		if !d.VerifyOnly {
			if err := d.emit("index", indexLine{e.Offset, e.Position, e.MaxTimestamp}); err != nil {
				return err
			}
		}
	}
	if d.SanityOnly && sound {
		return d.emit("sanity", sanity{true, d.file})
	}
	return nil
}

func batchOffset(raw rawBatch) int64 { return int64(binary.BigEndian.Uint64(raw.bytes)) }

type partitionLine struct {
	TopicID        string `json:"topicId"`
	LogStartOffset int64  `json:"logStartOffset"`
}

func (l partitionLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "topicId: %s logStartOffset: %d\n", l.TopicID, l.LogStartOffset)
}

// partitionMetadata shows a partition.metadata, Kafka's too.
func (d *Dumper) partitionMetadata() error {
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	m, err := log.DumpMeta(b)
	if err != nil {
		d.problems.own(d.file, "%v", err)
		return nil
	}
	return d.emit("partition", partitionLine{m.TopicID.String(), m.StartOffset})
}

type entryLine struct {
	Index       uint64          `json:"index"`
	Term        uint64          `json:"term"`
	DurableUpTo uint64          `json:"durableUpTo"`
	Kind        string          `json:"kind"`
	DecidedIn   uint64          `json:"decidedInTerm,omitempty"`
	TimeMs      int64           `json:"timeMs,omitempty"`
	Count       int             `json:"count"`
	Change      string          `json:"change,omitempty"`
	Member      *memberLine     `json:"member,omitempty"`
	Records     []schema.Object `json:"records,omitempty"`
	Position    int64           `json:"position"`
	Size        int             `json:"size"`
	CRC         uint32          `json:"crc"`
	IsValid     bool            `json:"isValid"`
}

type memberLine struct {
	NodeID      int32    `json:"nodeId"`
	DirectoryID string   `json:"directoryId"`
	RaftID      uint64   `json:"raftId"`
	Learner     bool     `json:"learner"`
	Endpoints   []string `json:"endpoints"`
}

func memberOf(m quorum.Member) *memberLine {
	l := &memberLine{m.NodeID, m.DirectoryID.String(), uint64(m.RaftID), m.Learner, []string{}}
	for _, e := range m.Endpoints {
		l.Endpoints = append(l.Endpoints, fmt.Sprintf("%s://%s:%d", e.Name, e.Host, e.Port))
	}
	return l
}

func (m *memberLine) String() string {
	return fmt.Sprintf("nodeId: %d directoryId: %s raftId: %d learner: %t endpoints: [%s]",
		m.NodeID, m.DirectoryID, m.RaftID, m.Learner, strings.Join(m.Endpoints, ","))
}

func (l entryLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "index: %d term: %d durableUpTo: %d kind: %s", l.Index, l.Term, l.DurableUpTo, l.Kind)
	switch l.Kind {
	case "records":
		fmt.Fprintf(w, " decidedInTerm: %d timeMs: %d count: %d", l.DecidedIn, l.TimeMs, l.Count)
	case "membership":
		fmt.Fprintf(w, " change: %s %s", l.Change, l.Member)
	}
	fmt.Fprintf(w, " position: %d size: %d crc: %d isvalid: %t\n", l.Position, l.Size, l.CRC, l.IsValid)
	writeRecords(w, l.Records)
}

// writeRecords shows metadata records below what holds them.
func writeRecords(w *bufio.Writer, records []schema.Object) {
	for _, r := range records {
		fmt.Fprintf(w, "| payload: %s\n", r)
	}
}

// metadataEntries shows a segment of the metadata log.
func (d *Dumper) metadataEntries() error {
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	first, err := quorum.FirstIndex(b)
	if err != nil {
		d.problems.own(d.file, "%v", err)
	} else if err := d.emit("segment", segmentHead{int64(first)}); err != nil {
		return err
	}
	for e, err := range quorum.DumpEntries(b) {
		if err != nil {
			d.problems.own(d.file, "%v", err)
			break
		}
		l := entryLine{
			Index: e.Index, Term: e.Term, DurableUpTo: e.DurableUpTo, Kind: "empty", DecidedIn: e.DecidedIn, TimeMs: e.TimeMs,
			Count: len(e.Records), Change: e.Change, Position: e.Position, Size: e.Size, CRC: e.CRC, IsValid: e.Valid,
		}
		switch {
		case e.MembershipChange:
			l.Kind, l.Member = "membership", memberOf(e.Member)
		case e.Err != nil:
			l.Kind = "unreadable"
		case e.Records != nil:
			l.Kind = "records"
		}
		if e.Err != nil {
			d.problems.own(d.file, "entry %d: %v", e.Index, e.Err)
		}
		l.Records = d.metadataRecords(fmt.Sprintf("entry %d", e.Index), e.Records)
		if err := d.emit("entry", l); err != nil {
			return err
		}
	}
	return nil
}

// metadataRecords reads records where they are wanted.
func (d *Dumper) metadataRecords(where string, all [][]byte) (out []schema.Object) {
	if !d.Deep {
		return nil
	}
	for i, data := range all {
		o, err := metadataRecord(data)
		if err != nil {
			d.problems.own(d.file, "%s, record %d: %v", where, i, err)
			continue
		}
		out = append(out, o)
	}
	return out
}

type metadataSnapshotLine struct {
	Index     uint64          `json:"index"`
	Term      uint64          `json:"term"`
	ClusterID string          `json:"clusterId"`
	Offset    int64           `json:"offset"`
	Epoch     int32           `json:"epoch"`
	TimeMs    int64           `json:"timeMs"`
	Members   []*memberLine   `json:"members"`
	Count     int             `json:"count"`
	Records   []schema.Object `json:"records,omitempty"`
	IsValid   bool            `json:"isValid"`
}

func (l metadataSnapshotLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "Snapshot index: %d term: %d clusterId: %s offset: %d epoch: %d timeMs: %d count: %d isvalid: %t\n",
		l.Index, l.Term, l.ClusterID, l.Offset, l.Epoch, l.TimeMs, l.Count, l.IsValid)
	for _, m := range l.Members {
		fmt.Fprintf(w, "| member: %s\n", m)
	}
	writeRecords(w, l.Records)
}

// metadataSnapshot shows a snapshot of the metadata.
func (d *Dumper) metadataSnapshot() error {
	b, err := readFile(d.file)
	if err != nil {
		return err
	}
	s, err := quorum.DumpSnapshot(d.file, b)
	if err != nil {
		d.problems.own(d.file, "%v", err)
	}
	l := metadataSnapshotLine{
		Index: s.Index, Term: s.Term, ClusterID: s.Membership.ClusterID, Offset: s.Offset, Epoch: s.Epoch, TimeMs: s.TimeMs,
		Members: []*memberLine{}, Count: len(s.Records), IsValid: err == nil, Records: d.metadataRecords("snapshot", s.Records),
	}
	for _, m := range s.Membership.Members {
		l.Members = append(l.Members, memberOf(m))
	}
	return d.emit("metadataSnapshot", l)
}

type quorumStateLine struct {
	Slot        string `json:"slot"`
	Position    int64  `json:"position"`
	Sequence    uint64 `json:"sequence"`
	NodeID      int32  `json:"nodeId"`
	DirectoryID string `json:"directoryId"`
	RaftID      uint64 `json:"raftId"`
	Term        uint64 `json:"term"`
	Vote        uint64 `json:"vote"`
	Commit      uint64 `json:"commit"`
	BootID      string `json:"bootIdHash"`
	IsValid     bool   `json:"isValid"`
}

func (l quorumStateLine) text(w *bufio.Writer) {
	fmt.Fprintf(w, "slot: %s position: %d sequence: %d nodeId: %d directoryId: %s raftId: %d term: %d vote: %d commit: %d bootIdHash: %s isvalid: %t\n",
		l.Slot, l.Position, l.Sequence, l.NodeID, l.DirectoryID, l.RaftID, l.Term, l.Vote, l.Commit, l.BootID, l.IsValid)
}

// quorumState shows the two slots of quorum-state.
func (d *Dumper) quorumState() error {
	b, err := os.ReadFile(d.file)
	if err != nil {
		return err
	}
	for _, s := range quorum.DumpState(b) {
		if !s.Valid {
			d.problems.own(d.file, "slot %s is damaged or was never written", s.Slot)
		}
		if err := d.emit("quorumState", quorumStateLine{
			s.Slot, s.Position, s.Sequence, s.Identity.NodeID, s.Identity.DirectoryID.String(), uint64(s.Identity.RaftID),
			s.Term, s.Vote, s.Commit, hex.EncodeToString(s.BootID[:]), s.Valid,
		}); err != nil {
			return err
		}
	}
	return nil
}
