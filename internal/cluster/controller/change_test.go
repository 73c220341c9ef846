package controller

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// wish is one case of testdata/kafka/partition-changes.txt, which
// test/golden/capture/PartitionChanges.java prints with Apache Kafka 4.3.1:
// a partition, who is alive, and what is wanted.
type wish struct {
	Replicas, ISR, ELR, Last, Adding, Removing              []int32
	Leader                                                  int32
	Recovery                                                metadata.LeaderRecoveryState
	Live                                                    []int32
	MinISR                                                  int
	MetadataVersion                                         int16
	ElrEnabled                                              bool
	Election                                                string
	TargetISR, TargetReplicas, TargetAdding, TargetRemoving []int32
	Unclean, TargetRecovery                                 int32
}

// decided is the record that Kafka makes of it, as its JSON has it.
type decided struct {
	ISR, Replicas, RemovingReplicas, AddingReplicas []int32
	EligibleLeaderReplicas, LastKnownElr            []int32
	Leader                                          *int32
	LeaderRecoveryState                             *metadata.LeaderRecoveryState
	Directories                                     []string
}

func (w *wish) change() *change {
	partition := &metadata.Partition{
		Replicas: w.Replicas, ISR: w.ISR, ELR: w.ELR, LastKnownELR: w.Last, AddingReplicas: w.Adding,
		RemovingReplicas: w.Removing, Leader: w.Leader, LeaderEpoch: 5, PartitionEpoch: 6, LeaderRecoveryState: w.Recovery,
	}
	for _, b := range w.Replicas {
		dir := metadata.UUID{7: 17}
		dir[14], dir[15] = byte((1000+b)>>8), byte(1000+b)
		partition.Directories = append(partition.Directories, dir)
	}
	records := []metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, FeatureLevel: w.MetadataVersion},
	}
	for b := range int32(5) {
		records = append(records, &metadata.RegisterBrokerRecord{BrokerID: b})
	}
	img, err := metadata.Restore(records, metadata.Position{})
	if err != nil {
		panic(err)
	}
	t := &metadata.Topic{Partitions: []*metadata.Partition{3: partition}}
	t.Partitions[0] = partition
	g := New(Config{}).newChange(img, t, 3)
	g.acceptable = func(b metadata.BrokerID) bool { return slices.Contains(w.Live, b) }
	g.minISR, g.elr = w.MinISR, w.ElrEnabled
	g.election = map[string]election{"ONLINE": electOnline, "PREFERRED": electPreferred, "UNCLEAN": electUnclean}[w.Election]
	g.unclean = w.Unclean
	if w.TargetISR != nil {
		g.isr = w.TargetISR
	}
	if w.TargetReplicas != nil {
		g.replicas, g.adding, g.removing = w.TargetReplicas, w.TargetAdding, w.TargetRemoving
	}
	if w.TargetRecovery >= 0 {
		g.recovery = metadata.LeaderRecoveryState(w.TargetRecovery)
	}
	return g
}

// TestChangesAsKafka holds that random partitions change here as in Kafka.
func TestChangesAsKafka(t *testing.T) {
	raw, err := os.ReadFile("testdata/kafka/partition-changes.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		input, output, _ := strings.Cut(strings.TrimSpace(line), "\t")
		var w wish
		if err := json.Unmarshal([]byte(input), &w); err != nil {
			t.Fatal(err)
		}
		var want *decided
		if output != "none" {
			want = &decided{}
			if err := json.Unmarshal([]byte(output), want); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(want, asDecided(w.change().build())); d != "" {
			t.Errorf("case %d: %s\n(-Kafka +here):\n%s", n, input, d)
		}
	}
	if n != 700 {
		t.Errorf("%d cases", n)
	}
}

func asDecided(record metadata.Record) *decided {
	if record == nil {
		return nil
	}
	r := record.(*metadata.PartitionChangeRecord)
	d := &decided{
		ISR: r.ISR, Replicas: r.Replicas, RemovingReplicas: r.RemovingReplicas, AddingReplicas: r.AddingReplicas,
		EligibleLeaderReplicas: r.ELR, LastKnownElr: r.LastKnownELR,
	}
	if r.Leader != metadata.NoLeaderChange {
		d.Leader = &r.Leader
	}
	if r.LeaderRecoveryState != metadata.RecoveryUnchanged {
		d.LeaderRecoveryState = &r.LeaderRecoveryState
	}
	for _, dir := range r.Directories {
		d.Directories = append(d.Directories, fmt.Sprint(dir))
	}
	return d
}
