// Package replica holds the partitions that live on this broker: it appends to
// them, reads from them, and tells those who wait for the one or the other.
// What it leads and what it follows, the metadata say.
package replica

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	// Absent are directories that are configured and could not be opened.
	Absent []AbsentDir
	// ReadOnly, if it is not nil, is why nothing may be changed: the metadata
	// may be older than what the directories hold. Partitions that are stored
	// are opened and read; none is made, moved or trimmed, and appends get this
	// error.
	ReadOnly error
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
	// Located is told where a replica is when the metadata say otherwise. It may
	// be nil, must not block, and may be told the same again.
	// done, if it is not nil, is called once the controller has recorded it; it
	// does not block.
	Located func(topic metadata.TopicID, index int32, dir metadata.UUID, done func())
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
	stored  map[log.Partition][]copyAt // what the directories held at the start and is not open yet
	perDir  map[*log.Dir]int           // partitions opened in each
	pending map[log.Partition]pending  // what could not be opened: at most the image's partitions
	// preferred is where an administrator wants partitions that are not here yet.
	preferred map[log.Partition]*Dir
	moves     map[log.Partition]*move
	intents   map[log.Partition][]copyAt // future logs that the last stop has left
	moving    chan struct{}              // has room for one: something about moves has changed
	moveBuf   []byte                     // of RunMoves alone
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
		opts: o, img: metadata.Empty(), stored: map[log.Partition][]copyAt{},
		perDir: map[*log.Dir]int{}, pending: map[log.Partition]pending{}, preferred: map[log.Partition]*Dir{},
		moves: map[log.Partition]*move{}, intents: map[log.Partition][]copyAt{}, moving: make(chan struct{}, 1),
	}
	for i := range o.Dirs {
		for _, at := range o.Dirs[i].Stored() {
			m.stored[at.Partition] = append(m.stored[at.Partition], copyAt{&o.Dirs[i], at.TopicID})
		}
	}
	if o.ReadOnly == nil {
		m.findFutures()
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

// Dirs are the broker's log directories, those apart that were off line at the
// start.
func (m *Manager) Dirs() []Dir { return m.opts.Dirs }

// Absent are the log directories that were off line at the start.
func (m *Manager) Absent() []AbsentDir { return m.opts.Absent }

// Apply brings the partitions in line with an image. It is called with each
// delta in order, by one goroutine. An error names the first few of what could
// not be opened or removed, and counts them; everything else has been done. What could not be opened is tried
// again with the next delta and by Retry.
func (m *Manager) Apply(d *metadata.Delta) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	began := m.img.Position().Offset >= 0 // everything of the first image may be on disk already
	m.img = d.New
	m.retry()
	var failed failures
	for _, t := range d.Topics {
		if t.New == nil {
			m.removeTopic(t.Old, &failed)
			continue
		}
		fresh := func(index int32) bool { return began && t.Old.Partition(index) == nil }
		m.applyTopic(d.New, t, fresh, &failed)
	}
	m.applyConfigs(d)
	return failed.err()
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

// applyTopic opens, creates and re-roles the partitions of one topic. fresh tells
// which of them no directory can have held before.
func (m *Manager) applyTopic(img *metadata.Image, d metadata.TopicDelta, fresh func(index int32) bool, failed *failures) {
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
	for _, i := range d.Partitions {
		var err error
		parts[i], err = m.applyPartition(t, parts[i], wanted{i, d.New.Partitions[i], fresh(i)}, settings)
		failed.add(err)
	}
	m.publish(t, parts)
	for _, i := range d.Partitions {
		if parts[i] != nil {
			parts[i].announce()
		}
	}
}

// wanted is a partition as the metadata want it.
type wanted struct {
	index int32
	state *metadata.Partition
	fresh bool // see Manager.place
}

// applyPartition brings one partition in line and returns it, nil if it is not
// on this broker.
func (m *Manager) applyPartition(t *topic, p *Partition, w wanted, s *Settings) (*Partition, error) {
	name := log.Partition{Topic: t.name, Partition: w.index}
	if !slices.Contains(w.state.Replicas, m.opts.BrokerID) {
		if p == nil {
			m.noteOpen(name, t.id, false, nil)
			return nil, nil
		}
		return nil, m.removePartition(p)
	}
	if p == nil {
		var err error
		p, err = m.open(t, w, s)
		m.noteOpen(name, t.id, w.fresh, err)
		if err != nil {
			return nil, err
		}
	}
	p.become(w.state, s)
	m.locate(p, w.state)
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

func (m *Manager) removeTopic(mt *metadata.Topic, failed *failures) {
	m.forgetTopic(mt)
	v, ok := m.byID.LoadAndDelete(mt.ID)
	if !ok {
		return
	}
	t := v.(*topic)
	m.byName.CompareAndDelete(t.name, t)
	for _, p := range *t.parts.Load() {
		if p != nil {
			m.count.Add(-1)
			failed.add(m.removePartition(p))
		}
	}
}

func (m *Manager) removePartition(p *Partition) error {
	if mv := m.moveOf(p.Name()); mv != nil {
		m.endMove(mv, (*log.Log).Discard)
	}
	p.resign()
	l := p.Log()
	m.mu.Lock()
	m.perDir[l.Dir()]--
	m.mu.Unlock()
	if err := l.Dir().Delete(l); err != nil {
		return fmt.Errorf("delete %s: %w", p.Name(), err)
	}
	return nil
}

// open opens or creates a partition's log.
func (m *Manager) open(t *topic, w wanted, s *Settings) (*Partition, error) {
	p := &Partition{Topic: t.name, Index: w.index, TopicID: t.id, mgr: m}
	d, err := m.place(t, w.index, w.state, w.fresh)
	if err != nil {
		return nil, err
	}
	l, err := d.Open(p.Name(), t.id, s.forPartition(p.Name()))
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", p.Name(), d.Path(), err)
	}
	if err := m.placed(p.Name(), t.id, d); err != nil {
		m.opts.Logger.Error("a second copy of a partition stays where it is", "partition", p.Name().String(), "error", err)
	}
	p.store.Store(l)
	p.settings.Store(s)
	p.role.Store(&role{leaderID: metadata.NoLeader, leaderEpoch: -1})
	l.OnDurable(p.durable)
	m.resumeMove(p)
	return p, nil
}
