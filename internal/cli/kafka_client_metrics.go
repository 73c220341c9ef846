package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
)

// clientMetricsOptions are the options of kafka-client-metrics, in the words of its --help.
var clientMetricsOptions = slices.Concat(jopt.Default(), []*jopt.Option{
	{
		Names: []string{"bootstrap-server"}, Arg: jopt.Required, ArgDoc: "server to connect to",
		Doc: "REQUIRED: The Kafka server to connect to.",
	},
	{
		Names: []string{"command-config"}, Arg: jopt.Required, ArgDoc: "command config property file",
		Doc: "Property file containing configs to be passed to Admin Client.",
	},
	{Names: []string{"alter"}, Doc: "Alter the configuration for the client metrics resource."},
	{Names: []string{"delete"}, Doc: "Delete the configuration for the client metrics resource."},
	{Names: []string{"describe"}, Doc: "List configurations for the client metrics resource."},
	{Names: []string{"list"}, Doc: "List the client metrics resources."},
	{Names: []string{"name"}, Arg: jopt.Required, ArgDoc: "name", Doc: "Name of client metrics configuration resource."},
	{Names: []string{"generate-name"}, Doc: "Generate a UUID to use as the name."},
	{
		Names: []string{"interval"}, Arg: jopt.Required, ArgDoc: "push interval",
		Doc: "The metrics push interval in milliseconds.\nLeave empty to reset the interval.",
	},
	{
		Names: []string{"match"}, Arg: jopt.Required, ArgDoc: "k1=v1,k2=v2", Separator: ',',
		Doc: "Matching selector 'k1=v1,k2=v2'. The following is a list of valid selector names: \n\tclient_id\n\tclient_instance_id\n" +
			"\tclient_software_name\n\tclient_software_version\n\tclient_source_address\n\tclient_source_port",
	},
	{Names: []string{"metrics"}, Arg: jopt.Required, ArgDoc: "m1,m2", Separator: ',', Doc: "Telemetry metric name prefixes 'm1,m2'."},
})

// clientMetrics is kafka-client-metrics, as org.apache.kafka.tools.ClientMetricsCommand; what is listed is in order.
type clientMetrics struct {
	*tool
	options *jopt.Set
	admin   *admin.Admin
	json    bool
}

var clientMetricsActions = []struct {
	name string
	run  func(*clientMetrics, context.Context) error
}{
	{"alter", (*clientMetrics).alter},
	{"delete", (*clientMetrics).delete},
	{"describe", (*clientMetrics).describe},
	{"list", (*clientMetrics).list},
}

func kafkaClientMetrics(ctx context.Context, t *tool, args []string) int {
	const about = "This tool helps to manipulate and describe client metrics configurations."
	p := &jopt.Parser{Options: clientMetricsOptions}
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
	if err := checkClientMetrics(p, s); err != nil {
		return t.failed(ctx, err)
	}
	if err := checkJSON(p, s, asJSON, "list", "describe"); err != nil {
		return t.failed(ctx, err)
	}
	props, err := commandProperties(s)
	if err != nil {
		return t.failed(ctx, err)
	}
	c := &clientMetrics{tool: t, options: s, json: asJSON}
	if c.admin, err = admin.New(ctx, props, t.log); err == nil {
		defer c.admin.Close()
		err = c.act(ctx)
	}
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	}
	t.printf("Error while executing client metrics command : %s\n", messageOf(err))
	t.log.Error(console.StackTrace(err), "class", "org.apache.kafka.tools.ClientMetricsCommand")
	return exitFailed
}

// checkClientMetrics is ClientMetricsCommandOptions.checkArgs.
func checkClientMetrics(p *jopt.Parser, s *jopt.Set) error {
	actions := 0
	for _, a := range clientMetricsActions {
		if s.Has(a.name) {
			actions++
		}
	}
	if actions != 1 {
		return p.Usage("Command must include exactly one action: --alter, --delete, --describe or --list.")
	}
	if !s.Has("bootstrap-server") {
		return illegalArgument("--bootstrap-server must be specified.")
	}
	for _, rule := range []clash{
		{"delete", []string{"generate-name", "interval", "match", "metrics"}},
		{"describe", []string{"generate-name", "interval", "match", "metrics"}},
		{"list", []string{"name", "generate-name", "interval", "match", "metrics"}},
	} {
		if err := p.CheckInvalid(s, rule.used, rule.others...); err != nil {
			return err
		}
	}
	if s.Has("delete") && !s.Has("name") {
		return illegalArgument("A client metrics resource name must be specified with --delete.")
	}
	if !s.Has("alter") {
		return nil
	}
	if s.Has("name") == s.Has("generate-name") {
		return illegalArgument("One of --name or --generate-name must be specified with --alter.")
	}
	interval, err := s.Value("interval")
	if err != nil || interval == "" {
		return err
	}
	if _, err := strconv.ParseInt(interval, 10, 32); err != nil {
		return illegalArgument("Invalid interval value. Enter an integer, or leave empty to reset.")
	}
	return nil
}

func (c *clientMetrics) act(ctx context.Context) error {
	for _, a := range clientMetricsActions {
		if c.options.Has(a.name) {
			return a.run(c, ctx)
		}
	}
	return nil
}

// alter sets what is given; what is given as empty goes back to its default.
func (c *clientMetrics) alter(ctx context.Context) error {
	name, err := c.options.Value("name")
	if err != nil {
		return err
	}
	if c.options.Has("generate-name") {
		var id admin.ID
		if _, err := rand.Read(id[:]); err != nil {
			return err
		}
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
		name = id.String()
	}
	var ops []admin.Op
	for _, o := range []struct{ option, key string }{{"interval", "interval.ms"}, {"match", "match"}, {"metrics", "metrics"}} {
		if !c.options.Has(o.option) {
			continue
		}
		value := strings.Join(c.options.Values(o.option), ",")
		op := admin.Op{Key: o.key, Value: &value, Do: kmsg.IncrementalAlterConfigOpSet}
		if value == "" {
			op.Do = kmsg.IncrementalAlterConfigOpDelete
		}
		ops = append(ops, op)
	}
	if err := c.admin.AlterConfigs(ctx, clientMetricsResource(name), ops); err != nil {
		return err
	}
	c.printf("Altered client metrics config for %s.\n", name)
	return nil
}

func clientMetricsResource(name string) admin.Resource {
	return admin.Resource{Type: config.ClientMetrics, Name: name}
}

func (c *clientMetrics) delete(ctx context.Context) error {
	name, err := c.options.Value("name")
	if err != nil {
		return err
	}
	entries, err := c.configs(ctx, name)
	if err != nil {
		return err
	}
	var ops []admin.Op
	for _, e := range entries {
		ops = append(ops, admin.Op{Key: e.Name, Value: e.Value, Do: kmsg.IncrementalAlterConfigOpDelete})
	}
	if err := c.admin.AlterConfigs(ctx, clientMetricsResource(name), ops); err != nil {
		return err
	}
	c.printf("Deleted client metrics config for %s.\n", name)
	return nil
}

func (c *clientMetrics) configs(ctx context.Context, name string) ([]admin.ConfigEntry, error) {
	found, err := c.admin.DescribeConfigs(ctx, clientMetricsResource(name))
	if err != nil {
		return nil, err
	}
	return found[clientMetricsResource(name)], nil
}

func (c *clientMetrics) describe(ctx context.Context) error {
	names, err := c.admin.ConfigResources(ctx, config.ClientMetrics)
	if err != nil {
		return err
	}
	if c.options.Has("name") {
		name, err := c.options.Value("name")
		if err != nil {
			return err
		}
		if !slices.Contains(names, name) {
			if c.json {
				return errors.New("the client metric resource " + name + " does not exist")
			}
			c.printf("The client metric resource %s doesn't exist and doesn't have dynamic config.\n", name)
			return nil
		}
		names = []string{name}
	}
	type resource struct {
		Name    string            `json:"name"`
		Configs map[string]string `json:"configs"`
	}
	all := []resource{}
	for _, name := range names {
		entries, err := c.configs(ctx, name)
		if err != nil {
			return err
		}
		r := resource{name, map[string]string{}}
		if !c.json {
			c.printf("Client metrics configs for %s are:\n", name)
		}
		for _, e := range entries {
			value := "null"
			if e.Value != nil {
				value = *e.Value
			}
			r.Configs[e.Name] = value
			if !c.json {
				c.printf("  %s=%s\n", e.Name, value)
			}
		}
		all = append(all, r)
	}
	if c.json {
		return c.printJSON(map[string]any{"clientMetrics": all})
	}
	return nil
}

func (c *clientMetrics) list(ctx context.Context) error {
	names, err := c.admin.ConfigResources(ctx, config.ClientMetrics)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(map[string]any{"clientMetrics": append([]string{}, names...)})
	}
	c.printf("%s\n", strings.Join(names, "\n"))
	return nil
}
