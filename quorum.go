package headrace

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/headrace/headrace/internal/broker/api"
	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/vfs"
)

// openQuorum opens the metadata. A lone node is the active controller when it
// returns.
func (n *Node) openQuorum() error {
	set := n.set.controller
	set.ClusterID = n.storage.clusterID
	c := controller.New(set)
	bootstrap, err := n.bootstrap(c)
	if err != nil {
		return err
	}
	q, err := quorum.Open(quorum.Options{
		FS: n.opts.fs, Dir: filepath.Join(n.set.metadataDir, metadata.ClusterMetadataTopic+"-0"),
		NodeID: n.set.nodeID, DirectoryID: n.metadataDirID(), ClusterID: n.storage.clusterID,
		Endpoints: n.controllerEndpoints(), Voters: n.set.voters,
		Controller: c, Bootstrap: bootstrap, BootID: vfs.BootID(),
		SnapshotBytes: n.set.snapshotBytes, BallastBytes: metadataBallast, Logger: n.opts.logger,
	})
	if err != nil {
		return err
	}
	n.quorum = q
	return nil
}

// bootstrap gives the first records of a new cluster: those that a format left
// in the metadata directory, or the defaults.
func (n *Node) bootstrap(c *controller.Controller) ([]metadata.Record, error) {
	b, err := vfs.ReadFile(n.opts.fs, filepath.Join(n.set.metadataDir, metadata.BootstrapFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c.Bootstrap(nil), nil
	}
	if err != nil {
		return nil, err
	}
	records, err := metadata.DecodeBootstrap(b)
	if err != nil {
		return nil, err
	}
	var features []metadata.Feature
	var rest []metadata.Record
	for _, r := range records {
		if f, ok := r.(*metadata.FeatureLevelRecord); ok {
			features = append(features, metadata.Feature{Name: f.Name, Level: f.FeatureLevel})
			continue
		}
		rest = append(rest, r)
	}
	return c.Bootstrap(features, rest...), nil
}

func (n *Node) metadataDirID() metadata.UUID {
	for _, d := range n.storage.dirs {
		if d.path == filepath.Clean(n.set.metadataDir) {
			return d.id
		}
	}
	return metadata.UUID{}
}

// quorumView answers DescribeQuorum from the quorum's own words.
type quorumView struct{ n *Node }

// Describe implements api.Quorum.
func (v quorumView) Describe(ctx context.Context) (api.QuorumState, error) {
	d, err := v.n.quorum.Describe(ctx)
	if err != nil {
		return api.QuorumState{}, err
	}
	s := api.QuorumState{LeaderID: d.LeaderID, LeaderEpoch: d.LeaderEpoch, HighWatermark: d.HighWatermark}
	for _, m := range d.Members {
		r := api.QuorumReplica{
			ID: m.NodeID, DirectoryID: m.DirectoryID, LogEndOffset: m.LogEndOffset,
			LastFetch: m.LastFetchTime, LastCaughtUp: m.LastCaughtUpTime,
		}
		if m.Learner {
			s.Observers = append(s.Observers, r)
			continue
		}
		s.Voters = append(s.Voters, r)
		for _, e := range m.Endpoints {
			s.Nodes = append(s.Nodes, api.QuorumNode{ID: m.NodeID, Listener: e.Name, Host: e.Host, Port: e.Port})
		}
	}
	return s, nil
}

// nodeName is the name of this node's config resource.
func (n *Node) nodeName() string { return strconv.Itoa(int(n.set.nodeID)) }
