package console

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/edge/records"
)

func TestLineReader(t *testing.T) {
	for _, c := range []struct {
		name, input string
		props       map[string]string
		want        []string // header list | key | value
		err         string
	}{
		{name: "lines", input: "a\nb\r\nc\rd", want: []string{"[] - a", "[] - b", "[] - c", "[] - d"}},
		{name: "empty line", input: "\n\nx\n", want: []string{"[] - ", "[] - ", "[] - x"}},
		{name: "bytes stay", input: "\xff\xfe\n", want: []string{"[] - \xff\xfe"}},
		{name: "key", input: "k\tv\n", props: map[string]string{"parse.key": " TRUE "}, want: []string{"[] k v"}},
		{
			name: "headers", input: "a:1,b:,c:3\tk\tv\n", props: map[string]string{"parse.key": "true", "parse.headers": "true"},
			want: []string{"[a:1 b: c:3] k v"},
		},
		{
			name: "null marker", input: "N\tN\n", props: map[string]string{"parse.key": "true", "null.marker": "N"},
			want: []string{"[] - -"},
		},
		{name: "missing key", input: "ok\t1\nbad\n", props: map[string]string{"parse.key": "true"}, want: []string{"[] ok 1"}, err: "No key separator found on line number 2: 'bad'"},
		{name: "ignored", input: "bad\n", props: map[string]string{"parse.key": "true", "ignore.error": "true"}, want: []string{"[] - bad"}},
		{name: "clash", props: map[string]string{"headers.delimiter": ","}, err: "headers.delimiter and headers.separator may not be equal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewLineReader(strings.NewReader(c.input), c.props)
			var got []string
			for err == nil {
				var rec records.Record
				if rec, err = r.Next(); err == nil {
					got = append(got, show(rec))
				}
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
				t.Errorf("error %v, want %s", err, c.err)
			}
		})
	}
}

func show(r records.Record) string {
	text := func(b []byte) string {
		if b == nil {
			return "-"
		}
		return string(b)
	}
	var headers []string
	for _, h := range r.Headers {
		headers = append(headers, h.Key+":"+text(h.Value))
	}
	return fmt.Sprintf("%v %s %s", headers, text(r.Key), text(r.Value))
}

// The stories of the console consumer hold what the original prints; these are the cases that are awkward to provoke.
func TestCoordinatorRecords(t *testing.T) {
	for _, c := range []struct{ class, key, value, want string }{
		{
			"OffsetsMessageFormatter", "000100016700017400000000", "000300000000000000020000000000000000018bcfe56800",
			`{"key":{"type":1,"data":{"group":"g","topic":"t","partition":0}},"value":{"version":3,"data":{"offset":2,"leaderEpoch":0,"metadata":"","commitTimestamp":1700000000000}}}`,
		},
		{"OffsetsMessageFormatter", "000100016700017400000000", "", `{"key":{"type":1,"data":{"group":"g","topic":"t","partition":0}},"value":null}`},
		{"OffsetsMessageFormatter", "0002000167", "", ""},
		{
			"GroupMetadataMessageFormatter", "0002000167", "00030008636f6e73756d657200000001ffffffff0000018bcfe5680000000000",
			`{"key":{"type":2,"data":{"group":"g"}},"value":{"version":3,"data":{"protocolType":"consumer","generation":1,"protocol":null,"leader":null,"currentStateTimestamp":1700000000000,"members":[]}}}`,
		},
	} {
		f, err := NewFormatter("org.apache.kafka.tools.consumer."+c.class, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := &records.Record{Key: unhex(t, c.key)}
		if c.value != "" {
			r.Value = unhex(t, c.value)
		}
		var b strings.Builder
		if err := f.Format(&b, r); err != nil {
			t.Errorf("%s: %v", c.key, err)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzCoordinatorRecords(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0}, []byte{0, 3, 0, 0})
	f.Add([]byte{0, 2, 0, 1, 'g'}, []byte{0, 4, 0, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for class := range formatters {
			formatter, err := NewFormatter(class, nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			// Any bytes may come; an error is an answer, a panic is none.
			_ = formatter.Format(io.Discard, &records.Record{Key: key, Value: value})
		}
	})
}
