package headrace

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/vfs"
)

// faultyNode starts a node on a disk in memory that fails as the test says.
func faultyNode(t *testing.T) (*Node, *wireClient, *vfs.Faulty) {
	t.Helper()
	disk := vfs.NewFaulty(vfs.NewMem())
	n, err := New(Config{Properties: map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "log.dirs": "/data",
	}}, WithFS(disk), WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		// A directory that has failed cannot be closed in order.
		if err := <-done; err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case <-n.Ready():
	case <-time.After(time.Minute):
		t.Fatal("not ready")
	}
	return n, dialWire(t, n.Addr("PLAINTEXT")), disk
}

func (c *wireClient) createTopic(name string) {
	c.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = name, 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](c, req, 7); resp.Topics[0].ErrorCode != 0 {
		c.t.Fatalf("create topic: %v", kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
}

func (c *wireClient) produce(topic string) int16 {
	c.t.Helper()
	resp := ask[*kmsg.ProduceResponse](c, produceRequest(topic, 0, -1, batchOf(c.t, "x")), 9)
	return resp.Topics[0].Partitions[0].ErrorCode
}

// leaderless waits until the metadata name no leader of a topic's partition.
func (n *Node) leaderless(t *testing.T, topic string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for n.follower.Image().Partition(topic, 0).HasLeader() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s still has a leader", topic)
		}
	}
}

func TestATopicMadeOnAFullDiskWorksWhenSpaceIsBack(t *testing.T) {
	_, c, disk := faultyNode(t)
	disk.Add(vfs.Rule{Op: vfs.OpMkdir, Path: "/data/t-0", Err: syscall.ENOSPC})
	c.createTopic("t")
	if code := c.produce("t"); code != kerr.KafkaStorageError.Code {
		t.Fatalf("produce on a full disk: %v", kerr.ErrorForCode(code))
	}
	disk.Clear()
	for c.produce("t") != 0 { // until the connection's deadline
		runtime.Gosched()
	}
}

func TestTheNodeOutlivesItsLastDirectory(t *testing.T) {
	n, c, disk := faultyNode(t)
	c.createTopic("t")
	if code := c.produce("t"); code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	consumer := dialWire(t, n.Addr("PLAINTEXT"))
	parked := fetchRequest("t", 0, 1, 600_000) // far beyond the connection's deadline
	parked.SetVersion(11)
	consumer.send(parked)
	disk.Add(vfs.Rule{Op: vfs.OpSync, Path: "/data/t-0/*", Err: syscall.EIO})
	if code := c.produce("t"); code != kerr.KafkaStorageError.Code {
		t.Errorf("produce: %v", kerr.ErrorForCode(code))
	}
	var fetched kmsg.FetchResponse
	fetched.SetVersion(11)
	consumer.receive(&fetched)
	if code := fetched.Topics[0].Partitions[0].ErrorCode; code != kerr.KafkaStorageError.Code {
		t.Errorf("fetch: %v", kerr.ErrorForCode(code))
	}
	n.leaderless(t, "t")
	c.createTopic("later")
	if code := c.produce("later"); code != kerr.KafkaStorageError.Code {
		t.Errorf("a topic without a directory: %v", kerr.ErrorForCode(code))
	}
}
