package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// brokerAPIVersionsOptions are the options of kafka-broker-api-versions, in the words of its --help.
var brokerAPIVersionsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "A property file containing configs to be passed to Admin Client.",
	},
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server(s) to use for bootstrapping",
		Doc: "REQUIRED: The server to connect to.",
	},
})

// kafkaBrokerAPIVersions is kafka-broker-api-versions, as org.apache.kafka.tools.BrokerApiVersionsCommand.
func kafkaBrokerAPIVersions(ctx context.Context, t *tool, args []string) int {
	p := &jopt.Parser{Options: brokerAPIVersionsOptions}
	fail := func(err error) int {
		if errors.As(err, new(*jopt.UsageError)) {
			return t.uncaught(err)
		}
		if ctx.Err() != nil {
			return exitInterrupted
		}
		t.errorf("%s\n%s\n", messageOf(err), console.StackTrace(err))
		return exitFailed
	}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return fail(p.Usage("%s", err))
	}
	s, err := p.Parse(args)
	if err != nil {
		return fail(err)
	}
	if status, done := t.helpOrVersion(p, s, args, "This tool helps to retrieve broker version information."); done {
		return status
	}
	if err := p.CheckRequired(s, "bootstrap-server"); err != nil {
		return fail(err)
	}
	a, err := connectAdmin(ctx, s, t.log)
	if cause := errors.Unwrap(err); cause != nil && errors.As(cause, new(*javaerr.Exception)) {
		err = cause // the original's client of this command does not wrap what is wrong with its configs
	}
	if err != nil {
		return fail(err)
	}
	defer a.Close()
	nodes, err := a.Nodes(ctx)
	if err != nil {
		return fail(err)
	}
	if asJSON {
		if err := t.apiVersionsJSON(ctx, a, nodes); err != nil {
			return fail(err)
		}
		return exitOK
	}
	for _, n := range nodes {
		apis, err := a.APIVersions(ctx, n.ID)
		if err != nil {
			t.printf("%s -> ERROR: %s\n", nodeText(n), messageOf(err))
			continue
		}
		t.printf("%s -> (\n\t%s\n)\n", nodeText(n), strings.Join(apiLines(apis), ",\n\t"))
	}
	return exitOK
}

// nodeText is Node.toString.
func nodeText(n admin.Node) string {
	rack := "null"
	if n.Rack != nil {
		rack = *n.Rack
	}
	return fmt.Sprintf("%s:%d (id: %d rack: %s isFenced: false)", n.Host, n.Port, n.ID, rack)
}

// apiLines is NodeApiVersions.toString: what the node knows, and what clients know and it does not.
func apiLines(apis []admin.API) []string {
	known := map[int16]admin.Known{}
	lines := map[int16]string{}
	for _, k := range admin.KnownAPIs() {
		known[k.Key] = k
		if k.Client {
			lines[k.Key] = fmt.Sprintf("%s(%d): UNSUPPORTED", k.Name, k.Key)
		}
	}
	for _, a := range apis {
		k, ok := known[a.Key]
		name, versions := "UNKNOWN", fmt.Sprint(a.Min)
		if a.Min != a.Max {
			versions = fmt.Sprintf("%d to %d", a.Min, a.Max)
		}
		switch {
		case !ok:
		case k.Latest < a.Min:
			name, versions = k.Name, versions+" [unusable: node too new]"
		case a.Max < k.Oldest:
			name, versions = k.Name, versions+" [unusable: node too old]"
		default:
			name, versions = k.Name, versions+fmt.Sprintf(" [usable: %d]", min(k.Latest, a.Max))
		}
		lines[a.Key] = fmt.Sprintf("%s(%d): %s", name, a.Key, versions)
	}
	var sorted []string
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		sorted = append(sorted, lines[key])
	}
	return sorted
}

func (t *tool) apiVersionsJSON(ctx context.Context, a *admin.Admin, nodes []admin.Node) error {
	type api struct {
		Key  int16  `json:"key"`
		Name string `json:"name"`
		Min  int16  `json:"minVersion"`
		Max  int16  `json:"maxVersion"`
	}
	type broker struct {
		ID   int32  `json:"id"`
		Host string `json:"host"`
		Port int32  `json:"port"`
		APIs []api  `json:"apis"`
	}
	names := map[int16]string{}
	for _, k := range admin.KnownAPIs() {
		names[k.Key] = k.Name
	}
	brokers := []broker{}
	for _, n := range nodes {
		apis, err := a.APIVersions(ctx, n.ID)
		if err != nil {
			return err
		}
		b := broker{n.ID, n.Host, n.Port, []api{}}
		for _, v := range apis {
			b.APIs = append(b.APIs, api{v.Key, names[v.Key], v.Min, v.Max})
		}
		brokers = append(brokers, b)
	}
	return t.printJSON(map[string]any{"brokers": brokers})
}
