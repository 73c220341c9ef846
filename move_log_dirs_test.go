package headrace

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/vfs"
)

// move asks for partitions in a log directory, and gives the answers by
// partition.
func (m *machine) move(dir, topic string, partitions ...int32) map[int32]error {
	m.t.Helper()
	req := kmsg.NewPtrAlterReplicaLogDirsRequest()
	d := kmsg.NewAlterReplicaLogDirsRequestDir()
	dt := kmsg.NewAlterReplicaLogDirsRequestDirTopic()
	dt.Topic, dt.Partitions = topic, partitions
	d.Dir, d.Topics = dir, append(d.Topics, dt)
	req.Dirs = append(req.Dirs, d)
	out := map[int32]error{}
	for v := int16(1); v <= 2; v++ { // asking twice changes nothing
		resp := ask[*kmsg.AlterReplicaLogDirsResponse](m.c, req, v)
		if len(resp.Topics) != 1 || resp.Topics[0].Topic != topic || len(resp.Topics[0].Partitions) != len(partitions) {
			m.t.Fatalf("v%d: %+v", v, resp)
		}
		for _, p := range resp.Topics[0].Partitions {
			out[p.Partition] = kerr.ErrorForCode(p.ErrorCode)
		}
	}
	return out
}

func TestPartitionsMoveBetweenLogDirectories(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 4)
	inA, inB := m.in("/a", "t"), m.in("/b", "t")
	m.mustProduce("t", "one", 0, 1, 2, 3)
	for p, err := range m.move("/b", "t", inA...) {
		if err != nil {
			t.Errorf("t-%d: %v", p, err)
		}
	}
	m.until("all are in /b", func() bool { return len(m.in("/b", "t")) == 4 && len(m.in("/a", "t")) == 0 })
	m.sameDirs("t")
	m.mustProduce("t", "two", 0, 1, 2, 3)
	dirs := m.describe()
	if len(dirs["/a"].Topics) != 0 || len(dirs["/b"].Topics[0].Partitions) != 4 || dirs["/b"].Topics[0].Partitions[0].Size == 0 {
		t.Errorf("described as %+v", dirs)
	}
	m.stop()
	m.start()
	m.sameDirs("t")
	for p := range int32(4) {
		if got := m.values("t", p); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("t-%d holds %q", p, got)
		}
	}
	m.stop()

	// What was moved is in the directory's hands: with /b lost all are.
	m.disk.Add(vfs.Rule{Path: "/b*", Err: syscall.EIO})
	m.start()
	m.refused("t", slices.Concat(inA, inB)...)
	for p, err := range m.move("/a", "t", inA...) {
		if !errors.Is(err, kerr.ReplicaNotAvailable) {
			t.Errorf("t-%d, whose directory is off line: %v", p, err)
		}
	}
	m.refused("t", slices.Concat(inA, inB)...)
	m.stop()
	m.disk.Clear()
	m.start()
	for p := range int32(4) {
		m.until("the partition is led again", func() bool { return m.state("t", p).HasLeader() })
		m.mustProduce("t", "three", p)
	}
}

// A partition that moves is described in both directories, and the answers are
// those of Kafka.
func TestAMoveThatTakesLong(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 1)
	m.mustProduce("t", "one", 0)
	from, to := "/a", "/b"
	if len(m.in("/b", "t")) > 0 {
		from, to = to, from
	}
	m.disk.Add(vfs.Rule{Op: vfs.OpWrite, Path: to + "/*/*.log", Err: syscall.ENOSPC})
	for _, c := range []struct {
		dir, topic string
		want       error
	}{
		{"/nowhere", "t", kerr.LogDirNotFound},
		{to, "unknown", kerr.UnknownTopicOrPartition},
		{from, "t", nil},
		{to, "t", nil},
	} {
		if err := m.move(c.dir, c.topic, 0)[0]; !errors.Is(err, c.want) {
			t.Errorf("%s to %s: %v", c.topic, c.dir, err)
		}
	}
	m.until("the move is described", func() bool {
		d := m.describe()[to]
		return len(d.Topics) == 1 && d.Topics[0].Partitions[0].IsFuture && d.Topics[0].Partitions[0].OffsetLag == 1
	})
	if p := m.describe()[from].Topics[0].Partitions[0]; p.IsFuture || p.OffsetLag != 0 {
		t.Errorf("the partition itself is described as %+v", p)
	}
	m.disk.Clear()
	m.until("the move ends", func() bool { return len(m.in(to, "t")) == 1 && len(m.in(from, "t")) == 0 })
	if got := m.values("t", 0); !slices.Equal(got, []string{"one"}) {
		t.Errorf("t-0 holds %q", got)
	}
}

// Who has lost a disk for good says so by a move of what was on it: the partition
// begins anew, and empty.
func TestAMoveGivesUpWhatWasOnALostDisk(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 2)
	lost, kept := m.in("/b", "t")[0], m.in("/a", "t")[0]
	m.mustProduce("t", "one", lost, kept)
	m.stop()
	if err := m.mem.RemoveAll("/b"); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.refused("t", lost)
	if err := m.move("/b", "t", lost)[lost]; err != nil && !errors.Is(err, kerr.ReplicaNotAvailable) {
		t.Fatal(err)
	}
	m.until("the partition takes records", func() bool { return m.produce("t", lost, "two") == 0 })
	if got := m.values("t", lost); !slices.Equal(got, []string{"two"}) {
		t.Errorf("t-%d holds %q", lost, got)
	}
	m.sameDirs("t")
	m.stop()
	m.start()
	m.mustProduce("t", "three", lost, kept)
	if got := m.values("t", kept); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("t-%d holds %q", kept, got)
	}
}
