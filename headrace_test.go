package headrace

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startNode runs a node on free ports of loopback and returns it with its
// address.
func startNode(t *testing.T, dir string, opts ...Option) (*Node, string, func()) {
	t.Helper()
	opts = append([]Option{WithLogger(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})))}, opts...)
	n, err := New(Config{Properties: map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "log.dirs": dir,
		"group.initial.rebalance.delay.ms": "0",
	}}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-done:
		t.Fatalf("the node ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("not ready")
	}
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	return n, n.Addr("PLAINTEXT"), stop
}

func TestARecordGoesThroughAllRooms(t *testing.T) {
	dir := t.TempDir()
	_, addr, stop := startNode(t, dir)
	produceAndConsume(t, addr, 0)
	stop()
	_, addr, stop = startNode(t, dir)
	produceAndConsume(t, addr, 1000)
	stop()
}

func produceAndConsume(t *testing.T, addr string, before int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("events"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range 1000 {
		cl.Produce(ctx, kgo.StringRecord(fmt.Sprintf("record %d", before+i)), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	group, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("events"), kgo.ConsumerGroup("g"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	for next := before; next < before+1000; {
		fs := group.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if want := fmt.Sprintf("record %d", next); string(r.Value) != want || r.Offset != int64(next) {
				t.Fatalf("offset %d: %q, want %q", r.Offset, r.Value, want)
			}
			next++
		})
	}
	if err := group.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup("events", 0); !ok || o.At != int64(before+1000) {
		t.Fatalf("committed %+v", o)
	}
}
