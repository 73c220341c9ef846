package cli

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cli/console"
	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/records"
)

// consoleConsumerSettings are what the command line says, checked. As ConsoleConsumerOptions.
type consoleConsumerSettings struct {
	props         map[string]string
	topic         string
	include       string
	assign        *records.Assignment // nil: the consumer joins a group
	timeout       time.Duration       // math.MaxInt64: none
	formatter     console.Formatter
	skipOnError   bool
	systestEvents bool
	maxMessages   func() (int64, error) // -1: no limit; read late, as in the original
}

func readConsoleConsumerSettings(t *tool, p *jopt.Parser, s *jopt.Set) (consoleConsumerSettings, error) {
	out := consoleConsumerSettings{skipOnError: s.Has("skip-message-on-error"), systestEvents: s.Has("enable-systest-events")}
	if err := checkConsoleConsumer(t, p, s); err != nil {
		return out, err
	}
	var err error
	if out.topic, err = s.Value("topic"); err != nil {
		return out, err
	}
	if out.include, err = s.Value("include"); err != nil {
		return out, err
	}
	if out.props, err = consoleConsumerProps(p, s); err != nil {
		return out, err
	}
	if out.assign, err = assignment(p, s, out.topic); err != nil {
		return out, err
	}
	out.timeout = math.MaxInt64
	if ms, err := s.Int("timeout-ms"); err != nil {
		return out, err
	} else if s.Has("timeout-ms") && ms >= 0 {
		out.timeout = time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	}
	if out.formatter, err = consoleFormatter(t, p, s); err != nil {
		return out, err
	}
	out.maxMessages = func() (int64, error) {
		if !s.Has("max-messages") {
			return -1, nil
		}
		return s.Int("max-messages")
	}
	return out, nil
}

// checkConsoleConsumer looks for contradictions and tells of deprecated options.
func checkConsoleConsumer(t *tool, p *jopt.Parser, s *jopt.Set) error {
	if err := p.CheckOneOf(s, "topic", "include"); err != nil {
		return err
	}
	if s.Has("partition") {
		if _, err := s.Int("partition"); err != nil {
			return err
		}
		if !s.Has("topic") {
			return p.Usage("The topic is required when partition is specified.")
		}
		if s.Has("from-beginning") && s.Has("offset") {
			return p.Usage("Options from-beginning and offset cannot be specified together.")
		}
	} else if s.Has("offset") {
		return p.Usage("The partition is required when offset is specified.")
	}
	if err := p.CheckRequired(s, "bootstrap-server"); err != nil {
		return err
	}
	if err := exclusive(p, s, [2]string{"consumer-property", "command-property"}, [2]string{"consumer.config", "command-config"}); err != nil {
		return err
	}
	t.tellDeprecated(s, "consumer-property", "command-property")
	t.tellDeprecated(s, "consumer.config", "command-config")
	return nil
}

func (t *tool) tellDeprecated(s *jopt.Set, old, instead string) {
	if s.Has(old) {
		t.printf("Option --%s is deprecated and will be removed in a future version. Use --%s instead.\n", old, instead)
	}
}

// consoleConsumerProps builds the consumer's properties.
func consoleConsumerProps(p *jopt.Parser, s *jopt.Set) (map[string]string, error) {
	path, err := s.Value(newName(s, "command-config", "consumer.config"))
	if err != nil {
		return nil, err
	}
	file, err := fileProperties(path)
	if err != nil {
		return nil, err
	}
	given := keyValues(s.Values(newName(s, "command-property", "consumer-property")))
	group, err := consoleGroup(p, s, file, given)
	if err != nil {
		return nil, err
	}
	props := maps.Clone(file)
	maps.Copy(props, given)
	if err := setOffsetReset(props, s.Has("from-beginning")); err != nil {
		return nil, err
	}
	if props["bootstrap.servers"], err = s.Value("bootstrap-server"); err != nil {
		return nil, err
	}
	if _, ok := props["client.id"]; !ok {
		props["client.id"] = "console-consumer"
	}
	if err := mergeOption(props, "isolation.level", s, "isolation-level"); err != nil {
		return nil, err
	}
	props["group.id"] = group
	if group == "" { // a group for this run alone: its offsets are not worth a commit
		props["group.id"] = "console-consumer-" + strconv.Itoa(rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)).IntN(100000))
		if _, ok := props["enable.auto.commit"]; !ok {
			props["enable.auto.commit"] = "false"
		}
	}
	return props, nil
}

// consoleGroup returns the group that was named, "" if none was. It may be named in several places, if they agree.
func consoleGroup(p *jopt.Parser, s *jopt.Set, file, given map[string]string) (string, error) {
	var groups []string
	if s.Has("group") {
		g, err := s.Value("group")
		if err != nil {
			return "", err
		}
		groups = append(groups, g)
	}
	for _, m := range []map[string]string{file, given} {
		if g, ok := m["group.id"]; ok {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	switch {
	case len(groups) > 1:
		return "", p.Usage("The group ids provided in different places (directly using '--group', via '--consumer-property', or via '--consumer.config') do not match. Detected group ids: '%s'", strings.Join(groups, "', '"))
	case len(groups) == 1 && s.Has("partition"):
		return "", p.Usage("Options group and partition cannot be specified together.")
	case len(groups) == 1:
		return groups[0], nil
	}
	return "", nil
}

func setOffsetReset(props map[string]string, fromBeginning bool) error {
	reset, ok := props["auto.offset.reset"]
	switch {
	case ok && fromBeginning && reset != "earliest":
		return plainError(fmt.Sprintf("Can't simultaneously specify --from-beginning and 'auto.offset.reset=%s', please remove one option", reset))
	case ok:
	case fromBeginning:
		props["auto.offset.reset"] = "earliest"
	default:
		props["auto.offset.reset"] = "latest"
	}
	return nil
}

// assignment reads --partition and --offset; nil without a partition.
func assignment(p *jopt.Parser, s *jopt.Set, topic string) (*records.Assignment, error) {
	from := records.AtLatest
	if s.Has("from-beginning") {
		from = records.AtEarliest
	}
	if s.Has("offset") {
		text, err := s.Value("offset")
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(text) {
		case "earliest":
			from = records.AtEarliest
		case "latest":
			from = records.AtLatest
		default:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return nil, p.Usage("The provided offset value '%s' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.", text)
			}
			from = records.Position(n)
		}
	}
	if !s.Has("partition") {
		return nil, nil
	}
	n, err := s.Int("partition")
	return &records.Assignment{Topic: topic, Partition: int32(n), From: from}, err
}

// consoleFormatter makes the formatter of --formatter and its properties.
func consoleFormatter(t *tool, p *jopt.Parser, s *jopt.Set) (console.Formatter, error) {
	class, err := s.Value("formatter")
	if err != nil {
		return nil, p.Usage("%s", err)
	}
	if _, err := console.NewFormatter(class, nil, t.log); err != nil {
		return nil, p.Usage("%s", err)
	}
	if err := exclusive(p, s, [2]string{"property", "formatter-property"}); err != nil {
		return nil, err
	}
	t.tellDeprecated(s, "property", "formatter-property")
	path, err := s.Value("formatter-config")
	if err != nil {
		return nil, p.Usage("%s", err)
	}
	props, err := fileProperties(path)
	if err != nil {
		return nil, p.Usage("%s", path)
	}
	for _, which := range []string{"key", "value"} {
		class, err := s.Value(which + "-deserializer")
		if err != nil {
			return nil, p.Usage("%s", err)
		}
		if class != "" {
			props[which+".deserializer"] = class
		}
	}
	maps.Copy(props, keyValues(s.Values(newName(s, "formatter-property", "property"))))
	return console.NewFormatter(class, props, t.log)
}
