package log

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Open opens the log of p, or makes an empty one, and recovers it if the last
// stop was not clean. A directory of another topic id, as a topic leaves that
// was deleted and made again while this broker was away, is moved aside under
// a name ending in "-stray". A zero id accepts what is there.
//
// Several goroutines may open different partitions at once.
func (d *Dir) Open(p Partition, id TopicID, c Config) (*Log, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	name := p.String()
	if q, ok := parsePartition(name); !ok || q != p || strings.ContainsAny(p.Topic, "/\\\x00") {
		return nil, fmt.Errorf("open log: %q: %w", name, kerr.InvalidTopicException)
	}
	l := &Log{dir: d, partition: p, path: filepath.Join(d.path, name)}
	l.unstable.Store(-1)
	l.saved.snap.asOf = -1
	l.config.Store(d.intern(c.withDefaults()))
	l.wr.Lock()
	defer l.wr.Unlock()

	d.mu.Lock()
	if d.logs[p] != nil {
		d.mu.Unlock()
		return nil, fmt.Errorf("open log: %s is open", p)
	}
	d.logs[p] = l
	exists := d.found[name]
	d.mu.Unlock()

	err := l.open(id, exists)
	if err != nil {
		l.gone.Store(true)
		d.mu.Lock()
		delete(d.logs, p)
		d.mu.Unlock()
		return nil, fmt.Errorf("open log %s: %w", p, err)
	}
	d.touch(l)
	return l, nil
}

func (l *Log) open(id TopicID, exists bool) error {
	o := loader{l: l, name: l.partition.String()}
	if !exists {
		if o.cp, o.cpOK = decodeCheckpoint(l.dir.state.get(o.name, kindCheckpoint)); o.cpOK && o.cp.hadRecords() && o.cp.topicID == id {
			return o.replaceLost()
		}
		return l.create(id, 0)
	}
	o.readState()
	if err := o.identify(id); err != nil {
		return err
	}
	if !id.IsZero() && l.topicID != id {
		to, err := l.dir.setAside(o.name, l.topicID)
		if err != nil {
			return err
		}
		l.dir.logger.Warn("partition of another topic id moved aside", "partition", o.name,
			"found", l.topicID.String(), "wanted", id.String(), "to", to)
		return l.create(id, 0)
	}
	return o.load()
}

// replaceLost makes the directory of a partition again that somebody has taken
// away. The records are gone; their offsets are not given out again.
func (o *loader) replaceLost() error {
	o.l.dir.logger.Error("the directory of a partition with records is missing", "partition", o.name,
		"startOffset", o.cp.start, "nextOffset", o.cp.point.offset)
	if err := o.l.create(o.cp.topicID, o.cp.start); err != nil || o.cp.point.offset <= o.cp.start {
		return err
	}
	return o.skipTo(o.cp.point.offset)
}

// create makes the directory of a new partition, whose first offset is base. Nothing of it is durable
// before the first sync, and nothing can be lost before.
func (l *Log) create(id TopicID, base int64) error {
	d := l.dir
	l.topicID = id
	if err := d.room(0, d.keep.clock().UnixMilli()); err != nil {
		return err
	}
	err := d.fs.MkdirAll(l.path, 0o700)
	if err == nil {
		err = createMeta(d.fs, l.path, partitionMeta{topicID: id})
	}
	if err != nil {
		return d.ioError("create "+l.path, err)
	}
	d.mu.Lock()
	d.found[l.partition.String()] = true
	d.mu.Unlock()
	if err := l.begin(base); err != nil {
		return err
	}
	l.mem.newDir, l.mem.newMeta = true, true
	l.saved.force = true
	d.queue.pushLazy(l, 0, 0)
	return nil
}

// begin makes the first segment of a log that has none.
func (l *Log) begin(base int64) error {
	seg := newSegment(l.path, base)
	seg.idx = newIndex(0)
	seg.modified = l.dir.keep.clock().UnixMilli()
	h, err := l.dir.files.create(seg)
	if err != nil {
		return l.dir.ioError("create "+seg.path(), err)
	}
	l.mem.Lock()
	l.mem.segments = append(l.mem.segments, seg)
	l.mem.newNames = true
	l.mem.durable = l.mem.endMark()
	// The empty file has to be durable before the name counts. It has no writes
	// whose errors could be lost, so that it need not stay open: thousands of
	// partitions may be made at once.
	seg.dirty = true
	l.mem.dirty = append(l.mem.dirty, dirtySegment{seg: seg})
	l.mem.Unlock()
	h.release()
	for _, a := range []interface{ Store(int64) }{&l.start, &l.end, &l.durable, &l.hw} {
		a.Store(base)
	}
	return nil
}

// loader opens a partition that is on disk.
type loader struct {
	l    *Log
	name string

	cp     checkpoint
	cpOK   bool
	known  map[int64]sealedSegment
	listOK bool // known is the list that the checkpoint speaks of

	start int64

	// clean says that the last session had the log and closed it. Otherwise
	// nothing above the recovery point, and no name, is known to be durable.
	clean bool
	// rebooted says that the machine has, or may have, started since the last
	// checkpoint: a power cut, which no recovery has got over so far. A session
	// that was killed before its first checkpoint does not count.
	rebooted bool
}

// readState reads the partition's records.
func (o *loader) readState() {
	s, boot := o.l.dir.state, &o.l.dir.boot
	o.cp, o.cpOK = decodeCheckpoint(s.get(o.name, kindCheckpoint))
	if !o.cpOK {
		found, ok := decodeFound(s.get(o.name, kindFound))
		o.rebooted = boot.since == boot.session || ok && found == boot.since
		return
	}
	o.clean = boot.clean && o.cp.session+1 == boot.session
	o.rebooted = o.cp.session < boot.since
	rev, list, ok := decodeSegments(s.get(o.name, kindSegments))
	o.known = make(map[int64]sealedSegment, len(list))
	for _, v := range list {
		o.known[v.base] = v
	}
	o.listOK = ok && rev == o.cp.segments
	o.l.saved.segmentsRev = max(rev, o.cp.segments)
}

// identify finds topic id and start offset: they are in partition.metadata and
// in the state log, and either may be damaged.
func (o *loader) identify(want TopicID) error {
	l, d := o.l, o.l.dir
	if o.clean {
		l.topicID, o.start = o.cp.topicID, o.cp.start
		return nil
	}
	m, err := readMeta(d.fs, l.path)
	switch {
	case err == nil:
		if o.cpOK && o.cp.topicID != m.topicID {
			o.cp, o.cpOK, o.listOK, o.known = checkpoint{}, false, false, nil // of an older partition with this name
			if err := d.forget(o.name); err != nil {
				return err
			}
		}
		l.topicID, o.start = m.topicID, max(m.startOffset, o.cp.start)
		if !l.topicID.IsZero() || want.IsZero() {
			return nil
		}
		l.topicID = want
	case !errors.Is(err, errBadMeta) && !errors.Is(err, fs.ErrNotExist):
		return d.ioError("read "+metaName, err)
	case o.cpOK:
		l.topicID, o.start = o.cp.topicID, o.cp.start
		d.logger.Warn("partition.metadata written again from the state log", "partition", o.name, "error", err)
	case errors.Is(err, errBadMeta) && o.correct(&m):
		l.topicID, o.start = m.topicID, m.startOffset
		d.logger.Warn("flipped bit in partition.metadata set right", "partition", o.name)
	default:
		empty, derr := o.empty()
		if derr != nil {
			return derr
		}
		// A power cut before the first sync leaves segments without metadata.
		// Otherwise nothing can tell which topic these records belong to.
		if !empty && !o.rebooted {
			return fmt.Errorf("%s in %s: restore the file, or move the directory away: %w: %w", metaName, l.path, err, kerr.KafkaStorageError)
		}
		l.topicID = want
	}
	return l.putMeta(o.start)
}

// correct sets a flipped bit in partition.metadata right, where nothing else
// knows what it said.
func (o *loader) correct(m *partitionMeta) bool {
	b, err := readFile(o.l.fs(), filepath.Join(o.l.path, metaName), 4096)
	if err != nil {
		return false
	}
	var ok bool
	*m, ok = correctMeta(b)
	return ok
}

// empty reports that the directory holds no batch.
func (o *loader) empty() (bool, error) {
	segments, err := o.list()
	if err != nil {
		return false, err
	}
	for _, s := range segments {
		if s.size > 0 {
			return false, nil
		}
	}
	return true, nil
}

// putMeta replaces partition.metadata, durably. On a full disk it writes over
// the old content, so that retention can free space: what a crash tears then is
// in the state log.
func (l *Log) putMeta(start int64) error {
	m := partitionMeta{topicID: l.topicID, startOffset: start}
	err := writeMeta(l.fs(), l.path, m)
	if err != nil && isNoSpace(err) {
		err = overwriteMeta(l.fs(), l.path, m)
	}
	if err == nil {
		err = synced(l.fs().SyncDir(l.path))
	}
	if err != nil {
		return l.dir.ioError("write "+metaName, err)
	}
	return nil
}

// list finds the segment files and their sizes.
func (o *loader) list() ([]*segment, error) {
	l := o.l
	entries, err := l.fs().ReadDir(l.path)
	if err != nil {
		return nil, l.dir.ioError("list "+l.path, err)
	}
	var v []*segment
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), skipSuffix) {
			o.dropLeftover(e.Name())
		}
		base, ok := parseSegmentName(e.Name())
		if !ok {
			continue
		}
		s := newSegment(l.path, base)
		info, err := l.fs().Stat(s.path())
		if err != nil {
			return nil, l.dir.ioError("stat "+s.path(), err)
		}
		s.size, s.modified = info.Size(), info.ModTime().UnixMilli()
		v = append(v, s)
	}
	slices.SortFunc(v, func(a, b *segment) int {
		if a.base < b.base {
			return -1
		}
		return 1
	})
	return v, nil
}

// listKnown is the list after a clean stop: the state log's, with one question
// to the disk, about the active segment. ok is false if they do not agree.
func (o *loader) listKnown() (v []*segment, ok bool) {
	if !o.clean || !o.listOK {
		return nil, false
	}
	for base, k := range o.known {
		s := newSegment(o.l.path, base)
		s.size = k.size
		v = append(v, s)
	}
	slices.SortFunc(v, func(a, b *segment) int {
		if a.base < b.base {
			return -1
		}
		return 1
	})
	p := &o.cp.point
	s := newSegment(o.l.path, p.base)
	s.size = p.pos
	info, err := o.l.fs().Stat(s.path())
	if err != nil || info.Size() != p.pos || len(v) > 0 && v[len(v)-1].base >= p.base {
		return nil, false
	}
	return append(v, s), true
}
