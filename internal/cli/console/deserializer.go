package console

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/headrace/headrace/internal/edge/javaerr"
	"github.com/headrace/headrace/internal/kafka/javanum"
)

// deserializer turns a record's bytes into the text that Java's object of that class prints.
type deserializer func(data []byte) (string, error)

const serialization = "org.apache.kafka.common.serialization."

// deserializers builds each of Kafka's deserializers from its properties.
var deserializers = map[string]func(props map[string]string, isKey bool) (deserializer, error){
	serialization + "StringDeserializer":     newStringDeserializer,
	serialization + "ShortDeserializer":      sized(2, "ShortDeserializer", func(b []byte) string { return strconv.Itoa(int(int16(binary.BigEndian.Uint16(b)))) }),
	serialization + "IntegerDeserializer":    sized(4, "IntegerDeserializer", func(b []byte) string { return strconv.Itoa(int(int32(binary.BigEndian.Uint32(b)))) }),
	serialization + "LongDeserializer":       sized(8, "LongDeserializer", func(b []byte) string { return strconv.FormatInt(int64(binary.BigEndian.Uint64(b)), 10) }),
	serialization + "FloatDeserializer":      sized(4, "Deserializer", func(b []byte) string { return javanum.Float(math.Float32frombits(binary.BigEndian.Uint32(b))) }),
	serialization + "DoubleDeserializer":     sized(8, "Deserializer", func(b []byte) string { return javanum.Double(math.Float64frombits(binary.BigEndian.Uint64(b))) }),
	serialization + "BooleanDeserializer":    plain(deserializeBoolean),
	serialization + "BytesDeserializer":      plain(func(b []byte) (string, error) { return escapeBytes(b), nil }),
	serialization + "ByteBufferDeserializer": plain(describeBuffer),
	serialization + "UUIDDeserializer":       newUUIDDeserializer,
	serialization + "VoidDeserializer":       plain(refuseData),
	// Deviation: the original prints the array's address in memory, which says nothing; here the bytes are shown.
	serialization + "ByteArrayDeserializer": plain(func(b []byte) (string, error) { return string(b), nil }),
}

// newDeserializer returns the one that props names under key, or nil when there is none or it cannot be made; that
// is logged, and the bytes are shown as they are.
func newDeserializer(props map[string]string, key string, isKey bool, log *slog.Logger) deserializer {
	name, ok := props[key]
	if !ok {
		return nil
	}
	own := map[string]string{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, key+"."); ok && rest != "" {
			own[rest] = v
		}
	}
	var err error = &javaerr.Exception{Class: "java.lang.ClassNotFoundException", Message: name}
	if build, ok := deserializers[name]; ok {
		var d deserializer
		if d, err = build(own, isKey); err == nil {
			return d
		}
	}
	log.Error("Unable to instantiate a deserializer from "+name, "class", DefaultFormatterClass, "exception", err)
	return nil
}

func plain(d deserializer) func(map[string]string, bool) (deserializer, error) {
	return func(map[string]string, bool) (deserializer, error) { return d, nil }
}

func sized(size int, name string, text func([]byte) string) func(map[string]string, bool) (deserializer, error) {
	return plain(func(b []byte) (string, error) {
		if len(b) != size {
			return "", javaerr.New("SerializationException", "Size of data received by %s is not %d", name, size)
		}
		return text(b), nil
	})
}

func deserializeBoolean(b []byte) (string, error) {
	switch {
	case len(b) != 1:
		return "", javaerr.New("SerializationException", "Size of data received by BooleanDeserializer is not 1")
	case b[0] > 1:
		return "", javaerr.New("SerializationException", "Unexpected byte received by BooleanDeserializer: %d", int8(b[0]))
	}
	return strconv.FormatBool(b[0] == 1), nil
}

// escapeBytes shows bytes as org.apache.kafka.common.utils.Bytes does: printable ASCII but the backslash as it is.
func escapeBytes(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		if c >= ' ' && c <= '~' && c != '\\' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "\\x%02X", c)
	}
	return b.String()
}

func describeBuffer(b []byte) (string, error) {
	return fmt.Sprintf("java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", len(b), len(b)), nil
}

func refuseData([]byte) (string, error) {
	return "", &javaerr.Exception{Class: "java.lang.IllegalArgumentException", Message: "Data should be null for a VoidDeserializer."}
}

// encodingOf returns the charset that a deserializer's properties ask for, UTF-8 when none.
func encodingOf(props map[string]string, isKey bool) string {
	name := "value.deserializer.encoding"
	if isKey {
		name = "key.deserializer.encoding"
	}
	for _, k := range []string{name, "deserializer.encoding"} {
		if v, ok := props[k]; ok {
			return v
		}
	}
	return "UTF-8"
}

// charsets are the encodings that every Java has.
var charsets = map[string]func([]byte) string{
	"UTF-8":      func(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") },
	"US-ASCII":   func(b []byte) string { return narrow(b, 0x7f) },
	"ISO-8859-1": func(b []byte) string { return narrow(b, 0xff) },
	"UTF-16":     decodeUTF16,
	"UTF-16BE":   func(b []byte) string { return decodeUTF16(append([]byte{0xfe, 0xff}, b...)) },
	"UTF-16LE":   func(b []byte) string { return decodeUTF16(append([]byte{0xff, 0xfe}, b...)) },
}

// charsetAliases are the other names in common use.
var charsetAliases = map[string]string{
	"UTF8": "UTF-8", "ASCII": "US-ASCII", "ISO8859_1": "ISO-8859-1", "LATIN1": "ISO-8859-1", "UTF_16": "UTF-16",
}

func newStringDeserializer(props map[string]string, isKey bool) (deserializer, error) {
	name := encodingOf(props, isKey)
	canonical := strings.ToUpper(name)
	if a, ok := charsetAliases[canonical]; ok {
		canonical = a
	}
	decode, ok := charsets[canonical]
	if !ok {
		return nil, javaerr.New("SerializationException", "Unsupported encoding %s", name)
	}
	return func(b []byte) (string, error) { return decode(b), nil }, nil
}

func narrow(data []byte, maxByte byte) string {
	var b strings.Builder
	for _, c := range data {
		if c > maxByte {
			b.WriteRune('\uFFFD')
			continue
		}
		b.WriteRune(rune(c))
	}
	return b.String()
}

// decodeUTF16 reads a byte order mark, big endian without one.
func decodeUTF16(data []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	if len(data) >= 2 {
		switch binary.BigEndian.Uint16(data) {
		case 0xfffe:
			order, data = binary.LittleEndian, data[2:]
		case 0xfeff:
			data = data[2:]
		}
	}
	units := make([]uint16, 0, len(data)/2+1)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	if len(data) == 1 {
		units = append(units, 0xFFFD)
	}
	return string(utf16.Decode(units))
}

var uuidShape = regexp.MustCompile(`^([0-9a-fA-F]+)-([0-9a-fA-F]+)-([0-9a-fA-F]+)-([0-9a-fA-F]+)-([0-9a-fA-F]+)$`)

// newUUIDDeserializer reads the text form of a UUID, short groups allowed, as java.util.UUID.fromString.
func newUUIDDeserializer(props map[string]string, isKey bool) (deserializer, error) {
	decode, err := newStringDeserializer(props, isKey)
	if err != nil {
		return nil, err
	}
	return func(b []byte) (string, error) {
		text, err := decode(b)
		if err != nil {
			return "", err
		}
		m := uuidShape.FindStringSubmatch(text)
		if m == nil || len(text) > 36 {
			return "", javaerr.New("SerializationException", "Error parsing data into UUID")
		}
		for i, digits := range []int{8, 4, 4, 4, 12} {
			group := strings.ToLower(strings.Repeat("0", digits) + m[i+1])
			m[i+1] = group[len(group)-digits:]
		}
		return strings.Join(m[1:], "-"), nil
	}, nil
}
