package crash

import (
	"context"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTooFewFiles runs the broker with a hundred open files at most, with more
// partitions and more connections than that. It refuses what it cannot hold, and
// serves on: those that are connected at once, everybody when there is room.
func TestTooFewFiles(t *testing.T) {
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		t.Skip("there is no prlimit")
	}
	const files, crowd, many = 100, 200, 120
	b := build(t)
	b.wrap = func(program string, args ...string) *exec.Cmd {
		return exec.Command(prlimit, append([]string{"--nofile=100:100", "--", program}, args...)...)
	}
	b.start()
	defer b.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), eager())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, many, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	everywhere := func(what string) {
		t.Helper()
		var records []*kgo.Record
		for p := range int32(many) {
			records = append(records, &kgo.Record{Partition: p, Value: []byte(what)})
		}
		if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	everywhere("alone")
	var conns []net.Conn
	for range crowd {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", b.addr)
		if err != nil {
			break // the listener's queue is full: that is one way to refuse
		}
		conns = append(conns, conn)
	}
	everywhere("in a crowd")
	for _, conn := range conns {
		_ = conn.Close() // the broker may have done so before
	}
	everywhere("after the crowd")
	if b.cmd.ProcessState != nil {
		t.Fatal("the broker has ended")
	}
	late, err := kgo.NewClient(kgo.SeedBrokers(b.addr), eager())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	ends, err := kadm.NewClient(late).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatalf("a client that comes later: %v", err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset != 3 {
			t.Errorf("partition %d has %d records", o.Partition, o.Offset)
		}
	})
	t.Logf("%d connections to a broker with %d files, %d partitions", len(conns), files, many)
}
