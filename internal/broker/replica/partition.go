package replica

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/broker/replica/isr"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/log"
)

// Partition is this broker's replica of one partition. Its methods may be
// called from any goroutine.
//
// Lock order: moving, mu, then the log's own, then isr.Mutex. Nothing is held while
// waiters are told.
type Partition struct {
	Topic   string
	Index   int32
	TopicID metadata.TopicID

	mgr      *Manager
	store    atomic.Pointer[log.Log] // another one after a move between directories
	role     atomic.Pointer[role]
	settings atomic.Pointer[Settings]

	// stranded says that a move has failed in its last step: the next start may
	// find either log, so that nothing more may be acknowledged.
	stranded atomic.Bool
	// moving keeps retention and the last step of a move between log directories
	// apart.
	moving sync.RWMutex
	// mu serialises appends with changes of the role.
	mu sync.Mutex
	// isr is the leader's state, nil on a follower.
	isr struct {
		sync.Mutex
		leader *isr.Leader
	}
	commits commits
	waiting [isolations]waitList

	// Traffic counts what went through this replica since it was opened.
	Traffic Traffic
}

// Traffic are running counts, for metrics.
type Traffic struct {
	MessagesIn, BytesIn, BytesOut atomic.Int64
	FailedProduce, FailedFetch    atomic.Int64
}

// Name is the partition's topic and index.
func (p *Partition) Name() log.Partition { return log.Partition{Topic: p.Topic, Partition: p.Index} }

// Log is the partition's storage. Only readers and maintenance use it; all
// appends go through the partition. After a move between log directories it is
// another one, and the old one answers KAFKA_STORAGE_ERROR.
func (p *Partition) Log() *log.Log { return p.store.Load() }

// LeaderEpoch is the epoch of the current leadership, whoever leads.
func (p *Partition) LeaderEpoch() int32 { return p.role.Load().leaderEpoch }

// Leads reports whether this broker leads the partition.
func (p *Partition) Leads() bool { return p.role.Load().leader && !p.Offline() }

// Settings are the topic's settings as they hold now.
func (p *Partition) Settings() *Settings { return p.settings.Load() }

// HighWatermark is the offset below which all is committed and visible.
func (p *Partition) HighWatermark() int64 { return p.Log().HighWatermark() }

// LastStableOffset is the offset below which no transaction is open.
func (p *Partition) LastStableOffset() int64 { return p.Log().LastStableOffset() }

// limit is the offset that a reader may read up to.
func (p *Partition) limit(level Isolation) int64 {
	switch level {
	case ReadCommitted:
		return p.Log().LastStableOffset()
	case ReadLogEnd:
		return p.Log().EndOffset()
	}
	return p.Log().HighWatermark()
}

// CheckLeader returns an error unless this broker leads the partition and
// current, the client's idea of the leader epoch, is right; -1 skips the check
// of the epoch (KIP-320). A failed log directory is told first, as in
// ReplicaManager.getPartitionOrError.
func (p *Partition) CheckLeader(current int32) error {
	if p.Offline() {
		return fmt.Errorf("%s: its log directory is off line: %w", p.Name(), kerr.KafkaStorageError)
	}
	r := p.role.Load()
	if err := r.checkEpoch(current); err != nil {
		return fmt.Errorf("%s: %w", p.Name(), err)
	}
	if !r.leader {
		return fmt.Errorf("%s: led by broker %d: %w", p.Name(), r.leaderID, kerr.NotLeaderForPartition)
	}
	return nil
}

// AppendOptions say on whose behalf an append is made.
type AppendOptions struct {
	// AllISR refuses the append while the ISR is below min.insync.replicas
	// (acks=all).
	AllISR bool
	// LeaderEpoch must be the current one, unless it is -1. Coordinators use
	// it so that a deposed one writes nothing.
	LeaderEpoch int32
	// Internal marks a write of the broker itself: a coordinator's records,
	// control batches. It skips the checks that are made of clients' batches.
	Internal bool
	// NoZstd refuses zstd, as Produce before version 7 does (KIP-110).
	NoZstd bool
	Now    time.Time
}

// Append validates batches, gives them their offsets and writes them to the
// log. It may change b in place. The records are visible, and with acks=all
// acknowledged, when the high watermark passes them: see WhenCommitted.
// As ReplicaManager.appendRecords and Partition.appendRecordsToLeader.
func (p *Partition) Append(b []byte, o AppendOptions) (log.Appended, error) {
	if err := p.mgr.opts.ReadOnly; err != nil {
		p.Traffic.FailedProduce.Add(1)
		return log.Appended{}, fmt.Errorf("append to %s: %w", p.Name(), err)
	}
	s := p.settings.Load()
	if !o.Internal {
		checked, err := p.validate(b, s, o)
		if err != nil {
			p.Traffic.FailedProduce.Add(1)
			return log.Appended{}, err
		}
		b = checked
	}
	appended, err := p.append(b, o)
	if err != nil {
		p.Traffic.FailedProduce.Add(1)
		return appended, fmt.Errorf("append to %s: %w", p.Name(), err)
	}
	if !appended.Duplicate {
		p.Traffic.MessagesIn.Add(appended.LastOffset - appended.BaseOffset + 1)
		p.Traffic.BytesIn.Add(int64(len(b)))
	}
	if !s.Log.FlushBeforeAck {
		p.committed(p.Log().EndOffset())
	}
	p.waiting[ReadLogEnd].wake()
	return appended, nil
}

func (p *Partition) append(b []byte, o AppendOptions) (log.Appended, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.CheckLeader(o.LeaderEpoch); err != nil {
		return log.Appended{}, err
	}
	if o.AllISR && !p.enoughReplicas() {
		return log.Appended{}, kerr.NotEnoughReplicas
	}
	origin := log.FromClient
	if o.Internal {
		origin = log.FromCoordinator
	}
	return p.Log().Append(b, log.AppendOptions{LeaderEpoch: p.role.Load().leaderEpoch, Now: o.Now, Origin: origin})
}

// validate checks one client's batch against the topic's rules.
func (p *Partition) validate(b []byte, s *Settings, o AppendOptions) ([]byte, error) {
	batch, err := record.One(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	if batch.Attributes().Transactional() {
		// As Kafka where the request names no transactional id it may use. Nothing
		// here could end the transaction, and readers would wait for its end.
		return nil, fmt.Errorf("%s: a transactional batch outside of a transaction: %w", p.Name(), kerr.TransactionalIDAuthorizationFailed)
	}
	rules := s.Rules
	rules.NowMs, rules.NoZstd = o.Now.UnixMilli(), o.NoZstd
	c, ok := p.mgr.codecs.Get().(*codecs)
	if !ok {
		c = &codecs{}
	}
	defer p.mgr.codecs.Put(c)
	rules.Decompressor, rules.Compressor = &c.in, &c.out
	res, err := record.Validate(batch, &rules)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return res.Batch, nil
}

func (p *Partition) enoughReplicas() bool {
	p.isr.Lock()
	defer p.isr.Unlock()
	return p.isr.leader != nil && p.isr.leader.EnoughReplicas()
}

// WhenCommitted tells w when the high watermark has reached offset, or when it
// no longer can because the leadership or the log directory is lost.
func (p *Partition) WhenCommitted(offset int64, w CommitWaiter) {
	if p.HighWatermark() >= offset {
		w.Committed(nil)
		return
	}
	p.commits.add(offset, w)
	// What happened between the look and the entry is made up for here.
	if p.HighWatermark() >= offset {
		p.commits.release(p.HighWatermark())
	}
	if !p.Leads() {
		p.commits.fail(p.unavailable())
	}
}

// durable is told by the log's sync workers.
func (p *Partition) durable(offset int64) {
	if p.settings.Load().Log.FlushBeforeAck {
		p.committed(offset)
	}
}

// committed notes this broker's own committed offset.
func (p *Partition) committed(offset int64) {
	p.isr.Lock()
	if p.isr.leader == nil {
		p.isr.Unlock()
		return
	}
	hw, moved := p.isr.leader.Committed(p.mgr.opts.BrokerID, offset)
	if moved {
		// Under the lock, so that two syncs cannot set it in the wrong order.
		p.Log().SetHighWatermark(hw)
	}
	p.isr.Unlock()
	if moved {
		p.commits.release(hw)
		p.waiting[ReadUncommitted].wake()
		p.waiting[ReadCommitted].wake()
	}
}

// Read is what a fetch found in one partition. Range.Release must be called.
type Read struct {
	Range            log.Range
	HighWatermark    int64
	LastStableOffset int64
	LogStartOffset   int64
	// Limit is where the reader's view of the log ended.
	Limit int64
	// Aborted are the aborted transactions in the range, for read_committed
	// only; not nil then.
	Aborted []log.AbortedTxn
}

// ReadOptions ask for batches.
type ReadOptions struct {
	From        int64
	MaxBytes    int
	MinOne      bool // the first batch whole, even if it is larger than MaxBytes (KIP-74)
	Level       Isolation
	LeaderEpoch int32 // the client's, -1 unknown
}

// Read finds the batches from an offset on. As Partition.fetchRecords.
func (p *Partition) Read(o ReadOptions) (Read, error) {
	if err := p.CheckLeader(o.LeaderEpoch); err != nil {
		return Read{}, err
	}
	r := Read{HighWatermark: p.HighWatermark(), LastStableOffset: p.LastStableOffset(), LogStartOffset: p.Log().StartOffset()}
	limit := p.limit(o.Level)
	r.Limit = limit
	if o.From < r.LogStartOffset || o.From > p.Log().EndOffset() {
		return r, fmt.Errorf("%s: offset %d is not between %d and %d: %w", p.Name(), o.From, r.LogStartOffset, p.Log().EndOffset(), kerr.OffsetOutOfRange)
	}
	if o.From >= limit || o.MaxBytes <= 0 && !o.MinOne {
		return r, nil
	}
	l := p.Log()
	var err error
	r.Range, err = l.Read(o.From, o.MaxBytes, limit, o.MinOne)
	if now := p.Log(); err != nil && now != l { // moved meanwhile
		l = now
		r.Range, err = l.Read(o.From, o.MaxBytes, limit, o.MinOne)
	}
	if err != nil {
		p.Traffic.FailedFetch.Add(1)
		return r, err
	}
	p.Traffic.BytesOut.Add(int64(r.Range.Len()))
	if o.Level == ReadCommitted {
		r.Aborted = l.AbortedTxns(o.From, r.Range.NextOffset())
	}
	return r, err
}

// Settle makes what was appended before the call durable, and so visible as far
// as this replica decides. Who asks where the log ends is to find there what
// acks=1 has acknowledged to it.
func (p *Partition) Settle() error {
	if !p.settings.Load().Log.FlushBeforeAck {
		return nil
	}
	if l := p.Log(); l.DurableOffset() < l.EndOffset() {
		if err := l.Sync(); err != nil && p.Log() == l { // a move makes all durable
			return fmt.Errorf("sync %s: %w", p.Name(), err)
		}
	}
	// The log knows before it tells: its own word may still be on the way.
	p.committed(p.Log().DurableOffset())
	return nil
}

// Wait parks a fetch until there may be something at or behind from. It fires
// at once if there already is.
func (p *Partition) Wait(w *FetchWaiter, level Isolation, from int64) {
	p.waiting[level].add(w)
	if from < p.limit(level) || !p.Leads() {
		w.Fire()
	}
}

// DeleteRecordsBefore moves the start of the log, see log.Log. As appends, it
// does not meet a move between log directories.
func (p *Partition) DeleteRecordsBefore(offset int64) (low int64, err error) {
	if err := p.mgr.opts.ReadOnly; err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Log().DeleteRecordsBefore(offset)
}

// Retain deletes what retention no longer wants, see log.Log; nothing on a
// read-only broker, as the settings may not be the newest. Appends do not wait
// for it.
func (p *Partition) Retain(now time.Time) (deleted int, err error) {
	if p.mgr.opts.ReadOnly != nil {
		return 0, nil
	}
	p.moving.RLock()
	defer p.moving.RUnlock()
	return p.Log().Retain(now)
}
