package quorum

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/controller"
	"github.com/headrace/headrace/internal/cluster/metadata"
)

// A lone node whose metadata are damaged still has a broker with records that
// are sound. For it to serve them, somebody has to let it in and make it the
// leader of what it holds; nobody else is there who could. A standIn decides
// just that, by the controller's own rules, on the image that could be read. Its
// decisions live in memory and end with the process: the next start, or a
// repair, finds the metadata as they were.

// DamageError says that a node's metadata are damaged. It wraps
// kerr.KafkaStorageError, and ErrCorrupt where that is known.
type DamageError struct {
	dir   string
	cause error
}

// Error is for the operator.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v; it is served read-only as far as it could be read: move %s away to start as a new node, "+
		"or let `headrace storage repair` cut it at the damage", e.cause, e.dir)
}

// Unwrap gives the code for clients, and the cause.
func (e *DamageError) Unwrap() []error { return []error{e.cause, kerr.KafkaStorageError} }

// ClientMessage implements wire.Messager.
func (e *DamageError) ClientMessage() string {
	return "the broker is read-only because its metadata are damaged: its operator mends them with `headrace storage repair`"
}

// standIn is the controller of a lone broker whose metadata are damaged.
type standIn struct {
	broker     metadata.BrokerID
	controller Controller
	rand       *rand.Rand
	image      *metadata.Image
	publish    func(*metadata.Image, *metadata.Delta)
	damage     error
}

// submit decides about the broker's own registration and heartbeats, answers what
// only asks, and refuses everything else.
func (s *standIn) submit(now time.Time, req kmsg.Request, from controller.Requester) (kmsg.Response, error) {
	switch r := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		if r.BrokerID != s.broker {
			return nil, s.damage
		}
	case *kmsg.BrokerHeartbeatRequest:
		if r.BrokerID != s.broker {
			return nil, s.damage
		}
	case *kmsg.ListPartitionReassignmentsRequest: // kafka-topics --describe asks it
	default:
		return nil, s.damage
	}
	d, err := s.controller.Handle(s.image, now, s.rand, req, from)
	if err != nil {
		return nil, err
	}
	return d.Reply, s.apply(now, d.Records)
}

// tick does what is due by now: it ends sessions.
func (s *standIn) tick(now time.Time) error {
	for range maxTickRounds {
		records := s.controller.Tick(s.image, now)
		if len(records) == 0 {
			break
		}
		if err := s.apply(now, records); err != nil {
			return err
		}
	}
	return nil
}

// apply shows the image with records that are stored nowhere.
func (s *standIn) apply(now time.Time, records []metadata.Record) error {
	if len(records) == 0 {
		return nil
	}
	pos := s.image.Position()
	pos.Offset, pos.TimeMs = pos.Offset+1, now.UnixMilli()
	img, delta, err := s.image.Apply(records, pos)
	if err != nil {
		return fmt.Errorf("%w: %w", kerr.UnknownServerError, err)
	}
	s.image = img
	s.publish(img, delta)
	return nil
}

// standsAlone tells whether nobody but this node can know more than what could
// be read: it is the only voter, and there is no broker beside it.
func (n *Node) standsAlone(img *metadata.Image, voters Membership) bool {
	me := n.opts.ClusterID == "" || voters.ClusterID == "" || voters.ClusterID == n.opts.ClusterID
	if !me || len(voters.Members) != 1 || voters.Members[0].NodeID != n.opts.NodeID || !n.foundsAlone() {
		return false
	}
	for b := range img.AllBrokers() {
		if b.ID != n.opts.NodeID {
			return false
		}
	}
	return true
}

// standInFor lets the broker serve what could be read.
func (n *Node) standInFor(img *metadata.Image, damage error) error {
	seed1, err := n.random()
	if err != nil {
		return err
	}
	seed2, err := n.random()
	if err != nil {
		return err
	}
	n.opts.Controller.Reset()
	n.standIn = &standIn{
		broker: n.opts.NodeID, controller: n.opts.Controller, rand: rand.New(rand.NewPCG(seed1, seed2)),
		image: img, publish: n.feed.publish, damage: damage,
	}
	return nil
}
