package admin

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/javaerr"
)

// Replica is one copy of the metadata log. Times are milliseconds since 1970; -1: not known.
type Replica struct {
	ID           int32
	DirectoryID  ID // zero: not known
	LogEndOffset int64
	LastFetch    int64
	LastCaughtUp int64
}

// Endpoint is one address of a controller.
type Endpoint struct {
	Listener string
	Host     string
	Port     uint16
}

// Quorum is the state of the metadata log's replicas.
type Quorum struct {
	LeaderID      int32
	LeaderEpoch   int32
	HighWatermark int64
	Voters        []Replica
	Observers     []Replica
	Endpoints     map[int32][]Endpoint // by node id
}

// DescribeQuorum asks for the state of the metadata quorum.
func (a *Admin) DescribeQuorum(ctx context.Context) (Quorum, error) {
	const topic = "__cluster_metadata"
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	resp, err := call[*kmsg.DescribeQuorumResponse](ctx, a, "describeMetadataQuorum", nil, req)
	if err != nil {
		return Quorum{}, err
	}
	if err := coded(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return Quorum{}, err
	}
	if len(resp.Topics) != 1 || resp.Topics[0].Topic != topic || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].Partition != 0 {
		return Quorum{}, javaerr.New("UnknownServerException", "The answer is not about %s-0 alone", topic)
	}
	p := resp.Topics[0].Partitions[0]
	if err := coded(p.ErrorCode, p.ErrorMessage); err != nil {
		return Quorum{}, err
	}
	q := Quorum{
		LeaderID: p.LeaderID, LeaderEpoch: p.LeaderEpoch, HighWatermark: p.HighWatermark,
		Voters: replicas(p.CurrentVoters), Observers: replicas(p.Observers), Endpoints: map[int32][]Endpoint{},
	}
	for _, n := range resp.Nodes {
		for _, l := range n.Listeners {
			q.Endpoints[n.NodeID] = append(q.Endpoints[n.NodeID], Endpoint{l.Name, l.Host, l.Port})
		}
	}
	return q, nil
}

func replicas(states []kmsg.DescribeQuorumResponseTopicPartitionReplicaState) []Replica {
	var out []Replica
	for _, s := range states {
		out = append(out, Replica{s.ReplicaID, s.ReplicaDirectoryID, s.LogEndOffset, s.LastFetchTimestamp, s.LastCaughtUpTimestamp})
	}
	return out
}

// Leader returns the leader's replica; ok is false when there is no leader.
func (q Quorum) Leader() (leader Replica, ok bool) {
	i := slices.IndexFunc(q.Voters, func(r Replica) bool { return r.ID == q.LeaderID })
	if i < 0 {
		return leader, false
	}
	return q.Voters[i], true
}

// AddRaftVoter makes a controller that follows the metadata log a voter (KIP-853).
func (a *Admin) AddRaftVoter(ctx context.Context, id int32, directory ID, endpoints []Endpoint) error {
	req := kmsg.NewPtrAddRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID, req.TimeoutMillis = id, directory, int32(a.timeout.Milliseconds())
	for _, e := range endpoints {
		req.Listeners = append(req.Listeners, kmsg.AddRaftVoterRequestListener{Name: e.Listener, Host: e.Host, Port: e.Port})
	}
	resp, err := call[*kmsg.AddRaftVoterResponse](ctx, a, "addRaftVoter", nil, req)
	if err != nil {
		return err
	}
	return coded(resp.ErrorCode, resp.ErrorMessage)
}

// RemoveRaftVoter takes a controller out of the quorum (KIP-853).
func (a *Admin) RemoveRaftVoter(ctx context.Context, id int32, directory ID) error {
	req := kmsg.NewPtrRemoveRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID = id, directory
	resp, err := call[*kmsg.RemoveRaftVoterResponse](ctx, a, "removeRaftVoter", nil, req)
	if err != nil {
		return err
	}
	return coded(resp.ErrorCode, resp.ErrorMessage)
}
