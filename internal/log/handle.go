package log

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/vfs"
)

// handle is an open segment file. It may be used while a reference is held, and
// is closed only when nobody holds one.
type handle struct {
	f    vfs.File
	seg  *segment
	refs atomic.Int64 // closedRefs or below: closed
	used atomic.Bool  // since the clock hand passed last
	// doomed asks the last holder to close: the segment is gone.
	doomed atomic.Bool
	slot   int // in fileCache.open; guarded by its mu
}

const closedRefs = math.MinInt64 / 2

// retain takes a reference unless the handle has been closed.
func (h *handle) retain() bool {
	if h.refs.Add(1) <= 0 {
		h.refs.Add(-1)
		return false
	}
	if !h.used.Load() {
		h.used.Store(true)
	}
	return true
}

func (h *handle) release() {
	if h.refs.Add(-1) == 0 && h.doomed.Load() {
		h.tryClose()
	}
}

// tryClose closes the file if nobody holds it. What was written through it has
// been synced before the last holder let go, or belongs to a deleted segment,
// so Close has nothing left to tell.
func (h *handle) tryClose() bool {
	if !h.refs.CompareAndSwap(0, closedRefs) {
		return false
	}
	_ = h.f.Close()
	return true
}

// fileCache bounds the open segment files of a directory. The common case, an
// open file, takes no lock. Eviction is a clock hand over the open files. The
// bound is soft: files in use stay open. Who wants another one to write to then
// waits for the syncs under way to let some go, but not for ever. Readers do not
// wait: those that they hold themselves may be what is in the way.
type fileCache struct {
	fs    vfs.FS
	limit int
	// onPinned is called when the bound is reached and every file is in use.
	onPinned func()
	// room, where it is not nil, gets a token when files were let go of.
	room chan struct{}

	mu   sync.Mutex
	open []*handle
	hand int
}

// acquire returns the open file of seg with a reference that the caller must
// release.
func (c *fileCache) acquire(seg *segment) (*handle, error) {
	if h := seg.h.Load(); h != nil && h.retain() {
		return h, nil
	}
	return c.openFile(seg, os.O_RDWR)
}

// acquireToWrite is acquire for appends: it waits for room.
func (c *fileCache) acquireToWrite(seg *segment) (*handle, error) {
	if h := seg.h.Load(); h != nil && h.retain() {
		return h, nil
	}
	c.awaitRoom()
	return c.openFile(seg, os.O_RDWR)
}

// create makes the file of a new segment; a left-over of the same name is
// emptied.
func (c *fileCache) create(seg *segment) (*handle, error) {
	c.awaitRoom()
	return c.openFile(seg, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// openFile opens outside of the lock, because a cold directory can take long;
// two openers at once keep one of the two files.
func (c *fileCache) openFile(seg *segment, flag int) (*handle, error) {
	f, err := c.fs.OpenFile(seg.path(), flag, 0o600)
	if err != nil {
		return nil, err
	}
	h := &handle{f: f, seg: seg}
	h.refs.Store(1)
	h.used.Store(true)

	c.mu.Lock()
	if other := seg.h.Load(); other != nil && other.retain() {
		c.mu.Unlock()
		_ = f.Close()
		return other, nil
	}
	pinned := len(c.open) >= c.limit && !c.evict()
	h.slot = len(c.open)
	c.open = append(c.open, h)
	seg.h.Store(h)
	c.mu.Unlock()
	if pinned && c.onPinned != nil {
		c.onPinned()
	}
	return h, nil
}

// Bounds of the wait for room: tokens are few, so that every waiter also looks
// by itself now and then, and what holds files longer is no sync.
const (
	roomLook = 5 * time.Millisecond
	roomWait = 5 * time.Second
)

// awaitRoom waits, while the bound is reached and every file is in use, for
// others to let go of some.
func (c *fileCache) awaitRoom() {
	if c.room == nil || c.hasRoom() {
		return
	}
	deadline := time.Now().Add(roomWait)
	look := time.NewTicker(roomLook)
	defer look.Stop()
	for !c.hasRoom() && time.Now().Before(deadline) {
		c.onPinned()
		select {
		case <-c.room:
		case <-look.C:
		}
	}
}

func (c *fileCache) hasRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) >= c.limit { // it may be far above, from when all were in use
		if !c.evict() {
			return false
		}
	}
	return true
}

// freed says that files were let go of.
func (c *fileCache) freed() {
	if c.room == nil {
		return
	}
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// evict closes one file that nobody uses and nobody has used lately. Two
// rounds of the hand find one if there is any.
func (c *fileCache) evict() bool {
	for range 2 * len(c.open) {
		if c.hand >= len(c.open) {
			c.hand = 0
		}
		h := c.open[c.hand]
		if h.used.Swap(false) || !h.tryClose() {
			c.hand++
			continue
		}
		h.seg.h.CompareAndSwap(h, nil)
		c.remove(h)
		return true
	}
	return false
}

func (c *fileCache) remove(h *handle) {
	last := len(c.open) - 1
	c.open[h.slot] = c.open[last]
	c.open[h.slot].slot = h.slot
	c.open[last] = nil
	c.open = c.open[:last]
}

// drop forgets the file of a segment that is gone, and closes it when its last
// holder lets go.
func (c *fileCache) drop(seg *segment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := seg.h.Swap(nil)
	if h == nil {
		return
	}
	c.remove(h)
	h.doomed.Store(true)
	h.tryClose()
}

// len is the number of open files.
func (c *fileCache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// closeAll drops every file; those in use close with their last holder.
func (c *fileCache) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.open {
		h.seg.h.CompareAndSwap(h, nil)
		h.doomed.Store(true)
		h.tryClose()
	}
	c.open = nil
}

// fallbackOpenFiles bounds the open files where the system does not say.
const fallbackOpenFiles = 512
