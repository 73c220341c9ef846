// Package replica holds the partitions that live on this broker: it appends to
// them, reads from them, and tells those who wait for the one or the other.
// What it leads and what it follows, the metadata say.
package replica

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// Settings are a topic's settings, resolved.
type Settings struct {
	Log    log.Config   // without SegmentJitter
	Rules  record.Rules // NowMs, NoZstd and the codecs are filled in for each append
	MinISR int
	// SegmentJitter is segment.jitter.ms: each partition rolls earlier by a
	// share of it that is its own.
	SegmentJitter time.Duration
}

// forPartition is the log's configuration with the partition's own jitter.
func (s *Settings) forPartition(name log.Partition) log.Config {
	c := s.Log
	if s.SegmentJitter > 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name.String())) // never fails
		c.SegmentJitter = time.Duration(h.Sum64() % uint64(s.SegmentJitter))
	}
	return c
}

// codecs are what a validation may need to look into compressed batches, or to
// compress them anew.
type codecs struct {
	in  record.Decompressor
	out record.Compressor
}

// Dir is a log directory and its id.
type Dir struct {
	*log.Dir
	ID metadata.UUID
}

// Options of a Manager.
type Options struct {
	BrokerID int32
	Dirs     []Dir
	Logger   *slog.Logger
	// Settings resolves the settings of a topic in an image.
	Settings func(img *metadata.Image, topic string) *Settings
	// Elected is told after this broker has begun to lead a partition in a
	// new epoch, Resigned after it has stopped, or has lost the directory that
	// the partition is in; a Resigned may repeat. Both may be nil, must not
	// block, and are called from more than one goroutine. Coordinators load and
	// unload by them.
	Elected  func(p *Partition, leaderEpoch int32)
	Resigned func(p *Partition)
}

// Manager owns the partitions of this broker. Lookups take no lock. Changes
// come from the goroutine that follows the metadata, and from the one that
// looks after what could not be opened.
type Manager struct {
	opts   Options
	byName sync.Map // string → *topic
	byID   sync.Map // metadata.TopicID → *topic
	count  atomic.Int64
	codecs sync.Pool // of *codecs

	// applying is held while partitions are brought in line with img, the
	// newest image. It comes before mu and the locks of partitions.
	applying sync.Mutex
	img      *metadata.Image

	mu      sync.Mutex
	stored  map[log.Partition]*Dir    // what the directories held at the start
	perDir  map[*log.Dir]int          // partitions opened in each
	pending map[log.Partition]pending // what could not be opened: at most the image's partitions
}

// topic is a topic with at least one partition here.
type topic struct {
	name string
	id   metadata.TopicID
	// parts has the partition with index i at i, nil where it is not here.
	parts atomic.Pointer[[]*Partition]
}

func (t *topic) partition(i int32) *Partition {
	parts := *t.parts.Load()
	if i < 0 || int(i) >= len(parts) {
		return nil
	}
	return parts[i]
}

// NewManager returns a manager without partitions.
func NewManager(o Options) *Manager {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Manager{
		opts: o, img: metadata.Empty(), stored: map[log.Partition]*Dir{},
		perDir: map[*log.Dir]int{}, pending: map[log.Partition]pending{},
	}
	for i := range o.Dirs {
		for _, at := range o.Dirs[i].Stored() {
			m.stored[at.Partition] = &o.Dirs[i]
		}
	}
	return m
}

// Partition finds a partition by name, nil if it is not on this broker.
func (m *Manager) Partition(topicName string, index int32) *Partition {
	v, ok := m.byName.Load(topicName)
	if !ok {
		return nil
	}
	return v.(*topic).partition(index)
}

// PartitionByID finds a partition by its topic's id, nil if it is not on this
// broker.
func (m *Manager) PartitionByID(id metadata.TopicID, index int32) *Partition {
	v, ok := m.byID.Load(id)
	if !ok {
		return nil
	}
	return v.(*topic).partition(index)
}

// Len is the number of partitions on this broker.
func (m *Manager) Len() int { return int(m.count.Load()) }

// Each calls f for every partition on this broker, in no order, until it
// returns false.
func (m *Manager) Each(f func(*Partition) bool) {
	m.byID.Range(func(_, v any) bool {
		for _, p := range *v.(*topic).parts.Load() {
			if p != nil && !f(p) {
				return false
			}
		}
		return true
	})
}

// Dirs are the broker's log directories.
func (m *Manager) Dirs() []Dir { return m.opts.Dirs }

// Apply brings the partitions in line with an image. It is called with each
// delta in order, by one goroutine. An error names what could not be opened or
// removed; everything else has been done. What could not be opened is tried
// again with the next delta and by Retry.
func (m *Manager) Apply(d *metadata.Delta) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.img = d.New
	m.retry()
	var failed []error
	for _, t := range d.Topics {
		if t.New == nil {
			failed = append(failed, m.removeTopic(t.Old))
			continue
		}
		failed = append(failed, m.applyTopic(d.New, t))
	}
	m.applyConfigs(d)
	return errors.Join(failed...)
}

// applyConfigs resolves the settings again of the topics whose configs, or
// whose defaults, have changed.
func (m *Manager) applyConfigs(d *metadata.Delta) {
	all := false
	for _, r := range d.Configs {
		switch r.Type {
		case metadata.ResourceBroker:
			all = true
		case metadata.ResourceTopic:
			m.setSettings(d.New, r.Name)
		}
	}
	if all {
		m.byName.Range(func(name, _ any) bool {
			m.setSettings(d.New, name.(string))
			return true
		})
	}
}

// applyTopic opens, creates and re-roles the partitions of one topic.
func (m *Manager) applyTopic(img *metadata.Image, d metadata.TopicDelta) error {
	var t *topic
	if v, ok := m.byID.Load(d.New.ID); ok {
		t = v.(*topic)
	} else {
		t = &topic{name: d.New.Name, id: d.New.ID}
		t.parts.Store(new([]*Partition))
	}
	settings := m.opts.Settings(img, t.name)
	parts := make([]*Partition, len(d.New.Partitions))
	copy(parts, *t.parts.Load())
	var failed []error
	for _, i := range d.Partitions {
		var err error
		if parts[i], err = m.applyPartition(t, parts[i], i, d.New.Partitions[i], settings); err != nil {
			failed = append(failed, err)
		}
	}
	m.publish(t, parts)
	for _, i := range d.Partitions {
		if parts[i] != nil {
			parts[i].announce()
		}
	}
	return errors.Join(failed...)
}

// applyPartition brings one partition in line and returns it, nil if it is not
// on this broker.
func (m *Manager) applyPartition(t *topic, p *Partition, index int32, mp *metadata.Partition, s *Settings) (*Partition, error) {
	if !slices.Contains(mp.Replicas, m.opts.BrokerID) {
		if p == nil {
			m.noteOpen(log.Partition{Topic: t.name, Partition: index}, t.id, nil)
			return nil, nil
		}
		return nil, m.removePartition(p)
	}
	if p == nil {
		var err error
		p, err = m.open(t, index, s)
		m.noteOpen(log.Partition{Topic: t.name, Partition: index}, t.id, err)
		if err != nil {
			return nil, err
		}
	}
	p.become(mp, s)
	return p, nil
}

// publish makes the partitions of a topic visible to lookups.
func (m *Manager) publish(t *topic, parts []*Partition) {
	here := present(parts)
	m.count.Add(int64(here - present(*t.parts.Load())))
	t.parts.Store(&parts)
	if here > 0 {
		m.byID.Store(t.id, t)
		m.byName.Store(t.name, t)
		return
	}
	m.byID.Delete(t.id)
	m.byName.CompareAndDelete(t.name, t)
}

func present(parts []*Partition) int {
	n := 0
	for _, p := range parts {
		if p != nil {
			n++
		}
	}
	return n
}

func (m *Manager) setSettings(img *metadata.Image, name string) {
	v, ok := m.byName.Load(name)
	if !ok {
		return
	}
	s := m.opts.Settings(img, name)
	for _, p := range *v.(*topic).parts.Load() {
		if p != nil {
			p.configure(s)
		}
	}
}

func (m *Manager) removeTopic(mt *metadata.Topic) error {
	m.forgetTopic(mt)
	v, ok := m.byID.LoadAndDelete(mt.ID)
	if !ok {
		return nil
	}
	t := v.(*topic)
	m.byName.CompareAndDelete(t.name, t)
	var failed []error
	for _, p := range *t.parts.Load() {
		if p != nil {
			m.count.Add(-1)
			failed = append(failed, m.removePartition(p))
		}
	}
	return errors.Join(failed...)
}

func (m *Manager) removePartition(p *Partition) error {
	p.resign()
	if err := p.log.Dir().Delete(p.log); err != nil {
		return fmt.Errorf("delete %s: %w", p.Name(), err)
	}
	return nil
}

// open opens or creates a partition's log: where it is on disk, or else in the
// directory with the fewest partitions.
func (m *Manager) open(t *topic, index int32, s *Settings) (*Partition, error) {
	p := &Partition{Topic: t.name, Index: index, TopicID: t.id, mgr: m}
	d := m.dirFor(p.Name())
	if d == nil {
		return nil, fmt.Errorf("open %s: all log directories have failed: %w", p.Name(), kerr.KafkaStorageError)
	}
	l, err := d.Open(p.Name(), log.TopicID(t.id), s.forPartition(p.Name()))
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", p.Name(), d.Path(), err)
	}
	p.log = l
	p.settings.Store(s)
	p.role.Store(&role{leaderID: metadata.NoLeader, leaderEpoch: -1})
	l.OnDurable(p.durable)
	m.mu.Lock()
	m.perDir[d.Dir]++
	m.mu.Unlock()
	return p, nil
}

// Quarantine moves aside what the directories held at the start and the image
// does not know: partitions whose topic was deleted while this broker was away.
// The image must be at least as new as this broker's registration.
func (m *Manager) Quarantine(img *metadata.Image) error {
	m.mu.Lock()
	unknown := map[log.Partition]*Dir{}
	for name, d := range m.stored {
		if name.Topic != metadata.ClusterMetadataTopic && img.Partition(name.Topic, name.Partition) == nil {
			unknown[name] = d
			delete(m.stored, name)
		}
	}
	m.mu.Unlock()
	var failed []error
	for name, d := range unknown {
		m.opts.Logger.Warn("partition of no known topic is moved aside", "partition", name.String(), "path", d.Path())
		failed = append(failed, d.Quarantine(name))
	}
	return errors.Join(failed...)
}

func (m *Manager) dirFor(name log.Partition) *Dir {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.stored[name]; ok {
		return at
	}
	var best *Dir
	for i := range m.opts.Dirs {
		d := &m.opts.Dirs[i]
		if d.Failed() == nil && (best == nil || m.perDir[d.Dir] < m.perDir[best.Dir]) {
			best = d
		}
	}
	return best
}
