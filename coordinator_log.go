package headrace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/coordinator"
	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// coordinatorLog is a partition of an internal topic as its coordinator sees
// it.
type coordinatorLog struct{ p *replica.Partition }

var _ coordinator.Log = coordinatorLog{}

// Append implements coordinator.Log.
func (l coordinatorLog) Append(_ context.Context, batch []byte, leaderEpoch int32) (int64, error) {
	a, err := l.p.Append(batch, replica.AppendOptions{AllISR: true, LeaderEpoch: leaderEpoch, Internal: true, Now: time.Now()})
	return a.LastOffset, err
}

// WhenCommitted implements coordinator.Log.
func (l coordinatorLog) WhenCommitted(offset int64, done func(error)) {
	l.p.WhenCommitted(offset+1, committedFunc(done))
}

// committedFunc is a function as a replica.CommitWaiter.
type committedFunc func(error)

// Committed implements replica.CommitWaiter.
func (f committedFunc) Committed(err error) { f(err) }

// Read implements coordinator.Log.
func (l coordinatorLog) Read(from int64, maxBytes int) (_ []byte, err error) {
	r, err := l.p.Read(replica.ReadOptions{From: from, MaxBytes: maxBytes, MinOne: true, LeaderEpoch: -1})
	if err != nil {
		return nil, err
	}
	defer r.Range.Release()
	b := make([]byte, r.Range.Len())
	if len(b) == 0 {
		return nil, nil
	}
	if _, err := r.Range.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", l.p.Name(), from, err)
	}
	return b, nil
}

// StartOffset implements coordinator.Log.
func (l coordinatorLog) StartOffset() int64 { return l.p.Log().StartOffset() }

// EndOffset implements coordinator.Log.
func (l coordinatorLog) EndOffset() int64 { return l.p.Log().EndOffset() }

// openCoordinatorLog finds the log of a partition of __consumer_offsets.
func openCoordinatorLog(replicas *replica.Manager) func(context.Context, int32) (coordinator.Log, error) {
	return func(_ context.Context, partition int32) (coordinator.Log, error) {
		p := replicas.Partition(metadata.GroupMetadataTopic, partition)
		if p == nil {
			return nil, errors.Join(fmt.Errorf("%s-%d is not here", metadata.GroupMetadataTopic, partition), kerr.NotLeaderForPartition)
		}
		return coordinatorLog{p}, nil
	}
}

// topicNames answers the coordinator's questions about topics from the newest
// image.
type topicNames struct{ image func() *metadata.Image }

// TopicByName implements groups.Topics.
func (t topicNames) TopicByName(name string) (id [16]byte, partitions int32, ok bool) {
	if mt := t.image().Topic(name); mt != nil {
		return mt.ID, int32(len(mt.Partitions)), true
	}
	return id, 0, false
}

// TopicByID implements groups.Topics.
func (t topicNames) TopicByID(id [16]byte) (name string, ok bool) {
	if mt := t.image().TopicByID(metadata.TopicID(id)); mt != nil {
		return mt.Name, true
	}
	return "", false
}
