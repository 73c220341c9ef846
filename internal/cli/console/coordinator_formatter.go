package console

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/records"
)

// recordFormatter shows the records of an internal topic as JSON, as CoordinatorRecordMessageFormatter: an object
// with key and value, without anything between two of them. Records of other types are left out.
type recordFormatter struct {
	types   map[int16]recordType
	allowed []int16
}

func coordinatorFormatter(types map[int16]recordType, allowed ...int16) func(map[string]string, *slog.Logger) Formatter {
	return func(map[string]string, *slog.Logger) Formatter { return &recordFormatter{types, allowed} }
}

// Format writes one JSON object, or nothing.
func (c *recordFormatter) Format(w io.Writer, r *records.Record) error {
	if r.Key == nil {
		return nil
	}
	text, err := c.json(r)
	if err != nil {
		return fmt.Errorf("Could not read record at offset %d due to: %w", r.Offset, err) //nolint:staticcheck // Kafka's words
	}
	_, err = io.WriteString(w, text)
	return err
}

func (c *recordFormatter) json(r *records.Record) (string, error) {
	if len(r.Key) < 2 {
		return "", errors.New("Could not read version from key's buffer.") //nolint:staticcheck // Kafka's words
	}
	id := int16(binary.BigEndian.Uint16(r.Key))
	t, ok := c.types[id]
	if !ok || !slices.Contains(c.allowed, id) {
		return "", nil
	}
	key, err := t.key.decode(r.Key[2:], 0)
	if err != nil {
		return "", fmt.Errorf("Could not read record with version %d from key's buffer due to: %w.", id, err) //nolint:staticcheck // Kafka's words
	}
	out := fmt.Sprintf(`{"key":{"type":%d,"data":%s},"value":`, id, key)
	if r.Value == nil {
		return out + "null}", nil
	}
	if len(r.Value) < 2 {
		return "", errors.New("Could not read version from value's buffer.") //nolint:staticcheck // Kafka's words
	}
	version := int16(binary.BigEndian.Uint16(r.Value))
	if version < 0 || version > t.value.latest {
		return "", fmt.Errorf("Found an unknown record version %d for %d type", version, id) //nolint:staticcheck // Kafka's words
	}
	value, err := t.value.decode(r.Value[2:], version)
	if err != nil {
		return "", fmt.Errorf("Could not read record with version %d from value's buffer due to: %w.", version, err) //nolint:staticcheck // Kafka's words
	}
	return out + fmt.Sprintf(`{"version":%d,"data":%s}}`, version, value), nil
}

var errShort = errors.New("the record ends too early")

// decoder reads fields from a record and returns them as JSON. After an error it reads zeros.
type decoder struct {
	data     []byte
	version  int16
	flexible bool
	err      error
}

func (m message) decode(data []byte, version int16) (string, error) {
	d := &decoder{data: data, version: version, flexible: version >= m.flexible}
	text := d.object(m.fields)
	return text, d.err
}

// object reads a struct: its plain fields in order, then the tagged section.
func (d *decoder) object(fields []field) string {
	texts := make([]string, len(fields))
	for i, x := range fields {
		if !x.tagged && d.version >= x.from && d.version <= x.to {
			texts[i] = d.value(x)
		}
	}
	if d.flexible {
		d.tags(fields, texts)
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, x := range fields {
		if texts[i] == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quote(x.name) + ":" + texts[i])
	}
	b.WriteByte('}')
	return b.String()
}

// tags reads the tagged section. A field with its default is not shown; an unknown one is skipped.
func (d *decoder) tags(fields []field, texts []string) {
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		tag, size := d.uvarint(), d.uvarint()
		body := d.take(size)
		for i, x := range fields {
			if !x.tagged || x.tag != tag || d.version < x.from {
				continue
			}
			in := &decoder{data: body, version: d.version, flexible: true}
			text := in.value(x)
			if in.err != nil {
				d.err = in.err
			}
			if text != strconv.FormatInt(x.missing, 10) && text != quote(zeroUUID) {
				texts[i] = text
			}
		}
	}
}

const zeroUUID = "AAAAAAAAAAAAAAAAAAAAAA"

func (d *decoder) value(x field) string {
	switch x.kind {
	case kInt8:
		return d.number(1)
	case kInt16:
		return d.number(2)
	case kInt32:
		return d.number(4)
	case kInt64:
		return d.number(8)
	case kUUID:
		return quote(base64.RawURLEncoding.EncodeToString(d.take(16)))
	case kString:
		return d.text(x, func(b []byte) string { return quote(string(b)) })
	case kBytes:
		return d.text(x, func(b []byte) string { return quote(base64.StdEncoding.EncodeToString(b)) })
	case kInt32s:
		return d.array(x, func() string { return d.number(4) })
	case kStrings:
		return d.array(x, func() string { return d.value(field{kind: kString, nullable: never}) })
	}
	return d.array(x, func() string { return d.object(x.fields) })
}

func (d *decoder) number(size int) string {
	b := d.take(uint64(size))
	var n int64
	if len(b) > 0 {
		n = int64(int8(b[0]))
	}
	for _, c := range b[min(1, len(b)):] {
		n = n<<8 | int64(c)
	}
	return strconv.FormatInt(n, 10)
}

func (d *decoder) text(x field, show func([]byte) string) string {
	n := d.length(x.kind == kBytes)
	if n < 0 {
		return d.null(x)
	}
	return show(d.take(uint64(n)))
}

func (d *decoder) array(x field, element func() string) string {
	n := d.length(true)
	if n < 0 {
		return d.null(x)
	}
	var b strings.Builder
	b.WriteByte('[')
	for i := 0; i < n && d.err == nil; i++ { // an element takes a byte at least, so the data bound the loop
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(element())
	}
	b.WriteByte(']')
	return b.String()
}

func (d *decoder) null(x field) string {
	if d.version < x.nullable && d.err == nil {
		d.err = fmt.Errorf("non-nullable field %s was serialized as null", x.name)
	}
	return "null"
}

// length reads the length of a string, wide for bytes and arrays; -1 is null.
func (d *decoder) length(wide bool) int {
	if d.flexible {
		return int(min(d.uvarint(), 1<<31)) - 1
	}
	if wide {
		return int(int32(binary.BigEndian.Uint32(pad(d.take(4), 4))))
	}
	return int(int16(binary.BigEndian.Uint16(pad(d.take(2), 2))))
}

func pad(b []byte, size int) []byte {
	if len(b) < size {
		return make([]byte, size)
	}
	return b
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.err, d.data = errShort, nil
		return nil
	}
	out := d.data[:n]
	d.data = d.data[n:]
	return out
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 {
		d.err, d.data = errShort, nil
		return 0
	}
	d.data = d.data[size:]
	return n
}

// quote writes a JSON string with the escapes of the original's library and no others.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ':
			if i := strings.IndexRune("\b\t\n\f\r", r); i >= 0 {
				b.WriteString(`\` + "btnfr"[i:i+1])
			} else {
				fmt.Fprintf(&b, `\u%04X`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
