package quorum

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// Controller decides what requests do to the metadata; *controller.Controller
// is the real one. It is called on the active controller only, from the
// goroutine that owns the voter.
type Controller interface {
	// Handle decides about one request on the speculative image.
	Handle(img *metadata.Image, now time.Time, rnd *rand.Rand, req kmsg.Request, from controller.Requester) (controller.Decision, error)
	// Tick gives the records that are due; it is called again until it gives none.
	Tick(img *metadata.Image, now time.Time) []metadata.Record
	// Reset is called when this voter becomes the active controller.
	Reset()
}

var _ Controller = (*controller.Controller)(nil)

// VoterOptions configure a Voter.
type VoterOptions struct {
	// Storage is undamaged and has an identity; the Voter does not close it.
	// One that was not founded belongs to a newcomer, who gets everything from
	// the leader once the quorum has made it a member.
	Storage    *Storage
	Controller Controller
	Rand       *rand.Rand // handed to Controller.Handle
	// Bootstrap is proposed by the first active controller of a new cluster:
	// feature levels above all, and what a format set (SCRAM users). It must
	// finalize metadata.version, which marks the cluster as bootstrapped.
	Bootstrap []metadata.Record
	// SnapshotBytes is how many bytes of records lead to a new snapshot
	// (metadata.log.max.record.bytes.between.snapshots); 0 = 20 MiB.
	SnapshotBytes int64
	// OnImage is called with each new image in order, and with what changed. It
	// must not block or call the Voter. Nil is allowed.
	OnImage func(*metadata.Image, *metadata.Delta)
	// Relief is called when the disk is full. It reports whether it has made
	// room, so that trying again is of use. Nil is allowed.
	Relief func() bool
	Logger *slog.Logger
}

// Voter is one member of the metadata quorum: Raft, its storage, the image that
// the committed log replays into and, on the leader, the active controller. It
// has no goroutine and reads no clock: input goes in by Receive, Tick and
// Submit, and Flush does the work: durable first, then out. Not safe for
// concurrent use.
//
// An I/O error, damaged data or a broken invariant of Raft fails the voter for
// good: it says nothing more to anyone, and Err tells why.
type Voter struct {
	opts    VoterOptions
	storage *Storage
	core    *Core

	image         *metadata.Image // committed
	membership    Membership
	conf          *pb.ConfState
	applied       uint64
	sinceSnapshot int64 // bytes of records applied since the last snapshot

	role       role
	succession succession
	lead       leadership
	outbox     []Message
	stuck      *raft.Ready // not saved yet, because the disk is full
	err        error
}

// OpenVoter starts a voter from its storage. A voter that has no peers
// campaigns at once and leads after the first Flush.
func OpenVoter(o VoterOptions) (*Voter, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SnapshotBytes <= 0 {
		o.SnapshotBytes = 20 << 20
	}
	if err := o.Storage.Damage(); err != nil {
		return nil, err
	}
	v := &Voter{opts: o, storage: o.Storage}
	if err := v.restore(); err != nil {
		return nil, err
	}
	core, err := newCore(v.storage.Identity().RaftID, v.storage, v.applied, o.Logger)
	if err != nil {
		return nil, err
	}
	v.core = core
	v.role = core.role()
	if v.Alone() {
		v.guard(core.Campaign)
	}
	return v, v.err
}

// restore loads the newest snapshot into the state machine.
func (v *Voter) restore() error {
	if !v.storage.Founded() {
		v.image, v.conf = metadata.Empty(), &pb.ConfState{AutoLeave: new(false)}
		return nil
	}
	m, _, body, err := v.storage.loadSnapshot()
	if err != nil {
		return err
	}
	return v.adopt(m, body)
}

// adopt makes a snapshot the state of the machine.
func (v *Voter) adopt(m snapshotMeta, body []byte) error {
	img, err := readImage(body, metadata.Position{Offset: int64(m.Index), Epoch: int32(m.Term)})
	if err != nil {
		return fmt.Errorf("replay snapshot %d: %w", m.Index, err)
	}
	v.image, v.membership, v.conf = img, m.Membership, m.ConfState
	v.applied, v.sinceSnapshot = m.Index, 0
	return nil
}

// Alone tells whether this voter is the only one: it needs nobody's consent.
func (v *Voter) Alone() bool {
	id := v.Identity().RaftID
	return len(v.conf.Voters) == 1 && v.conf.Voters[0] == uint64(id) && len(v.conf.VotersOutgoing) == 0
}

// Identity is who this voter is.
func (v *Voter) Identity() Identity { return v.storage.Identity() }

// Image is the committed metadata as of the last Flush.
func (v *Voter) Image() *metadata.Image { return v.image }

// Membership is the committed list of voters and learners.
func (v *Voter) Membership() Membership { return v.membership }

// Active tells whether this voter is the active controller: it leads, and has
// applied an entry of its own term.
func (v *Voter) Active() bool { return v.lead.active && v.err == nil }

// Role tells the epoch that this voter is in, and whether it leads in it.
func (v *Voter) Role() (epoch int32, leads bool) {
	return int32(v.role.term), v.role.leads && v.err == nil
}

// Err returns why the voter failed; nil while it works. It wraps ErrFailed.
func (v *Voter) Err() error { return v.err }

// guard runs a step of Raft. A panic of the library, or an error, fails the
// voter, not the process.
func (v *Voter) guard(step func() error) {
	if v.err != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			v.failWith(fmt.Errorf("raft: %v", p))
		}
	}()
	if err := step(); err != nil {
		v.failWith(err)
	}
}

func (v *Voter) failWith(err error) {
	if v.err != nil {
		return
	}
	v.err = fmt.Errorf("%w: %w", ErrFailed, err)
	v.outbox = nil
	v.opts.Logger.Error("the metadata quorum's voter has stopped", "error", err)
	v.resign(fmt.Errorf("%w: %w", kerr.KafkaStorageError, v.err))
}

// Tick advances Raft's election clock by one tick and lets the active
// controller do what is due.
func (v *Voter) Tick() {
	v.guard(func() error {
		v.core.Tick()
		return nil
	})
	v.takeTurn()
	v.lead.tickDue = true
}

// Campaign makes the voter stand for election now, because it knows that the
// leader is gone or that there never was one.
func (v *Voter) Campaign() { v.guard(v.core.Campaign) }

// Unreachable tells Raft that a message to this voter was not delivered.
func (v *Voter) Unreachable(id RaftID) {
	v.guard(func() error {
		v.core.node.ReportUnreachable(uint64(id))
		return nil
	})
}

// SnapshotSent tells Raft how the transfer of a snapshot to a voter ended.
func (v *Voter) SnapshotSent(id RaftID, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	v.guard(func() error {
		v.core.node.ReportSnapshot(uint64(id), status)
		return nil
	})
}

// Receive takes in a message from another voter. A message for somebody else,
// or with a damaged snapshot, is dropped; Raft will send it again.
func (v *Voter) Receive(now time.Time, m Message) {
	if m.To() != v.Identity().RaftID {
		v.opts.Logger.Warn("dropped a raft message for another voter", "message", m.String())
		return
	}
	if m.IsSnapshot() && !v.usable(m.raft.GetSnapshot()) {
		return
	}
	v.guard(func() error {
		err := v.core.Step(m)
		v.noteContact(m.From(), now)
		if errors.Is(err, raft.ErrStepPeerNotFound) || errors.Is(err, raft.ErrProposalDropped) {
			return nil // from a voter that has left, or too late
		}
		return err
	})
}

// usable checks a snapshot before Raft takes it for good.
func (v *Voter) usable(s *pb.Snapshot) bool {
	m, _, err := parseSnapshot("snapshot from the leader", s.GetData())
	if err == nil && (m.Index != s.GetMetadata().GetIndex() || m.Term != s.GetMetadata().GetTerm()) {
		err = corruptf("snapshot from the leader", 0, "snapshot is of index %d term %d", m.Index, m.Term)
	}
	if err != nil {
		v.opts.Logger.Warn("dropped a snapshot of the metadata log", "error", err)
		return false
	}
	return true
}

// maxRounds bounds the rounds of one Flush. Each makes progress, so reaching it
// means that something feeds on itself.
const maxRounds = 100_000

// Flush does all work that is due: makes it durable, applies what is committed,
// decides about submitted requests, and returns the messages for other voters.
// The caller encodes them before it calls the Voter again.
func (v *Voter) Flush(now time.Time) []Message {
	v.guard(func() error {
		for range maxRounds {
			if err := v.drain(); err != nil {
				return err
			}
			if v.stuck != nil || !v.decide(now) {
				return v.maybeSnapshot()
			}
		}
		return errors.New("flush does not come to an end")
	})
	v.refuseWaiting()
	out := v.outbox
	v.outbox = nil
	return out
}

// drain handles every Ready that Raft has. If the disk is full it stops, and the
// next Flush tries the same Ready again: to others this voter is slow, which
// Raft can bear, and if it leads somebody else will soon.
func (v *Voter) drain() error {
	relieved := false
	for range maxRounds {
		rd, ok := v.nextReady()
		if !ok {
			return nil
		}
		err := v.handle(rd)
		if err != nil && diskFull(err) {
			if v.opts.Relief != nil && v.opts.Relief() {
				relieved, v.stuck = v.stuck == nil, &rd
				continue
			}
			if v.stuck == nil {
				v.opts.Logger.Error("the disk of the metadata log is full; nothing is decided until there is space", "error", err)
			}
			v.stuck = &rd
			return nil
		}
		if err != nil {
			return err
		}
		if v.stuck != nil && !relieved {
			v.opts.Logger.Info("the metadata log goes on: its disk has space again")
		}
		v.stuck = nil
		v.core.advance(rd)
		v.noteRole()
	}
	return errors.New("raft does not come to rest")
}

// nextReady returns the Ready that could not be saved, or else Raft's next.
func (v *Voter) nextReady() (raft.Ready, bool) {
	if v.stuck != nil {
		return *v.stuck, true
	}
	return v.core.ready()
}

// handle makes one Ready durable, then sends and applies. Nothing of it leaves
// this voter before save has returned.
func (v *Voter) handle(rd raft.Ready) error {
	v.noteRole()
	if err := v.storage.save(rd.HardState, rd.Entries, rd.Snapshot); err != nil {
		return err
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := v.install(rd.Snapshot); err != nil {
			return err
		}
	}
	for _, m := range rd.Messages {
		v.send(m)
	}
	for _, e := range rd.CommittedEntries {
		if err := v.apply(e); err != nil {
			return fmt.Errorf("apply entry %d of term %d: %w", e.GetIndex(), e.GetTerm(), err)
		}
	}
	v.confirmed(rd.ReadStates)
	v.answerReads()
	return nil
}

// send puts a message in the outbox. A snapshot gets its data here.
func (v *Voter) send(m *pb.Message) {
	if m.GetType() != pb.MsgSnap {
		v.outbox = append(v.outbox, Message{raft: m})
		return
	}
	err := v.snapshotFor(RaftID(m.GetTo()))
	var meta snapshotMeta
	var raw []byte
	if err == nil {
		meta, raw, _, err = v.storage.loadSnapshot()
	}
	if err != nil {
		v.opts.Logger.Error("cannot send a snapshot of the metadata log", "to", RaftID(m.GetTo()), "error", err)
		v.sinceSnapshot = v.opts.SnapshotBytes // write a good one soon; Raft asks again
		v.core.node.ReportSnapshot(m.GetTo(), raft.SnapshotFailure)
		return
	}
	m.Snapshot = &pb.Snapshot{Data: raw, Metadata: &pb.SnapshotMetadata{
		ConfState: meta.ConfState, Index: new(meta.Index), Term: new(meta.Term),
	}}
	v.outbox = append(v.outbox, Message{raft: m})
}

// snapshotFor makes sure that the newest snapshot knows its receiver: a newcomer
// ignores one that it is not a member of.
func (v *Voter) snapshotFor(id RaftID) error {
	if _, knows := v.storage.newest().Membership.Lookup(id); knows {
		return nil
	}
	return v.takeSnapshot()
}

// noteRole follows Raft's view of who leads, and resigns as active controller
// when that is no longer this voter in the same term.
func (v *Voter) noteRole() {
	next := v.core.role()
	if next == v.role {
		return
	}
	if next.leader != v.role.leader || next.term != v.role.term {
		v.opts.Logger.Info("metadata quorum", "leaderEpoch", next.term, "leader", v.nodeOf(next.leader), "state", next.state)
	}
	if v.role.leads && (!next.leads || next.term != v.role.term) {
		v.resign(notController())
	}
	v.role = next
}

// nodeOf gives the node id of a voter; -1 where it is unknown.
func (v *Voter) nodeOf(id RaftID) int32 {
	if m, ok := v.membership.Lookup(id); ok {
		return m.NodeID
	}
	return -1
}

// maybeSnapshot writes a snapshot when enough has been applied since the last.
func (v *Voter) maybeSnapshot() error {
	if v.sinceSnapshot < v.opts.SnapshotBytes || !v.storage.Founded() || v.applied <= v.storage.newest().Index {
		return nil
	}
	err := v.takeSnapshot()
	if err != nil && diskFull(err) {
		v.sinceSnapshot -= v.opts.SnapshotBytes / 8 // the log alone will do; try again later
		v.opts.Logger.Warn("no space for a snapshot of the metadata log", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	return nil
}

// takeSnapshot writes a snapshot of what has been applied.
func (v *Voter) takeSnapshot() error {
	if v.applied <= v.storage.newest().Index {
		return nil
	}
	img := v.image
	err := v.storage.takeSnapshot(v.applied, v.membership, v.conf, func(w io.Writer) error {
		return writeImage(w, img.Position(), img.Snapshot())
	})
	if err != nil {
		return err
	}
	v.sinceSnapshot = 0
	v.opts.Logger.Debug("wrote a snapshot of the metadata log", "offset", v.applied)
	return nil
}
