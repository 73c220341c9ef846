package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// GroupConfig is the configuration of one group.
type GroupConfig struct {
	values map[string]any
}

// ResolveGroup is the configuration of a group with these overrides. The error is a [*ValueError].
func (c *Config) ResolveGroup(overrides map[string]string) (GroupConfig, error) {
	v, err := c.parsed(Group, overrides)
	return GroupConfig{v}, err
}

// Int returns the value of an Int key of the group's table.
func (g GroupConfig) Int(name string) int {
	n, _ := g.values[name].(int64)
	return int(n)
}

// Duration returns the value of a key in milliseconds.
func (g GroupConfig) Duration(name string) time.Duration {
	n, _ := g.values[name].(int64)
	return duration(n, time.Millisecond)
}

// Text returns the value of a String key.
func (g GroupConfig) Text(name string) string {
	s, _ := g.values[name].(string)
	return s
}

// Bool returns the value of a Boolean key.
func (g GroupConfig) Bool(name string) bool {
	b, _ := g.values[name].(bool)
	return b
}

// groupBounds are the brokers' keys that bound a group's key, in the order in which GroupConfig.validate looks at them.
// An interval is bounded only where the group sets it.
var groupBounds = []struct{ key, least, most string }{
	{"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"},
	{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
	{"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"},
	{"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
	{"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
	{"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms"},
	{"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"},
	{"share.partition.max.record.locks", "group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks"},
	{"share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms"},
	{"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms"},
	{"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
	{"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
	{"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms"},
}

// ValidateGroup checks a group's overrides as the controller must before it stores them (GroupConfig.validate). The
// error is a [*ValueError].
func (c *Config) ValidateGroup(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := Lookup(Group, name); !ok {
			return &ValueError{Key: name, Message: "Unknown group config name: " + name}
		}
	}
	g, err := c.ResolveGroup(overrides)
	if err != nil {
		return err
	}
	for _, b := range groupBounds {
		if _, set := overrides[b.key]; !set && strings.HasSuffix(b.key, "assignment.interval.ms") {
			continue
		}
		if b.least != "" && g.Int(b.key) < c.Int(b.least) {
			return &ValueError{Key: b.key, Message: b.key + " must be greater than or equal to " + b.least}
		}
		if g.Int(b.key) > c.Int(b.most) {
			return &ValueError{Key: b.key, Message: b.key + " must be less than or equal to " + b.most}
		}
	}
	for _, kind := range []string{"consumer", "share", "streams"} {
		session, heartbeat := kind+".session.timeout.ms", kind+".heartbeat.interval.ms"
		if g.Int(session) <= g.Int(heartbeat) {
			return &ValueError{Key: session, Message: session + " must be greater than " + heartbeat}
		}
	}
	return nil
}

// EffectiveGroup returns the overrides with values outside the brokers' bounds moved to the bound, as
// GroupConfig.evaluate: bounds may have changed since the value was stored.
func (c *Config) EffectiveGroup(overrides map[string]string) map[string]string {
	effective := maps.Clone(overrides)
	for _, b := range groupBounds {
		k, _ := Lookup(Group, b.key)
		text, set := overrides[b.key]
		v, err := k.convert(text)
		if !set || err != nil {
			continue
		}
		n, _ := v.(int64)
		if b.least != "" {
			n = max(n, c.Int64(b.least))
		}
		effective[b.key] = fmt.Sprint(min(n, c.Int64(b.most)))
	}
	return effective
}

// matchParams are what a client metrics subscription can match a client by.
var matchParams = []string{
	"client_instance_id", "client_id", "client_software_name", "client_software_version",
	"client_source_address", "client_source_port",
}

// ValidateClientMetrics checks a subscription's overrides (ClientMetricsConfigs.validate). The error wraps
// kerr.InvalidRequest or is a [*ValueError].
func ValidateClientMetrics(overrides map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		k, ok := Lookup(ClientMetrics, name)
		if !ok {
			return &requestError{"Unknown client metrics configuration: " + name}
		}
		v, err := k.parse(overrides[name])
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case int64:
			if v < 100 || v > 3600000 {
				return &requestError{fmt.Sprintf("Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", v)}
			}
		case []string:
			if name == "match" {
				if err := validateMatch(v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func validateMatch(patterns []string) error {
	for _, p := range patterns {
		param, pattern, ok := strings.Cut(p, "=")
		if !ok || pattern == "" || strings.Contains(pattern, "=") || !slices.Contains(matchParams, strings.TrimSpace(param)) {
			return &ValueError{Key: "match", Message: "Illegal client matching pattern: " + p}
		}
		if _, err := regexp.Compile(strings.TrimSpace(pattern)); err != nil {
			return &ValueError{Key: "match", Message: "Illegal client matching pattern: " + p}
		}
	}
	return nil
}

// requestError wraps kerr.InvalidRequest.
type requestError struct{ message string }

func (e *requestError) Error() string { return e.message }
func (e *requestError) Unwrap() error { return kerr.InvalidRequest }

// Validate checks one value of one key by the table alone; unknown keys are an error except for brokers, which keep them
// for whoever reads them. The error wraps kerr.InvalidConfig or kerr.InvalidRequest. Where conditions on several keys
// matter too, use ValidateTopic, ValidateBroker, ValidateGroup and ValidateClientMetrics.
func Validate(r Resource, name, value string) error {
	if r == ClientMetrics {
		return ValidateClientMetrics(map[string]string{name: value})
	}
	k, ok := Lookup(r, name)
	switch {
	case ok:
		_, err := k.parse(value)
		return err
	case r == Topic:
		return &ValueError{Key: name, Message: "Unknown topic config name: " + name}
	case r == Group:
		return &ValueError{Key: name, Message: "Unknown group config name: " + name}
	}
	return nil
}
