package config

import (
	"fmt"
	"strings"
)

// Reference returns docs/config.md: every key of the table.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\n" +
		"Generated from the table in `internal/config` by `headrace docs config`. A node reads `server.properties`, a file in Java's " +
		".properties format; `--override key=value` wins over it. Every key of Apache Kafka 4.3.1 is accepted. Keys marked *own* are " +
		"Headrace's; a *deviating* default differs from Kafka's for the reason in compat.md; *no effect* says why a key changes nothing.\n\n" +
		"Update modes: *read-only* keys change by the file and a restart, *per-broker* keys at run time for one broker, " +
		"*cluster-wide* keys at run time for one broker or for all.\n")
	for _, part := range []struct {
		title string
		r     Resource
	}{{"Brokers", Broker}, {"Topics", Topic}, {"Groups", Group}, {"Client metrics", ClientMetrics}} {
		fmt.Fprintf(&b, "\n## %s\n", part.title)
		for _, k := range Keys(part.r) {
			if k.Flags&Internal == 0 {
				k.describe(&b, part.r)
			}
		}
	}
	return b.String()
}

func (k *Key) describe(b *strings.Builder, r Resource) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", k.Name, k.Doc)
	if k.NoEffect != "" {
		fmt.Fprintf(b, "*No effect*: %s\n\n", k.NoEffect)
	}
	fmt.Fprintf(b, "- type: %s", strings.ToLower(k.Type.String()))
	if k.Check.Text != "" {
		fmt.Fprintf(b, ", allowed: `%s`", k.Check.Text)
	}
	b.WriteString("\n- default: ")
	switch {
	case k.Required():
		b.WriteString("none, it must be set")
	case k.Default == null:
		b.WriteString("null")
	case k.Default == "":
		b.WriteString("empty")
	default:
		fmt.Fprintf(b, "`%s`", k.Default)
	}
	if k.Flags&Deviates != 0 {
		b.WriteString(" (deviating)")
	}
	fmt.Fprintf(b, "\n- importance: %s", strings.ToLower(k.Importance.String()))
	if r == Broker {
		fmt.Fprintf(b, "\n- update: %s", k.Update)
	}
	if names := topicSynonyms[k.Name]; r == Topic && names != nil {
		fmt.Fprintf(b, "\n- the broker's default: `%s`", strings.Join(names, "`, else `"))
	}
	if k.Flags&Own != 0 {
		b.WriteString("\n- own")
	}
	b.WriteString("\n")
}
