package session

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Follower lets the broker act on each image of the metadata, in the order in
// which they come, and only then shows it to requests: what a client is told of
// exists.
type Follower struct {
	act    func(*metadata.Delta)
	newest func() metadata.Position
	image  atomic.Pointer[metadata.Image]

	mu struct {
		sync.Mutex
		changed chan struct{} // closed when image changes
	}
}

// NewFollower returns a follower that has seen nothing. act is called with each
// delta; newest says how far the metadata are on this node, acted on or not.
func NewFollower(act func(*metadata.Delta), newest func() metadata.Position) *Follower {
	f := &Follower{act: act, newest: newest}
	f.image.Store(metadata.Empty())
	f.mu.changed = make(chan struct{})
	return f
}

// Take acts on the next image and shows it. It is called by one goroutine.
func (f *Follower) Take(img *metadata.Image, d *metadata.Delta) {
	f.act(d)
	f.image.Store(img)
	f.mu.Lock()
	close(f.mu.changed)
	f.mu.changed = make(chan struct{})
	f.mu.Unlock()
}

// Image is the newest image that the broker has acted on.
func (f *Follower) Image() *metadata.Image { return f.image.Load() }

// Position is where Image is in the metadata log.
func (f *Follower) Position() metadata.Position { return f.Image().Position() }

// Await waits until Image is as new as what this node had when Await was called.
func (f *Follower) Await(ctx context.Context) error {
	want := f.newest().Offset
	for {
		f.mu.Lock()
		changed := f.mu.changed
		f.mu.Unlock()
		if at := f.Position().Offset; at >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for metadata offset %d, at %d: %w", want, f.Position().Offset, ctx.Err())
		case <-changed:
		}
	}
}
