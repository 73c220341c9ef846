package jopt

import (
	"fmt"
	"strings"
)

// UsageError ends a command with a message, the text of --help (both on stderr) and status 1, as
// CommandLineUtils.printUsageAndExit.
type UsageError struct {
	Message string
	Parser  *Parser
}

// Error returns the message without the help text.
func (e *UsageError) Error() string { return e.Message }

// Usage returns a [*UsageError].
func (p *Parser) Usage(format string, args ...any) error {
	return &UsageError{Message: fmt.Sprintf(format, args...), Parser: p}
}

// CheckRequired is CommandLineUtils.checkRequiredArgs: all of names must be there.
func (p *Parser) CheckRequired(s *Set, names ...string) error {
	for _, n := range names {
		if !s.Has(n) {
			return p.Usage("Missing required argument \"%s\"", s.option(n))
		}
	}
	return nil
}

// CheckInvalid is CommandLineUtils.checkInvalidArgs: none of invalid may go with used. The original walks a set whose
// order is arbitrary; here the order of invalid decides which one is named.
func (p *Parser) CheckInvalid(s *Set, used string, invalid ...string) error {
	if !s.Has(used) {
		return nil
	}
	for _, n := range invalid {
		if s.Has(n) {
			return p.Usage("Option \"%s\" can't be used with option \"%s\"", s.option(used), s.option(n))
		}
	}
	return nil
}

// CheckInvalidSet is CommandLineUtils.checkInvalidArgsSet: none of invalid may go with all of used together; more is
// added to the message.
func (p *Parser) CheckInvalidSet(s *Set, used, invalid []string, more string) error {
	var words []string
	for _, n := range used {
		if !s.Has(n) {
			return nil
		}
		words = append(words, s.option(n).String())
	}
	for _, n := range invalid {
		if s.Has(n) {
			return p.Usage("Option combination \"[%s]\" can't be used with option \"%s\"%s",
				strings.Join(words, ", "), s.option(n), more)
		}
	}
	return nil
}

// CheckOneOf is CommandLineUtils.checkOneOfArgs: exactly one of names must be there.
func (p *Parser) CheckOneOf(s *Set, names ...string) error {
	present := 0
	var words []string
	for _, n := range names {
		if s.Has(n) {
			present++
		}
		words = append(words, s.option(n).String())
	}
	if present != 1 {
		return p.Usage("Exactly one of the following arguments is required: %s", strings.Join(words, ", "))
	}
	return nil
}

// Default options of every tool, as CommandDefaultOptions.
func Default() []*Option {
	return []*Option{
		{Names: []string{"help"}, Doc: "Print usage information.", ForHelp: true},
		{Names: []string{"version"}, Doc: "Display Kafka version.", ForHelp: true},
	}
}
