package group

import "github.com/headrace/headrace/internal/broker/coordinator/group/modern"

// Cluster is what groups see of the cluster at one moment. It never changes.
type Cluster interface {
	modern.Cluster
	// ConsumerSettings are those of a consumer group.
	ConsumerSettings(groupID string) ConsumerSettings
}

// See shows the shard the cluster as it is now. The driver does so before any
// input that may depend on it; what follows from a change happens then.
func (s *Shard) See(c Cluster) { s.cluster = c }

// noCluster is a cluster without topics, with Kafka's default settings.
type noCluster struct{ modern.NoTopics }

var _ Cluster = noCluster{}

// ConsumerSettings implements Cluster.
func (noCluster) ConsumerSettings(string) ConsumerSettings { return DefaultConsumerSettings() }
