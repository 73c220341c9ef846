// Package golden holds bytes of every API message at every version, written by Apache Kafka's own classes (Wire.java), and
// checks that our codec reads and writes the same.
package golden

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// golden is one line of a file: one message's bytes.
type golden struct {
	key     int16
	api     string
	version int16
	kind    string // request or response
	variant string // full or bare
	body    []byte
}

func (g golden) String() string {
	return fmt.Sprintf("%s v%d %s %s", g.api, g.version, g.kind, g.variant)
}

// message is what kmsg's requests and responses have in common.
type message interface {
	Key() int16
	MaxVersion() int16
	SetVersion(int16)
	IsFlexible() bool
	AppendTo([]byte) []byte
	ReadFrom([]byte) error
}

// codec is an empty message of a golden line's kind; nil where kmsg has none.
func (g golden) codec() message {
	req := kmsg.RequestForKey(g.key)
	switch {
	case req == nil:
		return nil
	case g.kind == "request":
		return req
	}
	return req.ResponseKind()
}

func TestCodecReadsAndWritesWhatKafkaWrote(t *testing.T) {
	n := 0
	for _, g := range load(t) {
		n++
		m := g.codec()
		if m == nil || m.MaxVersion() < g.version {
			t.Errorf("%v: kmsg has no such message", g)
			continue
		}
		m.SetVersion(g.version)
		if err := m.ReadFrom(g.body); err != nil {
			t.Errorf("%v: read: %v", g, err)
			continue
		}
		if tags := unknownTags(reflect.ValueOf(m).Elem(), g.api); tags != "" {
			t.Errorf("%v: fields that kmsg does not know, at %s", g, tags)
		}
		if got := m.AppendTo(nil); !bytes.Equal(got, g.body) {
			t.Errorf("%v:\n got %x\nwant %x", g, got, g.body)
		}
	}
	if n < 1000 {
		t.Errorf("only %d golden messages", n)
	}
	t.Logf("%d messages", n)
}

// Every API and version that our table speaks has golden bytes, and Kafka's header versions.
func TestTableIsCovered(t *testing.T) {
	type place struct {
		key     int16
		version int16
	}
	lines := map[place]int{}
	for _, g := range load(t) {
		lines[place{g.key, g.version}]++
	}
	headers := map[place][2]int{}
	for _, f := range headerVersions(t) {
		headers[place{int16(f[0]), int16(f[1])}] = [2]int{f[2], f[3]}
	}
	for i := range wire.Keys {
		k := &wire.Keys[i]
		for v := k.Min; v <= k.Max; v++ {
			if n := lines[place{k.Num, v}]; n != 4 {
				t.Errorf("%s v%d: %d golden messages, want request and response, full and bare", k.Name, v, n)
			}
			h := wire.Header{Key: k, Version: v}
			response := len(wire.AppendResponseHeader(nil, &h)) - wire.LengthSize - 4 // the correlation id; then one byte of tags
			request := 1
			if h.Flexible() {
				request = 2
			}
			if got, want := [2]int{request, response}, headers[place{k.Num, v}]; got != want {
				t.Errorf("%s v%d: header versions of request and response %v, Kafka's are %v", k.Name, v, got, want)
			}
		}
	}
}

// headerVersions are the lines of headers.txt: key, version, request header, response header.
func headerVersions(t *testing.T) [][4]int {
	t.Helper()
	text, err := os.ReadFile("headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all [][4]int
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var f [4]int
		if _, err := fmt.Sscan(line, &f[0], &f[1], &f[2], &f[3]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, f)
	}
	return all
}

// unknownTags finds tagged fields that a decoder has kept without understanding them.
func unknownTags(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unknownTags(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if at := unknownTags(v.Index(i), path); at != "" {
				return at
			}
		}
	case reflect.Struct:
		if tags, ok := reflect.TypeAssert[*kmsg.Tags](v.Addr()); ok {
			if tags.Len() > 0 {
				return path
			}
			return ""
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if at := unknownTags(v.Field(i), path+"."+f.Name); at != "" {
					return at
				}
			}
		}
	}
	return ""
}

// A decoder that is given less than a whole message says so; none of them panics.
func TestCodecRefusesCutMessages(t *testing.T) {
	for _, g := range load(t) {
		if g.variant != "full" || len(g.body) == 0 {
			continue
		}
		m := g.codec()
		if m == nil || m.MaxVersion() < g.version {
			continue
		}
		for _, n := range []int{0, 1, len(g.body) / 2, len(g.body) - 1} {
			m := g.codec()
			m.SetVersion(g.version)
			if err := m.ReadFrom(g.body[:n]); err == nil && n < len(g.body) && !g.endsOpen() {
				t.Errorf("%v: %d bytes of %d were taken as a whole message", g, n, len(g.body))
			}
		}
	}
}

// endsOpen says whether a message may be whole without its last bytes: flexible ones end with a count of tags, and kmsg
// takes a missing count as none.
func (g golden) endsOpen() bool {
	m := g.codec()
	m.SetVersion(g.version)
	return m.IsFlexible()
}

// load reads all golden files.
func load(t *testing.T) []golden {
	t.Helper()
	files, err := filepath.Glob("[0-9]*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	var all []golden
	for _, name := range files {
		number, api, _ := strings.Cut(strings.TrimSuffix(name, ".txt"), "-")
		key, err := strconv.ParseInt(number, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			g := golden{key: int16(key), api: api}
			var body string
			if _, err := fmt.Sscan(s.Text()+" -", &g.version, &g.kind, &g.variant, &body); err != nil {
				t.Fatalf("%s: %q: %v", name, s.Text(), err)
			}
			if body != "-" {
				if g.body, err = hex.DecodeString(body); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			all = append(all, g)
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
