package coordinator

import (
	"context"
	"crypto/rand"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Runtime is the group coordinator of one broker. Create it with NewRuntime and
// start Run. All methods are safe for concurrent use and none of them blocks
// for long.
//
// Each request method answers by calling reply exactly once, from any goroutine
// and perhaps before it returns; reply must not block. The request belongs to
// the runtime until then, the response to the receiver. Requests are expected
// to be authorized.
type Runtime struct {
	opts Options
}

// ClientInfo is what a group remembers of a member's connection.
type ClientInfo struct {
	// ID is the client id of the request header, empty if it had none.
	ID string
	// Host is the client's address as Java prints it: "/127.0.0.1".
	Host string
}

// NewRuntime returns a runtime with no partition.
func NewRuntime(o Options) *Runtime {
	o.setDefaults()
	return &Runtime{opts: o}
}

// Run owns the runtime's goroutines: timers, loads. It returns when ctx ends,
// after every waiting caller has got COORDINATOR_NOT_AVAILABLE.
func (r *Runtime) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Elected says that this broker leads the internal topic's partition since
// leaderEpoch. The shard is loaded in the background; until then requests get
// COORDINATOR_LOAD_IN_PROGRESS. A leaderEpoch that is not newer is ignored.
func (r *Runtime) Elected(partition, leaderEpoch int32) {}

// Resigned says that this broker does not lead the partition any more. Waiting
// callers get NOT_COORDINATOR.
func (r *Runtime) Resigned(partition int32) {}

// PartitionFor is the partition of the internal topic that keeps the group, and
// whether the topic exists.
func (r *Runtime) PartitionFor(groupID string) (int32, bool) { return 0, false }

// JoinGroup handles versions 0 to 9.
func (r *Runtime) JoinGroup(req *kmsg.JoinGroupRequest, client ClientInfo, reply func(*kmsg.JoinGroupResponse)) {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version, resp.ErrorCode = req.Version, kerr.CoordinatorNotAvailable.Code
	reply(resp)
}

// SyncGroup handles versions 0 to 5.
func (r *Runtime) SyncGroup(req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {}

// Heartbeat handles versions 0 to 4.
func (r *Runtime) Heartbeat(req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {}

// LeaveGroup handles versions 0 to 5.
func (r *Runtime) LeaveGroup(req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {}

// OffsetCommit handles versions 2 to 10. Topics that do not exist are answered
// with UNKNOWN_TOPIC_OR_PARTITION or UNKNOWN_TOPIC_ID.
func (r *Runtime) OffsetCommit(req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) {
}

// OffsetFetch handles versions 1 to 10. In the answer every topic carries its
// name, also from version 10 on, where the name is not sent: the caller filters
// by it what the client may not see.
func (r *Runtime) OffsetFetch(req *kmsg.OffsetFetchRequest, reply func(*kmsg.OffsetFetchResponse)) {
}

// OffsetDelete handles version 0.
func (r *Runtime) OffsetDelete(req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) {
}

// DescribeGroups handles versions 0 to 6; authorized operations are the
// caller's to fill in.
func (r *Runtime) DescribeGroups(req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse)) {
}

// ListGroups handles versions 0 to 5, over all partitions that this broker
// leads.
func (r *Runtime) ListGroups(req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse)) {}

// DeleteGroups handles versions 0 to 2.
func (r *Runtime) DeleteGroups(req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse)) {
}

// DeletedTopic names a topic that the cluster has deleted.
type DeletedTopic struct {
	Name string
	ID   [16]byte
}

// TopicsDeleted removes the offsets that groups hold for deleted topics.
func (r *Runtime) TopicsDeleted(topics []DeletedTopic) {}

func randomID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails (Go 1.24)
	return id
}
