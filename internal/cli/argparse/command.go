package argparse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Command is one of several things that a program does, with arguments of its own behind its name.
type Command struct {
	Name   string
	Parser *Parser
}

// parseCommand goes on behind name with the command of that name.
func (p *Parser) parseCommand(v *Values, name string, rest []string) error {
	i := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Name == name })
	if i < 0 {
		choices := "'" + strings.Join(p.commandNames(), "', '") + "'"
		return p.located(&Error{
			Msg: fmt.Sprintf("invalid choice: '%s' (choose from %s)", name, choices), Unrecognized: name, choice: true,
		})
	}
	v.command = name
	return p.Commands[i].Parser.parse(v, rest)
}

func (p *Parser) commandNames() []string {
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return names
}

// located notes in err whose usage belongs to it.
func (p *Parser) located(err error) error {
	var refused *Error
	if errors.As(err, &refused) && refused.parser == nil {
		refused.parser = p
	}
	return err
}

// Command returns the name of the command that was given, "" when the parser has none.
func (v *Values) Command() string { return v.command }

// Help returns the page that --help asks for: the command's if it stands behind one.
func (v *Values) Help() string { return v.page.Help() }

// short finds the argument with the short name, or nil.
func (p *Parser) short(name string) *Arg {
	if name == "-h" {
		return &helpArg
	}
	for _, a := range p.Args {
		if a.Short != "" && a.Short == name {
			return &a
		}
	}
	return nil
}

// names are the argument's, as messages tell of it.
func (a Arg) names() string {
	if a.Short != "" {
		return a.Name + "/" + a.Short
	}
	return a.Name
}
