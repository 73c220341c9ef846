package headrace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

// fullDiskCycles is how often a disk is filled and emptied; HEADRACE_FULL_DISK_CYCLES
// sets another number.
func fullDiskCycles(t *testing.T) int {
	t.Helper()
	s := os.Getenv("HEADRACE_FULL_DISK_CYCLES")
	if s == "" {
		return 2
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// smallDisk is a disk that holds everything of a node, and that somebody else
// fills and empties.
type smallDisk struct {
	// leave makes others take all but n bytes of it.
	leave func(n int64)
	// empty makes them go.
	empty func()
}

// quota is a small disk in memory.
func quota(mem *vfs.Mem) smallDisk {
	return smallDisk{
		leave: func(n int64) { mem.SetQuota(mem.Used() + n) },
		empty: func() { mem.SetQuota(0) },
	}
}

// tmpfs mounts a small file system. Where that is not allowed, the test is
// skipped.
func tmpfs(t *testing.T, megabytes int) (dir string, d smallDisk) {
	t.Helper()
	dir = t.TempDir()
	if err := mountTmpfs(dir, megabytes); err != nil {
		t.Skipf("SKIPPED: no file system can be mounted here, so no real disk is filled: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	filler := filepath.Join(dir, "filler")
	return dir, smallDisk{
		leave: func(n int64) {
			free, _, err := vfs.New().Free(dir)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(make([]byte, max(int64(free)-n, 0))); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		},
		empty: func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestAFullDiskInMemory(t *testing.T) {
	m := newMachine(t, "/data")
	fillAndEmpty(m, quota(m.mem), fullDiskCycles(t))
}

func TestAFullDisk(t *testing.T) {
	cycles := fullDiskCycles(t)
	dir, disk := tmpfs(t, 24+8*cycles)
	m := newMachine(t, filepath.Join(dir, "data"))
	m.disk = vfs.NewFaulty(vfs.New())
	fillAndEmpty(m, disk, cycles)
}

// fillAndEmpty fills the disk with records, then with what others write, and
// empties it again. Meanwhile everything is read, and committed, that can be.
func fillAndEmpty(m *machine, disk smallDisk, cycles int) {
	t := m.t
	m.start()
	m.create("t", 1)
	m.findCoordinator("g")
	var acked []string
	committed := int64(-1)
	put := func() int16 {
		v := fmt.Sprintf("%d.%s", len(acked), strings.Repeat("x", 200_000))
		code := m.produce("t", 0, v)
		if code == 0 {
			acked = append(acked, v)
		}
		return code
	}
	commit := func() int16 {
		code := m.commitOffset("g", "t", int64(len(acked)))
		if code == 0 {
			committed = int64(len(acked))
		}
		return code
	}
	check := func(when string) {
		t.Helper()
		if got := m.values("t", 0); !slices.Equal(got, acked) {
			t.Fatalf("%s: %d records are read, %d were acknowledged", when, len(got), len(acked))
		}
		if got := m.fetchOffset("g", "t"); got != committed {
			t.Fatalf("%s: the committed offset is %d, want %d", when, got, committed)
		}
		if b := m.node.follower.Image().Broker(m.node.set.nodeID); b == nil || b.Fenced {
			t.Fatalf("%s: the broker is %+v", when, b)
		}
	}
	ballast := func() bool {
		info, err := m.disk.Stat(filepath.Join(m.node.set.metadataDir, metadata.ClusterMetadataTopic+"-0", "ballast"))
		return err == nil && info.Size() == metadataBallast
	}
	for cycle := range cycles {
		m.until("there is a ballast", ballast)
		m.until("a commit is taken", func() bool { return commit() == 0 })
		disk.leave(diskReserve + 2<<20)
		refused := int16(0)
		for n := 0; refused == 0; n++ {
			if refused = put(); n > 100 {
				t.Fatal("the disk takes everything")
			}
		}
		if refused != kerr.KafkaStorageError.Code {
			t.Fatalf("produce: %v", kerr.ErrorForCode(refused))
		}
		check("with the reserve left")
		disk.leave(0)
		if code := put(); code != kerr.KafkaStorageError.Code {
			t.Fatalf("produce to a full disk: %v", kerr.ErrorForCode(code))
		}
		if code := commit(); code != kerr.NotCoordinator.Code {
			t.Fatalf("commit to a full disk: %v", kerr.ErrorForCode(code))
		}
		// The metadata go on: a partition that cannot be made now is made later.
		later := fmt.Sprintf("later-%d", cycle)
		m.request(later)
		check("with a full disk")
		if cycle%2 == 0 {
			m.node.Abandon() // as kill -9 does
		}
		m.stop()
		m.start()
		check("started with a full disk")
		if code := put(); code != kerr.KafkaStorageError.Code {
			t.Fatalf("produce to a full disk after a start: %v", kerr.ErrorForCode(code))
		}
		disk.empty()
		m.until("produce is taken again", func() bool { return put() == 0 })
		m.until("a commit is taken again", func() bool { return commit() == 0 })
		m.until("the new topic is there", func() bool { return m.produce(later, 0, "x") == 0 })
		check("with room again")
	}
	m.stop()
	m.start()
	check("at last")
}

// request makes a topic of one partition, whether or not its log can be made.
func (m *machine) request(name string) {
	m.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = name, 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](m.c, req, 7); resp.Topics[0].ErrorCode != 0 {
		m.t.Fatalf("create topic: %v", kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
}

// findCoordinator waits until a group has a coordinator.
func (m *machine) findCoordinator(group string) {
	m.t.Helper()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey = group
	m.until("there is a coordinator", func() bool {
		return ask[*kmsg.FindCoordinatorResponse](m.c, req, 3).ErrorCode == 0 && m.commitOffset(group, "t", 0) == 0
	})
}

func (m *machine) commitOffset(group, topic string, offset int64) int16 {
	m.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	rt := kmsg.NewOffsetCommitRequestTopic()
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset = offset
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Group, req.Generation, req.Topics = group, -1, append(req.Topics, rt)
	return ask[*kmsg.OffsetCommitResponse](m.c, req, 8).Topics[0].Partitions[0].ErrorCode
}

// fetchOffset asks until the coordinator has loaded.
func (m *machine) fetchOffset(group, topic string) (offset int64) {
	m.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{0}
	req.Group, req.Topics = group, append(req.Topics, rt)
	m.until("offsets can be fetched", func() bool {
		resp := ask[*kmsg.OffsetFetchResponse](m.c, req, 7)
		if resp.ErrorCode != 0 {
			return false
		}
		offset = resp.Topics[0].Partitions[0].Offset
		return resp.Topics[0].Partitions[0].ErrorCode == 0
	})
	return offset
}
