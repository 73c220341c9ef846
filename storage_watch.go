package headrace

import (
	"context"
	"time"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
)

// retryOpenEvery is how long a partition that could not be opened waits for the
// next attempt.
const retryOpenEvery = time.Second

// storageWatch hands what happens to the disks over to the part that acts on
// it. Use newStorageWatch.
type storageWatch struct{ look chan struct{} }

func newStorageWatch() storageWatch { return storageWatch{make(chan struct{}, 1)} }

// Look says that there is something to see. It never blocks, so that a log may
// say it with its locks held.
func (w storageWatch) Look() {
	select {
	case w.look <- struct{}{}:
	default:
	}
}

// watchStorage acts on failed log directories, and tries again what could not
// be opened, until ctx ends. The node outlives its last directory.
func (n *Node) watchStorage(ctx context.Context) error {
	seen := map[*log.Dir]bool{}
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.watch.look:
			n.actOnFailures(seen)
		case <-retry:
			n.replicas.Retry()
			retry = nil
		}
		if retry == nil && n.replicas.Pending() > 0 {
			retry = time.After(retryOpenEvery)
		}
	}
}

// actOnFailures takes the partitions of directories that have failed off line,
// and has the controller told, which gives their leaderships to others.
func (n *Node) actOnFailures(seen map[*log.Dir]bool) {
	for _, d := range n.dirs {
		if d.Failed() == nil || seen[d.Dir] {
			continue
		}
		seen[d.Dir] = true
		n.opts.logger.Warn("partitions of a failed log directory are off line until the node is restarted",
			"path", d.Path(), "directory", d.ID.String())
		n.replicas.DirFailed(d.Dir)
		n.session.Poke()
	}
}

// offlineDirs are the log directories that have failed. One that was abandoned
// has not: a node that crashes tells nobody.
func (n *Node) offlineDirs() []metadata.UUID {
	var ids []metadata.UUID
	for _, d := range n.dirs {
		if d.Failed() != nil && !n.abandoned.Load() {
			ids = append(ids, d.ID)
		}
	}
	return ids
}
