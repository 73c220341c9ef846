package console

import (
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/headrace/headrace/internal/edge/records"
	"github.com/headrace/headrace/internal/kafka/schema"
)

// recordFormatter shows the records of an internal topic as JSON, as CoordinatorRecordMessageFormatter: an object
// with key and value, without anything between two of them. Records of other types are left out.
type recordFormatter struct {
	records schema.Coordinator
	allowed []int16
}

func coordinatorFormatter(all schema.Coordinator, allowed ...int16) func(map[string]string, *slog.Logger) Formatter {
	return func(map[string]string, *slog.Logger) Formatter { return &recordFormatter{all, allowed} }
}

// Format writes one JSON object, or nothing.
func (c *recordFormatter) Format(w io.Writer, r *records.Record) error {
	if r.Key == nil {
		return nil
	}
	if kind, _, err := schema.Version(r.Key, "key"); err == nil && !slices.Contains(c.allowed, kind) {
		return nil
	}
	found, err := c.records.Decode(r.Key, r.Value)
	if err != nil {
		return fmt.Errorf("Could not read record at offset %d due to: %w", r.Offset, err) //nolint:staticcheck // Kafka's words
	}
	value := "null"
	if found.Value != nil {
		value = fmt.Sprintf(`{"version":%d,"data":%s}`, found.ValueVersion, found.Value)
	}
	_, err = fmt.Fprintf(w, `{"key":{"type":%d,"data":%s},"value":%s}`, found.Type, found.Key, value)
	return err
}
