package log

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Partition names one partition of a topic.
type Partition struct {
	Topic     string
	Partition int32
}

// String is "<topic>-<partition>", which is also the directory's name.
func (p Partition) String() string {
	return p.Topic + "-" + strconv.FormatInt(int64(p.Partition), 10)
}

// ParsePartition reverses String. ok is false for names that String cannot
// have made, such as "x-01" or a directory marked for deletion.
func ParsePartition(name string) (p Partition, ok bool) { return parsePartition(name) }

func parsePartition(name string) (p Partition, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return p, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 32)
	if err != nil || n < 0 {
		return p, false
	}
	p = Partition{Topic: name[:i], Partition: int32(n)}
	return p, p.String() == name
}

// TopicID is Kafka's Uuid of a topic (KIP-516). The zero value means "unknown".
type TopicID [16]byte

// String is Kafka's form: URL-safe base64 without padding, 22 characters.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// IsZero reports that the id is unknown.
func (id TopicID) IsZero() bool { return id == TopicID{} }

var errBadTopicID = errors.New("not a topic id")

// ParseTopicID reverses TopicID.String.
func ParseTopicID(s string) (id TopicID, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return TopicID{}, errBadTopicID
	}
	return TopicID(b), nil
}
