package lesson

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFirstHalf(t *testing.T) {
	text, err := os.ReadFile("../../docs/lesson.md")
	if err != nil {
		t.Fatal(err)
	}
	got, err := FirstHalf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{Line: "bin/kafka-server-start.sh config/server.properties", Input: []string{}},
		{Line: "bin/kafka-topics.sh --create --topic quickstart-events --bootstrap-server localhost:9092", Input: []string{}},
		{
			Line:  "bin/kafka-console-producer.sh --topic quickstart-events --bootstrap-server localhost:9092",
			Input: []string{"LoggingLab101 first event", "LoggingLab101 second event"},
		},
		{Line: "bin/kafka-console-consumer.sh --topic quickstart-events --from-beginning --bootstrap-server localhost:9092", Input: []string{}},
		{Line: "rm -rf /tmp/kafka-logs /tmp/zookeeper", Input: []string{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestFirstHalfNeedsItsSection(t *testing.T) {
	if _, err := FirstHalf("# Another text\n"); err == nil {
		t.Error("a text without the section was taken")
	}
}
