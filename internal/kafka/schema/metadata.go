package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// frameVersion is the only version there is of what stands before a metadata record.
const frameVersion = 1

// DecodeMetadata reads a record of __cluster_metadata, with the numbers before it, as MetadataRecordSerde.
func DecodeMetadata(data []byte) (m *Message, version int16, o Object, err error) {
	return decodeFramed(metadataRecords, data)
}

// DecodeRemoteLog reads a record of __remote_log_metadata, with the numbers before it.
func DecodeRemoteLog(data []byte) (m *Message, version int16, o Object, err error) {
	return decodeFramed(remoteLogRecords, data)
}

// decodeFramed is AbstractApiMessageSerde.read.
func decodeFramed(all []Message, data []byte) (m *Message, version int16, o Object, err error) {
	f := frame{data}
	frame, err := f.next("frame version")
	if err != nil {
		return nil, 0, nil, err
	}
	switch frame {
	case frameVersion:
	case 0:
		return nil, 0, nil, errors.New("Could not deserialize metadata record with frame version 0. " + //nolint:staticcheck // Kafka's words
			"Note that upgrades from the preview release of KRaft in 2.8 to newer versions are not supported.")
	default:
		return nil, 0, nil, fmt.Errorf("Could not deserialize metadata record due to unknown frame version %d"+ //nolint:staticcheck // Kafka's words
			"(only frame version %d is supported)", frame, frameVersion)
	}
	key, err := f.next("type")
	if err != nil {
		return nil, 0, nil, err
	}
	if version, err = f.next("version"); err != nil {
		return nil, 0, nil, err
	}
	if m = find(all, key); m == nil {
		return nil, 0, nil, fmt.Errorf("org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id %d", key)
	}
	o, rest, err := m.Decode(f.data, version)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("Failed to deserialize record with type %d: %w", key, err) //nolint:staticcheck // Kafka's words
	}
	if len(rest) > 0 {
		return nil, 0, nil, fmt.Errorf("Found %d byte(s) of garbage after %d", len(rest), key) //nolint:staticcheck // Kafka's words
	}
	return m, version, o, nil
}

// frame is what stands before a metadata record.
type frame struct{ data []byte }

func (f *frame) next(what string) (int16, error) {
	n, size := binary.Uvarint(f.data[:min(5, len(f.data))])
	if size <= 0 {
		return 0, fmt.Errorf("Error while reading %s: %w", what, ErrShort)
	}
	if n > math.MaxInt16 {
		return 0, fmt.Errorf("Value for %s was too large.", what) //nolint:staticcheck // Kafka's words
	}
	f.data = f.data[size:]
	return int16(n), nil
}
