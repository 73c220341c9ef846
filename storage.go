package headrace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/config"
	"github.com/headrace/headrace/internal/kafka/uuid"
	"github.com/headrace/headrace/internal/vfs"
)

// storage is the node's directories and whose they are.
type storage struct {
	clusterID string
	dirs      []directory
}

// directory is one log directory, or the metadata directory.
type directory struct {
	path string
	id   metadata.UUID // zero if it cannot be read
	data bool          // one of log.dirs, not of the metadata alone
	// err is why the directory is off line; nil if it works.
	err error
}

// storageOptions name the directories.
type storageOptions struct {
	fs      vfs.FS
	logDirs []string // log.dirs
	// metadata is metadata.log.dir, which may be one of logDirs: no node can do
	// without it.
	metadata string
	nodeID   int32
	// clusterID is used where no directory has one; "" draws one.
	clusterID string
	random    io.Reader
	logger    *slog.Logger
}

// openStorage reads the identity of every directory, and gives one to those
// that have none: a node formats itself. A directory that cannot be read is off
// line and the others serve, as long as there is one and the metadata can be
// read (KIP-112). What says that a directory is somebody else's, or there twice,
// is an error.
func openStorage(o storageOptions) (*storage, error) {
	paths := distinctPaths(append(slices.Clone(o.logDirs), o.metadata)...)
	metas := make([]config.Meta, len(paths))
	st := &storage{dirs: make([]directory, len(paths))}
	for i, path := range paths {
		d := &st.dirs[i]
		d.path, d.data = path, i < len(distinctPaths(o.logDirs...))
		if d.err = makeDir(o.fs, path); d.err != nil {
			d.err = fmt.Errorf("make log directory %s: %w", path, d.err)
			continue
		}
		m, err := readMeta(o.fs, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			d.err = err
			continue
		}
		if err := checkMeta(path, m, o.nodeID, &st.clusterID); err != nil {
			return nil, err
		}
		metas[i] = m
	}
	if err := st.identify(o, metas); err != nil {
		return nil, err
	}
	return st, st.check(o.metadata)
}

// identify gives an identity to the directories that have none.
func (st *storage) identify(o storageOptions, metas []config.Meta) error {
	if st.clusterID == "" {
		st.clusterID = o.clusterID
	}
	if st.clusterID == "" {
		id, err := uuid.New(o.random)
		if err != nil {
			return err
		}
		st.clusterID = id.String()
	}
	owner := map[metadata.UUID]string{}
	for i := range st.dirs {
		d := &st.dirs[i]
		if d.err != nil {
			continue
		}
		if d.id, d.err = st.format(o, d.path, metas[i]); d.err != nil {
			d.err = fmt.Errorf("format %s: %w", d.path, d.err)
			continue
		}
		if other, twice := owner[d.id]; twice {
			return fmt.Errorf("log directories %s and %s have the same directory.id %s (their %s): one is a copy of the other; "+
				"take one out of log.dirs, or remove its %s if it has nothing that you need", other, d.path, d.id, config.MetaFile, config.MetaFile)
		}
		owner[d.id] = d.path
	}
	return nil
}

// check refuses storage that no node can run on.
func (st *storage) check(metadataDir string) error {
	working := 0
	var lost []error
	for _, d := range st.dirs {
		switch {
		case d.err != nil && d.path == filepath.Clean(metadataDir):
			return fmt.Errorf("metadata.log.dir cannot be used, and no node runs without: %w", d.err)
		case d.err != nil:
			lost = append(lost, d.err)
		case d.data:
			working++
		}
	}
	if working == 0 {
		return fmt.Errorf("none of log.dirs can be used: %w", errors.Join(lost...))
	}
	return nil
}

func checkMeta(path string, m config.Meta, nodeID int32, clusterID *string) error {
	if m.NodeID != nodeID {
		return fmt.Errorf("%s belongs to node.id %d (its %s), but this node is configured as node.id %d",
			path, m.NodeID, config.MetaFile, nodeID)
	}
	if *clusterID != "" && m.ClusterID != *clusterID {
		return fmt.Errorf("%s belongs to cluster %s (its %s), another log directory to cluster %s",
			path, m.ClusterID, config.MetaFile, *clusterID)
	}
	*clusterID = m.ClusterID
	return nil
}

// format writes a directory's identity if something of it is missing.
func (st *storage) format(o storageOptions, path string, m config.Meta) (metadata.UUID, error) {
	if m.DirectoryID != "" {
		return metadata.ParseUUID(m.DirectoryID)
	}
	id, err := uuid.New(o.random)
	if err != nil {
		return metadata.UUID{}, err
	}
	m = config.Meta{ClusterID: st.clusterID, NodeID: o.nodeID, DirectoryID: id.String()}
	o.logger.Info("formatting log directory", "path", path, "cluster", st.clusterID, "directory", m.DirectoryID)
	return id, vfs.ReplaceFile(o.fs, filepath.Join(path, config.MetaFile), m.Encode(), 0o644)
}

func readMeta(disk vfs.FS, path string) (config.Meta, error) {
	b, err := vfs.ReadFile(disk, filepath.Join(path, config.MetaFile))
	if err != nil {
		return config.Meta{}, err
	}
	m, err := config.ParseMeta(b)
	if err != nil {
		return config.Meta{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// makeDir makes a directory and its parents durably.
func makeDir(disk vfs.FS, path string) error {
	if _, err := disk.Stat(path); err == nil {
		return nil
	}
	if err := disk.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for p := filepath.Clean(path); filepath.Dir(p) != p; p = filepath.Dir(p) {
		if err := disk.SyncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

// distinctPaths lists paths without repetition, in order.
func distinctPaths(paths ...string) []string {
	var out []string
	for _, p := range paths {
		if p = filepath.Clean(p); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
