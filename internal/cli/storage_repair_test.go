package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace"
)

// nodeOn runs a node on a directory until the function returns.
func nodeOn(t *testing.T, file string, while func(n *headrace.Node)) {
	t.Helper()
	n, err := headrace.New(headrace.Config{File: file}, headrace.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	while(n)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestStorageRepair breaks the metadata of a node, and brings the node back.
func TestStorageRepair(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "server.properties")
	data := filepath.Join(dir, "data")
	props := fmt.Sprintf("process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\n"+
		"controller.listener.names=CONTROLLER\ncontroller.quorum.bootstrap.servers=127.0.0.1:9093\nlog.dirs=%s\n", data)
	if err := os.WriteFile(file, []byte(props), 0o600); err != nil {
		t.Fatal(err)
	}
	topics := func(n *headrace.Node, args ...string) ran {
		<-n.Ready()
		return runCommand(t, append([]string{"topics", "--bootstrap-server", n.Addr("PLAINTEXT")}, args...)...)
	}
	nodeOn(t, file, func(n *headrace.Node) {
		for _, name := range []string{"first", "second", "third"} {
			if got := topics(n, "--create", "--topic", name); got.status != exitOK {
				t.Fatalf("%+v", got)
			}
		}
	})
	repair := func(args ...string) ran {
		return runCommand(t, append([]string{"storage", "repair", "--config", file}, args...)...)
	}
	if got := repair(); got.status != exitOK || !strings.Contains(got.out, "nothing is damaged; the metadata have 3 topics with 3 partitions") {
		t.Fatalf("%+v", got)
	}
	segments, err := filepath.Glob(filepath.Join(data, "__cluster_metadata-0", "*.entries"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	name := segments[len(segments)-1]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[bytes.Index(content, []byte("second"))] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runCommand(t, "log", "verify", data); got.status != exitFailed || !strings.Contains(got.out, "__cluster_metadata-0      damaged     quorum: stored metadata is damaged") ||
		!strings.Contains(got.out, ": 3 partitions, ") {
		t.Errorf("%+v", got)
	}
	got := repair()
	if got.status != exitOK || !strings.Contains(got.out, "1 TopicRecord: third\n") || !strings.Contains(got.out, "Kept: everything up to offset") ||
		!strings.HasSuffix(got.out, "Nothing was changed. --execute does it.\n") {
		t.Fatalf("%+v", got)
	}
	got = repair("--execute", "--output", "json")
	var v repairView
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || got.status != exitOK || !v.Executed || v.Topics != 1 || v.LastKept >= v.LastKnown {
		t.Fatalf("%v %+v %+v", err, got, v)
	}
	if old, err := os.ReadFile(filepath.Join(v.Backup, filepath.Base(name))); err != nil || !bytes.Equal(old, content) {
		t.Error("no copy of what was there:", err)
	}
	if got := runCommand(t, "log", "verify", data); got.status != exitOK {
		t.Errorf("%+v", got)
	}
	nodeOn(t, file, func(n *headrace.Node) {
		if got := topics(n, "--list"); strings.TrimSpace(got.out) != "first" {
			t.Errorf("%+v", got)
		}
		if got := topics(n, "--create", "--topic", "fourth"); got.status != exitOK {
			t.Errorf("%+v", got)
		}
		if got := repair(); got.status != exitUnseen || !strings.Contains(got.err, "is in use: stop the broker first") {
			t.Errorf("%+v", got)
		}
	})
	if stray, err := filepath.Glob(filepath.Join(data, "*-stray")); err != nil || len(stray) != 2 {
		t.Error("the partitions of lost topics are not kept:", stray, err)
	}
}

func TestStorageRepairUsage(t *testing.T) {
	if got := runCommand(t, "storage", "repair", "--help"); got.status != exitOK || !strings.HasPrefix(got.out, "Usage: headrace storage repair") {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "give --config"},
		{[]string{"--config"}, "config"},
		{[]string{"--config", "none", "--bogus"}, "bogus"},
		{[]string{"--config", filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		got := runCommand(t, append([]string{"storage", "repair"}, c.args...)...)
		if got.status != exitUnseen || !strings.Contains(got.err, c.says) {
			t.Errorf("%v: %+v", c.args, got)
		}
	}
}
