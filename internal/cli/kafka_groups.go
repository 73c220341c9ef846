package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/groups"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// groupsOptions are the options of kafka-groups, in the words of its --help.
var groupsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to", Must: true,
		Doc: "REQUIRED: The Kafka server to connect to.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "Property file containing configs to be passed to Admin Client.",
	},
	{Names: []string{"list"}, Doc: "List the groups."},
	{
		Names: []string{"group-type"}, Arg: jopt.Required, ArgDoc: "type",
		Doc: "Filter the groups based on group type. Valid types are: 'classic', 'consumer', 'share' and 'streams'.",
	},
	{Names: []string{"protocol"}, Arg: jopt.Required, ArgDoc: "protocol", Doc: "Filter the groups based on protocol type."},
	{
		Names: []string{"consumer"},
		Doc: "Filter the groups to show all kinds of consumer groups, including classic and simple consumer groups. " +
			"This matches group type 'consumer', and group type 'classic' where the protocol type is 'consumer' or empty.",
	},
	{Names: []string{"share"}, Doc: "Filter the groups to show share groups."},
	{Names: []string{"streams"}, Doc: "Filter the groups to show streams groups."},
})

var groupTypes = []string{"Classic", "Consumer", "Share", "Streams"}

// kafkaGroups is kafka-groups, as org.apache.kafka.tools.GroupsCommand; it lists by name.
func kafkaGroups(ctx context.Context, t *tool, args []string) int {
	const about = "This tool helps to list groups of all types."
	p := &jopt.Parser{Options: groupsOptions}
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	s, err := p.Parse(args)
	if err != nil {
		return t.uncaught(p.Usage("%s", err))
	}
	if status, done := t.helpOrVersion(p, s, args, about); done {
		return status
	}
	keep, err := checkGroups(p, s)
	if err != nil {
		return t.failed(ctx, err)
	}
	props, err := commandProperties(s)
	if err != nil {
		return t.failed(ctx, err)
	}
	if err := t.listGroups(ctx, props, keep, asJSON); err != nil {
		if ctx.Err() != nil {
			return exitInterrupted
		}
		t.printf("Error while executing groups command : %s\n", messageOf(err))
		t.log.Error(console.StackTrace(err), "class", "org.apache.kafka.tools.GroupsCommand")
		return exitFailed
	}
	return exitOK
}

// commandProperties are those of --command-config with those of --bootstrap-server.
func commandProperties(s *jopt.Set) (map[string]string, error) {
	path, err := s.Value("command-config")
	if err != nil {
		return nil, err
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	servers, err := s.Value("bootstrap-server")
	if err != nil {
		return nil, err
	}
	return client.Merge(props, map[string]string{"bootstrap.servers": servers}), nil
}

// checkGroups is GroupsCommandOptions.checkArgs and GroupsService.combinedFilter: it returns which groups are wanted.
func checkGroups(p *jopt.Parser, s *jopt.Set) (func(groups.Listing) bool, error) {
	if !s.Has("list") {
		return nil, p.Usage("Command must include exactly one action: --list.")
	}
	kind, err := s.Value("group-type")
	if err != nil {
		return nil, err
	}
	protocol, err := s.Value("protocol")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(groupTypes, func(t string) bool { return strings.EqualFold(t, kind) })
	if s.Has("group-type") && i < 0 {
		return nil, illegalArgument("--group-type must be a valid group type.")
	}
	for _, rule := range []clash{
		{"consumer", []string{"group-type", "protocol", "share", "streams"}},
		{"share", []string{"consumer", "group-type", "protocol", "streams"}},
		{"streams", []string{"consumer", "group-type", "protocol", "share"}},
	} {
		if err := p.CheckInvalid(s, rule.used, rule.others...); err != nil {
			return nil, err
		}
	}
	return func(l groups.Listing) bool {
		switch {
		case s.Has("group-type"):
			return l.Type == groupTypes[i] && (!s.Has("protocol") || l.ProtocolType == protocol)
		case s.Has("protocol"):
			return l.ProtocolType == protocol
		case s.Has("consumer"):
			return l.ProtocolType == "consumer" || l.ProtocolType == "" || l.Type == "Consumer"
		case s.Has("share"):
			return l.Type == "Share"
		case s.Has("streams"):
			return l.Type == "Streams"
		}
		return true
	}, nil
}

func (t *tool) listGroups(ctx context.Context, props map[string]string, keep func(groups.Listing) bool, asJSON bool) error {
	const patience = 30 * time.Second
	a, err := groups.New(ctx, props, patience, t.log)
	if err != nil {
		return javaerr.From(err)
	}
	defer a.Close()
	listings, err := a.ListAll(ctx)
	if err != nil {
		return javaerr.From(err)
	}
	listings = slices.DeleteFunc(listings, func(l groups.Listing) bool { return !keep(l) })
	if asJSON {
		return t.printJSON(map[string]any{"groups": append([]groups.Listing{}, listings...)})
	}
	width := 20
	for _, l := range listings {
		width = max(width, len(l.Group), len(l.Type), len(l.ProtocolType))
	}
	t.printf("%-*s %-*s %-*s\n", width, "GROUP", width, "TYPE", width, "PROTOCOL")
	for _, l := range listings {
		t.printf("%-*s %-*s %-*s \n", width, l.Group, width, l.Type, width, l.ProtocolType)
	}
	return nil
}
