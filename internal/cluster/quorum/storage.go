package quorum

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/headrace/headrace/internal/vfs"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// StorageOptions configure a voter's disk.
type StorageOptions struct {
	FS  vfs.FS
	Dir string // <metadata.log.dir>/__cluster_metadata-0; created if missing
	// BootID names this boot of the machine (/proc/sys/kernel/random/boot_id).
	// Bad bytes at the very end of the log are a torn write only if the machine
	// went down since; "" stands for "may have".
	BootID       string
	SegmentBytes int64 // size at which a log segment is followed by the next; 0 = 4 MiB
	CacheBytes   int64 // newest entries kept in memory; 0 = 1 MiB
	Logger       *slog.Logger
}

func (o StorageOptions) withDefaults() StorageOptions {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 4 << 20
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 1 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// logPoint is an index with its term.
type logPoint struct{ index, term uint64 }

// Storage is what one voter has on disk: state file, log segments and two
// snapshots. It implements raft.Storage. Not safe for concurrent use.
//
// After a failed write or sync the Storage refuses all further changes: what
// the disk holds is then unknown until the next open.
type Storage struct {
	opts      StorageOptions
	log       *entryLog
	state     *stateFile     // nil until an identity was given
	snapshots []snapshotMeta // ascending; at most keptSnapshots
	boundary  logPoint       // the entry before the first that Raft may ask for
	stats     StorageStats
	damage    error // wraps ErrCorrupt; the voter is read-only
	failed    error // sticky
}

var _ raft.Storage = (*Storage)(nil)

// StorageStats counts what happened since the directory was opened.
type StorageStats struct {
	TornCuts    int // torn tails cut by OpenStorage
	Truncations int // times that the end of the log was replaced by a leader's
	Snapshots   int // taken from the own state
	Installs    int // received from a leader
	Fallbacks   int // damaged snapshots passed over
}

// Stats tells what happened since the directory was opened.
func (s *Storage) Stats() StorageStats { return s.stats }

// keptSnapshots is the number of snapshots on disk: if the newest turns out to
// be damaged, the older one and the log since it give the same state.
const keptSnapshots = 2

// OpenStorage opens or creates the directory and recovers what a crash left. A
// torn tail of the log is cut. Damage is no error of OpenStorage: see Damage.
func OpenStorage(o StorageOptions) (*Storage, error) {
	s := &Storage{opts: o.withDefaults()}
	if err := s.prepareDir(); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Storage) prepareDir() error {
	fsys, dir := s.opts.FS, s.opts.Dir
	if err := makeDirDurable(fsys, dir); err != nil {
		return fmt.Errorf("create metadata directory: %w", err)
	}
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list metadata directory: %w", err)
	}
	for _, e := range names {
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := fsys.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove leftover: %w", err)
			}
		}
	}
	return nil
}

// makeDirDurable makes a directory with its missing parents. Until the state
// file is there, every entry on the way is synced, whoever made it: an earlier
// process may have been killed between the two. A parent that this user may not
// open was not made by it.
func makeDirDurable(fsys vfs.FS, dir string) error {
	if _, err := fsys.Stat(filepath.Join(dir, stateFileName)); err == nil {
		return nil
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if err := fsys.SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func (s *Storage) open() (err error) {
	if s.state, err = openStateFile(s.opts.FS, s.opts.Dir); err != nil && !s.noteDamage(err) {
		return err
	}
	if err := s.openSnapshots(); err != nil {
		return err
	}
	var bad *logDamage
	s.log, bad, err = openEntryLog(s.opts.FS, s.opts.Dir, s.opts.SegmentBytes, s.opts.CacheBytes)
	if err != nil {
		return err
	}
	if bad != nil {
		if err := s.judge(bad); err != nil && !s.noteDamage(err) {
			return err
		}
	}
	if err := s.joinLogToSnapshots(); err != nil && !s.noteDamage(err) {
		return err
	}
	if s.damage != nil {
		return nil // nothing is written to a damaged directory
	}
	return s.settle()
}

// noteDamage keeps the first corruption error and tells whether err was one.
func (s *Storage) noteDamage(err error) bool {
	if !errors.Is(err, ErrCorrupt) {
		return false
	}
	if s.damage == nil {
		s.damage = err
	}
	return true
}

// openSnapshots lists the snapshots whose headers are whole. A damaged one is
// left on disk, out of use, for the operator to see.
func (s *Storage) openSnapshots() error {
	names, err := s.opts.FS.ReadDir(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("list snapshots: %w", err)
	}
	for _, e := range names {
		index, term, ok := parseSnapshotName(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(s.opts.Dir, e.Name())
		b, err := readSnapshotFile(s.opts.FS, path)
		var m snapshotMeta
		if err == nil {
			m, _, err = parseSnapshot(path, b)
		}
		if err == nil && (m.Index != index || m.Term != term) {
			err = corruptf(path, 0, "snapshot is of index %d term %d", m.Index, m.Term)
		}
		if errors.Is(err, ErrCorrupt) {
			s.stats.Fallbacks++
			s.opts.Logger.Error("snapshot of the metadata log is damaged, using the one before it", "file", path, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		s.snapshots = append(s.snapshots, m)
	}
	return nil
}

// judge decides what the bad end of the log is: the torn tail of a write that
// was never acknowledged, which is cut, or damage.
func (s *Storage) judge(d *logDamage) error {
	damage := corruptf(d.path, d.pos, "entry %d: %s", d.next, d.reason)
	if s.damage != nil || s.state == nil {
		return damage
	}
	if d.segment == nil || !d.newest || d.next <= s.state.current.Commit {
		return damage
	}
	synced := d.next
	if d.pos < segmentHeaderSize {
		synced-- // the header itself was synced before any entry was written
	}
	later, err := d.segment.laterWrite(d.pos, synced)
	if err != nil {
		return err
	}
	if later || (!d.torn && !s.rebooted()) {
		return damage
	}
	s.stats.TornCuts++
	s.opts.Logger.Warn("cut the torn end of the metadata log", "file", d.path, "position", d.pos, "reason", d.reason)
	return s.log.cutTorn(d)
}

// rebooted tells whether the machine may have gone down since the last open.
func (s *Storage) rebooted() bool {
	return s.opts.BootID == "" || s.state.current.BootID != bootHash(s.opts.BootID)
}

func bootHash(id string) (h [16]byte) {
	if id == "" {
		return h
	}
	sum := sha256.Sum256([]byte(id))
	copy(h[:], sum[:])
	return h
}

// joinLogToSnapshots finds where the log that Raft sees begins, and drops a log
// that a newer snapshot from the leader has replaced.
func (s *Storage) joinLogToSnapshots() error {
	if len(s.snapshots) == 0 {
		if !s.log.empty() || (s.state != nil && s.state.current.Commit > 0) {
			return corruptf(s.opts.Dir, 0, "no whole snapshot to start the log from")
		}
		return nil
	}
	newest := s.newest()
	if !s.log.empty() && s.log.first() > newest.Index+1 {
		return corruptf(s.opts.Dir, 0, "the log begins at %d, the newest snapshot ends at %d", s.log.first(), newest.Index)
	}
	if s.replacedBy(newest) && s.damage == nil {
		if err := s.log.clear(); err != nil {
			return err
		}
	}
	s.boundary = logPoint{newest.Index, newest.Term}
	if oldest := s.snapshots[0]; !s.log.empty() && s.log.first() <= oldest.Index+1 {
		s.boundary = logPoint{oldest.Index, oldest.Term}
	}
	if s.state != nil && s.state.current.Commit > s.lastIndex() {
		return corruptf(s.opts.Dir, 0, "entries up to %d were committed, the log ends at %d", s.state.current.Commit, s.lastIndex())
	}
	return nil
}

// replacedBy tells whether the log on disk is from before m was installed.
func (s *Storage) replacedBy(m snapshotMeta) bool {
	if s.log.empty() || s.log.last() < m.Index {
		return true
	}
	term, ok := s.log.term(m.Index)
	return ok && term != m.Term
}

// settle makes durable what an earlier process may have written without sync,
// and remembers this boot.
func (s *Storage) settle() error {
	if s.state == nil {
		return nil
	}
	if err := errors.Join(s.log.sync(), s.state.file.Sync(), s.opts.FS.SyncDir(s.opts.Dir)); err != nil {
		return fmt.Errorf("sync metadata directory: %w", err)
	}
	s.state.dirtyB = false
	h := s.state.current
	h.BootID = bootHash(s.opts.BootID)
	return s.state.save(h)
}

// Damage returns an error that wraps ErrCorrupt where stored data are damaged.
// What can still be read may be served, read-only; nothing is written.
func (s *Storage) Damage() error { return s.damage }

// Identity returns who this voter is; zero until Identify was called once.
func (s *Storage) Identity() Identity {
	if s.state == nil {
		return Identity{}
	}
	return s.state.current.Identity
}

// Identify stores the identity of a new voter, durably. It fails where the
// directory already has one.
func (s *Storage) Identify(id Identity) error {
	if s.state != nil || s.damage != nil {
		return fmt.Errorf("quorum: %s already has an identity", s.opts.Dir)
	}
	if id.RaftID == 0 {
		return errors.New("quorum: a voter needs a Raft id")
	}
	st, err := createStateFile(s.opts.FS, s.opts.Dir, hardState{Identity: id, BootID: bootHash(s.opts.BootID)})
	if err != nil {
		return s.fail(err)
	}
	s.state = st
	return nil
}

// Founded tells whether this directory belongs to a quorum: it has a snapshot
// to start from.
func (s *Storage) Founded() bool { return len(s.snapshots) > 0 }

// foundingPoint is where every log begins: the founding snapshot stands in for
// entry 1 of term 1, so that all founders start from the same bytes.
var foundingPoint = logPoint{index: 1, term: 1}

// Found writes the founding snapshot: the membership and no metadata. All
// founders write the same one.
func (s *Storage) Found(m Membership) error {
	if s.Founded() {
		return fmt.Errorf("quorum: %s has been founded before", s.opts.Dir)
	}
	meta := snapshotMeta{
		Index: foundingPoint.index, Term: foundingPoint.term,
		Membership: m, ConfState: confStateOf(m),
	}
	err := writeSnapshot(s.opts.FS, s.opts.Dir, meta, func(io.Writer) error { return nil })
	if err != nil {
		return s.fail(err)
	}
	s.snapshots = []snapshotMeta{meta}
	s.boundary = foundingPoint
	h := s.state.current
	h.Term = max(h.Term, foundingPoint.term)
	h.Commit = max(h.Commit, foundingPoint.index)
	return s.fail(s.state.save(h))
}

func confStateOf(m Membership) *pb.ConfState {
	cs := &pb.ConfState{AutoLeave: new(false)}
	for _, x := range m.Members {
		if x.Learner {
			cs.Learners = append(cs.Learners, uint64(x.RaftID))
			continue
		}
		cs.Voters = append(cs.Voters, uint64(x.RaftID))
	}
	return cs
}

// newest returns the latest snapshot's description.
func (s *Storage) newest() snapshotMeta { return s.snapshots[len(s.snapshots)-1] }

// fail makes an error final, unless it is that of a full disk: nothing has been
// changed then, and the same call may be made again when there is space.
func (s *Storage) fail(err error) error {
	if err != nil && s.failed == nil && !diskFull(err) {
		s.failed = err
	}
	return err
}

// diskFull tells whether a write found no space and left everything as it was.
func diskFull(err error) bool {
	if sync := (*syncError)(nil); errors.As(err, &sync) {
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// save makes one Ready durable: term and vote first, then snapshot and
// entries, and the commit index last, so that it never passes the log. When the
// disk is full (diskFull) it may be called again with the same arguments.
func (s *Storage) save(hs *pb.HardState, entries []*pb.Entry, snap *pb.Snapshot) error {
	if err := errors.Join(s.damage, s.failed); err != nil {
		return err
	}
	next := s.state.current
	if !raft.IsEmptyHardState(hs) {
		next.Term, next.Vote = hs.GetTerm(), hs.GetVote()
	}
	if err := s.state.save(next); err != nil {
		return s.fail(err)
	}
	if !raft.IsEmptySnap(snap) {
		if err := s.install(snap); err != nil {
			return s.fail(err)
		}
	}
	if len(entries) > 0 && entries[0].GetIndex() <= s.lastIndex() {
		s.stats.Truncations++
	}
	if err := s.log.append(entries); err != nil {
		return s.fail(err)
	}
	if !raft.IsEmptyHardState(hs) {
		next.Commit = hs.GetCommit()
	}
	return s.fail(s.state.save(next))
}

// install stores a snapshot that came from the leader and drops the log, which
// it replaces. The snapshot's data are a whole snapshot file.
func (s *Storage) install(snap *pb.Snapshot) error {
	meta, _, err := parseSnapshot("snapshot from the leader", snap.GetData())
	if err != nil {
		return err
	}
	err = publishSnapshot(s.opts.FS, s.opts.Dir, meta, func(f vfs.File) error {
		_, err := f.WriteAt(snap.GetData(), 0)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.log.clear(); err != nil {
		return err
	}
	s.boundary = logPoint{meta.Index, meta.Term}
	s.stats.Installs++
	return s.addSnapshot(meta)
}

// addSnapshot puts m at the end of the list and deletes what is too old.
func (s *Storage) addSnapshot(m snapshotMeta) error {
	s.snapshots = append(s.snapshots, m)
	for len(s.snapshots) > keptSnapshots {
		old := s.snapshots[0]
		s.snapshots = s.snapshots[1:]
		path := filepath.Join(s.opts.Dir, snapshotName(old.Index, old.Term))
		if err := s.opts.FS.Remove(path); err != nil {
			return fmt.Errorf("delete old snapshot: %w", err)
		}
	}
	return nil
}

// takeSnapshot stores the state machine as of applied and truncates the log
// to what the older of the two kept snapshots needs.
func (s *Storage) takeSnapshot(applied uint64, m Membership, cs *pb.ConfState, fill func(io.Writer) error) error {
	if err := errors.Join(s.damage, s.failed); err != nil {
		return err
	}
	term, err := s.Term(applied)
	if err != nil {
		return fmt.Errorf("snapshot at %d: %w", applied, err)
	}
	meta := snapshotMeta{Index: applied, Term: term, Membership: m, ConfState: proto.Clone(cs).(*pb.ConfState)}
	if err := writeSnapshot(s.opts.FS, s.opts.Dir, meta, fill); err != nil {
		return s.fail(err)
	}
	s.stats.Snapshots++
	if err := s.addSnapshot(meta); err != nil {
		return s.fail(err)
	}
	oldest := s.snapshots[0]
	if oldest.Index > s.boundary.index {
		s.boundary = logPoint{oldest.Index, oldest.Term}
	}
	return s.fail(s.log.compact(s.boundary.index))
}

// loadSnapshot reads and checks the newest snapshot, falling back to the older
// one where a bit has flipped since the directory was opened. raw is the whole
// file, body the state machine's bytes.
func (s *Storage) loadSnapshot() (m snapshotMeta, raw, body []byte, err error) {
	m = s.newest()
	path := filepath.Join(s.opts.Dir, snapshotName(m.Index, m.Term))
	if raw, err = readSnapshotFile(s.opts.FS, path); err != nil {
		return m, nil, nil, err
	}
	_, body, err = parseSnapshot(path, raw)
	return m, raw, body, err
}

// Close closes the files. What save returned nil for is durable already.
func (s *Storage) Close() error {
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.close())
	}
	if s.state != nil {
		errs = append(errs, s.state.close())
	}
	return errors.Join(errs...)
}
