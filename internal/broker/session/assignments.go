package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Replica names this broker's replica of one partition.
type Replica struct {
	Topic metadata.TopicID
	Index int32
}

// Assignments tells the controller in which log directory this broker keeps each
// replica (KIP-858, AssignmentsManager). Only by that does the controller know
// which leaderships a failed directory ends. Make it with NewAssignments, then
// call Run once; the other methods may be called from any goroutine.
type Assignments struct {
	session *Session
	image   func() *metadata.Image
	wake    chan struct{} // has room for one

	mu       sync.Mutex
	ready    map[Replica]assignment // at most one for each replica of this broker
	inFlight int
}

// assignment is one replica's directory on its way to the controller.
type assignment struct {
	dir  metadata.UUID
	done func()
}

// Limits as in Kafka: what one request holds, and how long a failed one waits.
const (
	maxAssignments       = 2250
	assignmentMinBackoff = 100 * time.Millisecond
	assignmentMaxBackoff = 10 * time.Second
	assignmentTimeout    = 30 * time.Second
	assignVersion        = 0
)

// metadataVersion37IV2 is the first metadata.version with directories.
const metadataVersion37IV2 = 17

// NewAssignments returns an empty queue. image is the newest metadata that this
// node has, at least as new as what the broker acts on when it calls Assign:
// what they no longer want is not sent.
func NewAssignments(s *Session, image func() *metadata.Image) *Assignments {
	return &Assignments{session: s, image: image, wake: make(chan struct{}, 1), ready: map[Replica]assignment{}}
}

// Assign has the controller told where a replica is; a later call for the same
// replica replaces an earlier one that has not been sent. done is called once
// the controller has recorded it, and never if the replica goes first; it may be
// nil and must not block. Assign never blocks.
func (a *Assignments) Assign(r Replica, dir metadata.UUID, done func()) {
	a.mu.Lock()
	a.ready[r] = assignment{dir, done}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Pending is the number of replicas whose directory the controller has not
// recorded yet (QueuedReplicaToDirAssignments).
func (a *Assignments) Pending() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ready) + a.inFlight
}

// Run sends what is queued until ctx ends.
func (a *Assignments) Run(ctx context.Context) error {
	backoff := assignmentMinBackoff
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		}
		for a.Pending() > 0 {
			err := a.sendSome(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				backoff = assignmentMinBackoff
				continue
			}
			a.logger().Warn("the controller has not recorded where replicas are; it is told again",
				"in", backoff, "replicas", a.Pending(), "error", err)
			if !sleep(ctx, backoff) {
				return nil
			}
			backoff = min(2*backoff, assignmentMaxBackoff)
		}
	}
}

func (a *Assignments) logger() *slog.Logger { return a.session.opts.Logger }

// take takes out what one request may hold and is still true of the metadata.
func (a *Assignments) take() map[Replica]assignment {
	img := a.image()
	supported := img.Features().Level(metadata.FeatureMetadataVersion) >= metadataVersion37IV2
	sent := map[Replica]assignment{}
	a.mu.Lock()
	defer a.mu.Unlock()
	for r, as := range a.ready {
		if len(sent) == maxAssignments {
			break
		}
		delete(a.ready, r)
		p := img.TopicByID(r.Topic).Partition(r.Index)
		if supported && p != nil && slices.Contains(p.Replicas, a.session.opts.BrokerID) {
			sent[r] = as
		}
	}
	a.inFlight = len(sent)
	return sent
}

// giveBack queues again what was not recorded, unless there is something newer.
func (a *Assignments) giveBack(sent map[Replica]assignment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight = 0
	for r, as := range sent {
		if _, newer := a.ready[r]; !newer {
			a.ready[r] = as
		}
	}
}

// sendSome sends one request. What the controller did not record is queued
// again, and an error says why.
func (a *Assignments) sendSome(ctx context.Context) error {
	sent := a.take()
	if len(sent) == 0 {
		return nil
	}
	recorded, err := a.send(ctx, sent)
	for _, r := range recorded {
		done := sent[r].done
		delete(sent, r)
		if done != nil {
			done()
		}
	}
	a.giveBack(sent)
	return err
}

// send returns the replicas that the controller has recorded.
func (a *Assignments) send(ctx context.Context, sent map[Replica]assignment) ([]Replica, error) {
	ctx, cancel := context.WithTimeout(ctx, assignmentTimeout)
	defer cancel()
	resp, err := submit[*kmsg.AssignReplicasToDirsResponse](ctx, a.session.opts, a.request(sent))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, err
	}
	var recorded []Replica
	var failed []error
	for _, d := range resp.Directories {
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				r := Replica{t.TopicID, p.Partition}
				switch as, asked := sent[r]; {
				case !asked || as.dir != d.ID:
				case p.ErrorCode == 0:
					recorded = append(recorded, r)
				case len(failed) < maxAssignmentErrors:
					failed = append(failed, fmt.Errorf("partition %d of topic id %s: %w", r.Index, r.Topic, kerr.ErrorForCode(p.ErrorCode)))
				}
			}
		}
	}
	if len(failed) == 0 && len(recorded) < len(sent) {
		failed = append(failed, fmt.Errorf("the controller answered for %d of %d replicas", len(recorded), len(sent)))
	}
	return recorded, errors.Join(failed...)
}

// maxAssignmentErrors bounds what one failed request writes to the log.
const maxAssignmentErrors = 4

// request groups replicas by directory and topic.
func (a *Assignments) request(sent map[Replica]assignment) *kmsg.AssignReplicasToDirsRequest {
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.SetVersion(assignVersion)
	req.BrokerID, req.BrokerEpoch = a.session.opts.BrokerID, a.session.BrokerEpoch()
	order := slices.SortedFunc(maps.Keys(sent), func(x, y Replica) int {
		if c := sent[x].dir.Compare(sent[y].dir); c != 0 {
			return c
		}
		if c := x.Topic.Compare(y.Topic); c != 0 {
			return c
		}
		return int(x.Index) - int(y.Index)
	})
	for _, r := range order {
		dir := sent[r].dir
		if n := len(req.Directories); n == 0 || req.Directories[n-1].ID != dir {
			d := kmsg.NewAssignReplicasToDirsRequestDirectory()
			d.ID = dir
			req.Directories = append(req.Directories, d)
		}
		d := &req.Directories[len(req.Directories)-1]
		if n := len(d.Topics); n == 0 || d.Topics[n-1].TopicID != r.Topic {
			t := kmsg.NewAssignReplicasToDirsRequestDirectoryTopic()
			t.TopicID = r.Topic
			d.Topics = append(d.Topics, t)
		}
		t := &d.Topics[len(d.Topics)-1]
		p := kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition()
		p.Partition = r.Index
		t.Partitions = append(t.Partitions, p)
	}
	return req
}
