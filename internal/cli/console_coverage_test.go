package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// TestConsoleFlagsHaveCases fails for a flag of a command that no story uses.
func TestConsoleFlagsHaveCases(t *testing.T) {
	flags := map[string][]string{
		"kafka-console-producer":   jopts(consoleProducerOptions),
		"kafka-console-consumer":   jopts(consoleConsumerOptions),
		"kafka-consumer-perf-test": jopts(consumerPerfOptions("")),
		"kafka-consumer-groups":    jopts(consumerGroupsOptions),
		"kafka-producer-perf-test": {"--help"},
	}
	for _, a := range producerPerfParser.Args {
		flags["kafka-producer-perf-test"] = append(flags["kafka-producer-perf-test"], a.Name)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "console", "*.txt"))
	if err != nil || files == nil {
		t.Fatalf("no stories: %v", err)
	}
	used := map[string]bool{}
	commandLine := regexp.MustCompile(`(?m)^run.*\n((?:.*\\\n)*.*)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commandLine.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			for _, w := range words[1:] {
				name, _, _ := strings.Cut(w, "=")
				used[words[0]+" "+name] = true
			}
		}
	}
	for command, names := range flags {
		for _, name := range names {
			if !used[command+" "+name] {
				t.Errorf("%s %s: no story uses it", command, name)
			}
		}
	}
}

func jopts(options []*jopt.Option) []string {
	var out []string
	for _, o := range options {
		out = append(out, "--"+o.Name())
	}
	return out
}
