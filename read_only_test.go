package headrace

import (
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/vfs"
)

const damagedDir = "/data/__cluster_metadata-0"

// logLines is a log that tests read.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

// with counts the lines that contain a text.
func (l *logLines) with(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// contents are the files below a directory.
func contents(t *testing.T, disk vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name := range filesIn(t, disk, dir) {
		b, err := vfs.ReadFile(disk, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(b)
	}
	return all
}

// metadataFile is the only file of the metadata log that has a text in its name
// and in its bytes, and where in it.
func metadataFile(t *testing.T, disk vfs.FS, name, text string) (file string, pos int64) {
	t.Helper()
	for f, b := range contents(t, disk, damagedDir) {
		if at := strings.Index(b, text); at >= 0 && strings.Contains(path.Base(f), name) {
			return f, int64(at)
		}
	}
	t.Fatalf("no %s has %q", name, text)
	return "", 0
}

// TestDamagedMetadataAreServedReadOnly: a lone node whose metadata are damaged
// shows its last good image: all that asks is answered, all that would change
// something gets KAFKA_STORAGE_ERROR and is told of the repair, and nothing is
// changed on its disk.
func TestDamagedMetadataAreServedReadOnly(t *testing.T) {
	for name, hurt := range map[string]func(*testing.T, *vfs.Mem){
		"entry of the log": func(t *testing.T, disk *vfs.Mem) {
			f, at := metadataFile(t, disk, "", "1111111")
			flipBit(t, disk, f, at)
		},
		"snapshot": func(t *testing.T, disk *vfs.Mem) {
			for f := range filesIn(t, disk, damagedDir) {
				if strings.HasSuffix(f, ".snapshot") {
					flipBit(t, disk, f, 30)
				}
			}
		},
		"state file": func(t *testing.T, disk *vfs.Mem) {
			f, _ := metadataFile(t, disk, "quorum-state", "")
			for at := int64(20); at < filesIn(t, disk, damagedDir)[f]; at += 64 {
				flipBit(t, disk, f, at)
			}
		},
	} {
		for _, clean := range []bool{true, false} {
			ended := "killed"
			if clean {
				ended = "stopped"
			}
			t.Run(name+", "+ended, func(t *testing.T) { serveDamaged(t, clean, hurt) })
		}
	}
}

func serveDamaged(t *testing.T, clean bool, hurt func(*testing.T, *vfs.Mem)) {
	m := newMachine(t, "/data")
	m.start()
	m.create("t", 1)
	m.mustProduce("t", "kept", 0)
	m.findCoordinator("g")
	if code := m.commitOffset("g", "t", 1); code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	for _, v := range []string{"1111111", "2222222", "3333333"} {
		m.setConfig("t", "segment.bytes", v)
	}
	if !clean {
		m.node.Abandon()
	}
	m.stop()
	hurt(t, m.mem)
	before := contents(t, m.mem, damagedDir)
	var lines logLines
	m.logger = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
	m.start()
	if err := m.node.readiness(); err == nil || !strings.Contains(err.Error(), "headrace storage repair") {
		t.Errorf("/readyz: %v", err)
	}
	m.answersWhatAsks()
	m.refusesWhatChanges()
	m.answersWhatAsks()
	m.stop()
	if n := lines.with(`msg="the metadata log is damaged"`); n != 1 || lines.with("tried again") > 0 {
		t.Errorf("the log says it %d times: %s", n, lines.lines)
	}
	if diff := cmp.Diff(before, contents(t, m.mem, damagedDir)); diff != "" {
		t.Error("the metadata on disk have changed", diff)
	}
	repaired, err := quorum.ExecuteRepair(quorum.RepairOptions{
		FS: m.mem, Dir: damagedDir, BootID: vfs.BootID(), ClusterID: m.node.storage.clusterID,
		Identity: quorum.Identity{NodeID: m.node.set.nodeID, DirectoryID: m.node.storage.dirs[0].id},
	})
	if err != nil || repaired.Damage == nil {
		t.Fatalf("%+v, %v", repaired, err)
	}
	m.logger = nil
	m.start()
	m.answersWhatAsks()
	m.mustProduce("t", "after the repair", 0)
	m.until("a commit is taken", func() bool { return m.commitOffset("g", "t", 2) == 0 })
	if err := m.node.readiness(); err != nil {
		t.Error(err)
	}
}

// answersWhatAsks: requests that change nothing are answered from the last good
// image.
func (m *machine) answersWhatAsks() {
	m.t.Helper()
	check := func(what string, code int16) {
		m.t.Helper()
		if code != 0 {
			m.t.Errorf("%s: %v", what, kerr.ErrorForCode(code))
		}
	}
	if got := m.values("t", 0); !slices.Equal(got, []string{"kept"}) {
		m.t.Errorf("read: %q", got)
	}
	check("ApiVersions", ask[*kmsg.ApiVersionsResponse](m.c, kmsg.NewPtrApiVersionsRequest(), 0).ErrorCode)
	md := kmsg.NewPtrMetadataRequest()
	for _, x := range ask[*kmsg.MetadataResponse](m.c, md, 12).Topics {
		for _, p := range x.Partitions {
			check("Metadata of "+*x.Topic, p.ErrorCode)
		}
	}
	lo := kmsg.NewPtrListOffsetsRequest()
	lt, lp := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	lp.Timestamp = -1
	lt.Topic, lt.Partitions = "t", append(lt.Partitions, lp)
	lo.ReplicaID, lo.Topics = -1, append(lo.Topics, lt)
	if p := ask[*kmsg.ListOffsetsResponse](m.c, lo, 7).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != 1 {
		m.t.Errorf("ListOffsets: %+v", p)
	}
	if got := m.fetchOffset("g", "t"); got != 1 {
		m.t.Errorf("OffsetFetch: %d", got)
	}
	fc := kmsg.NewPtrFindCoordinatorRequest()
	fc.CoordinatorKey = "g"
	check("FindCoordinator", ask[*kmsg.FindCoordinatorResponse](m.c, fc, 3).ErrorCode)
	dg := kmsg.NewPtrDescribeGroupsRequest()
	dg.Groups = []string{"g"}
	check("DescribeGroups", ask[*kmsg.DescribeGroupsResponse](m.c, dg, 4).Groups[0].ErrorCode)
	check("DescribeCluster", ask[*kmsg.DescribeClusterResponse](m.c, kmsg.NewPtrDescribeClusterRequest(), 1).ErrorCode)
	dc := kmsg.NewPtrDescribeConfigsRequest()
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
	dc.Resources = append(dc.Resources, r)
	check("DescribeConfigs", ask[*kmsg.DescribeConfigsResponse](m.c, dc, 4).Resources[0].ErrorCode)
	check("ListPartitionReassignments", ask[*kmsg.ListPartitionReassignmentsResponse](m.c, kmsg.NewPtrListPartitionReassignmentsRequest(), 0).ErrorCode)
	check("DescribeLogDirs", ask[*kmsg.DescribeLogDirsResponse](m.c, kmsg.NewPtrDescribeLogDirsRequest(), 4).ErrorCode)
}

// refusesWhatChanges: requests that would change something are told why not.
func (m *machine) refusesWhatChanges() {
	m.t.Helper()
	check := func(what string, code int16, messages ...*string) {
		m.t.Helper()
		if code != kerr.KafkaStorageError.Code {
			m.t.Errorf("%s: %v", what, kerr.ErrorForCode(code))
		}
		for _, text := range messages {
			if text == nil || !strings.Contains(*text, "headrace storage repair") {
				m.t.Errorf("%s does not tell what to do", what)
			}
		}
	}
	pr := ask[*kmsg.ProduceResponse](m.c, produceRequest("t", 0, -1, batchOf(m.t, "more")), 9).Topics[0].Partitions[0]
	check("Produce", pr.ErrorCode, pr.ErrorMessage)
	check("OffsetCommit", m.commitOffset("g", "t", 7))
	check("InitProducerID", ask[*kmsg.InitProducerIDResponse](m.c, kmsg.NewPtrInitProducerIDRequest(), 4).ErrorCode)

	j := kmsg.NewPtrJoinGroupRequest()
	j.Group, j.SessionTimeoutMillis, j.RebalanceTimeoutMillis, j.ProtocolType = "g", 10_000, 10_000, "consumer"
	j.Protocols = append(j.Protocols, kmsg.JoinGroupRequestProtocol{Name: "range"})
	check("JoinGroup", ask[*kmsg.JoinGroupResponse](m.c, j, 5).ErrorCode)
	sy := kmsg.NewPtrSyncGroupRequest()
	sy.Group = "g"
	check("SyncGroup", ask[*kmsg.SyncGroupResponse](m.c, sy, 3).ErrorCode)
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Groups = []string{"g"}
	check("DeleteGroups", ask[*kmsg.DeleteGroupsResponse](m.c, del, 1).Groups[0].ErrorCode)

	ct := kmsg.NewPtrCreateTopicsRequest()
	x := kmsg.NewCreateTopicsRequestTopic()
	x.Topic, x.NumPartitions, x.ReplicationFactor = "new", 1, 1
	ct.Topics, ct.TimeoutMillis = append(ct.Topics, x), 60_000
	created := ask[*kmsg.CreateTopicsResponse](m.c, ct, 7).Topics[0]
	check("CreateTopics", created.ErrorCode, created.ErrorMessage)
	dt := kmsg.NewPtrDeleteTopicsRequest()
	dt.TopicNames = []string{"t"}
	deleted := ask[*kmsg.DeleteTopicsResponse](m.c, dt, 5).Topics[0]
	check("DeleteTopics", deleted.ErrorCode, deleted.ErrorMessage)
	ac := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
	ac.Resources = append(ac.Resources, res)
	altered := ask[*kmsg.IncrementalAlterConfigsResponse](m.c, ac, 1).Resources[0]
	check("IncrementalAlterConfigs", altered.ErrorCode, altered.ErrorMessage)
	dr := kmsg.NewPtrDeleteRecordsRequest()
	drt := kmsg.NewDeleteRecordsRequestTopic()
	drt.Topic, drt.Partitions = "t", append(drt.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Offset: -1})
	dr.Topics = append(dr.Topics, drt)
	check("DeleteRecords", ask[*kmsg.DeleteRecordsResponse](m.c, dr, 1).Topics[0].Partitions[0].ErrorCode)
}
