// Command headrace is a node and all of its tools in one binary.
package main

import (
	"os"

	"github.com/headrace/headrace/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
