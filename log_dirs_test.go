package headrace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/vfs"
)

// machine is a node with several log directories whose disks a test breaks, and
// which it starts again with what they hold.
type machine struct {
	t     *testing.T
	mem   *vfs.Mem
	disk  *vfs.Faulty
	props map[string]string
	node  *Node
	c     *wireClient
	stop  func()
	// logger is the node's; nil logs to the test.
	logger *slog.Logger
}

// newMachine makes a machine with these log directories. Nothing runs yet.
func newMachine(t *testing.T, dirs ...string) *machine {
	m := &machine{t: t, mem: vfs.NewMem(), props: map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "log.dirs": strings.Join(dirs, ","),
		"offsets.topic.num.partitions": "2", "group.initial.rebalance.delay.ms": "0",
	}}
	m.disk = vfs.NewFaulty(m.mem)
	t.Cleanup(func() {
		if m.stop != nil {
			m.stop()
		}
	})
	return m
}

func (m *machine) try() (*Node, error) {
	logger := m.logger
	if logger == nil {
		logger = slog.New(slog.NewTextHandler(m.t.Output(), nil))
	}
	return New(Config{Properties: m.props}, WithFS(m.disk), WithLogger(logger))
}

func (m *machine) start() {
	m.t.Helper()
	n, err := m.try()
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	m.stop = func() {
		m.stop = nil
		cancel()
		// A directory that has failed cannot be closed in order.
		if err := <-done; err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
			m.t.Errorf("stop: %v", err)
		}
	}
	select {
	case <-n.Ready():
	case <-time.After(60 * time.Second):
		m.t.Fatal("not ready")
	}
	m.node, m.c = n, dialWire(m.t, n.Addr("PLAINTEXT"))
	if err := m.c.conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil { // a slow machine is none of our tests' business
		m.t.Fatal(err)
	}
}

// create makes a topic and waits until the controller knows where its replicas
// are.
func (m *machine) create(name string, partitions int32) {
	m.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = name, partitions, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](m.c, req, 7); resp.Topics[0].ErrorCode != 0 {
		m.t.Fatalf("create topic: %v", kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
	m.until("the controller knows the directories", func() bool {
		for i := range partitions {
			if dir, _ := m.state(name, i).Directory(m.node.set.nodeID); metadata.ReservedUUID(dir) {
				return false
			}
		}
		return true
	})
}

func (m *machine) state(topic string, i int32) *metadata.Partition {
	return m.node.follower.Image().Partition(topic, i)
}

// until waits for something that must happen.
func (m *machine) until(what string, done func() bool) {
	m.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(60 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			m.t.Fatalf("it never came to this: %s", what)
		}
	}
}

// in lists the partitions of a topic that a directory holds, by the files.
func (m *machine) in(dir, topic string) (out []int32) {
	m.t.Helper()
	entries, err := m.mem.ReadDir(dir)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		var i int32
		if _, err := fmt.Sscanf(e.Name(), topic+"-%d", &i); err == nil && e.Name() == fmt.Sprintf("%s-%d", topic, i) {
			out = append(out, i)
		}
	}
	return out
}

func (m *machine) produce(topic string, i int32, value string) int16 {
	m.t.Helper()
	resp := ask[*kmsg.ProduceResponse](m.c, produceRequest(topic, i, -1, batchOf(m.t, value)), 9)
	return resp.Topics[0].Partitions[0].ErrorCode
}

// mustProduce produces to partitions and fails the test if one is refused.
func (m *machine) mustProduce(topic string, value string, partitions ...int32) {
	m.t.Helper()
	for _, i := range partitions {
		if code := m.produce(topic, i, value); code != 0 {
			m.t.Fatalf("produce to %s-%d: %v", topic, i, kerr.ErrorForCode(code))
		}
	}
}

// values reads a partition from its start.
func (m *machine) values(topic string, i int32) (out []string) {
	m.t.Helper()
	for next := int64(0); ; {
		p := ask[*kmsg.FetchResponse](m.c, fetchRequest(topic, i, next, 0), 12).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			m.t.Fatalf("fetch %s-%d at %d: %v", topic, i, next, kerr.ErrorForCode(p.ErrorCode))
		}
		if len(p.RecordBatches) == 0 {
			return out
		}
		for rest := p.RecordBatches; len(rest) > 0; {
			b, r, err := record.Next(rest)
			if err != nil {
				m.t.Fatal(err)
			}
			out = append(out, recordValues(m.t, b)...)
			next, rest = b.NextOffset(), r
		}
	}
}

// refused fails the test unless produce to these partitions is answered with
// KAFKA_STORAGE_ERROR and nobody leads them.
func (m *machine) refused(topic string, partitions ...int32) {
	m.t.Helper()
	for _, i := range partitions {
		if code := m.produce(topic, i, "refused"); code != kerr.KafkaStorageError.Code {
			m.t.Errorf("produce to %s-%d: %v", topic, i, kerr.ErrorForCode(code))
		}
		m.until(fmt.Sprintf("nobody leads %s-%d", topic, i), func() bool { return !m.state(topic, i).HasLeader() })
	}
}

func TestTheControllerKnowsWhereReplicasAre(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 10)
	m.sameDirs("t")
	if a, b := m.in("/a", "t"), m.in("/b", "t"); len(a) != 5 || len(b) != 5 {
		t.Errorf("/a holds %v and /b holds %v", a, b)
	}
	m.stop()
	m.start()
	m.sameDirs("t")
	m.mustProduce("t", "x", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
}

// sameDirs waits until the controller's view is that of the disk.
func (m *machine) sameDirs(topic string) {
	m.t.Helper()
	for _, d := range m.node.dirs {
		for _, i := range m.in(d.Path(), topic) {
			m.until(fmt.Sprintf("the controller knows that %s-%d is in %s", topic, i, d.Path()), func() bool {
				dir, _ := m.state(topic, i).Directory(m.node.set.nodeID)
				return dir == d.ID
			})
		}
	}
}

func TestOneDirectoryOfTwoFails(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 4)
	inA, inB := m.in("/a", "t"), m.in("/b", "t")
	m.mustProduce("t", "kept", 0, 1, 2, 3)
	m.disk.Add(vfs.Rule{Op: vfs.OpSync, Path: "/b/*/*", Err: syscall.EIO})
	m.refused("t", inB...)
	m.mustProduce("t", "more", inA...)
	m.create("later", 2)
	m.mustProduce("later", "x", 0, 1)
	if got := m.in("/b", "later"); len(got) > 0 {
		t.Errorf("the failed directory was given %v", got)
	}
	m.stop()

	// Still broken when the node is started again: it does so without.
	m.disk.Add(vfs.Rule{Path: "/b*", Err: syscall.EIO})
	m.start()
	m.refused("t", inB...)
	m.mustProduce("t", "still", inA...)
	if dirs := m.describe(); dirs["/b"].ErrorCode != kerr.KafkaStorageError.Code || dirs["/a"].ErrorCode != 0 {
		t.Errorf("log directories are described as %+v", dirs)
	}
	m.stop()

	// And mended.
	m.disk.Clear()
	m.start()
	for _, i := range inB {
		m.until("the partition is led again", func() bool { return m.state("t", i).HasLeader() })
		if got := m.values("t", i); len(got) == 0 || got[0] != "kept" {
			t.Errorf("t-%d holds %q", i, got)
		}
		m.mustProduce("t", "again", i)
	}
	for _, i := range inA {
		if got := m.values("t", i); !slices.Equal(got, []string{"kept", "more", "still"}) {
			t.Errorf("t-%d holds %q", i, got)
		}
	}
	m.sameDirs("t")
}

func (m *machine) describe() map[string]kmsg.DescribeLogDirsResponseDir {
	m.t.Helper()
	out := map[string]kmsg.DescribeLogDirsResponseDir{}
	for _, d := range ask[*kmsg.DescribeLogDirsResponse](m.c, kmsg.NewPtrDescribeLogDirsRequest(), 4).Dirs {
		out[d.Dir] = d
	}
	return out
}

// A directory that comes back empty, as a mount point without its disk does, or
// that is taken out of the configuration, costs its partitions their leaders. No
// empty log takes their place: the disk may come back.
func TestADirectoryIsEmptiedOrTakenAway(t *testing.T) {
	for _, how := range []string{"emptied", "taken out of log.dirs"} {
		t.Run(how, func(t *testing.T) {
			m := newMachine(t, "/a", "/b")
			m.start()
			m.create("t", 4)
			inA, inB := m.in("/a", "t"), m.in("/b", "t")
			m.mustProduce("t", "kept", 0, 1, 2, 3)
			m.stop()

			if err := m.mem.Rename("/b", "/elsewhere"); err != nil {
				t.Fatal(err)
			}
			if how != "emptied" {
				m.props["log.dirs"] = "/a"
			}
			m.start()
			m.refused("t", inB...)
			m.mustProduce("t", "more", inA...)
			m.create("later", 4)
			m.mustProduce("later", "x", 0, 1, 2, 3)
			m.stop()

			if err := m.mem.RemoveAll("/b"); err != nil {
				t.Fatal(err)
			}
			if err := m.mem.Rename("/elsewhere", "/b"); err != nil {
				t.Fatal(err)
			}
			m.props["log.dirs"] = "/a,/b"
			m.start()
			for _, i := range inB {
				m.until("the partition is led again", func() bool { return m.state("t", i).HasLeader() })
				if got := m.values("t", i); !slices.Equal(got, []string{"kept"}) {
					t.Errorf("t-%d holds %q", i, got)
				}
			}
		})
	}
}

func TestADirectoryThatIsACopyOfAnother(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.stop()
	b, err := vfs.ReadFile(m.mem, filepath.Join("/a", config.MetaFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := vfs.ReplaceFile(m.mem, filepath.Join("/b", config.MetaFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = m.try()
	if err == nil || !strings.Contains(err.Error(), "/a and /b have the same directory.id") {
		t.Fatalf("started, or without the right words: %v", err)
	}
}

func TestNoNodeWithoutItsMetadata(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.props["metadata.log.dir"] = "/m"
	m.start()
	m.create("t", 2)
	if got, err := m.mem.ReadDir("/m"); err != nil || slices.ContainsFunc(got, func(e os.DirEntry) bool { return e.Name() == "t-0" || e.Name() == "t-1" }) {
		t.Errorf("the metadata directory holds %v, %v", got, err)
	}
	if _, err := m.try(); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("a second node on the same directories: %v", err)
	}

	// Its failure ends decisions, not the data path.
	m.disk.Add(vfs.Rule{Op: vfs.OpSync, Path: "/m/*/*", Err: syscall.EIO})
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = "later", 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](m.c, req, 7); resp.Topics[0].ErrorCode != kerr.KafkaStorageError.Code {
		t.Errorf("create topic: %v", kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
	m.mustProduce("t", "x", 0, 1)
	if err := m.node.readiness(); !errors.Is(err, syscall.EIO) {
		t.Errorf("readiness: %v", err)
	}
	m.stop()

	m.disk.Clear()
	m.disk.Add(vfs.Rule{Path: "/m*", Err: syscall.EIO})
	if _, err := m.try(); err == nil || !strings.Contains(err.Error(), "metadata.log.dir") {
		t.Fatalf("started, or without the right words: %v", err)
	}
	m.disk.Clear()
	m.start()
	for i := range int32(2) {
		if got := m.values("t", i); !slices.Equal(got, []string{"x"}) {
			t.Errorf("t-%d holds %q", i, got)
		}
	}
	m.stop()
	m.disk.Add(vfs.Rule{Path: "/[ab]*", Err: syscall.EIO})
	if _, err := m.try(); err == nil || !strings.Contains(err.Error(), "none of log.dirs") {
		t.Fatalf("started, or without the right words: %v", err)
	}
}

// recordValues are the values of an uncompressed batch.
func recordValues(t *testing.T, b record.Batch) (out []string) {
	t.Helper()
	it := b.Iterate(b.Records())
	for r := (record.Record{}); it.Next(&r); {
		out = append(out, string(r.Value))
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
