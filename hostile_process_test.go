package headrace

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Tests of memory need a broker in a process of its own, and clients in
// another: they run this test binary again, in one of these parts.
const (
	partVariable = "HEADRACE_TEST_PART"
	brokerPart   = "broker"
	crowdPart    = "crowd"
	// fullVariable asks for the full size of what is reduced otherwise.
	fullVariable = "HEADRACE_FULL"
)

// full says whether to run the full form of a test.
func full() bool { return os.Getenv(fullVariable) != "" }

// needProcesses skips where processes cannot be looked into.
func needProcesses(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the race detector's own memory would be measured")
	}
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
}

// needFiles raises the bound of open files to n, for this process and those
// that it starts, or skips.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	l.Cur = max(l.Cur, n)
	l.Max = max(l.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Skipf("%d open files are not to be had: %v", n, err)
	}
}

// process is a child that answers line by line.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Scanner
}

// startPart runs this binary again in a part, until the test ends or stop.
func startPart(t *testing.T, part string, env ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestPart$", "-test.timeout=30m")
	cmd.Env = append(append(os.Environ(), partVariable+"="+part), env...)
	cmd.Stderr = t.Output()
	p := &process{t: t, cmd: cmd}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(stdout)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

// stop ends the child.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.stdin.Close() // tells it to end
	timer := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // how it ends says nothing about what was tested
}

// expect returns what follows key in the child's next line that begins so.
func (p *process) expect(key string) string {
	p.t.Helper()
	for p.out.Scan() {
		if v, ok := strings.CutPrefix(p.out.Text(), key+" "); ok {
			return v
		}
	}
	p.t.Fatalf("the child ended without %q: %v", key, p.out.Err())
	return ""
}

// order sends the child a line and returns its answer to it.
func (p *process) order(line string) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		p.t.Fatal(err)
	}
	return p.expect(line)
}

// resident is the child's resident memory in bytes.
func (p *process) resident() int64 { return p.status("VmRSS") }

// peak is the most that was resident since the child began.
func (p *process) peak() int64 { return p.status("VmHWM") }

func (p *process) status(field string) int64 {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == field+":" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return n << 10
		}
	}
	p.t.Fatalf("/proc says nothing of %s", field)
	return 0
}

// brokerProcess starts a broker in a process of its own and returns it with its
// address. properties are "key=value".
func brokerProcess(t *testing.T, properties ...string) (*process, string) {
	t.Helper()
	p := startPart(t, brokerPart, "HEADRACE_TEST_DIR="+t.TempDir(), "HEADRACE_TEST_PROPERTIES="+strings.Join(properties, "\n"))
	return p, p.expect("address")
}

// TestPart is no test: it is what the children of the others run.
func TestPart(t *testing.T) {
	switch os.Getenv(partVariable) {
	case brokerPart:
		playBroker(t)
	case crowdPart:
		playCrowd(t)
	}
}

func playBroker(t *testing.T) {
	props := map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "log.dirs": os.Getenv("HEADRACE_TEST_DIR"),
		"group.initial.rebalance.delay.ms": "0", "log.flush.before.ack": "false",
	}
	for p := range strings.SplitSeq(os.Getenv("HEADRACE_TEST_PROPERTIES"), "\n") {
		if k, v, ok := strings.Cut(p, "="); ok {
			props[k] = v
		}
	}
	n, err := New(Config{Properties: props}, WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: partLevel()}))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	<-n.Ready()
	fmt.Println("address", n.Addr("PLAINTEXT"))
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Printf("%s heap %d of %d KiB, stacks %d KiB, %d collections, %d connections\n",
			in.Text(), m.HeapAlloc>>10, (m.HeapSys-m.HeapReleased)>>10, m.StackSys>>10, m.NumGC, n.server.Conns())
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// crowdOf starts a process that opens n connections to addr, each of which does
// what the manner says, and returns when all have begun.
func crowdOf(t *testing.T, manner, addr string, n int) *process {
	t.Helper()
	p := startPart(t, crowdPart, "HEADRACE_TEST_MANNER="+manner, "HEADRACE_TEST_ADDRESS="+addr, fmt.Sprintf("HEADRACE_TEST_COUNT=%d", n))
	p.expect("begun")
	return p
}

func playCrowd(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("HEADRACE_TEST_COUNT"))
	if err != nil {
		t.Fatal(err)
	}
	manner := manners[os.Getenv("HEADRACE_TEST_MANNER")]
	addr := os.Getenv("HEADRACE_TEST_ADDRESS")
	const dialers = 16
	begun := make(chan net.Conn, dialers)
	for i := range dialers {
		go func() {
			for range (count + dialers - 1 - i) / dialers {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					fmt.Fprintln(os.Stderr, "crowd:", err)
					begun <- nil
					continue
				}
				manner(c)
				begun <- c
			}
		}()
	}
	var keep []net.Conn
	for range count {
		keep = append(keep, <-begun)
	}
	fmt.Println("begun", count)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println(in.Text(), count)
	}
	runtime.KeepAlive(keep)
}

// skipAnswer reads one response and forgets it.
func skipAnswer(c io.Reader) error {
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(n[:])))
	return err
}

// makeTopic creates a topic of n partitions.
func makeTopic(t *testing.T, c *wireClient, topic string, n int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = topic, n, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, ct), 60_000
	if resp := ask[*kmsg.CreateTopicsResponse](c, req, 7); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %s", codeOf(resp.Topics[0].ErrorCode))
	}
}

// partLevel is from where on a child logs: errors, or what HEADRACE_TEST_LOG
// says.
func partLevel() slog.Level {
	level := slog.LevelError
	if s := os.Getenv("HEADRACE_TEST_LOG"); s != "" {
		_ = level.UnmarshalText([]byte(s)) // else it stays
	}
	return level
}
