package cli

import (
	"slices"
	"strings"
)

// resetScenarios say where offsets are reset to; exactly one goes with --reset-offsets.
var resetScenarios = []string{"to-offset", "shift-by", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "from-file"}

const resetWithoutExecute = "WARN: No action will be performed as the --execute option is missing. " +
	"In version 5.0, this command will require either --dry-run or --execute to be specified. " +
	"You should add the --dry-run option explicitly if you are scripting this command and want to keep the current default behavior without prompting.\n"

// check is ConsumerGroupCommandOptions.checkArgs, then that there is one action.
func (c *consumerGroups) check() error {
	p, s := c.parser, c.options
	if !s.Has("validate-regex") {
		if err := p.CheckRequired(s, "bootstrap-server"); err != nil {
			return err
		}
	}
	for _, check := range []func() error{c.checkDescribe, c.checkDelete, c.checkDeleteOffsets, c.checkReset} {
		if err := check(); err != nil {
			return err
		}
	}
	for _, rule := range [][]string{
		{"group", "all-groups"},
		{"group", "list"},
		{"topic", "list", "describe"},
	} {
		if err := p.CheckInvalid(s, rule[0], rule[1:]...); err != nil {
			return err
		}
	}
	var all []string
	given := 0
	for _, action := range consumerGroupsActions {
		all = append(all, "--"+action.name)
		if s.Has(action.name) {
			given++
		}
	}
	if given != 1 {
		return p.Usage("Command must include exactly one action: %s", strings.Join(all, ", "))
	}
	return nil
}

// needGroups says that an action needs --group or --all-groups.
func (c *consumerGroups) needGroups(action string) error {
	if !c.options.Has("group") && !c.options.Has("all-groups") {
		return c.parser.Usage("Option [%s] takes one of these options: [group], [all-groups]", action)
	}
	return nil
}

func (c *consumerGroups) checkDescribe() error {
	p, s := c.parser, c.options
	if !s.Has("describe") {
		return nil
	}
	if err := c.needGroups("describe"); err != nil {
		return err
	}
	views := []string{"members", "offsets", "state"}
	if len(slices.DeleteFunc(slices.Clone(views), func(v string) bool { return !s.Has(v) })) > 1 {
		return p.Usage("Option [describe] takes at most one of these options: [members], [offsets], [state]")
	}
	state, err := s.Value("state")
	if err != nil {
		return err
	}
	if state != "" {
		return p.Usage("Option [describe] does not take a value for [state]")
	}
	return nil
}

func (c *consumerGroups) checkDelete() error {
	if !c.options.Has("delete") {
		return nil
	}
	if err := c.needGroups("delete"); err != nil {
		return err
	}
	if c.options.Has("topic") {
		return c.parser.Usage("The consumer does not support topic-specific offset deletion from a consumer group.")
	}
	return nil
}

func (c *consumerGroups) checkDeleteOffsets() error {
	s := c.options
	if s.Has("delete-offsets") && (!s.Has("group") || !s.Has("topic")) {
		return c.parser.Usage("Option [delete-offsets] takes the following options: [group], [topic]")
	}
	return nil
}

func (c *consumerGroups) checkReset() error {
	p, s := c.parser, c.options
	if !s.Has("reset-offsets") {
		return nil
	}
	if s.Has("dry-run") && s.Has("execute") {
		return p.Usage("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
	}
	if !s.Has("dry-run") && !s.Has("execute") {
		c.errorf("%s", resetWithoutExecute)
	}
	if err := c.needGroups("reset-offsets"); err != nil {
		return err
	}
	for _, one := range []string{"to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "shift-by", "from-file"} {
		others := slices.DeleteFunc(slices.Clone(resetScenarios), func(o string) bool { return o == one })
		if err := p.CheckInvalid(s, one, others...); err != nil {
			return err
		}
	}
	return nil
}
