package log

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
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
	// OnFailure is called once, when the directory fails for good, from any
	// goroutine and with locks held: it must not block or call back.
	OnFailure func(*Dir, error)
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

	lock  io.Closer
	files fileCache
	queue syncQueue
	state *stateLog
	boot  boot
	keep  keeper

	mu      sync.Mutex
	logs    map[Partition]*Log
	found   map[string]bool    // partition directories
	configs map[Config]*Config // one copy of each for all logs

	root   rootSync
	saving sync.Mutex // one writer of partitions' state; after Log.syncing, before Log.mem
}

// boot is what the state log says about the last use of the directory.
type boot struct {
	session  uint64
	id       string
	clean    bool // the last owner closed it
	rebooted bool // the machine has started since, or may have
	known    bool // the last session's record was there
}

// OpenDir locks the directory and reads its state log. No segment is opened
// yet. It fails with vfs.ErrLocked if another process has the directory.
func OpenDir(o DirOptions) (*Dir, error) {
	d := &Dir{
		fs: o.FS, path: o.Path, logger: o.Logger, onFailure: o.OnFailure, snapshotEvery: snapshotEvery,
		logs: map[Partition]*Log{}, found: map[string]bool{}, configs: map[Config]*Config{},
	}
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
		if o.SyncWorkers <= 0 {
			o.SyncWorkers = defaultSyncWorkers
		}
		d.start(o.SyncWorkers)
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
		err = d.begin(o.BootID)
	}
	if err == nil {
		err = d.list()
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
func (d *Dir) begin(bootID string) error {
	v := d.state.get("", kindSession)
	last, ok := decodeSession(v)
	d.boot = boot{session: last.number + 1, id: bootID, known: ok}
	d.boot.clean = ok && last.clean && d.state.lost == 0
	d.boot.rebooted = ok && (bootID == "" || last.bootID != bootID)
	if d.state.lost > 0 {
		d.logger.Warn("state log has damage: what it cost is made again from the segments",
			"dir", d.path, "records", d.state.lost)
	}
	return d.writeSession(false)
}

func (d *Dir) writeSession(clean bool) error {
	var b stateBatch
	b.add("", kindSession, session{number: d.boot.session, clean: clean, bootID: d.boot.id}.encode)
	return d.state.commit(&b)
}

// list finds the partitions' directories, and what deletions have left.
func (d *Dir) list() error {
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
	var gone stateBatch
	for _, key := range d.state.keys() {
		if !d.found[key] {
			gone.add(key, kindGone, nil)
		}
	}
	return d.state.commit(&gone)
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

// Delete removes a log: its directory gets a name ending in "-delete", which is
// durable when Delete returns, and is unlinked after the topic's DeleteDelay.
// The log is closed.
func (d *Dir) Delete(l *Log) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	name := l.partition.String()
	to, err := d.moveAway(name, l.topicID, deleteSuffix)
	if err != nil {
		return d.ioError("rename "+l.path, err)
	}
	l.gone.Store(true)
	l.unpin()
	l.mem.Lock()
	segments := l.mem.segments
	l.mem.Unlock()
	for _, s := range segments {
		d.files.drop(s)
	}
	d.mu.Lock()
	delete(d.logs, l.partition)
	d.mu.Unlock()

	var b stateBatch
	b.add(name, kindGone, nil)
	d.saving.Lock()
	err = d.state.commit(&b)
	d.saving.Unlock()
	if err != nil {
		err = d.ioError("write state log", err)
	}
	d.keep.remove(to, time.Now().Add(l.config.Load().DeleteDelay))
	return err
}

// moveAway gives a partition's directory a name that no partition can have:
// "<topic>-<n>.<topic id>-delete", as Kafka's LocalLog.logDeleteDirName.
func (d *Dir) moveAway(name string, id TopicID, suffix string) (string, error) {
	short := name
	if len(short) > 200 {
		short = short[:200]
	}
	for n := 0; ; n++ {
		to := fmt.Sprintf("%s.%s%s", short, id, suffix)
		if n > 0 {
			to = fmt.Sprintf("%s.%s.%d%s", short, id, n, suffix)
		}
		to = filepath.Join(d.path, to)
		if _, err := d.fs.Stat(to); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err := d.fs.Rename(filepath.Join(d.path, name), to); err != nil {
			return "", err
		}
		d.mu.Lock()
		delete(d.found, name)
		d.mu.Unlock()
		return to, d.fs.SyncDir(d.path)
	}
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
	d.mu.Lock()
	logs := make([]*Log, 0, len(d.logs))
	for _, l := range d.logs {
		logs = append(logs, l)
	}
	d.mu.Unlock()
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
	return d.writeSession(true)
}
