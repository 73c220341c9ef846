package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDaemonChecksItsConfig: what is wrong with the configuration is told before anything is started.
func TestDaemonChecksItsConfig(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LOG_DIR", filepath.Join(dir, "logs"))
	bad := filepath.Join(dir, "bad.properties")
	if err := os.WriteFile(bad, []byte("process.roles=broker,controller\nnode.id=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{
		{"headrace", "server", "-daemon", bad},
		{"headrace", "server", "-daemon", filepath.Join(dir, "gone.properties")},
		{"headrace", "server", "-daemon", "--override", "node.id=x"},
		{"headrace", "kafka-server-start", "-daemon", bad},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), newTool(strings.NewReader(""), &stdout, &stderr), words)
		if status != exitFailed || !strings.HasPrefix(stderr.String(), "headrace: ") {
			t.Errorf("%v: exit %d, %q", words, status, stderr.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "logs")); !os.IsNotExist(err) {
		t.Errorf("a node was started: %v", err)
	}
}

func TestDetach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for script, want := range map[string]string{
		"echo the port is taken >&2; exit 3": "the node ended at once: exit status 3 (" + path + ")\nthe port is taken",
		"echo all is well":                   "",
	} {
		err := detach(exec.Command("sh", "-c", script), path, time.Minute)
		if got := errorText(err); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := detach(child, path, 0); err != nil {
		t.Errorf("a child that runs: %v", err)
	}
	stdin.Close()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
