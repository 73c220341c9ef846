package log

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// Log is one replica's log. Its methods may be called concurrently. Offsets,
// watermarks and reads do not wait for appends that are in the kernel.
type Log struct {
	dir       *Dir
	partition Partition
	topicID   TopicID
	path      string
	config    atomic.Pointer[Config]

	start, end atomic.Int64
	durable    atomic.Int64
	hw         atomic.Int64
	unstable   atomic.Int64 // first offset of a transaction that is open or not passed by hw; -1: none
	gone       atomic.Bool  // deleted or closed
	onDurable  atomic.Pointer[func(int64)]

	wr      sync.Mutex // one writer: append, roll, truncate, retain
	syncing sync.Mutex // one sync at a time; truncation excludes it
	loading sync.Mutex // one index at a time is read or made again
	mem     logMem
	queue   queueState // guarded by Dir.queue
	saved   savedState // guarded by Dir.saving

	recovered Recovery // set by Open
}

// logMem is what a Log knows. Its lock is never held over I/O.
type logMem struct {
	sync.Mutex
	segments []*segment // by base offset, never empty; the last one is active
	epochs   epochs
	*producers
	tail     *tail // nil until used
	dirty    []dirtySegment
	spare    []dirtySegment // the other array of dirty
	unsynced int64          // records written since the last sync began
	appended int64          // bytes written since the log was opened
	unsyncedNames
	named   bool   // there has been a sync of these
	cutting bool   // a truncation is under way
	cuts    uint64 // counts what changes bytes that were there: truncations and skips
	durable mark
	// producersFrom is the offset of the first batch that the producer state
	// has taken since it was last nil.
	producersFrom int64
}

// unsyncedNames is what, beside the segments, has to be synced before the
// durable offset moves.
type unsyncedNames struct {
	newNames bool // the partition's directory has entries that may not be durable
	newMeta  bool // the same of partition.metadata's content
	newDir   bool // the same of the directory's own entry in the log directory
}

// dirtySegment keeps a file open until its writes are synced: an error of the
// writeback may be lost with the last descriptor.
type dirtySegment struct {
	seg *segment
	h   *handle // nil where the file was made and nothing was written to it
}

func (d dirtySegment) release() {
	if d.h != nil {
		d.h.release()
	}
}

// wrote notes that seg has to be synced, and takes over the reference on h.
func (m *logMem) wrote(seg *segment, h *handle) {
	if !seg.dirty {
		seg.dirty = true
		m.dirty = append(m.dirty, dirtySegment{seg, h})
		return
	}
	for i := range m.dirty {
		if m.dirty[i].seg == seg && m.dirty[i].h == nil {
			m.dirty[i].h = h
			return
		}
	}
	h.release()
}

func (m *logMem) active() *segment { return m.segments[len(m.segments)-1] }

// endMark is the place where the next batch goes.
func (m *logMem) endMark() mark {
	s := m.active()
	return mark{offset: s.next, base: s.base, pos: s.size, segmentTimes: s.segmentTimes, sparse: s.sparse}
}

// floor returns the index of the segment that holds offset, or -1.
func (m *logMem) floor(offset int64) int {
	lo, hi := 0, len(m.segments)
	if n := hi - 1; m.segments[n].base <= offset { // most questions are about the end
		return n
	}
	for lo < hi {
		mid := (lo + hi) / 2
		if m.segments[mid].base <= offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// tail remembers where recent batches begin, so that reads near the end and
// reads that go on where the last one stopped need neither index nor scan.
type tail struct {
	notes   [16]note // of the newest batches
	cursors [8]note  // where reads ended
	n, c    uint8
}

// note says that the batch with this base offset begins, or will begin, at pos.
type note struct {
	seg         *segment
	offset, pos int64
}

func (t *tail) wrote(seg *segment, offset, pos int64) {
	t.notes[t.n%uint8(len(t.notes))] = note{seg, offset, pos}
	t.n++
}

func (t *tail) read(seg *segment, offset, pos int64) {
	t.cursors[t.c%uint8(len(t.cursors))] = note{seg, offset, pos}
	t.c++
}

func (t *tail) find(offset int64) (note, bool) {
	for i := range t.notes {
		if n := &t.notes[i]; n.offset == offset && n.seg != nil {
			return *n, true
		}
	}
	for i := range t.cursors {
		if n := &t.cursors[i]; n.offset == offset && n.seg != nil {
			return *n, true
		}
	}
	return note{}, false
}

// Partition returns the partition's name.
func (l *Log) Partition() Partition { return l.partition }

// TopicID returns the id of the topic that the log belongs to.
func (l *Log) TopicID() TopicID { return l.topicID }

// Dir returns the log directory that the log is in.
func (l *Log) Dir() *Dir { return l.dir }

// Config returns the configuration in force.
func (l *Log) Config() Config { return *l.config.Load() }

// SetConfig changes the configuration from the next call on.
func (l *Log) SetConfig(c Config) { l.config.Store(l.dir.intern(c.withDefaults())) }

// StartOffset is the first offset that can be read.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// EndOffset is the offset that the next record gets. All below it has been
// written, and survives the death of the process, but perhaps not a power cut.
func (l *Log) EndOffset() int64 { return l.end.Load() }

// DurableOffset is the end of what is on stable storage. It never lies above
// EndOffset, and goes back only by truncation.
func (l *Log) DurableOffset() int64 { return l.durable.Load() }

// HighWatermark is what SetHighWatermark said last, or what the state log had
// kept of it when the log was opened, which may lag by a second.
func (l *Log) HighWatermark() int64 { return l.hw.Load() }

// SetHighWatermark tells how far the log is replicated. Values outside of the
// log are brought inside. It is kept in the state log, about once a second.
func (l *Log) SetHighWatermark(o int64) {
	l.mem.Lock()
	o = min(max(o, l.start.Load()), l.end.Load())
	changed := l.hw.Swap(o) != o
	if changed && l.mem.producers != nil && len(l.mem.done) > 0 {
		l.mem.passed(o)
		l.unstable.Store(l.mem.firstUnstable())
	}
	l.mem.Unlock()
	if changed {
		l.dir.touch(l)
	}
}

// LastStableOffset is the end of what read_committed may see: the high
// watermark, or the start of the first transaction that is open or whose marker
// the high watermark has not passed.
func (l *Log) LastStableOffset() int64 {
	hw := l.hw.Load()
	if u := l.unstable.Load(); u >= 0 && u < hw {
		return u
	}
	return hw
}

// OnDurable sets the function that is told when the durable offset has moved. A
// sync worker calls it; it must not block, nor call Log's methods that write.
// Calls for one log come one after the other. A truncation may have overtaken
// the number: DurableOffset is the truth.
func (l *Log) OnDurable(fn func(durable int64)) { l.onDurable.Store(&fn) }

// Size is the number of bytes in all segments.
func (l *Log) Size() int64 {
	l.mem.Lock()
	defer l.mem.Unlock()
	var n int64
	for _, s := range l.mem.segments {
		n += s.size
	}
	return n
}

// SegmentInfo describes one segment.
type SegmentInfo struct {
	BaseOffset, NextOffset int64
	Size                   int64 // bytes
	MaxTimestamp           int64 // ms; -1: no record has one
}

// Segments lists the segments, oldest first.
func (l *Log) Segments() []SegmentInfo {
	l.mem.Lock()
	defer l.mem.Unlock()
	v := make([]SegmentInfo, 0, len(l.mem.segments))
	for _, s := range l.mem.segments {
		v = append(v, SegmentInfo{s.base, s.next, s.size, s.max})
	}
	return v
}

// Damage is a run of bytes that should hold the offsets [First, Next) and does
// not. Reads of them answer kerr.CorruptMessage.
type Damage struct {
	First, Next int64
	Segment     int64 // base offset of the segment
	Pos         int64 // byte in it where the damage begins
	Size        int64 // bytes; 0 where there are none: records are missing
}

// Damages lists the damage met so far.
func (l *Log) Damages() []Damage {
	l.mem.Lock()
	defer l.mem.Unlock()
	var v []Damage
	for _, s := range l.mem.segments {
		for _, b := range s.bad {
			v = append(v, Damage{First: b.first, Next: b.next, Segment: s.base, Pos: b.pos, Size: b.end - b.pos})
		}
	}
	return v
}

// Recovery is what Open had to do to a log.
type Recovery struct {
	// CutBytes is how much of a torn end was cut, with the segments behind it;
	// CutAt is the offset at which the log has ended since. Cut says that there
	// was such an end.
	Cut      bool
	CutAt    int64
	CutBytes int64
}

// Recovery tells what Open had to do to the log.
func (l *Log) Recovery() Recovery { return l.recovered }

// LatestEpoch is the newest leader epoch that the log knows, NoEpoch if none.
func (l *Log) LatestEpoch() int32 {
	l.mem.Lock()
	defer l.mem.Unlock()
	return l.mem.epochs.latest()
}

// AssignEpoch notes that this replica leads in the given epoch from the end of
// the log on (KIP-101). An epoch that is known is left alone.
func (l *Log) AssignEpoch(epoch int32) {
	l.mem.Lock()
	changed := epoch > l.mem.epochs.latest() && l.mem.epochs.assign(epoch, l.end.Load())
	l.mem.Unlock()
	if changed {
		l.dir.touch(l)
	}
}

// EpochForOffset is the leader epoch of the record at offset, NoEpoch if that
// is not known.
func (l *Log) EpochForOffset(offset int64) int32 {
	l.mem.Lock()
	defer l.mem.Unlock()
	return l.mem.epochs.at(offset)
}

// EndOffsetForEpoch returns the largest known epoch that is not above epoch and
// the offset at which it ends; NoEpoch and -1 if there is no answer (KIP-101,
// KIP-279).
func (l *Log) EndOffsetForEpoch(epoch int32) (found int32, end int64) {
	l.mem.Lock()
	defer l.mem.Unlock()
	return l.mem.epochs.endOf(epoch, l.end.Load())
}

// ProducerInfo is the state of one producer (DescribeProducers, KIP-664).
type ProducerInfo struct {
	ProducerID       int64
	Epoch            int16
	LastSequence     int32 // -1: none
	LastTimestamp    int64 // ms, -1: none
	CoordinatorEpoch int32 // -1: none
	TxnStartOffset   int64 // -1: no open transaction
}

// ActiveProducers lists the producers that the log remembers, in no order.
func (l *Log) ActiveProducers() []ProducerInfo {
	l.mem.Lock()
	defer l.mem.Unlock()
	if l.mem.producers == nil {
		return nil
	}
	v := make([]ProducerInfo, 0, len(l.mem.byID))
	for id, p := range l.mem.byID {
		v = append(v, ProducerInfo{id, p.epoch, p.lastSeq(), p.lastTimestamp, p.coordinatorEpoch, p.txnFirst})
	}
	return v
}

// AbortedTxns lists the aborted transactions with records in [from, upTo).
func (l *Log) AbortedTxns(from, upTo int64) []AbortedTxn {
	l.mem.Lock()
	defer l.mem.Unlock()
	if l.mem.producers == nil {
		return nil
	}
	var v []AbortedTxn
	for _, t := range l.mem.aborted {
		if t.LastOffset >= from && t.FirstOffset < upTo {
			v = append(v, t)
		}
	}
	return v
}

func (l *Log) check() error {
	if err := l.dir.check(); err != nil {
		return err
	}
	if l.gone.Load() {
		return errClosed
	}
	return nil
}

func (l *Log) fs() vfs.FS { return l.dir.fs }

func millis(t time.Time) int64 { return t.UnixMilli() }
