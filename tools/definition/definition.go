// Package definition reads Apache Kafka's message definitions: the JSON files
// with comments that its own generator reads.
package definition

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Message is a definition. Members that say nothing about bytes are read, so
// that a new one is an error, and not used.
type Message struct {
	APIKey           int
	Type             string
	Name             string
	Listeners        []string
	ValidVersions    string
	FlexibleVersions string
	Fields           []Field
	CommonStructs    []Structure
	LatestUnstable   bool `json:"latestVersionUnstable"`
}

// Structure is a type that several fields of a message share.
type Structure struct {
	Name     string
	Versions string
	Fields   []Field
}

// Field is one field of a message or structure.
type Field struct {
	Name             string
	Type             string
	Versions         string
	NullableVersions string
	TaggedVersions   string
	Tag              *int
	Fields           []Field

	About, EntityType           string
	Default                     any
	Ignorable, MapKey, ZeroCopy bool
}

// Parse reads a definition. A member that is not known is an error.
func Parse(text []byte) (Message, error) {
	d := json.NewDecoder(bytes.NewReader(uncomment(text)))
	d.DisallowUnknownFields()
	var m Message
	err := d.Decode(&m)
	return m, err
}

// uncomment blanks out what stands between // and the end of a line, outside of
// strings.
func uncomment(text []byte) []byte {
	out := bytes.Clone(text)
	quoted := false
	for i := 0; i < len(out); i++ {
		switch {
		case quoted && out[i] == '\\':
			i++
		case out[i] == '"':
			quoted = !quoted
		case !quoted && bytes.HasPrefix(out[i:], []byte("//")):
			for ; i < len(out) && out[i] != '\n'; i++ {
				out[i] = ' '
			}
		}
	}
	return out
}

// Versions are those from First up to, not including, End.
type Versions struct{ First, End int }

// All is the end of versions without one.
const All = 127

// ParseVersions reads "none", "3", "0-12" and "4+"; "" is none.
func ParseVersions(s string) (Versions, error) {
	if s == "" || s == "none" {
		return Versions{}, nil
	}
	low, open := strings.CutSuffix(s, "+")
	low, high, closed := strings.Cut(low, "-")
	first, err := strconv.Atoi(low)
	if err != nil || open && closed {
		return Versions{}, fmt.Errorf("versions %q", s)
	}
	v := Versions{first, first + 1}
	if open {
		v.End = All
	}
	if closed {
		last, err := strconv.Atoi(high)
		if err != nil || last < first {
			return Versions{}, fmt.Errorf("versions %q", s)
		}
		v.End = last + 1
	}
	if v.End > All || v.First < 0 {
		return Versions{}, fmt.Errorf("versions %q are too many", s)
	}
	return v, nil
}
