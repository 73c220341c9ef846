package lesson

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a command that runs in a terminal of its own, as a user's does: what is typed reaches it through the
// line discipline, and Ctrl+C is the signal that the kernel makes of it.
type Terminal struct {
	cmd    *exec.Cmd
	master *os.File
	read   chan struct{} // closed when the terminal has nothing more to say
	waited atomic.Bool   // the command's end was seen
	mu     struct {
		sync.Mutex
		out     strings.Builder
		changed chan struct{} // closed and made anew with each output
	}
}

// Start runs a command line by bash in a directory.
func Start(dir, line string) (*Terminal, error) {
	master, slave, err := pty()
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	t := &Terminal{cmd: exec.Command("bash", "-c", "exec "+line), master: master, read: make(chan struct{})}
	t.mu.changed = make(chan struct{})
	t.cmd.Dir = dir
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = slave, slave, slave
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := t.cmd.Start(); err != nil {
		master.Close()
		return nil, err
	}
	go t.collect()
	return t, nil
}

// collect gathers the output until the last process has left the terminal or that was taken away; Wait and Kill join it.
func (t *Terminal) collect() {
	defer close(t.read)
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.mu.out.WriteString(strings.ReplaceAll(string(buf[:n]), "\r", ""))
		close(t.mu.changed)
		t.mu.changed = make(chan struct{})
		t.mu.Unlock()
		if err != nil {
			return // EIO is how Linux says that nobody holds the other end; or it was closed here
		}
	}
}

// Output is everything seen so far, typed text included, without carriage returns.
func (t *Terminal) Output() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.out.String()
}

// Type writes text as a user would.
func (t *Terminal) Type(text string) error {
	_, err := io.WriteString(t.master, text)
	return err
}

// CtrlC types the interrupt character.
func (t *Terminal) CtrlC() error { return t.Type("\x03") }

// Until waits for an output that satisfies ok.
func (t *Terminal) Until(what string, limit time.Duration, ok func(output string) bool) error {
	deadline := time.After(limit)
	for {
		t.mu.Lock()
		changed := t.mu.changed
		t.mu.Unlock()
		if ok(t.Output()) {
			return nil
		}
		select {
		case <-changed:
		case <-t.read:
			if ok(t.Output()) {
				return nil
			}
			return fmt.Errorf("%s: the command has ended without it; output:\n%s", what, t.Output())
		case <-deadline:
			return fmt.Errorf("%s: not within %s; output:\n%s", what, limit, t.Output())
		}
	}
}

// Wait waits until the command and all that it has started in its terminal have ended, and returns its exit code.
// Beyond the limit the command is killed and the terminal taken away.
func (t *Terminal) Wait(limit time.Duration) (int, error) {
	kill := time.AfterFunc(limit, t.kill)
	err := t.cmd.Wait()
	t.waited.Store(true)
	<-t.read
	inTime := kill.Stop()
	t.master.Close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if !inTime {
		return 0, fmt.Errorf("%s: still running after %s; output:\n%s", t.cmd.Args[2], limit, t.Output())
	}
	if status, ok := t.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return t.cmd.ProcessState.ExitCode(), nil
}

// Kill ends the command, if Wait has not seen its end, and returns when the terminal has nothing more to say.
func (t *Terminal) Kill() {
	t.kill()
	<-t.read
}

// kill ends the command's process group and takes the terminal away: who has left the group gets a hangup, and nobody
// waits for it.
func (t *Terminal) kill() {
	if !t.waited.Load() { // else the number may be somebody else's by now
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	}
	t.master.Close()
}

// pty opens a pair of pseudo-terminals.
func pty() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unlock(master)
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

// unlock makes a pair usable and gives its number. It leaves the file in the poller (Fd would not): Close ends a read.
func unlock(master *os.File) (n int, err error) {
	raw, err := master.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err = errors.Join(controlErr, err); err != nil {
		return 0, fmt.Errorf("unlock terminal: %w", err)
	}
	return n, nil
}
