package quorum

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// catchUpPoll is how often AddVoter looks how far the newcomer is.
const catchUpPoll = 50 * time.Millisecond

// AddVoter makes the node that listens at an endpoint a voter, as AddRaftVoter
// does (KIP-853): the leader asks it who it is, adds it as a learner, waits until
// it has the log, and promotes it. The newcomer must have a directory of its own
// and no other quorum. nodeID and directory must be what it says of itself. An
// error wraps a kerr code, or is ctx's; a learner may remain then, and the call
// can be repeated.
func (n *Node) AddVoter(ctx context.Context, nodeID int32, directory metadata.UUID, at Endpoint) error {
	a, err := n.call(ctx, at, kindHello, nil)
	if err != nil {
		return fmt.Errorf("%w: the node at %s does not answer: %w", kerr.RequestTimedOut, at.Address(), err)
	}
	if a.sender.NodeID != nodeID || a.sender.DirectoryID != directory {
		return fmt.Errorf("%w: at %s is node %d with directory %s", kerr.InvalidRequest, at.Address(), a.sender.NodeID, a.sender.DirectoryID)
	}
	d, err := n.Describe(ctx)
	if err != nil {
		return err
	}
	for _, m := range d.Members {
		if m.Identity == a.sender.Identity && !m.Learner {
			return fmt.Errorf("%w: node %d is a voter already", kerr.DuplicateVoter, nodeID)
		}
	}
	if err := n.change(ctx, AddLearner, a.sender); err != nil {
		return err
	}
	if err := n.caughtUp(ctx, a.sender.RaftID, d.HighWatermark); err != nil {
		return err
	}
	return n.change(ctx, Promote, a.sender)
}

// caughtUp waits until the leader knows that a member has the log up to offset.
func (n *Node) caughtUp(ctx context.Context, id RaftID, offset int64) error {
	ticker := time.NewTicker(catchUpPoll)
	defer ticker.Stop()
	for {
		d, err := n.Describe(ctx)
		if err != nil {
			return err
		}
		for _, m := range d.Members {
			if m.RaftID == id && m.LogEndOffset >= offset {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: the new voter has not caught up: %w", kerr.RequestTimedOut, ctx.Err())
		}
	}
}

// RemoveVoter takes a voter or learner out of the quorum, as RemoveRaftVoter
// does. It works while the rest still has a majority of the present voters.
func (n *Node) RemoveVoter(ctx context.Context, nodeID int32, directory metadata.UUID) error {
	d, err := n.Describe(ctx)
	if err != nil {
		return err
	}
	for _, m := range d.Members {
		if m.NodeID == nodeID && m.DirectoryID == directory {
			return n.change(ctx, Remove, m.Member)
		}
	}
	return fmt.Errorf("%w: no voter %d with directory %s", kerr.VoterNotFound, nodeID, directory)
}

// change carries one change of the membership through the log.
func (n *Node) change(ctx context.Context, k ChangeKind, m Member) error {
	answer := make(chan error, 1)
	queued := n.inbox.put(func() {
		if n.voter == nil {
			answer <- n.unavailable()
			return
		}
		n.voter.Change(k, m, func(err error) { answer <- err })
	})
	if !queued {
		return fmt.Errorf("%w: %w", kerr.NotController, ErrStopped)
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-n.inbox.closed:
		return fmt.Errorf("%w: %w", kerr.NotController, ErrStopped)
	}
}
