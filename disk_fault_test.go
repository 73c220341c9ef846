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
				if tries++; tries < 20 { // then the state log is written
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
