package argparse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	width      = 75 // columns of all text
	helpColumn = 25 // where the text of an argument starts
	titleMax   = 21 // a longer title has a line of its own
)

// Usage returns the synopsis, which ends in a newline.
func (p *Parser) Usage() string {
	if p.Page != "" {
		usage, _, _ := strings.Cut(p.Page, "\n\n")
		return usage + "\n"
	}
	var words []string
	for _, a := range p.all() {
		if a.Group == "" {
			words = append(words, a.synopsis())
		}
	}
	for _, g := range p.Groups {
		words = append(words, p.groupSynopsis(g)...)
	}
	const indent, first = 6, 13 // a program's name longer than this pushes the arguments to the next line
	head := "usage: " + p.Prog
	start, column := len(head), len(head)
	var b strings.Builder
	b.WriteString(head)
	if len(head) > first {
		b.WriteString("\n" + strings.Repeat(" ", indent))
		start, column = indent, indent+indent // the indent counts twice, as in the original
	}
	for i, w := range words {
		if i > 0 && column+len(w)+1 > width {
			b.WriteString("\n" + strings.Repeat(" ", start))
			column = start
		}
		b.WriteString(" " + w)
		column += 1 + len(w)
	}
	b.WriteString("\n")
	return b.String()
}

func (p *Parser) groupSynopsis(g Group) []string {
	args := p.groupArgs(g.Name)
	open, shut := "[", "]"
	if g.Required {
		open, shut = "(", ")"
	}
	var words []string
	for i, a := range args {
		w := a.bare()
		if i == 0 {
			w = open + w
		}
		if i == len(args)-1 {
			w += shut
		}
		if i > 0 {
			words = append(words, "|")
		}
		words = append(words, w)
	}
	return words
}

// synopsis is the argument as usage shows it, in brackets unless it must be given.
func (a Arg) synopsis() string {
	if a.Name == helpArg.Name {
		return "[-h]"
	}
	if a.Required {
		return a.bare()
	}
	return "[" + a.bare() + "]"
}

func (a Arg) bare() string {
	switch a.Kind {
	case Flag:
		return a.Name
	case Strings:
		return fmt.Sprintf("%s %s [%s ...]", a.Name, a.Metavar, a.Metavar)
	}
	return a.Name + " " + a.Metavar
}

// Help returns the whole help page: usage, description, every argument.
func (p *Parser) Help() string {
	if p.Page != "" {
		return p.Page
	}
	var b strings.Builder
	b.WriteString(p.Usage())
	if p.Description != "" {
		b.WriteString("\n" + wrap(p.Description, 0, "") + "\n")
	}
	b.WriteString("\noptional arguments:\n")
	for _, a := range p.all() {
		if a.Group == "" {
			a.writeHelp(&b)
		}
	}
	for _, g := range p.Groups {
		b.WriteString("\n")
		if g.Description != "" {
			b.WriteString("  " + wrap(g.Description, 2, "  ") + "\n\n")
		}
		for _, a := range p.groupArgs(g.Name) {
			a.writeHelp(&b)
		}
	}
	return b.String()
}

func (a Arg) writeHelp(b *strings.Builder) {
	title := a.bare()
	if a.Name == helpArg.Name {
		title = "-h, --help"
	}
	b.WriteString("  " + title)
	pad := helpColumn - len(title) - 2
	if len(title) > titleMax {
		b.WriteString("\n")
		pad = helpColumn
	}
	text := a.Help
	switch {
	case a.Default != "":
		text += fmt.Sprintf(" (default: %s)", a.Default)
	case a.Kind == Flag && a.Name != helpArg.Name:
		text += " (default: false)"
	}
	b.WriteString(strings.Repeat(" ", pad) + wrap(text, helpColumn, strings.Repeat(" ", helpColumn)) + "\n")
}

// Report returns what is printed on stderr for an error of Parse, or for one that the command found in the values:
// usage, message and, for an unknown argument, the names that look like it. It is empty for ErrHelp.
func (p *Parser) Report(err error) string {
	if errors.Is(err, ErrHelp) {
		return ""
	}
	at := p
	var refused *Error
	if errors.As(err, &refused) && refused.parser != nil {
		at = refused.parser
	}
	out := at.Usage() + Message(p.Prog, err.Error())
	switch {
	case refused == nil || refused.Unrecognized == "":
	case refused.choice:
		out += suggest(refused.Unrecognized, at.commandNames())
	default:
		var names []string
		for _, a := range at.all() {
			names = append(names, a.Name)
		}
		out += suggest(refused.Unrecognized, names)
	}
	return out
}

// suggest lists the names nearest to word, or nothing when all are far.
func suggest(word string, names []string) string {
	body := strings.TrimLeft(word, "-")
	if len(body) < 2 {
		return ""
	}
	const tooFar = 7
	type candidate struct {
		distance int
		name     string
	}
	var all []candidate
	for _, full := range names {
		name := strings.TrimLeft(full, "-")
		d := 0
		if !strings.HasPrefix(name, body) {
			d = distance(body, name)
		}
		all = append(all, candidate{d, full})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	if all[0].distance >= tooFar {
		return ""
	}
	var out strings.Builder
	out.WriteString("\nDid you mean:\n")
	for _, c := range all {
		if c.distance > all[0].distance {
			break
		}
		out.WriteString("\t" + c.name + "\n")
	}
	return out.String()
}

func joinSorted(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
