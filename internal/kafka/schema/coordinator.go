package schema

import (
	"encoding/binary"
	"fmt"
)

// CoordinatorRecord is what a coordinator has written.
type CoordinatorRecord struct {
	Type         int16
	Key          Object
	Value        Object // nil: a tombstone
	ValueVersion int16
}

// UnknownTypeError says that no schema has the type of a record.
type UnknownTypeError struct{ Type int16 }

// Error implements error.
func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("Found an unknown record type %d", e.Type)
}

// Decode reads a record. The error is an [*UnknownTypeError] for a record of a later Kafka.
func (c Coordinator) Decode(key, value []byte) (r CoordinatorRecord, err error) {
	kind, key, err := Version(key, "key")
	if err != nil {
		return r, err
	}
	m := c.Key(kind)
	if m == nil {
		return r, &UnknownTypeError{kind}
	}
	r.Type = kind
	first, _ := m.Versions() // a key has one version, and in its place its type
	if r.Key, _, err = m.Decode(key, first); err != nil {
		return r, unreadable(kind, "key", err)
	}
	if value == nil {
		return r, nil
	}
	if r.ValueVersion, value, err = Version(value, "value"); err != nil {
		return r, err
	}
	if m = c.Value(kind); m == nil {
		return r, &UnknownTypeError{kind}
	}
	if !m.Has(r.ValueVersion) {
		return r, fmt.Errorf("Found an unknown record version %d for %d type", r.ValueVersion, kind) //nolint:staticcheck // Kafka's words
	}
	if r.Value, _, err = m.Decode(value, r.ValueVersion); err != nil {
		return r, unreadable(r.ValueVersion, "value", err)
	}
	return r, nil
}

// Version takes the number off that keys and values begin with: a key's type, a value's version.
func Version(data []byte, part string) (version int16, rest []byte, err error) {
	if len(data) < 2 {
		return 0, nil, fmt.Errorf("Could not read version from %s's buffer.", part) //nolint:staticcheck // Kafka's words
	}
	return int16(binary.BigEndian.Uint16(data)), data[2:], nil
}

func unreadable(version int16, part string, err error) error {
	return fmt.Errorf("Could not read record with version %d from %s's buffer due to: %w.", version, part, err) //nolint:staticcheck // Kafka's words
}
