package consumer

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
)

// Resolved is the topics that a regular expression stands for
// (ResolvedRegularExpression). It is never changed.
type Resolved struct {
	Topics []string // ascending
	// Version is that of the cluster that was looked at, AtMs when, ms since the
	// epoch.
	Version, AtMs int64
}

// maxRegex bounds a regular expression's length in bytes.
//
// Deviation: Kafka has no bound of its own; topic names have 249 characters.
const maxRegex = 32 << 10

// InvalidRegex says why a regular expression is refused.
type InvalidRegex struct{ Regex, Reason string }

// Error is Kafka's message.
func (e *InvalidRegex) Error() string {
	return fmt.Sprintf("SubscribedTopicRegex `%s` is not a valid regular expression: %s.", e.Regex, e.Reason)
}

// CheckRegex says whether a member may subscribe to the regular expression. The
// syntax is RE2's, which Go's is; Kafka uses RE2/J. The error is an
// *InvalidRegex.
func CheckRegex(regex string) error {
	_, err := compile(regex)
	return err
}

// compile makes the expression match whole names, as Java's Matcher.matches.
func compile(regex string) (*regexp.Regexp, error) {
	if len(regex) > maxRegex {
		return nil, &InvalidRegex{regex[:80] + "…", "it is too long"}
	}
	if _, err := regexp.Compile(regex); err != nil {
		reason := err.Error()
		if parse, ok := errors.AsType[*syntax.Error](err); ok {
			reason = parse.Code.String()
		}
		return nil, &InvalidRegex{regex, reason}
	}
	re, err := regexp.Compile(`\A(?:` + regex + `)\z`)
	if err != nil {
		return nil, &InvalidRegex{regex, err.Error()}
	}
	return re, nil
}

// Resolve finds the topics that each regular expression stands for, of those
// that visible lets through; nil lets all through. An expression that does not
// compile stands for nothing. In the order of regexes.
func Resolve(c modern.Cluster, regexes []string, visible func(topic string) bool, nowMs int64) []Resolved {
	out := make([]Resolved, len(regexes))
	compiled := make([]*regexp.Regexp, len(regexes))
	for i, regex := range regexes {
		out[i] = Resolved{Topics: []string{}, Version: c.Version(), AtMs: nowMs}
		if re, err := compile(regex); err == nil {
			compiled[i] = re
		}
	}
	for name := range c.Names() {
		may := visible == nil
		for i, re := range compiled {
			if re == nil || !re.MatchString(name) {
				continue
			}
			if !may {
				if !visible(name) {
					break
				}
				may = true
			}
			out[i].Topics = append(out[i].Topics, name)
		}
	}
	for i := range out {
		slices.Sort(out[i].Topics)
	}
	return out
}
