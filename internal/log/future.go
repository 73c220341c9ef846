package log

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// futureSuffix ends the directory of a future log, as in Kafka.
const futureSuffix = "-future"

// maxNameBytes is the longest name of a directory entry.
const maxNameBytes = 255

// FutureName is the directory of the log of a replica that is being copied from
// another log directory (KIP-113): "<topic>-<n>.<32 hex digits>-future", as
// UnifiedLog.logFutureDirName. The error wraps kerr.InvalidTopicException where
// the name is too long for a file system (KAFKA-4893).
func FutureName(p Partition, id TopicID) (string, error) {
	name := p.String() + "." + hex.EncodeToString(id[:]) + futureSuffix
	if len(name) > maxNameBytes {
		return "", fmt.Errorf("%s is too long a name for a move between log directories: %w", p.Topic, kerr.InvalidTopicException)
	}
	return name, nil
}

// parseFuture reverses FutureName.
func parseFuture(name string) (s Stored, ok bool) {
	rest, ok := strings.CutSuffix(name, futureSuffix)
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return s, false
	}
	id, err := hex.DecodeString(rest[dot+1:])
	if err != nil || len(id) != len(s.TopicID) {
		return s, false
	}
	s.TopicID = TopicID(id)
	s.Partition, ok = ParsePartition(rest[:dot])
	return s, ok
}

// Futures lists the future logs that an earlier process has left: its moves into
// this directory were under way. Size is not filled in.
func (d *Dir) Futures() ([]Stored, error) {
	entries, err := d.fs.ReadDir(d.path)
	if err != nil {
		return nil, d.ioError("list "+d.path, err)
	}
	var out []Stored
	for _, e := range entries {
		if s, ok := parseFuture(e.Name()); ok && e.IsDir() {
			out = append(out, s)
		}
	}
	return out, nil
}

// DropFuture removes a future log that Futures has listed; one that is not there
// is no error.
func (d *Dir) DropFuture(p Partition, id TopicID) error {
	name, err := FutureName(p, id)
	if err != nil {
		return err
	}
	to, err := d.moveAway(name, id, deleteSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return d.ioError("rename "+name, err)
	}
	d.keep.remove(to, time.Time{})
	return nil
}

// CreateFuture makes an empty log at the offset base, under the name of a future
// one. It takes the batches of the partition's log in another directory by
// AppendAsFollower and becomes the partition's log by Promote; nobody else may
// use it before. It does not survive a restart: see Futures. The caller keeps
// Open away from the partition in this directory.
func (d *Dir) CreateFuture(p Partition, id TopicID, base int64, c Config) (*Log, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	name, err := FutureName(p, id)
	if err == nil {
		err = d.DropFuture(p, id)
	}
	if err == nil {
		err = d.room(maxUnwritten, d.keep.clock().UnixMilli())
	}
	if err != nil {
		return nil, err
	}
	l := &Log{dir: d, partition: p, topicID: id, path: filepath.Join(d.path, name)}
	l.unstable.Store(-1)
	l.saved.snap.asOf = -1
	l.config.Store(d.intern(c.withDefaults()))
	err = d.fs.MkdirAll(l.path, 0o700)
	if err == nil {
		err = createMeta(d.fs, l.path, partitionMeta{topicID: id, startOffset: base})
	}
	if err != nil {
		return nil, d.ioError("create "+l.path, err)
	}
	if err := l.begin(base); err != nil {
		return nil, err
	}
	l.mem.newDir, l.mem.newMeta = true, true
	l.saved.force = true
	return l, nil
}

// ErrHalfPromoted says that the last step of Promote has failed in the middle.
var ErrHalfPromoted = errors.New("it is not known which log is the partition's")

// maxUnwritten is more than what an empty log takes.
const maxUnwritten = 64 << 10

// SkipTo moves the end of a future log forward to an offset below which its
// source has nothing more: records that compaction, or damage, has taken.
func (l *Log) SkipTo(offset int64) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	if offset <= l.end.Load() {
		return nil
	}
	if _, err := l.roll(offset, l.dir.keep.clock().UnixMilli()); err != nil {
		return err
	}
	l.end.Store(offset)
	return nil
}

// BaseOffset is the offset of the first record in the range, which may lie below
// the one that was asked for.
func (r *Range) BaseOffset() int64 { return r.from }

// Discard gives up a future log: its files are removed, soon, if its directory
// still works.
func (l *Log) Discard() error {
	l.release()
	if l.dir.Failed() != nil {
		return nil
	}
	return errors.Join(l.dir.DropFuture(l.partition, l.topicID), l.dir.forget(l.partition.String()))
}

// Suspend closes a future log and leaves its files: the next start finds by them
// that the move was under way.
func (l *Log) Suspend() { l.release() }

// release closes a log that nobody uses any more.
func (l *Log) release() {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.gone.Store(true)
	l.unpin()
	l.mem.Lock()
	segments := l.mem.segments
	l.mem.Unlock()
	for _, s := range segments {
		l.dir.files.drop(s)
	}
}

// Promote makes a future log the partition's log in its directory, in place of
// src in another one: all that src knows beside its batches is taken over, all
// is durable, and the last step is one rename (LogManager.
// replaceCurrentWithFutureLog). Both must end at the same offset, and src must
// not change meanwhile. src itself stays as it is: deleting it is the caller's.
//
// After an error the log is still a future one, and may be promoted again, or
// its directory has failed; where the error is ErrHalfPromoted, nobody can tell
// which of the two logs the next start will find under the partition's name.
func (l *Log) Promote(src *Log) error {
	l.wr.Lock()
	defer l.wr.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if err := l.check(); err != nil {
		return err
	}
	if l.end.Load() != src.end.Load() {
		return fmt.Errorf("promote %s: it ends at %d, its source at %d", l.path, l.end.Load(), src.end.Load())
	}
	l.takeOver(src)
	if err := l.flushLocked(); err != nil {
		return err
	}
	if err := l.putMeta(l.start.Load()); err != nil {
		return err
	}
	d := l.dir
	d.saving.Lock()
	l.saved.force = true
	err := d.saveSome([]*Log{l}, false)
	d.saving.Unlock()
	if err != nil {
		return err
	}
	return l.assumeName()
}

// takeOver copies what a log knows beside its batches: watermarks, leader epochs
// without a batch, producers whose batches are no more.
func (l *Log) takeOver(src *Log) {
	src.mem.Lock()
	known := slices.Clone(src.mem.epochs)
	var snapshot []byte
	if src.mem.producers != nil {
		snapshot = src.mem.producers.encode(nil, 0, src.end.Load())
	}
	src.mem.Unlock()
	var state *producers
	if snapshot != nil {
		_, _, state, _ = decodeProducers(snapshot) // what has just been encoded
	}
	l.dir.saving.Lock()
	defer l.dir.saving.Unlock()
	l.mem.Lock()
	defer l.mem.Unlock()
	m := &l.mem
	m.epochs, m.producers = known, state
	l.start.Store(src.start.Load())
	l.hw.Store(src.hw.Load())
	if state == nil {
		return
	}
	m.producersFrom = m.segments[0].base
	l.unstable.Store(m.firstUnstable())
	end, s := l.end.Load(), &l.saved
	s.pending = state.encode(nil, s.snap.rev+1, end)
	s.waiting = snapshotRef{rev: s.snap.rev + 1, asOf: end, appended: m.appended, size: int64(len(s.pending))}
}

// assumeName gives the directory its final name, durably, and makes the log one
// of its log directory's. The caller holds wr and syncing.
func (l *Log) assumeName() error {
	d, name := l.dir, l.partition.String()
	d.mu.Lock()
	taken := d.found[name]
	d.mu.Unlock()
	if taken {
		id, err := d.storedID(name)
		if err == nil {
			_, err = d.moveAway(name, id, straySuffix)
		}
		if err != nil {
			return d.ioError("move aside "+name, err)
		}
	}
	path := filepath.Join(d.path, name)
	if err := d.fs.Rename(l.path, path); err != nil {
		if err = d.ioError("rename "+l.path, err); d.Failed() != nil {
			err = errors.Join(err, ErrHalfPromoted)
		}
		return err
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		d.fail(fmt.Errorf("sync %s after a rename: %w", d.path, err))
		return errors.Join(d.check(), ErrHalfPromoted)
	}
	l.mem.Lock()
	l.path = path
	for _, s := range l.mem.segments {
		s.dir = path
	}
	l.mem.Unlock()
	d.mu.Lock()
	d.found[name] = true
	d.logs[l.partition] = l
	d.mu.Unlock()
	d.touch(l)
	return nil
}
