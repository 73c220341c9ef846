package cli

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/internal/edge/client"
)

// process is a process of this machine.
type process struct {
	pid  int
	dir  string   // its working directory; empty: not known
	exe  string   // a path that opens its program; empty: not known
	args []string // its command line
}

const serverStopUsage = "USAGE: kafka-server-stop.sh [--process-role=ROLES] [--node-id=ID]\n" +
	"Sends SIGTERM, or the signal in $SIGNAL, to the nodes of this machine.\n"

// kafkaServerStop is kafka-server-stop: it sends a signal ($SIGNAL, else TERM) to all nodes of this machine that this
// user may signal, or to those of one --process-role or --node-id.
//
// Deviation: arguments that are not understood stop nothing; the original's script passes over them. And the file of a
// node is looked for where the node was started, with what its command line overrides.
func kafkaServerStop(ctx context.Context, t *tool, args []string) int {
	return stopper{processes, syscall.Kill, os.Getenv("SIGNAL")}.stop(ctx, t, args)
}

// stopper is what kafka-server-stop needs of the machine.
type stopper struct {
	processes func(context.Context) []process
	kill      func(pid int, signal syscall.Signal) error
	signal    string // name or number; empty: TERM
}

func (s stopper) stop(ctx context.Context, t *tool, args []string) int {
	role, id, err := stopArgs(args)
	if err != nil {
		t.errorf("%v\n%s", err, serverStopUsage)
		return exitFailed
	}
	if role != "" && id != "" {
		t.printf("When both node-id and process-role are provided, the value for node-id will take precedence\n")
	}
	nodes := slices.DeleteFunc(s.processes(ctx), func(p process) bool { return !p.isNode() })
	if len(nodes) == 0 {
		t.printf("No kafka server to stop\n")
		return exitFailed
	}
	if role != "" || id != "" {
		nodes = slices.DeleteFunc(nodes, func(p process) bool { return !p.matches(role, id) })
	}
	signal, ok := signalOf(s.signal)
	if !ok && len(nodes) > 0 {
		t.errorf("kill: %s: invalid signal specification\n", s.signal)
		return exitFailed
	}
	status := exitOK
	for _, n := range nodes {
		if err := s.kill(n.pid, signal); err != nil {
			t.errorf("process %d: %v\n", n.pid, err)
			status = exitFailed
		}
	}
	return status
}

// signalOf reads a signal as kill -s does: a name, with or without SIG, in any case, or a number. Empty is TERM.
func signalOf(name string) (syscall.Signal, bool) {
	if name == "" {
		return syscall.SIGTERM, true
	}
	if n, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(n), n == 0 || unix.SignalName(syscall.Signal(n)) != ""
	}
	s := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	return s, s != 0
}

// stopOptions are the options of kafka-server-stop and where their values go.
func stopOptions(role, id *string) map[string]*string {
	return map[string]*string{"--process-role": role, "--node-id": id}
}

// stopArgs reads the options, whose values follow an equals sign or are the next word.
func stopArgs(args []string) (role, id string, err error) {
	values := stopOptions(&role, &id)
	for len(args) > 0 {
		name, value, glued := strings.Cut(args[0], "=")
		to, ok := values[name]
		switch args = args[1:]; {
		case !ok && name == "--help":
			return "", "", errors.New("This tool stops nodes.") //nolint:staticcheck // a line of the help page
		case !ok:
			return "", "", fmt.Errorf("%s is not a recognized option", name)
		case !glued && len(args) > 0:
			value, args = args[0], args[1:]
		}
		if value == "" {
			return "", "", fmt.Errorf("Option %s requires an argument", name) //nolint:staticcheck // as the other tools
		}
		*to = value
	}
	return role, id, nil
}

// serverArgs are the arguments of a command line that starts a node; ok is false for any other.
func serverArgs(words []string) (args []string, ok bool) {
	starts := func(word string) bool {
		c, found := find(strings.TrimSuffix(filepath.Base(word), ".sh"))
		return found && (c.name == "server" || c.name == "kafka-server-start")
	}
	switch {
	case len(words) > 0 && strings.HasPrefix(filepath.Base(words[0]), "kafka-server-start") && starts(words[0]):
		return words[1:], true
	case len(words) > 1 && starts(words[1]):
		return words[2:], true
	}
	return nil, false
}

// isNode says whether the process is a node: its command line starts one, and it is this program, by its name or, when
// that has been changed, by what the linker wrote into it.
func (p process) isNode() bool {
	if _, ok := serverArgs(p.args); !ok || p.pid == os.Getpid() {
		return false
	}
	switch name := filepath.Base(p.args[0]); name {
	case "headrace", "kafka-server-start", "kafka-server-start.sh":
		return true
	}
	if p.exe == "" {
		return false
	}
	self, ok := debug.ReadBuildInfo()
	other, err := buildinfo.ReadFile(p.exe)
	return ok && err == nil && self.Path != "" && other.Path == self.Path
}

// matches says whether the node has the role, or the id if that is given too.
func (p process) matches(role, id string) bool {
	props := map[string]string{"process.roles": "broker,controller", "node.id": "1"} // of a node without a file
	overrides := map[string]string{}
	args, _ := serverArgs(p.args)
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--override" && i+1 < len(args):
			i++
			key, value, _ := strings.Cut(args[i], "=")
			overrides[key] = value
		case strings.HasPrefix(a, "--override="):
			key, value, _ := strings.Cut(strings.TrimPrefix(a, "--override="), "=")
			overrides[key] = value
		case !strings.HasPrefix(a, "-"):
			if !filepath.IsAbs(a) {
				a = filepath.Join(p.dir, a)
			}
			file, err := client.ReadFile(a)
			if err != nil {
				return false
			}
			props = client.Merge(props, file)
		}
	}
	props = client.Merge(props, overrides)
	if id != "" {
		return props["node.id"] == id
	}
	return props["process.roles"] == role
}

// processes lists the machine's processes, from /proc where there is one, else by ps.
func processes(ctx context.Context) []process {
	entries, err := os.ReadDir("/proc")
	if err != nil || len(entries) == 0 {
		return psProcesses(ctx)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil || len(line) == 0 {
			continue // it has just ended, or is the kernel's
		}
		dir, err := os.Readlink("/proc/" + e.Name() + "/cwd")
		if err != nil {
			dir = ""
		}
		all = append(all, process{
			pid: pid, dir: dir, exe: "/proc/" + e.Name() + "/exe",
			args: strings.Split(strings.TrimRight(string(line), "\x00"), "\x00"),
		})
	}
	return all
}

func psProcesses(ctx context.Context) []process {
	out, err := exec.CommandContext(ctx, "ps", "ax", "-o", "pid=,args=").Output()
	if err != nil {
		return nil
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if pid, err := strconv.Atoi(words[0]); err == nil {
			all = append(all, process{pid: pid, args: words[1:]})
		}
	}
	return all
}
