package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/headrace/headrace/internal/edge/client"
)

// process is a running node.
type process struct {
	pid  int
	dir  string   // its working directory, if known
	args []string // its command line
}

// kafkaServerStop is kafka-server-stop: it sends a signal ($SIGNAL, else TERM) to all nodes of this machine that this
// user may signal, or to those of one --process-role or --node-id.
func kafkaServerStop(ctx context.Context, t *tool, args []string) int {
	role, id := flagValue(args, "--process-role="), flagValue(args, "--node-id=")
	if role != "" && id != "" {
		t.printf("When both node-id and process-role are provided, the value for node-id will take precedence\n")
	}
	nodes := slices.DeleteFunc(processes(ctx), func(p process) bool { return !p.isNode() })
	if len(nodes) == 0 {
		t.printf("No kafka server to stop\n")
		return exitFailed
	}
	signal, ok := signals[strings.TrimPrefix(strings.ToUpper(os.Getenv("SIGNAL")), "SIG")]
	if !ok {
		signal = syscall.SIGTERM
	}
	status := exitOK
	for _, n := range nodes {
		if (role != "" || id != "") && !n.matches(role, id) {
			continue
		}
		if err := syscall.Kill(n.pid, signal); err != nil {
			t.errorf("process %d: %v\n", n.pid, err)
			status = exitFailed
		}
	}
	return status
}

var signals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL,
	"HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
}

func flagValue(args []string, prefix string) string {
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, prefix); ok {
			return v
		}
	}
	return ""
}

// isNode says whether the process is `headrace server` or `headrace kafka-server-start`.
func (p process) isNode() bool {
	if len(p.args) < 2 || p.pid == os.Getpid() {
		return false
	}
	return filepath.Base(p.args[0]) == "headrace" && (p.args[1] == "server" || p.args[1] == "kafka-server-start")
}

// matches says whether the node has the role, or the id if that is given too.
func (p process) matches(role, id string) bool {
	props := map[string]string{"process.roles": "broker,controller", "node.id": "1"} // of a node without a file
	for i := 2; i < len(p.args); i++ {
		switch a := p.args[i]; {
		case a == "--override" && i+1 < len(p.args):
			i++
			key, value, _ := strings.Cut(p.args[i], "=")
			props[key] = value
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
		all = append(all, process{pid, dir, strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")})
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
