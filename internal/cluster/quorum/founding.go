package quorum

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Founding. A node without Raft state founds a cluster alone if its files name
// nobody else. Several found one together when each listed voter is reached and
// none has Raft state: every node has persisted its identity before it answers,
// the lowest node id stores the list of all identities as its founding snapshot
// and only then proposes it. Who is named in it and was not reached takes it
// over later. There is never a second proposal: a node that has stored one has
// Raft state.

// foundsAlone tells whether every voter's address in the configuration is this
// node's own.
func (n *Node) foundsAlone() bool { return len(n.peers()) == 0 }

// foreign says which configured addresses are not this node's, for a node that
// has no way to reach others.
func (n *Node) foreign() error {
	var others, own []string
	for _, p := range n.peers() {
		others = append(others, Endpoint{Host: p.Host, Port: p.Port}.Address())
	}
	for _, e := range n.opts.Endpoints {
		own = append(own, e.Address())
	}
	return fmt.Errorf("the quorum is to be at %s, but this node's controller listener is at %s: it is alone for now, so the two must agree",
		strings.Join(others, ", "), strings.Join(own, ", "))
}

// peers are the configured addresses of other voters.
func (n *Node) peers() []VoterAddress {
	return slices.DeleteFunc(slices.Clone(n.opts.Voters), n.own)
}

// own tells whether an address is this node's.
func (n *Node) own(a VoterAddress) bool {
	if a.NodeID >= 0 {
		return a.NodeID == n.opts.NodeID
	}
	for _, e := range n.opts.Endpoints {
		if e.Port == a.Port && (strings.EqualFold(e.Host, a.Host) || localHost(a.Host)) {
			return true
		}
	}
	return false
}

// localHost tells whether a host name or address is of this machine, without
// asking a name server.
func localHost(host string) bool {
	if name, err := os.Hostname(); err == nil && strings.EqualFold(name, host) {
		return true
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.IP.Equal(ip)
	})
}

// self is this node as a member.
func (n *Node) self() Member {
	return Member{Identity: n.identity, Endpoints: n.opts.Endpoints}
}

func (n *Node) foundAlone() error {
	clusterID, err := n.newClusterID("")
	if err != nil {
		return err
	}
	return n.storage.Found(Membership{ClusterID: clusterID, Members: []Member{n.self()}})
}

// newClusterID takes the configured cluster id, or one that a peer has, or
// draws one as Kafka does: a UUID that does not begin with "-", which would look
// like a flag.
func (n *Node) newClusterID(known string) (string, error) {
	if n.opts.ClusterID != "" {
		return n.opts.ClusterID, nil
	}
	for known == "" || strings.HasPrefix(known, "-") {
		var u metadata.UUID
		if _, err := io.ReadFull(n.opts.Random, u[:]); err != nil {
			return "", fmt.Errorf("draw a cluster id: %w", err)
		}
		known = base64.RawURLEncoding.EncodeToString(u[:])
	}
	return known, nil
}

// status tells others what this node has. It runs on the owner's goroutine.
func (n *Node) status() status {
	switch {
	case n.storage.Damage() != nil:
		return status{standing: standingDamaged}
	case n.voter != nil && n.storage.Founded() && n.storage.snapshots[0].Index == foundingPoint.index:
		return status{standing: standingFounded, membership: n.storage.snapshots[0].Membership}
	case n.voter != nil && n.storage.Founded():
		return status{standing: standingRunning, membership: n.voter.Membership()}
	case n.storage.state != nil && n.storage.state.current.Term > 0:
		return status{standing: standingRunning}
	}
	return status{standing: standingNew}
}

// answer is what a peer said to a hello.
type answer struct {
	sender    Member
	clusterID string
	status    status
}

// foundingRetry is how long a node without quorum waits before it asks the
// others again.
const foundingRetry = 200 * time.Millisecond

// findQuorum asks the other voters until this node has a quorum to belong to.
// It runs on a goroutine of its own; decisions are made by the owner.
func (n *Node) findQuorum(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		peers := n.peers()
		answers := make([]answer, 0, len(peers))
		for _, p := range peers {
			if a, err := n.hello(ctx, p); err == nil {
				answers = append(answers, a)
			} else {
				n.opts.Logger.Debug("a voter does not answer", "host", p.Host, "port", p.Port, "error", err)
			}
		}
		settled := make(chan bool, 1)
		if !n.inbox.put(func() { settled <- n.consider(answers, len(peers)) }) {
			return
		}
		select {
		case done := <-settled:
			if done {
				return
			}
		case <-ctx.Done():
			return
		case <-n.inbox.closed:
			return
		}
		timer.Reset(foundingRetry)
	}
}

func (n *Node) hello(ctx context.Context, p VoterAddress) (answer, error) {
	return n.call(ctx, Endpoint{Host: p.Host, Port: p.Port}, kindHello, nil)
}

// call sends one envelope and reads the status that comes back.
func (n *Node) call(ctx context.Context, to Endpoint, k kind, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	e := envelope{kind: k, clusterID: n.ClusterID(), sender: n.self(), body: body}
	raw, err := n.opts.Transport.Call(ctx, to.Address(), e.encode())
	if err != nil {
		return answer{}, err
	}
	reply, err := decodeEnvelope(raw)
	if err != nil {
		return answer{}, err
	}
	st, err := decodeStatus(reply.body)
	return answer{sender: reply.sender, clusterID: reply.clusterID, status: st}, err
}

// consider decides, on the owner's goroutine, what the answers mean. It tells
// whether this node now has a voter.
func (n *Node) consider(answers []answer, asked int) bool {
	if n.voter != nil {
		return true
	}
	members := []Member{n.self()}
	clusterID := n.opts.ClusterID
	for _, a := range answers {
		switch a.status.standing {
		case standingFounded:
			if a.status.membership.Contains(n.identity) && !n.hasRaftState() {
				return n.takeOver(a.status.membership)
			}
			return n.join()
		case standingRunning:
			return n.join()
		case standingDamaged:
			return false
		}
		if clusterID == "" {
			clusterID = a.clusterID
		}
		if a.clusterID != "" && a.clusterID != clusterID {
			n.opts.Logger.Error("voters belong to different clusters; none is founded",
				"own", clusterID, "other", a.clusterID, "node", a.sender.NodeID)
			return false
		}
		members = append(members, a.sender)
	}
	if len(answers) < asked || n.hasRaftState() || !distinct(members) || !lowest(members, n.opts.NodeID) {
		return false
	}
	clusterID, err := n.newClusterID(clusterID)
	if err != nil {
		n.opts.Logger.Error("cannot found the cluster", "error", err)
		return false
	}
	slices.SortFunc(members, compareMembers)
	return n.proposeFounding(Membership{ClusterID: clusterID, Members: members})
}

func (n *Node) hasRaftState() bool {
	return n.storage.Founded() || n.storage.state.current.Term > 0
}

func distinct(members []Member) bool {
	seen := map[int32]bool{}
	for _, m := range members {
		if seen[m.NodeID] {
			return false
		}
		seen[m.NodeID] = true
	}
	return true
}

func lowest(members []Member, id int32) bool {
	return !slices.ContainsFunc(members, func(m Member) bool { return m.NodeID < id })
}

// proposeFounding stores the founding snapshot, durably, and tells the others,
// who will also ask by themselves. It stands for election at once, and again
// when another has taken the founding over: only then can that one vote.
func (n *Node) proposeFounding(m Membership) bool {
	if !n.takeOver(m) {
		return false
	}
	n.voter.standAsFounder()
	for _, x := range m.Members {
		if x.NodeID != n.opts.NodeID && len(x.Endpoints) > 0 {
			n.links.propose(x.Endpoints[0], m)
		}
	}
	return true
}

// takeOver makes a founding membership this node's own.
func (n *Node) takeOver(m Membership) bool {
	err := n.storage.Found(m)
	if err == nil {
		err = n.openVoter()
	}
	if err != nil {
		n.opts.Logger.Error("cannot found the metadata quorum", "error", err)
		n.view.Store(&view{err: err})
		return false
	}
	n.opts.Logger.Info("founded the metadata quorum", "clusterId", m.ClusterID, "voters", len(m.Members))
	return true
}

// join starts a voter that has nothing yet: the quorum has a history, and its
// leader will send a snapshot if this node is, or becomes, a member.
func (n *Node) join() bool {
	if err := n.openVoter(); err != nil {
		n.opts.Logger.Error("cannot join the metadata quorum", "error", err)
		n.view.Store(&view{err: err})
		return false
	}
	n.opts.Logger.Warn("the other voters already have a quorum: this node waits for its log, or to be added as a controller",
		"node", n.opts.NodeID, "directory", n.identity.DirectoryID)
	return true
}

// accept takes a founding proposal from another node, on the owner's goroutine.
func (n *Node) accept(m Membership) {
	switch {
	case n.voter != nil || n.storage.Damage() != nil || n.hasRaftState():
		return
	case !m.Contains(n.identity):
		n.opts.Logger.Warn("refused a founding proposal that does not name this node's directory", "clusterId", m.ClusterID)
		return
	case n.opts.ClusterID != "" && m.ClusterID != n.opts.ClusterID:
		n.opts.Logger.Error("refused a founding proposal of another cluster", "own", n.opts.ClusterID, "other", m.ClusterID)
		return
	}
	n.takeOver(m)
}
