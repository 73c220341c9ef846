package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// cutOutputJSON takes Headrace's own --output json off the command line, so that --help stays the original's.
func cutOutputJSON(args []string) (rest []string, asJSON bool, err error) {
	for i := 0; i < len(args); i++ {
		value, isOutput := strings.CutPrefix(args[i], "--output=")
		if args[i] == "--output" {
			value, isOutput = "", true
			if i++; i < len(args) {
				value = args[i]
			}
		}
		switch {
		case !isOutput:
			rest = append(rest, args[i])
		case value == "json":
			asJSON = true
		case value == "table":
			asJSON = false
		default:
			return nil, false, fmt.Errorf("--output takes table or json, not %q", value)
		}
	}
	return rest, asJSON, nil
}

// checkJSON refuses --output json where there is nothing to print: without any of the actions that have a result.
func checkJSON(p *jopt.Parser, s *jopt.Set, asJSON bool, actions ...string) error {
	if !asJSON || slices.ContainsFunc(actions, s.Has) {
		return nil
	}
	return p.Usage("--output json goes with --%s only", strings.Join(actions, " or --"))
}

// printJSON writes one value, indented.
func (t *tool) printJSON(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
