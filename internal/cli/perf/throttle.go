package perf

import "math"

// Throttle spreads messages evenly. As ThroughputThrottler of Kafka's tools.
type Throttle struct {
	perSecond float64 // negative: no limit; 0: never
	sleep     float64 // nanoseconds between two messages
	start     int64
	owed      float64 // nanoseconds not slept yet
}

const minSleep = 2e6 // nanoseconds: shorter sleeps are saved up

// NewThrottle allows perSecond messages a second from now, milliseconds.
func NewThrottle(perSecond float64, now int64) *Throttle {
	t := &Throttle{perSecond: perSecond, start: now, sleep: math.MaxInt64}
	if perSecond > 0 {
		t.sleep = 1e9 / perSecond
	}
	return t
}

// Pause says how many nanoseconds to sleep after sent messages at now, usually 0. Forever is math.MaxInt64.
func (t *Throttle) Pause(sent, now int64) int64 {
	elapsed := float64(now-t.start) / 1000
	if t.perSecond < 0 || elapsed <= 0 || float64(sent)/elapsed <= t.perSecond {
		return 0
	}
	if t.perSecond == 0 {
		return math.MaxInt64
	}
	t.owed += t.sleep
	if t.owed < minSleep {
		return 0
	}
	pause := int64(t.owed)
	t.owed = 0
	return pause
}
