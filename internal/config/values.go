package config

import (
	"math"
	"slices"
	"strings"
	"time"
)

// get returns the effective value. It panics for a key that is not in the table: that is a mistake of the program.
func (c *Config) get(name string) any {
	v, ok := c.values[name]
	if !ok {
		panic("config: no such key: " + name)
	}
	return v
}

// IsNull says whether the key has no value.
func (c *Config) IsNull(name string) bool { return c.get(name) == nil }

// IsSet says whether the node's file or command line has the key, be it in the table or not.
func (c *Config) IsSet(name string) bool {
	_, ok := c.static[name]
	return ok
}

// Original returns the text that the node's file or command line has for the key, be it in the table or not.
func (c *Config) Original(name string) (string, bool) {
	s, ok := c.static[name]
	return s.text, ok
}

// Bool returns the value of a Boolean key.
func (c *Config) Bool(name string) bool {
	b, _ := c.get(name).(bool)
	return b
}

// Int returns the value of an Int, Short or Long key; zero if it is null.
func (c *Config) Int(name string) int { return int(c.Int64(name)) }

// Int32 returns the value of an Int or Short key; zero if it is null.
func (c *Config) Int32(name string) int32 { return int32(c.Int64(name)) }

// Int64 returns the value of an Int, Short or Long key; zero if it is null.
func (c *Config) Int64(name string) int64 {
	n, _ := c.get(name).(int64)
	return n
}

// Float returns the value of a Double key.
func (c *Config) Float(name string) float64 {
	f, _ := c.get(name).(float64)
	return f
}

// Text returns the value of a String, Class or Password key; empty if it is null.
func (c *Config) Text(name string) string {
	s, _ := c.get(name).(string)
	return s
}

// List returns the value of a List key; nil if it is null. The slice is shared: do not change it.
func (c *Config) List(name string) []string {
	l, _ := c.get(name).([]string)
	return l
}

// Duration returns the value of a key whose name ends in its unit (.ms, .seconds, .minutes, .hours). Values beyond the
// range of time.Duration, such as Long.MAX_VALUE for "never", become the longest one. Null is zero.
func (c *Config) Duration(name string) time.Duration {
	return duration(c.Int64(name), unit(name))
}

func unit(name string) time.Duration {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "ms", "millis":
		return time.Millisecond
	case "seconds", "secs":
		return time.Second
	case "minutes":
		return time.Minute
	case "hours":
		return time.Hour
	}
	panic("config: the name has no unit of time: " + name)
}

func duration(n int64, unit time.Duration) time.Duration {
	switch {
	case n > math.MaxInt64/int64(unit):
		return math.MaxInt64
	case n < math.MinInt64/int64(unit):
		return math.MinInt64
	}
	return time.Duration(n) * unit
}

// ForListener returns the text of a key for one listener, from listener.name.<listener>.<name>, else the key's own value.
func (c *Config) ForListener(listener, name string) string {
	if v, ok := c.layered("listener.name." + strings.ToLower(listener) + "." + name); ok {
		return v
	}
	if _, known := Lookup(Broker, name); known {
		if v := c.get(name); v != nil {
			return format(v)
		}
		return ""
	}
	v, _ := c.layered(name)
	return v
}

// ForMechanism is ForListener for keys that a SASL mechanism may have to itself:
// listener.name.<listener>.<mechanism>.<name> comes first.
func (c *Config) ForMechanism(listener, mechanism, name string) string {
	if v, ok := c.layered("listener.name." + strings.ToLower(listener) + "." + strings.ToLower(mechanism) + "." + name); ok {
		return v
	}
	return c.ForListener(listener, name)
}

// layered is the text of a key that is perhaps not in the table.
func (c *Config) layered(name string) (string, bool) {
	if v, ok := c.broker[name]; ok {
		return v, true
	}
	if v, ok := c.cluster[name]; ok {
		return v, true
	}
	s, ok := c.static[name]
	return s.text, ok
}

// LogDirs returns log.dirs, else log.dir.
func (c *Config) LogDirs() []string {
	if dirs := c.List("log.dirs"); dirs != nil {
		return dirs
	}
	return c.List("log.dir")
}

// MetadataLogDir returns metadata.log.dir, else the first log directory.
func (c *Config) MetadataLogDir() string {
	if !c.IsNull("metadata.log.dir") {
		return c.Text("metadata.log.dir")
	}
	return c.LogDirs()[0]
}

// NodeID returns node.id.
func (c *Config) NodeID() int32 { return c.Int32("node.id") }

// IsBroker says whether process.roles has "broker".
func (c *Config) IsBroker() bool { return c.hasRole("broker") }

// IsController says whether process.roles has "controller".
func (c *Config) IsController() bool { return c.hasRole("controller") }

func (c *Config) hasRole(role string) bool {
	return slices.Contains(c.List("process.roles"), role)
}

// LogRetention is log.retention.ms, else .minutes, else .hours; negative: unlimited.
func (c *Config) LogRetention() time.Duration { return c.firstSet(retentionKeys) }

// LogRoll is log.roll.ms, else log.roll.hours.
func (c *Config) LogRoll() time.Duration { return c.firstSet(rollKeys) }

// LogRollJitter is log.roll.jitter.ms, else log.roll.jitter.hours.
func (c *Config) LogRollJitter() time.Duration { return c.firstSet(jitterKeys) }

// Keys of one meaning in several units, in order of precedence.
var (
	retentionKeys = []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}
	rollKeys      = []string{"log.roll.ms", "log.roll.hours"}
	jitterKeys    = []string{"log.roll.jitter.ms", "log.roll.jitter.hours"}
	flushKeys     = []string{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"}
)

func (c *Config) firstSet(names []string) time.Duration {
	for _, n := range names {
		if !c.IsNull(n) {
			return max(c.Duration(n), -1) // every negative retention is "unlimited", as in KafkaConfig
		}
	}
	return 0
}
