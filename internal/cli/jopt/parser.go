package jopt

import (
	"strconv"
	"strings"
)

// Parser knows the options of one command. Its zero value knows none. It may be used by several goroutines once its
// fields are set.
type Parser struct {
	Options       []*Option
	Abbreviations bool // an unambiguous beginning of a long name is enough
}

// Set is what a command line held.
type Set struct {
	found  map[*Option][]string // present options; nil for switches
	byName map[string]*Option
	rest   []string
	order  []*Option // each occurrence, as on the command line
}

// Parse reads args. The error is an [*Error].
func (p *Parser) Parse(args []string) (*Set, error) {
	s := &Set{found: map[*Option][]string{}, byName: map[string]*Option{}}
	for _, o := range p.Options {
		for _, n := range o.Names {
			s.byName[n] = o
		}
	}
	in := &words{args: args}
	for in.more() {
		word := in.next()
		var err error
		switch {
		case word == "--":
			s.rest = append(s.rest, in.args...)
			in.args = nil
		case strings.HasPrefix(word, "--"):
			err = p.long(s, in, word[2:])
		case len(word) > 1 && word[0] == '-':
			err = p.short(s, in, word[1:])
		default:
			s.rest = append(s.rest, word)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, p.checkMust(s)
}

func (p *Parser) checkMust(s *Set) error {
	var missing []*Option
	for _, o := range p.Options {
		_, has := s.found[o]
		if has && o.ForHelp {
			return nil
		}
		if o.Must && !has {
			missing = append(missing, o)
		}
	}
	if missing != nil {
		return missingOptions(missing)
	}
	return nil
}

func (p *Parser) long(s *Set, in *words, word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	o := p.find(s, name)
	if o == nil {
		return unrecognized(name)
	}
	return p.take(s, in, o, value, hasValue)
}

// short reads what follows a single dash: a whole name ("-daemon"), else a cluster of letters of which the last may
// have its argument glued on.
func (p *Parser) short(s *Set, in *words, word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	if o := p.find(s, name); o != nil {
		return p.take(s, in, o, value, hasValue)
	}
	for _, r := range word { // the whole cluster is checked before any of it counts
		o := p.find(s, string(r))
		if o == nil {
			return unrecognized(string(r))
		}
		if o.Arg != NoArg {
			break
		}
	}
	for i, r := range word {
		o, glued := p.find(s, string(r)), word[i+len(string(r)):]
		if o.Arg != NoArg && glued != "" {
			return p.take(s, in, o, glued, true)
		}
		if err := p.take(s, in, o, "", false); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parser) find(s *Set, name string) *Option {
	if o := s.byName[name]; o != nil || !p.Abbreviations || name == "" {
		return o
	}
	var match *Option
	for n, o := range s.byName {
		if !strings.HasPrefix(n, name) {
			continue
		}
		if match != nil && match != o {
			return nil
		}
		match = o
	}
	return match
}

func (p *Parser) take(s *Set, in *words, o *Option, value string, hasValue bool) error {
	s.order = append(s.order, o)
	if _, ok := s.found[o]; !ok {
		s.found[o] = nil
	}
	switch {
	case o.Arg == NoArg:
		return nil
	case hasValue:
	case o.Arg == Required:
		if !in.more() {
			return missingArgument(o)
		}
		value = in.next()
	default:
		if !in.more() || looksLikeOption(in.args[0]) && !o.isNumber(in.args[0]) || !o.converts(in.args[0]) {
			return nil
		}
		value = in.next()
	}
	s.found[o] = append(s.found[o], o.split(value)...)
	return nil
}

// looksLikeOption is OptionParser.looksLikeAnOption.
func looksLikeOption(word string) bool {
	return len(word) > 1 && word[0] == '-'
}

// split is a StringTokenizer: empty pieces vanish, but an argument without any piece stays.
func (o *Option) split(value string) []string {
	if o.Separator == 0 {
		return []string{value}
	}
	pieces := strings.FieldsFunc(value, func(r rune) bool { return r == rune(o.Separator) })
	if len(pieces) == 0 {
		return []string{value}
	}
	return pieces
}

func (o *Option) isNumber(word string) bool {
	switch o.Type {
	case "Integer", "Long", "Short", "Double", "Float":
		return o.converts(word)
	}
	return false
}

// converts says whether word is a value of the option's type.
func (o *Option) converts(word string) bool {
	var err error
	switch o.Type {
	case "Short":
		_, err = strconv.ParseInt(word, 10, 16)
	case "Integer":
		_, err = strconv.ParseInt(word, 10, 32)
	case "Long":
		_, err = strconv.ParseInt(word, 10, 64)
	case "Double", "Float":
		_, err = strconv.ParseFloat(word, 64)
	}
	return err == nil
}

// words is the part of the command line that was not read yet.
type words struct{ args []string }

func (w *words) more() bool { return len(w.args) > 0 }

func (w *words) next() string {
	word := w.args[0]
	w.args = w.args[1:]
	return word
}
