// Package crash kills a real Headrace process, again and again, while clients
// write to it, and looks at what is there afterwards. It reads only what the
// clients were told and what the broker serves.
package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic      = "crash"
	partitions = 3
	group      = "crash-group"
)

// TestKillNine kills the broker with SIGKILL under load with acks=all, CRASH_ROUNDS
// times (5), at moments that CRASH_SEED (1) draws. Nothing acknowledged may be
// lost, doubled or out of its producer's order, and no committed offset may go
// back.
func TestKillNine(t *testing.T) {
	rounds, seed := setting(t, "CRASH_ROUNDS", 5), setting(t, "CRASH_SEED", 1)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	b := build(t)
	b.storm(rounds, rnd, "kill", func() { b.kill(); b.start() })
}

// TestPause stops the process for one to three seconds under load, CRASH_PAUSES
// times (2), as a machine that is suspended or a disk that hangs does.
func TestPause(t *testing.T) {
	rounds, seed := setting(t, "CRASH_PAUSES", 2), setting(t, "CRASH_SEED", 1)
	rnd := rand.New(rand.NewPCG(uint64(seed), 2))
	b := build(t)
	b.storm(rounds, rnd, "pause", func() {
		b.signal(syscall.SIGSTOP)
		time.Sleep(time.Second + time.Duration(rnd.IntN(2000))*time.Millisecond)
		b.signal(syscall.SIGCONT)
	})
}

// storm has clients write to the broker while interrupt does something to it or
// to its machine, in every round, and looks what is there afterwards.
func (b *broker) storm(rounds int, rnd *rand.Rand, what string, interrupt func()) {
	t := b.t
	t.Helper()
	b.start()
	defer b.kill()
	b.createTopic()
	h := newHistory(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	for p := range 3 {
		load.Go(func() { h.produce(ctx, b.addr, p) })
	}
	load.Go(func() { h.commit(ctx, b.addr) })
	for round := range rounds {
		h.underLoad(rnd)
		interrupt()
		t.Logf("%s %d: serving %s after it was started, %d records acknowledged so far", what, round+1, b.took.Round(time.Millisecond), h.count())
	}
	time.Sleep(500 * time.Millisecond) // some load after the last round too
	stop()
	load.Wait()
	h.check(b.addr)
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, v)
	}
	return n
}

// broker is one Headrace process at a time, on one directory and one port.
type broker struct {
	t       *testing.T
	program string
	dir     string
	addr    string
	control string
	// data is where the log goes; wrap makes the command, if it is not nil.
	data string
	wrap func(program string, args ...string) *exec.Cmd
	cmd  *exec.Cmd
	took time.Duration // the last start
}

func build(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), addr: freePort(t), control: freePort(t)}
	b.program, b.data = filepath.Join(b.dir, "headrace"), filepath.Join(b.dir, "data")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", b.program, "github.com/headrace/headrace/cmd/headrace").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return b
}

// freePort finds a port that nothing listens on, below those that the kernel
// gives to connections: the broker is to have it again after each kill.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // only its number was wanted
		return addr
	}
	t.Fatal("no free port")
	return ""
}

// start runs the broker and returns when it answers.
func (b *broker) start() {
	b.t.Helper()
	log, err := os.OpenFile(filepath.Join(b.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	command := exec.Command
	if b.wrap != nil {
		command = b.wrap
	}
	b.cmd = command(b.program, "server",
		"--override", "log.dirs="+filepath.Join(b.data, "kafka-logs"),
		"--override", "listeners=PLAINTEXT://"+b.addr+",CONTROLLER://"+b.control,
		"--override", "controller.quorum.bootstrap.servers="+b.control,
		"--override", "log.segment.bytes=1048576", // rolls within a round
		"--override", "offsets.topic.num.partitions=3")
	b.cmd.Stdout, b.cmd.Stderr = log, log
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	defer func() { b.took = time.Since(began) }()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	err = cl.Ping(ctx)
	for err != nil && ctx.Err() == nil {
		time.Sleep(2 * time.Millisecond) // the port is not open yet
		err = cl.Ping(ctx)
	}
	if err != nil {
		text, _ := os.ReadFile(filepath.Join(b.dir, "log")) // what there is
		b.t.Fatalf("the broker does not answer: %v\n%s", err, text)
	}
}

func (b *broker) signal(s syscall.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) createTopic() {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(b.t.Context(), partitions, 1, nil, topic); err != nil {
		b.t.Fatal(err)
	}
}

// kill ends the process with SIGKILL.
func (b *broker) kill() {
	if b.cmd.Process.Signal(syscall.SIGKILL) == nil {
		_ = b.cmd.Wait() // "signal: killed"
	}
}

// history is what the clients were told.
type history struct {
	t  *testing.T
	mu sync.Mutex
	// acked has, by value, where each acknowledged record is.
	acked map[string]place
	// committed is the newest offset whose commit was acknowledged.
	committed int64
}

type place struct {
	partition int32
	offset    int64
}

func newHistory(t *testing.T) *history { return &history{t: t, acked: map[string]place{}} }

// underLoad returns at some moment at which clients write: how long after they
// have begun again is drawn, for the moments are the point.
func (h *history) underLoad(rnd *rand.Rand) {
	h.t.Helper()
	before, deadline := h.count(), time.Now().Add(time.Minute)
	for h.count() == before {
		if time.Now().After(deadline) {
			h.t.Fatal("nothing was acknowledged for a minute")
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(rnd.IntN(600_000)) * time.Microsecond)
}

func (h *history) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.acked)
}

// eager makes a client try again soon, so that much of a round is under load.
func eager() kgo.Opt {
	return kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond })
}

// produce sends numbered records of one producer until ctx ends, and then waits
// for what is under way.
func (h *history) produce(ctx context.Context, addr string, producer int) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(2000), eager())
	if err != nil {
		h.t.Error(err)
		return
	}
	defer cl.Close()
	for n := 0; ctx.Err() == nil; n++ {
		r := kgo.StringRecord(fmt.Sprintf("%d:%d", producer, n))
		r.Partition = int32(n % partitions)
		cl.Produce(context.WithoutCancel(ctx), r, func(r *kgo.Record, err error) {
			if err != nil {
				return // not acknowledged
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.acked[string(r.Value)] = place{r.Partition, r.Offset}
		})
		if n%200 == 0 {
			time.Sleep(5 * time.Millisecond) // a rate, not a flood
		}
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := cl.Flush(wait); err != nil {
		h.t.Errorf("producer %d: flush: %v", producer, err)
	}
}

// commit commits growing offsets of a group until ctx ends.
func (h *history) commit(ctx context.Context, addr string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), eager())
	if err != nil {
		h.t.Error(err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for n := int64(1); ctx.Err() == nil; n++ {
		var o kadm.Offsets
		o.AddOffset(topic, 0, n, -1)
		resp, err := adm.CommitOffsets(ctx, group, o)
		if err != nil || resp.Error() != nil {
			time.Sleep(10 * time.Millisecond) // the broker is away
			continue
		}
		h.mu.Lock()
		h.committed = n
		h.mu.Unlock()
	}
}

// check reads everything back.
func (h *history) check(addr string) {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		h.t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		h.t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	found := map[string]place{}
	last := map[string]int{} // newest number of each producer in each partition
	for left > 0 {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			h.t.Fatalf("%d records are still to come: %v", left, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			left--
			h.see(r, found, last)
		})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for value, at := range h.acked {
		if found[value] != at {
			h.t.Errorf("record %s was acknowledged at %+v, found at %+v", value, at, found[value])
		}
	}
	offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
	if err != nil {
		h.t.Fatal(err)
	}
	if o, _ := offsets.Lookup(topic, 0); o.At < h.committed {
		h.t.Errorf("the committed offset went back from %d to %d", h.committed, o.At)
	}
	h.t.Logf("%d records acknowledged, %d found, offset %d committed", len(h.acked), len(found), h.committed)
	if len(h.acked) == 0 || h.committed == 0 {
		h.t.Error("nothing was acknowledged: nothing was tested")
	}
}

// see checks one record against those before it.
func (h *history) see(r *kgo.Record, found map[string]place, last map[string]int) {
	value := string(r.Value)
	if before, twice := found[value]; twice {
		h.t.Errorf("record %s is at offset %d and at %d of partition %d", value, before.offset, r.Offset, r.Partition)
	}
	found[value] = place{r.Partition, r.Offset}
	var producer, n int
	if _, err := fmt.Sscanf(value, "%d:%d", &producer, &n); err != nil {
		h.t.Errorf("record %q is none of ours", value)
		return
	}
	key := fmt.Sprintf("%d in %d", producer, r.Partition)
	if before, ok := last[key]; ok && n < before {
		h.t.Errorf("producer %s: record %d comes after %d", key, n, before)
	}
	last[key] = n
}
