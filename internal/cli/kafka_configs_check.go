package cli

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// entityTypes are what kafka-configs can configure, as ConfigCommand.BrokerSupportedConfigTypes.
var entityTypes = []string{"topics", "clients", "users", "brokers", "ips", "client-metrics", "groups", "broker-loggers"}

// entityFlags are the options that name an entity by its type; defaultFlags those for the default entity of a type.
var (
	entityFlags = [][2]string{
		{"topic", "topics"},
		{"client", "clients"},
		{"user", "users"},
		{"broker", "brokers"},
		{"broker-logger", "broker-loggers"},
		{"ip", "ips"},
		{"client-metrics", "client-metrics"},
		{"group", "groups"},
	}
	defaultFlags = [][2]string{
		{"client-defaults", "clients"},
		{"user-defaults", "users"},
		{"broker-defaults", "brokers"},
		{"ip-defaults", "ips"},
	}
)

// readEntities fills types and names from the command line.
func (c *configs) readEntities() error {
	s := c.options
	c.types = slices.Clone(s.Values("entity-type"))
	names := s.Values("entity-name")
	for _, option := range s.Order() {
		switch option {
		case "entity-name":
			c.names = append(c.names, names[0])
			names = names[1:]
		case "entity-default":
			c.names = append(c.names, "")
		}
	}
	for _, f := range entityFlags {
		if !s.Has(f[0]) {
			continue
		}
		name, err := s.Value(f[0])
		if err != nil {
			return err
		}
		c.types, c.names = append(c.types, f[1]), append(c.names, name)
	}
	for _, f := range defaultFlags {
		if s.Has(f[0]) {
			c.types, c.names = append(c.types, f[1]), append(c.names, "")
		}
	}
	return nil
}

// check is ConfigCommandOptions.checkArgs.
func (c *configs) check() error {
	p, s := c.parser, c.options
	if s.Has("alter") == s.Has("describe") {
		return p.Usage("Command must include exactly one action: --describe, --alter")
	}
	if err := p.CheckInvalid(s, "describe", "alter", "add-config", "delete-config"); err != nil {
		return err
	}
	if err := c.readEntities(); err != nil {
		return err
	}
	if err := c.checkTypes(); err != nil {
		return err
	}
	isEntityFlag := func(f [2]string) bool { return s.Has(f[0]) }
	if (s.Has("entity-name") || s.Has("entity-type") || s.Has("entity-default")) &&
		(slices.ContainsFunc(entityFlags, isEntityFlag) || slices.ContainsFunc(defaultFlags, isEntityFlag)) {
		return illegalArgument("--entity-{type,name,default} should not be used in conjunction with specific entity flags")
	}
	if s.Has("bootstrap-server") && s.Has("bootstrap-controller") {
		return illegalArgument("Only one of --bootstrap-server or --bootstrap-controller can be specified")
	}
	if err := c.checkNames(); err != nil {
		return err
	}
	if s.Has("describe") {
		return c.checkDescribe()
	}
	return c.checkAlter()
}

func (c *configs) checkTypes() error {
	seen := map[string]bool{}
	var twice []string
	for _, t := range c.types {
		if seen[t] {
			twice = append(twice, t)
		}
		seen[t] = true
	}
	switch {
	case twice != nil:
		return illegalArgument("Duplicate entity type(s) specified: %s", strings.Join(twice, ","))
	case !c.options.Has("bootstrap-server") && !c.options.Has("bootstrap-controller"):
		return illegalArgument("Either --bootstrap-server or --bootstrap-controller must be specified.")
	}
	for _, t := range c.types {
		if !slices.Contains(entityTypes, t) {
			return illegalArgument("Invalid entity type %s, the entity type must be one of %s with a --bootstrap-server or --bootstrap-controller argument",
				t, strings.Join(entityTypes, ", "))
		}
	}
	switch {
	case len(c.types) == 0:
		return illegalArgument("At least one entity type must be specified")
	case len(c.types) > 1 && !(len(c.types) == 2 && seen["users"] && seen["clients"]):
		return illegalArgument("Only 'users' and 'clients' entity types may be specified together")
	}
	return nil
}

func (c *configs) checkNames() error {
	kind := c.types[0]
	for _, name := range c.names {
		if name == "" {
			continue
		}
		switch kind {
		case "brokers", "broker-loggers":
			if _, err := strconv.ParseInt(name, 10, 32); err != nil {
				return illegalArgument("The entity name for %s must be a valid integer broker id, but it is: %s", kind, name)
			}
		case "ips":
			if _, err := net.LookupHost(name); err != nil { //nolint:noctx // the resolver has its own timeout
				return illegalArgument("The entity name for %s must be a valid IP or resolvable host, but it is: %s", kind, name)
			}
		}
	}
	return nil
}

func (c *configs) hasDefaults() bool {
	return slices.ContainsFunc(c.types, func(t string) bool { return slices.Contains([]string{"users", "clients", "brokers", "ips"}, t) })
}

func (c *configs) hasName() bool {
	return slices.ContainsFunc(c.names, func(n string) bool { return n != "" })
}

func (c *configs) checkDescribe() error {
	types := strings.Join(c.types, ",")
	if !c.hasDefaults() && c.options.Has("entity-default") {
		return illegalArgument("--entity-default must not be specified with --describe of %s", types)
	}
	if slices.Contains(c.types, "broker-loggers") && !c.hasName() {
		return illegalArgument("An entity name must be specified with --describe of %s", types)
	}
	return nil
}

func (c *configs) checkAlter() error {
	s := c.options
	switch {
	case c.hasDefaults() && len(c.names) == 0:
		return illegalArgument("An entity-name or default entity must be specified with --alter of users, clients, brokers or ips")
	case !c.hasDefaults() && !c.hasName():
		return illegalArgument("An entity name must be specified with --alter of %s", strings.Join(c.types, ","))
	case s.Has("add-config") && s.Has("add-config-file"):
		return illegalArgument("Only one of --add-config or --add-config-file must be specified")
	case !s.Has("add-config") && !s.Has("add-config-file") && !s.Has("delete-config"):
		return illegalArgument("At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter")
	}
	return nil
}
