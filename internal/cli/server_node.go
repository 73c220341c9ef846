package cli

import (
	"context"
	"io"

	"github.com/headrace/headrace"
)

// runNode is where the commands meet the node: it makes one and runs it until ctx ends.
func runNode(ctx context.Context, stderr io.Writer, file string, overrides []string) error {
	node, err := headrace.New(headrace.Config{File: file, Overrides: overrides}, headrace.WithLogOutput(stderr))
	if err != nil {
		return err
	}
	return node.Run(ctx)
}
