package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestCutOutputJSON(t *testing.T) {
	for _, c := range []struct {
		args, rest string
		json, bad  bool
	}{
		{args: "--list", rest: "--list"},
		{args: "--list --output json --topic t", rest: "--list --topic t", json: true},
		{args: "--output=json --list", rest: "--list", json: true},
		{args: "--list --output table", rest: "--list"},
		{args: "--list --output", bad: true},
		{args: "--list --output yaml", bad: true},
	} {
		rest, asJSON, err := cutOutputJSON(strings.Fields(c.args))
		if strings.Join(rest, " ") != c.rest || asJSON != c.json || (err != nil) != c.bad {
			t.Errorf("%q: %q, %v, %v", c.args, rest, asJSON, err)
		}
	}
}

// TestOutputJSONHasAMeaning: where nothing would be printed as JSON, the command says so before it does anything.
func TestOutputJSONHasAMeaning(t *testing.T) {
	for line, want := range map[string]string{
		"topics --create --topic t": "--output json goes with --list or --describe only",
		"topics --delete --topic t": "--output json goes with --list or --describe only",
		"configs --alter --entity-type topics --entity-name t --add-config a=b": "--output json goes with --describe only",
		"consumer-groups --delete --group g":                                    "--output json goes with --list or --describe or --reset-offsets only",
	} {
		var stdout, stderr bytes.Buffer
		words := append([]string{"headrace"}, strings.Fields(line+" --bootstrap-server 127.0.0.1:1 --output json")...)
		status := run(t.Context(), newTool(strings.NewReader(""), &stdout, &stderr), words)
		if status != exitFailed || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%s: exit %d, %.200s", line, status, stderr.String())
		}
	}
}
