package quorum

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// leadership is what a voter holds while it is the active controller, and the
// requests that wait for it to become one.
type leadership struct {
	active  bool
	tickDue bool
	// speculative is the image with every proposed batch applied, committed or
	// not: the one that decisions are made on.
	speculative *metadata.Image
	next        uint64            // index that the next proposal gets
	pending     []*proposal       // proposed, not yet committed, in log order
	waiting     []request         // submitted, not yet decided
	change      *membershipChange // under way
	contacts    map[RaftID]contact
	gathering   *read   // answers without records of this Flush
	reads       []*read // that wait for a confirmation, oldest first
	readSerial  uint64
}

// proposal is a batch on its way through the log.
type proposal struct {
	index, term uint64
	image       *metadata.Image
	delta       *metadata.Delta
	replies     []func(error)
}

func (p *proposal) answer() {
	for _, reply := range p.replies {
		reply(nil)
	}
}

// request is one submitted request.
type request struct {
	req  kmsg.Request
	from controller.Requester
	done func(kmsg.Response, error)
}

// maxWaiting bounds the requests that wait for a decision; more are refused.
const maxWaiting = 100_000

// notController is the answer to requests that this voter cannot decide.
func notController() error {
	return fmt.Errorf("this node is not the active controller: %w", kerr.NotController)
}

// Submit hands in a request for the controller. The next Flush decides about
// it; done is called once: with the reply after the decision's records are
// committed and applied, or with an error that wraps a kerr code. An error does
// not say that nothing was done: what was proposed may still be committed by
// the next leader. done must not block or call the Voter.
func (v *Voter) Submit(req kmsg.Request, from controller.Requester, done func(kmsg.Response, error)) {
	if v.err != nil {
		done(nil, fmt.Errorf("%w: %w", kerr.KafkaStorageError, v.err))
		return
	}
	if len(v.lead.waiting) >= maxWaiting {
		done(nil, fmt.Errorf("too many requests wait for the controller: %w", kerr.ThrottlingQuotaExceeded))
		return
	}
	v.lead.waiting = append(v.lead.waiting, request{req, from, done})
}

// maybeActivate makes the voter the active controller when it has applied the
// first entry of the term in which it leads.
func (v *Voter) maybeActivate(term uint64) {
	if v.lead.active || !v.role.leads || v.role.term != term {
		return
	}
	v.lead.active = true
	v.lead.tickDue = true
	v.lead.speculative = v.image
	v.opts.Controller.Reset()
	v.opts.Logger.Info("this node is the active controller", "epoch", term, "offset", v.applied)
}

// resign ends the time as active controller; what is pending gets err.
func (v *Voter) resign(err error) {
	old := v.lead
	v.lead = leadership{waiting: old.waiting, readSerial: old.readSerial}
	for _, p := range old.pending {
		for _, reply := range p.replies {
			reply(err)
		}
	}
	if old.change != nil {
		old.change.done(err)
	}
	if old.gathering != nil {
		old.reads = append(old.reads, old.gathering)
	}
	for _, r := range old.reads {
		for _, reply := range r.replies {
			reply(err)
		}
	}
}

// committed returns the proposal that e is, if e is the next pending one.
func (l *leadership) committed(e *pb.Entry) (*proposal, error) {
	if len(l.pending) == 0 || l.pending[0].index > e.GetIndex() {
		return nil, nil
	}
	p := l.pending[0]
	if p.index != e.GetIndex() || p.term != e.GetTerm() {
		return nil, fmt.Errorf("proposal %d of term %d was passed over", p.index, p.term)
	}
	l.pending = l.pending[1:]
	return p, nil
}

// decide turns waiting requests and due work of the active controller into
// proposals. It tells whether Raft has new work.
func (v *Voter) decide(now time.Time) bool {
	if !v.lead.active {
		return false
	}
	if err := v.catchUp(); err != nil {
		v.failWith(err)
		return false
	}
	proposed := false
	if v.lead.tickDue {
		v.lead.tickDue = false
		proposed = v.bootstrap(now)
		proposed = v.tickController(now) || proposed
	}
	waiting := v.lead.waiting
	v.lead.waiting = nil
	for _, r := range waiting {
		proposed = v.decideOne(now, r) || proposed
	}
	proposed = v.confirmReads() || proposed
	return v.proposeChange() || proposed
}

// catchUp prepares for decisions, after Raft's work has been drained: every
// entry is in storage then, so the next index is known. Entries without records
// (changes of the membership) move the speculative position too, because a
// decision may use the offset that its records will have.
func (v *Voter) catchUp() error {
	last := v.storage.lastIndex()
	v.lead.next = last + 1
	pos := v.lead.speculative.Position()
	if pos.Offset == int64(last) {
		return nil
	}
	if pos.Offset > int64(last) {
		return fmt.Errorf("the speculative image is at %d, the log ends at %d", pos.Offset, last)
	}
	pos.Offset = int64(last)
	img, _, err := v.lead.speculative.Apply(nil, pos)
	if err != nil {
		return err
	}
	v.lead.speculative = img
	return nil
}

// refuseWaiting answers the requests that nobody here will decide. A voter that
// leads and is not active yet keeps them: it will be within a round trip.
func (v *Voter) refuseWaiting() {
	if v.err == nil && v.stuck == nil && (v.lead.active || v.role.leads) {
		return
	}
	err := notController()
	switch {
	case v.err != nil:
		err = fmt.Errorf("%w: %w", kerr.KafkaStorageError, v.err)
	case v.stuck != nil:
		err = fmt.Errorf("the disk of the metadata log is full: %w", kerr.KafkaStorageError)
	}
	waiting := v.lead.waiting
	v.lead.waiting = nil
	for _, r := range waiting {
		r.done(nil, err)
	}
}

// bootstrap proposes the first records of a new cluster.
func (v *Voter) bootstrap(now time.Time) bool {
	if len(v.opts.Bootstrap) == 0 || v.lead.speculative.Features().Level(metadata.FeatureMetadataVersion) > 0 {
		return false
	}
	_, err := v.propose(now, v.opts.Bootstrap, nil)
	if err != nil {
		v.opts.Logger.Error("cannot propose the bootstrap records", "error", err)
	}
	return err == nil
}

// maxTickRounds bounds the batches of one controller tick; the rest is left to
// the next.
const maxTickRounds = 1000

func (v *Voter) tickController(now time.Time) bool {
	proposed := false
	for range maxTickRounds {
		records := v.opts.Controller.Tick(v.lead.speculative, now)
		if len(records) == 0 {
			return proposed
		}
		if _, err := v.propose(now, records, nil); err != nil {
			v.opts.Logger.Error("cannot propose what the controller's tick decided", "error", err)
			return proposed
		}
		proposed = true
	}
	return proposed
}

func (v *Voter) decideOne(now time.Time, r request) bool {
	d, err := v.opts.Controller.Handle(v.lead.speculative, now, v.opts.Rand, r.req, r.from)
	if err != nil {
		r.done(nil, err)
		return false
	}
	reply := func(err error) {
		if err != nil {
			r.done(nil, err)
			return
		}
		r.done(d.Reply, nil)
	}
	if len(d.Records) == 0 {
		v.answerLater(reply)
		return false
	}
	proposed, err := v.propose(now, d.Records, reply)
	if err != nil {
		r.done(nil, err)
	}
	return proposed
}

// propose puts a batch in the log. Its effect is computed first: records that
// do not fit the image never get that far.
func (v *Voter) propose(now time.Time, records []metadata.Record, reply func(error)) (bool, error) {
	pos := metadata.Position{Offset: int64(v.lead.next), Epoch: int32(v.role.term), TimeMs: now.UnixMilli()}
	img, delta, err := v.lead.speculative.Apply(records, pos)
	if err != nil {
		v.opts.Logger.Error("the controller made records that do not fit the metadata", "error", err)
		return false, fmt.Errorf("%w: %w", kerr.UnknownServerError, err)
	}
	data, err := batch{term: v.role.term, timeMs: pos.TimeMs, records: records}.encode()
	if err != nil {
		return false, fmt.Errorf("%w: %w", kerr.PolicyViolation, err)
	}
	if err := v.core.Propose(data); err != nil {
		return false, errors.Join(notController(), err)
	}
	p := &proposal{index: v.lead.next, term: v.role.term, image: img, delta: delta}
	if reply != nil {
		p.replies = append(p.replies, reply)
	}
	v.lead.pending = append(v.lead.pending, p)
	v.lead.speculative = img
	v.lead.next++
	return true, nil
}
