package clients

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// broker is the process under judgement.
type broker struct {
	addr string
	cmd  *exec.Cmd
	log  string
}

// startBroker runs BROKER's command, in which {config} stands for a server.properties: one node on free ports with an
// empty directory. The command is to become the broker (exec) and to format its directory if it needs that.
func startBroker(ctx context.Context, root, dir, command string) (*broker, error) {
	text, err := os.ReadFile(filepath.Join(root, "bench", "kafka", "server.properties"))
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	properties := strings.NewReplacer("127.0.0.1:19092", ports[0], "127.0.0.1:19093", ports[1], "DATADIR", filepath.Join(dir, "data")).Replace(string(text))
	config := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(config, []byte(properties), 0o644); err != nil {
		return nil, err
	}
	b := &broker{addr: ports[0], log: filepath.Join(dir, "broker.log")}
	out, err := os.Create(b.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	b.cmd = exec.Command("bash", "-c", "exec "+strings.ReplaceAll(command, "{config}", config))
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = root, out, out
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	if err := b.ready(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, b.tail())
	}
	return b, nil
}

// ready waits for the port.
func (b *broker) ready(ctx context.Context) error {
	for {
		if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", b.addr); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if syscall.Kill(b.cmd.Process.Pid, 0) != nil {
			return fmt.Errorf("the broker has ended")
		}
	}
}

// stop ends the broker in order, and by force after the limit.
func (b *broker) stop(limit time.Duration) error {
	timer := time.AfterFunc(limit, func() { _ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("the broker has ended before its end: %w\n%s", err, b.tail())
	}
	err := b.cmd.Wait()
	if !timer.Stop() {
		return fmt.Errorf("the broker did not stop within %s\n%s", limit, b.tail())
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 && code != 143 { // a JVM says 143
		return fmt.Errorf("the broker ended: %w\n%s", err, b.tail())
	}
	return nil
}

// tail is the end of the broker's log.
func (b *broker) tail() string {
	text, err := os.ReadFile(b.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

func freePorts(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
