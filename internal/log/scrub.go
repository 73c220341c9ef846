package log

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// ScrubOptions say how a directory is re-read in the background, so that what
// has rotted is found before it is needed, and while replicas are still good.
type ScrubOptions struct {
	// BytesPerSecond bounds the reading; 0 = there is no scrubbing.
	BytesPerSecond int64
	// Interval is the time from the start of one round to the start of the next;
	// 0 = 7 days. A round that takes longer is followed by the next at once.
	Interval time.Duration
}

const (
	defaultScrubInterval = 7 * 24 * time.Hour
	// scrubDelay keeps scrubbing off the start, when logs are being opened.
	scrubDelay = time.Minute
	// scrubSaveEvery is how much reading a kill may cost.
	scrubSaveEvery = time.Minute
	// scrubTellEvery is how often a long round says in the log how far it is.
	scrubTellEvery = time.Hour
)

// errHalted ends a round that the directory's end interrupts.
var errHalted = errors.New("scrubbing was stopped")

// scrubRound is what the state log keeps of the round under way, or of the last.
type scrubRound struct {
	startedMs, finishedMs int64 // finished: 0 while it is under way
	bytes                 int64 // read so far
	found                 int64 // runs of damage
	// cursor is the last partition that is done, "" before the first.
	cursor string
}

func (v scrubRound) encode(b []byte) []byte {
	b = append(b, stateVersion)
	b = appendInts(b, v.startedMs, v.finishedMs, v.bytes, v.found)
	return append(b, v.cursor...)
}

func decodeScrub(b []byte) (v scrubRound, ok bool) {
	if len(b) < 33 || b[0] != stateVersion {
		return v, false
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+8*i:])) }
	return scrubRound{at(0), at(1), at(2), at(3), string(b[33:])}, true
}

// scrubStats is what a round tells while it runs.
type scrubStats struct {
	running            atomic.Bool
	bytes              atomic.Int64 // since the directory was opened
	done, total        atomic.Int64 // bytes of the round
	finishedMs, rounds atomic.Int64
}

// ScrubStats tell how far the scrubbing is.
type ScrubStats struct {
	Running      bool
	Bytes        int64     // read since the directory was opened
	Done, Total  int64     // bytes of the round under way; Total is an estimate
	Rounds       int64     // that ended since the directory was opened
	LastFinished time.Time // of the last whole round, zero if there was none
}

func (s *scrubStats) read() ScrubStats {
	v := ScrubStats{
		Running: s.running.Load(), Bytes: s.bytes.Load(), Done: s.done.Load(), Total: s.total.Load(), Rounds: s.rounds.Load(),
	}
	if ms := s.finishedMs.Load(); ms > 0 {
		v.LastFinished = time.UnixMilli(ms)
	}
	return v
}

// scrubber reads a directory again and again. It is one goroutine of the
// directory's, whatever the number of partitions.
type scrubber struct {
	d     *Dir
	rate  int64
	every time.Duration
	timer *time.Timer
	sweep sweep
	round scrubRound
	part  int64 // bytes read of the partition under way

	next        time.Time // when the next read may begin
	saved, told time.Time
}

func newScrubber(d *Dir, o ScrubOptions) *scrubber {
	s := &scrubber{d: d, rate: o.BytesPerSecond, every: o.Interval}
	if s.every <= 0 {
		s.every = defaultScrubInterval
	}
	s.sweep.pace = s.pace
	s.round, _ = decodeScrub(d.state.get("", kindScrub))
	d.stats.scrub.finishedMs.Store(s.round.finishedMs)
	return s
}

// run works until the directory is closed.
func (s *scrubber) run() {
	s.timer = time.NewTimer(scrubDelay)
	defer s.timer.Stop()
	for due := time.Now().Add(scrubDelay); s.sleep(due); {
		err := s.oneRound()
		if errors.Is(err, errHalted) || s.d.failure.Load() != nil {
			return
		}
		if err != nil {
			s.d.logger.Warn("scrubbing goes on with the next round", "dir", s.d.path, "error", err)
		}
		due = time.UnixMilli(s.round.startedMs).Add(s.every)
	}
}

// sleep waits; false means that the directory is being closed.
func (s *scrubber) sleep(until time.Time) bool {
	s.timer.Reset(time.Until(until))
	select {
	case <-s.d.keep.stop:
		return false
	case <-s.timer.C:
		return true
	}
}

// pace waits until n more bytes may be read.
func (s *scrubber) pace(n int) error {
	now := time.Now()
	if s.next.Before(now) {
		s.next = now
	}
	at := s.next
	s.next = s.next.Add(time.Duration(float64(n) / float64(s.rate) * float64(time.Second)))
	if !s.sleep(at) {
		return errHalted
	}
	st := &s.d.stats.scrub
	st.bytes.Add(int64(n))
	s.part += int64(n)
	st.done.Store(s.round.bytes + s.part)
	return s.d.Failed()
}

// oneRound reads everything once. It goes on where the last process stopped, if
// that had not come to the end.
func (s *scrubber) oneRound() error {
	d := s.d
	st := &d.stats.scrub
	now := time.Now()
	if due := s.round.startedMs + s.every.Milliseconds(); s.round.finishedMs > 0 && due > now.UnixMilli() {
		return nil // a restart in between
	}
	if s.round.finishedMs > 0 || s.round.startedMs == 0 {
		s.round = scrubRound{startedMs: now.UnixMilli()}
	}
	logs := s.logs()
	total := s.round.bytes
	for _, l := range logs {
		l.mem.Lock()
		files := 1 + len(l.mem.segments)
		l.mem.Unlock()
		total += l.Size() + fileCost*int64(files)
	}
	st.total.Store(total)
	st.done.Store(s.round.bytes)
	st.running.Store(true)
	defer st.running.Store(false)
	s.saved, s.told = now, now
	found := d.stats.found.Load() - s.round.found
	d.logger.Info("scrubbing begins", "dir", d.path, "partitions", len(logs), "after", s.round.cursor,
		"bytes", total-s.round.bytes, "bytesPerSecond", s.rate)
	for _, l := range logs {
		s.part, s.sweep.mended = 0, nil
		err := s.sweep.log(l)
		if err != nil && (errors.Is(err, errHalted) || d.failure.Load() != nil) {
			return errors.Join(err, s.save())
		}
		if err != nil {
			d.logger.Warn("partition not scrubbed", "partition", l.partition.String(), "error", err)
		}
		s.round.cursor, s.round.found = l.partition.String(), d.stats.found.Load()-found
		s.round.bytes += s.part
		if err := s.progress(); err != nil {
			return err
		}
	}
	s.part = 0
	if err := s.mendState(); err != nil {
		return err
	}
	s.round.finishedMs = time.Now().UnixMilli()
	st.finishedMs.Store(s.round.finishedMs)
	st.rounds.Add(1)
	d.logger.Info("scrubbing ends", "dir", d.path, "bytes", s.round.bytes, "damagesFound", s.round.found,
		"took", (time.Duration(s.round.finishedMs-s.round.startedMs) * time.Millisecond).String())
	return s.save()
}

// logs lists what is left of the round, in the order of the partitions' names.
func (s *scrubber) logs() []*Log {
	logs := slices.DeleteFunc(s.d.openLogs(), func(l *Log) bool {
		return s.round.cursor != "" && l.partition.String() <= s.round.cursor
	})
	slices.SortFunc(logs, func(a, b *Log) int { return strings.Compare(a.partition.String(), b.partition.String()) })
	return logs
}

// progress says, now and then, how far the round is.
func (s *scrubber) progress() error {
	now := time.Now()
	if now.Sub(s.told) >= scrubTellEvery {
		s.told = now
		s.d.logger.Info("scrubbing", "dir", s.d.path, "done", s.round.bytes, "of", s.d.stats.scrub.total.Load(),
			"after", s.round.cursor, "damagesFound", s.round.found)
	}
	if now.Sub(s.saved) < scrubSaveEvery {
		return nil
	}
	s.saved = now
	return s.save()
}

// save keeps the round in the state log.
func (s *scrubber) save() error {
	if s.d.failure.Load() != nil {
		return nil
	}
	var b stateBatch
	b.add("", kindScrub, s.round.encode)
	err := s.d.state.commit(&b)
	if err == nil || isNoSpace(err) { // on a full disk a restart reads some of it again
		return nil
	}
	return s.d.ioError("write state log", err)
}

// mendState reads the state log's records. What is damaged is written again
// from memory with the next turn of the keeper.
func (s *scrubber) mendState() error {
	bad, err := s.d.state.verify(s.sweep.rest)
	if err != nil || len(bad) == 0 {
		return err
	}
	s.d.logger.Warn("damaged records of the state log are written again", "dir", s.d.path, "records", len(bad))
	return s.d.rewriteState(bad)
}
