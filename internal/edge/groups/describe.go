package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Description is a group, its coordinator and its members.
type Description struct {
	Group       string
	State       string // in Kafka's words: "Stable", "Empty", "PreparingRebalance", …
	Assignor    string // "" when the group has none
	Coordinator Node
	Members     []Member

	// Epoch and AssignmentEpoch are nil for a classic group.
	Epoch, AssignmentEpoch *int32
}

// Node is a broker's address.
type Node struct {
	ID   int32
	Host string
	Port int32
}

// Member is one consumer of a group.
type Member struct {
	ID, ClientID, Host string
	InstanceID         string      // "" for a dynamic member
	Assignment         []Partition // in order
	Target             []Partition // what the member shall have; empty in a classic group
	Epoch              *int32      // nil in a classic group
	Upgraded           *bool       // whether it speaks the new protocol; nil when the broker does not tell
}

// Describe describes groups. A group that speaks the consumer protocol (KIP-848) is asked for by
// ConsumerGroupDescribe, any other by DescribeGroups. An error for one group is in errs, under its name.
func (a *Admin) Describe(ctx context.Context, groups []string) (found map[string]Description, errs map[string]error) {
	found, errs = map[string]Description{}, map[string]error{}
	for _, g := range groups {
		var d Description
		err := a.call(ctx, "describeConsumerGroups(api=FIND_COORDINATOR)", func(ctx context.Context) error {
			var err error
			d, err = a.describe(ctx, g)
			return err
		})
		if err != nil {
			errs[g] = err
			continue
		}
		found[g] = d
	}
	return found, errs
}

func (a *Admin) describe(ctx context.Context, group string) (Description, error) {
	node, err := a.coordinator(ctx, group)
	if err != nil {
		return Description{}, err
	}
	d, err := a.describeConsumer(ctx, group)
	notFound := errors.Is(err, kerr.GroupIDNotFound)
	if notFound || errors.Is(err, kerr.UnsupportedVersion) {
		message := javaerr.Message(err) // more telling than what the older request gives
		d, err = a.describeClassic(ctx, group)
		if notFound && errors.Is(err, kerr.GroupIDNotFound) {
			err = javaerr.Coded(kerr.GroupIDNotFound.Code, message)
		}
	}
	d.Coordinator = node
	return d, err
}

func (a *Admin) coordinator(ctx context.Context, group string) (Node, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = group, []string{group}
	resp, err := request[*kmsg.FindCoordinatorResponse](ctx, a, req)
	if err != nil {
		return Node{}, err
	}
	for _, c := range resp.Coordinators {
		return Node{c.NodeID, c.Host, c.Port}, coded(c.ErrorCode, c.ErrorMessage)
	}
	return Node{resp.NodeID, resp.Host, resp.Port}, coded(resp.ErrorCode, resp.ErrorMessage)
}

func (a *Admin) describeConsumer(ctx context.Context, group string) (Description, error) {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, err := request[*kmsg.ConsumerGroupDescribeResponse](ctx, a, req)
	if err != nil {
		// A broker before 3.7 does not have the request at all.
		return Description{}, fmt.Errorf("%w: %w", kerr.UnsupportedVersion, err)
	}
	if len(resp.Groups) == 0 {
		return Description{}, kerr.GroupIDNotFound
	}
	g := &resp.Groups[0] // one was asked for
	if err := coded(g.ErrorCode, g.ErrorMessage); err != nil {
		return Description{}, err
	}
	d := Description{Group: group, State: g.State, Assignor: g.AssignorName, Epoch: &g.Epoch, AssignmentEpoch: &g.AssignmentEpoch}
	for _, m := range g.Members {
		member := Member{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, Epoch: &m.MemberEpoch}
		member.InstanceID = deref(m.InstanceID)
		member.Assignment, member.Target = partitionsOf(m.Assignment), partitionsOf(m.TargetAssignment)
		if m.MemberType != -1 {
			upgraded := m.MemberType == 1
			member.Upgraded = &upgraded
		}
		d.Members = append(d.Members, member)
	}
	return d, nil
}

func (a *Admin) describeClassic(ctx context.Context, group string) (Description, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	resp, err := request[*kmsg.DescribeGroupsResponse](ctx, a, req)
	if err != nil {
		return Description{}, err
	}
	if len(resp.Groups) == 0 {
		return Description{}, kerr.GroupIDNotFound
	}
	g := &resp.Groups[0] // one was asked for
	if err := coded(g.ErrorCode, g.ErrorMessage); err != nil {
		return Description{}, err
	}
	if g.ProtocolType != "" && g.ProtocolType != "consumer" {
		return Description{}, &javaerr.Exception{
			Class:   "java.lang.IllegalArgumentException",
			Message: fmt.Sprintf("GroupId %s is not a consumer group (%s).", group, g.ProtocolType),
		}
	}
	d := Description{Group: group, State: javaState(g.State), Assignor: g.Protocol}
	for _, m := range g.Members {
		member := Member{ID: m.MemberID, ClientID: m.ClientID, Host: m.ClientHost, InstanceID: deref(m.InstanceID)}
		if len(m.MemberAssignment) > 0 {
			assignment := kmsg.NewConsumerMemberAssignment()
			if err := assignment.ReadFrom(m.MemberAssignment); err != nil {
				return d, fmt.Errorf("assignment of member %s: %w", m.MemberID, err)
			}
			for _, t := range assignment.Topics {
				member.Assignment = append(member.Assignment, partitions(t.Topic, t.Partitions)...)
			}
			slices.SortFunc(member.Assignment, Partition.Compare)
		}
		d.Members = append(d.Members, member)
	}
	return d, nil
}

// javaState is the state as GroupState prints it; what it does not know is "Unknown".
func javaState(s string) string {
	if s == "" {
		return "Unknown"
	}
	return s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func partitions(topic string, ids []int32) []Partition {
	out := make([]Partition, len(ids))
	for i, id := range ids {
		out[i] = Partition{topic, id}
	}
	return out
}

func partitionsOf(a kmsg.Assignment) []Partition {
	var out []Partition
	for _, t := range a.TopicPartitions {
		out = append(out, partitions(t.Topic, t.Partitions)...)
	}
	slices.SortFunc(out, Partition.Compare)
	return out
}
