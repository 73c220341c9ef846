package log

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// syncQueue is the directory's set of logs with writes that are not durable.
// Logs that wait for an acknowledgement are synced at once by the workers; the
// others are lazy, and follow within a second or lazyBytes.
//
// A log is with one worker at a time. What is appended meanwhile waits for the
// next turn, and so one sync serves many appends: group commit. The lazy ones
// that are due go behind those that somebody waits for, so that the files of
// 100,000 new partitions hold up no acknowledgement.
type syncQueue struct {
	mu    sync.Mutex
	wake  sync.Cond
	ready logFIFO
	due   logFIFO // lazy ones; an entry counts only while its log is queueDue
	taken uint
	lazy  []*Log
	stop  bool

	bytes atomic.Int64 // lazy ones
	// hurry asks the keeper to come before its time.
	hurry func(in time.Duration)
}

// logFIFO is a queue in one array.
type logFIFO struct {
	logs []*Log // from head on
	head int
}

func (f *logFIFO) push(l *Log) { f.logs = append(f.logs, l) }

// pop returns nil if there is none.
func (f *logFIFO) pop() *Log {
	if f.head == len(f.logs) {
		return nil
	}
	l := f.logs[f.head]
	f.logs[f.head] = nil
	if f.head++; f.head == len(f.logs) {
		f.logs, f.head = f.logs[:0], 0
	}
	return l
}

// queueState is a log's place in the queue.
type queueState struct {
	turn atomic.Int32 // one of the states below
	lazy atomic.Int32 // 0, or one of the two below
	// moves counts the times that the durable offset has moved forward, and
	// told is how many of them OnDurable's function knows of. The number of
	// the offset would not do: after a truncation it comes by again.
	moves atomic.Uint64
	told  uint64 // the worker's that has the log
}

const (
	queueIdle    int32 = iota
	queueDue           // in syncQueue.due
	queueReady         // in syncQueue.ready
	queueRunning       // with a worker
	queueAgain         // with a worker, and wanted again
)

const (
	lazyWaiting  int32 = iota + 1 // in syncQueue.lazy
	lazyHurrying                  // and the keeper has been asked to come early
)

// lazyBytes is how much may be written without a sync in the whole directory.
const lazyBytes = 64 << 20

func (q *syncQueue) init(hurry func(time.Duration)) {
	q.wake.L = &q.mu
	q.hurry = hurry
}

// push asks for a sync of everything that l has written so far. It costs two
// atomic operations while the log is waiting already.
func (q *syncQueue) push(l *Log) {
	for {
		switch l.queue.turn.Load() {
		case queueReady, queueAgain:
			return
		case queueRunning:
			if l.queue.turn.CompareAndSwap(queueRunning, queueAgain) {
				return
			}
		case queueIdle:
			if l.queue.turn.CompareAndSwap(queueIdle, queueReady) {
				q.enqueue(l)
				return
			}
		case queueDue: // its place there is void from now on
			if l.queue.turn.CompareAndSwap(queueDue, queueReady) {
				q.enqueue(l)
				return
			}
		}
	}
}

// pushDue asks for the same, when those are served that somebody waits for.
func (q *syncQueue) pushDue(l *Log) {
	if !l.queue.turn.CompareAndSwap(queueIdle, queueDue) {
		if l.queue.turn.Load() != queueDue {
			q.push(l) // with a worker: the sync under way may be too early for it
		}
		return
	}
	q.mu.Lock()
	q.due.push(l)
	q.mu.Unlock()
	q.wake.Signal()
}

func (q *syncQueue) enqueue(l *Log) {
	q.mu.Lock()
	q.ready.push(l)
	q.mu.Unlock()
	q.wake.Signal()
}

// pushLazy asks for a sync within about a second, or within the interval if
// that is shorter and not 0.
func (q *syncQueue) pushLazy(l *Log, bytes int64, interval time.Duration) {
	if q.bytes.Add(bytes) > lazyBytes {
		q.hurry(0)
	}
	want := lazyWaiting
	if interval > 0 && interval < keepEvery {
		want = lazyHurrying
	}
	was := l.queue.lazy.Load()
	if was >= want || !l.queue.lazy.CompareAndSwap(was, want) {
		return
	}
	if was == 0 {
		q.mu.Lock()
		q.lazy = append(q.lazy, l)
		q.mu.Unlock()
	}
	if want == lazyHurrying {
		q.hurry(interval)
	}
}

// pushAllLazy makes the lazy logs due.
func (q *syncQueue) pushAllLazy() {
	q.mu.Lock()
	lazy := q.lazy
	q.lazy = nil
	q.mu.Unlock()
	q.bytes.Store(0)
	for _, l := range lazy {
		l.queue.lazy.Store(0)
		q.pushDue(l)
	}
}

// next waits for a log. ok is false after close.
func (q *syncQueue) next(wait bool) (l *Log, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if l := q.take(); l != nil {
			return l, true
		}
		if q.stop || !wait {
			return nil, false
		}
		q.wake.Wait()
	}
}

// dueShare is how often a lazy log is served before those that somebody waits
// for: however many those are, the others come to their turn.
const dueShare = 8

// take returns the log whose turn it is, nil if there is none. The lock is held.
func (q *syncQueue) take() *Log {
	if q.taken++; q.taken%dueShare == 0 {
		if l := q.takeDue(); l != nil {
			return l
		}
	}
	if l := q.ready.pop(); l != nil {
		return l
	}
	return q.takeDue()
}

func (q *syncQueue) takeDue() *Log {
	for l := q.due.pop(); l != nil; l = q.due.pop() {
		if l.queue.turn.CompareAndSwap(queueDue, queueReady) {
			return l
		}
	}
	return nil
}

func (q *syncQueue) close() {
	q.mu.Lock()
	q.stop = true
	q.mu.Unlock()
	q.wake.Broadcast()
}

// serve syncs one log.
func (q *syncQueue) serve(l *Log) {
	l.queue.turn.Store(queueRunning)
	if err := l.flush(); err == nil {
		if moves := l.queue.moves.Load(); moves != l.queue.told {
			l.queue.told = moves
			if fn := l.onDurable.Load(); fn != nil {
				(*fn)(l.durable.Load())
			}
		}
	}
	if !l.queue.turn.CompareAndSwap(queueRunning, queueIdle) {
		l.queue.turn.Store(queueReady)
		q.enqueue(l)
	}
}

// Sync makes everything appended so far durable before it returns. The function
// of OnDurable is called by a worker as usual.
func (l *Log) Sync() error {
	if err := l.check(); err != nil {
		return err
	}
	err := l.flush()
	l.dir.queue.push(l) // tells OnDurable
	return err
}

// flush syncs what has been written since the last time. A failure ends the
// directory.
func (l *Log) flush() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	return l.flushLocked()
}

func (l *Log) flushLocked() error {
	if l.dir.failure.Load() != nil || l.gone.Load() {
		l.unpin()
		return l.check()
	}
	m := &l.mem
	m.Lock()
	to := m.endMark()
	dirty := m.dirty
	for _, d := range dirty {
		d.seg.dirty = false
	}
	m.dirty, m.spare = m.spare[:0], dirty
	fresh := m.unsyncedNames
	m.unsyncedNames = unsyncedNames{}
	m.unsynced = 0
	m.Unlock()

	began := time.Now()
	err := l.syncFiles(dirty, fresh)
	if len(dirty) > 0 {
		l.dir.stats.flushTook(time.Since(began))
	}
	if err != nil {
		err = l.dir.ioError("sync "+l.path, err)
		if l.dir.failure.Load() == nil {
			l.syncLater(dirty, fresh)
			return err
		}
	}
	for i, d := range dirty {
		d.release()
		dirty[i] = dirtySegment{}
	}
	l.dir.files.freed()
	if err != nil {
		return err
	}
	m.Lock()
	moved := m.durable != to
	m.durable = to
	named := m.named
	m.named = true
	m.Unlock()
	l.durable.Store(to.offset)
	if moved {
		l.queue.moves.Add(1)
	}
	if moved || !named {
		l.dir.touch(l)
	}
	return nil
}

// syncLater takes back what could not even be tried to sync, for want of a
// descriptor, so that the next sync does not pass it over.
func (l *Log) syncLater(dirty []dirtySegment, fresh unsyncedNames) {
	m := &l.mem
	m.Lock()
	for i, d := range dirty {
		if d.seg.dirty {
			defer d.release() // written again meanwhile, with a handle of its own
		} else {
			d.seg.dirty = true
			m.dirty = append(m.dirty, d)
		}
		dirty[i] = dirtySegment{}
	}
	m.newNames = m.newNames || fresh.newNames
	m.newMeta = m.newMeta || fresh.newMeta
	m.newDir = m.newDir || fresh.newDir
	m.Unlock()
	l.dir.queue.pushLazy(l, 0, 0)
}

// syncFiles syncs files before the names that lead to them, so that a power cut
// never leaves a name without its content.
func (l *Log) syncFiles(dirty []dirtySegment, fresh unsyncedNames) error {
	for _, d := range dirty {
		if err := l.syncSegment(d); err != nil {
			return synced(err)
		}
	}
	if fresh.newMeta {
		if err := syncFile(l.fs(), filepath.Join(l.path, metaName)); err != nil {
			return synced(err)
		}
	}
	if fresh.newNames {
		if err := l.fs().SyncDir(l.path); err != nil {
			return synced(err)
		}
	}
	if !fresh.newDir {
		return nil
	}
	return synced(l.dir.syncRoot())
}

// syncSegment syncs one file. One that was never written to may have been
// removed meanwhile.
func (l *Log) syncSegment(d dirtySegment) error {
	if d.h != nil {
		return d.h.f.Sync()
	}
	err := syncFile(l.fs(), d.seg.path())
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.mem.Lock()
	defer l.mem.Unlock()
	if slices.Contains(l.mem.segments, d.seg) {
		return err
	}
	return nil
}

// unpin lets go of the files of a log that will not be synced any more.
func (l *Log) unpin() {
	l.mem.Lock()
	dirty := l.mem.dirty
	l.mem.dirty = nil
	for _, d := range dirty {
		d.seg.dirty = false
	}
	l.mem.Unlock()
	for _, d := range dirty {
		d.release()
	}
	l.dir.files.freed()
}
