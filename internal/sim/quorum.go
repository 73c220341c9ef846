package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/cluster/quorum"
	"github.com/headrace/headrace/internal/vfs"
)

const (
	quorumDir     = "/data/__cluster_metadata-0"
	simClusterID  = "simulated-cluster-0001"
	voterCount    = 3
	clientAddress = 100 // clients' addresses in the network begin here
)

// quorumRun is one simulated metadata quorum: three voters with the real
// controller, brokers that register and heartbeat, and clients that create and
// delete topics.
type quorumRun struct {
	*World
	net      *Net
	bug      Bug
	knobs    quorumKnobs
	nodes    [voterCount]*voterNode
	founders quorum.Membership
	history  quorumHistory
}

// quorumKnobs are settings that each seed draws for itself.
type quorumKnobs struct {
	segmentBytes, cacheBytes, snapshotBytes int64
	sectorBytes                             int
	tick                                    time.Duration
	faultEvery                              time.Duration
}

// voterNode is one machine: its disk outlives its process.
type voterNode struct {
	run      *quorumRun
	id       int
	identity quorum.Identity
	disk     *vfs.Mem
	faulty   *vfs.Faulty
	boot     int // which start of the machine this is
	life     int // which process this is; effects of earlier ones are void
	up       bool
	storage  *quorum.Storage
	voter    *quorum.Voter
	stats    quorum.StorageStats // as last seen, for the counters
	clock    time.Duration       // what its wall clock is off by
	tick     time.Duration       // its tick interval, with drift
	paused   bool
	held     []func() // what arrived while it was paused
	cutIn    int      // calls to the disk until the power fails; 0 = it does not
	cut      *vfs.Mem // what that left
}

func newQuorumRun(p Plan) *quorumRun {
	r := &quorumRun{World: NewWorld(p), bug: p.Bug}
	r.net = NewNet(r.World)
	r.knobs = quorumKnobs{
		segmentBytes:  []int64{300, 1000, 4 << 20}[r.Rand.IntN(3)],
		cacheBytes:    []int64{1, 500, 1 << 20}[r.Rand.IntN(3)],
		snapshotBytes: []int64{400, 2000, 20000}[r.Rand.IntN(3)],
		sectorBytes:   []int{1, 512}[r.Rand.IntN(2)],
		tick:          r.Between(50*time.Millisecond, 150*time.Millisecond),
		faultEvery:    r.Between(200*time.Millisecond, 3*time.Second),
	}
	r.history.init(r)
	r.founders = quorum.Membership{ClusterID: simClusterID}
	for i := range r.nodes {
		id := quorum.Identity{NodeID: int32(i + 1), RaftID: quorum.RaftID(r.Rand.Uint64() >> 1)}
		id.DirectoryID[0], id.DirectoryID[15] = byte(i+1), 7
		r.nodes[i] = &voterNode{run: r, id: i, identity: id, disk: vfs.NewCrashableMem(), tick: r.knobs.tick + r.Between(-5*time.Millisecond, 5*time.Millisecond)}
		r.founders = r.founders.With(quorum.Member{Identity: id})
	}
	for _, n := range r.nodes {
		n.found(r.founders)
		n.start()
	}
	return r
}

// found prepares the disk of a founding voter.
func (n *voterNode) found(m quorum.Membership) {
	s, err := n.open()
	if err == nil {
		err = errors.Join(s.Identify(n.identity), s.Found(m), s.Close())
	}
	if err != nil {
		n.run.Fail("founding node %d: %w", n.id, err)
	}
}

func (n *voterNode) open() (*quorum.Storage, error) {
	n.faulty = vfs.NewFaulty(n.run.bug.disk(n.disk))
	n.faulty.Before(n.beforeDiskCall)
	k := n.run.knobs
	return quorum.OpenStorage(quorum.StorageOptions{
		FS: n.faulty, Dir: quorumDir, BootID: fmt.Sprint("boot-", n.boot), SegmentBytes: k.segmentBytes, CacheBytes: k.cacheBytes,
	})
}

// start starts the process on what the disk has.
func (n *voterNode) start() {
	r := n.run
	n.life++
	life := n.life
	s, err := n.open()
	if err == nil {
		err = s.Damage()
	}
	if err != nil {
		if n.life == life { // not cut while it opened
			r.Fail("node %d does not start: %w", n.id, err)
		}
		n.afterCall()
		return
	}
	ctl := controller.New(controller.Config{NodeID: n.identity.NodeID, ClusterID: simClusterID, DefaultReplicationFactor: 3})
	v, err := quorum.OpenVoter(quorum.VoterOptions{
		Storage: s, Controller: ctl, Rand: rand.New(rand.NewPCG(r.Rand.Uint64(), 1)),
		Bootstrap: quorum.DefaultBootstrap(), SnapshotBytes: r.knobs.snapshotBytes,
		OnImage: func(img *metadata.Image, _ *metadata.Delta) {
			if n.life == life {
				r.history.applied(n, img)
			}
		},
	})
	if n.life != life {
		n.afterCall()
		return
	}
	if err != nil {
		r.Fail("node %d does not start: %w", n.id, err)
		return
	}
	n.storage, n.voter, n.up, n.stats = s, v, true, quorum.StorageStats{}
	r.Note("node %d is up, life %d, boot %d, at offset %d", n.id, n.life, n.boot, v.Image().Position().Offset)
	r.history.applied(n, v.Image())
	n.do(func() {})
	n.scheduleTick(life)
}

func (n *voterNode) scheduleTick(life int) {
	n.run.After(n.tick, "", func() {
		if n.life != life {
			return
		}
		n.do(n.tickOnce)
		n.scheduleTick(life)
	})
}

func (n *voterNode) tickOnce() { n.voter.Tick() }

// now is the node's wall clock.
func (n *voterNode) now() time.Time { return epoch.Add(n.run.now + n.clock) }

// do gives the voter input, lets it work, and sends what it says. A paused node
// gets it later, a dead one never.
func (n *voterNode) do(input func()) {
	if !n.up {
		return
	}
	if n.paused {
		n.held = append(n.held, input)
		return
	}
	life := n.life
	input()
	messages := n.voter.Flush(n.now())
	if n.life != life {
		n.afterCall() // the power went while it worked: nothing of it got out
		return
	}
	n.observe()
	for _, m := range messages {
		n.send(m)
	}
	if err := n.voter.Err(); err != nil {
		n.failed(err)
	}
}

// failed handles a voter that stopped itself: right after an injected disk
// error, wrong otherwise. The process is started anew.
func (n *voterNode) failed(err error) {
	if !errors.Is(err, syscall.EIO) {
		n.run.Fail("voter %d failed: %w", n.id, err)
		return
	}
	n.run.Reach("voter stopped by its disk")
	n.kill("stopped by its disk")
	n.restartLater()
}

func (n *voterNode) send(m quorum.Message) {
	r := n.run
	raw, err := m.Encode(nil)
	if err != nil {
		r.Fail("encode %s: %w", m, err)
		return
	}
	to := r.byRaftID(m.To())
	if to == nil {
		return
	}
	what := fmt.Sprintf("%d->%d %s %x", n.id, to.id, m, hash(raw))
	arrived := false
	r.net.Send(n.id, to.id, what, func() {
		arrived = true
		to.do(func() {
			got, err := quorum.DecodeMessage(raw)
			if err != nil {
				r.Fail("decode %s: %w", what, err)
				return
			}
			to.voter.Receive(to.now(), got)
		})
	})
	if !m.IsSnapshot() {
		return
	}
	// The transport tells how the transfer of a snapshot has ended.
	r.Reach("snapshot sent")
	life := n.life
	r.After(snapshotTimeout, "", func() {
		if n.life == life {
			n.do(func() { n.voter.SnapshotSent(m.To(), arrived) })
		}
	})
}

// snapshotTimeout is when the transport gives a transfer up.
const snapshotTimeout = 500 * time.Millisecond

func (r *quorumRun) byRaftID(id quorum.RaftID) *voterNode {
	for _, n := range r.nodes {
		if n.identity.RaftID == id {
			return n
		}
	}
	return nil
}

func hash(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b) // never fails
	return h.Sum64()
}

// observe checks what the voter claims and counts what it went through.
func (n *voterNode) observe() {
	r := n.run
	if term, leads := n.voter.Role(); leads {
		r.history.leads(n, term)
	}
	now := n.storage.Stats()
	for _, c := range [...]struct {
		what     string
		old, new int
	}{
		{"log truncated", n.stats.Truncations, now.Truncations},
		{"snapshot taken", n.stats.Snapshots, now.Snapshots},
		{"snapshot installed", n.stats.Installs, now.Installs},
		{"torn tail cut", n.stats.TornCuts, now.TornCuts},
	} {
		if c.new > c.old {
			r.Reach(c.what)
		}
	}
	n.stats = now
}

// submit hands a client's request to the voter.
func (n *voterNode) submit(req kmsg.Request, done func(kmsg.Response, error)) {
	life := n.life
	n.do(func() {
		answered := false
		n.voter.Submit(req, controller.Requester{}, func(resp kmsg.Response, err error) {
			if n.life == life && !answered {
				answered = true
				done(resp, err)
			}
		})
		if n.run.bug == EarlyAck && n.voter.Active() && req.Key() == kmsg.CreateTopics.Int16() {
			answered = true
			done(earlyAnswer(req), nil)
		}
	})
}

// earlyAnswer is what a controller would say that does not wait.
func earlyAnswer(req kmsg.Request) kmsg.Response {
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, t := range req.(*kmsg.CreateTopicsRequest).Topics {
		x := kmsg.NewCreateTopicsResponseTopic()
		x.Topic = t.Topic
		resp.Topics = append(resp.Topics, x)
	}
	return resp
}
