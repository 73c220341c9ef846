package quorum

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

var rewrite = flag.Bool("rewrite", false, "write the golden bytes anew")

// golden compares bytes with testdata/<name>.hex. A difference means that data
// on disk, or peers of another version, are not understood any more.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *rewrite {
		must(t, os.WriteFile(path, []byte(hex.Dump(got)), 0o600))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), hex.Dump(got)); diff != "" {
		t.Errorf("%s has changed (-want +got):\n%s", name, diff)
	}
}

func exampleMembership() Membership {
	m := Membership{ClusterID: "MkU3OEVBNTcwNTJENDM2Qg"}
	for i := range 3 {
		x := Member{NodeID: int32(i + 1), RaftID: RaftID(0x1111 * (i + 1))}
		x.DirectoryID[0], x.DirectoryID[15] = 0xd0, byte(i)
		x.Endpoints = []Endpoint{{Name: "CONTROLLER", Host: fmt.Sprintf("node-%d", i+1), Port: uint16(9093 + i)}}
		x.Learner = i == 2
		m = m.With(x)
	}
	return m
}

func exampleBatch() batch {
	value := "604800000"
	return batch{term: 7, timeMs: 1_700_000_000_123, records: []metadata.Record{
		&metadata.FeatureLevelRecord{Name: "metadata.version", FeatureLevel: 25},
		&metadata.ConfigRecord{ResourceType: 2, ResourceName: "orders", Name: "retention.ms", Value: &value},
	}}
}

func TestGoldenFormats(t *testing.T) {
	m := exampleMembership()
	state := hardState{Identity: m.Members[0].Identity, Term: 9, Vote: 0x2222, Commit: 1234, BootID: bootHash("boot")}
	golden(t, "state-slot", state.encode(5))

	data, err := exampleBatch().encode()
	must(t, err)
	golden(t, "batch", data)
	golden(t, "entry", appendEntry(nil, &pb.Entry{Term: new(uint64(7)), Index: new(uint64(42)), Data: data}, 41))

	fsys := vfs.NewMem()
	must(t, fsys.MkdirAll("/d", 0o700))
	s, err := createSegment(fsys, "/d", 42)
	must(t, err)
	head, err := readAll(s.file)
	must(t, err)
	golden(t, "segment-header", head)

	meta := snapshotMeta{Index: 41, Term: 6, Membership: m, ConfState: confStateOf(m)}
	img, err := metadata.Restore(exampleBatch().records, metadata.Position{Offset: 41, Epoch: 6, TimeMs: 5})
	must(t, err)
	must(t, writeSnapshot(fsys, "/d", meta, func(w io.Writer) error { return writeImage(w, img.Position(), img.Snapshot()) }))
	snap, err := readSnapshotFile(fsys, "/d/"+snapshotName(41, 6))
	must(t, err)
	golden(t, "snapshot", snap)

	golden(t, "envelope-status", envelope{
		kind: kindStatus, clusterID: m.ClusterID, sender: m.Members[1], body: status{standingFounded, m}.encode(),
	}.encode())
}

func TestFormatsRoundTrip(t *testing.T) {
	m := exampleMembership()
	r := reader{b: m.encode(nil)}
	if got := decodeMembership(&r); r.err != nil || len(r.b) != 0 || cmp.Diff(m, got) != "" {
		t.Errorf("membership: %v, %d bytes left, %s", r.err, len(r.b), cmp.Diff(m, got))
	}
	want := hardState{Identity: m.Members[0].Identity, Term: 9, Vote: 3, Commit: 7, BootID: bootHash("x")}
	if got, sequence, ok := decodeState(want.encode(77)); !ok || sequence != 77 || got != want {
		t.Errorf("state: %+v, %d, %v", got, sequence, ok)
	}
	b := exampleBatch()
	data, err := b.encode()
	must(t, err)
	got, err := decodeBatch(data)
	must(t, err)
	if got.term != b.term || got.timeMs != b.timeMs || cmp.Diff(got.records, b.records) != "" {
		t.Errorf("batch: %+v, %s", got, cmp.Diff(got.records, b.records))
	}
}

// TestLargeSnapshot crosses chunk boundaries.
func TestLargeSnapshot(t *testing.T) {
	fsys := vfs.NewMem()
	must(t, fsys.MkdirAll("/d", 0o700))
	for _, size := range []int{0, 1, snapshotChunk - 1, snapshotChunk, snapshotChunk + 1, 5*snapshotChunk + 17} {
		body := []byte(strings.Repeat("0123456789abcdef", size/16+1)[:size])
		meta := snapshotMeta{Index: uint64(size + 1), Term: 1, ConfState: &pb.ConfState{}}
		must(t, writeSnapshot(fsys, "/d", meta, func(w io.Writer) error {
			for rest := body; len(rest) > 0; {
				n := min(len(rest), 1000)
				if _, err := w.Write(rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return nil
		}))
		raw, err := readSnapshotFile(fsys, "/d/"+snapshotName(meta.Index, 1))
		must(t, err)
		m, got, err := parseSnapshot("x", raw)
		must(t, err)
		if m.Index != meta.Index || string(got) != string(body) {
			t.Errorf("size %d: index %d, %d bytes back", size, m.Index, len(got))
		}
		for cut := range min(len(raw), 300) {
			if _, _, err := parseSnapshot("x", raw[:len(raw)-1-cut]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("size %d, cut by %d: %v, want damage", size, cut+1, err)
			}
		}
	}
}

// A batch that was decided in another term than its entry's counts for nothing.
func TestBatchOfAnotherTermIsDropped(t *testing.T) {
	s, v, err := loneVoter(vfs.NewMem(), "boot")
	must(t, err)
	defer func() { must(t, s.Close()) }()
	value := "v"
	term, _ := v.Role()
	for i, decided := range []uint64{uint64(term) - 1, uint64(term), uint64(term) + 1} {
		data, err := batch{term: decided, records: []metadata.Record{&metadata.ConfigRecord{
			ResourceType: 4, ResourceName: "1", Name: fmt.Sprint(i), Value: &value,
		}}}.encode()
		must(t, err)
		must(t, v.core.Propose(data))
		v.Flush(testTime)
		if got := configOf(v.Image(), fmt.Sprint(i)) == "v"; got != (decided == uint64(term)) {
			t.Errorf("batch decided in term %d, entry of term %d: applied %v", decided, term, got)
		}
	}
	must(t, v.Err())
}

func FuzzDecodeBatch(f *testing.F) {
	data, err := exampleBatch().encode()
	must(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeBatch(b)
		if err != nil {
			return
		}
		again, err := got.encode()
		must(t, err)
		second, err := decodeBatch(again)
		must(t, err)
		if diff := cmp.Diff(got.records, second.records); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParseSnapshot(f *testing.F) {
	fsys := vfs.NewMem()
	must(f, fsys.MkdirAll("/d", 0o700))
	m := exampleMembership()
	must(f, writeSnapshot(fsys, "/d", snapshotMeta{Index: 3, Term: 2, Membership: m, ConfState: confStateOf(m)}, func(w io.Writer) error {
		_, err := w.Write([]byte{1, 2, 3})
		return err
	}))
	raw, err := readSnapshotFile(fsys, "/d/"+snapshotName(3, 2))
	must(f, err)
	f.Add(raw)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if _, body, err := parseSnapshot("x", b); err == nil {
			_, _ = readImage(body, metadata.Position{}) // must not panic
		}
	})
}

func FuzzReadImage(f *testing.F) {
	f.Add([]byte{1, 2, 2, 2})
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = readImage(b, metadata.Position{}) })
}

func FuzzDecodeEnvelope(f *testing.F) {
	m := exampleMembership()
	f.Add(envelope{kind: kindStatus, clusterID: "c", sender: m.Members[0], body: status{standingFounded, m}.encode()}.encode()[4:])
	raw, err := Message{raft: &pb.Message{Type: pb.MsgApp.Enum(), To: new(uint64(1))}}.Encode(nil)
	must(f, err)
	f.Add(envelope{kind: kindMessages, sender: m.Members[0], body: encodeMessages([][]byte{raw})}.encode()[4:])
	f.Fuzz(func(_ *testing.T, rest []byte) {
		e, err := decodeEnvelope(envelopeOf(rest))
		if err != nil {
			return
		}
		_, _ = decodeStatus(e.body)
		_, _ = decodeMessages(e.body)
		r := reader{b: e.body}
		decodeMembership(&r)
	})
}

func FuzzScanSegment(f *testing.F) {
	entry := appendEntry(nil, &pb.Entry{Term: new(uint64(1)), Index: new(uint64(1)), Data: []byte("data")}, 1)
	f.Add(entry)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &segment{first: 1}
		h := make([]byte, segmentHeaderSize)
		copy(h[4:], "HRMLOG01")
		h[19] = 1
		copy(h, crcOf(h[4:]))
		st := s.scan(append(h, b...))
		if st.pos > int64(len(h)+len(b)) || s.end() > int64(len(h)+len(b)) {
			t.Errorf("scan went to %d of %d bytes", st.pos, len(h)+len(b))
		}
	})
}
