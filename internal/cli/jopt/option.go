// Package jopt reads command lines in the manner of jopt-simple, the library under most of Kafka's Java tools: the same
// spellings are accepted, the same errors are worded, and --help has the same layout to the column.
//
// Values are converted when they are asked for, not when they are parsed, as in the original: a bad number after an
// option that the command never looks at is no error.
package jopt

import (
	"slices"
	"strings"
)

// Arg says whether an option takes an argument.
type Arg uint8

const (
	// NoArg is a switch. "--list=x" is accepted, and x ignored.
	NoArg Arg = iota
	// Required takes the next word, whatever it looks like, or the text after "=".
	Required
	// Optional takes the next word unless that looks like an option.
	Optional
)

// Option is one option of a command. It is not changed by parsing, so a table of options may be shared.
type Option struct {
	Names     []string // without dashes; one letter means -x, more mean --name (and -name)
	Doc       string   // text of --help; may have newlines
	Arg       Arg
	ArgDoc    string   // describes the argument in --help; may be empty
	Type      string   // Java's simple class name of the value in --help; empty means String
	Defaults  []string // values when the option is absent, as Java prints them
	Separator byte     // splits one argument into several values; zero: no splitting
	Must      bool     // parsing fails without it, unless a ForHelp option is there
	ForHelp   bool     // suspends Must of the others
}

// Name is the option's main name: the first long one, else the first.
func (o *Option) Name() string {
	for _, n := range o.Names {
		if len(n) > 1 {
			return n
		}
	}
	return o.Names[0]
}

// String is "[name]", as OptionSpec.toString.
func (o *Option) String() string { return "[" + strings.Join(o.arranged(), ", ") + "]" }

// arranged lists the names, short ones first, each kind sorted.
func (o *Option) arranged() []string {
	names := slices.Clone(o.Names)
	slices.SortFunc(names, func(a, b string) int {
		if short := len(a) == 1; short != (len(b) == 1) {
			if short {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// Error is an exception of the original.
type Error struct {
	Class   string // full name of the Java class
	Message string
}

// Error returns the message alone.
func (e *Error) Error() string { return e.Message }

// JavaClass returns the class, for the line that a JVM prints about an uncaught exception.
func (e *Error) JavaClass() string { return e.Class }

func unrecognized(name string) *Error {
	return &Error{"joptsimple.UnrecognizedOptionException", name + " is not a recognized option"}
}

func missingArgument(o *Option) *Error {
	return &Error{"joptsimple.OptionMissingRequiredArgumentException", "Option " + o.display() + " requires an argument"}
}

func severalArguments(o *Option) *Error {
	return &Error{
		"joptsimple.MultipleArgumentsForOptionException",
		"Found multiple arguments for option " + o.display() + ", but you asked for only one",
	}
}

func badArgument(o *Option, value string) *Error {
	return &Error{
		"joptsimple.OptionArgumentConversionException",
		"Cannot parse argument '" + value + "' of option " + o.display(),
	}
}

func missingOptions(all []*Option) *Error {
	var names []string
	for _, o := range all {
		names = append(names, o.display())
	}
	return &Error{"joptsimple.MissingRequiredOptionsException", "Missing required option(s) [" + strings.Join(names, ", ") + "]"}
}

// display is how messages name the option: "t/topic".
func (o *Option) display() string { return strings.Join(o.arranged(), "/") }
