package session

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Follower takes the metadata's images in the order in which they come, lets
// the broker act on each, and only then shows it to requests: what a client is
// told about exists.
type Follower struct {
	// act is called with each delta, by one goroutine.
	act    func(*metadata.Delta)
	logger *slog.Logger
	image  atomic.Pointer[metadata.Image]

	mu struct {
		sync.Mutex
		queue   []*metadata.Delta
		newest  int64 // offset of the newest image that came
		applied int64 // offset of the newest image that was acted on
		changed chan struct{}
	}
	wake chan struct{}
}

// NewFollower returns a follower that has seen nothing. act must not keep the
// delta.
func NewFollower(act func(*metadata.Delta), logger *slog.Logger) *Follower {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	f := &Follower{act: act, logger: logger, wake: make(chan struct{}, 1)}
	f.image.Store(metadata.Empty())
	f.mu.newest, f.mu.applied = -1, -1
	f.mu.changed = make(chan struct{})
	return f
}

// Offer takes the next image. It never blocks.
func (f *Follower) Offer(img *metadata.Image, d *metadata.Delta) {
	f.mu.Lock()
	f.mu.queue = append(f.mu.queue, d)
	f.mu.newest = img.Position().Offset
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Image is the newest image that the broker has acted on.
func (f *Follower) Image() *metadata.Image { return f.image.Load() }

// Position is where Image is in the metadata log.
func (f *Follower) Position() metadata.Position { return f.Image().Position() }

// Await waits until Image is as new as everything that was offered before.
func (f *Follower) Await(ctx context.Context) error {
	f.mu.Lock()
	want := f.mu.newest
	f.mu.Unlock()
	for {
		f.mu.Lock()
		applied, changed := f.mu.applied, f.mu.changed
		f.mu.Unlock()
		if applied >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for metadata offset %d, at %d: %w", want, applied, ctx.Err())
		case <-changed:
		}
	}
}

// Run acts on what comes until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
			f.drain()
		}
	}
}

func (f *Follower) drain() {
	for {
		f.mu.Lock()
		queue := f.mu.queue
		f.mu.queue = nil
		f.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, d := range queue {
			f.act(d)
			f.image.Store(d.New)
		}
		f.mu.Lock()
		f.mu.applied = queue[len(queue)-1].New.Position().Offset
		close(f.mu.changed)
		f.mu.changed = make(chan struct{})
		f.mu.Unlock()
	}
}
