package headrace

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/session"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
	"github.com/headrace/headrace/internal/vfs"
)

// diskReserve is what records leave free on the disk of each log directory, and
// metadataBallast what the metadata log can make use of when somebody else has
// filled its disk. The reserve is larger: what the ballast was is not taken by
// records.
const (
	diskReserve     = 8 << 20
	metadataBallast = 4 << 20
)

func (n *Node) openStorage() (err error) {
	n.storage, err = openStorage(storageOptions{
		fs: n.opts.fs, logDirs: n.set.logDirs, metadata: n.set.metadataDir,
		nodeID: n.set.nodeID, clusterID: n.set.clusterID, random: rand.Reader, logger: n.opts.logger,
	})
	return err
}

// openDirs opens the log directories. One that cannot be opened is off line
// until the node is restarted, and the others serve (KIP-112).
func (n *Node) openDirs() error {
	for i := range n.storage.dirs {
		d := &n.storage.dirs[i]
		if d.err == nil {
			d.err = n.openDir(d)
		}
		if errors.Is(d.err, vfs.ErrLocked) {
			return fmt.Errorf("%s is in use by another process: %w", d.path, d.err)
		}
	}
	if err := n.storage.check(n.set.metadataDir); err != nil {
		return err
	}
	for _, d := range n.storage.dirs {
		if d.err != nil {
			n.opts.logger.Error("log directory is off line until the node is restarted", "path", d.path, "error", d.err)
		}
	}
	return nil
}

// openDir opens a log directory, or locks one that is for the metadata alone.
func (n *Node) openDir(d *directory) (err error) {
	if !d.data {
		n.metadataLock, err = n.opts.fs.Lock(filepath.Join(d.path, ".lock"))
		return err
	}
	ld, err := log.OpenDir(log.DirOptions{
		FS: n.opts.fs, Path: d.path, Logger: n.opts.logger, BootID: vfs.BootID(), Reserve: diskReserve, Scrub: n.set.scrub,
		MaxOpenFiles: shareFiles(openFileLimit(), len(n.storage.dirs)).segments,
		OnFailure:    func(*log.Dir, error) { n.watch.Look() },
	})
	if err != nil {
		return err
	}
	n.dirs = append(n.dirs, replica.Dir{Dir: ld, ID: d.id})
	return nil
}

// absentDirs are the log directories that were off line at the start.
func (n *Node) absentDirs() (out []replica.AbsentDir) {
	for _, d := range n.storage.dirs {
		if d.data && d.err != nil {
			out = append(out, replica.AbsentDir{Path: d.path, ID: d.id})
		}
	}
	return out
}

func (n *Node) dirIDs() []metadata.UUID {
	var ids []metadata.UUID
	for _, d := range n.dirs {
		ids = append(ids, d.ID)
	}
	return ids
}

// located has the controller told where a replica is.
func (n *Node) located(topic metadata.TopicID, index int32, dir metadata.UUID, done func()) {
	n.assignments.Assign(session.Replica{Topic: topic, Index: index}, dir, done)
}
