package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Heartbeat keeps a member's session alive. The error is a kerr.Error, nil for
// a member of the current generation; REBALANCE_IN_PROGRESS asks it to join
// again (GroupMetadataManager.classicGroupHeartbeat). It allocates nothing.
func (s *Shard) Heartbeat(now time.Time, req *kmsg.HeartbeatRequest) error {
	if req.Group == "" {
		return kerr.InvalidGroupID
	}
	g, ok := s.groups[req.Group].(*classicGroup)
	if !ok {
		if c, ok := s.groups[req.Group].(*consumerGroup); ok {
			return s.heartbeatClassic(now, req, c)
		}
		return kerr.UnknownMemberID
	}
	if g.state == stateDead {
		return kerr.CoordinatorNotAvailable
	}
	m, err := g.validateMember(req.MemberID, req.InstanceID)
	if err != nil {
		return err
	}
	if req.Generation != g.generation {
		return kerr.IllegalGeneration
	}
	s.touch(now, m)
	if g.state == statePreparingRebalance {
		return kerr.RebalanceInProgress
	}
	return nil
}

// touch is keepAlive for a member whose session runs already.
func (s *Shard) touch(now time.Time, m *member) {
	s.timers.Set(&m.session, now.Add(m.sessionTimeout()))
}
