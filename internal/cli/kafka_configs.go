package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// configs is kafka-configs, as kafka.admin.ConfigCommand.
type configs struct {
	*tool
	parser  *jopt.Parser
	options *jopt.Set
	admin   *admin.Admin
	types   []string // entity types
	names   []string // entity names; empty: the default entity
	json    bool
}

func kafkaConfigs(ctx context.Context, t *tool, args []string) int {
	c := &configs{tool: t, parser: &jopt.Parser{Options: configsOptions}}
	err := c.execute(ctx, args)
	var status doneWith
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, new(*jopt.UsageError)):
		return t.uncaught(err)
	case ctx.Err() != nil:
		return exitInterrupted
	}
	class := ""
	if e, ok := errors.AsType[*javaerr.Exception](err); ok {
		class = e.Class
	}
	switch {
	case errors.As(err, new(*jopt.Error)), strings.HasSuffix(class, ".IllegalArgumentException"),
		strings.HasSuffix(class, ".InvalidConfigurationException"), strings.HasSuffix(class, ".UnsupportedVersionException"):
		t.errorf("%s\n", messageOf(err))
	default:
		t.errorf("Error while executing config command with args '%s'\n", strings.Join(args, " "))
		t.trace(err)
	}
	return exitFailed
}

// doneWith ends a command early with an exit status.
type doneWith int

func (d doneWith) Error() string { return "exit status " + strconv.Itoa(int(d)) }

func (c *configs) execute(ctx context.Context, args []string) error {
	args, asJSON, err := cutOutputJSON(args)
	if err != nil {
		return c.parser.Usage("%s", err)
	}
	c.json = asJSON
	if c.options, err = c.parser.Parse(args); err != nil {
		return err
	}
	if status, done := c.helpOrVersion(c.parser, c.options, args,
		"This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, client-metrics or group"); done {
		return doneWith(status)
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := checkJSON(c.parser, c.options, c.json, "describe"); err != nil {
		return err
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	defer c.admin.Close()
	if c.options.Has("alter") {
		if len(c.types) != len(c.names) {
			return illegalArgument("An entity name must be specified for every entity type")
		}
		return c.alter(ctx)
	}
	return c.describe(ctx)
}

func (c *configs) connect(ctx context.Context) error {
	path, err := c.options.Value("command-config")
	if err != nil {
		return err
	}
	props, err := fileProperties(path)
	if err != nil {
		return err
	}
	key, option := "bootstrap.servers", "bootstrap-server"
	if c.options.Has("bootstrap-controller") {
		key, option = "bootstrap.controllers", "bootstrap-controller"
	}
	delete(props, "bootstrap.servers")
	delete(props, "bootstrap.controllers")
	if props[key], err = c.options.Value(option); err != nil {
		return err
	}
	c.admin, err = admin.New(ctx, props, c.log)
	return err
}

// failedCall is an error of a request, which Java's futures wrap once more.
func failedCall(err error) error {
	if err == nil {
		return nil
	}
	return javaerr.Wrap("java.util.concurrent.ExecutionException", err)
}

func (c *configs) alter(ctx context.Context) error {
	set, err := c.added()
	if err != nil {
		return err
	}
	var remove []string
	if c.options.Has("delete-config") {
		for _, k := range c.options.Values("delete-config") {
			remove = append(remove, strings.TrimSpace(k))
		}
	}
	kind, name := c.types[0], c.names[0]
	switch kind {
	case "users", "clients":
		err = c.alterUsersOrClients(ctx, set, remove)
	case "ips":
		if unknown := unknownKeys(set, remove, ipQuotaKeys); unknown != nil {
			return illegalArgument("Only connection quota configs can be added for 'ips' using --bootstrap-server. Unexpected config names: %s",
				strings.Join(unknown, ","))
		}
		err = c.alterQuotas(ctx, set, remove)
	case "broker-loggers":
		err = c.alterLoggers(ctx, name, set, remove)
	default:
		err = failedCall(c.admin.AlterConfigs(ctx, admin.Resource{Type: configResources[kind], Name: name}, alterOps(set, remove)))
	}
	if err != nil {
		return err
	}
	if name != "" {
		c.printf("Completed updating config for %s %s.\n", kind[:len(kind)-1], name)
	} else {
		c.printf("Completed updating default config for %s in the cluster.\n", kind)
	}
	return nil
}

var configResources = map[string]config.Resource{
	"topics": config.Topic, "brokers": config.Broker, "groups": config.Group,
	"client-metrics": config.ClientMetrics, "broker-loggers": config.BrokerLogger,
}

func alterOps(set map[string]string, remove []string) []admin.Op {
	var ops []admin.Op
	for _, k := range remove {
		ops = append(ops, admin.Op{Key: k, Do: kmsg.IncrementalAlterConfigOpDelete})
	}
	for _, k := range slices.Sorted(maps.Keys(set)) {
		v := set[k]
		ops = append(ops, admin.Op{Key: k, Value: &v, Do: kmsg.IncrementalAlterConfigOpSet})
	}
	return ops
}

var configKey = regexp.MustCompile(`^[$a-zA-Z0-9._-]*$`)

// added is what --add-config-file and --add-config say.
func (c *configs) added() (map[string]string, error) {
	set := map[string]string{}
	if c.options.Has("add-config-file") {
		path, err := c.options.Value("add-config-file")
		if err != nil {
			return nil, err
		}
		file, err := fileProperties(path)
		if err != nil {
			return nil, err
		}
		set = client.Merge(set, file)
	}
	if c.options.Has("add-config") {
		text, err := c.options.Value("add-config")
		if err != nil {
			return nil, err
		}
		for _, word := range splitOutsideBrackets(text, ',') {
			pair := splitOutsideBrackets(word, '=')
			if len(pair) != 2 {
				return nil, illegalArgument("requirement failed: Invalid entity config: all configs to be added must be in the format " +
					"\"key=val\" or  \"key=[val1,val2]\" to group values which contain commas.")
			}
			value := strings.NewReplacer("[", "", "]", "").Replace(pair[1])
			set[strings.TrimSpace(pair[0])] = strings.TrimSpace(value)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(set)) {
		if !configKey.MatchString(k) {
			return nil, illegalArgument("Invalid character found for config key: %s", k)
		}
	}
	return set, nil
}

// splitOutsideBrackets splits at separator, but not where the next bracket closes one.
func splitOutsideBrackets(s string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] != separator {
			continue
		}
		if next := strings.IndexAny(s[i:], "[]"); next >= 0 && s[i+next] == ']' {
			continue
		}
		parts = append(parts, s[start:i])
		start = i + 1
	}
	parts = append(parts, s[start:])
	if separator == ',' { // String.split leaves empty ends out
		for len(parts) > 1 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
	}
	return parts
}

// unknownKeys are the keys that are in none of the lists.
func unknownKeys(set map[string]string, remove []string, known ...[]string) []string {
	all := slices.Concat(known...)
	var unknown []string
	for _, k := range append(slices.Sorted(maps.Keys(set)), remove...) {
		if !slices.Contains(all, k) {
			unknown = append(unknown, k)
		}
	}
	return unknown
}

func (c *configs) alterLoggers(ctx context.Context, id string, set map[string]string, remove []string) error {
	resource := admin.Resource{Type: config.BrokerLogger, Name: id}
	found, err := c.admin.DescribeConfigs(ctx, resource)
	if err != nil {
		return failedCall(err)
	}
	var loggers []string
	for _, e := range found[resource] {
		loggers = append(loggers, e.Name)
	}
	if unknown := unknownKeys(set, remove, loggers); unknown != nil {
		return javaerr.New("InvalidConfigurationException", "Invalid broker logger(s): %s", strings.Join(unknown, ","))
	}
	return failedCall(c.admin.AlterConfigs(ctx, resource, alterOps(set, remove)))
}

// alterUsersOrClients changes quotas, or a user's SCRAM credentials.
func (c *configs) alterUsersOrClients(ctx context.Context, set map[string]string, remove []string) error {
	if c.types[0] == "clients" || len(c.types) == 2 {
		if bad := unknownKeys(set, nil, clientQuotaKeys); bad != nil {
			return illegalArgument("Only quota configs can be added for 'clients' using --bootstrap-server. Unexpected config names: Set(%s)", strings.Join(bad, ", "))
		}
		if bad := unknownKeys(nil, remove, clientQuotaKeys); bad != nil {
			return illegalArgument("Only quota configs can be deleted for 'clients' using --bootstrap-server. Unexpected config names: ArrayBuffer(%s)", strings.Join(bad, ", "))
		}
		return c.alterQuotas(ctx, set, remove)
	}
	if bad := unknownKeys(set, nil, clientQuotaKeys, scramMechanisms); bad != nil {
		return illegalArgument("Only quota and SCRAM credential configs can be added for 'users' using --bootstrap-server. Unexpected config names: Set(%s)", strings.Join(bad, ", "))
	}
	if bad := unknownKeys(nil, remove, clientQuotaKeys, scramMechanisms); bad != nil {
		return illegalArgument("Only quota and SCRAM credential configs can be deleted for 'users' using --bootstrap-server. Unexpected config names: ArrayBuffer(%s)", strings.Join(bad, ", "))
	}
	scram := unknownKeys(set, remove, clientQuotaKeys)
	quotas := unknownKeys(set, remove, scramMechanisms)
	switch {
	case scram == nil:
		return c.alterQuotas(ctx, set, remove)
	case c.names[0] == "":
		return illegalArgument("The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using --bootstrap-server.")
	case quotas != nil:
		return illegalArgument("Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.")
	}
	return c.alterScram(ctx, set, remove)
}

var quotaKinds = map[string]string{"users": "user", "clients": "client-id", "ips": "ip"}

// entity is who the quotas are for.
func (c *configs) entity() []admin.EntityPart {
	var parts []admin.EntityPart
	for i, kind := range c.types {
		p := admin.EntityPart{Kind: quotaKinds[kind], Any: i >= len(c.names)}
		if !p.Any && c.names[i] != "" {
			p.Name = &c.names[i]
		}
		parts = append(parts, p)
	}
	return parts
}

func (c *configs) alterQuotas(ctx context.Context, set map[string]string, remove []string) error {
	old, err := c.admin.DescribeQuotas(ctx, c.entity())
	if err != nil {
		return failedCall(err)
	}
	var have []string
	if len(old) > 0 {
		for _, v := range old[0].Values {
			have = append(have, v.Key)
		}
	}
	if missing := unknownKeys(nil, remove, have); missing != nil {
		return javaerr.New("InvalidConfigurationException", "Invalid config(s): %s", strings.Join(missing, ","))
	}
	var values []admin.QuotaValue
	for _, k := range slices.Sorted(maps.Keys(set)) {
		f, err := strconv.ParseFloat(strings.TrimSpace(set[k]), 64)
		if err != nil {
			return illegalArgument("Cannot parse quota configuration value for %s: %s", k, set[k])
		}
		values = append(values, admin.QuotaValue{Key: k, Value: f})
	}
	return failedCall(c.admin.AlterQuotas(ctx, c.entity(), values, remove))
}

var scramCredential = regexp.MustCompile(`^(?:iterations=(-?[0-9]*),)?password=(.*)$`)

func (c *configs) alterScram(ctx context.Context, set map[string]string, remove []string) error {
	passwords, err := parseScram(set)
	if err != nil {
		return err
	}
	return failedCall(c.admin.AlterScram(ctx, c.names[0], passwords, remove))
}

// parseScram reads "[iterations=n,]password=x" by mechanism.
func parseScram(set map[string]string) ([]admin.ScramPassword, error) {
	const leastIterations = 4096 // and the default
	var passwords []admin.ScramPassword
	for _, mechanism := range slices.Sorted(maps.Keys(set)) {
		m := scramCredential.FindStringSubmatch(set[mechanism])
		if m == nil {
			return nil, illegalArgument("Invalid credential property %s=%s", strings.ReplaceAll(mechanism, "-", "_"), set[mechanism])
		}
		iterations := int64(leastIterations)
		if m[1] != "" && m[1] != "-1" {
			var err error
			if iterations, err = strconv.ParseInt(m[1], 10, 32); err != nil {
				return nil, illegalArgument("%s", fmt.Sprintf("For input string: %q", m[1]))
			}
		}
		if iterations < leastIterations {
			return nil, illegalArgument("Iterations %d is less than the minimum %d required for %s", iterations, leastIterations, mechanism)
		}
		passwords = append(passwords, admin.ScramPassword{
			Mechanism: mechanism, Iterations: int32(iterations), Password: m[2],
		})
	}
	return passwords, nil
}
