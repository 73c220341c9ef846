package metadata

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// UUID is a 128-bit identifier: of an incarnation, a log directory, an ACL. Its
// text form is that of Kafka's org.apache.kafka.common.Uuid, URL-safe base64
// without padding, 22 characters. The zero UUID stands for "none".
type UUID [16]byte

// TopicID identifies one life of a topic: a topic that is deleted and created
// again under the same name has a new id. The zero TopicID stands for "none".
type TopicID [16]byte

// Directory ids that name no real directory, as Kafka's DirectoryId (KIP-858).
var (
	// DirUnassigned says that the broker has not yet told where the replica is.
	DirUnassigned = reservedUUID(1)
	// DirLost says that the replica was in a directory that is offline.
	DirLost = reservedUUID(2)
	// DirMigrating is the directory of a replica from before KIP-858.
	DirMigrating = UUID{}
)

// MetadataTopicID is the topic id of the metadata log itself, which is
// Uuid.METADATA_TOPIC_ID in Kafka.
var MetadataTopicID = TopicID(reservedUUID(1))

// reservedIDs is the number of low ids that Kafka never gives out
// (DirectoryId.reserved: zero most significant bits and below this number).
const reservedIDs = 100

// ReservedUUID tells whether u is one of the ids that Kafka keeps for itself and
// that therefore must not be used for a real topic, directory or incarnation.
func ReservedUUID(u UUID) bool {
	return binary.BigEndian.Uint64(u[:8]) == 0 && binary.BigEndian.Uint64(u[8:]) < reservedIDs
}

func reservedUUID(low uint64) (u UUID) {
	binary.BigEndian.PutUint64(u[8:], low)
	return u
}

// IsZero tells whether u is the zero UUID.
func (u UUID) IsZero() bool { return u == UUID{} }

// Compare orders UUIDs by their bytes: -1, 0 or 1.
func (u UUID) Compare(o UUID) int { return bytes.Compare(u[:], o[:]) }

// String gives the 22 characters of Kafka's text form.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// IsZero tells whether id is the zero TopicID.
func (id TopicID) IsZero() bool { return id == TopicID{} }

// Compare orders topic ids by their bytes: -1, 0 or 1.
func (id TopicID) Compare(o TopicID) int { return UUID(id).Compare(UUID(o)) }

// String gives the 22 characters of Kafka's text form.
func (id TopicID) String() string { return UUID(id).String() }

// ParseUUID reads Kafka's text form. As Uuid.fromString it accepts padding.
func ParseUUID(s string) (UUID, error) {
	trimmed := s
	for len(trimmed) > 22 && trimmed[len(trimmed)-1] == '=' {
		trimmed = trimmed[:len(trimmed)-1]
	}
	raw, err := base64.RawURLEncoding.DecodeString(trimmed)
	if err != nil {
		return UUID{}, fmt.Errorf("uuid %q is not URL-safe base64: %w", s, err)
	}
	if len(raw) != len(UUID{}) {
		return UUID{}, fmt.Errorf("uuid %q has %d bytes, want 16", s, len(raw))
	}
	return UUID(raw), nil
}

// ParseTopicID reads Kafka's text form of a topic id.
func ParseTopicID(s string) (TopicID, error) {
	u, err := ParseUUID(s)
	return TopicID(u), err
}
