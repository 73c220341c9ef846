package server

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"sync"
	"time"
)

// NoLimit is the value of limits that bound nothing.
const NoLimit = math.MaxInt32

// ConnectionLimits bound the connections of a server, in the way and by the
// names of Kafka's ConnectionQuotas. Brokers' and controllers' listeners are
// counted apart, as in Kafka, where each kind has a SocketServer of its own.
type ConnectionLimits struct {
	// Max bounds the connections of all listeners together (max.connections). At
	// the bound new connections wait to be accepted, but for those of the
	// InterBroker listener: they are let in, and the connections of other
	// listeners that were quiet for longest make place.
	Max int
	// MaxPerIP bounds those of one address (max.connections.per.ip), PerIP those
	// of some (max.connections.per.ip.overrides). What is above is refused.
	MaxPerIP int
	PerIP    map[netip.Addr]int
	// CreationRate bounds how many are accepted a second, on average over the
	// window (max.connection.creation.rate). What is above waits.
	CreationRate int
	// Listeners bounds those of single listeners, by name, beside all of the
	// above (listener.name.<name>.max.connections and the like). A listener that
	// is not there has no bounds of its own.
	Listeners map[string]ListenerLimits
	// InterBroker is the listener that is protected, where there are others.
	InterBroker string
	// Samples and Span are the window of rates (quota.window.num,
	// quota.window.size.seconds); zero: 11 and one second. A connection waits
	// for Span at most.
	Samples int
	Span    time.Duration
}

// ListenerLimits bound the connections of one listener.
type ListenerLimits struct{ Max, CreationRate int }

// unbounded has no limits.
var unbounded = ConnectionLimits{Max: NoLimit, MaxPerIP: NoLimit, CreationRate: NoLimit}

func (l *ConnectionLimits) window() (int, time.Duration) {
	samples, span := l.Samples, l.Span
	if samples <= 0 {
		samples = 11
	}
	if span <= 0 {
		span = time.Second
	}
	return samples, span
}

// forIP is the limit of one address.
func (l *ConnectionLimits) forIP(a netip.Addr) int {
	if n, ok := l.PerIP[a]; ok {
		return n
	}
	return l.MaxPerIP
}

// quotas counts the connections of the listeners of one kind. Its methods may be
// called from any goroutine.
type quotas struct {
	mu        sync.Mutex
	limits    *ConnectionLimits
	listeners map[string]*listenerCount
	perIP     map[netip.Addr]int
	total     int
	rate      rateWindow
	// changed is closed, and made anew, when somebody who waits should look.
	changed chan struct{}
}

type listenerCount struct {
	open int
	rate rateWindow
}

func newQuotas(l *ConnectionLimits) *quotas {
	return &quotas{limits: l, listeners: map[string]*listenerCount{}, perIP: map[netip.Addr]int{}, changed: make(chan struct{})}
}

// addListener makes a listener known.
func (q *quotas) addListener(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.listeners[name] == nil {
		q.listeners[name] = &listenerCount{}
	}
}

// set changes the limits.
func (q *quotas) set(l *ConnectionLimits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limits = l
	q.wake()
}

func (q *quotas) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// protected says whether a listener's connections are let in at the bound.
func (q *quotas) protected(listener string) bool {
	return q.limits.InterBroker == listener && len(q.listeners) > 1
}

// excess is by how many connections the listeners that are not protected are
// above the bound.
func (q *quotas) excess() (n int, protected string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.protected(q.limits.InterBroker) {
		protected = q.limits.InterBroker
	}
	return max(q.total-q.limits.Max, 0), protected
}

// errStopped says that the server stops.
var errStopped = errors.New("the server stops")

// await waits until a listener may accept another connection, and counts it.
// The error says why it is refused, or that stop was closed.
func (q *quotas) await(listener string, a netip.Addr, stop <-chan struct{}) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	until := now.Add(q.arrive(listener, now))
	for {
		delay := time.Until(until)
		if delay <= 0 && q.free(listener) {
			return q.count(listener, a)
		}
		var due <-chan time.Time
		if delay > 0 {
			due = time.After(delay)
		}
		changed := q.changed
		q.mu.Unlock()
		stopped := false
		select {
		case <-stop:
			stopped = true
		case <-due:
		case <-changed:
		}
		q.mu.Lock()
		if stopped {
			return errStopped
		}
	}
}

// arrive counts a connection that wants in, and returns for how long it has to
// wait so that the rates are kept.
func (q *quotas) arrive(listener string, now time.Time) time.Duration {
	samples, span := q.limits.window()
	var wait time.Duration
	if !q.protected(listener) {
		q.rate.record(now, samples, span)
		wait = q.rate.delay(now, q.limits.CreationRate, samples, span)
	}
	c := q.listeners[listener]
	c.rate.record(now, samples, span)
	if l, ok := q.limits.Listeners[listener]; ok {
		wait = max(wait, c.rate.delay(now, l.CreationRate, samples, span))
	}
	return wait
}

// free says whether there is a place for another connection of a listener.
func (q *quotas) free(listener string) bool {
	if l, ok := q.limits.Listeners[listener]; ok && q.listeners[listener].open >= l.Max {
		return false
	}
	return q.protected(listener) || q.total < q.limits.Max
}

// add counts a connection that does not wait. The error says why it is refused.
func (q *quotas) add(listener string, a netip.Addr) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count(listener, a)
}

func (q *quotas) count(listener string, a netip.Addr) error {
	if most := q.limits.forIP(a); q.perIP[a] >= most {
		return fmt.Errorf("its address has the configured maximum of %d connections (max.connections.per.ip)", most)
	}
	q.perIP[a]++
	q.total++
	q.listeners[listener].open++
	return nil
}

// remove counts a connection no more.
func (q *quotas) remove(listener string, a netip.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.perIP[a]--; q.perIP[a] == 0 {
		delete(q.perIP, a)
	}
	q.total--
	q.listeners[listener].open--
	q.wake()
}

// counts returns the open connections by listener.
func (q *quotas) counts() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make(map[string]int, len(q.listeners))
	for name, c := range maps.All(q.listeners) {
		out[name] = c.open
	}
	return out
}

// rateWindow is an average over the last samples, as Kafka's Rate: the sum of
// what the samples hold, by the time since the oldest began, which is never
// taken for less than all samples but one.
type rateWindow struct {
	samples []rateSample // oldest first
}

type rateSample struct {
	start time.Time
	count int
}

// record counts one event.
func (w *rateWindow) record(now time.Time, samples int, span time.Duration) {
	w.purge(now, samples, span)
	if n := len(w.samples); n == 0 || now.Sub(w.samples[n-1].start) >= span {
		w.samples = append(w.samples, rateSample{start: now})
	}
	w.samples[len(w.samples)-1].count++
}

// purge forgets what is no longer in the window.
func (w *rateWindow) purge(now time.Time, samples int, span time.Duration) {
	old := 0
	for old < len(w.samples) && now.Sub(w.samples[old].start) >= time.Duration(samples)*span {
		old++
	}
	w.samples = w.samples[:copy(w.samples, w.samples[old:])]
}

// delay is how long no event may come so that the rate is bound again, Span at
// most (QuotaUtils.boundedThrottleTime).
func (w *rateWindow) delay(now time.Time, bound, samples int, span time.Duration) time.Duration {
	if bound == NoLimit || len(w.samples) == 0 {
		return 0
	}
	sum := 0
	for _, s := range w.samples {
		sum += s.count
	}
	elapsed := now.Sub(w.samples[0].start)
	if whole := int(elapsed / span); whole < samples-1 {
		elapsed += time.Duration(samples-1-whole) * span
	}
	elapsed = max(elapsed, span)
	over := float64(sum)/elapsed.Seconds() - float64(bound)
	if over <= 0 {
		return 0
	}
	return time.Duration(min(over/float64(bound)*float64(elapsed), float64(span)))
}
