package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/javanum"
)

func (c *configs) describe(ctx context.Context) error {
	switch c.types[0] {
	case "users", "clients":
		return c.describeUsersOrClients(ctx)
	case "ips":
		return c.describeQuotas(ctx)
	}
	return c.describeResources(ctx)
}

// dynamicSources are the sources of values that were set at run time, by entity type.
var dynamicSources = map[string]config.Source{
	"topics": config.DynamicTopic, "brokers": config.DynamicBroker,
	"client-metrics": config.DynamicClientMetrics, "groups": config.DynamicGroup,
}

// described is one resource with the entries that are to be shown.
type described struct {
	name    string
	entries []admin.ConfigEntry
}

func (c *configs) describeResources(ctx context.Context) error {
	kind, all := c.types[0], c.options.Has("all")
	names := c.names
	if len(names) == 0 {
		var err error
		if names, err = c.everyName(ctx, kind); err != nil {
			return failedCall(err)
		}
		if kind == "brokers" {
			names = append(names, "")
		}
	} else if !all && names[0] != "" {
		exists, err := c.exists(ctx, kind, names[0])
		if err != nil {
			return failedCall(err)
		}
		if !exists {
			c.printf("The %s '%s' doesn't exist and doesn't have dynamic config.\n", kind[:len(kind)-1], names[0])
			return nil
		}
	}
	var found []described
	for _, name := range names {
		entries, err := c.entries(ctx, kind, name, all)
		if err != nil {
			return failedCall(err)
		}
		found = append(found, described{name, entries})
		if !c.json {
			c.printResource(kind, found[len(found)-1], all)
		}
	}
	if c.json {
		return c.resourcesJSON(kind, found)
	}
	return nil
}

// everyName lists the resources of a kind.
func (c *configs) everyName(ctx context.Context, kind string) ([]string, error) {
	switch kind {
	case "topics":
		all, err := c.admin.Topics(ctx, true)
		var names []string
		for _, t := range all {
			names = append(names, t.Name)
		}
		return names, err
	case "brokers", "broker-loggers":
		nodes, err := c.admin.Nodes(ctx)
		var names []string
		for _, n := range nodes {
			names = append(names, strconv.Itoa(int(n.ID)))
		}
		return names, err
	case "groups":
		groups, err := c.admin.Groups(ctx)
		if err != nil {
			return nil, err
		}
		configured, err := c.configuredGroups(ctx)
		names := append(groups, configured...)
		slices.Sort(names)
		return slices.Compact(names), err
	}
	return c.admin.ConfigResources(ctx, configResources[kind])
}

// configuredGroups are the groups with configs; a broker that cannot or may not tell has none.
func (c *configs) configuredGroups(ctx context.Context) ([]string, error) {
	names, err := c.admin.ConfigResources(ctx, config.Group)
	const unsupportedVersion, clusterAuthorizationFailed = 35, 31
	if code := javaerr.CodeOf(err); code == unsupportedVersion || code == clusterAuthorizationFailed {
		return nil, nil
	}
	return names, err
}

func (c *configs) exists(ctx context.Context, kind, name string) (bool, error) {
	names, err := c.everyName(ctx, kind)
	return slices.Contains(names, name), err
}

func (c *configs) entries(ctx context.Context, kind, name string, all bool) ([]admin.ConfigEntry, error) {
	resource := admin.Resource{Type: configResources[kind], Name: name}
	found, err := c.admin.DescribeConfigs(ctx, resource)
	if err != nil {
		return nil, err
	}
	entries := found[resource]
	source, filtered := dynamicSources[kind]
	if kind == "brokers" && name == "" {
		source = config.DynamicDefaultBroker
	}
	if filtered && !all {
		entries = slices.DeleteFunc(entries, func(e admin.ConfigEntry) bool { return e.Source != source })
	}
	slices.SortFunc(entries, func(a, b admin.ConfigEntry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

func (c *configs) printResource(kind string, r described, all bool) {
	switch {
	case r.name == "":
		c.printf("Default configs for %s in the cluster are:\n", kind)
	case all:
		c.printf("All configs for %s %s are:\n", kind[:len(kind)-1], r.name)
	default:
		c.printf("Dynamic configs for %s %s are:\n", kind[:len(kind)-1], r.name)
	}
	for _, e := range r.entries {
		var synonyms []string
		for _, s := range e.Synonyms {
			synonyms = append(synonyms, sourceNames[s.Source]+":"+s.Name+"="+orNull(s.Value))
		}
		c.printf("  %s=%s sensitive=%t synonyms={%s}\n", e.Name, orNull(e.Value), e.Sensitive, strings.Join(synonyms, ", "))
	}
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// sourceNames are the names of ConfigEntry.ConfigSource.
var sourceNames = map[config.Source]string{
	config.DynamicTopic: "DYNAMIC_TOPIC_CONFIG", config.DynamicBroker: "DYNAMIC_BROKER_CONFIG",
	config.DynamicDefaultBroker: "DYNAMIC_DEFAULT_BROKER_CONFIG", config.StaticBroker: "STATIC_BROKER_CONFIG",
	config.Default: "DEFAULT_CONFIG", config.DynamicBrokerLogger: "DYNAMIC_BROKER_LOGGER_CONFIG",
	config.DynamicClientMetrics: "DYNAMIC_CLIENT_METRICS_CONFIG", config.DynamicGroup: "DYNAMIC_GROUP_CONFIG",
}

func (c *configs) resourcesJSON(kind string, found []described) error {
	type synonym struct {
		Name   string  `json:"name"`
		Value  *string `json:"value"`
		Source string  `json:"source"`
	}
	type entry struct {
		Name      string    `json:"name"`
		Value     *string   `json:"value"`
		Source    string    `json:"source"`
		Sensitive bool      `json:"sensitive"`
		ReadOnly  bool      `json:"readOnly"`
		Synonyms  []synonym `json:"synonyms"`
	}
	type resource struct {
		Type    string  `json:"entityType"`
		Name    string  `json:"entityName"`
		Configs []entry `json:"configs"`
	}
	list := []resource{}
	for _, f := range found {
		r := resource{kind, f.name, []entry{}}
		for _, e := range f.entries {
			row := entry{e.Name, e.Value, sourceNames[e.Source], e.Sensitive, e.ReadOnly, []synonym{}}
			for _, s := range e.Synonyms {
				row.Synonyms = append(row.Synonyms, synonym{s.Name, s.Value, sourceNames[s.Source]})
			}
			r.Configs = append(r.Configs, row)
		}
		list = append(list, r)
	}
	return c.printJSON(map[string]any{"entities": list})
}

// quotaWords are how the kinds of entity are called in print, in the order of print.
var quotaWords = [][2]string{{"user", "user-principal"}, {"client-id", "client-id"}, {"ip", "ip"}}

func (c *configs) describeQuotas(ctx context.Context) error {
	if len(c.names) > len(c.types) {
		return illegalArgument("More entity names specified than entity types")
	}
	quotas, err := c.admin.DescribeQuotas(ctx, c.entity())
	if err != nil {
		return failedCall(err)
	}
	if c.json {
		return c.quotasJSON(quotas)
	}
	for _, q := range quotas {
		var who []string
		for _, w := range quotaWords {
			for _, p := range q.Entity {
				switch {
				case p.Kind != w[0]:
				case p.Name != nil:
					who = append(who, w[1]+" '"+*p.Name+"'")
				default:
					who = append(who, "the default "+w[1])
				}
			}
		}
		var values []string
		for _, v := range q.Values {
			values = append(values, v.Key+"="+javanum.Double(v.Value))
		}
		c.printf("Quota configs for %s are %s\n", strings.Join(who, ", "), strings.Join(values, ", "))
	}
	return nil
}

func (c *configs) quotasJSON(quotas []admin.Quota) error {
	type entry struct {
		Entity map[string]*string `json:"entity"`
		Quotas map[string]float64 `json:"quotas"`
	}
	list := []entry{}
	for _, q := range quotas {
		e := entry{map[string]*string{}, map[string]float64{}}
		for _, p := range q.Entity {
			e.Entity[p.Kind] = p.Name
		}
		for _, v := range q.Values {
			e.Quotas[v.Key] = v.Value
		}
		list = append(list, e)
	}
	return c.printJSON(map[string]any{"quotas": list})
}

func (c *configs) describeUsersOrClients(ctx context.Context) error {
	if err := c.describeQuotas(ctx); err != nil {
		return err
	}
	if slices.Contains(c.types, "clients") || slices.Contains(c.names, "") || c.json {
		return nil
	}
	users, err := c.admin.DescribeScram(ctx, c.names)
	if err != nil {
		return failedCall(err)
	}
	for _, u := range users {
		if u.Err != nil {
			c.printf("Error retrieving SCRAM credential configs for user-principal '%s': %s: %s\n", u.Name, "ExecutionException", u.Err)
			continue
		}
		var infos []string
		for _, cr := range u.Credentials {
			infos = append(infos, cr.Mechanism+"=iterations="+strconv.Itoa(int(cr.Iterations)))
		}
		c.printf("SCRAM credential configs for user-principal '%s' are %s\n", u.Name, strings.Join(infos, ", "))
	}
	return nil
}
