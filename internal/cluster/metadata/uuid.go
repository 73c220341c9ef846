package metadata

import "github.com/headrace/headrace/internal/kafka/uuid"

// UUID is Kafka's identifier of an incarnation, a log directory, an ACL.
type UUID = uuid.UUID

// TopicID identifies one life of a topic.
type TopicID = uuid.TopicID

// Directory ids that name no real directory, as Kafka's DirectoryId (KIP-858).
var (
	// DirUnassigned says that the broker has not yet told where the replica is.
	DirUnassigned = uuid.ReservedAs(1)
	// DirLost says that the replica was in a directory that is offline.
	DirLost = uuid.ReservedAs(2)
	// DirMigrating is the directory of a replica from before KIP-858.
	DirMigrating = UUID{}
)

// MetadataTopicID is the topic id of the metadata log itself, which is
// Uuid.METADATA_TOPIC_ID in Kafka.
var MetadataTopicID = TopicID(uuid.ReservedAs(1))

// ReservedUUID tells whether u is one of the ids that Kafka keeps for itself.
func ReservedUUID(u UUID) bool { return uuid.Reserved(u) }

// ParseUUID reads Kafka's text form. As Uuid.fromString it accepts padding.
func ParseUUID(s string) (UUID, error) { return uuid.Parse(s) }

// ParseTopicID reads Kafka's text form of a topic id.
func ParseTopicID(s string) (TopicID, error) {
	u, err := uuid.Parse(s)
	return TopicID(u), err
}
