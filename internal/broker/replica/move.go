package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/log"
)

// move takes a partition from one log directory to another while it serves
// (KIP-113, ReplicaAlterLogDirsThread): a future log there follows the
// partition's; when it has caught up, the controller is told (KIP-858); when that
// is recorded, it is promoted, while appends wait.
//
// The copy under the partition's own name counts, and where both directories
// have one, after a crash between the two renames, the one that the controller
// knows. A future log never counts: after a restart the move begins anew.
type move struct {
	p  *Partition
	to *Dir

	// recorded is set when the controller knows the new directory.
	recorded atomic.Bool

	mu     sync.Mutex // comes after Manager.applying, before Partition.mu
	future *log.Log   // nil until the first step, and after the last
	told   bool       // the controller has been asked
	ended  bool
	// retryAt is when a step that found the disk full is tried again.
	retryAt time.Time
}

// Limits of one step of a move, so that several moves share the disks fairly and
// appends wait shortly.
const (
	moveChunk  = 1 << 20 // bytes read at once
	moveStep   = 16      // chunks
	moveAtLast = 4       // chunks copied while appends wait
	moveRetry  = time.Second
	maxMoves   = 100_000 // partitions that move, or that have a preferred directory
)

// MoveTo has a partition's log moved to the log directory with this path, as
// ReplicaManager.alterReplicaLogDirs. It returns when the move has begun; a move
// to somewhere else ends. For a partition that is not here the directory is
// remembered until it is made.
//
// Errors wrap LogDirNotFound, KafkaStorageError, InvalidTopicException, and
// ReplicaNotAvailable or UnknownTopicOrPartition where the partition is not here.
func (m *Manager) MoveTo(name log.Partition, path string) error {
	m.applying.Lock()
	defer m.applying.Unlock()
	if _, err := log.FutureName(name, log.TopicID{}); err != nil {
		return err
	}
	to, err := m.dirByPath(path)
	if err != nil {
		return err
	}
	p := m.Partition(name.Topic, name.Partition)
	if p == nil {
		return m.prefer(name, to)
	}
	if p.Offline() {
		return fmt.Errorf("move %s: its log directory is off line: %w", name, kerr.KafkaStorageError)
	}
	if old := m.moveOf(name); old != nil {
		if old.to == to {
			return nil
		}
		m.endMove(old, (*log.Log).Discard)
		m.locate(p, m.img.Partition(name.Topic, name.Partition))
	}
	if p.Log().Dir() == to.Dir {
		return nil
	}
	return m.beginMove(p, to)
}

// allOnLine returns an error if a log directory is off line: there may be a
// future log in it.
func (m *Manager) allOnLine() error {
	for _, d := range m.opts.Dirs {
		if d.Failed() != nil {
			return fmt.Errorf("log directory %s is off line: %w", d.Path(), kerr.KafkaStorageError)
		}
	}
	if len(m.opts.Absent) > 0 {
		return fmt.Errorf("log directory %s is off line: %w", m.opts.Absent[0].Path, kerr.KafkaStorageError)
	}
	return nil
}

func (m *Manager) dirByPath(path string) (*Dir, error) {
	path = filepath.Clean(path)
	same := func(configured string) bool {
		abs, err := filepath.Abs(configured)
		return configured == path || err == nil && abs == path
	}
	for i := range m.opts.Dirs {
		if d := &m.opts.Dirs[i]; same(d.Path()) {
			if d.Failed() != nil {
				return nil, fmt.Errorf("log directory %s is off line: %w", path, kerr.KafkaStorageError)
			}
			return d, nil
		}
	}
	if slices.ContainsFunc(m.opts.Absent, func(d AbsentDir) bool { return same(d.Path) }) {
		return nil, fmt.Errorf("log directory %s is off line: %w", path, kerr.KafkaStorageError)
	}
	return nil, fmt.Errorf("%s is none of log.dirs: %w", path, kerr.LogDirNotFound)
}

// prefer remembers where a partition is to be made that is not here.
func (m *Manager) prefer(name log.Partition, to *Dir) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.preferred) < maxMoves || m.preferred[name] != nil {
		m.preferred[name] = to
	}
	if m.img.Partition(name.Topic, name.Partition) == nil {
		return fmt.Errorf("%s does not exist: %w", name, kerr.UnknownTopicOrPartition)
	}
	return fmt.Errorf("%s is not on this broker yet: %w", name, kerr.ReplicaNotAvailable)
}

func (m *Manager) moveOf(name log.Partition) *move {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moves[name]
}

// beginMove queues a move. The caller holds applying.
func (m *Manager) beginMove(p *Partition, to *Dir) error {
	if err := m.allOnLine(); err != nil {
		return fmt.Errorf("move %s: %w", p.Name(), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.moves) >= maxMoves {
		return fmt.Errorf("move %s: %d moves are under way: %w", p.Name(), len(m.moves), kerr.ThrottlingQuotaExceeded)
	}
	m.moves[p.Name()] = &move{p: p, to: to}
	m.perDir[to.Dir]++
	m.opts.Logger.Info("partition is moved to another log directory", "partition", p.Name().String(), "from", p.Log().Dir().Path(), "to", to.Path())
	m.wakeMoves()
	return nil
}

func (m *Manager) wakeMoves() {
	select {
	case m.moving <- struct{}{}:
	default:
	}
}

// endMove takes a move out. what becomes of its future log, leave decides.
func (m *Manager) endMove(mv *move, leave func(*log.Log) error) {
	m.mu.Lock()
	if m.moves[mv.p.Name()] == mv {
		delete(m.moves, mv.p.Name())
		m.perDir[mv.to.Dir]--
	}
	m.mu.Unlock()
	mv.mu.Lock()
	defer mv.mu.Unlock()
	mv.ended = true
	m.drop(mv, leave)
}

// drop lets go of the future log of a move. The caller holds mv.mu.
func (m *Manager) drop(mv *move, leave func(*log.Log) error) {
	l := mv.future
	if mv.future = nil; l == nil {
		return
	}
	if err := leave(l); err != nil {
		m.opts.Logger.Warn("a copy that is not needed any more stays", "partition", mv.p.Name().String(), "in", mv.to.Path(), "error", err)
	}
}

// suspend leaves a future log for the next start.
func suspend(l *log.Log) error {
	l.Suspend()
	return nil
}

// RunMoves moves partitions between directories until ctx ends. It is called
// once.
func (m *Manager) RunMoves(ctx context.Context) error {
	defer m.suspendMoves()
	for {
		busy := false
		var soonest time.Time
		for _, mv := range m.currentMoves() {
			if ctx.Err() != nil {
				return nil
			}
			more, retryAt := m.step(mv, time.Now())
			busy = busy || more
			if !retryAt.IsZero() && (soonest.IsZero() || retryAt.Before(soonest)) {
				soonest = retryAt
			}
		}
		if busy {
			continue
		}
		m.moveBuf = nil // moves that wait hold nothing
		if !m.awaitMoves(ctx, soonest) {
			return nil
		}
	}
}

// awaitMoves waits for news, or for the time of a retry if there is one. It
// reports false when ctx has ended.
func (m *Manager) awaitMoves(ctx context.Context, retryAt time.Time) bool {
	var retry <-chan time.Time
	if !retryAt.IsZero() {
		t := time.NewTimer(time.Until(retryAt))
		defer t.Stop()
		retry = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-m.moving:
	case <-retry:
	}
	return true
}

// currentMoves lists the moves in the order of their names.
func (m *Manager) currentMoves() []*move {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*move, 0, len(m.moves))
	for _, mv := range m.moves {
		out = append(out, mv)
	}
	slices.SortFunc(out, func(a, b *move) int {
		if a.p.Topic != b.p.Topic {
			if a.p.Topic < b.p.Topic {
				return -1
			}
			return 1
		}
		return int(a.p.Index - b.p.Index)
	})
	return out
}

func (m *Manager) suspendMoves() {
	for _, mv := range m.currentMoves() {
		m.endMove(mv, suspend)
	}
}

// step takes a move further. more says that there is something to do at once,
// retryAt, if it is not zero, that there is later.
func (m *Manager) step(mv *move, now time.Time) (more bool, retryAt time.Time) {
	mv.mu.Lock()
	if mv.ended {
		mv.mu.Unlock()
		return false, time.Time{}
	}
	if now.Before(mv.retryAt) {
		mv.mu.Unlock()
		return false, mv.retryAt
	}
	more, done, err := m.advance(mv, now)
	if err != nil && again(err) {
		level := slog.LevelDebug
		if mv.retryAt.IsZero() {
			level = slog.LevelWarn // the first time
		}
		m.opts.Logger.Log(context.Background(), level, "a move between log directories waits", "partition", mv.p.Name().String(), "to", mv.to.Path(), "error", err)
		mv.retryAt = now.Add(moveRetry)
		mv.mu.Unlock()
		return false, mv.retryAt
	}
	mv.retryAt = time.Time{}
	mv.mu.Unlock()
	switch {
	case err != nil:
		m.failMove(mv, err)
	case done:
		m.endMove(mv, suspend)
	}
	return more && !done && err == nil, time.Time{}
}

// again tells the errors after which a move may go on: a full disk, too many
// open files.
func again(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// failMove ends a move that cannot go on. The partition stays where it is. What
// the copy has of it serves nobody, unless the source is off line: then the next
// start goes on.
func (m *Manager) failMove(mv *move, err error) {
	m.opts.Logger.Error("a move between log directories has ended without success", "partition", mv.p.Name().String(), "to", mv.to.Path(), "error", err)
	leave := (*log.Log).Discard
	if mv.p.Offline() {
		leave = suspend
	}
	m.endMove(mv, leave)
	if mv.p.stranded.Load() {
		mv.p.resigned() // the controller believes that it is in a failed directory, and that is true enough
		return
	}
	m.applying.Lock()
	defer m.applying.Unlock()
	if mp := m.img.TopicByID(mv.p.TopicID).Partition(mv.p.Index); mp != nil {
		m.locate(mv.p, mp) // the controller may believe that it is there already
	}
}

// advance copies what fits in a step, and ends the move when all is copied and
// the controller knows. The caller holds mv.mu.
func (m *Manager) advance(mv *move, now time.Time) (more, done bool, err error) {
	if mv.p.Offline() {
		return false, false, fmt.Errorf("its log directory is off line: %w", kerr.KafkaStorageError)
	}
	if err := mv.to.Failed(); err != nil {
		return false, false, fmt.Errorf("log directory %s is off line: %w", mv.to.Path(), err)
	}
	if mv.future == nil {
		if err := mv.begin(); err != nil {
			return false, false, err
		}
	}
	behind, err := mv.copy(moveStep, now)
	if errors.Is(err, errBehind) {
		// What it has was removed by retention, or cut: once more.
		m.drop(mv, (*log.Log).Discard)
		return true, false, nil
	}
	if err != nil || behind {
		return true, false, err
	}
	if m.opts.Located == nil {
		mv.recorded.Store(true)
	} else if !mv.told {
		mv.told = true
		m.opts.Located(mv.p.TopicID, mv.p.Index, mv.to.ID, func() {
			mv.recorded.Store(true)
			m.wakeMoves()
		})
	}
	if !mv.recorded.Load() {
		return false, false, nil
	}
	done, err = m.promote(mv, now)
	return !done, done, err
}

// errBehind says that a future log does not continue where its source is.
var errBehind = errors.New("the future log is not a part of its source")

// begin makes the future log where the source's first batch begins.
func (mv *move) begin() error {
	src := mv.p.Log()
	base := src.StartOffset()
	r, err := src.Read(base, moveChunk, src.EndOffset(), true)
	if err != nil {
		return err
	}
	if r.Len() > 0 {
		base = r.BaseOffset()
	}
	r.Release()
	c := src.Config()
	c.FlushBeforeAck = false // nobody waits for the copy
	mv.future, err = mv.to.CreateFuture(mv.p.Name(), mv.p.TopicID, base, c)
	return err
}

// copy appends chunks to the future log. behind says that there is more.
func (mv *move) copy(chunks int, now time.Time) (behind bool, err error) {
	src := mv.p.Log()
	for range chunks {
		from, end := mv.future.EndOffset(), src.EndOffset()
		if from == end {
			return false, nil
		}
		if from > end {
			return false, errBehind
		}
		if err := mv.copyOne(src, from, end, now); err != nil {
			return true, err
		}
	}
	return mv.future.EndOffset() != src.EndOffset(), nil
}

// copyOne copies the batches of one read. What lies below the source's start by
// now is not missed.
func (mv *move) copyOne(src *log.Log, from, end int64, now time.Time) error {
	r, err := src.Read(max(from, src.StartOffset()), moveChunk, end, true)
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return nil // the start has moved just now
	}
	if err != nil {
		return err
	}
	defer r.Release()
	if r.Len() == 0 {
		return mv.future.SkipTo(end)
	}
	m := mv.p.mgr
	if r.Len() > len(m.moveBuf) {
		m.moveBuf = make([]byte, max(r.Len(), moveChunk))
	}
	b := m.moveBuf[:r.Len()]
	if _, err := r.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read %s at offset %d: %w", mv.p.Name(), from, err)
	}
	err = mv.future.AppendAsFollower(b, now)
	if errors.Is(err, log.ErrNotContiguous) {
		return errBehind
	}
	return err
}

// promote copies the rest while appends wait, and puts the future log in the
// place of the partition's. done is false if too much has come meanwhile. The
// caller holds mv.mu.
func (m *Manager) promote(mv *move, now time.Time) (done bool, err error) {
	p := mv.p
	old := p.Log()
	if done, err = mv.swap(now); err != nil || !done {
		return false, err
	}
	m.mu.Lock()
	m.perDir[old.Dir()]--
	m.perDir[mv.to.Dir]++ // endMove takes the move's own off
	m.mu.Unlock()
	m.opts.Logger.Info("partition has been moved", "partition", p.Name().String(), "from", old.Dir().Path(), "to", mv.to.Path())
	if err := old.Dir().Delete(old); err != nil {
		m.opts.Logger.Warn("the log in the old directory stays; it is moved aside at the next start", "partition", p.Name().String(), "path", old.Dir().Path(), "error", err)
	}
	return true, nil
}

// swap is the moment of promote in which appends wait.
func (mv *move) swap(now time.Time) (done bool, err error) {
	p := mv.p
	p.moving.Lock()
	defer p.moving.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	behind, err := mv.copy(moveAtLast, now)
	if err != nil || behind {
		return false, err
	}
	if err := mv.future.Promote(p.Log()); err != nil {
		p.stranded.Store(errors.Is(err, log.ErrHalfPromoted))
		return false, err
	}
	p.replaceLog(mv.future)
	mv.future = nil
	return true, nil
}

// replaceLog puts a log that holds the same in the place of the partition's. The
// caller holds mu.
func (p *Partition) replaceLog(l *log.Log) {
	l.OnDurable(p.durable)
	p.isr.Lock()
	l.SetHighWatermark(p.Log().HighWatermark())
	p.store.Store(l)
	p.isr.Unlock()
	l.SetConfig(p.Settings().forPartition(p.Name()))
	if p.Settings().Log.FlushBeforeAck {
		p.committed(l.DurableOffset())
	}
}

// Move describes one partition on its way to another directory.
type Move struct {
	Partition *Partition
	Dir       *log.Dir
	Size      int64 // bytes there by now
	Lag       int64 // offsets that are missing
}

// Moves lists what moves between directories, in the order of the names.
func (m *Manager) Moves() []Move {
	var out []Move
	for _, mv := range m.currentMoves() {
		mv.mu.Lock()
		d := Move{Partition: mv.p, Dir: mv.to.Dir, Lag: mv.p.Log().EndOffset() - mv.p.Log().StartOffset()}
		if mv.future != nil {
			d.Size, d.Lag = mv.future.Size(), mv.p.Log().EndOffset()-mv.future.EndOffset()
		}
		mv.mu.Unlock()
		out = append(out, d)
	}
	return out
}

// findFutures notes the moves that the last stop has cut short.
func (m *Manager) findFutures() {
	for i := range m.opts.Dirs {
		d := &m.opts.Dirs[i]
		left, err := d.Futures()
		if err != nil {
			m.opts.Logger.Warn("moves into a log directory are not taken up again", "path", d.Path(), "error", err)
		}
		for _, f := range left {
			m.intents[f.Partition] = append(m.intents[f.Partition], copyAt{d, f.TopicID})
		}
	}
}

// resumeMove goes on with a move that the last stop has cut short. The caller
// holds applying.
func (m *Manager) resumeMove(p *Partition) {
	m.mu.Lock()
	left := m.intents[p.Name()]
	delete(m.intents, p.Name())
	m.mu.Unlock()
	for _, i := range left {
		if i.id != p.TopicID || p.Log().Dir() == i.dir.Dir || m.moveOf(p.Name()) != nil {
			m.dropIntent(p.Name(), i)
			continue
		}
		if err := m.beginMove(p, i.dir); err != nil {
			m.opts.Logger.Warn("a move between log directories is not taken up again", "partition", p.Name().String(), "to", i.dir.Path(), "error", err)
		}
	}
}

func (m *Manager) dropIntent(name log.Partition, i copyAt) {
	if err := i.dir.DropFuture(name, i.id); err != nil {
		m.opts.Logger.Warn("a copy that is not needed any more stays", "partition", name.String(), "in", i.dir.Path(), "error", err)
	}
}
