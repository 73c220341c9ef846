package headrace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// part is one long-running piece of a node.
type part struct {
	name string
	// run works until its context ends. Returning before that, with an error
	// or without, ends the node.
	run func(ctx context.Context) error
}

// runGroup runs parts. They start in the order in which they were added and stop
// in the opposite order, each after the one above it has ended.
type runGroup struct{ parts []part }

func (g *runGroup) add(p part) { g.parts = append(g.parts, p) }

// run starts the parts and waits for ctx, or for the first part that ends. It
// returns when all have ended, with their errors.
func (g *runGroup) run(ctx context.Context) error {
	type running struct {
		part
		cancel context.CancelFunc
		done   chan struct{}
	}
	var started []running
	var mu sync.Mutex
	var failed []error
	ended := make(chan struct{}, len(g.parts))
	for _, p := range g.parts {
		// Not a child of ctx: the order of the stops is ours.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{p, cancel, make(chan struct{})}
		started = append(started, r)
		go func() {
			defer close(r.done)
			if err := r.run(own); err != nil {
				mu.Lock()
				failed = append(failed, fmt.Errorf("%s: %w", r.name, err))
				mu.Unlock()
			}
			ended <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	for _, r := range slices.Backward(started) {
		r.cancel()
		<-r.done
	}
	return errors.Join(failed...)
}
