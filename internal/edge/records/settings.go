package records

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// setting is one property that the producer or the consumer obeys. The zero kind is a string.
type setting struct {
	name    string
	kind    settingKind
	value   string // default
	min     int64  // of numbers
	max     int64  // of numbers; 0: as large as the kind allows
	allowed []string
}

type settingKind int

const (
	text settingKind = iota
	integer
	long
	boolean
)

// settings are the values of a table's properties, checked.
type settings struct {
	values map[string]string
	given  map[string]bool
}

// resolve reads props by table. Properties that are not in it are left to others. The error is Java's
// ConfigException.
func resolve(table []setting, props map[string]string) (settings, error) {
	s := settings{values: map[string]string{}, given: map[string]bool{}}
	for _, row := range table {
		v, ok := props[row.name]
		s.given[row.name] = ok
		if !ok {
			s.values[row.name] = row.value
			continue
		}
		if row.kind != text {
			v = strings.TrimSpace(v)
		}
		if err := row.check(v); err != nil {
			return s, err
		}
		s.values[row.name] = v
	}
	return s, nil
}

func configException(format string, args ...any) error {
	return &javaerr.Exception{Class: "org.apache.kafka.common.config.ConfigException", Message: fmt.Sprintf(format, args...)}
}

func (row setting) check(v string) error {
	invalid := func(why string, args ...any) error {
		return configException("Invalid value %s for configuration %s: %s", v, row.name, fmt.Sprintf(why, args...))
	}
	bits, name, largest := 32, "INT", int64(math.MaxInt32)
	switch row.kind {
	case text:
		if row.allowed != nil && !slices.Contains(row.allowed, v) {
			return invalid("String must be one of: %s", strings.Join(row.allowed, ", "))
		}
		return nil
	case boolean:
		if !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
			return invalid("Expected value to be either true or false")
		}
		return nil
	case long:
		bits, name, largest = 64, "LONG", math.MaxInt64
	}
	n, err := strconv.ParseInt(v, 10, bits)
	if err != nil {
		return invalid("Not a number of type %s", name)
	}
	if n < row.min {
		return invalid("Value must be at least %d", row.min)
	}
	if row.max != 0 {
		largest = row.max
	}
	if n > largest {
		return invalid("Value must be no more than %d", largest)
	}
	return nil
}

func (s settings) text(name string) string { return s.values[name] }

func (s settings) long(name string) int64 {
	n, err := strconv.ParseInt(s.values[name], 10, 64)
	if err != nil {
		return 0 // resolve has checked it; an empty default reads as 0
	}
	return n
}

func (s settings) int32(name string) int32 { return int32(min(s.long(name), math.MaxInt32)) }

func (s settings) bool(name string) bool { return strings.EqualFold(s.values[name], "true") }

func (s settings) millis(name string) time.Duration {
	return time.Duration(min(s.long(name), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}
