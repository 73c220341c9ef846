package argparse

import "fmt"

// Message is the line, or lines, that tell of an error after the usage.
func Message(prog, text string) string {
	return wrap(fmt.Sprintf("%s: error: %s\n", prog, text), 0, "")
}
