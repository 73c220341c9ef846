package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

func load1(t *testing.T, text string, overrides ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.properties")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, overrides)
}

const minimal = "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n" +
	"listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n"

func TestErrorsNamePlaceAndKey(t *testing.T) {
	for name, c := range map[string]struct{ add, want string }{
		"type":      {"num.partitions=x", ":6: Invalid value x for configuration num.partitions: Not a number of type INT"},
		"range":     {"num.partitions=0", ":6: Invalid value 0 for configuration num.partitions: Value must be at least 1"},
		"choice":    {"compression.type=x", ":6: Invalid value x for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
		"id":        {"broker.id=2", ":2: You must set `node.id` to the same value as `broker.id`."},
		"listener":  {"advertised.listeners=OTHER://x:1", ":6: Error creating broker listeners from '[OTHER://x:1]': No security protocol defined for listener OTHER"},
		"voters":    {"controller.quorum.voters=2@x:1", ":6: If process.roles contains the 'controller' role, the node id 1 must be included in the set of voters controller.quorum.voters=Set(2)"},
		"wildcard":  {"advertised.listeners=PLAINTEXT://0.0.0.0:1", ":6: advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address."},
		"meta dir":  {"metadata.log.dir=", ":6: metadata.log.dir must name a directory; without it the first of log.dirs is used"},
		"protocols": {"group.coordinator.rebalance.protocols=consumer", ":6: Disabling the 'classic' protocol is not supported."},
		"escape":    {`node.id=\u12`, `:6: node.id: malformed \u escape: it takes four hexadecimal digits`},
	} {
		_, err := load1(t, minimal+c.add)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant …%s", name, err, c.want)
		}
	}
	if _, err := load1(t, "node.id=1"); err == nil || !strings.Contains(err.Error(), `Missing required configuration "controller.listener.names"`) {
		t.Errorf("missing key: %v", err)
	}
	if _, err := load1(t, minimal, "num.partitions=0"); err == nil || !strings.HasPrefix(err.Error(), "--override: Invalid value 0") {
		t.Errorf("override: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	c, err := load1(t, minimal+"num.partition=3\nnum.io.threads=3\nlistener.name.x.ssl.keystore.type=PEM\nsuper.users=User:a\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Message)
	}
	want := "num.io.threads has no effect: each connection has a goroutine of its own\n" +
		"unknown key num.partition, it is ignored (did you mean num.partitions?)"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	open, err := load1(t, strings.Replace(minimal, "PLAINTEXT://localhost", "PLAINTEXT://", 1))
	if err != nil || len(open.Warnings()) != 1 || !strings.Contains(open.Warnings()[0].Message, "is open") {
		t.Errorf("an open listener: %v, %v", open.Warnings(), err)
	}
}

func TestTopicsInheritAndOverride(t *testing.T) {
	c, err := load1(t, minimal+"log.retention.hours=2\nlog.roll.ms=5000\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.TopicDefaults(); got.Retention.Time != 2*time.Hour || got.Segment.Roll != 5*time.Second || !got.Flush.BeforeAck || got.Message.MaxBytes != 1048588 {
		t.Errorf("defaults: %+v", got)
	}
	got, err := c.ResolveTopic(map[string]string{"retention.ms": "-1", "cleanup.policy": "compact,delete", "max.compaction.lag.ms": "9223372036854775807"})
	if err != nil || got.Retention.Time >= 0 || !got.Compaction.Compact || !got.Retention.Delete || got.Compaction.MaxLag != 1<<63-1 {
		t.Errorf("overrides: %+v, %v", got, err)
	}
	for _, bad := range []map[string]string{{"nonsense": "1"}, {"segment.bytes": "1"}, {"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "3"}} {
		if err := c.ValidateTopic(nil, bad); !errors.Is(err, kerr.InvalidConfig) {
			t.Errorf("%v is taken: %v", bad, err)
		}
	}
}

func TestDynamicLayers(t *testing.T) {
	c, err := load1(t, minimal+"log.retention.hours=2\n")
	if err != nil {
		t.Fatal(err)
	}
	next, warnings := c.WithDynamic(map[string]string{"log.retention.ms": "70000", "log.cleaner.threads": "2"},
		map[string]string{"log.cleaner.threads": "3", "node.id": "9"})
	if next.Int("log.cleaner.threads") != 3 || next.LogRetention() != 70*time.Second || c.Int("log.cleaner.threads") != 1 {
		t.Errorf("layers: %d threads, %s; before %d", next.Int("log.cleaner.threads"), next.LogRetention(), c.Int("log.cleaner.threads"))
	}
	if len(warnings) != 1 || warnings[0].Key != "node.id" {
		t.Errorf("warnings: %v", warnings)
	}
	var names []string
	for _, e := range next.DescribeTopic(map[string]string{"retention.ms": "1"}) {
		if e.Name != "retention.ms" {
			continue
		}
		for _, s := range e.Synonyms {
			names = append(names, s.Name+"="+*s.Value)
		}
	}
	if got := strings.Join(names, " "); got != "retention.ms=1 log.retention.ms=70000 log.retention.hours=2 log.retention.hours=168" {
		t.Errorf("synonyms: %s", got)
	}
	if err := c.ValidateBroker(true, map[string]string{"node.id": "2"}); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("a fixed key: %v", err)
	}
}

func TestProperties(t *testing.T) {
	props, err := ParseProperties([]byte("# c\n! c\n a = b\\\n   c \nd:e\nf g\nh\\=i=\\u00e4\\t\nj\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Property{{"a", "bc ", 3}, {"d", "e", 5}, {"f", "g", 6}, {"h=i", "ä\t", 7}, {"j", "", 8}}
	for i, p := range props {
		if i >= len(want) || p != want[i] {
			t.Errorf("%d: %+v", i, p)
		}
	}
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte("a=b\\\nc\n\\u00e4=\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		props, err := ParseProperties(data)
		if err == nil && len(props) > len(data) {
			t.Errorf("%d properties of %d bytes", len(props), len(data))
		}
	})
}
