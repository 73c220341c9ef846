package scale

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// restartWithin is what a clean restart may take in the full form.
const restartWithin = 3 * time.Second

// TestManyPartitions makes SCALE_PARTITIONS partitions (2,000; in full 100,000)
// with a soft limit of 1,024 open files that can be raised to 4,096 only, writes
// to a sample of them, and reads it back after a clean restart and after a kill.
func TestManyPartitions(t *testing.T) {
	const perTopic = 1000
	total := setting(t, "SCALE_PARTITIONS", 2000)
	topics := max(1, total/perTopic)
	b := run(t)
	idle := b.status("VmRSS")
	began := time.Now()
	create(t, b, topics, perTopic)
	t.Logf("%d partitions: created in %s", topics*perTopic, time.Since(began).Round(time.Millisecond))
	report(t, b, idle, topics*perTopic)

	step := max(1, topics*perTopic/4096) // more partitions than open files, in full
	want := write(t, b, topics, perTopic, step)
	report(t, b, idle, topics*perTopic)
	read(t, b, want)

	began = time.Now()
	b.end(syscall.SIGTERM)
	t.Logf("clean stop: %s", time.Since(began).Round(time.Millisecond))
	b.start()
	t.Logf("serving %s after a clean stop", b.ready.Round(time.Millisecond))
	if total >= 100_000 && b.ready > restartWithin {
		t.Errorf("a clean restart took %s, more than %s", b.ready, restartWithin)
	}
	report(t, b, idle, topics*perTopic)
	read(t, b, want)

	b.end(syscall.SIGKILL)
	b.start()
	t.Logf("serving %s after kill -9", b.ready.Round(time.Millisecond))
	read(t, b, want)
	report(t, b, idle, topics*perTopic)
}

func report(t *testing.T, b *broker, idle, partitions int) {
	t.Helper()
	rss := b.status("VmRSS")
	t.Logf("memory %d MiB, %.2f KiB a partition above %d MiB; %d open files", rss>>10, float64(rss-idle)/float64(partitions), idle>>10, b.openFiles())
	if n := b.openFiles(); n > 4096 {
		t.Errorf("%d open files", n)
	}
}

// topicName is the name of the topic with a number.
func topicName(i int) string { return fmt.Sprintf("many-%05d", i) }

// create makes the topics, one request each.
func create(t *testing.T, b *broker, topics, perTopic int) {
	t.Helper()
	cl := b.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	adm.SetTimeoutMillis(int32(patience.Milliseconds()))
	for i := range topics {
		resp, err := adm.CreateTopic(patient(t), int32(perTopic), 1, nil, topicName(i))
		if err == nil {
			err = resp.Err
		}
		if err != nil {
			t.Fatalf("create %s: %v", topicName(i), err)
		}
	}
}

// place is a partition.
type place struct {
	topic     string
	partition int32
}

// write puts one record into every partition whose running number step divides.
func write(t *testing.T, b *broker, topics, perTopic, step int) map[place]string {
	t.Helper()
	cl := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(1<<20), kgo.ProducerLinger(100*time.Millisecond))
	defer cl.Close()
	want := map[place]string{}
	var batch []*kgo.Record
	for n := 0; n < topics*perTopic; n += step {
		p := place{topicName(n / perTopic), int32(n % perTopic)}
		want[p] = fmt.Sprintf("%s-%d", p.topic, p.partition)
		batch = append(batch, &kgo.Record{Topic: p.topic, Partition: p.partition, Value: []byte(want[p])})
	}
	began := time.Now()
	if err := cl.ProduceSync(patient(t), batch...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	t.Logf("%d partitions written in %s", len(want), time.Since(began).Round(time.Millisecond))
	return want
}

// read finds every record where it was put, and nothing else.
func read(t *testing.T, b *broker, want map[place]string) {
	t.Helper()
	from := map[string]map[int32]kgo.Offset{}
	for p := range want {
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.partition] = kgo.NewOffset().AtStart()
	}
	cl := b.client(kgo.ConsumePartitions(from))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	got := map[place]string{}
	for len(got) < len(want) {
		fs := cl.PollFetches(ctx)
		for _, e := range fs.Errors() {
			t.Fatalf("fetch %s-%d, %d of %d partitions read: %v", e.Topic, e.Partition, len(got), len(want), e.Err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			p := place{r.Topic, r.Partition}
			if _, again := got[p]; again || string(r.Value) != want[p] {
				t.Errorf("%s-%d has %q at %d, want %q once", r.Topic, r.Partition, r.Value, r.Offset, want[p])
			}
			got[p] = string(r.Value)
		})
	}
	t.Logf("%d partitions read in %s", len(got), time.Since(began).Round(time.Millisecond))
}
