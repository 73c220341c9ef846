// Package argparse parses command lines and prints help in the manner of argparse4j, the library behind those of
// Kafka's tools that do not use jopt-simple: same layout of usage and help, same messages for the same mistakes. It
// holds no state and does no I/O; a parser is a table of arguments.
package argparse

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind says what an argument's words are turned into.
type Kind int

// The kinds of argument. Int is 32 bits wide and Long 64, as their Java namesakes; Strings takes one or more words,
// Append one word each time that it is given, and Flag takes none.
const (
	String Kind = iota
	Int
	Long
	Double
	Strings
	Flag
	Append
)

// Arg is one named argument.
type Arg struct {
	Name     string // with its dashes, "--topic"
	Short    string // another name, of one dash and one letter; empty: none
	Metavar  string // stands for the value in usage and help; unused by Flag
	Kind     Kind
	Required bool
	Default  string   // what an absent argument reads as, and what help names; empty: none
	Choices  []string // the only words that it takes; empty: any
	Group    string   // name of the mutually exclusive group that it is part of; empty: none
	Help     string
}

// Group is a set of arguments of which one at most, or exactly one when Required, may be given.
type Group struct {
	Name        string
	Description string
	Required    bool
}

// Parser describes a command. Its zero Args still accept -h and --help. It is immutable once built and may be shared.
type Parser struct {
	Prog        string
	Description string
	Args        []Arg
	Groups      []Group
	Commands    []Command // one of them must follow Args; empty: none does
	Page        string    // the whole help page; empty: it is made from the fields above
}

// ErrHelp is returned by Parse when -h or --help was met: the caller prints Help, whatever else is on the line.
var ErrHelp = errors.New("help requested")

// Error is a command line that the parser refuses.
type Error struct {
	Msg          string
	Unrecognized string // the word that no argument matches, when that is what is wrong
	choice       bool   // Unrecognized stands where a command is wanted
	parser       *Parser
}

// Error returns the message without the usage that Report puts before it.
func (e *Error) Error() string { return e.Msg }

// Values are the arguments that were given, by name with dashes.
type Values struct {
	parser  *Parser
	words   map[string][]string
	command string
	page    *Parser // whose page --help asks for
}

var negativeNumber = regexp.MustCompile(`^-\d+$`)

// Parse reads args. The error is ErrHelp or *Error. A long name may be cut to any unambiguous prefix, and a value
// may follow after a space or after "=".
func (p *Parser) Parse(args []string) (*Values, error) {
	v := &Values{parser: p, words: map[string][]string{}}
	if err := p.parse(v, args); err != nil {
		return v, err
	}
	return v, nil
}

// parse reads args into v.
func (p *Parser) parse(v *Values, args []string) error {
	v.page = p
	taken := map[string]*Arg{} // group → argument that took it
	for i := 0; i < len(args); {
		word := args[i]
		i++
		if word == "--" {
			continue
		}
		if !isFlag(word) && len(p.Commands) > 0 {
			if err := p.parseCommand(v, word, args[i:]); err != nil {
				return err
			}
			return p.located(v.checkRequired(p, taken))
		}
		if !isFlag(word) {
			return p.located(&Error{Msg: fmt.Sprintf("unrecognized arguments: '%s'", word)})
		}
		name, implicit, hasImplicit := strings.Cut(word, "=")
		arg, err := p.resolve(name)
		if err != nil {
			return p.located(err)
		}
		if arg == nil && len(word) > 2 && word[1] != '-' { // -iVALUE
			if arg = p.short(word[:2]); arg != nil {
				implicit, hasImplicit = word[2:], true
			}
		}
		if arg == nil {
			return p.located(&Error{Msg: fmt.Sprintf("unrecognized arguments: '%s'", word), Unrecognized: name})
		}
		if err := exclude(taken, arg); err != nil {
			return p.located(err)
		}
		if arg.Name == helpArg.Name {
			return ErrHelp
		}
		var rest []string
		if hasImplicit {
			rest = []string{implicit}
		}
		used, err := v.take(arg, rest, args[i:])
		if err != nil {
			return p.located(err)
		}
		i += used
	}
	if len(p.Commands) > 0 {
		return p.located(&Error{Msg: "too few arguments"})
	}
	return p.located(v.checkRequired(p, taken))
}

func isFlag(word string) bool {
	return len(word) > 1 && word[0] == '-' && !negativeNumber.MatchString(word)
}

// helpArg is in every parser, first.
var helpArg = Arg{Name: "--help", Kind: Flag, Help: "show this help message and exit"}

func (p *Parser) all() []Arg { return append([]Arg{helpArg}, p.Args...) }

// resolve finds the argument that name is, or is the only prefix of.
func (p *Parser) resolve(name string) (*Arg, error) {
	if a := p.short(name); a != nil {
		return a, nil
	}
	var found []*Arg
	for _, a := range p.all() {
		if a.Name == name {
			return &a, nil
		}
		if strings.HasPrefix(a.Name, name) {
			found = append(found, &a)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, a := range found {
		names[i] = a.Name
	}
	return nil, &Error{Msg: fmt.Sprintf("ambiguous option: %s could match %s", name, joinSorted(names))}
}

func exclude(taken map[string]*Arg, a *Arg) error {
	if a.Group == "" {
		return nil
	}
	if other, ok := taken[a.Group]; ok && other.Name != a.Name {
		return argError(a, "not allowed with argument "+other.names())
	}
	taken[a.Group] = a
	return nil
}

func argError(a *Arg, msg string) error {
	return &Error{Msg: fmt.Sprintf("argument %s: %s", a.names(), msg)}
}

// take stores the values of a: those after "=" if any, else words from rest. It returns how many of rest it used.
func (v *Values) take(a *Arg, implicit, rest []string) (int, error) {
	if a.Kind == Flag {
		if implicit != nil {
			return 0, argError(a, fmt.Sprintf("ignore implicit argument '%s'", implicit[0]))
		}
		v.words[a.Name] = []string{"true"}
		return 0, nil
	}
	words, used := implicit, 0
	for implicit == nil && used < len(rest) && !isFlag(rest[used]) && rest[used] != "--" {
		words = append(words, rest[used])
		used++
		if a.Kind != Strings {
			break
		}
	}
	if len(words) == 0 {
		if a.Kind == Strings {
			return 0, argError(a, "expected 1 argument(s)")
		}
		return 0, argError(a, "expected one argument")
	}
	for _, w := range words {
		if err := convertible(a.Kind, w); err != nil {
			return 0, argError(a, fmt.Sprintf("could not convert '%s' to %s (%v)", w, kindNames[a.Kind], err))
		}
		if a.Choices != nil && !slices.Contains(a.Choices, w) {
			return 0, argError(a, fmt.Sprintf("invalid choice: '%s' (choose from {%s})", w, strings.Join(a.Choices, ",")))
		}
	}
	if a.Kind == Append {
		words = append(v.words[a.Name], words...)
	}
	v.words[a.Name] = words
	return used, nil
}

var kindNames = map[Kind]string{Int: "Integer", Long: "Long", Double: "Double"}

// convertible returns the message of Java's NumberFormatException when word is no number of that kind.
func convertible(k Kind, word string) error {
	var err error
	switch k {
	case Int:
		_, err = strconv.ParseInt(word, 10, 32)
	case Long:
		_, err = strconv.ParseInt(word, 10, 64)
	case Double:
		_, err = strconv.ParseFloat(strings.TrimSpace(word), 64)
		if errors.Is(err, strconv.ErrRange) {
			return nil // Java reads it as infinity or zero
		}
		if strings.TrimSpace(word) == "" {
			return errors.New("empty String")
		}
	}
	if err != nil {
		return fmt.Errorf("For input string: %q", word) //nolint:staticcheck // Java's words
	}
	return nil
}

// checkRequired reports the last argument that is missing, as the original does, then the groups.
func (v *Values) checkRequired(p *Parser, taken map[string]*Arg) error {
	var missing error
	for _, a := range p.Args {
		if a.Required && v.words[a.Name] == nil {
			missing = &Error{Msg: fmt.Sprintf("argument %s is required", a.names())}
		}
	}
	if missing != nil {
		return missing
	}
	for _, g := range p.Groups {
		if _, ok := taken[g.Name]; g.Required && !ok {
			var names strings.Builder
			for _, a := range p.groupArgs(g.Name) {
				names.WriteString(a.names() + " ")
			}
			return &Error{Msg: fmt.Sprintf("one of the arguments %sis required", names.String())}
		}
	}
	return nil
}

func (p *Parser) groupArgs(group string) []Arg {
	var out []Arg
	for _, a := range p.Args {
		if a.Group == group {
			out = append(out, a)
		}
	}
	return out
}

// Has says whether name was given or has a default.
func (v *Values) Has(name string) bool { return v.Strings(name) != nil }

// Strings returns the words of name, its default as one word, or nil.
func (v *Values) Strings(name string) []string {
	if w := v.words[name]; w != nil {
		return w
	}
	for _, a := range v.parser.Args {
		if a.Name == name && a.Default != "" {
			return []string{a.Default}
		}
	}
	return nil
}

// String returns the word of name, or "".
func (v *Values) String(name string) string {
	if w := v.Strings(name); w != nil {
		return w[0]
	}
	return ""
}

// Long returns the number of name, of kind Int or Long, or 0. Parse has checked that it is one.
func (v *Values) Long(name string) int64 {
	n, err := strconv.ParseInt(v.String(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Double returns the number of name, or 0. Parse has checked that it is one.
func (v *Values) Double(name string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(v.String(name)), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return f
}

// Flag says whether the flag name was given.
func (v *Values) Flag(name string) bool { return v.words[name] != nil }
