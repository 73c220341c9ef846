package replica

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
)

// TestReadOnlyChangesNothing: an image that is older than the directories is
// served from what they hold, and nothing follows from what it does not know.
func TestReadOnlyChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.settings.Log.SegmentBytes, w.settings.Log.RetentionBytes = 1, -1
	p := w.create(self)
	for _, v := range []string{"kept", "too"} {
		a := w.produce(p, v)
		c := make(waiter, 1)
		p.WhenCommitted(a.LastOffset+1, c)
		if err := w.await(c); err != nil {
			t.Fatal(err)
		}
	}
	old := w.img
	w.apply(newTopic(metadata.TopicID{8}, "later")...)
	if err := p.Log().Dir().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := log.OpenDir(log.DirOptions{FS: w.fs, Path: "/data", BootID: "boot"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	damage := fmt.Errorf("damaged: %w", kerr.KafkaStorageError)
	w.settings.Log.RetentionBytes = 1
	w.m = NewManager(Options{
		BrokerID: self, Dirs: []Dir{{Dir: d, ID: metadata.UUID{9}}}, ReadOnly: damage,
		Settings: func(*metadata.Image, string) *Settings { s := w.settings; return &s },
		Located: func(metadata.TopicID, int32, metadata.UUID, func()) {
			t.Error("the controller is told of a directory")
		},
	})
	w.img = metadata.Empty()
	if err := w.m.Apply(metadata.Compare(w.img, old)); err != nil {
		t.Fatal(err)
	}
	w.img = old
	deleted := metadata.TopicID{77} // behind the end of the image
	err = w.tryApply(append(newTopic(deleted, "deleted"),
		&metadata.PartitionChangeRecord{TopicID: topicID, Leader: self, ISR: []int32{self}})...)
	if !errors.Is(err, damage) || !strings.Contains(err.Error(), "deleted-0") {
		t.Errorf("a partition that is stored nowhere: %v", err)
	}
	if err := w.m.Quarantine(w.img); err != nil {
		t.Error(err)
	}
	for name, there := range map[string]bool{"t-0": true, "later-0": true, "deleted-0": false} {
		if _, err := w.fs.Stat("/data/" + name); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := w.m.Partition("t", 0)
	if q == nil || !q.Leads() || q.HighWatermark() != 2 {
		t.Fatalf("%+v", q)
	}
	if epoch, _ := q.Log().EndOffsetForEpoch(q.LeaderEpoch()); epoch >= q.LeaderEpoch() {
		t.Errorf("the log has taken epoch %d", epoch)
	}
	if _, err := q.Append(batch(t, "more"), AppendOptions{LeaderEpoch: -1, Now: time.Now()}); !errors.Is(err, damage) {
		t.Errorf("append: %v", err)
	}
	if _, err := q.DeleteRecordsBefore(1); !errors.Is(err, damage) {
		t.Errorf("delete records: %v", err)
	}
	if n, err := q.Retain(time.Now().Add(1000 * time.Hour)); n != 0 || err != nil || q.Log().StartOffset() != 0 {
		t.Errorf("retention: %d, %v", n, err)
	}
}
