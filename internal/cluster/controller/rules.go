package controller

import (
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Names of the configs that the controller itself obeys.
const (
	configMinISR  = "min.insync.replicas"
	configUnclean = "unclean.leader.election.enable"
	configCordon  = "cordoned.log.dirs"
)

// clusterDefault is the resource of the configs of all brokers.
var clusterDefault = metadata.ConfigResource{Type: metadata.ResourceBroker}

// effective resolves a topic's config: the topic's own, this node's, the
// cluster's, or none.
func (c *Controller) effective(img *metadata.Image, topic, name string) (string, bool) {
	for _, r := range [...]metadata.ConfigResource{
		{Type: metadata.ResourceTopic, Name: topic},
		{Type: metadata.ResourceBroker, Name: strconv.Itoa(int(c.cfg.NodeID))},
		clusterDefault,
	} {
		if v, ok := img.Configs(r).Get(name); ok {
			return v, true
		}
	}
	return "", false
}

// minISR is the topic's min.insync.replicas, at most its replication factor
// (ReplicationControlManager.getTopicEffectiveMinIsr).
func (c *Controller) minISR(img *metadata.Image, t *metadata.Topic) int {
	n := int(c.cfg.MinInSyncReplicas)
	if v, ok := c.effective(img, t.Name, configMinISR); ok {
		if parsed, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			n = parsed
		}
	}
	if len(t.Partitions) > 0 {
		n = min(n, len(t.Partitions[0].Replicas))
	}
	return n
}

// unclean tells whether a topic allows unclean leader election.
func (c *Controller) unclean(img *metadata.Image, topic string) bool {
	if v, ok := c.effective(img, topic, configUnclean); ok {
		return strings.EqualFold(strings.TrimSpace(v), "true")
	}
	return c.cfg.UncleanLeaderElection
}

// elrEnabled tells whether eligible leader replicas are in use (KIP-966).
func elrEnabled(img *metadata.Image) bool {
	return img.Features().Level(metadata.FeatureELRVersion) >= 1
}

// metadataVersion is the finalized metadata.version. A log that names none yet
// is one that is just being founded, at the highest.
func metadataVersion(img *metadata.Image) int16 {
	if v := img.Features().Level(metadata.FeatureMetadataVersion); v != 0 {
		return v
	}
	return metadata.MetadataVersion43IV0
}

// defaultDir is the directory that a new replica on a broker is assigned to
// (ClusterControlManager.defaultDir): the only one, or else the broker chooses.
func defaultDir(img *metadata.Image, broker metadata.BrokerID) metadata.UUID {
	b := img.Broker(broker)
	switch {
	case b == nil:
		return metadata.DirUnassigned
	case len(b.LogDirs) == 0:
		return metadata.DirMigrating
	case len(b.LogDirs) == 1:
		return b.LogDirs[0]
	}
	return metadata.DirUnassigned
}

// active tells whether a broker may lead and be in sync.
func active(img *metadata.Image, broker metadata.BrokerID) bool { return img.Broker(broker).Active() }
