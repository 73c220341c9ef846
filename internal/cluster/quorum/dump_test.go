package quorum

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

var writeSamples = flag.String("write-samples", "", "write files of every kind into this directory, for the stories of kafka-dump-log")

// sampleFiles are a segment with entries of every kind, a snapshot and a state file.
func sampleFiles(t *testing.T) map[string][]byte {
	t.Helper()
	fsys := vfs.NewMem()
	must(t, fsys.MkdirAll("/d", 0o700))
	s, err := createSegment(fsys, "/d", 42)
	must(t, err)
	seg, err := readAll(s.file)
	must(t, err)
	data, err := exampleBatch().encode()
	must(t, err)
	m := exampleMembership()
	change, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.ConfChange{
		Type: pb.ConfChangeAddNode.Enum(), NodeId: new(uint64(0x1111)), Context: m.Members[0].encode([]byte{byte(Promote)}),
	})
	must(t, err)
	for i, e := range []*pb.Entry{
		{Data: nil}, {Data: data}, {Data: change, Type: pb.EntryConfChange.Enum()}, {Data: []byte{77}},
	} {
		e.Index, e.Term = new(uint64(42+i)), new(uint64(7))
		seg = appendEntry(seg, e, uint64(42+i))
	}
	img, err := metadata.Restore(exampleBatch().records, metadata.Position{Offset: 41, Epoch: 6, TimeMs: 5})
	must(t, err)
	meta := snapshotMeta{Index: 41, Term: 6, Membership: m, ConfState: confStateOf(m)}
	must(t, writeSnapshot(fsys, "/d", meta, func(w io.Writer) error { return writeImage(w, img.Position(), img.Snapshot()) }))
	snap, err := readSnapshotFile(fsys, "/d/"+snapshotName(41, 6))
	must(t, err)
	state := make([]byte, stateSlotPitch+stateSlotSize)
	copy(state, hardState{Identity: m.Members[0].Identity, Term: 9, Vote: 0x2222, Commit: 1234}.encode(5))
	return map[string][]byte{segmentName(42): seg, snapshotName(41, 6): snap, stateFileName: state}
}

func TestDump(t *testing.T) {
	files := sampleFiles(t)
	seg, snap, state := files[segmentName(42)], files[snapshotName(41, 6)], files[stateFileName]
	if !IsSegment(seg) || !IsSnapshot(snap) || !IsState(state) || IsSegment(snap) || IsSnapshot(state) || IsState(seg) {
		t.Error("the files are not told from each other")
	}
	first, err := FirstIndex(seg)
	must(t, err)
	if first != 42 {
		t.Error(first)
	}
	var all []EntryDump
	for e, err := range DumpEntries(seg) {
		must(t, err)
		all = append(all, e)
	}
	want, err := metadata.Append(nil, exampleBatch().records[0])
	must(t, err)
	if len(all) != 4 || len(all[1].Records) != 2 || !slices.Equal(all[1].Records[0], want) || all[1].DecidedIn != 7 ||
		all[2].Change != "PROMOTE" || all[2].Member.RaftID != 0x1111 || all[3].Err == nil || !all[3].Valid {
		t.Errorf("%+v", all)
	}
	s, err := DumpSnapshot("x", snap)
	must(t, err)
	if s.Index != 41 || s.Epoch != 6 || len(s.Records) != 2 || len(s.Membership.Members) != 3 {
		t.Errorf("%+v", s)
	}
	if slots := DumpState(state); !slots[0].Valid || slots[0].Commit != 1234 || slots[1].Valid {
		t.Errorf("%+v", slots)
	}
}

// Any bytes may come: what is damaged is told of.
func TestDumpDamaged(t *testing.T) {
	for name, whole := range sampleFiles(t) {
		for i := range whole {
			b := slices.Clone(whole)
			b[i] ^= 4
			invalid := false
			switch {
			case IsSegment(b):
				_, err := FirstIndex(b)
				invalid = err != nil
				for e, err := range DumpEntries(b) {
					invalid = invalid || err != nil || !e.Valid
				}
			case IsSnapshot(b):
				_, err := DumpSnapshot(name, b)
				invalid = err != nil
			case IsState(b):
				slots := DumpState(b)
				invalid = !slots[0].Valid || i >= stateSlotSize
			default:
				invalid = true // what it was cannot be told
			}
			if !invalid {
				t.Fatalf("%s: a flipped bit in byte %d is not seen", name, i)
			}
		}
		for n := range whole {
			b := whole[:n]
			for range DumpEntries(b) {
			}
			_, _ = FirstIndex(b)
			_, _ = DumpSnapshot(name, b)
			DumpState(b)
		}
	}
}

// TestSamples makes the files that the stories of kafka-dump-log show, and looks whether they are those.
func TestSamples(t *testing.T) {
	for name, b := range sampleFiles(t) {
		if *writeSamples == "" {
			kept, err := os.ReadFile(filepath.Join("..", "..", "cli", "testdata", "dump-files", "own", name))
			if err != nil || !slices.Equal(kept, b) {
				t.Errorf("%s is not what it was (%v): write the samples anew, and record the stories", name, err)
			}
			continue
		}
		must(t, os.WriteFile(filepath.Join(*writeSamples, name), b, 0o644))
	}
}
