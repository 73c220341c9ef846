package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStopArgs(t *testing.T) {
	for _, c := range []struct {
		args     string
		role, id string
		bad      bool
	}{
		{args: ""},
		{args: "--process-role=broker", role: "broker"},
		{args: "--node-id=3", id: "3"},
		{args: "--node-id 3 --process-role controller", id: "3", role: "controller"},
		{args: "--nodeid=3", bad: true},
		{args: "--node-id", bad: true},
		{args: "--node-id=", bad: true},
		{args: "--help", bad: true},
		{args: "-h", bad: true},
		{args: "config/server.properties", bad: true},
	} {
		role, id, err := stopArgs(strings.Fields(c.args))
		if role != c.role && err == nil || id != c.id && err == nil || (err != nil) != c.bad {
			t.Errorf("%q: role %q, id %q, %v", c.args, role, id, err)
		}
	}
}

// TestServerStopRefuses looks at the parser first: with an argument passed over, the command would stop the nodes of the
// machine that runs the test.
func TestServerStopRefuses(t *testing.T) {
	for _, arg := range []string{"--help", "--nodeid=3", "-x", "3"} {
		if _, _, err := stopArgs([]string{arg}); err == nil {
			t.Fatalf("%s would stop nodes", arg)
		}
		var stdout, stderr bytes.Buffer
		status := kafkaServerStop(t.Context(), newTool(strings.NewReader(""), &stdout, &stderr), []string{arg})
		if status != exitFailed || !strings.Contains(stderr.String(), serverStopUsage) {
			t.Errorf("%s: exit %d, %q", arg, status, stderr.String())
		}
	}
}

func TestIsNode(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		exe  string
		want bool
	}{
		{"headrace server", "", true},
		{"/opt/headrace server -daemon server.properties", "", true},
		{"headrace server-start FILE", "", true},
		{"bin/headrace kafka-server-start.sh FILE", "", true},
		{"/usr/bin/kafka-server-start FILE", "", true},
		{"./kafka-server-start.sh FILE", "", true},
		{"headrace kafka-server-stop", "", false},
		{"headrace topics --topic server", "", false},
		{"vault server", "/bin/sh", false},
		{"vault server", "", false},
		{"renamed server", self, true},
		{"renamed topics", self, false},
		{"sh kafka-server-start.sh FILE", "/bin/sh", false},
		{"server", "", false},
		{"", "", false},
	} {
		p := process{pid: -1, exe: c.exe, args: strings.Fields(c.args)}
		if got := p.isNode(); got != c.want {
			t.Errorf("%q: %v", c.args, got)
		}
	}
}

func TestNodeMatches(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "n.properties"), []byte("node.id=3\nprocess.roles=broker\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, role, id string
		want           bool
	}{
		{"headrace server", "", "1", true},
		{"headrace server", "broker,controller", "", true},
		{"headrace server n.properties", "", "3", true},
		{"headrace server -daemon n.properties", "broker", "", true},
		{"kafka-server-start n.properties", "", "3", true},
		{"headrace server --override node.id=4 n.properties", "", "4", true},
		{"kafka-server-start n.properties --override=node.id=4", "", "3", false},
		{"headrace server gone.properties", "", "3", false},
	} {
		p := process{pid: -1, dir: dir, args: strings.Fields(c.args)}
		if got := p.matches(c.role, c.id); got != c.want {
			t.Errorf("%q role %q id %q: %v", c.args, c.role, c.id, got)
		}
	}
}
