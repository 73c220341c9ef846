package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/edge/admin"
)

// metadataQuorum is kafka-metadata-quorum, as org.apache.kafka.tools.MetadataQuorumCommand.
type metadataQuorum struct {
	*tool
	values *argparse.Values
	props  map[string]string
	admin  *admin.Admin
	json   bool
}

// quorumAction is a subcommand.
type quorumAction struct {
	name string
	args []argparse.Arg
	run  func(*metadataQuorum, context.Context) error
}

var quorumActions = []quorumAction{
	{"describe", []argparse.Arg{
		{Name: "--status", Kind: argparse.Flag}, {Name: "--replication", Kind: argparse.Flag}, {Name: "--human-readable", Kind: argparse.Flag},
	}, (*metadataQuorum).describe},
	{"add-controller", []argparse.Arg{{Name: "--dry-run", Kind: argparse.Flag}}, (*metadataQuorum).addController},
	{"remove-controller", []argparse.Arg{
		{Name: "--controller-id", Short: "-i", Kind: argparse.Int, Required: true},
		{Name: "--controller-directory-id", Short: "-d", Required: true},
		{Name: "--dry-run", Kind: argparse.Flag},
	}, (*metadataQuorum).removeController},
}

// quorumParser has the arguments of kafka-metadata-quorum.
func quorumParser() *argparse.Parser {
	p := &argparse.Parser{
		Prog: "kafka-metadata-quorum", Page: helpPage("kafka-metadata-quorum"), Groups: []argparse.Group{{Name: bootstrapGroup, Required: true}},
		Args: []argparse.Arg{
			{Name: "--bootstrap-server", Group: bootstrapGroup}, {Name: "--bootstrap-controller", Group: bootstrapGroup}, {Name: "--command-config"},
		},
	}
	for _, a := range quorumActions {
		p.Commands = append(p.Commands, argparse.Command{
			Name: a.name, Parser: &argparse.Parser{Prog: p.Prog, Page: helpPage("kafka-metadata-quorum-" + a.name), Args: a.args},
		})
	}
	return p
}

func kafkaMetadataQuorum(ctx context.Context, t *tool, args []string) int {
	c := &metadataQuorum{tool: t}
	return t.argparseMain(ctx, quorumParser(), args, exitOK, func(v *argparse.Values, asJSON bool) error {
		c.values, c.json = v, asJSON
		return c.execute(ctx)
	})
}

func (c *metadataQuorum) execute(ctx context.Context) error {
	if c.json && c.values.Command() != "describe" {
		return &argparse.Error{Msg: "--output json goes with describe only"}
	}
	path := c.values.String("--command-config")
	if _, err := os.Stat(path); path != "" && errors.Is(err, fs.ErrNotExist) {
		return tersef("Properties file %s does not exists!", path)
	}
	var err error
	if c.props, err = fileProperties(path); err != nil {
		return err
	}
	if err := bootstrapProperties(c.values, c.props); err != nil {
		return err
	}
	if c.admin, err = admin.New(ctx, c.props, c.log); err != nil {
		return err
	}
	defer c.admin.Close()
	action := quorumActions[slices.IndexFunc(quorumActions, func(a quorumAction) bool { return a.name == c.values.Command() })]
	return action.run(c, ctx)
}

// describe is the subcommand of that name.
func (c *metadataQuorum) describe(ctx context.Context) error {
	status, replication, human := c.values.Flag("--status"), c.values.Flag("--replication"), c.values.Flag("--human-readable")
	switch {
	case status && replication:
		return terse("Only one of --status or --replication should be specified with describe sub-command")
	case replication:
		return c.describeReplication(ctx, human)
	case status && human:
		return terse("The option --human-readable is only supported along with --replication")
	case status:
		return c.describeStatus(ctx)
	}
	return terse("One of --status or --replication must be specified with describe sub-command")
}
