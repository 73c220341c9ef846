package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/javanum"
)

// ValueError says that a key has a value that it cannot have. It wraps kerr.InvalidConfig.
type ValueError struct {
	Key     string
	Message string // Kafka's words
	File    string // with Line, where the value was read; empty if it did not come from a file
	Line    int
}

// Error returns the message, after "file:line: " if the place is known.
func (e *ValueError) Error() string {
	if e.File == "" {
		return e.Message
	}
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Unwrap returns kerr.InvalidConfig.
func (e *ValueError) Unwrap() error { return kerr.InvalidConfig }

// invalid is ConfigException(name, value, why).
func invalid(name string, v any, why string) error {
	return &ValueError{Key: name, Message: fmt.Sprintf("Invalid value %s for configuration %s: %s", javaString(v), name, why)}
}

// javaString is how Java's string concatenation shows a value.
func javaString(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case float64:
		return javanum.Double(v)
	}
	return fmt.Sprint(v)
}

var commas = regexp.MustCompile(`\s*,\s*`)

// parse turns text into the key's Go value (bool, int64, float64, []string or string) and checks it, as
// ConfigDef.parseType and the key's validator do. The error is a [*ValueError].
func (k *Key) parse(text string) (any, error) {
	v, err := k.convert(text)
	if err != nil {
		return nil, err
	}
	return v, k.Check.Valid(k.Name, v)
}

func (k *Key) convert(text string) (any, error) {
	s := strings.TrimSpace(text)
	switch k.Type {
	case Boolean:
		switch strings.ToLower(s) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, invalid(k.Name, text, "Expected value to be either true or false")
	case Int, Short, Long:
		bits := map[Type]int{Short: 16, Int: 32, Long: 64}[k.Type]
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			return nil, invalid(k.Name, text, "Not a number of type "+k.Type.String())
		}
		return n, nil
	case Double:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, invalid(k.Name, text, "Not a number of type DOUBLE")
		}
		return f, nil
	case List:
		if s == "" {
			return []string{}, nil
		}
		return commas.Split(s, -1), nil
	}
	return s, nil
}

// format turns a parsed value into text, as ConfigDef.convertToString.
func format(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case float64:
		return javanum.Double(v)
	}
	return fmt.Sprint(v)
}
