package quorum

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/vfs"
)

// Options configure a Node.
type Options struct {
	FS  vfs.FS
	Dir string // <metadata.log.dir>/__cluster_metadata-0; created if missing

	NodeID int32
	// DirectoryID is directory.id of the metadata directory's meta.properties.
	// Zero: one is drawn for a new directory; Identity tells it.
	DirectoryID metadata.UUID
	// ClusterID is cluster.id of meta.properties. "": a founder draws one, others
	// learn it; ClusterID tells it.
	ClusterID string
	// Endpoints are this node's own controller listeners, as others reach them.
	Endpoints []Endpoint
	// Voters are controller.quorum.voters, or with NodeID -1 the addresses of
	// controller.quorum.bootstrap.servers. A new node founds a cluster alone if
	// all of them are its own, none included.
	Voters []VoterAddress

	Controller Controller
	Bootstrap  []metadata.Record // see VoterOptions.Bootstrap; nil = DefaultBootstrap
	Transport  Transport         // nil: a node that has no peers

	BootID        string // see StorageOptions.BootID
	SegmentBytes  int64
	SnapshotBytes int64
	// BallastBytes is how much of its disk the metadata log keeps for the time
	// when the disk is full; 0 = nothing.
	BallastBytes int64
	TickInterval time.Duration // of Raft's clock; 0 = 100 ms, elections take 10 to 20 ticks
	// Random is where ids and seeds come from; nil = crypto/rand.
	Random io.Reader
	Logger *slog.Logger
}

// VoterAddress is one address of a voter from the node's configuration.
type VoterAddress struct {
	NodeID int32 // -1 = not known
	Host   string
	Port   uint16
}

// Node is the shell around a Voter: it owns the goroutine, the ticker and the
// connections to other voters. All methods but Run and Close may be called from
// any goroutine, also before Run.
type Node struct {
	opts     Options
	storage  *Storage
	inbox    inbox
	feed     feed
	links    links
	identity Identity
	view     atomic.Pointer[view] // what Leader, Epoch and Err tell
	done     chan struct{}        // closed when Run has returned
	runOnce  sync.Once

	// Owned by the goroutine in Run, and by Open before it.
	voter   *Voter
	standIn *standIn // on damaged metadata that this node alone has
	ballast ballast
	// damage is a *DamageError if the stored metadata are damaged; fixed once
	// Open has returned.
	damage error
}

// view is what readers on other goroutines see of the voter's role.
type view struct {
	leader     Member // zero where unknown
	epoch      int32
	active     bool
	membership Membership
	err        error
}

func (o *Options) setDefaults() {
	if o.Random == nil {
		o.Random = crand.Reader
	}
	if o.TickInterval <= 0 {
		o.TickInterval = 100 * time.Millisecond
	}
	if o.Bootstrap == nil {
		o.Bootstrap = DefaultBootstrap()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// DefaultBootstrap finalizes the features of a new cluster at the levels that
// Kafka's format sets.
func DefaultBootstrap() []metadata.Record {
	var out []metadata.Record
	for _, f := range metadata.InitialFeatures() {
		out = append(out, &metadata.FeatureLevelRecord{Name: f.Name, FeatureLevel: f.Level})
	}
	return out
}

// Open opens the metadata directory, giving a new node its identity. A lone
// voter, also one that founds its cluster now, is the active controller when
// Open returns, unless its data are damaged: then Image has what could be read,
// Err and Damage tell why, and every Submit fails, but for the registration and
// the heartbeats of this node's own broker where it is the only one.
func Open(o Options) (*Node, error) {
	o.setDefaults()
	storage, err := OpenStorage(StorageOptions{
		FS: o.FS, Dir: o.Dir, BootID: o.BootID, SegmentBytes: o.SegmentBytes, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	n := &Node{opts: o, storage: storage, done: make(chan struct{})}
	n.inbox.init()
	n.feed.init(metadata.Empty())
	n.links.init(n)
	n.view.Store(&view{})
	if storage.Damage() == nil {
		n.ballast.open(&n.opts)
	}
	if err := n.start(); err != nil {
		return nil, errors.Join(err, n.closeParts())
	}
	return n, nil
}

// start brings the node as far as it gets without others.
func (n *Node) start() error {
	if err := n.storage.Damage(); err != nil {
		return n.serveDamaged(err)
	}
	if n.storage.Identity().IsZero() {
		if err := n.identify(); err != nil {
			return err
		}
	}
	if err := n.checkIdentity(); err != nil {
		return err
	}
	n.identity = n.storage.Identity()
	if !n.storage.Founded() && n.foundsAlone() {
		if err := n.foundAlone(); err != nil {
			return err
		}
	}
	if !n.storage.Founded() {
		if n.opts.Transport == nil {
			return n.foreign()
		}
		return nil // Run founds it together with the others
	}
	return n.openVoter()
}

// identify gives a new directory its identity, durably.
func (n *Node) identify() error {
	id := Identity{NodeID: n.opts.NodeID, DirectoryID: n.opts.DirectoryID}
	for id.DirectoryID.IsZero() || metadata.ReservedUUID(id.DirectoryID) {
		if _, err := io.ReadFull(n.opts.Random, id.DirectoryID[:]); err != nil {
			return fmt.Errorf("draw a directory id: %w", err)
		}
	}
	for id.RaftID == 0 || id.RaftID >= reservedRaftIDs {
		v, err := n.random()
		if err != nil {
			return err
		}
		id.RaftID = RaftID(v)
	}
	return n.storage.Identify(id)
}

// reservedRaftIDs is where Raft's own pseudo ids (local storage threads) begin.
const reservedRaftIDs = ^RaftID(0) - 16

func (n *Node) random() (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(n.opts.Random, b[:]); err != nil {
		return 0, fmt.Errorf("draw a random number: %w", err)
	}
	return binary.BigEndian.Uint64(b[:]), nil
}

// checkIdentity refuses a directory of another node.
func (n *Node) checkIdentity() error {
	id := n.storage.Identity()
	if id.NodeID != n.opts.NodeID {
		return fmt.Errorf("the metadata directory %s belongs to node.id %d, this node is configured as node.id %d",
			n.opts.Dir, id.NodeID, n.opts.NodeID)
	}
	if !n.opts.DirectoryID.IsZero() && id.DirectoryID != n.opts.DirectoryID {
		return fmt.Errorf("the metadata directory %s has directory id %s, meta.properties says %s",
			n.opts.Dir, id.DirectoryID, n.opts.DirectoryID)
	}
	c := ""
	if n.storage.Founded() {
		c = n.storage.newest().Membership.ClusterID
	}
	if n.opts.ClusterID != "" && c != "" && c != n.opts.ClusterID {
		return fmt.Errorf("the metadata directory %s belongs to cluster %s, meta.properties says %s", n.opts.Dir, c, n.opts.ClusterID)
	}
	return nil
}

// openVoter starts Raft; a lone voter leads when it returns.
func (n *Node) openVoter() error {
	seed1, err := n.random()
	if err != nil {
		return err
	}
	seed2, err := n.random()
	if err != nil {
		return err
	}
	v, err := OpenVoter(VoterOptions{
		Storage: n.storage, Controller: n.opts.Controller, Bootstrap: n.opts.Bootstrap,
		Rand: rand.New(rand.NewPCG(seed1, seed2)), SnapshotBytes: n.opts.SnapshotBytes,
		OnImage: n.feed.publish, Relief: n.ballast.release, Logger: n.opts.Logger,
	})
	if err != nil {
		return err
	}
	n.feed.publish(v.Image(), metadata.Compare(metadata.Empty(), v.Image()))
	n.voter = v
	n.flush()
	return v.Err()
}

// serveDamaged shows what can be read of damaged data. Nothing is written, no
// vote is given, and but for what the broker of a lone node needs to serve its
// records, no request is decided.
func (n *Node) serveDamaged(cause error) error {
	n.damage = &DamageError{dir: n.opts.Dir, cause: cause}
	img, voters, err := n.storage.readable()
	if err == nil {
		n.feed.publish(img, metadata.Compare(metadata.Empty(), img))
		if n.standsAlone(img, voters) {
			if err := n.standInFor(img, n.damage); err != nil {
				return err
			}
		}
	} else {
		n.damage = &DamageError{dir: n.opts.Dir, cause: errors.Join(cause, err)}
	}
	n.view.Store(&view{err: n.damage})
	n.opts.Logger.Error("the metadata log is damaged", "error", n.damage)
	return nil
}

// Run works until ctx ends or Close is called, also before. A voter that fails
// does not end it: Image stays, Err tells why, Submit fails. It must be called
// at most once.
func (n *Node) Run(ctx context.Context) error {
	first := false
	n.runOnce.Do(func() { first = true })
	if !first {
		return nil // closed before it was run
	}
	defer close(n.done)
	if n.voter == nil && n.Err() == nil {
		n.links.wg.Go(func() { n.findQuorum(n.links.ctx) })
	}
	ticker := time.NewTicker(n.opts.TickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			n.inbox.close()
			return nil
		case <-n.inbox.closed:
			return nil
		case <-ticker.C:
			n.ballast.restore(time.Now())
			if n.voter != nil {
				n.voter.Tick()
				n.links.watchLeader(time.Now())
			}
			if n.standIn != nil {
				if err := n.standIn.tick(time.Now()); err != nil {
					n.opts.Logger.Error("cannot apply what the controller's tick decided", "error", err)
				}
			}
		case <-n.inbox.wake:
		}
		for _, event := range n.inbox.take() {
			event()
		}
		n.flush()
	}
}

// flush lets the voter work, sends what it says and shows its role.
func (n *Node) flush() {
	if n.voter == nil {
		return
	}
	n.links.send(n.voter.Flush(time.Now()))
	r := n.voter.role
	old := n.view.Load()
	if old.epoch == int32(r.term) && old.leader.RaftID == r.leader && old.active == n.voter.Active() &&
		errors.Is(old.err, n.voter.Err()) && old.membership.same(n.voter.membership) {
		return
	}
	leader, _ := n.voter.membership.Lookup(r.leader)
	n.view.Store(&view{
		leader: leader, epoch: int32(r.term), active: n.voter.Active(),
		membership: n.voter.Membership(), err: n.voter.Err(),
	})
}

// Close ends Run, waits for it, and closes the files. What was answered is
// durable already. A Node that was never run may be closed too.
func (n *Node) Close() error {
	n.inbox.close()
	started := true
	n.runOnce.Do(func() { started = false })
	if started {
		<-n.done
	}
	return n.closeParts()
}

func (n *Node) closeParts() error {
	n.links.close()
	n.feed.close()
	if n.voter != nil {
		n.voter.resign(fmt.Errorf("%w: %w", kerr.NotController, ErrStopped))
	}
	return n.storage.Close()
}

// Submit hands a request to the active controller, if this node is it, and
// returns the reply when its records are committed and replayed into Image.
// Elsewhere it fails with kerr.NotController; every error wraps a kerr code,
// but for ctx's own and controller.ErrUnhandled.
func (n *Node) Submit(ctx context.Context, req kmsg.Request, from controller.Requester) (kmsg.Response, error) {
	type result struct {
		resp kmsg.Response
		err  error
	}
	answer := make(chan result, 1)
	queued := n.inbox.put(func() {
		switch {
		case n.standIn != nil:
			resp, err := n.standIn.submit(time.Now(), req, from)
			answer <- result{resp, err}
			return
		case n.voter == nil:
			answer <- result{err: n.unavailable()}
			return
		}
		n.voter.Submit(req, from, func(resp kmsg.Response, err error) { answer <- result{resp, err} })
	})
	if !queued {
		return nil, fmt.Errorf("%w: %w", kerr.NotController, ErrStopped)
	}
	select {
	case r := <-answer:
		return r.resp, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.inbox.closed:
		return nil, fmt.Errorf("%w: %w", kerr.NotController, ErrStopped)
	}
}

// unavailable says why there is no voter.
func (n *Node) unavailable() error {
	if err := n.Err(); err != nil {
		return fmt.Errorf("%w: %w", kerr.KafkaStorageError, err)
	}
	return fmt.Errorf("the metadata quorum is not founded yet: %w", kerr.NotController)
}

// Image returns the committed metadata that this node has replayed. It never
// goes back.
func (n *Node) Image() *metadata.Image { return n.feed.image() }

// Subscribe calls f with every image from now on, in order, with what changed
// since the one before; first with the current image compared to the empty one.
// f runs on a goroutine of its own and may be slow: nothing waits for it. cancel
// ends the subscription and waits for a call of f that is under way; f must not
// call it.
func (n *Node) Subscribe(f func(*metadata.Image, *metadata.Delta)) (cancel func()) {
	return n.feed.subscribe(f)
}

// Identity tells who this node is in the quorum. It is fixed once Open has
// returned; zero only where the state file is damaged.
func (n *Node) Identity() Identity { return n.identity }

// ClusterID is the id of the cluster; "" before it is known.
func (n *Node) ClusterID() string {
	if v := n.view.Load(); v.membership.ClusterID != "" {
		return v.membership.ClusterID
	}
	return n.opts.ClusterID
}

// Leader tells which voter leads in which epoch; ok is false where this node
// knows none.
func (n *Node) Leader() (leader Member, epoch int32, ok bool) {
	v := n.view.Load()
	return v.leader, v.epoch, v.leader.RaftID != 0
}

// Active tells whether this node is the active controller.
func (n *Node) Active() bool { return n.view.Load().active }

// Err tells why this node's voter does not work: damaged data, or a failure
// while running. Nil while it works.
func (n *Node) Err() error { return n.view.Load().err }

// Damage is a *DamageError if the stored metadata were damaged when they were
// opened, so that this node may serve what it can read and change nothing.
func (n *Node) Damage() error { return n.damage }
