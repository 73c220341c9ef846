package console

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/edge/records"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// A Formatter writes a record as text. It is used by one goroutine.
type Formatter interface {
	// Format writes r to w. An error is one of w, or says why r cannot be shown.
	Format(w io.Writer, r *records.Record) error
}

// formatters names every formatter as the original does, by Java class.
var formatters = map[string]func(props map[string]string, log *slog.Logger) Formatter{
	DefaultFormatterClass: newDefaultFormatter,
	"org.apache.kafka.tools.consumer.LoggingMessageFormatter":                     newLoggingFormatter,
	"org.apache.kafka.tools.consumer.NoOpMessageFormatter":                        newNoOpFormatter,
	"org.apache.kafka.tools.consumer.OffsetsMessageFormatter":                     coordinatorFormatter(schema.Groups(), 0, 1),
	"org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter":               coordinatorFormatter(schema.Groups(), 2),
	"org.apache.kafka.tools.consumer.ShareGroupMessageFormatter":                  coordinatorFormatter(schema.Groups(), 10, 11, 12, 13, 14, 15),
	"org.apache.kafka.tools.consumer.TransactionLogMessageFormatter":              coordinatorFormatter(schema.Transactions(), 0),
	"org.apache.kafka.tools.consumer.group.share.ShareGroupStateMessageFormatter": coordinatorFormatter(schema.Shares(), 0, 1),
}

// DefaultFormatterClass is the formatter that is used when none is named.
const DefaultFormatterClass = "org.apache.kafka.tools.consumer.DefaultMessageFormatter"

// NewFormatter returns the formatter of a Java class name, set up by props. What props get wrong is logged, as the
// original does; an unknown class is the error, whose text is the name alone.
func NewFormatter(class string, props map[string]string, log *slog.Logger) (Formatter, error) {
	build, ok := formatters[class]
	if !ok {
		return nil, fmt.Errorf("%s", class)
	}
	return build(props, log), nil
}

// defaultFormatter is DefaultMessageFormatter (KIP-431): chosen columns, then the line separator.
type defaultFormatter struct {
	timestamp, partition, offset, delivery, epoch, headers, key, value bool

	keySeparator, lineSeparator, headersSeparator, nullLiteral string

	keyText, valueText, headersText deserializer // nil: the bytes as they are
}

func newDefaultFormatter(props map[string]string, log *slog.Logger) Formatter {
	f := &defaultFormatter{value: true, keySeparator: "\t", lineSeparator: "\n", headersSeparator: ",", nullLiteral: "null"}
	for name, to := range map[string]*bool{
		"print.timestamp": &f.timestamp, "print.partition": &f.partition, "print.offset": &f.offset,
		"print.delivery": &f.delivery, "print.epoch": &f.epoch, "print.headers": &f.headers,
		"print.key": &f.key, "print.value": &f.value,
	} {
		if v, ok := props[name]; ok {
			*to = isTrue(v)
		}
	}
	for name, to := range map[string]*string{
		"key.separator": &f.keySeparator, "line.separator": &f.lineSeparator,
		"headers.separator": &f.headersSeparator, "null.literal": &f.nullLiteral,
	} {
		if v, ok := props[name]; ok {
			*to = v
		}
	}
	f.keyText = newDeserializer(props, "key.deserializer", true, log)
	f.valueText = newDeserializer(props, "value.deserializer", false, log)
	f.headersText = newDeserializer(props, "headers.deserializer", false, log)
	return f
}

// Format writes the columns in the original's order, with the key separator between them and the line separator at
// the end.
func (f *defaultFormatter) Format(w io.Writer, r *records.Record) error {
	columns := []struct {
		show  bool
		write func(*strings.Builder) error
	}{
		{f.timestamp, func(b *strings.Builder) error { writeTimestamp(b, r); return nil }},
		{f.partition, func(b *strings.Builder) error { fmt.Fprintf(b, "Partition:%d", r.Partition); return nil }},
		{f.offset, func(b *strings.Builder) error { fmt.Fprintf(b, "Offset:%d", r.Offset); return nil }},
		// The console consumer hands its formatter neither delivery count nor leader epoch.
		{f.delivery, func(b *strings.Builder) error { b.WriteString("Delivery:NOT_PRESENT"); return nil }},
		{f.epoch, func(b *strings.Builder) error { b.WriteString("Epoch:NOT_PRESENT"); return nil }},
		{f.headers, func(b *strings.Builder) error { return f.writeHeaders(b, r.Headers) }},
		{f.key, func(b *strings.Builder) error { return f.writeText(b, f.keyText, r.Key) }},
		{f.value, func(b *strings.Builder) error { return f.writeText(b, f.valueText, r.Value) }},
	}
	var line strings.Builder
	var failed error
	wrote := false
	for _, c := range columns {
		if !c.show {
			continue
		}
		if wrote {
			line.WriteString(f.keySeparator)
		}
		wrote = true
		if failed = c.write(&line); failed != nil {
			break
		}
	}
	if wrote && failed == nil {
		line.WriteString(f.lineSeparator)
	}
	if _, err := io.WriteString(w, line.String()); err != nil {
		return err
	}
	return failed
}

func writeTimestamp(b *strings.Builder, r *records.Record) {
	if r.TimestampType == records.NoTimestamp {
		b.WriteString("NO_TIMESTAMP")
		return
	}
	b.WriteString(r.TimestampType.String() + ":" + strconv.FormatInt(r.Timestamp, 10))
}

func (f *defaultFormatter) writeHeaders(b *strings.Builder, headers []records.Header) error {
	if len(headers) == 0 {
		b.WriteString("NO_HEADERS")
	}
	for i, h := range headers {
		if i > 0 {
			b.WriteString(f.headersSeparator)
		}
		b.WriteString(h.Key + ":")
		if err := f.writeText(b, f.headersText, h.Value); err != nil {
			return err
		}
	}
	return nil
}

// writeText writes data by its deserializer. The deserializer of a null gets the bytes of the null literal, as the
// original's does.
func (f *defaultFormatter) writeText(b *strings.Builder, d deserializer, data []byte) error {
	if data == nil {
		data = []byte(f.nullLiteral)
	}
	if d == nil {
		b.Write(data)
		return nil
	}
	text, err := d(data)
	if err != nil {
		return err
	}
	b.WriteString(text)
	return nil
}

// loggingFormatter is LoggingMessageFormatter: the default formatter's line, and the record in the log at level INFO.
type loggingFormatter struct {
	inner Formatter
	log   *slog.Logger
}

func newLoggingFormatter(props map[string]string, log *slog.Logger) Formatter {
	return &loggingFormatter{newDefaultFormatter(props, log), log}
}

// Format writes the line, then logs.
func (f *loggingFormatter) Format(w io.Writer, r *records.Record) error {
	if err := f.inner.Format(w, r); err != nil {
		return err
	}
	var b strings.Builder
	if r.TimestampType != records.NoTimestamp {
		writeTimestamp(&b, r)
		b.WriteString(", ")
	}
	b.WriteString("key:")
	if r.Key == nil {
		b.WriteString("null ")
	} else {
		b.WriteString(string(r.Key) + ", ")
	}
	b.WriteString("value:")
	if r.Value == nil {
		b.WriteString("null")
	} else {
		b.Write(r.Value)
	}
	f.log.Info(b.String(), "class", "org.apache.kafka.tools.consumer.LoggingMessageFormatter")
	return nil
}

// noOpFormatter is NoOpMessageFormatter: it shows nothing.
type noOpFormatter struct{}

func newNoOpFormatter(map[string]string, *slog.Logger) Formatter { return noOpFormatter{} }

// Format does nothing.
func (noOpFormatter) Format(io.Writer, *records.Record) error { return nil }
