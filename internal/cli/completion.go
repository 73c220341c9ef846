package cli

import (
	"context"
	"strings"

	"github.com/headrace/headrace/internal/cli/jopt"
)

// completionCommand prints a script for bash: `source <(headrace completion)`.
func completionCommand(_ context.Context, t *tool, args []string) int {
	if len(args) > 0 && args[0] == "--help" {
		t.printf("Usage: source <(headrace completion)\n")
		return exitOK
	}
	var names, scripts []string
	for _, c := range commands() {
		if c.hidden {
			continue
		}
		names = append(names, c.name)
		if strings.HasPrefix(c.name, "kafka-") {
			scripts = append(scripts, c.name+".sh", c.name)
		}
	}
	var cases strings.Builder
	for _, c := range commands() {
		if options := optionNames(c.options); options != "" {
			cases.WriteString("    " + c.name + "|" + strings.TrimPrefix(c.name, "kafka-") + ") words=\"" + options + "\" ;;\n")
		}
	}
	t.printf(completionScript, strings.Join(names, " "), cases.String(), strings.Join(scripts, " "))
	return exitOK
}

func optionNames(options []*jopt.Option) string {
	var names []string
	for _, o := range options {
		names = append(names, "--"+o.Name())
	}
	return strings.Join(names, " ")
}

const completionScript = `_headrace() {
  local word=${COMP_WORDS[COMP_CWORD]} command words
  COMPREPLY=()
  command=$(basename "${COMP_WORDS[0]}" .sh)
  if [ "$command" = headrace ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY=($(compgen -W "%s" -- "$word")); return
    fi
    command=${COMP_WORDS[1]}
  fi
  case $command in
%s    *) words="" ;;
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _headrace headrace %s
`
