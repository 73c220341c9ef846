package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/log"
)

// Offline reports that the partition's log directory has failed, or the one that
// it was just about to be moved to. It holds from the moment of the failure on,
// until the node is restarted.
func (p *Partition) Offline() bool { return p.Log().Dir().Failed() != nil || p.stranded.Load() }

// unavailable is why nobody may wait for this replica as the leader any more.
func (p *Partition) unavailable() error {
	if p.Offline() {
		return kerr.KafkaStorageError
	}
	return kerr.NotLeaderForPartition
}

// DirFailed sends everybody away who waits for a partition in a directory that
// has failed: producers with KAFKA_STORAGE_ERROR, parked fetches to find that
// out, coordinators because they have resigned. It is called once for each such
// directory, after the failure, with none of the directory's locks held. As
// ReplicaManager.handleLogDirFailure.
func (m *Manager) DirFailed(d *log.Dir) {
	m.Each(func(p *Partition) bool {
		if p.Log().Dir() == d {
			p.resigned()
		}
		return true
	})
	m.wakeMoves() // some may end
}
