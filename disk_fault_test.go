package headrace

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/vfs"
)

// A disk that has failed once is not trusted again before a restart, even if all
// later calls succeed: nothing is acknowledged, nothing in memory is served. The
// other directory goes on, and after the restart all that was acknowledged is
// there.
func TestOneFaultTakesADirectoryOffLine(t *testing.T) {
	for name, rule := range map[string]vfs.Rule{
		"write":              {Op: vfs.OpWrite, Path: "/b/t-*/*.log"},
		"read":               {Op: vfs.OpRead, Path: "/b/t-*/*.log"},
		"short write":        {Op: vfs.OpWrite, Path: "/b/t-*/*.log", Short: 30},
		"sync":               {Op: vfs.OpSync, Path: "/b/t-*/*.log"},
		"state log's write":  {Op: vfs.OpWrite, Path: "/b/state.log*"},
		"state log's sync":   {Op: vfs.OpSync, Path: "/b/state.log*"},
		"new segment":        {Op: vfs.OpOpen, Path: "/b/t-*/*1*.log"},
		"new segment's name": {Op: vfs.OpSyncDir, Path: "/b/t-*"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "/a", "/b")
			m.start()
			m.create("t", 2)
			broken, whole := m.in("/b", "t")[0], m.in("/a", "t")[0]
			m.setConfig("t", "segment.bytes", "1048576")
			acked := map[int32][]string{}
			put := func(i int32, v string) int16 {
				code := m.produce("t", i, v)
				if code == 0 {
					acked[i] = append(acked[i], v)
				}
				return code
			}
			put(broken, "first")
			put(whole, "first")
			rule.Times, rule.Err = 1, syscall.EIO
			m.disk.Add(rule)
			failed := func() bool { return m.node.dirs[1].Failed() != nil }
			tries := 0
			m.until("the disk has failed", func() bool {
				if tries++; rule.Op == vfs.OpRead {
					m.fetchAlone("t", broken)
				} else if tries < 20 { // then the state log is written
					put(broken, fmt.Sprintf("%d.%s", tries, strings.Repeat("x", 400_000)))
				}
				return failed()
			})
			m.disk.Clear()
			m.refused("t", broken)
			if p := ask[*kmsg.FetchResponse](m.c, fetchRequest("t", broken, 0, 0), 12).Topics[0].Partitions[0]; p.ErrorCode != kerr.KafkaStorageError.Code || len(p.RecordBatches) > 0 {
				t.Errorf("fetch from a failed disk: %v and %d bytes", kerr.ErrorForCode(p.ErrorCode), len(p.RecordBatches))
			}
			for i := range 3 {
				if code := put(whole, fmt.Sprint(i)); code != 0 {
					t.Errorf("produce to the other directory: %v", kerr.ErrorForCode(code))
				}
			}
			m.stop()
			m.start()
			m.until("the partition is led again", func() bool { return m.state("t", broken).HasLeader() })
			put(broken, "last")
			for i, want := range acked {
				// What was not acknowledged may be there, in its place.
				got := slices.DeleteFunc(m.values("t", i), func(v string) bool { return !slices.Contains(want, v) })
				if !slices.Equal(got, want) {
					t.Errorf("t-%d holds %d records, %d were acknowledged", i, len(got), len(want))
				}
			}
		})
	}
}

// fetchAlone fetches on a connection of its own, until that is answered or ends.
func (m *machine) fetchAlone(topic string, i int32) {
	m.t.Helper()
	c := dialWire(m.t, m.node.Addr("PLAINTEXT"))
	req := fetchRequest(topic, i, 0, 0)
	req.SetVersion(12)
	c.send(req)
	_, _ = c.conn.Read(make([]byte, 1)) // what comes is none of the test's business
	_ = c.conn.Close()                  // likewise
}

func (m *machine) setConfig(topic, name, value string) {
	m.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Value = name, &value
	r.Configs = append(r.Configs, c)
	req.Resources = append(req.Resources, r)
	if code := ask[*kmsg.IncrementalAlterConfigsResponse](m.c, req, 1).Resources[0].ErrorCode; code != 0 {
		m.t.Fatalf("set %s: %v", name, kerr.ErrorForCode(code))
	}
}

// Too many open files say nothing about a disk: what needs another one is
// refused, the rest goes on, and all is well when there are files again.
func TestTooManyOpenFiles(t *testing.T) {
	m := newMachine(t, "/a", "/b")
	m.start()
	m.create("t", 2)
	m.setConfig("t", "segment.bytes", "1048576")
	m.mustProduce("t", "first", 0, 1)
	acked := map[int32][]string{0: {"first"}, 1: {"first"}}
	m.disk.Add(vfs.Rule{Op: vfs.OpOpen, Err: syscall.EMFILE})
	refused := 0
	for n := range 6 {
		for i := range int32(2) {
			v := fmt.Sprintf("%d.%s", n, strings.Repeat("x", 400_000))
			switch code := m.produce("t", i, v); code {
			case 0:
				acked[i] = append(acked[i], v)
			case kerr.KafkaStorageError.Code: // a new segment
				refused++
			default:
				t.Fatalf("produce: %v", kerr.ErrorForCode(code))
			}
			if got := m.values("t", i); !slices.Equal(got, acked[i]) {
				t.Fatalf("t-%d holds %d records, %d were acknowledged", i, len(got), len(acked[i]))
			}
		}
	}
	m.request("later")
	if code := m.produce("later", 0, "x"); code != kerr.KafkaStorageError.Code || refused == 0 {
		t.Errorf("produce to a topic that has no files: %v; %d refused", kerr.ErrorForCode(code), refused)
	}
	m.disk.Clear()
	m.mustProduce("t", "last", 0, 1)
	m.until("the new topic is there", func() bool { return m.produce("later", 0, "x") == 0 })
	for _, d := range m.node.dirs {
		if err := d.Failed(); err != nil {
			t.Errorf("%s has failed: %v", d.Path(), err)
		}
	}
	m.stop()
	m.start()
	for i, want := range acked {
		if got := m.values("t", i); !slices.Equal(got, append(want, "last")) {
			t.Errorf("t-%d holds %d records, %d were acknowledged", i, len(got), len(want)+1)
		}
	}
}
