package replica

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	f.add(nil)
	if err := f.err(); err != nil {
		t.Error(err)
	}
	for i := range 100_000 {
		f.add(fmt.Errorf("partition %d: %w", i, kerr.KafkaStorageError))
	}
	got := f.err().Error()
	if !strings.HasPrefix(got, "partition 0: ") || strings.Count(got, "; ") != maxToldFailures ||
		!strings.HasSuffix(got, "; and 99995 more partitions") || !errors.Is(f.err(), kerr.KafkaStorageError) {
		t.Error(got)
	}
}

// An image with many partitions that cannot be opened makes one error, which
// names a few of them and counts the rest.
func TestApplyNamesAFewOfManyFailures(t *testing.T) {
	const topics, partitions = 3, 20
	w := newWorld(t)
	w.fs.SetQuota(w.fs.Used() + 1)
	var records []metadata.Record
	for n := range topics {
		id := metadata.TopicID{byte(n + 100)}
		records = append(records, &metadata.TopicRecord{Name: fmt.Sprintf("t%d", n), TopicID: id})
		for i := range int32(partitions) {
			records = append(records, &metadata.PartitionRecord{TopicID: id, PartitionID: i, Replicas: []int32{self}, ISR: []int32{self}, Leader: self})
		}
	}
	err := w.tryApply(records...)
	if err == nil || strings.Count(err.Error(), "open t") != maxToldFailures ||
		!strings.Contains(err.Error(), fmt.Sprintf("and %d more partitions", topics*partitions-maxToldFailures)) {
		t.Errorf("%v", err)
	}
	if w.m.Pending() != topics*partitions {
		t.Errorf("%d wait", w.m.Pending())
	}
}
