package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Config holds the configuration of one node: what its file says, what was changed since through DescribeConfigs'
// counterpart, and everything that follows. It is immutable and may be shared; [Config.WithDynamic] makes a new one.
type Config struct {
	static   map[string]setting // what the file and the command line said
	cluster  map[string]string  // dynamic defaults of the cluster, valid ones only
	broker   map[string]string  // dynamic values of this broker, valid ones only
	values   map[string]any     // effective value of each key of the table; nil is null
	net      network
	warnings []Warning
}

// setting is a value with its place.
type setting struct {
	text string
	file string
	line int // zero: from the command line or a map
}

// Warning is something to say once, when the node starts.
type Warning struct {
	Key     string
	Message string
	File    string
	Line    int
}

// String is the warning with its place, if known.
func (w Warning) String() string {
	if w.Line == 0 {
		return w.Message
	}
	return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Message)
}

// commandLine is the "file" of overrides.
const commandLine = "--override"

// Load reads a .properties file; overrides are "key=value" and win. Errors name file, line and key and say what is
// allowed; values are checked as Kafka's KafkaConfig does.
func Load(path string, overrides []string) (*Config, error) {
	props, err := ReadProperties(path)
	if err != nil {
		return nil, err
	}
	static := make(map[string]setting, len(props))
	for _, p := range props {
		static[p.Key] = setting{p.Value, path, p.Line}
	}
	return load(static, overrides)
}

// FromMap makes a configuration of values that did not come from a file.
func FromMap(values map[string]string) (*Config, error) {
	static := make(map[string]setting, len(values))
	for k, v := range values {
		static[k] = setting{text: v}
	}
	return load(static, nil)
}

// Standalone is the configuration of a node that was started without a file: broker and controller in one, on
// loopback, with its data in dataDir. Overrides are "key=value" and win.
func Standalone(dataDir string, overrides []string) (*Config, error) {
	static := map[string]setting{}
	for k, v := range standalone {
		static[k] = setting{text: v}
	}
	static["log.dirs"] = setting{text: dataDir}
	c, err := load(maps.Clone(static), overrides)
	if err != nil {
		return nil, err
	}
	// A lone node is its own quorum, wherever the overrides have put its listener.
	if l := c.ControllerListeners(); len(l) > 0 && l[0].Port > 0 {
		host := l[0].Host
		if host == "" {
			host = "localhost"
		}
		static["controller.quorum.bootstrap.servers"] = setting{text: net.JoinHostPort(host, strconv.Itoa(l[0].Port))}
	}
	return load(static, overrides)
}

var standalone = map[string]string{
	"process.roles":                                    "broker,controller",
	"node.id":                                          "1",
	"controller.quorum.bootstrap.servers":              "localhost:9093",
	"listeners":                                        "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
	"controller.listener.names":                        "CONTROLLER",
	"inter.broker.listener.name":                       "PLAINTEXT",
	"offsets.topic.replication.factor":                 "1",
	"share.coordinator.state.topic.replication.factor": "1",
	"share.coordinator.state.topic.min.isr":            "1",
	"transaction.state.log.replication.factor":         "1",
	"transaction.state.log.min.isr":                    "1",
}

func load(static map[string]setting, overrides []string) (*Config, error) {
	for _, o := range overrides {
		key, value, ok := strings.Cut(o, "=")
		if !ok || key == "" {
			return nil, &ValueError{Key: o, Message: "Invalid override " + o + ": it must be key=value", File: commandLine}
		}
		static[strings.TrimSpace(key)] = setting{text: value, file: commandLine}
	}
	c := &Config{static: withIDs(static)}
	if err := c.resolve(); err != nil {
		return nil, err
	}
	c.warnings = c.notes()
	return c, nil
}

// withIDs makes node.id and broker.id each other's value where only one is set, as AbstractKafkaConfig.populateSynonyms.
func withIDs(static map[string]setting) map[string]setting {
	node, hasNode := static["node.id"]
	broker, hasBroker := static["broker.id"]
	switch {
	case hasNode && !hasBroker:
		static["broker.id"] = node
	case hasBroker && !hasNode:
		static["node.id"] = broker
	}
	return static
}

// resolve fills values and net from the layers.
func (c *Config) resolve() error {
	table := Keys(Broker)
	c.values = make(map[string]any, len(table))
	for i := range table {
		k := &table[i]
		v, err := c.value(k)
		if err != nil {
			return c.locate(err)
		}
		c.values[k.Name] = v
	}
	var err error
	if c.net, err = c.network(); err != nil {
		return c.locate(err)
	}
	return c.locate(c.check())
}

// value is the effective value of k: of this broker, else of the cluster, else of the file, else the default.
func (c *Config) value(k *Key) (any, error) {
	text, ok := c.broker[k.Name]
	if !ok {
		text, ok = c.cluster[k.Name]
	}
	if !ok {
		var s setting
		s, ok = c.static[k.Name]
		text = s.text
	}
	if ok {
		return k.parse(text)
	}
	switch {
	case k.Required():
		return nil, &ValueError{
			Key: k.Name, File: c.file(),
			Message: "Missing required configuration \"" + k.Name + "\" which has no default value.",
		}
	case k.HasDefault():
		return k.convert(k.Default)
	}
	return nil, nil
}

// file names the file of this configuration, or "".
func (c *Config) file() string {
	for _, s := range c.static {
		if s.line > 0 {
			return s.file
		}
	}
	return ""
}

// locate adds the place where the key of a ValueError was set.
func (c *Config) locate(err error) error {
	e, ok := err.(*ValueError) //nolint:errorlint // made in this package, never wrapped
	if !ok || e.File != "" {
		return err
	}
	if s, ok := c.static[e.Key]; ok {
		e.File, e.Line = s.file, s.line
	} else {
		e.File = c.file()
	}
	return e
}

// Warnings returns what should be said once, at start: keys that nobody knows, keys without effect here, and settings
// that Kafka warns of. The slice is shared: do not change it.
func (c *Config) Warnings() []Warning { return c.warnings }

func (c *Config) notes() []Warning {
	var notes []Warning
	for _, name := range slices.Sorted(maps.Keys(c.static)) {
		s := c.static[name]
		k, known := Lookup(Broker, name)
		switch {
		case known && k.NoEffect != "":
			notes = append(notes, Warning{name, name + " has no effect: " + k.NoEffect, s.file, s.line})
		case !known && !passedOn(name):
			notes = append(notes, Warning{name, "unknown key " + name + near(name), s.file, s.line})
		}
	}
	return append(notes, c.exposed()...)
}

// passedOn says whether a key that is not in the table is read elsewhere: by the authorizer, by one listener, or by
// plug-ins of a JVM, which a file for both may hold.
func passedOn(name string) bool {
	if _, ok := authorizerKeys[name]; ok {
		return true
	}
	for _, prefix := range []string{"listener.name.", "config.providers.", "rlmm.config.", "rsm.config."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// authorizerKeys are read by StandardAuthorizer; Kafka's own table does not have them.
var authorizerKeys = map[string]string{
	"super.users":                    "Principals that may do everything, separated by semicolons: User:alice;User:bob.",
	"allow.everyone.if.no.acl.found": "Whether everybody may use a resource that no ACL names.",
}

// near proposes the known key that is closest to a misspelt one.
func near(name string) string {
	best, distance := "", 3
	for _, k := range Keys(Broker) {
		if d := editDistance(name, k.Name, distance); d < distance {
			best, distance = k.Name, d
		}
	}
	if best == "" {
		return ", it is ignored"
	}
	return ", it is ignored (did you mean " + best + "?)"
}

// editDistance is Levenshtein's, or limit if it is larger.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(limit, row[len(b)])
}
