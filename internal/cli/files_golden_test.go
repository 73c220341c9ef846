package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The stories under testdata/files were recorded from Apache Kafka's Java tools by test/golden/files.sh, of the files under
// testdata/dump-files, and run as those of TestConsoleGolden do. These commands ask no broker.

// fileTools are the commands under test and their options.
var fileTools = map[string][]string{
	"kafka-dump-log": jopts(dumpLogOptions),
}

func TestFilesGolden(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("testdata", "dump-files"))
	must(t, err)
	datadriven.Walk(t, filepath.Join("testdata", "files"), func(t *testing.T, path string) {
		s := &story{bootstrap: "no broker", dir: dir}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "run" {
				t.Fatalf("%s: no directive %s", d.Pos, d.Cmd)
			}
			if d.HasArg("differs") && os.Getenv("KAFKA_TOOL") != "" { // ours is better, and docs/compat.md says so
				return d.Expected
			}
			return s.run(t, d)
		})
	})
}

// TestFileFlagsHaveCases fails for a flag of a command that no story uses.
func TestFileFlagsHaveCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "files", "*.txt"))
	if err != nil || files == nil {
		t.Fatalf("no stories: %v", err)
	}
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			for _, w := range words {
				name, _, _ := strings.Cut(w, "=")
				used[words[0]+" "+name] = true
			}
		}
	}
	for command, flags := range fileTools {
		for _, flag := range flags {
			if !used[command+" "+flag] {
				t.Errorf("%s %s: no story uses it", command, flag)
			}
		}
	}
}
