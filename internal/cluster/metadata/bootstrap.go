package metadata

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/kafka/record"
)

// BootstrapFile is the name of the file in the metadata directory by which a
// format hands the first records to a new cluster (BootstrapDirectory).
const BootstrapFile = "bootstrap.checkpoint"

// EncodeBootstrap gives a bootstrap file's bytes: a snapshot in Kafka's format,
// with header, records and footer.
func EncodeBootstrap(records []Record) ([]byte, error) {
	var out []byte
	offset := int64(0)
	batch := func(control bool, fill func(b *record.Builder) error) error {
		var b record.Builder
		b.Reset(record.BatchOptions{BaseOffset: offset, Control: control})
		if err := fill(&b); err != nil {
			return err
		}
		built, err := b.Build(nil)
		if err != nil {
			return err
		}
		out = append(out, built...)
		offset = built.NextOffset()
		return nil
	}
	frame := func(r ControlRecord) error {
		return batch(true, func(b *record.Builder) error {
			key, value, err := AppendControl(nil, nil, r)
			b.Append(0, key, value)
			return err
		})
	}
	err := errors.Join(frame(&SnapshotHeader{}), batch(false, func(b *record.Builder) error {
		for _, r := range records {
			value, err := Append(nil, r)
			if err != nil {
				return err
			}
			b.Append(0, nil, value)
		}
		return nil
	}), frame(&SnapshotFooter{}))
	return out, err
}

// DecodeBootstrap reads a bootstrap file, Headrace's or Kafka's. A file without
// its footer is refused: it is not whole.
func DecodeBootstrap(b []byte) ([]Record, error) {
	var records []Record
	whole := false
	for len(b) > 0 {
		batch, rest, err := record.Next(b)
		if err == nil {
			err = batch.CheckCRC()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", BootstrapFile, err)
		}
		b = rest
		if batch.Attributes().Control() {
			whole = whole || holdsFooter(batch)
			continue
		}
		if records, err = appendRecords(records, batch); err != nil {
			return nil, fmt.Errorf("%s: %w", BootstrapFile, err)
		}
	}
	if !whole {
		return nil, fmt.Errorf("%s: the footer is missing: %w", BootstrapFile, ErrMalformed)
	}
	return records, nil
}

// holdsFooter tells whether a control batch ends a snapshot.
func holdsFooter(b record.Batch) bool {
	it := b.Iterate(b.Records())
	var r record.Record
	for it.Next(&r) {
		if c, err := DecodeControl(r.Key, r.Value); err == nil && c.ControlType() == ControlSnapshotFooter {
			return true
		}
	}
	return false
}

func appendRecords(to []Record, b record.Batch) ([]Record, error) {
	if b.Attributes().Codec() != record.None {
		return to, fmt.Errorf("%w: compressed, which no format writes", ErrMalformed)
	}
	it := b.Iterate(b.Records())
	var r record.Record
	for it.Next(&r) {
		m, err := Decode(r.Value)
		if err != nil {
			return to, err
		}
		to = append(to, m)
	}
	return to, it.Err()
}
