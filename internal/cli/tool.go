package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/cli/perf"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/edge/records"
)

// tool is what a client command works with.
type tool struct {
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger // in the layout of the original's tools, on err
}

func newTool(stdin io.Reader, stdout, stderr io.Writer) *tool {
	return &tool{stdin, stdout, stderr, slog.New(console.NewLogHandler(stderr))}
}

// kafkaVersion is the release whose tools these are.
const kafkaVersion = "4.3.1"

// Exit statuses of the tools.
const (
	exitOK          = 0
	exitFailed      = 1
	exitInterrupted = 130 // what a JVM returns after Ctrl+C
)

// uncaught reports err as a JVM reports an exception that nobody caught; a usage error comes with the help page. It
// returns the exit status.
func (t *tool) uncaught(err error) int {
	if usage, ok := errors.AsType[*jopt.UsageError](err); ok {
		t.errorf("%s\n%s", usage.Message, usage.Parser.Help())
		return exitFailed
	}
	t.errorf(`Exception in thread "main" %s`, console.StackTrace(err))
	return exitFailed
}

// trace prints err as Throwable.printStackTrace.
func (t *tool) trace(err error) { t.errorf("%s", console.StackTrace(err)) }

// printf writes to stdout. A stdout that nobody reads is no error for a command that ends anyway.
func (t *tool) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// errorf writes to stderr, where nothing can be done about a failure.
func (t *tool) errorf(format string, args ...any) { fmt.Fprintf(t.err, format, args...) }

// printMetrics prints a client's metrics by name, as ToolsUtils.printMetrics.
func (t *tool) printMetrics(metrics []records.Metric) {
	width := 0
	for _, m := range metrics {
		width = max(width, len(m.Name))
	}
	t.printf("\n%-*s   %s\n", width, "Metric Name", "Value")
	for _, m := range metrics {
		t.printf("%-*s : %s\n", width, m.Name, perf.Fixed(m.Value, 3))
	}
}

// helpOrVersion handles an empty command line, --help and --version, as CommandLineUtils.maybePrintHelpOrVersion.
// Done says that the command is over.
func (t *tool) helpOrVersion(p *jopt.Parser, s *jopt.Set, args []string, about string) (status int, done bool) {
	switch {
	case len(args) == 0 || s.Has("help"):
		return t.uncaught(p.Usage("%s", about)), true
	case s.Has("version"):
		t.printf("%s\n", kafkaVersion)
		return exitOK, true
	}
	return 0, false
}

// exclusive returns the usage error for the first pair of options of which both are there.
func exclusive(p *jopt.Parser, s *jopt.Set, pairs ...[2]string) error {
	for _, pair := range pairs {
		if s.Has(pair[0]) && s.Has(pair[1]) {
			return p.Usage("Options --%s and --%s cannot be specified together.", pair[0], pair[1])
		}
	}
	return nil
}

// keyValues reads key=value words, as CommandLineUtils.parseKeyValueArgs.
func keyValues(words []string) map[string]string {
	out := map[string]string{}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		out[key] = value
	}
	return out
}

// fileProperties reads a properties file; a missing one is Java's NoSuchFileException. An empty path gives none.
func fileProperties(path string) (map[string]string, error) {
	if path == "" {
		return map[string]string{}, nil
	}
	props, err := client.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &javaerr.Exception{Class: "java.nio.file.NoSuchFileException", Message: path, Cause: err}
	}
	return props, err
}

// mergeOption sets props[key] to the option's value if it was given or the key is not there yet, as
// CommandLineUtils.maybeMergeOptions.
func mergeOption(props map[string]string, key string, s *jopt.Set, name string) error {
	if _, ok := props[key]; ok && !s.Has(name) {
		return nil
	}
	v, err := s.Value(name)
	if err != nil {
		return err
	}
	if v == "" {
		delete(props, key)
		return nil
	}
	props[key] = v
	return nil
}

// kafkaException gives err a Java class if it has none.
func kafkaException(err error) error { return javaerr.From(err) }
