package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/edge/admin"
)

// features is kafka-features, as org.apache.kafka.tools.FeatureCommand.
type features struct {
	*tool
	values *argparse.Values
	admin  *admin.Admin // nil for commands that ask nobody
	json   bool
}

// featuresAction is a subcommand.
type featuresAction struct {
	name    string
	args    []argparse.Arg
	offline bool // asks nobody
	json    bool // has a result that --output json prints
	run     func(*features, context.Context) error
}

var featuresActions = []featuresAction{
	{"describe", []argparse.Arg{{Name: "--node-id", Kind: argparse.Int}}, false, true, (*features).describe},
	{"upgrade", []argparse.Arg{
		{Name: "--metadata"},
		{Name: "--release-version"},
		{Name: "--feature", Kind: argparse.Append},
		{Name: "--dry-run", Kind: argparse.Flag},
	}, false, false, (*features).upgrade},
	{"downgrade", []argparse.Arg{
		{Name: "--metadata"},
		{Name: "--release-version"},
		{Name: "--feature", Kind: argparse.Append},
		{Name: "--unsafe", Kind: argparse.Flag},
		{Name: "--dry-run", Kind: argparse.Flag},
	}, false, false, (*features).downgrade},
	{"disable", []argparse.Arg{
		{Name: "--feature", Kind: argparse.Append}, {Name: "--unsafe", Kind: argparse.Flag}, {Name: "--dry-run", Kind: argparse.Flag},
	}, false, false, (*features).disable},
	{"version-mapping", []argparse.Arg{{Name: "--release-version"}}, true, true, (*features).versionMapping},
	{"feature-dependencies", []argparse.Arg{{Name: "--feature", Kind: argparse.Append, Required: true}}, true, true, (*features).dependencies},
}

// featuresParser has the arguments of kafka-features.
func featuresParser() *argparse.Parser {
	p := &argparse.Parser{
		Prog: "kafka-features", Page: helpPage("kafka-features"), Groups: []argparse.Group{{Name: bootstrapGroup}},
		Args: []argparse.Arg{
			{Name: "--bootstrap-server", Group: bootstrapGroup}, {Name: "--bootstrap-controller", Group: bootstrapGroup}, {Name: "--command-config"},
		},
	}
	for _, a := range featuresActions {
		p.Commands = append(p.Commands, argparse.Command{
			Name: a.name, Parser: &argparse.Parser{Prog: p.Prog, Page: helpPage("kafka-features-" + a.name), Args: a.args},
		})
	}
	return p
}

func kafkaFeatures(ctx context.Context, t *tool, args []string) int {
	c := &features{tool: t}
	err := c.execute(ctx, args)
	var refused *argparse.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, argparse.ErrHelp):
		t.printf("%s", c.values.Help())
		return exitOK
	case errors.As(err, &refused):
		t.errorf("Command line error: %s. Type --help for help.", refused.Msg)
		return exitFailed
	case ctx.Err() != nil:
		return exitInterrupted
	}
	t.errorf("%s\n", messageOf(err))
	return exitFailed
}

func (c *features) execute(ctx context.Context, args []string) error {
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return &argparse.Error{Msg: err.Error()}
	}
	c.json = asJSON
	if c.values, err = featuresParser().Parse(args); err != nil {
		return err
	}
	action := featuresActions[slices.IndexFunc(featuresActions, func(a featuresAction) bool { return a.name == c.values.Command() })]
	if c.json && !action.json {
		return &argparse.Error{Msg: "--output json goes with describe, version-mapping and feature-dependencies only"}
	}
	if action.offline {
		return action.run(c, ctx)
	}
	props, err := fileProperties(c.values.String("--command-config"))
	if err != nil {
		return err
	}
	if err := bootstrapProperties(c.values, props); err != nil {
		return &argparse.Error{Msg: messageOf(err)}
	}
	if c.admin, err = admin.New(ctx, props, c.log); err != nil {
		return err
	}
	defer c.admin.Close()
	return action.run(c, ctx)
}
