package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
)

var serverOptions = []*jopt.Option{
	{Names: []string{"override"}, Arg: jopt.Required, Doc: "Optional property that should override values set in server.properties file (e.g. Key=value)"},
	{Names: []string{"daemon"}, Doc: "Start in the background; output goes to $LOG_DIR/kafkaServer.out, else logs/kafkaServer.out."},
	{Names: []string{"version"}, Doc: "Print version information and exit."},
	{Names: []string{"help"}, Doc: "Print usage information."},
}

// serverStartOptions are those that kafka.Kafka knows; -daemon is its script's, and comes first.
var serverStartOptions = []*jopt.Option{serverOptions[0], serverOptions[2]}

// serverCommand starts a node. Without a file it is a lone node on localhost:9092 with its data in ./headrace-data.
func serverCommand(ctx context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: serverOptions}
	const about = "USAGE: headrace server [-daemon] [server.properties] [--override property=value]*"
	s, err := p.Parse(args)
	switch {
	case err != nil:
		return t.uncaught(p.Usage("%s\n%s", err, about))
	case s.Has("help"):
		t.printf("%s\n%s", about, p.Help())
		return exitOK
	case s.Has("version"):
		return versionCommand(ctx, t, nil)
	case len(s.Rest()) > 1:
		return t.uncaught(p.Usage("Found non argument parameters: %s\n%s", strings.Join(s.Rest()[1:], ","), about))
	}
	file := ""
	if len(s.Rest()) == 1 {
		file = s.Rest()[0]
	}
	if s.Has("daemon") {
		args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-daemon" || a == "--daemon" })
		return t.daemon(file, s.Values("override"), args)
	}
	return t.serve(ctx, file, s.Values("override"))
}

// kafkaServerStart is kafka-server-start: serverCommand with the file first and mandatory, as kafka.Kafka wants it.
func kafkaServerStart(ctx context.Context, t *tool, args []string) int {
	const about = "USAGE: kafka-server-start.sh [-daemon] server.properties [--override property=value]*"
	if len(args) == 0 {
		t.printf("%s\n", about)
		return exitFailed
	}
	daemon := args[0] == "-daemon"
	if daemon {
		args = args[1:]
	}
	p := &jopt.Parser{Options: serverStartOptions}
	if len(args) == 0 || slices.Contains(args, "--help") {
		return t.uncaught(p.Usage(about))
	}
	if slices.Contains(args, "--version") {
		t.printf("%s\n", kafkaVersion)
		return exitOK
	}
	s, err := p.Parse(args[1:])
	if err != nil {
		return t.fatal(err)
	}
	if rest := s.Rest(); len(rest) > 0 {
		return t.uncaught(p.Usage("Found non argument parameters: %s", strings.Join(rest, ",")))
	}
	if daemon {
		return t.daemon(args[0], s.Values("override"), args)
	}
	return t.serve(ctx, args[0], s.Values("override"))
}

// serve runs a node until ctx ends.
func (t *tool) serve(ctx context.Context, file string, overrides []string) int {
	if err := runNode(ctx, t.err, file, overrides); err != nil {
		return t.fatal(err)
	}
	return exitOK
}

// fatal says why the node cannot start or go on.
func (t *tool) fatal(err error) int {
	t.errorf("headrace: %v\n", err)
	return exitFailed
}

// startGrace is how long -daemon watches the node that it has started.
const startGrace = 500 * time.Millisecond

// daemon starts this program again in its own session, with its output in a file, and leaves it alone. What is wrong
// with the configuration, or ends the node within startGrace, is told here.
func (t *tool) daemon(file string, overrides, args []string) int {
	if err := checkConfig(file, overrides); err != nil {
		return t.fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		return t.fatal(err)
	}
	dir := os.Getenv("LOG_DIR")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(filepath.Dir(self)), "logs") // beside bin/, as Kafka does
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return t.fatal(fmt.Errorf("directory of the log, which $LOG_DIR can move: %w", err))
	}
	child := exec.Command(self, append([]string{"server"}, args...)...) //nolint:noctx // it outlives this command
	if err := detach(child, filepath.Join(dir, "kafkaServer.out"), startGrace); err != nil {
		return t.fatal(err)
	}
	return exitOK
}

// checkConfig reads the configuration as the node will.
func checkConfig(file string, overrides []string) error {
	if file == "" {
		_, err := config.Standalone(".", overrides)
		return err
	}
	_, err := config.Load(file, overrides)
	return err
}

// detach starts child in its own session with its output in a new file at path. The error is that of a child that
// cannot be started or ends in failure within grace, with the end of its output.
func detach(child *exec.Cmd, path string, grace time.Duration) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	alive, held, err := os.Pipe() // the child holds one end for as long as it lives
	if err != nil {
		return err
	}
	defer alive.Close()
	child.Stdout, child.Stderr, child.ExtraFiles = out, out, []*os.File{held}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(child.Start(), held.Close()); err != nil {
		return err
	}
	if err := alive.SetReadDeadline(time.Now().Add(grace)); err != nil {
		return err
	}
	if _, err := alive.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return child.Process.Release()
	}
	if err = child.Wait(); err == nil {
		return nil
	}
	const most = 4 << 10
	said := make([]byte, most)
	size, seekErr := out.Seek(0, io.SeekEnd)
	n, readErr := out.ReadAt(said, max(0, size-most))
	if readErr != nil && !errors.Is(readErr, io.EOF) {
		seekErr = errors.Join(seekErr, readErr)
	}
	return errors.Join(fmt.Errorf("the node ended at once: %w (%s)\n%s", err, path, bytes.TrimSpace(said[:n])), seekErr)
}
