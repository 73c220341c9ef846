package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/replica"
)

// The special timestamps of ListOffsets, and the first version that knows them
// (KIP-79, KIP-734, KIP-405, KIP-1005, KIP-1023).
const (
	latestTimestamp         = -1
	earliestTimestamp       = -2
	maxTimestamp            = -3
	earliestLocalTimestamp  = -4
	latestTieredTimestamp   = -5
	earliestPendingUpload   = -6
	lowestTimestamp         = earliestPendingUpload
	debugReplica            = -2
	firstReplica            = 0
	noOffset                = -1
	unknownEpoch            = -1
	unknownTimestampMs      = -1
	readCommittedIsolation  = 1
	lastIsolation           = readCommittedIsolation
	versionOfMaxTimestamp   = 7
	versionOfEarliestLocal  = 8
	versionOfLatestTiered   = 9
	versionOfPendingUpload  = 11
	versionOfTimestampStart = 1
)

// timestampSince gives the version from which on a special timestamp is known.
func timestampSince(ts int64) int16 {
	switch ts {
	case maxTimestamp:
		return versionOfMaxTimestamp
	case earliestLocalTimestamp:
		return versionOfEarliestLocal
	case latestTieredTimestamp:
		return versionOfLatestTiered
	case earliestPendingUpload:
		return versionOfPendingUpload
	}
	return versionOfTimestampStart
}

// listOffsets answers ListOffsets, versions 1 to 11. As
// ReplicaManager.fetchOffset and UnifiedLog.fetchOffsetByTimestamp.
func (b *Broker) listOffsets(c *call, req *kmsg.ListOffsetsRequest) {
	twice := repeatedPartitions(req)
	resp := kmsg.NewPtrListOffsetsResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		answer := kmsg.NewListOffsetsResponseTopic()
		answer.Topic = t.Topic
		for _, asked := range t.Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Partition = asked.Partition
			err := fmt.Errorf("%s-%d is asked for twice: %w", t.Topic, asked.Partition, kerr.InvalidRequest)
			if !twice[topicPartition{t.Topic, asked.Partition}] {
				err = b.listOffset(req, t.Topic, &asked, &p)
			}
			if err != nil {
				p.ErrorCode, p.Offset, p.Timestamp, p.LeaderEpoch = b.code(c, err), noOffset, unknownTimestampMs, unknownEpoch
			}
			answer.Partitions = append(answer.Partitions, p)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	c.reply(resp)
}

type topicPartition struct {
	topic     string
	partition int32
}

func repeatedPartitions(req *kmsg.ListOffsetsRequest) map[topicPartition]bool {
	seen := map[topicPartition]bool{}
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			tp := topicPartition{req.Topics[i].Topic, p.Partition}
			_, again := seen[tp]
			seen[tp] = again
		}
	}
	return seen
}

func (b *Broker) listOffset(req *kmsg.ListOffsetsRequest, topic string, asked *kmsg.ListOffsetsRequestTopicPartition, out *kmsg.ListOffsetsResponseTopicPartition) error {
	if asked.Timestamp < lowestTimestamp || req.Version < timestampSince(asked.Timestamp) {
		return fmt.Errorf("timestamp %d is not known in version %d: %w", asked.Timestamp, req.Version, kerr.UnsupportedVersion)
	}
	p := b.replicas.Partition(topic, asked.Partition)
	if p == nil {
		return b.notHere(topic, asked.Partition)
	}
	if err := p.CheckLeader(asked.CurrentLeaderEpoch); err != nil {
		return err
	}
	if asked.Timestamp != earliestTimestamp {
		if err := p.Settle(); err != nil {
			return err
		}
	}
	limit := p.HighWatermark()
	switch {
	case req.ReplicaID >= firstReplica || req.ReplicaID == debugReplica:
		limit = p.Log().EndOffset()
	case req.IsolationLevel == readCommittedIsolation:
		limit = p.LastStableOffset()
	}
	return lookUp(p, asked.Timestamp, limit, out)
}

// lookUp answers one question. limit is where the asker's view of the log ends.
func lookUp(p *replica.Partition, ts, limit int64, out *kmsg.ListOffsetsResponseTopicPartition) error {
	l := p.Log()
	switch ts {
	case latestTimestamp:
		out.Offset, out.LeaderEpoch = limit, p.LeaderEpoch()
		return nil
	case earliestTimestamp, earliestLocalTimestamp:
		out.Offset = l.StartOffset()
		out.LeaderEpoch = l.EpochForOffset(out.Offset)
		return nil
	case latestTieredTimestamp, earliestPendingUpload:
		return nil // nothing is tiered: the answer is -1
	case maxTimestamp:
		found, ok, err := l.MaxTimestamp()
		if err == nil && ok && found.Offset < limit {
			out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
		}
		return err
	}
	found, ok, err := l.OffsetForTimestamp(ts, limit)
	if err == nil && ok {
		out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
	}
	return err
}

// notHere says why a partition is not led here: its log cannot be opened, it
// does not exist, or another broker has it.
func (b *Broker) notHere(topic string, partition int32) error {
	if err := b.replicas.OpenError(topic, partition); err != nil {
		return err
	}
	if b.metadata.Image().Partition(topic, partition) != nil {
		return fmt.Errorf("%s-%d is not on this broker: %w", topic, partition, kerr.NotLeaderForPartition)
	}
	return fmt.Errorf("%s-%d does not exist: %w", topic, partition, kerr.UnknownTopicOrPartition)
}
