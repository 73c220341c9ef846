package log

import (
	"sync"
	"time"
)

// keepEvery is how often recovery points and watermarks are written, and how
// long a write may wait for a sync that nobody is waiting for.
const keepEvery = time.Second

// imageTime is how long the start's copy of the state log is kept for logs that
// are opened one by one.
const imageTime = 30 * time.Second

// keeper does what can wait: lazy syncs, checkpoints, removals.
type keeper struct {
	wg   sync.WaitGroup
	stop chan struct{}
	poke chan time.Duration
	// unsaved says that recovery points could not be written the last time; of
	// the turns alone.
	unsaved bool

	mu       sync.Mutex
	now      time.Time // of the last turn
	began    time.Time
	touched  []*Log
	removals []removal
}

// removal is a directory tree that goes at some time.
type removal struct {
	path string
	at   time.Time
}

func (k *keeper) init() {
	k.stop = make(chan struct{})
	k.poke = make(chan time.Duration, 1)
}

// hurry asks for a turn before its time. One request may wait; a second one
// that is more urgent comes with the next append.
func (k *keeper) hurry(in time.Duration) {
	select {
	case k.poke <- in:
	default:
	}
}

func (k *keeper) remove(path string, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.removals = append(k.removals, removal{path, at})
}

// due takes out the removals whose time has come.
func (k *keeper) due(now time.Time) (paths []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rest := k.removals[:0]
	for _, r := range k.removals {
		if r.at.After(now) {
			rest = append(rest, r)
			continue
		}
		paths = append(paths, r.path)
	}
	k.removals = rest
	return paths
}

// clock is the time of the last turn.
func (k *keeper) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *keeper) takeTouched() []*Log {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.touched
	k.touched = nil
	return v
}

// touch has the log's state written with the next turn.
func (d *Dir) touch(l *Log) {
	if l.saved.touched.Load() || !l.saved.touched.CompareAndSwap(false, true) {
		return
	}
	d.keep.mu.Lock()
	d.keep.touched = append(d.keep.touched, l)
	d.keep.mu.Unlock()
}

// start starts the directory's goroutines; halt joins them.
func (d *Dir) start(workers int) {
	now := time.Now()
	d.keep.now, d.keep.began = now, now
	for range workers {
		d.keep.wg.Go(func() {
			for {
				l, ok := d.queue.next(true)
				if !ok {
					return
				}
				d.queue.serve(l)
			}
		})
	}
	d.keep.wg.Go(d.keepLoop)
}

func (d *Dir) halt() {
	close(d.keep.stop)
	d.queue.close()
	d.keep.wg.Wait()
}

func (d *Dir) keepLoop() {
	timer := time.NewTimer(keepEvery)
	defer timer.Stop()
	next := time.Now().Add(keepEvery)
	for {
		select {
		case <-d.keep.stop:
			return
		case in := <-d.keep.poke:
			if at := time.Now().Add(in); at.Before(next) {
				next = at
				timer.Reset(in)
			}
		case now := <-timer.C:
			d.turn(now)
			timer.Reset(keepEvery)
			next = time.Now().Add(keepEvery)
		}
	}
}

// turn is one round of the keeper. Errors have reached the directory's state by
// then; the next round tries again what can be tried.
func (d *Dir) turn(now time.Time) {
	d.keep.mu.Lock()
	d.keep.now = now
	if d.keep.began.IsZero() {
		d.keep.began = now
	}
	began := d.keep.began
	d.keep.mu.Unlock()

	d.queue.pushAllLazy()
	d.tellSaved(d.saveTouched())
	for _, path := range d.keep.due(now) {
		if err := d.fs.RemoveAll(path); err != nil {
			d.logger.Error("removal failed; it is tried again at the next start", "path", path, "error", err)
		}
	}
	d.reserve.recount()
	if d.full.Load() {
		_ = d.room(0, now.UnixMilli()) // finds out when space returns even if nobody writes
	}
	if now.Sub(began) > imageTime {
		d.state.dropImage()
	}
}

// tellSaved tells how the saving of a turn has ended when that is news: a full
// disk would fill the log as well. What was not written is tried with each turn.
func (d *Dir) tellSaved(err error) {
	switch {
	case err != nil && !d.keep.unsaved:
		d.logger.Warn("recovery points are not written; that is tried again until it works", "dir", d.path, "error", err)
	case err == nil && d.keep.unsaved && d.Failed() == nil:
		d.logger.Info("recovery points are written again", "dir", d.path)
	}
	d.keep.unsaved = err != nil
}

// Step does, in the caller's goroutine, what the directory's own would do:
// every sync that is due or waiting, then one round of the keeper. It is for
// directories opened with Manual.
func (d *Dir) Step(now time.Time) error {
	d.queue.pushAllLazy()
	d.SyncPending()
	d.turn(now)
	return d.Failed()
}

// SyncPending does only the syncs that a worker would be doing now. For
// directories opened with Manual.
func (d *Dir) SyncPending() {
	for {
		l, ok := d.queue.next(false)
		if !ok {
			return
		}
		d.queue.serve(l)
	}
}

// rootSync lets one SyncDir of the log directory serve all logs that wait for it.
type rootSync struct {
	mu          sync.Mutex
	want, since uint64
	running     sync.Mutex
}

// syncRoot makes the names of the partitions' directories durable.
func (d *Dir) syncRoot() error {
	r := &d.root
	r.mu.Lock()
	r.want++
	mine := r.want
	r.mu.Unlock()
	r.running.Lock()
	defer r.running.Unlock()
	r.mu.Lock()
	served, upTo := r.since >= mine, r.want
	r.mu.Unlock()
	if served {
		return nil
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		return err
	}
	r.mu.Lock()
	r.since = upTo
	r.mu.Unlock()
	return nil
}
