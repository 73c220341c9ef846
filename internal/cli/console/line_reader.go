// Package console holds what the console tools do with records apart from moving them: lines become records, records
// become text. Nothing here knows a broker, a clock or a flag.
package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/headrace/headrace/internal/edge/records"
)

// LineReaderClass is the name under which the original knows LineReader.
const LineReaderClass = "org.apache.kafka.tools.LineMessageReader"

// LineReader turns lines of text into records, as LineMessageReader (KIP-641, KIP-798, KIP-810). A line ends in a
// newline, a carriage return, or both.
//
// Deviation: bytes that are no UTF-8 reach the record as they are; the original replaces them.
type LineReader struct {
	// MaxLine is how many bytes of a line are kept; the record of a longer one says how many its value lacks. 0: all.
	MaxLine int

	in         *bufio.Reader
	skipLF     bool // the last line ended in a carriage return, a newline after it belongs to it
	lineNumber int
	topic      string

	parseKey, parseHeaders, ignoreError bool

	keySeparator, headersDelimiter, headersSeparator, headersKeySeparator string

	headersSplit *regexp.Regexp
	nullMarker   *string
}

// NewLineReader reads records for props["topic"] from in. The other properties are those of LineMessageReader; their
// contradictions are the error, in Kafka's words.
func NewLineReader(in io.Reader, props map[string]string) (*LineReader, error) {
	r := &LineReader{
		in: bufio.NewReader(in), topic: props["topic"],
		keySeparator: "\t", headersDelimiter: "\t", headersSeparator: ",", headersKeySeparator: ":",
	}
	for name, to := range map[string]*bool{
		"parse.key": &r.parseKey, "parse.headers": &r.parseHeaders, "ignore.error": &r.ignoreError,
	} {
		*to = isTrue(props[name])
	}
	for name, to := range map[string]*string{
		"key.separator": &r.keySeparator, "headers.delimiter": &r.headersDelimiter,
		"headers.separator": &r.headersSeparator, "headers.key.separator": &r.headersKeySeparator,
	} {
		if v, ok := props[name]; ok {
			*to = v
		}
	}
	if v, ok := props["null.marker"]; ok {
		r.nullMarker = &v
	}
	split, err := regexp.Compile(r.headersSeparator)
	if err != nil {
		return nil, fmt.Errorf("headers.separator: %w", err)
	}
	r.headersSplit = split
	return r, r.checkSeparators()
}

func isTrue(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "true") }

func (r *LineReader) checkSeparators() error {
	delimiter, separator, keySeparator := r.headersDelimiter, r.headersSeparator, r.headersKeySeparator
	pairs := []struct{ left, right, leftName, rightName string }{
		{delimiter, separator, "headers.delimiter", "headers.separator"},
		{delimiter, keySeparator, "headers.delimiter", "headers.key.separator"},
		{separator, keySeparator, "headers.separator", "headers.key.separator"},
	}
	if r.nullMarker != nil {
		m := *r.nullMarker
		pairs = append(pairs, []struct{ left, right, leftName, rightName string }{
			{m, r.keySeparator, "null.marker", "key.separator"},
			{m, separator, "null.marker", "headers.separator"},
			{m, delimiter, "null.marker", "headers.delimiter"},
			{m, keySeparator, "null.marker", "headers.key.separator"},
		}...)
	}
	for _, p := range pairs {
		if p.left == p.right {
			return fmt.Errorf("%s and %s may not be equal", p.leftName, p.rightName)
		}
	}
	return nil
}

// Next returns the record of the next line, or io.EOF after the last. Any other error ends the reading: the line
// lacks a separator that it should have, or the input failed.
func (r *LineReader) Next() (records.Record, error) {
	r.lineNumber++
	line, omitted, err := r.readLine()
	if err != nil {
		return records.Record{}, err
	}
	rec := records.Record{Topic: r.topic, Omitted: omitted}
	rest := line
	headers, rest, err := r.cut(r.parseHeaders, line, rest, r.headersDelimiter, "headers delimiter")
	if err != nil {
		return rec, err
	}
	key, rest, err := r.cut(r.parseKey, line, rest, r.keySeparator, "key separator")
	if err != nil {
		return rec, err
	}
	rec.Value = r.bytes(rest)
	if key != nil {
		rec.Key = r.bytes(*key)
	}
	if headers != nil && !r.isNull(*headers) {
		rec.Headers, err = r.splitHeaders(*headers)
	}
	return rec, err
}

func (r *LineReader) isNull(s string) bool { return r.nullMarker != nil && *r.nullMarker == s }

func (r *LineReader) bytes(s string) []byte {
	if r.isNull(s) {
		return nil
	}
	return []byte(s)
}

// cut takes the part of rest before separator, or none of it when that part is not to be parsed or, with errors
// ignored, has no separator.
func (r *LineReader) cut(parse bool, line, rest, separator, name string) (part *string, after string, err error) {
	if !parse {
		return nil, rest, nil
	}
	before, after, found := strings.Cut(rest, separator)
	if found {
		return &before, after, nil
	}
	if r.ignoreError {
		return nil, rest, nil
	}
	return nil, "", fmt.Errorf("No %s found on line number %d: '%s'", name, r.lineNumber, line) //nolint:staticcheck // Kafka's words
}

func (r *LineReader) splitHeaders(s string) ([]records.Header, error) {
	pairs := r.headersSplit.Split(s, -1)
	for len(pairs) > 1 && pairs[len(pairs)-1] == "" { // as Java's split, which drops empty strings at the end
		pairs = pairs[:len(pairs)-1]
	}
	out := make([]records.Header, 0, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, r.headersKeySeparator)
		switch {
		case !found && r.ignoreError:
			out = append(out, records.Header{Key: pair})
			continue
		case !found:
			return nil, fmt.Errorf("No header key separator found in pair '%s' on line number %d", pair, r.lineNumber) //nolint:staticcheck // Kafka's words
		case r.isNull(key):
			return nil, fmt.Errorf("Header keys should not be equal to the null marker '%s' as they can't be null", key) //nolint:staticcheck // Kafka's words
		}
		out = append(out, records.Header{Key: key, Value: r.bytes(value)})
	}
	return out, nil
}

// readLine returns the next line without its end, as far as it is kept, and the number of bytes that follow; io.EOF when
// there is none.
func (r *LineReader) readLine() (text string, omitted int64, err error) {
	var line []byte
	for {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), omitted, nil
		case err != nil:
			return "", 0, err
		case c == '\n' && r.skipLF && len(line) == 0:
			r.skipLF = false
			continue
		}
		r.skipLF = c == '\r'
		if c == '\n' || c == '\r' {
			return string(line), omitted, nil
		}
		if r.MaxLine > 0 && len(line) == r.MaxLine {
			omitted++
			continue
		}
		line = append(line, c)
	}
}
