package tidy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// depsRules is the architecture: "a, b < c, d" lets c and d import a and b and what these may import.
// Names are paths under internal/ without the layer (kafka, cluster, broker and the runtime's directory).
// A package that does not stand here fails the test: first decide where it belongs, then add it.
//
// Change these lines to change the architecture, never to make a build pass.
const depsRules = `
NONE < vfs, telemetry, record, uuid, javanum;
javanum < config;
uuid, javanum < schema;
record < wire;
uuid < metadata, log, edge/admin;
wire < isr, shard, metadata, peer;
shard < group, txn;
uuid < group/assign < group/modern;
NONE < group/streams < group;
shard, wire < group/modern < group/consumer < group;

# one log's bytes
vfs, record, telemetry < log;

# who leads what
metadata < controller, auth;
log, controller, peer < quorum;

# what a broker does
wire, telemetry < server;
log, isr, metadata, peer < session < replica;
wire, record < coordinator;
controller < session; # the broker's side of the controller names who asks
shard < coordinator; # the runtime drives shards, and knows none of them
wire, group, coordinator < groups;
server, replica, groups, auth, controller, config < api;

# what speaks Kafka for others: clients of the protocol, of no broker's insides
NONE < edge/javaerr;
config, telemetry, edge/javaerr < edge/client < edge/network;
record, edge/network < edge/admin, edge/groups, edge/records < edge;

# public
NONE < connect < connectors;
NONE < streams < streams/pebble;
edge, connect, connectors < worker;
edge < registry, rest, console, fluent;

# the assembly
api, quorum, session, worker, registry, rest, console, fluent < headrace < headracetest;

# commands
NONE < cli/argparse, cli/jopt, cli/javatime;
edge, schema, cli/argparse, cli/jopt, cli/javatime < cli/console, cli/perf;
log, quorum, schema, edge/javaerr < cli/dump;
headrace, cli/console, cli/perf, cli/dump < cli < cmd/headrace;

# tests only; the simulation drives the cores and their thin shells' stores
NONE < tidy;
log, quorum, group, txn, isr, controller, session, replica, groups < sim;
`

// layers are the directories that only group packages: their names stay out of the rules.
var layers = []string{
	"internal/broker/coordinator/", "internal/broker/replica/", "internal/broker/",
	"internal/cluster/", "internal/kafka/", "internal/",
}

// outside are modules with few importers. The list names prefixes of our packages, as paths.
var outside = []struct {
	module string
	why    string
	allow  []string
}{
	{"go.etcd.io/raft", "consensus is known to the quorum alone", []string{"internal/cluster/quorum", "internal/sim"}},
	{
		"github.com/twmb/franz-go/pkg/kmsg", "message structs are plain data of the protocol's own rooms",
		[]string{".", "internal/kafka", "internal/cluster", "internal/broker", "internal/peer", "internal/edge", "internal/cli", "internal/sim", "headracetest", "test"},
	},
	{"github.com/twmb/franz-go/pkg/kgo", "clients of Kafka live at the edge", []string{"internal/edge", "internal/cli", "streams", "headracetest", "test"}},
	{"github.com/twmb/franz-go/pkg/kadm", "clients of Kafka live at the edge", []string{"internal/edge", "internal/cli", "streams", "headracetest", "test"}},
	{"github.com/cockroachdb/pebble", "a store of streams, never of the broker", []string{"streams/pebble"}},
	{"github.com/prometheus/client_golang", "metrics are made in one place", []string{"internal/telemetry"}},
}

func TestImports(t *testing.T) {
	may, err := parseRules(depsRules)
	if err != nil {
		t.Fatal(err)
	}
	source(t).product(func(f file) {
		if f.dir() == "test" || strings.HasPrefix(f.dir(), "test/") {
			return
		}
		from := short(f.dir())
		if _, ok := may[from]; !ok {
			t.Errorf("%s: package %q has no place in depsRules", f.path, from)
			return
		}
		for _, spec := range f.syntax.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if path != module && !strings.HasPrefix(path, module+"/") {
				continue
			}
			to := short(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
			if to != from && !may[from][to] {
				t.Errorf("%s: %s may not import %s", f.path, from, to)
			}
		}
	})
}

func TestOutsideImports(t *testing.T) {
	source(t).product(func(f file) {
		for _, spec := range f.syntax.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			for _, o := range outside {
				if path != o.module && !strings.HasPrefix(path, o.module+"/") {
					continue
				}
				if !slices.ContainsFunc(o.allow, func(p string) bool { return f.dir() == p || strings.HasPrefix(f.dir(), p+"/") }) {
					t.Errorf("%s imports %s: %s", f.path, path, o.why)
				}
			}
		}
	})
}

// short is a package's name in the rules.
func short(dir string) string {
	if dir == "." || dir == "" {
		return "headrace"
	}
	for _, l := range layers {
		if rest, ok := strings.CutPrefix(dir, l); ok && rest != "" {
			return rest
		}
	}
	return dir
}

// parseRules makes name → everything that it may import, directly or through what it may import.
func parseRules(text string) (map[string]map[string]bool, error) {
	direct := map[string]map[string]bool{}
	for line := range strings.Lines(text) {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			text = strings.Replace(text, "#"+comment, "\n", 1)
		}
	}
	for rule := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(rule) == "" {
			continue
		}
		groups := strings.Split(rule, "<")
		for i := range groups {
			above := names(groups[i])
			if len(above) == 0 || len(groups) < 2 {
				return nil, fmt.Errorf("rule %q", strings.TrimSpace(rule))
			}
			for _, b := range above {
				if b != "NONE" && direct[b] == nil {
					direct[b] = map[string]bool{}
				}
				if i == 0 {
					continue
				}
				for _, a := range names(groups[i-1]) {
					if a != "NONE" {
						direct[b][a] = true
					}
				}
			}
		}
	}
	return closure(direct)
}

// names splits "a, b".
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// closure follows the rules down; a cycle is an error.
func closure(direct map[string]map[string]bool) (map[string]map[string]bool, error) {
	all := map[string]map[string]bool{}
	var visit func(name string, path []string) error
	visit = func(name string, path []string) error {
		if slices.Contains(path, name) {
			return fmt.Errorf("cycle: %s", strings.Join(append(path, name), " > "))
		}
		if all[name] != nil {
			return nil
		}
		below := map[string]bool{}
		for _, a := range slices.Sorted(maps.Keys(direct[name])) {
			if err := visit(a, append(slices.Clone(path), name)); err != nil {
				return err
			}
			below[a] = true
			maps.Copy(below, all[a])
		}
		all[name] = below
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		if err := visit(name, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func TestParseRules(t *testing.T) {
	may, err := parseRules("NONE < a;\n# why\na < b, c < d;")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to string
		want     bool
	}{{"b", "a", true}, {"d", "a", true}, {"d", "c", true}, {"a", "b", false}, {"b", "c", false}, {"c", "d", false}} {
		if may[c.from][c.to] != c.want {
			t.Errorf("%s imports %s: %t, want %t", c.from, c.to, !c.want, c.want)
		}
	}
	if _, err := parseRules("a < b; b < c; c < a;"); err == nil {
		t.Error("a cycle was taken")
	}
	if _, err := parseRules("a, b;"); err == nil {
		t.Error("a rule without < was taken")
	}
}

// The edge must never reach a broker's insides, whatever else the rules say.
func TestEdgeKnowsNoBroker(t *testing.T) {
	may, err := parseRules(depsRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, edge := range []string{"edge", "worker", "registry", "rest", "console", "fluent", "cli/console", "cli/perf", "connectors", "streams"} {
		for _, inside := range []string{"api", "server", "replica", "coordinator", "group", "groups", "session", "quorum", "controller", "metadata", "log", "vfs"} {
			if may[edge][inside] {
				t.Errorf("the rules let %s import %s", edge, inside)
			}
		}
	}
}
