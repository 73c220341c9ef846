package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// member is one running member of a group: a process whose output is records.
type member struct {
	cmd   *exec.Cmd
	exits []int
	done  chan struct{} // closed when the process has ended and all its output is read

	mu struct {
		sync.Mutex
		records map[at]Record
		first   map[int32]int64 // partition → the first offset that it printed
		twice   int             // records that it printed more than once
		stderr  strings.Builder
		err     error // output that could not be understood, or a record that changed between two readings
		changed chan struct{}
	}
}

// start runs a member.
func start(k kit, c client, t target, p part) (*member, error) {
	args, err := c.member(k, t, p)
	if err != nil {
		return nil, err
	}
	m := &member{cmd: exec.Command(args[0], args[1:]...), exits: c.exits, done: make(chan struct{})}
	m.mu.records, m.mu.first, m.mu.changed = map[at]Record{}, map[int32]int64{}, make(chan struct{})
	m.cmd.Env = k.environment()
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	var readers sync.WaitGroup
	readers.Go(func() { m.each(bufio.NewScanner(stdout), m.record(c.parse(), c.shows)) })
	readers.Go(func() { m.each(bufio.NewScanner(stderr), m.complaint) })
	go func() { // stop and kill join it by done
		readers.Wait()
		close(m.done)
	}()
	return m, nil
}

// each hands whole lines on until the output ends; a line without its end is what a kill has cut.
func (m *member) each(s *bufio.Scanner, take func(line string)) {
	s.Buffer(nil, 16<<20)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF {
			return len(data), nil, nil
		}
		return 0, nil, nil
	})
	for s.Scan() {
		m.mu.Lock()
		take(s.Text())
		close(m.mu.changed)
		m.mu.changed = make(chan struct{})
		m.mu.Unlock()
	}
}

// record takes a line of standard output.
func (m *member) record(parse parser, shows Fields) func(string) {
	return func(line string) {
		r, ok, err := parse(line)
		if err != nil {
			m.mu.err = errors.Join(m.mu.err, fmt.Errorf("output %.200q: %w", line, err))
		}
		if !ok {
			return
		}
		p := at{r.Partition, r.Offset}
		if before, seen := m.mu.records[p]; seen {
			m.mu.twice++
			if before.content(shows) != r.content(shows) {
				m.mu.err = errors.Join(m.mu.err, fmt.Errorf("partition %d offset %d changed between two readings", p.partition, p.offset))
			}
		}
		if first, seen := m.mu.first[p.partition]; !seen || p.offset < first {
			m.mu.first[p.partition] = p.offset
		}
		m.mu.records[p] = r
	}
}

// complaint keeps the last of what a member says on standard error.
func (m *member) complaint(line string) {
	if m.mu.stderr.Len() < 1<<16 {
		m.mu.stderr.WriteString(line + "\n")
	}
}

// seen are the records printed so far, and how many came twice.
func (m *member) seen() (records map[at]Record, twice int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.mu.records), m.mu.twice, m.mu.err
}

// starts are the first offsets printed, by partition.
func (m *member) starts() map[int32]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.mu.first)
}

// changed is closed at the next line of output.
func (m *member) changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.changed
}

// kill is SIGKILL, without a word to the broker.
func (m *member) kill() {
	_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	<-m.done
	_ = m.cmd.Wait() // it was killed: that is its error
}

// stop is SIGTERM and an orderly end.
func (m *member) stop(limit time.Duration) error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("the member has ended before: %w\n%s", err, m.complaints())
	}
	timer := time.AfterFunc(limit, func() { _ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) })
	<-m.done
	err := m.cmd.Wait()
	if !timer.Stop() {
		return fmt.Errorf("the member did not end within %s of SIGTERM\n%s", limit, m.complaints())
	}
	code := m.cmd.ProcessState.ExitCode()
	if !slices.Contains(m.exits, code) {
		return fmt.Errorf("exit code %d (%w)\n%s", code, err, m.complaints())
	}
	return nil
}

func (m *member) complaints() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.stderr.String()
}

// run is one job of a producing client.
func run(ctx context.Context, k kit, j job) error {
	cmd := exec.CommandContext(ctx, j.args[0], j.args[1:]...)
	cmd.Env = k.environment()
	cmd.Stdin = strings.NewReader(j.stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(j.args, " "), err, out[max(0, len(out)-4000):])
	}
	return nil
}
