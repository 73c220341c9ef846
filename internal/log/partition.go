package log

import (
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/kafka/uuid"
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
type TopicID = uuid.TopicID
