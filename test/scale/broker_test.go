// Package scale shows that a real Headrace process carries what is many, large
// or often: partitions by the thousand with few open files, topics that come and
// go, records up to the limit. Each test runs in a reduced form; the environment
// variables named at the tests ask for the full one.
package scale

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds every wait for what must happen, however slow the machine.
const patience = 5 * time.Minute

// setting is a number from the environment.
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

// program builds the binary once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "headrace-scale-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "headrace")
	out, err := exec.Command("go", "build", "-o", path, "github.com/headrace/headrace/cmd/headrace").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path)) // a left-over in the temporary directory hurts nobody
	}
	os.Exit(code)
}

// broker is one Headrace process at a time, on one directory. Its ports are
// given by the kernel, new ones with each start.
type broker struct {
	t         *testing.T
	dir       string
	overrides []string
	addr      string
	ready     time.Duration // of the last start: from exec until it says that it serves
	cmd       *exec.Cmd
	log       sync.WaitGroup
}

// run starts a broker that ends with the test.
func run(t *testing.T, overrides ...string) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), overrides: overrides}
	t.Cleanup(func() {
		if b.cmd != nil {
			b.end(syscall.SIGKILL)
		}
	})
	b.start()
	return b
}

// limits are the open files that the process may have, as in a shell that has
// the usual soft limit and a low hard one.
const limits = "ulimit -S -n 1024 && ulimit -H -n 4096 && exec "

var servingLine = regexp.MustCompile(`msg=serving .*PLAINTEXT://(127\.0\.0\.1:\d+)`)

// start runs the process and returns when it serves.
func (b *broker) start() {
	b.t.Helper()
	path, err := program()
	if err != nil {
		b.t.Fatal(err)
	}
	args := []string{
		path, "server",
		"--override", "log.dirs=" + filepath.Join(b.dir, "data"),
		"--override", "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
		"--override", "controller.quorum.bootstrap.servers=127.0.0.1:0",
	}
	for _, o := range b.overrides {
		args = append(args, "--override", o)
	}
	b.cmd = exec.Command("sh", "-c", limits+`"$0" "$@"`)
	b.cmd.Args = append(b.cmd.Args, args...)
	out, err := b.cmd.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	serving := make(chan string, 1)
	b.log.Go(func() { watch(out, serving) })
	select {
	case line := <-serving:
		m := servingLine.FindStringSubmatch(line)
		if m == nil {
			b.t.Fatalf("the broker does not serve; it said last:\n%s", line)
		}
		b.addr, b.ready = m[1], time.Since(began)
	case <-time.After(patience):
		b.t.Fatal("the broker is not ready")
	}
}

// watch reads what the process logs. It sends the line that says that it
// serves, or, if it ends before, the last ones.
func watch(r io.Reader, serving chan<- string) {
	var last []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if servingLine.MatchString(lines.Text()) {
			serving <- lines.Text()
			_, _ = io.Copy(io.Discard, r) // so that the process does not block; its end is no error
			return
		}
		last = append(last, lines.Text())
		last = last[max(0, len(last)-20):]
	}
	serving <- strings.Join(last, "\n")
}

// end sends a signal and waits for the process' end.
func (b *broker) end(s syscall.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.t.Error(err)
	}
	b.log.Wait()
	err := b.cmd.Wait()
	if _, killed := errors.AsType[*exec.ExitError](err); err != nil && (s != syscall.SIGKILL || !killed) {
		b.t.Errorf("the broker ended with: %v", err)
	}
	b.cmd = nil
}

// client is a client of the running process.
func (b *broker) client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.addr)}, opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	return cl
}

// status is a number of KiB from /proc/PID/status; 0 where there is none.
func (b *broker) status(key string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(v), " kB"))
			return n
		}
	}
	return 0
}

// openFiles is the number of descriptors that the process has; 0 where that
// cannot be known.
func (b *broker) openFiles() int {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return len(fds)
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
