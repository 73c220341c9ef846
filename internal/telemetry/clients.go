package telemetry

import (
	"container/list"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Limits on the clients that push metrics.
const (
	maxClients   = 16_384 // known at a time; the one that was quiet for longest makes place, as in Kafka
	clientExpiry = time.Minute
	sweepEvery   = time.Second
)

// Clients takes the metrics that clients push (KIP-714) and keeps the last of each for /metrics. A client that does not
// push for three of its intervals, and at least a minute, is forgotten with all that it has pushed, and so is one whose
// connection has ended, a minute later. As ClientMetricsManager. Its methods may be called by several goroutines.
type Clients struct {
	mu struct {
		sync.Mutex
		subscriptions []Subscription
		version       int // of the subscriptions
		known         map[ClientID]*list.Element
		byUse         *list.List // of *instance, the last used first
		families      map[string]*family
		series        int // of all clients
		swept         time.Time
		dropped       int64 // series beyond a limit
		pushes        int64
		refused       int64
	}
	expand func(compression int8, data []byte) ([]byte, error)
	now    func() time.Time
}

// instance is one client.
type instance struct {
	Assignment
	client      Client
	version     int // of the subscriptions that the assignment was made of
	lastGet     time.Time
	lastPush    time.Time
	terminating bool
	retry       bool // its last push failed for a reason that a new subscription mends
	deadline    time.Time
	series      map[string]*series
}

// NewClients returns Clients that know nobody. Expand decompresses what a client pushes, and bounds what it expands to;
// its error is the client's fault. Now is the clock of what is read later than it is pushed.
func NewClients(expand func(compression int8, data []byte) ([]byte, error), now func() time.Time) *Clients {
	c := &Clients{expand: expand, now: now}
	c.mu.known = map[ClientID]*list.Element{}
	c.mu.byUse = list.New()
	c.mu.families = map[string]*family{}
	return c
}

// SetSubscriptions replaces what clients are to push. Clients hear of it when they ask or push next.
func (c *Clients) SetSubscriptions(all []Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.EqualFunc(all, c.mu.subscriptions, func(a, b Subscription) bool { return a.equal(&b) }) {
		return
	}
	c.mu.subscriptions = slices.Clone(all)
	for i := range c.mu.subscriptions {
		c.mu.subscriptions[i].compile()
	}
	c.mu.version++
}

// Get says what a client is to push. Fresh makes an id for one that has none. The error wraps
// kerr.ThrottlingQuotaExceeded when the client asks again too soon.
func (c *Clients) Get(id ClientID, client Client, fresh func() ClientID) (Assignment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for id == (ClientID{}) || c.mu.known[id] == nil && id.reserved() {
		id = fresh()
	}
	in := c.instance(now, id, client)
	last := in.lastGet
	if in.lastPush.After(last) {
		last = in.lastPush
	}
	if now.Sub(last) < in.Interval && !in.retry {
		return Assignment{}, fmt.Errorf("client %s asks before its push interval is over: %w", id, kerr.ThrottlingQuotaExceeded)
	}
	if now.Sub(last) >= in.Interval {
		in.lastGet = now
	}
	in.retry = false
	in.client.Connection = client.Connection
	a := in.Assignment
	a.Metrics = slices.Clone(a.Metrics)
	return a, nil
}

// Push is what a client sends. Its Data are not kept.
type Push struct {
	ID             ClientID
	SubscriptionID int32
	Terminating    bool
	Compression    int8
	Data           []byte
}

// Codecs are the compressions that clients may choose from, in Kafka's order: zstd, lz4, gzip, snappy.
var Codecs = []int8{4, 3, 1, 2}

// Push takes metrics of a client, at most maxBytes as they come. The error wraps the code that the client gets.
func (c *Clients) Push(p Push, client Client, maxBytes int) error {
	if p.ID.reserved() {
		return fmt.Errorf("client instance id %s: %w", p.ID, kerr.InvalidRequest)
	}
	if err := c.admit(p, client, maxBytes); err != nil || len(p.Data) == 0 {
		return err
	}
	data, err := c.expand(p.Compression, p.Data)
	var points []point
	if err == nil {
		points, err = decodeMetrics(data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.mu.refused++
		return fmt.Errorf("metrics of client %s: %w: %w", p.ID, err, kerr.InvalidRecord)
	}
	c.mu.pushes++
	if e := c.mu.known[p.ID]; e != nil { // it may have made place meanwhile
		c.apply(e.Value.(*instance), points)
	}
	return nil
}

// admit checks a push, as ClientMetricsManager.validatePushRequest.
func (c *Clients) admit(p Push, client Client, maxBytes int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	in := c.instance(now, p.ID, client)
	gone := in.terminating
	in.terminating = p.Terminating
	in.retry = false
	if gone {
		return fmt.Errorf("client %s has said that it ends: %w", p.ID, kerr.InvalidRequest)
	}
	if in.lastGet.After(in.lastPush) || now.Sub(in.lastPush) >= in.Interval {
		in.lastPush = now
	} else if !p.Terminating {
		return fmt.Errorf("client %s pushes before its push interval is over: %w", p.ID, kerr.ThrottlingQuotaExceeded)
	}
	switch {
	case p.SubscriptionID != in.SubscriptionID:
		in.retry = true
		return fmt.Errorf("client %s has subscription %d, not %d: %w", p.ID, in.SubscriptionID, p.SubscriptionID, kerr.UnknownSubscriptionID)
	case p.Compression != 0 && !slices.Contains(Codecs, p.Compression):
		in.retry = true
		return fmt.Errorf("compression %d of client %s: %w", p.Compression, p.ID, kerr.UnsupportedCompressionType)
	case len(p.Data) > maxBytes:
		return fmt.Errorf("client %s pushes %d bytes: %w", p.ID, len(p.Data), kerr.TelemetryTooLarge)
	}
	in.client.Connection = client.Connection
	return nil
}

// instance finds or makes a client's instance and has it live on.
func (c *Clients) instance(now time.Time, id ClientID, client Client) *instance {
	c.sweep(now)
	e := c.mu.known[id]
	if e == nil {
		if c.mu.byUse.Len() == maxClients {
			c.forget(c.mu.byUse.Back())
		}
		in := &instance{Assignment: assign(c.mu.subscriptions, id, &client), client: client, version: c.mu.version, series: map[string]*series{}}
		e = c.mu.byUse.PushFront(in)
		c.mu.known[id] = e
	}
	in := e.Value.(*instance)
	if in.version < c.mu.version { // the times begin anew, so that the client hears of it at once
		*in = instance{Assignment: assign(c.mu.subscriptions, id, &in.client), client: in.client, version: c.mu.version, series: in.series}
	}
	in.deadline = now.Add(max(clientExpiry, 3*in.Interval))
	c.mu.byUse.MoveToFront(e)
	return in
}

// Disconnected ends a client whose connection has ended, unless it was served on another one meanwhile: it may ask and push anew at
// once. What it has pushed last stays for a minute, so that /metrics tells it of a client that lives shortly.
//
// Deviation: Kafka forgets all of it at once; its reporters are told of each push.
func (c *Clients) Disconnected(id ClientID, connection string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.mu.known[id]
	if e == nil || e.Value.(*instance).client.Connection != connection {
		return
	}
	in := e.Value.(*instance)
	in.lastGet, in.lastPush, in.terminating, in.retry = time.Time{}, time.Time{}, false, false
	if end := c.now().Add(clientExpiry); end.Before(in.deadline) {
		in.deadline = end
	}
}

// sweep forgets the clients whose time is over.
func (c *Clients) sweep(now time.Time) {
	if now.Sub(c.mu.swept) < sweepEvery {
		return
	}
	c.mu.swept = now
	for e := c.mu.byUse.Back(); e != nil; {
		before := e.Prev()
		if !e.Value.(*instance).deadline.After(now) {
			c.forget(e)
		}
		e = before
	}
}

func (c *Clients) forget(e *list.Element) {
	in := c.mu.byUse.Remove(e).(*instance)
	delete(c.mu.known, in.ID)
	for _, s := range in.series {
		c.dropSeries(s)
	}
}
