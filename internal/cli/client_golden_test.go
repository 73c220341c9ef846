package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/headrace/headrace/internal/cli/argparse"
)

// The stories under testdata/client were recorded from Apache Kafka's Java tools by test/golden/client.sh, and run as
// those of TestConsoleGolden do.

// clientTools are the commands under test and their options.
var clientTools = map[string][]string{
	"kafka-get-offsets":         jopts(getOffsetsOptions),
	"kafka-delete-records":      jopts(deleteRecordsOptions),
	"kafka-groups":              jopts(groupsOptions),
	"kafka-log-dirs":            jopts(logDirsOptions),
	"kafka-e2e-latency":         jopts(e2eLatencyOptions),
	"kafka-client-metrics":      jopts(clientMetricsOptions),
	"kafka-verifiable-producer": argNames(verifiableProducerParser),
	"kafka-verifiable-consumer": argNames(verifiableConsumerParser),
	"kafka-cluster":             argNames(clusterParser()),
	"kafka-features":            argNames(featuresParser()),
	"kafka-metadata-quorum":     argNames(quorumParser()),
}

func argNames(p *argparse.Parser) []string {
	names := []string{"--help"}
	for _, a := range p.Args {
		names = append(names, a.Name)
	}
	for _, c := range p.Commands {
		names = append(names, c.Name)
		names = append(names, argNames(c.Parser)...)
	}
	return names
}

func TestClientGolden(t *testing.T) {
	bootstrap := judge(t)
	datadriven.Walk(t, filepath.Join("testdata", "client"), func(t *testing.T, path string) {
		s := newStory(t, bootstrap)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "run":
				return s.runClient(t, d)
			case "file": // name=x; the text, with $DIR
				d.Input = strings.ReplaceAll(d.Input, "$DIR", s.dir)
			}
			return s.step(t, d)
		})
	})
}

var (
	mustPages  = regexp.MustCompile(`(?s)Option \(\* = required\) .*`) // help pages that normalize does not know
	logDirs    = regexp.MustCompile(`"logDir":"[^"]*"`)
	drawnIDs   = regexp.MustCompile(`[A-Za-z0-9_-]{22}`)
	anyNumber  = regexp.MustCompile(`\b\d+\b`)
	columns    = regexp.MustCompile(` +`)
	drawnNames = regexp.MustCompile(`config for [A-Za-z0-9_-]{22}\.`)
	timestamps = regexp.MustCompile(`("timestamp":)\d+|("avg_throughput":)[\d.E]+`)
)

// runClient is run for what these commands print:
//   - with flag directories, the broker's own directories;
//   - with flag drawn, ids, numbers and the width of columns (for what succeeds);
//   - with flag events, the times in lines of JSON;
//   - with await=text, the command is run until that text is in its output;
//   - with flag differs, the status and the text below it are ours, where docs/compat.md says why.
func (s *story) runClient(t *testing.T, d *datadriven.TestData) string {
	text := s.run(t, d)
	if d.HasArg("await") { // brokers hear of configs later
		want := arg(t, d, "await")
		for n := 0; n < 250 && !strings.Contains(text, want); n++ {
			pause(t.Context())
			text = s.run(t, d)
		}
	}
	if d.HasArg("differs") && os.Getenv("KAFKA_TOOL") != "" {
		return d.Expected
	}
	if !d.HasArg("help") {
		text = mustPages.ReplaceAllString(text, "<help page>\n")
	}
	if d.HasArg("directories") {
		text = logDirs.ReplaceAllString(text, `"logDir":"…"`)
	}
	if d.HasArg("drawn") {
		text = drawnIDs.ReplaceAllString(text, "ID")
		text = strings.ReplaceAll(anyNumber.ReplaceAllString(columns.ReplaceAllString(text, " "), "N"), "exit N", "exit 0")
	}
	text = drawnNames.ReplaceAllString(text, "config for ID.")
	if d.HasArg("events") {
		text = timestamps.ReplaceAllString(text, "${1}${2}0")
	}
	return text
}

// TestClientFlagsHaveCases fails for a flag of a command that no story uses.
func TestClientFlagsHaveCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "client", "*.txt"))
	if err != nil || files == nil {
		t.Fatalf("no stories: %v", err)
	}
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			for _, w := range words {
				name, _, _ := strings.Cut(w, "=")
				used[words[0]+" "+name] = true
			}
		}
	}
	for command, flags := range clientTools {
		for _, flag := range flags {
			if !used[command+" "+flag] {
				t.Errorf("%s %s: no story uses it", command, flag)
			}
		}
	}
}
