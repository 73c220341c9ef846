package cli

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cli/argparse"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/edge/admin"
	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

//go:embed help/kafka-storage*.txt
var storageHelp embed.FS

// storage is kafka-storage, as kafka.tools.StorageTool.
type storage struct {
	*tool
	words map[string][]string // values by long name; switches have none
}

// storageOption is an option of a subcommand.
type storageOption struct {
	long, short string
	takes       bool // a value
	must        bool
	exclusive   bool // at most one of these
}

var storageConfig = storageOption{"--config", "-c", true, true, false}

var storageCommands = []struct {
	name    string
	options []storageOption
	run     func(*storage) error
}{
	{"info", []storageOption{storageConfig}, (*storage).info},
	{"format", []storageOption{
		storageConfig,
		{"--cluster-id", "-t", true, true, false},
		{"--add-scram", "-S", true, false, false},
		{"--ignore-formatted", "-g", false, false, false},
		{"--release-version", "-r", true, false, false},
		{"--feature", "-f", true, false, false},
		{"--standalone", "-s", false, false, true},
		{"--no-initial-controllers", "-N", false, false, true},
		{"--initial-controllers", "-I", true, false, true},
	}, (*storage).format},
	{"version-mapping", []storageOption{{"--release-version", "-r", true, false, false}}, (*storage).versionMapping},
	{"feature-dependencies", []storageOption{{"--feature", "-f", true, true, false}}, (*storage).featureDependencies},
	{"random-uuid", nil, (*storage).randomUUID},
}

// terse is an error that is told without its class.
type terse string

func (e terse) Error() string { return string(e) }

func tersef(format string, args ...any) error { return terse(fmt.Sprintf(format, args...)) }

func kafkaStorage(ctx context.Context, t *tool, args []string) int {
	if len(args) > 0 && args[0] == "repair" { // ours
		return storageRepair(ctx, t, args[1:])
	}
	c := &storage{tool: t}
	err := c.execute(args)
	var short terse
	var status doneWith
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &short):
		t.errorf("%s\n", short)
		return exitFailed
	}
	return t.uncaught(err)
}

func (c *storage) execute(args []string) error {
	if len(args) == 0 {
		return c.refuse("", "too few arguments")
	}
	if args[0] == "-h" || args[0] == "--help" {
		return c.help("")
	}
	for _, command := range storageCommands {
		if command.name != args[0] {
			continue
		}
		if err := c.parse(command.name, command.options, args[1:]); err != nil {
			return err
		}
		return command.run(c)
	}
	if strings.HasPrefix(args[0], "-") {
		return c.refuse("", fmt.Sprintf("unrecognized arguments: '%s'", args[0]))
	}
	var names []string
	for _, command := range storageCommands {
		names = append(names, "'"+command.name+"'")
	}
	return c.refuse("", fmt.Sprintf("invalid choice: '%s' (choose from %s)", args[0], strings.Join(names, ", ")))
}

// page is the text of --help of a subcommand, of the whole command for "".
func page(command string) string {
	name := "kafka-storage"
	if command != "" {
		name += "-" + command
	}
	text, err := storageHelp.ReadFile("help/" + name + ".txt")
	if err != nil {
		panic("cli: no help for " + name) // the file is built in
	}
	return string(text)
}

func (c *storage) help(command string) error {
	c.printf("%s", page(command))
	return doneWith(exitOK)
}

// refuse tells on stderr what is wrong with the command line, after the usage.
func (c *storage) refuse(command, message string) error {
	usage, _, _ := strings.Cut(page(command), "\n\n")
	c.errorf("%s\n%s", usage, argparse.Message("kafka-storage", message))
	return doneWith(exitFailed)
}

func (c *storage) parse(command string, options []storageOption, args []string) error {
	c.words = map[string][]string{}
	var chosen *storageOption
	for i := 0; i < len(args); i++ {
		name, value, glued := strings.Cut(args[i], "=")
		if name == "-h" || name == "--help" {
			return c.help(command)
		}
		j := slices.IndexFunc(options, func(o storageOption) bool { return o.long == name || o.short == name })
		if j < 0 && len(name) > 2 && name[0] == '-' && name[1] != '-' { // -tVALUE
			j = slices.IndexFunc(options, func(o storageOption) bool { return o.short == name[:2] && o.takes })
			value, glued = args[i][2:], true
		}
		if j < 0 {
			return c.refuse(command, fmt.Sprintf("unrecognized arguments: '%s'", args[i]))
		}
		o := &options[j]
		if o.exclusive && chosen != nil && chosen != o {
			return c.refuse(command, fmt.Sprintf("argument %s/%s: not allowed with argument %s/%s", o.long, o.short, chosen.long, chosen.short))
		}
		if o.exclusive {
			chosen = o
		}
		if o.takes && !glued {
			if i+1 == len(args) || strings.HasPrefix(args[i+1], "-") && args[i+1] != "-" {
				return c.refuse(command, fmt.Sprintf("argument %s/%s: expected one argument", o.long, o.short))
			}
			i++
			value = args[i]
		}
		c.words[o.long] = append(c.words[o.long], value)
	}
	for _, option := range slices.Backward(options) { // the original names --cluster-id before --config
		if o := option; o.must && c.words[o.long] == nil {
			return c.refuse(command, fmt.Sprintf("argument %s/%s is required", o.long, o.short))
		}
	}
	return nil
}

func (c *storage) has(name string) bool { return c.words[name] != nil }

func (c *storage) value(name string) string {
	if w := c.words[name]; len(w) > 0 {
		return w[len(w)-1]
	}
	return ""
}

// loadConfig reads --config.
func (c *storage) loadConfig() (*config.Config, error) {
	path := c.value("--config")
	if _, err := fileProperties(path); err != nil {
		return nil, err
	}
	conf, err := config.Load(path, nil)
	if err != nil {
		return nil, &javaerr.Exception{Class: "org.apache.kafka.common.config.ConfigException", Message: err.Error(), Cause: err}
	}
	return conf, nil
}

// storageDirs are the directories of a node, sorted.
func storageDirs(c *config.Config) []string {
	dirs := append(slices.Clone(c.LogDirs()), c.MetadataLogDir())
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func (c *storage) versionMapping() error {
	text := latestMetadataVersion().name
	if c.has("--release-version") {
		text = c.value("--release-version")
	}
	v, err := parseMetadataVersion(text, true)
	if err != nil {
		return terse(err.Error())
	}
	c.printf("metadata.version=%d (%s)\n", v.level, text)
	for i, name := range featureNames {
		c.printf("%s=%d\n", name, v.defaults[i])
	}
	return nil
}

func (c *storage) featureDependencies() error {
	for _, word := range c.words["--feature"] {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return tersef("Invalid feature format: %s. Expected format: 'feature=version' (e.g. 'group.version=1')", word)
		}
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		n, err := strconv.ParseInt(text, 10, 16)
		if err != nil {
			return tersef("Invalid version format: %s for feature %s", text, name)
		}
		if name == "metadata.version" {
			v, ok := metadataVersionOf(int16(n))
			if !ok {
				return tersef("Unknown metadata.version %d", n)
			}
			c.printf("%s=%d (%s) has no dependencies.\n", name, n, v.name)
			continue
		}
		i := slices.Index(featureNames[:], name)
		switch {
		case i < 0:
			return tersef("Unknown feature: %s", name)
		case n < 0 || int16(n) > featureLatest[i]:
			return tersef("Feature level %d is not supported for feature %s", n, name)
		case name == "eligible.leader.replicas.version" && n == 1:
			v, _ := metadataVersionOf(23)
			c.printf("%s=%d requires:\n    metadata.version=%d (%s)\n", name, n, v.level, v.name)
		default:
			c.printf("%s=%d has no dependencies.\n", name, n)
		}
	}
	return nil
}

func (c *storage) randomUUID() error {
	c.printf("%s\n", newID())
	return nil
}

// newID draws an id.
func newID() admin.ID {
	id, err := uuid.New(rand.Reader)
	if err != nil {
		panic("cli: no random numbers: " + err.Error()) // crypto/rand never fails
	}
	return id
}
