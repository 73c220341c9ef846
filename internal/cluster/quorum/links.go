package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// links send messages to other voters: one queue and one goroutine for each, so
// that a dead one holds up nobody.
type links struct {
	node   *Node
	ctx    context.Context // ends with the node; owned here
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// Owned by the node's goroutine.
	byID     map[RaftID]*link
	learned  map[RaftID]Member // who has written to us and is in no membership that we know
	noTarget map[RaftID]bool   // voters without an address, logged once
	heard    time.Time         // when the leader was last heard
	probing  bool              // a probe of the leader is under way
}

const (
	callTimeout     = 2 * time.Second
	snapshotTimeout = 60 * time.Second
	maxQueuedCount  = 2048
	maxQueuedBytes  = 64 << 20
	maxCallBytes    = 8 << 20 // beyond it the rest goes with the next call
	maxLearned      = 256
	redialPause     = 50 * time.Millisecond
)

// link is the way to one voter.
type link struct {
	id      RaftID
	address string
	wake    chan struct{}
	mu      struct {
		sync.Mutex
		queue []outgoing
		bytes int
	}
}

type outgoing struct {
	raw      []byte
	snapshot bool
}

func (l *links) init(n *Node) {
	l.node = n
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.byID = map[RaftID]*link{}
	l.learned = map[RaftID]Member{}
	l.noTarget = map[RaftID]bool{}
}

// close ends all sending and waits for it.
func (l *links) close() {
	l.cancel()
	l.wg.Wait()
}

// send queues messages. What does not fit is dropped: Raft repeats it.
func (l *links) send(messages []Message) {
	for _, m := range messages {
		if l.queue(m) {
			continue
		}
		l.node.voter.Unreachable(m.To())
		if m.IsSnapshot() {
			l.node.voter.SnapshotSent(m.To(), false) // or Raft would wait for it for ever
		}
	}
}

// queue hands a message to its link and tells whether it has found room.
func (l *links) queue(m Message) bool {
	to := l.to(m.To())
	if to == nil {
		return false
	}
	raw, err := m.Encode(nil)
	if err != nil {
		l.node.opts.Logger.Error("cannot encode a raft message", "error", err)
		return false
	}
	return to.put(outgoing{raw, m.IsSnapshot()})
}

// to returns the link to a voter; nil where its address is not known or this
// node is closing.
func (l *links) to(id RaftID) *link {
	m, ok := l.node.voter.Membership().Lookup(id)
	if !ok {
		m, ok = l.learned[id]
	}
	if !ok || len(m.Endpoints) == 0 || l.node.opts.Transport == nil || l.ctx.Err() != nil {
		if !l.noTarget[id] {
			l.noTarget[id] = true
			l.node.opts.Logger.Warn("no address is known for a voter", "raftId", id)
		}
		return nil
	}
	address := m.Endpoints[0].Address()
	x := l.byID[id]
	if x != nil && x.address == address {
		return x
	}
	if x != nil {
		x.retire()
	}
	x = &link{id: id, address: address, wake: make(chan struct{}, 1)}
	l.byID[id] = x
	l.wg.Go(func() { l.run(x) })
	return x
}

// learn remembers how to answer a node that is in no membership known here.
func (l *links) learn(m Member) {
	if len(l.learned) < maxLearned && m.RaftID != 0 {
		l.learned[m.RaftID] = m
	}
}

func (x *link) put(o outgoing) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.mu.queue) >= maxQueuedCount || x.mu.bytes > maxQueuedBytes {
		return false
	}
	x.mu.queue = append(x.mu.queue, o)
	x.mu.bytes += len(o.raw)
	select {
	case x.wake <- struct{}{}:
	default:
	}
	return true
}

// retire tells the link's goroutine to end: its voter has moved elsewhere.
func (x *link) retire() { close(x.wake) }

// take removes the messages for the next call.
func (x *link) take() (raw [][]byte, snapshot bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	size, n := 0, 0
	for n < len(x.mu.queue) && n < maxMessagesPerCall && size < maxCallBytes {
		raw = append(raw, x.mu.queue[n].raw)
		snapshot = snapshot || x.mu.queue[n].snapshot
		size += len(x.mu.queue[n].raw)
		n++
	}
	x.mu.queue = append([]outgoing(nil), x.mu.queue[n:]...)
	x.mu.bytes -= size
	return raw, snapshot
}

// run sends what is queued, one call at a time.
func (l *links) run(x *link) {
	for {
		select {
		case <-l.ctx.Done():
			return
		case _, open := <-x.wake:
			if !open {
				return
			}
		}
		for {
			raw, snapshot := x.take()
			if len(raw) == 0 || l.ctx.Err() != nil {
				break
			}
			l.deliver(x, raw, snapshot)
		}
	}
}

// deliver makes one call and reports to Raft how it went.
func (l *links) deliver(x *link, raw [][]byte, snapshot bool) {
	timeout := callTimeout
	if snapshot {
		timeout = snapshotTimeout
	}
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	e := envelope{kind: kindMessages, clusterID: l.node.ClusterID(), sender: l.node.self(), body: encodeMessages(raw)}
	_, err := l.node.opts.Transport.Call(ctx, x.address, e.encode())
	l.node.inbox.put(func() { l.report(x, snapshot, err) })
	if err == nil || l.ctx.Err() != nil {
		return
	}
	pause := time.NewTimer(redialPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-l.ctx.Done():
	}
}

// report tells the voter, on the owner's goroutine, how a call went.
func (l *links) report(x *link, snapshot bool, err error) {
	v := l.node.voter
	if snapshot {
		v.SnapshotSent(x.id, err == nil)
	}
	if err == nil {
		return
	}
	l.node.opts.Logger.Debug("a voter cannot be reached", "address", x.address, "error", err)
	v.Unreachable(x.id)
	if errors.Is(err, syscall.ECONNREFUSED) {
		v.LeaderGone(x.id)
	}
}

// quietTicks is how long a leader may be silent before its port is probed.
const quietTicks = 2

// watchLeader probes the port of a leader that has been silent for a moment. A
// follower has nothing to send by itself, so it would not notice that the
// process is gone, and wait for the election timeout.
func (l *links) watchLeader(now time.Time) {
	v := l.node.voter
	if l.probing || v.role.leads || v.role.leader == 0 || now.Sub(l.heard) < quietTicks*l.node.opts.TickInterval {
		return
	}
	leader := v.role.leader
	m, ok := v.Membership().Lookup(leader)
	if !ok || len(m.Endpoints) == 0 || l.node.opts.Transport == nil || l.ctx.Err() != nil {
		return
	}
	l.probing = true
	l.wg.Go(func() {
		_, err := l.node.call(l.ctx, m.Endpoints[0], kindHello, nil)
		l.node.inbox.put(func() {
			l.probing = false
			if errors.Is(err, syscall.ECONNREFUSED) {
				v.LeaderGone(leader)
			}
		})
	})
}

// propose sends a founding proposal, once; who misses it asks by itself.
func (l *links) propose(to Endpoint, m Membership) {
	if l.ctx.Err() != nil {
		return
	}
	body := m.encode(nil)
	l.wg.Go(func() {
		if _, err := l.node.call(l.ctx, to, kindFound, body); err != nil {
			l.node.opts.Logger.Debug("a founding proposal was not delivered", "address", to.Address(), "error", err)
			return
		}
		l.node.inbox.put(func() { l.node.voter.standWhereVacant() })
	})
}

// HandleRaft answers a request that another voter's Transport has delivered.
// from names the sender for log lines. The listener has authenticated it and
// checked that it may do CLUSTER_ACTION.
func (n *Node) HandleRaft(ctx context.Context, from string, payload []byte) ([]byte, error) {
	e, err := decodeEnvelope(payload)
	if err != nil {
		return nil, fmt.Errorf("request from %s: %w", from, err)
	}
	var act func()
	switch e.kind {
	case kindMessages:
		messages, err := decodeMessages(e.body)
		if err != nil {
			return nil, fmt.Errorf("request from %s: %w", from, err)
		}
		act = func() { n.receive(e.sender, messages) }
	case kindFound:
		r := reader{b: e.body}
		m := decodeMembership(&r)
		if r.err != nil {
			return nil, fmt.Errorf("request from %s: %w", from, r.err)
		}
		act = func() { n.accept(m) }
	case kindHello:
		act = func() {}
	default:
		return nil, fmt.Errorf("request from %s: unknown kind %d", from, e.kind)
	}
	if own := n.ClusterID(); own != "" && e.clusterID != "" && own != e.clusterID {
		return nil, fmt.Errorf("request from %s is of cluster %s, this is %s", from, e.clusterID, own)
	}
	return n.answerOwned(ctx, act)
}

// answerOwned runs act on the owner's goroutine and answers with this node's
// status after it.
func (n *Node) answerOwned(ctx context.Context, act func()) ([]byte, error) {
	done := make(chan []byte, 1)
	queued := n.inbox.put(func() {
		act()
		done <- envelope{kind: kindStatus, clusterID: n.ClusterID(), sender: n.self(), body: n.status().encode()}.encode()
	})
	if !queued {
		return nil, ErrStopped
	}
	select {
	case b := <-done:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.inbox.closed:
		return nil, ErrStopped
	}
}

// receive gives Raft messages to the voter.
func (n *Node) receive(sender Member, messages []Message) {
	if n.voter == nil {
		return
	}
	if !n.voter.Membership().Contains(sender.Identity) {
		n.links.learn(sender)
	}
	now := time.Now()
	if sender.RaftID == n.voter.role.leader {
		n.links.heard = now
	}
	for _, m := range messages {
		n.voter.Receive(now, m)
	}
}
