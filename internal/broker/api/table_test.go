package api

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/kafka/wire"
)

var update = flag.Bool("update", false, "write docs/protocol.md")

// forAnybody are the APIs that need no permission.
var forAnybody = []int16{wire.APIVersions, wire.DescribeCluster, wire.GetTelemetrySubscriptions, wire.PushTelemetry}

const protocolPage = "../../../docs/protocol.md"

func TestEveryRowIsWhole(t *testing.T) {
	seen := map[int16]bool{}
	for i, r := range table {
		k := wire.KeyOf(r.key)
		switch {
		case k == nil:
			t.Errorf("row %d: key %d is not in wire.Keys", i, r.key)
			continue
		case seen[r.key]:
			t.Errorf("%s is there twice", k.Name)
		case r.handle == nil:
			t.Errorf("%s has no handler", k.Name)
		case r.on == 0 || r.on&^k.Listeners != 0:
			t.Errorf("%s: listeners %b, Kafka serves it on %b", k.Name, r.on, k.Listeners)
		case i > 0 && table[i-1].key >= r.key:
			t.Errorf("%s is out of order", k.Name)
		case r.acl == open && !slices.Contains(forAnybody, r.key):
			t.Errorf("%s names no permission", k.Name)
		}
		seen[r.key] = true
	}
}

func TestProtocolPageIsMadeFromTheTable(t *testing.T) {
	want := protocol()
	if *update {
		if err := os.WriteFile(protocolPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/protocol.md is not what the table says: run go test ./internal/broker/api -run Protocol -update")
	}
}

// protocol renders the reference page.
func protocol() string {
	var b strings.Builder
	b.WriteString("# Protocol\n\nEvery API of Apache Kafka 4.3.1 and what Headrace does with it. " +
		"Versions are the same on both sides; what is not served is not advertised.\n\n" +
		"| Key | API | Versions | Listeners | Permission | Served |\n|--:|---|---|---|---|---|\n")
	rows := indexRows(table[:])
	for i := range wire.Keys {
		k := &wire.Keys[i]
		permission, served := "", "not yet"
		if r := rows[k.Num]; r != nil {
			served = "yes"
			if permission = "none"; r.acl != open {
				permission = fmt.Sprintf("%s on %s", r.acl.op, r.acl.resource)
			}
		}
		fmt.Fprintf(&b, "| %d | %s | %d–%d | %s | %s | %s |\n", k.Num, k.Name, k.Min, k.Max, listeners(k.Listeners), permission, served)
	}
	return b.String()
}

func listeners(l wire.Listener) string {
	var out []string
	if l&wire.OnBroker != 0 {
		out = append(out, "broker")
	}
	if l&wire.OnController != 0 {
		out = append(out, "controller")
	}
	return strings.Join(out, ", ")
}

// changing are the requests that change something without the controller.
var changing = []int16{
	wire.OffsetCommit, wire.JoinGroup, wire.Heartbeat, wire.LeaveGroup, wire.SyncGroup, wire.InitProducerID,
	wire.DeleteGroups, wire.OffsetDelete, wire.AlterReplicaLogDirs,
}

// A request that cannot be served because the controller is away, or because the
// broker is read-only, must be told so, in a place that the client looks at.
func TestEveryChangingRequestHasAnErrorResponse(t *testing.T) {
	for _, r := range table {
		if !controller.Handles(r.key) && !slices.Contains(changing, r.key) {
			continue
		}
		k := wire.KeyOf(r.key)
		req := kmsg.RequestForKey(r.key)
		req.SetVersion(k.Max)
		fillOne(req)
		resp := errorResponse(req, failure{code: 41})
		resp.SetVersion(k.Max)
		if !bytes.Contains(resp.AppendTo(nil), []byte{0, 41}) {
			t.Errorf("%s: the error is nowhere in %+v", k.Name, resp)
		}
	}
}

// fillOne makes the request name one thing, where errors are told for each.
func fillOne(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		r.Topics = append(r.Topics, kmsg.NewCreateTopicsRequestTopic())
	case *kmsg.DeleteTopicsRequest:
		r.Topics = append(r.Topics, kmsg.NewDeleteTopicsRequestTopic())
	case *kmsg.CreatePartitionsRequest:
		r.Topics = append(r.Topics, kmsg.NewCreatePartitionsRequestTopic())
	case *kmsg.OffsetCommitRequest:
		one := kmsg.NewOffsetCommitRequestTopic()
		one.Partitions = append(one.Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
		r.Topics = append(r.Topics, one)
	case *kmsg.DeleteGroupsRequest:
		r.Groups = append(r.Groups, "g")
	case *kmsg.AlterReplicaLogDirsRequest:
		one := kmsg.NewAlterReplicaLogDirsRequestDirTopic()
		one.Partitions = append(one.Partitions, 0)
		r.Dirs = append(r.Dirs, kmsg.AlterReplicaLogDirsRequestDir{Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{one}})
	case *kmsg.AlterConfigsRequest:
		r.Resources = append(r.Resources, kmsg.NewAlterConfigsRequestResource())
	case *kmsg.IncrementalAlterConfigsRequest:
		r.Resources = append(r.Resources, kmsg.NewIncrementalAlterConfigsRequestResource())
	}
}
