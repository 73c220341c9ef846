package api

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka/wire"
)

// Epochs of a fetch session with a meaning of their own (FetchMetadata).
const (
	initialSessionEpoch = 0  // a full request that would like a session
	finalSessionEpoch   = -1 // a full request that wants none, and ends the one it names
)

// minSessionEviction is how long a session is safe from being replaced
// (min.incremental.fetch.session.eviction.ms).
const minSessionEviction = 2 * time.Minute

// fetchKey names a partition as the session's requests do.
type fetchKey struct {
	topic wire.TopicRef
	index int32
}

// wanted is one partition that a fetch asks for.
type wanted struct {
	key   fetchKey
	asked wire.FetchPartition
	// told is what the session has told of the partition; nil without one.
	told *told
}

// told is what a session's last answer said of a partition.
type told struct {
	highWM   int64
	logStart int64
	// announced says that the partition was in an answer, without an error.
	announced bool
}

// fetchSession remembers the partitions of a client's incremental fetches
// (KIP-227). Its lock is held for moments only, never while a fetch waits.
type fetchSession struct {
	sync.Mutex
	id       int32
	epoch    int32 // that the next request must carry
	byID     bool  // requests name topics by id
	parts    []*wanted
	index    map[fetchKey]*wanted
	lastUsed time.Time     // guarded by the cache's lock
	place    *list.Element // in the cache's order, nil once it has ended
}

// sessionCache holds the sessions of a broker, up to a bound. Its lock may be
// taken while a session's is held, not the other way round.
type sessionCache struct {
	sync.Mutex
	max      int
	sessions map[int32]*fetchSession
	// order has the sessions by their last use, the longest ago first: a full
	// cache is asked for room with every request of those who found none.
	order list.List
}

// newSessionCache returns a cache of at most n sessions; 0 means Kafka's 1000.
func newSessionCache(n int) *sessionCache {
	if n <= 0 {
		n = 1000
	}
	return &sessionCache{max: n, sessions: map[int32]*fetchSession{}}
}

// resume returns the session of an incremental request, brought up to date, and
// the partitions that it now means. A session without partitions ends, and nil
// is returned. The error is one of the codes that make the client start over.
func (sc *sessionCache) resume(req *wire.FetchRequest, byID bool) (*fetchSession, []wanted, error) {
	sc.Lock()
	s := sc.sessions[req.SessionID]
	sc.Unlock()
	if s == nil {
		return nil, nil, kerr.FetchSessionIDNotFound
	}
	s.Lock()
	defer s.Unlock()
	switch {
	case s.epoch != req.SessionEpoch:
		return nil, nil, kerr.InvalidFetchSessionEpoch
	case s.byID != byID:
		return nil, nil, kerr.FetchSessionTopicIDError
	}
	s.update(req)
	if len(s.parts) == 0 {
		sc.drop(s.id)
		return nil, nil, nil
	}
	s.epoch = nextSessionEpoch(s.epoch)
	sc.touch(s)
	return s, s.snapshot(), nil
}

// snapshot copies what the session wants now: a later request may change it
// while this one waits.
func (s *fetchSession) snapshot() []wanted {
	out := make([]wanted, len(s.parts))
	for i, p := range s.parts {
		out[i] = *p
	}
	return out
}

func nextSessionEpoch(e int32) int32 {
	if e < 0 {
		return finalSessionEpoch
	}
	if e == 1<<31-1 {
		return 1
	}
	return e + 1
}

// touch notes that a session was used now.
func (sc *sessionCache) touch(s *fetchSession) {
	now := time.Now()
	sc.Lock()
	if s.place != nil {
		s.lastUsed = now
		sc.order.MoveToBack(s.place)
	}
	sc.Unlock()
}

// drop ends a session.
func (sc *sessionCache) drop(id int32) {
	sc.Lock()
	defer sc.Unlock()
	if s := sc.sessions[id]; s != nil {
		sc.end(s)
	}
}

// end forgets a session. The lock is held.
func (sc *sessionCache) end(s *fetchSession) {
	delete(sc.sessions, s.id)
	sc.order.Remove(s.place)
	s.place = nil
}

// create makes a session of the partitions of a full request, and returns nil
// if there is no room.
func (sc *sessionCache) create(parts []wanted, byID bool) *fetchSession {
	now := time.Now()
	sc.Lock()
	defer sc.Unlock()
	if len(sc.sessions) >= sc.max && !sc.evict(now) {
		return nil
	}
	s := &fetchSession{epoch: 1, byID: byID, lastUsed: now, index: make(map[fetchKey]*wanted, len(parts))}
	for i := range parts {
		parts[i].told = &told{highWM: -1, logStart: -1}
		s.add(parts[i])
	}
	for s.id == 0 || sc.sessions[s.id] != nil {
		s.id = rand.Int32N(1<<31-1) + 1
	}
	sc.sessions[s.id] = s
	s.place = sc.order.PushBack(s)
	return s
}

// evict makes room by ending the session that was not used for the longest
// time, if that is long enough. The lock is held.
func (sc *sessionCache) evict(now time.Time) bool {
	front := sc.order.Front()
	if front == nil {
		return false
	}
	oldest := front.Value.(*fetchSession)
	if now.Sub(oldest.lastUsed) < minSessionEviction {
		return false
	}
	sc.end(oldest)
	return true
}

func (s *fetchSession) add(w wanted) {
	p := &w
	s.index[w.key] = p
	s.parts = append(s.parts, p)
}

// update takes over what an incremental request changes. The lock is held.
func (s *fetchSession) update(req *wire.FetchRequest) {
	for t := range req.Topics {
		ref := wire.TopicRef{Name: string(t.Name), ID: t.ID}
		for asked := range t.Partitions {
			key := fetchKey{ref, asked.Index}
			if p := s.index[key]; p != nil {
				p.asked = asked
				continue
			}
			s.add(wanted{key, asked, &told{highWM: -1, logStart: -1}})
		}
	}
	removed := false
	for t := range req.Forgotten {
		ref := wire.TopicRef{Name: string(t.Name), ID: t.ID}
		for index := range t.Partitions {
			delete(s.index, fetchKey{ref, index})
			removed = true
		}
	}
	if !removed {
		return
	}
	kept := s.parts[:0]
	for _, p := range s.parts {
		if s.index[p.key] == p {
			kept = append(kept, p)
		}
	}
	clear(s.parts[len(kept):])
	s.parts = kept
}

// settle notes what an answer tells, and moves the partitions that gave data to
// the end, so that the others come first the next time and none starves.
func (s *fetchSession) settle(sent []found) {
	s.Lock()
	defer s.Unlock()
	gave := map[fetchKey]bool{}
	for i := range sent {
		t := sent[i].told
		t.announced = sent[i].err == nil
		t.highWM, t.logStart = sent[i].read.HighWatermark, sent[i].read.LogStartOffset
		if sent[i].read.Range.Len() > 0 {
			gave[sent[i].key] = true
		}
	}
	if len(gave) == 0 || len(gave) == len(s.parts) {
		return
	}
	first := make([]*wanted, 0, len(s.parts))
	var last []*wanted
	for _, p := range s.parts {
		if gave[p.key] {
			last = append(last, p)
			continue
		}
		first = append(first, p)
	}
	s.parts = append(first, last...)
}

// news chooses the results that an incremental answer names: those with data,
// an error, or another high watermark or log start than was told last. The
// others are released.
func (s *fetchSession) news(results []found) []found {
	s.Lock()
	defer s.Unlock()
	sent := results[:0]
	for i := range results {
		r := &results[i]
		t := r.told
		if r.err != nil || r.read.Range.Len() > 0 || !t.announced ||
			t.highWM != r.read.HighWatermark || t.logStart != r.read.LogStartOffset {
			sent = append(sent, *r)
			continue
		}
		r.read.Range.Release()
	}
	return sent
}
