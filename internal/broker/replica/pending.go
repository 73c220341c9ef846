package replica

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/log"
)

// pending is a partition that the metadata want here and whose log could not be
// opened: its disk was full, or there were too many open files.
type pending struct {
	id    metadata.TopicID
	fresh bool // see Manager.place
	err   error
}

// A pass over the partitions to open takes retryChunk of a topic at a time and
// ends after maxFailedChunks in which some could not be opened: what keeps so
// many from being opened keeps the rest as well. The order of each pass is
// another one, so that nothing that can be opened waits for good.
const (
	retryChunk      = 128
	maxFailedChunks = 8
)

// noteOpen remembers that a partition could not be opened; a nil err forgets
// it, as does a partition that is not wanted here any more.
func (m *Manager) noteOpen(name log.Partition, id metadata.TopicID, fresh bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.pending[name] = pending{id, fresh, err}
		return
	}
	if m.pending[name].id == id {
		delete(m.pending, name)
	}
}

// forgetTopic forgets what could not be opened of a topic.
func (m *Manager) forgetTopic(mt *metadata.Topic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.pending) == 0 {
		return
	}
	maps.DeleteFunc(m.pending, func(_ log.Partition, p pending) bool { return p.id == mt.ID })
}

// Pending is the number of partitions that should be on this broker and could
// not be opened. While it is not 0, Retry is to be called about once a second.
func (m *Manager) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending)
}

// OpenError says why a partition that should be on this broker is not found: it
// wraps KAFKA_STORAGE_ERROR. It is nil for every other partition.
func (m *Manager) OpenError(topicName string, index int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.pending[log.Partition{Topic: topicName, Partition: index}]
	if !ok {
		return nil
	}
	return fmt.Errorf("%w: %w", p.err, kerr.KafkaStorageError)
}

// Retry opens the partitions that could not be opened before, as far as that
// works by now. It may be called while Apply is.
func (m *Manager) Retry() {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.retry()
}

// retry is Retry with applying held. A partition that fails again says so to
// those who ask for it; the log has heard of it the first time.
func (m *Manager) retry() {
	m.mu.Lock()
	waiting := map[metadata.TopicID][]int32{}
	fresh := map[log.Partition]bool{}
	for name, p := range m.pending {
		waiting[p.id] = append(waiting[p.id], name.Partition)
		fresh[name] = p.fresh
	}
	m.mu.Unlock()
	failed := 0
	for id, indexes := range waiting {
		t := m.img.TopicByID(id)
		if t == nil {
			continue // the removal is on its way
		}
		before := m.Pending()
		for some := range slices.Chunk(indexes, retryChunk) {
			if failed == maxFailedChunks {
				break
			}
			isFresh := func(i int32) bool { return fresh[log.Partition{Topic: t.Name, Partition: i}] }
			var still failures
			if m.applyTopic(m.img, metadata.TopicDelta{New: t, Partitions: some}, isFresh, &still); still.n > 0 {
				failed++
			}
		}
		if opened := before - m.Pending(); opened > 0 {
			m.opts.Logger.Info("partitions are open after all", "topic", t.Name, "partitions", opened)
		}
	}
}
