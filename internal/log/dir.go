package log

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// DirOptions say where a log directory is and how it behaves.
type DirOptions struct {
	FS     vfs.FS
	Path   string       // made if it is missing
	Logger *slog.Logger // nil: discard
	// SyncWorkers is how many files may be synced at once; 0 = 8.
	SyncWorkers int
	// MaxOpenFiles bounds the open segments; 0 = half of what the process may
	// open. Segments in use or with unsynced writes are never closed.
	MaxOpenFiles int
	// BootID changes whenever the machine starts (on Linux
	// /proc/sys/kernel/random/boot_id). "" = unknown: every unclean stop is
	// taken for a power cut.
	BootID string
	// Reserve is how many bytes of the disk are not for records; 0 = none.
	Reserve int64
	// OnFailure is called once, when the directory fails for good, from any
	// goroutine and with locks held: it must not block or call back.
	OnFailure func(*Dir, error)
	// Scrub is how the directory is re-read in the background.
	Scrub ScrubOptions
	// Manual starts no goroutine; the owner calls Step instead. For simulation.
	Manual bool
}

const (
	defaultSyncWorkers = 8
	lockName           = ".lock"
	deleteSuffix       = "-delete" // as Kafka's
	straySuffix        = "-stray"
)

// Dir is one log directory with all its logs. Its methods may be called
// concurrently.
type Dir struct {
	fs        vfs.FS
	path      string
	logger    *slog.Logger
	onFailure func(*Dir, error)
	// snapshotEvery is the constant of that name but in tests.
	snapshotEvery int64

	failure atomic.Pointer[error]
	closed  atomic.Bool
	full    atomic.Bool
	probed  atomic.Int64 // ms of the last question for space
	reserve reserve

	lock  io.Closer
	files fileCache
	queue syncQueue
	state *stateLog
	boot  boot
	keep  keeper
	stats dirStats

	mu      sync.Mutex
	logs    map[Partition]*Log
	found   map[string]bool    // partition directories
	configs map[Config]*Config // one copy of each for all logs

	root   rootSync
	saving sync.Mutex // one writer of partitions' state; after Log.syncing, before Log.mem
}

// boot is what the state log says about the last use of the directory.
type boot struct {
	session uint64
	// since is the first session after the machine has started, or may have;
	// 0 if that is not known to have happened.
	since uint64
	id    string
	clean bool // the last owner closed it
}

// OpenDir locks the directory and reads its state log. No segment is opened
// yet. It fails with vfs.ErrLocked if another process has the directory.
func OpenDir(o DirOptions) (*Dir, error) {
	d := &Dir{
		fs: o.FS, path: o.Path, logger: o.Logger, onFailure: o.OnFailure, snapshotEvery: snapshotEvery,
		logs: map[Partition]*Log{}, found: map[string]bool{}, configs: map[Config]*Config{},
	}
	d.reserve.bytes = o.Reserve
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
	if err := d.prepare(o); err != nil {
		if d.state != nil && d.state.f != nil {
			_ = d.state.close()
		}
		if d.lock != nil {
			_ = d.lock.Close()
		}
		return nil, fmt.Errorf("open log directory %s: %w", o.Path, err)
	}
	d.files = fileCache{fs: o.FS, limit: o.MaxOpenFiles, onPinned: func() { d.queue.hurry(0) }}
	if d.files.limit <= 0 {
		d.files.limit = maxOpenFiles()
	}
	d.keep.init()
	d.queue.init(d.keep.hurry)
	if !o.Manual {
		d.files.room = make(chan struct{}, 1)
		if o.SyncWorkers <= 0 {
			o.SyncWorkers = defaultSyncWorkers
		}
		d.start(o.SyncWorkers)
		if o.Scrub.BytesPerSecond > 0 {
			d.keep.wg.Go(newScrubber(d, o.Scrub).run)
		}
	}
	return d, nil
}

func (d *Dir) prepare(o DirOptions) error {
	err := d.makePath()
	if err == nil {
		d.lock, err = d.fs.Lock(filepath.Join(d.path, lockName))
	}
	if err == nil {
		d.state, err = openStateLog(d.fs, d.path, d.logger)
	}
	if err == nil {
		err = d.list()
	}
	if err == nil {
		err = d.begin(o.BootID)
	}
	return err
}

// makePath makes the directory with its missing parents, durably. It syncs the
// parent even of one that is there: the last start may have died in between.
func (d *Dir) makePath() error {
	var parents []string
	for dir := filepath.Clean(d.path); ; {
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		parents = append(parents, parent)
		if _, err := d.fs.Stat(parent); err == nil {
			break
		}
		dir = parent
	}
	if err := d.fs.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	for _, p := range parents {
		if err := d.fs.SyncDir(p); err != nil {
			return err
		}
	}
	return nil
}

// begin opens a new session. From here on the last one's clean stop is used up.
// A full disk does not keep a directory from being read: its appends wait until
// the record of the session can be written.
func (d *Dir) begin(bootID string) error {
	last, ok := decodeSession(d.state.get("", kindSession))
	if !ok {
		last.number = d.lastSession()
	}
	d.boot = boot{session: last.number + 1, since: last.since, id: bootID}
	d.boot.clean = ok && last.clean && d.state.lost == 0
	if ok && (bootID == "" || last.bootID != bootID) {
		d.boot.since = d.boot.session
	}
	if d.state.lost > 0 {
		d.logger.Warn("state log has damage: what it cost is made again from the segments",
			"dir", d.path, "records", d.state.lost)
	}
	var b stateBatch
	d.addSession(&b, false)
	d.addFound(&b)
	err := d.state.commit(&b)
	if err == nil || !isNoSpace(err) {
		return err
	}
	if ok && last.clean {
		last.clean = false
		if oerr := d.state.overwrite("", kindSession, last.encode); oerr != nil {
			return fmt.Errorf("%w, and then: %w", err, oerr)
		}
	}
	d.state.owe(&b)
	d.setReadOnly(err)
	return nil
}

// lastSession finds the number of the last session without its own record.
func (d *Dir) lastSession() (n uint64) {
	for _, key := range d.state.keys() {
		if cp, ok := decodeCheckpoint(d.state.get(key, kindCheckpoint)); ok {
			n = max(n, cp.session)
		}
	}
	return n
}

func (d *Dir) addSession(b *stateBatch, clean bool) {
	b.add("", kindSession, session{number: d.boot.session, clean: clean, since: d.boot.since, bootID: d.boot.id}.encode)
}

// addFound brings the records of the partitions up to what is on disk: those of
// directories that are gone go, but for those that had durable records (Open
// tells of the loss then), and the first session after a power cut notes
// which partitions had no checkpoint then. Later ones could not tell, if this
// one is killed before it has recovered them.
func (d *Dir) addFound(b *stateBatch) {
	for _, key := range d.state.keys() {
		if !d.found[key] {
			if cp, ok := decodeCheckpoint(d.state.get(key, kindCheckpoint)); ok && cp.hadRecords() {
				continue
			}
			b.add(key, kindGone, nil)
		}
	}
	if d.boot.since != d.boot.session {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.found)) {
		if d.state.get(name, kindCheckpoint) == nil {
			b.add(name, kindFound, func(v []byte) []byte { return encodeFound(v, d.boot.session) })
		}
	}
}

// list finds the partitions' directories, and what deletions have left. Their
// names are durable from here on: the last process may have been killed before
// it had synced them.
func (d *Dir) list() error {
	if err := d.fs.SyncDir(d.path); err != nil {
		return err
	}
	entries, err := d.fs.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if strings.HasSuffix(e.Name(), deleteSuffix) {
			d.keep.remove(filepath.Join(d.path, e.Name()), time.Time{})
		} else if _, ok := parsePartition(e.Name()); ok {
			d.found[e.Name()] = true
		}
	}
	return nil
}

// Stored is a partition found on disk.
type Stored struct {
	Partition Partition
	TopicID   TopicID // zero if it cannot be read
	Size      int64   // bytes of its segments as the state log knows them
}

// Stored lists the partitions whose directories were there when the directory
// was opened or have been made since, in no order. Directories that wait for
// their removal are not among them.
func (d *Dir) Stored() []Stored {
	d.mu.Lock()
	names := make([]string, 0, len(d.found))
	for name := range d.found {
		names = append(names, name)
	}
	d.mu.Unlock()
	v := make([]Stored, 0, len(names))
	for _, name := range names {
		p, _ := parsePartition(name)
		s := Stored{Partition: p}
		if cp, ok := decodeCheckpoint(d.state.get(name, kindCheckpoint)); ok {
			s.TopicID, s.Size = cp.topicID, cp.point.pos
			_, sealed, _ := decodeSegments(d.state.get(name, kindSegments))
			for _, seg := range sealed {
				s.Size += seg.size
			}
		} else if m, err := readMeta(d.fs, filepath.Join(d.path, name)); err == nil {
			s.TopicID = m.topicID
		}
		v = append(v, s)
	}
	return v
}

// CleanStop reports that the last owner of the directory closed it. The answer
// is used up by OpenDir: a crash from now on is seen as one.
func (d *Dir) CleanStop() bool { return d.boot.clean }

// Path is the directory's path.
func (d *Dir) Path() string { return d.path }

// OpenFiles is the number of segment files open now.
func (d *Dir) OpenFiles() int { return d.files.len() }

// intern keeps one copy of equal configurations.
func (d *Dir) intern(c Config) *Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.configs[c]
	if p == nil {
		p = &c
		d.configs[c] = p
	}
	return p
}

// Close syncs all logs, writes their recovery points and the mark of a clean
// stop, and gives the lock back. After ctx's end it leaves the rest undone, and
// the next start recovers. Reads under way keep their files.
func (d *Dir) Close(ctx context.Context) error {
	if !d.closed.CompareAndSwap(false, true) {
		return errClosed
	}
	d.halt()
	err := d.Failed()
	if err == nil {
		err = d.settle(ctx)
	}
	d.mu.Lock()
	logs := d.logs
	d.logs = map[Partition]*Log{}
	d.mu.Unlock()
	for _, l := range logs {
		l.gone.Store(true)
		l.unpin()
	}
	d.files.closeAll()
	if cerr := d.state.close(); err == nil {
		err = cerr
	}
	if lerr := d.lock.Close(); err == nil {
		err = lerr
	}
	return err
}

// Abandon closes files and the lock without syncing or writing anything: what a
// kill would leave. For tests and for a directory that has failed.
func (d *Dir) Abandon() {
	if d.failure.Load() == nil {
		err := errClosed
		d.failure.CompareAndSwap(nil, &err)
	}
	_ = d.Close(context.Background())
}

// settle makes the clean stop.
func (d *Dir) settle(ctx context.Context) error {
	logs := d.openLogs()
	for _, l := range logs {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.wr.Lock() // an append under way ends first
		l.syncing.Lock()
		err := l.finish()
		l.syncing.Unlock()
		l.wr.Unlock()
		if err != nil {
			return err
		}
	}
	if err := d.saveAll(logs, true); err != nil {
		return err
	}
	var b stateBatch
	d.addSession(&b, true)
	return d.state.commit(&b)
}
