package quorum

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
	pb "go.etcd.io/raft/v3/raftpb"
)

// RepairOptions say which metadata directory is to be repaired, and whose
// meta.properties says it is.
type RepairOptions struct {
	FS        vfs.FS
	Dir       string // <metadata.log.dir>/__cluster_metadata-0
	BootID    string // see StorageOptions.BootID
	ClusterID string
	// Identity's RaftID is not in meta.properties and not needed.
	Identity Identity
	Logger   *slog.Logger
}

// Repair tells what a repair does, or has done.
type Repair struct {
	// Damage is what is wrong; nil: nothing is, and nothing was changed.
	Damage error
	// Files are the damaged ones, those that are cut, and those that go.
	Files []string
	// Kept is the offset of the last entry of the metadata log that stays, and
	// Known that of the last one of which anything is known.
	Kept, Known uint64
	Lost        []Loss
	// Unreadable counts the lost entries of which nothing can be told.
	Unreadable uint64
	// Topics and Partitions are how many the repaired metadata have.
	Topics, Partitions int
	Backup             string // where the directory was copied before; "" for a plan
}

// Loss is what some lost records, which can still be read, were about.
type Loss struct {
	Type  metadata.RecordType
	Count int
	Names []string // of the topics that were created, in TopicRecords
}

// ErrNotAlone refuses the repair of one of several voters: what it has forgotten
// may be a vote, and the others have the metadata.
var ErrNotAlone = errors.New("this node is one of several voters, which have the metadata: move its metadata directory away, " +
	"start it, and exchange the voter (kafka-metadata-quorum remove-controller, add-controller)")

// ErrNothingLeft refuses a repair that has nothing to begin with.
var ErrNothingLeft = errors.New("no snapshot of the metadata can be read, and the log does not go back to the beginning: " +
	"restore the directory from a backup, or move it away and start as a new node")

// PlanRepair tells what ExecuteRepair would do, and changes nothing.
func PlanRepair(o RepairOptions) (*Repair, error) {
	if _, err := o.FS.Stat(o.Dir); err != nil {
		return nil, err
	}
	o.FS = vfs.NewOverlay(o.FS)
	return o.repair()
}

// ExecuteRepair makes a lone voter work again whose metadata log, snapshot or
// state file is damaged: it cuts the log at the damage and gives the state file
// anew. Nobody may use the directory. It is copied beside itself before.
//
// What was decided behind the damage is lost: the metadata go back in time. So
// that nothing is given out twice, the next producer ids and leader epochs are
// moved beyond what the lost entries can have used.
func ExecuteRepair(o RepairOptions) (*Repair, error) {
	plan, err := PlanRepair(o)
	if err != nil || plan.Damage == nil {
		return plan, err
	}
	backup, err := copyDir(o.FS, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("copy %s before its repair: %w", o.Dir, err)
	}
	done, err := o.repair()
	if err != nil {
		return nil, fmt.Errorf("%w; the directory as it was is in %s", err, backup)
	}
	done.Backup = backup
	return done, nil
}

// Inspect reads a metadata directory that nobody uses, changes nothing, and
// returns an error that wraps ErrCorrupt if it is damaged.
func Inspect(disk vfs.FS, dir, bootID string) error {
	s, err := OpenStorage(StorageOptions{FS: vfs.NewOverlay(disk), Dir: dir, BootID: bootID})
	if err != nil {
		return err
	}
	return errors.Join(s.Damage(), s.Close())
}

// repairing is a repair at work.
type repairing struct {
	RepairOptions
	out   *Repair
	state *hardState // nil: damaged
	snaps []snapshotMeta
	log   *entryLog
	bad   *logDamage
	lost  lostEntries
}

func (o RepairOptions) repair() (*Repair, error) {
	s, err := OpenStorage(StorageOptions{FS: o.FS, Dir: o.Dir, BootID: o.BootID, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	r := &repairing{RepairOptions: o, out: &Repair{Damage: s.Damage()}, snaps: s.snapshots}
	if s.state != nil {
		h := s.state.current
		r.state = &h
	}
	healthy := s.Damage() == nil
	if err := s.Close(); err != nil {
		return nil, err
	}
	if !healthy {
		if err := r.cut(); err != nil {
			return nil, err
		}
	}
	return r.out, r.settle(healthy)
}

// cut brings log, snapshots and state file together again.
func (r *repairing) cut() (err error) {
	if r.log, r.bad, err = openEntryLog(r.FS, r.Dir, StorageOptions{}.withDefaults().SegmentBytes, 0); err != nil {
		return err
	}
	defer func() {
		if cerr := r.log.close(); err == nil {
			err = cerr
		}
	}()
	if err := r.noteDamaged(); err != nil {
		return err
	}
	if r.state != nil {
		r.out.Known = r.state.Commit
	}
	if err := r.cutLog(); err != nil {
		return err
	}
	if len(r.snaps) == 0 {
		if err := r.found(); err != nil {
			return err
		}
	}
	if err := r.alone(); err != nil {
		return err
	}
	if err := r.joinLog(); err != nil {
		return err
	}
	return r.giveState()
}

// noteDamaged lists the snapshots and the state file that cannot be read.
func (r *repairing) noteDamaged() error {
	if r.state == nil {
		r.out.Files = append(r.out.Files, stateFileName)
	}
	names, err := r.FS.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	for _, e := range names {
		index, term, ok := parseSnapshotName(e.Name())
		whole := slices.ContainsFunc(r.snaps, func(m snapshotMeta) bool { return m.Index == index && m.Term == term })
		if !ok || whole {
			continue
		}
		r.out.Files = append(r.out.Files, e.Name())
		if err := r.FS.Remove(filepath.Join(r.Dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// cutLog ends the log before the damage, and looks at what is behind it.
func (r *repairing) cutLog() error {
	if r.bad == nil {
		return nil
	}
	var behind []string // segments that were not opened, oldest first
	names, err := r.FS.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	for _, e := range names {
		first, ok := parseSegmentName(e.Name())
		if ok && !slices.ContainsFunc(r.log.segments, func(s *segment) bool { return s.first == first }) {
			behind = append(behind, e.Name())
		}
	}
	if r.bad.segment != nil {
		r.out.Files = append(r.out.Files, filepath.Base(r.bad.path))
		if err := r.lost.read(r.FS, r.bad.path, r.bad.pos); err != nil {
			return err
		}
	}
	for _, name := range behind {
		r.out.Files = append(r.out.Files, name)
		if err := r.lost.read(r.FS, filepath.Join(r.Dir, name), 0); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(behind) { // newest first: what a crash leaves is a log
		if err := r.FS.Remove(filepath.Join(r.Dir, name)); err != nil {
			return err
		}
	}
	if r.bad.segment == nil {
		return r.FS.SyncDir(r.Dir)
	}
	return errors.Join(r.log.cutTorn(r.bad), r.FS.SyncDir(r.Dir))
}

// found makes the founding snapshot again, if the log has everything since.
func (r *repairing) found() error {
	if r.state == nil || r.log.empty() || r.log.first() != foundingPoint.index+1 {
		return ErrNothingLeft
	}
	m := Membership{ClusterID: r.ClusterID, Members: []Member{{Identity: r.state.Identity}}}
	meta := snapshotMeta{Index: foundingPoint.index, Term: foundingPoint.term, Membership: m, ConfState: confStateOf(m)}
	if err := writeSnapshot(r.FS, r.Dir, meta, noImage); err != nil {
		return err
	}
	r.snaps = []snapshotMeta{meta}
	return nil
}

// alone refuses where others have voted, or may have.
func (r *repairing) alone() error {
	newest := r.snaps[len(r.snaps)-1]
	if len(newest.Membership.Members) != 1 || len(newest.ConfState.GetVoters()) != 1 || r.lost.changes > 0 {
		return ErrNotAlone
	}
	if me := newest.Membership.Members[0].Identity; me.NodeID != r.Identity.NodeID || me.DirectoryID != r.Identity.DirectoryID {
		return fmt.Errorf("the metadata are those of node.id %d with directory id %s, meta.properties says %d and %s",
			me.NodeID, me.DirectoryID, r.Identity.NodeID, r.Identity.DirectoryID)
	}
	for _, s := range r.log.segments {
		for i, ref := range s.refs {
			if ref.typ != pb.EntryNormal && s.first+uint64(i) > newest.Index {
				return ErrNotAlone
			}
		}
	}
	return nil
}

// joinLog drops a log that does not begin where the newest whole snapshot ends.
func (r *repairing) joinLog() error {
	newest := r.snaps[len(r.snaps)-1]
	r.out.Kept = newest.Index
	if r.log.empty() || len(r.log.segments) == 1 && len(r.log.segments[0].refs) == 0 {
		return nil
	}
	if r.log.first() <= newest.Index+1 {
		r.out.Kept = max(newest.Index, r.log.last())
		return nil
	}
	for _, s := range r.log.segments {
		r.out.Files = append(r.out.Files, filepath.Base(s.path))
		if err := r.lost.read(r.FS, s.path, 0); err != nil {
			return err
		}
	}
	return r.log.clear()
}

// giveState writes the state file: the term at least that of the log, and no
// more committed than there is.
func (r *repairing) giveState() error {
	newest := r.snaps[len(r.snaps)-1]
	h := hardState{Identity: newest.Membership.Members[0].Identity, BootID: bootHash(r.BootID)}
	if r.state != nil {
		h = *r.state
	}
	h.Term = max(h.Term, newest.Term, r.lost.term)
	if !r.log.empty() {
		if term, ok := r.log.term(r.log.last()); ok {
			h.Term = max(h.Term, term)
		}
	}
	h.Commit = r.out.Kept
	path := filepath.Join(r.Dir, stateFileName)
	if err := r.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	st, err := createStateFile(r.FS, r.Dir, h)
	if err != nil {
		return err
	}
	return st.close()
}

// settle opens the repaired directory as a voter would, moves ids beyond what
// was lost, and tells what there is.
func (r *repairing) settle(healthy bool) error {
	s, err := OpenStorage(StorageOptions{FS: r.FS, Dir: r.Dir, BootID: r.BootID, Logger: r.Logger})
	if err == nil {
		err = errors.Join(s.Damage(), r.look(s, healthy), s.Close())
	}
	return err
}

func (r *repairing) look(s *Storage, healthy bool) error {
	if healthy && !s.Founded() {
		return nil
	}
	img, _, err := s.readable()
	if err != nil {
		return err
	}
	r.out.Topics, r.out.Partitions = img.NumTopics(), img.NumPartitions()
	if healthy {
		r.out.Kept, r.out.Known = s.lastIndex(), s.lastIndex()
		return nil
	}
	r.out.Known = max(r.out.Known, r.out.Kept, r.lost.last)
	r.out.Lost, r.out.Unreadable = r.lost.tell(r.out.Kept, r.out.Known)
	if r.out.Known == r.out.Kept {
		return nil
	}
	return r.moveOn(s, img)
}

// copyDir copies a directory of files beside itself, durably. Its name is none
// that a partition can have.
func copyDir(disk vfs.FS, dir string) (string, error) {
	to := dir + ".damaged"
	for n := 2; ; n++ {
		if _, err := disk.Stat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s.damaged.%d", dir, n)
	}
	if err := disk.MkdirAll(to, 0o700); err != nil {
		return "", err
	}
	names, err := disk.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range names {
		if err := copyFile(disk, filepath.Join(dir, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return "", err
		}
	}
	return to, errors.Join(disk.SyncDir(to), disk.SyncDir(filepath.Dir(to)))
}

func copyFile(disk vfs.FS, from, to string) error {
	src, err := disk.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	b, err := readAll(src)
	if err := errors.Join(err, src.Close()); err != nil {
		return err
	}
	dst, err := disk.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = dst.WriteAt(b, 0)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}
