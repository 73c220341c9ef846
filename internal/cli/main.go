package cli

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Main runs one command line and returns the exit status. args[0] is the program; if it has the name of a command
// (a link named kafka-topics or kafka-topics.sh), that command runs, else args[1] names it. SIGINT and SIGTERM cancel
// the command's context; a second one ends the process as usual.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go func() { // joined by stop: it ends the context
		<-ctx.Done()
		stop()
	}()
	return run(ctx, newTool(stdin, stdout, stderr), args)
}

func run(ctx context.Context, t *tool, args []string) int {
	if len(args) == 0 {
		args = []string{"headrace"}
	}
	if c, ok := find(strings.TrimSuffix(filepath.Base(args[0]), ".sh")); ok {
		return c.run(ctx, t, args[1:])
	}
	if len(args) == 1 {
		t.errorf("%s", usage())
		return exitFailed
	}
	switch name := args[1]; name {
	case "help", "--help", "-h", "-help":
		t.printf("%s", usage())
		return exitOK
	case "--version", "-v", "-version":
		return versionCommand(ctx, t, nil)
	default:
		c, ok := find(strings.TrimSuffix(name, ".sh"))
		if !ok {
			t.errorf("headrace: no command %q%s; headrace --help lists them\n", name, proposal(name))
			return exitFailed
		}
		return c.run(ctx, t, args[2:])
	}
}

// find looks a command up; "topics" is short for "kafka-topics".
func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name || c.name == "kafka-"+name {
			return c, true
		}
	}
	return command{}, false
}

func proposal(name string) string {
	for _, c := range commands() {
		if strings.Contains(c.name, name) || strings.HasPrefix(name, c.name) {
			return " (did you mean " + c.name + "?)"
		}
	}
	return ""
}

func usage() string {
	var b strings.Builder
	b.WriteString("Headrace: event streaming that speaks Apache Kafka's protocol.\n\nUsage: headrace COMMAND [OPTION]...\n\n")
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(&b, "  %-26s %s\n", c.name, c.summary)
		}
	}
	b.WriteString("\nheadrace COMMAND --help shows a command's options. Commands of Kafka need no \"kafka-\": headrace topics --list.\n" +
		"With --output json, kafka-topics (--list, --describe), kafka-configs (--describe), kafka-consumer-groups (--list,\n" +
		"--describe, --reset-offsets), kafka-client-metrics (--list, --describe), kafka-broker-api-versions, kafka-groups,\n" +
		"kafka-get-offsets, kafka-delete-records, kafka-log-dirs and kafka-e2e-latency print JSON.\n")
	return b.String()
}
