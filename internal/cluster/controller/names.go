package controller

import (
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// maxTopicName is the longest topic name (Topic.MAX_NAME_LENGTH).
const maxTopicName = 249

// checkTopicName refuses a name that no topic may have (Topic.validate).
func checkTopicName(name string) *fault {
	switch {
	case name == "":
		return invalidTopic("the empty string is not allowed")
	case name == ".":
		return invalidTopic("'.' is not allowed")
	case name == "..":
		return invalidTopic("'..' is not allowed")
	case len(name) > maxTopicName:
		return invalidTopic("the length of '" + name + "' is longer than the max allowed length 249")
	case strings.IndexFunc(name, illegalInTopic) >= 0:
		return invalidTopic("'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
	}
	return nil
}

func invalidTopic(reason string) *fault {
	return &fault{kerr.InvalidTopicException, "Topic name is invalid: " + reason}
}

func illegalInTopic(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
		return false
	}
	return true
}

// colliding gives the name of a topic that differs from name only in dots and
// underscores, which the names of metrics do not tell apart; "" if there is none.
func colliding(img *metadata.Image, name string) string {
	if !strings.ContainsAny(name, "._") {
		return ""
	}
	for t := range img.AllTopics() {
		if collide(t.Name, name) {
			return t.Name
		}
	}
	return ""
}

// collide tells whether two names are equal once dots are underscores
// (Topic.hasCollision).
func collide(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && (x != '.' && x != '_' || y != '.' && y != '_') {
			return false
		}
	}
	return true
}

// newTopicID gives a version 4 UUID that Kafka would give out too: not reserved,
// and not beginning with "-", which a command line would take for an option.
func newTopicID(img *metadata.Image, rnd *rand.Rand) metadata.TopicID {
	for {
		var id metadata.TopicID
		for i := 0; i < len(id); i += 8 {
			n := rnd.Uint64()
			for j := range 8 {
				id[i+j] = byte(n >> (8 * j))
			}
		}
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
		if id.String()[0] != '-' && !metadata.ReservedUUID(metadata.UUID(id)) && img.TopicByID(id) == nil {
			return id
		}
	}
}
