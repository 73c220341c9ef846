package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Property is one line of a .properties file.
type Property struct {
	Key, Value string
	Line       int // where it starts, from 1
}

// ReadProperties reads a file in the format of java.util.Properties. Errors name the file, and the line where one is
// at fault.
func ReadProperties(path string) ([]Property, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	props, err := ParseProperties(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return props, nil
}

// ParseProperties reads the format of java.util.Properties: "#" and "!" start comments, "=", ":" or white space ends a
// key, a backslash at the end joins lines, and \t \n \r \f \uXXXX are escapes. Text is UTF-8. The properties come in the
// order of the file; for a key that is there twice, the last one counts in Java. Errors start with the line number.
func ParseProperties(data []byte) ([]Property, error) {
	var props []Property
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		first := i + 1
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for endsInBackslash(line) {
			line = line[:len(line)-1]
			if i+1 == len(lines) {
				break
			}
			i++
			line += strings.TrimLeft(lines[i], " \t\f")
		}
		key, value := cutKey(line)
		k, err := unescape(key)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", first, err)
		}
		v, err := unescape(value)
		if err != nil {
			return nil, fmt.Errorf("%d: %s: %w", first, k, err)
		}
		props = append(props, Property{k, v, first})
	}
	return props, nil
}

// endsInBackslash says whether line ends in an odd number of backslashes.
func endsInBackslash(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// cutKey splits a joined line at the first separator that is not escaped.
func cutKey(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
			continue
		}
		if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	value = strings.TrimLeft(line[end:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return line[:end], value
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			if s[i] != '\\' {
				b.WriteByte(s[i])
			}
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, n := unicodeEscapes(s[i-1:])
			if n == 0 {
				return "", fmt.Errorf(`malformed \u escape: it takes four hexadecimal digits`)
			}
			b.WriteRune(r)
			i += n - 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unicodeEscapes reads one \uXXXX at the start of s, or two that are a surrogate pair, and says how many bytes it took;
// zero for a malformed one.
func unicodeEscapes(s string) (rune, int) {
	one := func(s string) (rune, bool) {
		if len(s) < 6 || s[:2] != `\u` {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}
	high, ok := one(s)
	if !ok {
		return 0, 0
	}
	if high >= 0xd800 && high < 0xdc00 {
		if low, ok := one(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return (high-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12
		}
	}
	if !utf8.ValidRune(high) {
		high = utf8.RuneError
	}
	return high, 6
}
