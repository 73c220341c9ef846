package group

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/group/assign"
	"github.com/headrace/headrace/internal/broker/coordinator/group/consumer"
	"github.com/headrace/headrace/internal/broker/coordinator/group/modern"
	"github.com/headrace/headrace/internal/broker/coordinator/shard"
	"github.com/headrace/headrace/internal/kafka/uuid"
)

// ownMemberID is the first version of ConsumerGroupHeartbeat whose clients make
// their member id themselves (KIP-1082).
const ownMemberID = 1

// ConsumerHeartbeat is a ConsumerGroupHeartbeat request with what the shell
// knows about it.
type ConsumerHeartbeat struct {
	To      shard.Caller
	Request *kmsg.ConsumerGroupHeartbeatRequest
	// ClientID and ClientHost describe the connection, as in Join.
	ClientID, ClientHost string
	// NewID is random and becomes the member's id if it brings none.
	NewID [16]byte
}

// CheckConsumerHeartbeat checks what can be told without the group
// (GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid).
func CheckConsumerHeartbeat(cfg *Config, req *kmsg.ConsumerGroupHeartbeatRequest) error {
	invalid := func(message string) error { return refuse(kerr.InvalidRequest, "%s", message) }
	blank := func(s *string) bool { return s != nil && strings.TrimSpace(*s) == "" }
	known := req.Version >= ownMemberID || req.MemberEpoch > 0 || req.MemberEpoch == modern.LeaveEpoch
	switch {
	case known && blank(&req.MemberID):
		return invalid("MemberId can't be empty.")
	case blank(&req.Group):
		return invalid("GroupId can't be empty.")
	case blank(req.InstanceID):
		return invalid("InstanceId can't be empty.")
	case blank(req.RackID):
		return invalid("RackId can't be empty.")
	case req.MemberEpoch < modern.LeaveStaticEpoch:
		return invalid("MemberEpoch is invalid.")
	case req.MemberEpoch == modern.LeaveStaticEpoch && req.InstanceID == nil:
		return invalid("InstanceId can't be null.")
	}
	if req.MemberEpoch == modern.JoinEpoch {
		switch {
		case req.RebalanceTimeoutMillis == -1:
			return invalid("RebalanceTimeoutMs must be provided in first request.")
		case req.Topics == nil || len(req.Topics) > 0:
			return invalid("TopicPartitions must be empty when (re-)joining.")
		case req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil:
			return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
		}
	}
	if req.ServerAssignor != nil && cfg.assignor(*req.ServerAssignor) == nil {
		var names []string
		for i := range cfg.Consumer.Assignors {
			names = append(names, cfg.Consumer.Assignors[i].Name)
		}
		return refuse(kerr.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %s.", *req.ServerAssignor, strings.Join(names, ", "))
	}
	return nil
}

func (c *Config) assignor(name string) assign.Func {
	for i := range c.Consumer.Assignors {
		if c.Consumer.Assignors[i].Name == name {
			return c.Consumer.Assignors[i].Assign
		}
	}
	return nil
}

// ConsumerGroupHeartbeat handles a request that CheckConsumerHeartbeat has let
// through: a member joins, leaves, or tells and hears how far it is. The answer
// waits until what it tells is committed; an error, for the caller to answer,
// means that nothing was done (GroupMetadataManager.consumerGroupHeartbeat).
func (s *Shard) ConsumerGroupHeartbeat(now time.Time, in ConsumerHeartbeat) (*shard.Result, error) {
	o := &op{now: now}
	var resp *kmsg.ConsumerGroupHeartbeatResponse
	var err error
	switch in.Request.MemberEpoch {
	case modern.LeaveEpoch, modern.LeaveStaticEpoch:
		resp, err = s.leaveConsumer(o, in.Request)
	default:
		resp, err = s.heartbeatConsumer(o, in)
	}
	if err != nil {
		return nil, err
	}
	resp.Version = in.Request.Version
	o.replyCommitted(in.To, resp)
	return &o.res, nil
}

func (s *Shard) heartbeatConsumer(o *op, in ConsumerHeartbeat) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	req := in.Request
	joining := req.MemberEpoch == modern.JoinEpoch
	w, err := s.stepConsumer(o, req.Group, joining)
	if err != nil {
		return nil, err
	}
	if err := w.admits(req.MemberID); err != nil {
		return nil, err
	}
	id := req.MemberID
	if id == "" {
		id = uuid.UUID(in.NewID).String()
	}
	who := identity{id: id, instanceID: req.InstanceID, joining: joining}
	if err := w.identify(who, func(m *consumer.Member) error {
		return m.ValidEpoch(req.MemberEpoch, func(has consumer.Owned) bool { return reportsOnly(req.Topics, has) })
	}); err != nil {
		return nil, err
	}
	w.updated = told(w.member, in)
	if err := w.resubscribe(); err != nil {
		return nil, err
	}
	w.retarget()
	if err := w.reconcile(w.subscriptionChanged, req.Topics != nil, reported(req.Topics)); err != nil {
		return nil, err
	}
	m := w.apply()
	s.startSession(o.now, w.group, m)

	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID = &m.ID
	resp.MemberEpoch = m.Epoch
	resp.HeartbeatIntervalMillis = int32(s.cluster.ConsumerSettings(req.Group).HeartbeatInterval.Milliseconds())
	// Whoever tells all hears all: so it does after an error.
	full := req.RebalanceTimeoutMillis != -1 && (req.SubscribedTopicNames != nil || req.SubscribedTopicRegex != nil) && req.Topics != nil
	if joining || full || !w.member.Assigned.Equal(m.Assigned) {
		resp.Assignment = heartbeatAssignment(m.Assigned)
	}
	return resp, nil
}

// told is the member with what the request says of it; a field that is null says
// that nothing has changed.
func told(m *consumer.Member, in ConsumerHeartbeat) *consumer.Member {
	req := in.Request
	u := m.Clone()
	if req.InstanceID != nil {
		u.InstanceID = req.InstanceID
	}
	if req.RackID != nil {
		u.RackID = req.RackID
	}
	if req.RebalanceTimeoutMillis != -1 {
		u.RebalanceTimeoutMs = req.RebalanceTimeoutMillis
	}
	if req.ServerAssignor != nil {
		u.Assignor = req.ServerAssignor
	}
	if req.SubscribedTopicNames != nil {
		u.Topics = slices.Clone(req.SubscribedTopicNames)
		slices.Sort(u.Topics)
		u.Topics = slices.Compact(u.Topics)
	}
	if req.SubscribedTopicRegex != nil {
		u.Regex = *req.SubscribedTopicRegex
	}
	u.ClientID, u.ClientHost, u.Classic = in.ClientID, in.ClientHost, nil
	return u
}

// reportsOnly says whether the member has told what it has, and that it is
// nothing that it was not assigned.
func reportsOnly(topics []kmsg.ConsumerGroupHeartbeatRequestTopic, assigned consumer.Owned) bool {
	if topics == nil {
		return false
	}
	for i := range topics {
		for _, p := range topics[i].Partitions {
			if _, ok := assigned.Epoch(topics[i].TopicID, p); !ok {
				return false
			}
		}
	}
	return true
}

func reported(topics []kmsg.ConsumerGroupHeartbeatRequestTopic) assign.Assignment {
	list := make([]assign.TopicPartitions, 0, len(topics))
	for i := range topics {
		list = append(list, assign.TopicPartitions{Topic: topics[i].TopicID, Partitions: slices.Clone(topics[i].Partitions)})
	}
	return assign.New(list)
}

func heartbeatAssignment(o consumer.Owned) *kmsg.ConsumerGroupHeartbeatResponseAssignment {
	a := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
	a.Topics = make([]kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic, 0, len(o))
	for i := range o {
		t := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
		t.TopicID, t.Partitions = o[i].Topic, o[i].Partitions
		a.Topics = append(a.Topics, t)
	}
	return &a
}

// leaveConsumer takes a member out. A static one that means to return keeps its
// partitions until its session ends.
func (s *Shard) leaveConsumer(o *op, req *kmsg.ConsumerGroupHeartbeatRequest) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	g, ok := s.groups[req.Group].(*consumerGroup)
	if !ok {
		if s.groups[req.Group] == nil {
			return nil, refuse(kerr.GroupIDNotFound, "Group %s not found.", req.Group)
		}
		return nil, refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", req.Group)
	}
	m, err := g.find(req.MemberID, req.InstanceID)
	if err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID, resp.MemberEpoch = &req.MemberID, req.MemberEpoch
	if req.InstanceID == nil || req.MemberEpoch != modern.LeaveStaticEpoch {
		o.note("member leaves", "group", g.ID, "member", m.ID)
		s.fence(o, g, []*consumer.Member{m})
		return resp, nil
	}
	o.note("static member leaves for now", "group", g.ID, "member", m.ID, "instance", *req.InstanceID)
	away := m.Clone()
	away.Epoch, away.Revoking, away.Assigned = modern.LeaveStaticEpoch, nil, m.Assigned.At(0)
	s.append(o, consumer.CurrentRecord(g.ID, away))
	return resp, nil
}

// find is the member of this id: UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when
// another member has its instance id.
func (g *consumerGroup) find(id string, instanceID *string) (*consumer.Member, error) {
	if instanceID == nil {
		m, ok := g.Member(id)
		if !ok {
			return nil, refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", id, g.ID)
		}
		return m, nil
	}
	m := g.Static(instanceID)
	switch {
	case m == nil:
		return nil, refuse(kerr.UnknownMemberID, "Instance id %s is unknown.", *instanceID)
	case m.ID != id:
		return nil, refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", id, *instanceID, m.ID)
	}
	return m, nil
}
