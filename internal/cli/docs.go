package cli

import (
	"context"

	"github.com/headrace/headrace/internal/config"
)

// docsCommand prints a reference page: `headrace docs config > docs/config.md`.
func docsCommand(_ context.Context, t *tool, args []string) int {
	if len(args) != 1 || args[0] != "config" {
		t.errorf("Usage: headrace docs config\n")
		return exitFailed
	}
	t.printf("%s", config.Reference())
	return exitOK
}
