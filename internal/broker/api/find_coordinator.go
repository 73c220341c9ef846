package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// What FindCoordinator may look for.
const (
	coordinatorGroup       = 0
	coordinatorTransaction = 1
	coordinatorShare       = 2
)

// findCoordinator answers FindCoordinator, versions 0 to 6 (4 takes several
// keys, KIP-699). The internal topic is created when the first coordinator is
// looked for.
func (b *Broker) findCoordinator(c *call, req *kmsg.FindCoordinatorRequest) {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if req.Version < 4 {
		one := b.coordinatorFor(c, req.CoordinatorType, req.CoordinatorKey)
		resp.ErrorCode, resp.ErrorMessage = one.ErrorCode, one.ErrorMessage
		resp.NodeID, resp.Host, resp.Port = one.NodeID, one.Host, one.Port
		c.reply(resp)
		return
	}
	for _, key := range req.CoordinatorKeys {
		resp.Coordinators = append(resp.Coordinators, b.coordinatorFor(c, req.CoordinatorType, key))
	}
	c.reply(resp)
}

func (b *Broker) coordinatorFor(c *call, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port = key, -1, -1
	br, e, err := b.coordinator(c, kind, key)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = b.code(c, err), message(err)
		return out
	}
	out.NodeID, out.Host, out.Port = br.ID, e.Host, int32(e.Port)
	return out
}

func (b *Broker) coordinator(c *call, kind int8, key string) (*metadata.Broker, metadata.Endpoint, error) {
	switch kind {
	case coordinatorGroup:
	case coordinatorTransaction, coordinatorShare:
		return nil, metadata.Endpoint{}, fmt.Errorf("this broker coordinates consumer groups only: %w", kerr.UnsupportedVersion)
	default:
		return nil, metadata.Endpoint{}, fmt.Errorf("coordinator type %d: %w", kind, kerr.InvalidRequest)
	}
	img := b.metadata.Image()
	if img.Topic(metadata.GroupMetadataTopic) == nil {
		if b.readOnly != nil {
			return nil, metadata.Endpoint{}, b.readOnly
		}
		img = b.createTopics(c, []string{metadata.GroupMetadataTopic})
	}
	index, ok := b.groups.PartitionFor(key)
	if !ok {
		return nil, metadata.Endpoint{}, fmt.Errorf("%s is being created: %w", metadata.GroupMetadataTopic, kerr.CoordinatorNotAvailable)
	}
	p := img.Partition(metadata.GroupMetadataTopic, index)
	if p == nil || !p.HasLeader() {
		return nil, metadata.Endpoint{}, fmt.Errorf("%s-%d has no leader: %w", metadata.GroupMetadataTopic, index, kerr.CoordinatorNotAvailable)
	}
	br := img.Broker(p.Leader)
	if br == nil || br.Fenced {
		return nil, metadata.Endpoint{}, fmt.Errorf("broker %d is away: %w", p.Leader, kerr.CoordinatorNotAvailable)
	}
	e, ok := br.Listener(c.listener().Name)
	if !ok {
		return nil, metadata.Endpoint{}, fmt.Errorf("broker %d has no listener %s: %w", br.ID, c.listener().Name, kerr.CoordinatorNotAvailable)
	}
	return br, e, nil
}
