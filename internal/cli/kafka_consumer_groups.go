package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cli/jopt"
	"github.com/headrace/headrace/internal/edge/groups"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// consumerGroups is kafka-consumer-groups. As org.apache.kafka.tools.consumer.group.ConsumerGroupCommand. Where the
// original prints in the order of a hash table, this prints in order.
type consumerGroups struct {
	*tool
	parser  *jopt.Parser
	options *jopt.Set
	admin   *groups.Admin
	json    bool // --output json: tables become JSON
}

// consumerGroupsActions are the options of which exactly one must be there, in the original's order.
var consumerGroupsActions = []struct {
	name string
	run  func(*consumerGroups, context.Context) error
}{
	{"list", (*consumerGroups).list},
	{"describe", (*consumerGroups).describe},
	{"delete", (*consumerGroups).delete},
	{"reset-offsets", (*consumerGroups).resetOffsets},
	{"delete-offsets", (*consumerGroups).deleteOffsets},
	{"validate-regex", (*consumerGroups).validateRegex},
}

func kafkaConsumerGroups(ctx context.Context, t *tool, args []string) int {
	c := &consumerGroups{tool: t, parser: &jopt.Parser{Options: consumerGroupsOptions}}
	var err error
	if args, c.json, err = cutOutputJSON(args); err != nil {
		t.errorf("%v\n", err)
		return exitFailed
	}
	if c.options, err = c.parser.Parse(args); err != nil {
		return t.uncaught(err)
	}
	if err := unavailable(c.options, map[string][]string{
		"members": {"describe"}, "verbose": {"describe"}, "offsets": {"describe"}, "state": {"describe", "list"}, "type": {"list"},
	}); err != nil {
		return t.uncaught(err)
	}
	if status, done := t.helpOrVersion(c.parser, c.options, args, "This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets."); done {
		return status
	}
	if err := c.check(); err != nil {
		return t.uncaught(err)
	}
	if err := checkJSON(c.parser, c.options, c.json, "list", "describe", "reset-offsets"); err != nil {
		return t.uncaught(err)
	}
	return c.run(ctx)
}

// unavailable is jopt-simple's availableIf: an option may only go with one of those listed for it.
func unavailable(s *jopt.Set, with map[string][]string) error {
	var bad []string
	for name, others := range with {
		if s.Has(name) && !s.Has("help") && !s.Has("version") && !slices.ContainsFunc(others, s.Has) {
			bad = append(bad, name)
		}
	}
	if bad == nil {
		return nil
	}
	slices.Sort(bad)
	return &jopt.Error{
		Class:   "joptsimple.UnavailableOptionException",
		Message: fmt.Sprintf("Option(s) [%s] are unavailable given other options on the command line", strings.Join(bad, ", ")),
	}
}

// run does the action. What fails after the checks is told on stdout and is no failure of the process, as in the
// original.
func (c *consumerGroups) run(ctx context.Context) int {
	err := c.act(ctx)
	var usage *jopt.UsageError
	var e *javaerr.Exception
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage):
		return c.uncaught(err)
	case errors.As(err, &e) && e.Class == "java.lang.IllegalArgumentException":
		return c.uncaught(c.parser.Usage("%s", e.Message))
	}
	c.printError("Executing consumer group command failed due to " + messageOf(err))
	c.trace(err)
	return exitOK
}

// messageOf is Throwable.getMessage: null for an exception that has none.
func messageOf(err error) string {
	if option, ok := errors.AsType[*jopt.Error](err); ok {
		return option.Message
	}
	if m := javaerr.Message(err); m != "" {
		return m
	}
	return "null"
}

func (c *consumerGroups) printError(message string) { c.printf("\nError: %s\n", message) }

func (c *consumerGroups) act(ctx context.Context) error {
	for _, action := range consumerGroupsActions {
		if !c.options.Has(action.name) {
			continue
		}
		if action.name != "validate-regex" {
			if err := c.connect(ctx); err != nil {
				return err
			}
			defer c.admin.Close()
		}
		return action.run(c, ctx)
	}
	return nil
}

func (c *consumerGroups) connect(ctx context.Context) error {
	path, err := c.options.Value("command-config")
	if err != nil {
		return err
	}
	props, err := fileProperties(path)
	if err != nil {
		return javaerr.Wrap("java.lang.RuntimeException", err)
	}
	if props["bootstrap.servers"], err = c.options.Value("bootstrap-server"); err != nil {
		return err
	}
	ms, err := c.options.Int("timeout")
	if err != nil {
		return err
	}
	for _, name := range []string{"to-offset", "shift-by", "by-duration"} { // the original converts them now
		if _, err := c.options.Value(name); err != nil {
			return err
		}
	}
	c.admin, err = groups.New(ctx, props, time.Duration(ms)*time.Millisecond, c.log)
	return err
}

// validateRegex says whether the broker, which has RE2's syntax as Go does, would take an expression.
func (c *consumerGroups) validateRegex(context.Context) error {
	text, err := c.options.Value("validate-regex")
	if err != nil {
		return err
	}
	_, err = regexp.Compile(text)
	var bad *syntax.Error
	switch {
	case errors.As(err, &bad):
		c.printf("The regular expression `%s` is invalid: %s.\n", text, bad.Code)
	case err != nil:
		c.printf("The regular expression `%s` is invalid: %s.\n", text, err)
	default:
		c.printf("The regular expression `%s` is valid.\n", text)
	}
	return nil
}

// groupNames are the groups that --group or --all-groups names.
func (c *consumerGroups) groupNames(ctx context.Context) ([]string, error) {
	if !c.options.Has("all-groups") {
		return c.options.Values("group"), nil
	}
	listings, err := c.admin.List(ctx, nil, nil)
	if err != nil {
		return nil, runtimeException(execution(err))
	}
	return names(listings), nil
}

func names(listings []groups.Listing) []string {
	out := make([]string, len(listings))
	for i, l := range listings {
		out[i] = l.Group
	}
	return out
}

// execution is err as a Java future throws it.
func execution(err error) error { return javaerr.Wrap("java.util.concurrent.ExecutionException", err) }

func runtimeException(err error) error { return javaerr.Wrap("java.lang.RuntimeException", err) }

func (c *consumerGroups) list(ctx context.Context) error {
	withType, withState := c.options.Has("type"), c.options.Has("state")
	types, err := c.filter("type", "types", []string{"Classic", "Consumer"})
	if err != nil {
		return err
	}
	states, err := c.filter("state", "state", []string{"PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty", "Assigning", "Reconciling"})
	if err != nil {
		return err
	}
	listings, err := c.admin.List(ctx, states, types)
	switch {
	case err != nil && (withType || withState):
		return execution(err)
	case err != nil:
		return runtimeException(execution(err))
	case c.json:
		return c.printJSON(listings)
	case !withType && !withState:
		for _, g := range names(listings) {
			c.printf("%s\n", g)
		}
		return nil
	}
	c.printListings(listings, withType, withState)
	return nil
}

func (c *consumerGroups) printListings(listings []groups.Listing, withType, withState bool) {
	width := 15
	for _, l := range listings {
		width = max(width, len(l.Group))
	}
	row := func(group, kind, state string) {
		c.printf("%-*s", width+10, group)
		if withType {
			c.printf(" %-20s", kind)
		}
		if withState {
			c.printf(" %-20s", state)
		}
		c.printf("\n")
	}
	row("GROUP", "TYPE", "STATE")
	for _, l := range listings {
		row(l.Group, orUnknown(l.Type), orUnknown(l.State))
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "Unknown"
	}
	return s
}

// filter reads the comma separated values of --state or --type, in any case of letters.
func (c *consumerGroups) filter(option, what string, valid []string) ([]string, error) {
	text, err := c.options.Value(option)
	if err != nil || text == "" {
		return nil, err
	}
	var out []string
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		i := slices.IndexFunc(valid, func(v string) bool { return strings.EqualFold(v, word) })
		if i < 0 {
			return nil, illegalArgument("Invalid %s list '%s'. Valid %s are: %s", what, text, strings.TrimSuffix(what, "s")+"s", strings.Join(valid, ", "))
		}
		out = append(out, valid[i])
	}
	return out, nil
}

func (c *consumerGroups) delete(ctx context.Context) error {
	ids, err := c.groupNames(ctx)
	if err != nil {
		return err
	}
	results := c.admin.Delete(ctx, ids)
	var deleted, failed []string
	for _, g := range slices.Sorted(maps.Keys(results)) {
		if results[g] == nil {
			deleted = append(deleted, "'"+g+"'")
			continue
		}
		failed = append(failed, g)
	}
	if failed == nil {
		c.printf("Deletion of requested consumer groups (%s) was successful.\n", strings.Join(deleted, ", "))
		return nil
	}
	c.printError("Deletion of some consumer groups failed:")
	for _, g := range failed {
		c.printf("* Group '%s' could not be deleted due to: %s\n", g, javaerr.From(results[g]))
	}
	if deleted != nil {
		c.printf("\nThese consumer groups were deleted successfully: %s\n", strings.Join(deleted, ", "))
	}
	return nil
}
