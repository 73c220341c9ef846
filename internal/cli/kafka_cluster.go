package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// clusterTool is kafka-cluster, as org.apache.kafka.tools.ClusterTool.
type clusterTool struct {
	*tool
	values *argparse.Values
	admin  *admin.Admin
	json   bool
}

// clusterAction is a subcommand.
type clusterAction struct {
	name string
	args []argparse.Arg
	run  func(*clusterTool, context.Context) error
}

var clusterActions = []clusterAction{
	{"cluster-id", nil, (*clusterTool).clusterID},
	{"unregister", []argparse.Arg{{Name: "--id", Short: "-i", Kind: argparse.Int, Required: true}}, (*clusterTool).unregister},
	{"list-endpoints", []argparse.Arg{{Name: "--include-fenced-brokers", Kind: argparse.Flag}}, (*clusterTool).listEndpoints},
}

// clusterParser has the arguments of kafka-cluster.
func clusterParser() *argparse.Parser {
	p := &argparse.Parser{Prog: "kafka-cluster", Page: helpPage("kafka-cluster")}
	connection := []argparse.Arg{
		{Name: "--bootstrap-server", Short: "-b", Group: bootstrapGroup},
		{Name: "--bootstrap-controller", Short: "-C", Group: bootstrapGroup},
		{Name: "--config"},
		{Name: "--command-config", Short: "-c"},
	}
	for _, a := range clusterActions {
		p.Commands = append(p.Commands, argparse.Command{Name: a.name, Parser: &argparse.Parser{
			Prog: p.Prog, Page: helpPage("kafka-cluster-" + a.name), Args: slices.Concat(connection, a.args),
			Groups: []argparse.Group{{Name: bootstrapGroup, Required: true}},
		}})
	}
	return p
}

func kafkaCluster(ctx context.Context, t *tool, args []string) int {
	c := &clusterTool{tool: t}
	return t.argparseMain(ctx, clusterParser(), args, exitFailed, func(v *argparse.Values, asJSON bool) error {
		c.values, c.json = v, asJSON
		return c.execute(ctx)
	})
}

// argparseMain runs a command whose arguments argparse reads: an error is told with its exception, a mistake in the
// arguments with the usage. HelpStatus is the exit status after --help.
func (t *tool) argparseMain(ctx context.Context, p *argparse.Parser, args []string, helpStatus int, run func(v *argparse.Values, asJSON bool) error) int {
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		t.errorf("%s", p.Report(&argparse.Error{Msg: err.Error()}))
		return exitFailed
	}
	v, err := p.Parse(args)
	if err == nil {
		err = run(v, asJSON)
	}
	var refused *argparse.Error
	var short terse
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, argparse.ErrHelp):
		t.printf("%s", v.Help())
		return helpStatus
	case errors.As(err, &refused):
		t.errorf("%s", p.Report(refused))
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &short):
		t.errorf("%s\n", short)
	default:
		t.errorf("%s\n%s\n", messageOf(err), console.StackTrace(err))
	}
	return exitFailed
}

func (c *clusterTool) execute(ctx context.Context) error {
	path := c.values.String("--command-config")
	if c.values.Has("--config") {
		if c.values.Has("--command-config") {
			return &javaerr.Exception{
				Class:   "net.sourceforge.argparse4j.inf.ArgumentParserException",
				Message: "--config and --command-config cannot be specified together.",
			}
		}
		c.printf("Option --config has been deprecated and will be removed in a future version. Use --command-config instead.\n")
		path = c.values.String("--config")
	}
	props, err := fileProperties(path)
	if err != nil {
		return err
	}
	if err := bootstrapProperties(c.values, props); err != nil {
		return err
	}
	if c.admin, err = admin.New(ctx, props, c.log); err != nil {
		return err
	}
	defer c.admin.Close()
	action := clusterActions[slices.IndexFunc(clusterActions, func(a clusterAction) bool { return a.name == c.values.Command() })]
	return action.run(c, ctx)
}

// awaited is the exception of a future that failed.
func awaited(err error) error {
	return javaerr.Wrap("java.util.concurrent.ExecutionException", err)
}

func (c *clusterTool) clusterID(ctx context.Context) error {
	cluster, err := c.admin.DescribeCluster(ctx, false)
	switch {
	case err != nil:
		return awaited(err)
	case c.json:
		return c.printJSON(map[string]any{"clusterId": cluster.ID})
	case cluster.ID == "":
		c.printf("No cluster ID found. The Kafka version is probably too old.\n")
	default:
		c.printf("Cluster ID: %s\n", cluster.ID)
	}
	return nil
}

const unsupportedVersionClass = "org.apache.kafka.common.errors.UnsupportedVersionException"

func (c *clusterTool) unregister(ctx context.Context) error {
	id := int32(c.values.Long("--id"))
	err := c.admin.UnregisterBroker(ctx, id)
	switch {
	case err == nil && c.json:
		return c.printJSON(map[string]any{"unregistered": id})
	case err == nil:
		c.printf("Broker %d is no longer registered.\n", id)
	case javaerr.From(err).Class == unsupportedVersionClass:
		c.printf("The target cluster does not support the broker unregistration API.\n")
	default:
		if ctx.Err() == nil && javaerr.CodeOf(err) != 0 { // an answer, as against none
			c.log.Error(fmt.Sprintf("[AdminClient clientId=adminclient-1] Unregister broker request for broker ID %d failed: %s", id, messageOf(err)),
				"class", "org.apache.kafka.clients.admin.KafkaAdminClient")
		}
		return awaited(err)
	}
	return nil
}

func (c *clusterTool) listEndpoints(ctx context.Context) error {
	fenced, controllers := c.values.Flag("--include-fenced-brokers"), c.values.Has("--bootstrap-controller")
	if fenced && controllers {
		return illegalArgument("The option --include-fenced-brokers is only supported with --bootstrap-server option")
	}
	cluster, err := c.admin.DescribeCluster(ctx, fenced)
	switch {
	case err != nil && javaerr.From(err).Class == unsupportedVersionClass:
		c.printf("%s\n", messageOf(err))
		return nil
	case err != nil:
		return awaited(err)
	case c.json:
		return c.endpointsJSON(cluster.Nodes, controllers)
	}
	c.printEndpoints(cluster.Nodes, controllers)
	return nil
}

// endpointType is what --bootstrap-… has asked for.
func endpointType(controllers bool) string {
	if controllers {
		return "controller"
	}
	return "broker"
}

// nodeState says whether a broker serves.
func nodeState(n admin.Node) string {
	if n.Fenced {
		return "fenced"
	}
	return "unfenced"
}

func (c *clusterTool) printEndpoints(nodes []admin.Node, controllers bool) {
	const noHost, noRack = 100, 10 // the columns' widths when no node has one
	host, rack := 0, 0
	for _, n := range nodes {
		host = max(host, len(n.Host))
		if n.Rack != nil {
			rack = max(rack, len(*n.Rack))
		}
	}
	if len(nodes) == 0 {
		host = noHost
	}
	if rack == 0 {
		rack = noRack
	}
	line := func(id, hostname, port, rackName, state, kind string) {
		c.printf("%-10s %-*s %-10s %-*s ", id, host, hostname, port, rack, rackName)
		if !controllers {
			c.printf("%-10s ", state)
		}
		c.printf("%-15s\n", kind)
	}
	line("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")
	for _, n := range nodes {
		name := "null"
		if n.Rack != nil {
			name = *n.Rack
		}
		line(fmt.Sprint(n.ID), n.Host, fmt.Sprint(n.Port), name, nodeState(n), endpointType(controllers))
	}
}

func (c *clusterTool) endpointsJSON(nodes []admin.Node, controllers bool) error {
	type endpoint struct {
		ID    int32   `json:"id"`
		Host  string  `json:"host"`
		Port  int32   `json:"port"`
		Rack  *string `json:"rack"`
		State string  `json:"state,omitempty"`
		Type  string  `json:"endpointType"`
	}
	all := []endpoint{}
	for _, n := range nodes {
		e := endpoint{n.ID, n.Host, n.Port, n.Rack, "", endpointType(controllers)}
		if !controllers {
			e.State = nodeState(n)
		}
		all = append(all, e)
	}
	return c.printJSON(map[string]any{"endpoints": all})
}
