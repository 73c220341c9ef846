package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// message is a definition. Members that say nothing about bytes are read, so
// that a new one is an error, and not used.
type message struct {
	APIKey           int
	Type             string
	Name             string
	Listeners        []string
	ValidVersions    string
	FlexibleVersions string
	Fields           []field
	CommonStructs    []structure
	LatestUnstable   bool `json:"latestVersionUnstable"`
}

type structure struct {
	Name     string
	Versions string
	Fields   []field
}

type field struct {
	Name             string
	Type             string
	Versions         string
	NullableVersions string
	TaggedVersions   string
	Tag              *int
	Fields           []field

	About, EntityType           string
	Default                     any
	Ignorable, MapKey, ZeroCopy bool
}

func parse(text []byte) (message, error) {
	d := json.NewDecoder(bytes.NewReader(uncomment(text)))
	d.DisallowUnknownFields()
	var m message
	if err := d.Decode(&m); err != nil {
		return m, err
	}
	if m.Type != "request" {
		return m, fmt.Errorf("type %q is not request", m.Type)
	}
	return m, nil
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

// versions are those from first up to, not including, end.
type versions struct{ first, end int }

// all is the end of versions without one; the table's allVersions.
const all = 127

// parseVersions reads "none", "3", "0-12" and "4+"; "" is none.
func parseVersions(s string) (versions, error) {
	if s == "" || s == "none" {
		return versions{}, nil
	}
	low, open := strings.CutSuffix(s, "+")
	low, high, closed := strings.Cut(low, "-")
	first, err := strconv.Atoi(low)
	if err != nil || open && closed {
		return versions{}, fmt.Errorf("versions %q", s)
	}
	v := versions{first, first + 1}
	if open {
		v.end = all
	}
	if closed {
		last, err := strconv.Atoi(high)
		if err != nil || last < first {
			return versions{}, fmt.Errorf("versions %q", s)
		}
		v.end = last + 1
	}
	if v.end > all || v.first < 0 {
		return versions{}, fmt.Errorf("versions %q are too many", s)
	}
	return v, nil
}
