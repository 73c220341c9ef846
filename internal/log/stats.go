package log

import (
	"sync/atomic"
	"time"
)

// flushBounds are the upper bounds of the classes that syncs are counted in.
var flushBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// dirStats are a directory's counters.
type dirStats struct {
	flushes [len(flushBounds) + 1]atomic.Int64
	flushed atomic.Int64 // nanoseconds
	found   atomic.Int64 // runs of damage
	scrub   scrubStats
}

// flushTook counts one sync of a log.
func (s *dirStats) flushTook(d time.Duration) {
	i := 0
	for i < len(flushBounds) && d > flushBounds[i] {
		i++
	}
	s.flushes[i].Add(1)
	s.flushed.Add(int64(d))
}

// FlushClass is one class of a histogram of sync times.
type FlushClass struct {
	UpTo  time.Duration // 0: no bound
	Count int64         // of syncs that took that long at most
}

// Stats are what a directory has counted since it was opened.
type Stats struct {
	// Flushes is a cumulative histogram of how long syncs of logs took (Kafka's
	// LogFlushStats), each of one log's files and names. The last class has all.
	Flushes   []FlushClass
	FlushTime time.Duration // of all together
	// DamageFound counts the runs of damaged bytes that were met; Damaged is how
	// many of them there are now, after truncation, retention and skipping.
	DamageFound int64
	Damaged     int
	Scrub       ScrubStats
}

// Stats reads the counters. It costs a look at each open log if damage was met.
func (d *Dir) Stats() Stats {
	s := Stats{
		FlushTime:   time.Duration(d.stats.flushed.Load()),
		DamageFound: d.stats.found.Load(),
		Scrub:       d.stats.scrub.read(),
	}
	var sum int64
	for i := range d.stats.flushes {
		c := FlushClass{}
		if i < len(flushBounds) {
			c.UpTo = flushBounds[i]
		}
		sum += d.stats.flushes[i].Load()
		c.Count = sum
		s.Flushes = append(s.Flushes, c)
	}
	if s.DamageFound == 0 {
		return s
	}
	for _, l := range d.openLogs() {
		s.Damaged += len(l.Damages())
	}
	return s
}

// openLogs lists the open logs, in no order.
func (d *Dir) openLogs() []*Log {
	d.mu.Lock()
	defer d.mu.Unlock()
	logs := make([]*Log, 0, len(d.logs))
	for _, l := range d.logs {
		if !l.gone.Load() {
			logs = append(logs, l)
		}
	}
	return logs
}
