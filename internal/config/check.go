package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Check is a condition on a value beyond its type.
type Check struct {
	Text string // as ConfigDef prints the validator
	test func(name string, v any) error
}

// Valid returns a [*ValueError] for a value of the key's Go type (see parse) that is not allowed.
func (c Check) Valid(name string, v any) error {
	if c.test == nil {
		return nil
	}
	return c.test(name, v)
}

func atLeast(least float64) Check {
	return Check{"[" + plain(least) + ",...]", func(name string, v any) error {
		if number(v) < least {
			return invalid(name, v, "Value must be at least "+plain(least))
		}
		return nil
	}}
}

func between(least, most float64) Check {
	low := atLeast(least)
	return Check{"[" + plain(least) + ",...," + plain(most) + "]", func(name string, v any) error {
		if err := low.test(name, v); err != nil {
			return err
		}
		if number(v) > most {
			return invalid(name, v, "Value must be no more than "+plain(most))
		}
		return nil
	}}
}

// number reads an integer or floating value; null is below every bound, since Range refuses it.
func number(v any) float64 {
	switch n := v.(type) {
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return -1 << 63
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func oneOf(allowed ...string) Check {
	list := strings.Join(allowed, ", ")
	return Check{"[" + list + "]", func(name string, v any) error {
		if s, _ := v.(string); !slices.Contains(allowed, s) {
			return invalid(name, v, "String must be one of: "+list)
		}
		return nil
	}}
}

func oneOfFold(allowed ...string) Check {
	list := strings.Join(allowed, ", ")
	return Check{"(case insensitive) [" + list + "]", func(name string, v any) error {
		if s, _ := v.(string); !slices.Contains(allowed, strings.ToUpper(s)) {
			return invalid(name, v, "String must be one of (case insensitive): "+list)
		}
		return nil
	}}
}

// distinct is ConfigDef.ValidList: no value twice, none empty; allowed empty means any value.
func distinct(emptyList, nullList bool, allowed ...string) Check {
	text := ""
	if len(allowed) > 0 {
		text = "[" + strings.Join(allowed, ", ") + "]"
	}
	one := oneOf(allowed...)
	return Check{text, func(name string, v any) error {
		list, ok := v.([]string)
		if !ok {
			if nullList {
				return nil
			}
			return &ValueError{Key: name, Message: "Configuration '" + name + "' values must not be null."}
		}
		if !emptyList && len(list) == 0 {
			valid := text
			if valid == "" {
				valid = "any non-empty value"
			}
			return &ValueError{Key: name, Message: "Configuration '" + name + "' must not be empty. Valid values include: " + valid}
		}
		seen := map[string]bool{}
		for _, s := range list {
			if seen[s] {
				return &ValueError{Key: name, Message: "Configuration '" + name + "' values must not be duplicated."}
			}
			seen[s] = true
		}
		for _, s := range list {
			if s == "" {
				return &ValueError{Key: name, Message: "Configuration '" + name + "' values must not be empty."}
			}
			if len(allowed) > 0 {
				if err := one.test(name, s); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

func nonEmpty() Check {
	return Check{"non-empty string", func(name string, v any) error {
		if s, ok := v.(string); ok && s == "" {
			return invalid(name, "", "String must be non-empty")
		}
		return nil
	}}
}

func nonNull() Check {
	return Check{"non-null string", func(name string, v any) error {
		if v == nil {
			return invalid(name, "null", "entry must be non null")
		}
		return nil
	}}
}

// gzipLevel takes the levels of java.util.zip.Deflater.
func gzipLevel() Check {
	return Check{"[1,...,9] or -1", func(name string, v any) error {
		if n := number(v); n != -1 && (n < 1 || n > 9) {
			return invalid(name, v, "Value must be between 1 and 9 or equal to -1")
		}
		return nil
	}}
}

var throttledReplica = regexp.MustCompile(`^([0-9]+:[0-9]+)?$`)

// throttledReplicas is ThrottledReplicaListValidator.
func throttledReplicas() Check {
	return Check{"[partitionId]:[brokerId],[partitionId]:[brokerId],...", func(name string, v any) error {
		list, _ := v.([]string)
		if strings.Join(list, "") == "*" {
			return nil
		}
		for _, s := range list {
			if !throttledReplica.MatchString(strings.TrimSpace(s)) {
				return invalid(name, v, name+" must be the literal '*' or a list of replicas in the following format: "+
					"[partitionId]:[brokerId],[partitionId]:[brokerId],...")
			}
		}
		return nil
	}}
}

var isoDuration = regexp.MustCompile(`^by_duration:P(\d+D)?(T(\d+H)?(\d+M)?(\d+([.,]\d{1,9})?S)?)?$`)

// autoOffsetReset is ShareGroupAutoOffsetResetStrategy.Validator.
func autoOffsetReset() Check {
	return Check{"[latest, earliest, by_duration:PnDTnHnMn.nS]", func(name string, v any) error {
		s, _ := v.(string)
		lower := strings.ToLower(s)
		if lower == "latest" || lower == "earliest" ||
			isoDuration.MatchString(s) && !strings.HasSuffix(s, "P") && !strings.HasSuffix(s, "T") {
			return nil
		}
		return invalid(name, v, fmt.Sprintf("Invalid value `%s` for configuration %s. The value must be either 'earliest', "+
			"'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.", s, name))
	}}
}

func voterList() Check {
	return Check{"non-empty list", func(_ string, v any) error {
		list, _ := v.([]string)
		_, err := parseVoters(list)
		return err
	}}
}

func serverList() Check {
	return Check{"non-empty list", func(name string, v any) error {
		list, _ := v.([]string)
		for _, s := range list {
			if _, _, err := parseHostPort(s); err != nil {
				return &ValueError{Key: name, Message: fmt.Sprintf("Failed to parse %s from entry %s for the configuration %s"+
					". Each entry should be in the form `{host}:{port}`.", err, s, name)}
			}
		}
		return nil
	}}
}
