package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// The stories under testdata/server hold, command line by command line, how kafka-server-start and kafka-server-stop of
// Apache Kafka behave, recorded by test/golden/server.sh, and how ours do. Directives:
//
//	file name=x           a file; $DIR stands for the directory of the story, $PORT for two free ports
//	run                   a command line for which ours does what Kafka's does, to the letter
//	kafka                 a command line as Kafka's answers it, and next:
//	headrace deviation=x  the same command line as ours answers it on purpose; serverDeviations says what holds between the two
//	format                formats the directories of $DIR/node.properties
//	node pid=1 dir=d      a running node of the machine that kafka-server-stop sees; its arguments
//
// Flags of the first three: signal=TERM sends that to the node when it serves, and only the exit status is shown if it came to that; up says
// that a node runs when the command has ended, and ends it; SIGNAL=x sets that variable.

// serverDeviations are the reasons for which ours may differ: row is the first column of its row in docs/compat.md, holds
// what must be so all the same; nil: the exit statuses are equal.
var serverDeviations = map[string]struct {
	row   string
	holds func(kafka, ours string) bool
}{
	"usage":   {row: "usage of `kafka-server-start`", holds: sameButUsage},
	"fatal":   {row: "what keeps a node from starting", holds: sameMessage},
	"words":   {row: "what keeps a node from starting"},
	"strict":  {row: "`--override` without an equals sign", holds: bothFail},
	"format":  {row: "first start", holds: formatsItself},
	"daemon":  {row: "`kafka-server-start -daemon` with a node that cannot start", holds: func(_, ours string) bool { return strings.HasPrefix(ours, "exit 1\n") }},
	"signal":  {row: "exit status of a node that SIGTERM or SIGINT has ended", holds: func(_, ours string) bool { return ours == "exit 0\n" }},
	"careful": {row: "`kafka-server-stop` with arguments that it does not know, or `--help`", holds: stopsFewer},
	"finds":   {row: "`kafka-server-stop` and a node's file", holds: func(_, ours string) bool { return strings.HasPrefix(ours, "exit 0\n") }},
}

// TestMain makes the test's program a headrace for the commands that start one, such as -daemon.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const asProgram = "HEADRACE_TEST_AS_PROGRAM"

func TestServerGolden(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "server"), func(t *testing.T, path string) {
		w := &serverWorld{dir: t.TempDir(), scripts: os.Getenv("KAFKA_BIN")}
		if w.port = os.Getenv("PORT"); w.scripts == "" || w.port == "" {
			w.port = "0"
		}
		t.Setenv("LOG_DIR", filepath.Join(w.dir, "logs"))
		t.Setenv(asProgram, "1")
		datadriven.RunTest(t, path, w.step)
		for _, wrong := range w.wrong { // at the end: a failure would end the story
			t.Error(wrong)
		}
	})
}

// serverWorld is one story's world.
type serverWorld struct {
	dir     string
	port    string
	scripts string              // directory of Kafka's scripts while its behaviour is recorded
	nodes   []process           // what runs on the machine that kafka-server-stop sees
	kafka   datadriven.TestData // the last kafka directive
	wrong   []string            // deviations that are others than they say
}

func (w *serverWorld) step(t *testing.T, d *datadriven.TestData) string {
	recording := w.scripts != ""
	switch d.Cmd {
	case "file":
		must(t, os.WriteFile(filepath.Join(w.dir, arg(t, d, "name")), []byte(w.expand(d.Input)+"\n"), 0o600))
		return ""
	case "node":
		w.nodes = append(w.nodes, process{pid: number32(t, d, "pid"), dir: filepath.Join(w.dir, arg(t, d, "dir")), args: strings.Fields(w.expand(d.Input))})
		must(t, os.MkdirAll(w.nodes[len(w.nodes)-1].dir, 0o755))
		return ""
	case "format":
		w.format(t, recording)
		return ""
	case "kafka":
		w.kafka = *d
		if !recording {
			return d.Expected
		}
		return w.run(t, d, true)
	case "headrace":
		if recording {
			return d.Expected
		}
		got := w.run(t, d, false)
		w.checkDeviation(t, d, got)
		return got
	case "run":
		got := w.run(t, d, recording)
		if rewrite := flag.Lookup("rewrite"); !recording && got != d.Expected && rewrite != nil && rewrite.Value.String() == "true" {
			t.Errorf("%s: what is Kafka's is recorded with test/golden/server.sh; ours is\n%s", d.Pos, got)
			return d.Expected
		}
		return got
	}
	t.Fatalf("%s: no directive %s", d.Pos, d.Cmd)
	return ""
}

func (w *serverWorld) expand(text string) string {
	return strings.NewReplacer("$DIR", w.dir, "$PORT2", w.second(), "$PORT", w.port).Replace(text)
}

// second is the port for the controller.
func (w *serverWorld) second() string {
	if w.port == "0" {
		return "0"
	}
	n, err := strconv.Atoi(w.port)
	if err != nil {
		panic(err)
	}
	return strconv.Itoa(n + 1)
}

// checkDeviation holds ours against the recorded answer for the same command line.
func (w *serverWorld) checkDeviation(t *testing.T, d *datadriven.TestData, got string) {
	if w.kafka.Input != d.Input {
		t.Fatalf("%s: the directive before is not kafka with this command line", d.Pos)
	}
	deviation, ok := serverDeviations[arg(t, d, "deviation")]
	if !ok {
		t.Fatalf("%s: no such deviation", d.Pos)
	}
	holds := deviation.holds
	if holds == nil {
		holds = func(kafka, ours string) bool { return status(kafka) == status(ours) }
	}
	if !holds(w.kafka.Expected, got) || got == w.kafka.Expected {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: this is not the deviation %s. Kafka:\n%sours:\n%s", d.Pos, arg(t, d, "deviation"), w.kafka.Expected, got))
	}
}

func status(outcome string) string {
	line, _, _ := strings.Cut(outcome, "\n")
	return line
}

func bothFail(kafka, ours string) bool { return status(kafka) == "exit 1" && status(ours) == "exit 1" }

var (
	javaException = regexp.MustCompile(`(?m)^[a-z]+(?:\.[a-z]+)*\.[A-Z]\w*(?:Exception|Error): (.*)$`)
	anyPort       = regexp.MustCompile(`\b:\d+\b`)
)

// sameMessage: ours says on stderr what Kafka's exception says, after the place that it is about and without Scala's
// preface. Ports are each one's own.
func sameMessage(kafka, ours string) bool {
	m := javaException.FindStringSubmatch(anyPort.ReplaceAllString(kafka, ":0"))
	text, found := strings.CutPrefix(anyPort.ReplaceAllString(ours, ":0"), "exit 1\n-- stderr\nheadrace: ")
	return status(kafka) == "exit 1" && m != nil && found && strings.HasSuffix(text, strings.TrimPrefix(m[1], "requirement failed: ")+"\n")
}

// formatsItself: ours starts where Kafka's only misses the format.
func formatsItself(kafka, ours string) bool {
	return strings.Contains(kafka, "No readable meta.properties files found.") && (ours == "exit 0\n" || ours == "it serves\n")
}

// sameButUsage: equal but for the line that says how the program is started.
func sameButUsage(kafka, ours string) bool {
	line := regexp.MustCompile(`(?m)^USAGE: .*$`)
	return line.ReplaceAllString(kafka, "") == line.ReplaceAllString(ours, "")
}

func stopsFewer(kafka, ours string) bool {
	return strings.Count(ours, " to ") < strings.Count(kafka, " to ")
}

// run gives what a command line does.
func (w *serverWorld) run(t *testing.T, d *datadriven.TestData, kafkas bool) string {
	words := splitWords(t, w.expand(d.Input))
	signal := ""
	d.MaybeScanArgs(t, "SIGNAL", &signal)
	switch {
	case words[0] == "kafka-server-stop" && kafkas:
		return w.stopByScript(t, signal, words[1:])
	case words[0] == "kafka-server-stop":
		return w.stop(t, signal, words[1:])
	case words[0] != "kafka-server-start":
		t.Fatalf("%s: no command %s", d.Pos, words[0])
	}
	self, err := os.Executable()
	must(t, err)
	program := []string{self, "kafka-server-start"}
	if kafkas {
		program = []string{filepath.Join(w.scripts, "kafka-server-start.sh")}
	}
	return w.start(t, d, append(program, words[1:]...))
}

// format formats the node's directories for Kafka.
func (w *serverWorld) format(t *testing.T, kafkas bool) {
	if !kafkas {
		return // a deviation: it formats itself
	}
	text, err := exec.CommandContext(t.Context(), filepath.Join(w.scripts, "kafka-run-class.sh"), "kafka.tools.StorageTool",
		"format", "--ignore-formatted", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", filepath.Join(w.dir, "node.properties")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// start runs a program that starts a node.
func (w *serverWorld) start(t *testing.T, d *datadriven.TestData, words []string) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out capture
	out.seen = make(chan struct{})
	out.until = "msg=serving"
	if w.scripts != "" {
		out.until = " started (kafka.server.KafkaRaftServer)"
	}
	signal := "TERM"
	d.MaybeScanArgs(t, "signal", &signal)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = w.dir
	cmd.Stdout, cmd.Stderr = out.writer(&out.stdout), out.writer(&out.stderr)
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // joined below
	err := error(nil)
	select {
	case err = <-ended:
	case <-out.seen:
		sig, _ := signalOf(signal)
		must(t, cmd.Process.Signal(sig))
		err = <-ended
	}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s: it does not end\n%s%s", d.Pos, &out.stdout, &out.stderr)
	}
	if d.HasArg("up") {
		w.endDaemon(ctx, t)
	}
	outcome := fmt.Sprintf("exit %d\n", cmd.ProcessState.ExitCode())
	switch {
	case out.hasSeen() && d.HasArg("signal"):
		return outcome
	case out.hasSeen():
		return "it serves\n"
	}
	return outcome + section("stdout", w.normalize(out.stdout.String())) + section("stderr", w.normalize(out.stderr.String()))
}

// endDaemon ends the node that a command has left behind.
func (w *serverWorld) endDaemon(ctx context.Context, t *testing.T) {
	running := func() []process {
		return slices.DeleteFunc(processes(ctx), func(p process) bool {
			return !slices.ContainsFunc(p.args, func(a string) bool { return strings.HasPrefix(a, w.dir) && strings.HasSuffix(a, ".properties") })
		})
	}
	for len(running()) == 0 {
		if pause(ctx); ctx.Err() != nil {
			t.Fatal("no node is running")
		}
	}
	for ctx.Err() == nil && len(running()) > 0 {
		for _, p := range running() {
			_ = syscall.Kill(p.pid, syscall.SIGTERM) // gone already is as good
		}
		pause(ctx)
	}
}

var stackFrames, shellLines = regexp.MustCompile(`(?m)^(\tat .*|\t\.\.\. .*|Caused by: .*)\n`), regexp.MustCompile(`(?m)^\S+: line \d+: `)

// normalize makes equal what differs from run to run: directories, times of log lines, frames of stack traces, lines of scripts.
func (w *serverWorld) normalize(text string) string {
	text = strings.ReplaceAll(text, w.dir, "$DIR")
	if w.scripts != "" {
		text = strings.ReplaceAll(text, w.scripts+"/", "")
	}
	text = shellLines.ReplaceAllString(text, "")
	return stackFrames.ReplaceAllString(logTimes.ReplaceAllString(text, "[TIME]"), "")
}

// stop runs ours among the story's nodes.
func (w *serverWorld) stop(t *testing.T, signal string, args []string) string {
	var out capture
	sent := ""
	s := stopper{
		processes: func(context.Context) []process { return slices.Clone(w.nodes) },
		kill: func(pid int, s syscall.Signal) error {
			sent += fmt.Sprintf("%d to %d\n", int(s), pid)
			return nil
		},
		signal: signal,
	}
	status := s.stop(t.Context(), newTool(strings.NewReader(""), out.writer(&out.stdout), out.writer(&out.stderr)), args)
	return fmt.Sprintf("exit %d\n", status) + section("stdout", out.stdout.String()) + section("stderr", w.normalize(out.stderr.String())) + section("signals", sent)
}

// stopByScript runs Kafka's script with a ps and a kill of our own, so that it sees the story's nodes and no others.
func (w *serverWorld) stopByScript(t *testing.T, signal string, args []string) string {
	var ps strings.Builder
	for _, n := range w.nodes {
		fmt.Fprintf(&ps, "%7d ?        Sl     0:01 java -Xmx1G kafka.Kafka %s\n", n.pid, strings.Join(n.args[1:], " "))
	}
	sent := filepath.Join(w.dir, "sent")
	must(t, os.WriteFile(sent, nil, 0o600))
	// The builtin checks the signal; 0 has it send nothing.
	const functions = `ps() { printf %s "$PS"; }
kill() { n=$(builtin kill -l "$2" 2> /dev/null) || { builtin kill -s "$2" $$; return; }; case $n in [0-9]*) ;; *) n=$2 ;; esac
  for p in "${@:3}"; do echo "$n to $p" >> "$SENT"; done; }
export -f ps kill; exec bash "$0" "$@"`
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-c", functions, filepath.Join(w.scripts, "kafka-server-stop.sh")}, args...)...)
	cmd.Env = append(os.Environ(), "PS="+ps.String(), "SENT="+sent, "SIGNAL="+signal)
	cmd.Dir = filepath.Join(w.dir, "home")
	must(t, os.MkdirAll(cmd.Dir, 0o755))
	var out capture
	cmd.Stdout, cmd.Stderr = out.writer(&out.stdout), out.writer(&out.stderr)
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sent)
	must(t, err)
	return fmt.Sprintf("exit %d\n", cmd.ProcessState.ExitCode()) + section("stdout", out.stdout.String()) +
		section("stderr", w.normalize(out.stderr.String())) + section("signals", string(text))
}

// TestServerFlagsHaveCases fails for a flag that no story uses, and for a deviation that docs/compat.md does not tell of.
func TestServerFlagsHaveCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "server", "*.txt"))
	must(t, err)
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			for i, word := range words {
				name, _, _ := strings.Cut(word, "=")
				used[name] = true
				used[words[0]+" "+name] = true
				if words[0] == "headrace" && i > 0 {
					used[word] = true
				}
			}
		}
	}
	flags := []string{"kafka-server-start -daemon", "kafka-server-start --help", "kafka-server-stop --help"}
	for _, o := range serverStartOptions {
		flags = append(flags, "kafka-server-start --"+o.Name())
	}
	for name := range stopOptions(new(string), new(string)) {
		flags = append(flags, "kafka-server-stop "+name)
	}
	for _, f := range flags {
		if !used[f] {
			t.Errorf("%s: no story uses it", f)
		}
	}
	compat, err := os.ReadFile(filepath.Join("..", "..", "docs", "compat.md"))
	must(t, err)
	for name, d := range serverDeviations {
		if !used["deviation="+name] {
			t.Errorf("deviation %s: no story has it", name)
		}
		if !strings.Contains(string(compat), "\n| "+d.row+" |") {
			t.Errorf("docs/compat.md has no row %q", d.row)
		}
	}
}

// hasSeen says whether the awaited text has been printed.
func (c *capture) hasSeen() bool {
	select {
	case <-c.seen:
		return true
	default:
		return false
	}
}
