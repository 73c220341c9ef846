package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// The stories under testdata/admin were recorded from Apache Kafka's Java tools by test/golden/admin.sh, and run as those
// of TestConsoleGolden do.

// adminTools are the commands under test, the Java classes that they replace, and their options.
var adminTools = map[string]struct {
	class   string
	run     func(context.Context, *tool, []string) int
	options []*jopt.Option
}{
	"kafka-topics":              {"org.apache.kafka.tools.TopicCommand", kafkaTopics, topicsOptions},
	"kafka-configs":             {"kafka.admin.ConfigCommand", kafkaConfigs, configsOptions},
	"kafka-broker-api-versions": {"org.apache.kafka.tools.BrokerApiVersionsCommand", kafkaBrokerAPIVersions, brokerAPIVersionsOptions},
	"kafka-storage":             {"kafka.tools.StorageTool", kafkaStorage, nil},
}

func TestAdminGolden(t *testing.T) {
	bootstrap := judge(t)
	datadriven.Walk(t, filepath.Join("testdata", "admin"), func(t *testing.T, path string) {
		if os.Getenv("BOOTSTRAP") == "" && strings.Contains(path, "quotas") {
			t.Skip("Headrace has no client quotas yet")
		}
		s := newStory(t, bootstrap)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "run":
				return s.runAdmin(t, d)
			case "file": // name=x; the text, with $DIR
				d.Input = strings.ReplaceAll(d.Input, "$DIR", s.dir)
			}
			return s.step(t, d)
		})
	})
}

func (s *story) runAdmin(t *testing.T, d *datadriven.TestData) string {
	words := splitWords(t, strings.NewReplacer("$BOOTSTRAP", s.bootstrap, "$DIR", s.dir).Replace(strings.ReplaceAll(d.Input, "\\\n", "")))
	command, ok := adminTools[words[0]]
	if !ok {
		t.Fatalf("%s: no command %s", d.Pos, words[0])
	}
	out, status := s.execAdmin(t, command.class, command.run, words)
	if d.HasArg("await") {
		var text string
		d.ScanArgs(t, "await", &text)
		text = strings.ReplaceAll(text, "_", " ")
		for ctx, n := t.Context(), 0; n < 250 && !strings.Contains(out.stdout.String(), text); n++ { // brokers apply their configs later
			pause(ctx)
			out, status = s.execAdmin(t, command.class, command.run, words)
		}
	}
	return fmt.Sprintf("exit %d\n", status) + section("stdout", adminNormal(s.normalize(out.stdout.String(), d), d)) +
		section("stderr", adminNormal(s.normalize(out.stderr.String(), d), d))
}

// execAdmin runs a command line once, ours or with KAFKA_TOOL Java's.
func (s *story) execAdmin(t *testing.T, class string, run func(context.Context, *tool, []string) int, words []string) (*capture, int) {
	out := new(capture)
	if java := strings.Fields(os.Getenv("KAFKA_TOOL")); len(java) > 0 {
		args := append(append(java[1:], class), words[1:]...)
		cmd := exec.CommandContext(t.Context(), java[0], args...)
		cmd.Stdout, cmd.Stderr = out.writer(&out.stdout), out.writer(&out.stderr)
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		return out, cmd.ProcessState.ExitCode()
	}
	return out, run(t.Context(), newTool(strings.NewReader(""), out.writer(&out.stdout), out.writer(&out.stderr)), words[1:])
}

var (
	topicIDs   = regexp.MustCompile(`(TopicId: |directory\.id=)[A-Za-z0-9_-]{22}`)
	wholeIDs   = regexp.MustCompile(`(?m)^[A-Za-z0-9_-]{22}$`)
	blankLines = regexp.MustCompile(`\n\n+`)
)

// adminNormal makes equal what normalize does not know of: ids that are drawn, and, beside a stack trace whose frames
// are gone, the number of empty lines. With flag lines=text only lines with the text stay: answers that list every key
// of a broker differ between brokers.
func adminNormal(text string, d *datadriven.TestData) string {
	text = topicIDs.ReplaceAllString(text, "${1}ID")
	text = wholeIDs.ReplaceAllString(text, "ID")
	if d.Cmd == "run" && !d.HasArg("help") {
		text = blankLines.ReplaceAllString(text, "\n")
	}
	only := ""
	for _, a := range d.CmdArgs {
		if a.Key == "lines" {
			only = a.Vals[0]
		}
	}
	if only == "" {
		return text
	}
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, only) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// TestEveryAdminFlagHasACase fails for an option that no story uses.
func TestEveryAdminFlagHasACase(t *testing.T) {
	files, err := filepath.Glob("testdata/admin/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			for _, w := range words[1:] {
				name, _, _ := strings.Cut(w, "=")
				used[words[0]+" "+name] = true
			}
		}
	}
	for name, command := range adminTools {
		for _, o := range command.options {
			if !used[name+" --"+o.Name()] {
				t.Errorf("%s: no story uses --%s", name, o.Name())
			}
		}
	}
	for _, c := range storageCommands {
		for _, o := range c.options {
			if !used["kafka-storage "+o.long] && !used["kafka-storage "+o.short] {
				t.Errorf("kafka-storage: no story uses %s", o.long)
			}
		}
	}
}
