// Package uuid has Kafka's 128-bit identifiers (org.apache.kafka.common.Uuid),
// which everything that stores or sends one shares.
package uuid

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
)

// UUID identifies an incarnation, a log directory, an ACL. Its text form is
// URL-safe base64 without padding, 22 characters. The zero UUID stands for
// "none".
type UUID [16]byte

// TopicID identifies one life of a topic (KIP-516): a topic that is deleted and
// created again under the same name has a new id. The zero TopicID stands for
// "none".
type TopicID [16]byte

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

// Parse reads Kafka's text form. As Uuid.fromString it accepts padding.
func Parse(s string) (UUID, error) {
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

// reserved is the number of low ids that Kafka never gives out
// (DirectoryId.reserved: zero most significant bits and below this number).
const reserved = 100

// Reserved tells whether u is one of the ids that Kafka keeps for itself and that
// therefore must not be used for a real topic, directory or incarnation.
func Reserved(u UUID) bool {
	return binary.BigEndian.Uint64(u[:8]) == 0 && binary.BigEndian.Uint64(u[8:]) < reserved
}

// ReservedAs gives one of the ids that Kafka keeps for itself, by its number.
func ReservedAs(low uint64) (u UUID) {
	binary.BigEndian.PutUint64(u[8:], low)
	return u
}

// New draws an id from random, usually crypto/rand's Reader, as Uuid.randomUuid:
// version 4, and no dash in front, which commands would take for an option.
func New(random io.Reader) (UUID, error) {
	for {
		var u UUID
		if _, err := io.ReadFull(random, u[:]); err != nil {
			return UUID{}, fmt.Errorf("draw an id: %w", err)
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		if !Reserved(u) && u.String()[0] != '-' {
			return u, nil
		}
	}
}
