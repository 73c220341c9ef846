package config

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTableHasKafkasKeys compares the table with what Apache Kafka 4.3.1's classes say of themselves.
func TestTableHasKafkasKeys(t *testing.T) {
	data, err := os.ReadFile("testdata/kafka-4.3.1.tsv")
	if err != nil {
		t.Fatal(err)
	}
	scopes := map[string]Resource{"broker": Broker, "topic": Topic, "group": Group, "client-metrics": ClientMetrics}
	seen := map[Resource]map[string]bool{Broker: {}, Topic: {}, Group: {}, ClientMetrics: {}}
	synonyms := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case f[0] == "topicsyn":
			synonyms[f[1]] = append(synonyms[f[1]], f[2])
		case f[0] == "groupsyn":
			if name, ok := groupSynonym(f[1]); ok != (f[2] != "") || name != f[2] {
				t.Errorf("group key %s has the synonym %q, Kafka's is %q", f[1], name, f[2])
			}
		default:
			r := scopes[f[0]]
			seen[r][f[1]] = true
			compareRow(t, r, f)
		}
	}
	for name, want := range synonyms {
		if !slices.Equal(topicSynonyms[name], want) {
			t.Errorf("topic key %s has the synonyms %v, Kafka's are %v", name, topicSynonyms[name], want)
		}
	}
	for r, names := range seen {
		for _, k := range Keys(r) {
			if own := k.Flags&Own != 0; own == names[k.Name] {
				t.Errorf("%s is marked as Kafka's or own, but it is not", k.Name)
			}
		}
	}
}

func compareRow(t *testing.T, r Resource, f []string) {
	t.Helper()
	k, ok := Lookup(r, f[1])
	if !ok {
		t.Errorf("%s key %s is missing", f[0], f[1])
		return
	}
	value := "=" + k.Default
	switch k.Default {
	case null:
		value = "<null>"
	case required:
		value = "<none>"
	}
	if k.Flags&Deviates != 0 {
		value = f[3]
	}
	kind, update := "public", k.Update.String()
	if k.Flags&Internal != 0 {
		kind = "internal"
	}
	if r != Broker {
		update = "-"
	}
	got := []string{f[0], k.Name, k.Type.String(), value, k.Check.Text, k.Importance.String(), kind, update}
	if !slices.Equal(got, f) {
		t.Errorf("%s %s:\n got %q\nwant %q", f[0], f[1], got, f)
	}
}

func TestTableIsComplete(t *testing.T) {
	for _, r := range []Resource{Broker, Topic, Group, ClientMetrics} {
		for _, k := range Keys(r) {
			if !strings.HasSuffix(k.Doc, ".") || len(k.Doc) < 15 {
				t.Errorf("%s needs a sentence that says what it does, not %q", k.Name, k.Doc)
			}
			if !k.HasDefault() {
				continue
			}
			v, err := k.convert(k.Default)
			if err != nil {
				t.Errorf("%s: its own default: %v", k.Name, err)
			} else if got := format(v); got != k.Default {
				t.Errorf("%s: default %q reads as %q", k.Name, k.Default, got)
			}
		}
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/config.md")
	if err != nil || string(page) != Reference() {
		t.Errorf("docs/config.md is not what the table says (%v): run `headrace docs config > docs/config.md`", err)
	}
}
