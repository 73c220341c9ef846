package quorum

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

func repairOptions(m vfs.FS) RepairOptions {
	id := Identity{NodeID: 1}
	id.DirectoryID[3] = 9
	return RepairOptions{FS: m, Dir: crashDir, BootID: "boot-1", ClusterID: "c", Identity: id}
}

func flipByte(t *testing.T, m *vfs.Mem, path string, at int) {
	t.Helper()
	f, err := m.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, int64(at))
	must(t, err)
	b[0] ^= 1 << (at % 8)
	_, err = f.WriteAt(b, int64(at))
	must(t, errors.Join(err, f.Close()))
}

func allContent(t *testing.T, m *vfs.Mem) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range files(t, m) {
		all[p] = string(content(t, m, p))
	}
	return all
}

// readableKeys lists the keys that damaged data still show.
func readableKeys(t *testing.T, m *vfs.Mem) map[string]string {
	t.Helper()
	s, err := OpenStorage(StorageOptions{FS: m, Dir: crashDir, BootID: "boot-1", SegmentBytes: 700, CacheBytes: 300})
	must(t, err)
	img, _, err := s.readable()
	must(t, errors.Join(err, s.Close()))
	return keysOf(img)
}

func keysOf(img *metadata.Image) map[string]string {
	all := map[string]string{}
	for n := range 300 {
		if v := configOf(img, key(n)); v != "" {
			all[key(n)] = v
		}
	}
	return all
}

// TestRepairAtEveryByte flips a bit in every byte of every file. Where that is
// damage, the plan changes nothing, and the repair leaves a voter that works and
// has everything that could be read before.
func TestRepairAtEveryByte(t *testing.T) {
	base, _ := filled(t)
	step := 1
	if os.Getenv("HEADRACE_LOG_SEEDS") == "" {
		step = 11
		t.Log("reduced: every 11th byte; HEADRACE_LOG_SEEDS=n takes all")
	}
	repaired, lost := 0, 0
	for _, path := range files(t, base) {
		size := len(content(t, base, path))
		if filepath.Base(path) == stateFileName {
			size = 2 * stateSlotSize // the rest is a hole
		}
		for at := 0; at < size; at += step {
			m := base.KillClone()
			flipByte(t, m, path, at)
			before := allContent(t, m)
			plan, err := PlanRepair(repairOptions(m))
			if err != nil {
				t.Fatalf("%s, byte %d: %v", path, at, err)
			}
			if err := Inspect(m, crashDir, "boot-1"); errors.Is(err, ErrCorrupt) != (plan.Damage != nil) || err != nil && plan.Damage == nil {
				t.Fatalf("%s, byte %d: inspected: %v, planned: %v", path, at, err, plan.Damage)
			}
			if diff := cmp.Diff(before, allContent(t, m)); diff != "" {
				t.Fatalf("%s, byte %d: the plan has changed %s", path, at, diff)
			}
			if plan.Damage == nil {
				continue
			}
			want := readableKeys(t, m)
			done, err := ExecuteRepair(repairOptions(m))
			if err != nil {
				t.Fatalf("%s, byte %d: %v", path, at, err)
			}
			repaired++
			if done.Known > done.Kept {
				lost++
			}
			if done.Kept != plan.Kept || done.Known != plan.Known || len(done.Files) == 0 {
				t.Fatalf("%s, byte %d: done %+v, planned %+v", path, at, done, plan)
			}
			for name, b := range before {
				if got := content(t, m, filepath.Join(done.Backup, filepath.Base(name))); string(got) != b {
					t.Fatalf("%s is not as it was in the copy", name)
				}
			}
			checkRepaired(t, m, want, fmt.Sprintf("%s, byte %d", path, at))
		}
	}
	if repaired == 0 || lost == 0 {
		t.Fatalf("%d repaired, %d with losses: the test reaches too little", repaired, lost)
	}
}

// checkRepaired starts the voter, and lets it work and start again.
func checkRepaired(t *testing.T, m *vfs.Mem, want map[string]string, where string) {
	t.Helper()
	s, v, err := loneVoter(m, "boot-2")
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if diff := cmp.Diff(want, keysOf(v.Image())); diff != "" {
		t.Fatalf("%s: what could be read is gone: %s", where, diff)
	}
	var acked []int
	for i := 900; i < 904; i++ {
		must(t, put(v, i, func(n int) { acked = append(acked, n) }))
	}
	must(t, s.Close())
	s, v, err = loneVoter(m.CrashClone(vfs.CrashOptions{}), "boot-3")
	if err != nil {
		t.Fatalf("%s, second start: %v", where, err)
	}
	if err := errors.Join(checkAcked(v, acked), s.Close()); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
}

// TestRepairStateFile: with both slots bad the identity comes from the snapshot.
func TestRepairStateFile(t *testing.T) {
	m, acked := filled(t)
	want := readableKeys(t, m)
	flipByte(t, m, crashDir+"/"+stateFileName, 20)
	flipByte(t, m, crashDir+"/"+stateFileName, stateSlotPitch+20)
	done, err := ExecuteRepair(repairOptions(m))
	must(t, err)
	if done.Known != done.Kept || len(done.Lost) > 0 || strings.Join(done.Files, " ") != stateFileName {
		t.Errorf("%+v", done)
	}
	s, v, err := loneVoter(m, "boot-1")
	must(t, err)
	must(t, errors.Join(checkAcked(v, acked), s.Close()))
	checkRepaired(t, m, want, "state file")
}

// TestRepairTellsLosses: the plan names what the lost entries were about, and the
// repaired metadata give nothing out twice.
func TestRepairTellsLosses(t *testing.T) {
	m := vfs.NewCrashableMem()
	s, v, err := loneVoter(m, "boot-1")
	must(t, err)
	term, _ := v.Role()
	propose := func(records ...metadata.Record) {
		t.Helper()
		data, err := batch{term: uint64(term), records: records}.encode()
		must(t, err)
		must(t, v.core.Propose(data))
		v.Flush(testTime)
		must(t, v.Err())
	}
	topic := func(id byte, name string) []metadata.Record {
		return []metadata.Record{
			&metadata.TopicRecord{Name: name, TopicID: metadata.TopicID{id}},
			&metadata.PartitionRecord{
				TopicID: metadata.TopicID{id}, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1, LeaderEpoch: 3, PartitionEpoch: 4,
				Directories: []metadata.UUID{{7}},
			},
		}
	}
	propose(topic(1, "kept")...)
	propose(&metadata.ProducerIDsRecord{BrokerID: 1, NextProducerID: 1000})
	propose(topic(2, "damaged")...)
	propose(&metadata.ProducerIDsRecord{BrokerID: 1, NextProducerID: 3000})
	propose(topic(3, "behind")...)
	must(t, s.Close())
	path := newestSegment(t, m)
	for _, p := range files(t, m) {
		if bytes.Contains(content(t, m, p), []byte("damaged")) {
			path = p
		}
	}
	flipByte(t, m, path, bytes.Index(content(t, m, path), []byte("damaged")))

	done, err := ExecuteRepair(repairOptions(m))
	must(t, err)
	want := []Loss{
		{Type: metadata.TypeTopic, Count: 1, Names: []string{"behind"}},
		{Type: metadata.TypePartition, Count: 1},
		{Type: metadata.TypeProducerIDs, Count: 1},
	}
	if diff := cmp.Diff(want, done.Lost); diff != "" {
		t.Error(diff)
	}
	if done.Known-done.Kept != 3 || done.Unreadable != 1 || done.Topics != 1 {
		t.Errorf("%+v", done)
	}
	s, v, err = loneVoter(m, "boot-1")
	must(t, err)
	img := v.Image()
	if img.Topic("kept") == nil || img.Topic("damaged") != nil || img.Topic("behind") != nil {
		t.Error("topics:", img.NumTopics())
	}
	if p := img.Partition("kept", 0); p.LeaderEpoch < 3+3 || img.NextProducerID() < 3000 {
		t.Errorf("leader epoch %d, next producer id %d", p.LeaderEpoch, img.NextProducerID())
	}
	must(t, s.Close())
}

// TestRepairWithoutSnapshot: a log that goes back to the founding is enough, one
// that does not is not.
func TestRepairWithoutSnapshot(t *testing.T) {
	m := vfs.NewCrashableMem()
	s, v, err := loneVoter(m, "boot-1")
	must(t, err)
	var acked []int
	must(t, put(v, 1, func(n int) { acked = append(acked, n) }))
	must(t, s.Close())
	spoil := func(m *vfs.Mem) {
		for _, p := range files(t, m) {
			if strings.HasSuffix(p, snapshotSuffix) {
				flipByte(t, m, p, 30)
			}
		}
	}
	spoil(m)
	_, err = ExecuteRepair(repairOptions(m))
	must(t, err)
	s, v, err = loneVoter(m, "boot-1")
	must(t, err)
	must(t, errors.Join(checkAcked(v, acked), s.Close()))

	old, _ := filled(t)
	s, v, err = loneVoter(old, "boot-1")
	must(t, err)
	for i := 20; i < 50; i++ {
		must(t, put(v, i, func(int) {}))
	}
	must(t, s.Close())
	spoil(old)
	before := allContent(t, old)
	if _, err := ExecuteRepair(repairOptions(old)); !errors.Is(err, ErrNothingLeft) {
		t.Error(err)
	}
	if diff := cmp.Diff(before, allContent(t, old)); diff != "" {
		t.Error("a repair that cannot be made has changed", diff)
	}
}

// TestRepairRefuses: one of several voters, another node's directory, no directory.
func TestRepairRefuses(t *testing.T) {
	m, _ := filled(t)
	flipByte(t, m, newestSegment(t, m), segmentHeaderSize+1)
	o := repairOptions(m)
	o.Identity.NodeID = 2
	if _, err := PlanRepair(o); err == nil || !strings.Contains(err.Error(), "node.id 1") {
		t.Error(err)
	}
	o = repairOptions(m)
	o.Dir = "/none"
	if _, err := PlanRepair(o); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	many := exampleMembership()
	meta := snapshotMeta{Index: 500, Term: 3, Membership: many, ConfState: confStateOf(many)}
	must(t, writeSnapshot(m, crashDir, meta, noImage))
	if _, err := PlanRepair(repairOptions(m)); !errors.Is(err, ErrNotAlone) {
		t.Error(err)
	}

	// A second voter that a damaged part of the log may have brought.
	fsys := vfs.NewMem()
	must(t, fsys.MkdirAll("/d", 0o700))
	change := appendEntry(nil, &pb.Entry{Term: new(uint64(1)), Index: new(uint64(9)), Type: pb.EntryConfChange.Enum(), Data: []byte("x")}, 1)
	f, err := fsys.OpenFile("/d/x", os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	_, err = f.WriteAt(append([]byte("damage"), change...), 0)
	must(t, err)
	var l lostEntries
	must(t, l.read(fsys, "/d/x", 0))
	if l.changes != 1 || l.last != 9 {
		t.Errorf("%+v", l)
	}
}

// TestRepairNothing: what is sound stays as it is.
func TestRepairNothing(t *testing.T) {
	m, _ := filled(t)
	before := allContent(t, m)
	got, err := ExecuteRepair(repairOptions(m))
	must(t, err)
	if got.Damage != nil || got.Backup != "" || cmp.Diff(before, allContent(t, m)) != "" {
		t.Errorf("%+v", got)
	}
}
