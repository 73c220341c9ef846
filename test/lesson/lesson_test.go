//go:build lesson && linux

package lesson

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	address = "localhost:9092" // the lesson's
	limit   = time.Minute      // for any one step; a JVM would need a good part of it, we need none
	// buildLimit is for a build from nothing on a busy machine.
	buildLimit = 6 * time.Minute
)

// TestClone walks the lesson in a fresh clone, after the README's own way to start.
func TestClone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "headrace")
	execute(t, ".", "git", "clone", "--quiet", repository(t), dir)
	execute(t, dir, "make", "build")
	t.Run("make run", func(t *testing.T) { makeRun(t, dir) })
	t.Run("lesson", func(t *testing.T) { walk(t, dir) })
}

// TestTarball walks it in the unpacked tarball of make dist.
func TestTarball(t *testing.T) {
	tarballs, err := filepath.Glob(filepath.Join(repository(t), "dist", "headrace-*.tgz"))
	if err != nil || len(tarballs) != 1 {
		t.Fatalf("want one tarball in dist, made by make dist; got %v, error %v", tarballs, err)
	}
	dir := t.TempDir()
	execute(t, dir, "tar", "-xzf", tarballs[0], "--strip-components=1")
	walk(t, dir)
}

// TestRoot walks it in LESSON_ROOT, a directory with bin/ and config/: any broker of that shape can be judged.
func TestRoot(t *testing.T) {
	dir := os.Getenv("LESSON_ROOT")
	if dir == "" {
		t.SkipNow()
	}
	walk(t, dir)
}

// walk does what the lesson says: a terminal for the broker, a topic, two events, reads them, ends all, clears up.
func walk(t *testing.T, dir string) {
	commands := lessonCommands(t)
	alone(t)
	untouched(t)
	var broker *Terminal
	for _, c := range commands {
		t.Logf("$ %s", c.Line)
		switch c.Name() {
		case "kafka-server-start.sh":
			broker = startBroker(t, dir, c.Line)
		case "kafka-topics.sh":
			out := finish(t, run(t, dir, c.Line), 0)
			if out != "Created topic "+topic+".\n" {
				t.Fatalf("output %q", out)
			}
		case "kafka-console-producer.sh":
			produce(t, dir, c)
		case "kafka-console-consumer.sh":
			consume(t, dir, c, slices.Concat(inputs(commands)...))
		case "rm":
			ctrlC(t, broker, "the broker", 0, 130, 143)
			finish(t, run(t, dir, c.Line), 0)
			untouched(t)
		default:
			t.Fatalf("the lesson has a command that this test does not know: %s", c.Line)
		}
	}
}

// produce types the lines, each after its prompt, and ends by Ctrl+C.
func produce(t *testing.T, dir string, c Command) {
	term := run(t, dir, c.Line)
	for i, line := range c.Input {
		prompts := func(out string) bool { return strings.Count(out, ">") >= i+1 }
		if err := term.Until("the prompt", limit, prompts); err != nil {
			t.Fatal(err)
		}
		if err := term.Type(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	all := func(out string) bool { return strings.Count(out, ">") >= len(c.Input)+1 }
	if err := term.Until("the prompt after the last line", limit, all); err != nil {
		t.Fatal(err)
	}
	ctrlC(t, term, "the producer", 0, 130)
	if out := term.Output(); strings.Contains(out, "ERROR") || strings.Contains(out, "WARN") {
		t.Fatalf("the producer complains:\n%s", out)
	}
}

// consume reads until all events are there, in order and once, and ends by Ctrl+C.
func consume(t *testing.T, dir string, c Command, events []string) {
	term := run(t, dir, c.Line)
	want := strings.Join(events, "\n") + "\n"
	if err := term.Until("the events", limit, func(out string) bool { return strings.Contains(out, want) }); err != nil {
		t.Fatal(err)
	}
	ctrlC(t, term, "the consumer", 0, 130)
	out := strings.ReplaceAll(term.Output(), "^C", "")
	// Java's client may say something of its own before the first record.
	if want += fmt.Sprintf("Processed a total of %d messages\n", len(events)); !strings.HasSuffix(out, want) || strings.Contains(strings.TrimSuffix(out, want), "LoggingLab101") {
		t.Fatalf("the consumer printed %q, want %q", out, want)
	}
}

// makeRun is the README's first command: a broker that answers, and ends on Ctrl+C.
func makeRun(t *testing.T, dir string) {
	alone(t)
	untouched(t)
	broker := startBroker(t, dir, "make run")
	if out := finish(t, run(t, dir, "bin/kafka-topics.sh --list --bootstrap-server "+address), 0); strings.TrimSpace(out) != "" {
		t.Errorf("topics of a new broker: %q", out)
	}
	ctrlC(t, broker, "make run", 0, 2, 130)
	finish(t, run(t, dir, "rm -rf /tmp/kafka-logs"), 0)
}

// startBroker waits until the port accepts; the clients wait for the rest.
func startBroker(t *testing.T, dir, line string) *Terminal {
	t.Helper()
	start := time.Now()
	broker := run(t, dir, line)
	for deadline := start.Add(limit); ; {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		select {
		case <-broker.read: // whoever listens, it is not this broker
			t.Fatalf("the broker has ended:\n%s", broker.Output())
		case <-time.After(5 * time.Millisecond):
		}
		if err == nil {
			t.Logf("listening after %s", time.Since(start).Round(time.Millisecond))
			return broker
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker does not listen:\n%s", broker.Output())
		}
	}
}

// run starts a command; whatever happens, it is gone when the test ends.
func run(t *testing.T, dir, line string) *Terminal {
	t.Helper()
	term, err := Start(dir, line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	t.Cleanup(func() {
		term.Kill()
		if t.Failed() {
			t.Logf("$ %s\n%s", line, term.Output())
		}
	})
	return term
}

// finish waits for a command's own end and returns what it printed.
func finish(t *testing.T, term *Terminal, codes ...int) string {
	t.Helper()
	code, err := term.Wait(limit)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(codes, code) {
		t.Fatalf("%s: exit code %d, want one of %v; output:\n%s", term.cmd.Args[2], code, codes, term.Output())
	}
	return term.Output()
}

// ctrlC ends a command as its user would.
func ctrlC(t *testing.T, term *Terminal, what string, codes ...int) {
	t.Helper()
	if err := term.CtrlC(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	finish(t, term, codes...)
}

// untouched fails where the lesson's port or directory is in use: its commands would act on somebody's broker.
func untouched(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the lesson needs %s: %v", address, err)
	}
	l.Close()
	if _, err := os.Stat("/tmp/kafka-logs"); err == nil {
		t.Fatal("/tmp/kafka-logs exists, and the lesson deletes it: move it away")
	}
	t.Cleanup(func() {
		if err := os.RemoveAll("/tmp/kafka-logs"); err != nil {
			t.Error(err)
		}
	})
}

// alone keeps out other lessons on this machine until the test ends: there is one port and one directory.
func alone(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", "@headrace-lesson") // a name without a file, which ends with its process
	if err != nil {
		t.Fatalf("another lesson is under way: %v", err)
	}
	t.Cleanup(func() { l.Close() })
}

func lessonCommands(t *testing.T) []Command {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(t), "docs", "lesson.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands, err := FirstHalf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return commands
}

// inputs are the lines typed in all commands.
func inputs(commands []Command) [][]string {
	var all [][]string
	for _, c := range commands {
		all = append(all, c.Input)
	}
	return all
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func execute(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
