package api

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// describeQuorum answers DescribeQuorum, versions 0 to 2 (KIP-595; 1 adds the
// times, KIP-836; 2 the directory ids and addresses, KIP-853). Only the
// partition __cluster_metadata-0 exists.
func (b *Broker) describeQuorum(c *call, req *kmsg.DescribeQuorumRequest) {
	resp := kmsg.NewPtrDescribeQuorumResponse()
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		err := fmt.Errorf("exactly one partition can be described: %w", kerr.InvalidRequest)
		resp.ErrorCode, resp.ErrorMessage = b.code(c, err), message(err)
		c.reply(resp)
		return
	}
	asked := req.Topics[0]
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.Partition = asked.Partitions[0].Partition
	if asked.Topic != metadata.ClusterMetadataTopic || p.Partition != 0 {
		err := fmt.Errorf("%s-%d is no Raft partition: %w", asked.Topic, p.Partition, kerr.UnknownTopicOrPartition)
		p.ErrorCode, p.ErrorMessage = b.code(c, err), message(err)
	} else if err := b.describeVoters(&p, resp); err != nil {
		p.ErrorCode, p.ErrorMessage = b.code(c, err), message(err)
	}
	resp.Topics = []kmsg.DescribeQuorumResponseTopic{{Topic: asked.Topic, Partitions: []kmsg.DescribeQuorumResponseTopicPartition{p}}}
	c.reply(resp)
}

func (b *Broker) describeVoters(p *kmsg.DescribeQuorumResponseTopicPartition, resp *kmsg.DescribeQuorumResponse) error {
	q, err := b.quorum.Describe(b.ctx)
	if err != nil {
		return err
	}
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = q.LeaderID, q.LeaderEpoch, q.HighWatermark
	for _, v := range q.Voters {
		p.CurrentVoters = append(p.CurrentVoters, replicaState(v))
	}
	for _, o := range q.Observers {
		p.Observers = append(p.Observers, replicaState(o))
	}
	for _, n := range q.Nodes {
		resp.Nodes = append(resp.Nodes, kmsg.DescribeQuorumResponseNode{
			NodeID:    n.ID,
			Listeners: []kmsg.DescribeQuorumResponseNodeListener{{Name: n.Listener, Host: n.Host, Port: n.Port}},
		})
	}
	return nil
}

func replicaState(r QuorumReplica) kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
	return kmsg.DescribeQuorumResponseTopicPartitionReplicaState{
		ReplicaID: r.ID, ReplicaDirectoryID: r.DirectoryID, LogEndOffset: r.LogEndOffset,
		LastFetchTimestamp: millis(r.LastFetch), LastCaughtUpTimestamp: millis(r.LastCaughtUp),
	}
}

// millis is a time on the wire: -1 where it is not known.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}
