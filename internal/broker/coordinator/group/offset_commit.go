package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/coordinator/shard"
)

const (
	commitGroupNotFound = 9 // versions of OffsetCommit that know GROUP_ID_NOT_FOUND (KIP-848)
	noRetention         = -1
)

// OffsetCommit stores offsets. Topics carry their names and, where known, their
// ids, whatever the version; they have been checked to exist. An error, a
// kerr.Error, stands for the whole request (OffsetMetadataManager.commitOffset).
func (s *Shard) OffsetCommit(now time.Time, to shard.Caller, req *kmsg.OffsetCommitRequest) (*shard.Result, error) {
	check, err := s.checkCommit(now, req)
	if err != nil {
		return nil, err
	}
	if err := checkPartitions(check, req); err != nil {
		return nil, err
	}
	o := &op{now: now}
	expireMs := noExpiry
	if req.RetentionTimeMillis != noRetention {
		expireMs = o.nowMs() + req.RetentionTimeMillis
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Version = req.Version
	resp.Topics = make([]kmsg.OffsetCommitResponseTopic, 0, len(req.Topics))
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		rt.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, 0, len(t.Partitions))
		for j := range t.Partitions {
			rt.Partitions = append(rt.Partitions, s.commitOne(o, req.Group, t, &t.Partitions[j], expireMs))
		}
		resp.Topics = append(resp.Topics, rt)
	}
	o.replyCommitted(to, resp)
	return &o.res, nil
}

func (s *Shard) commitOne(o *op, group string, t *kmsg.OffsetCommitRequestTopic, p *kmsg.OffsetCommitRequestTopicPartition, expireMs int64) kmsg.OffsetCommitResponseTopicPartition {
	rp := kmsg.NewOffsetCommitResponseTopicPartition()
	rp.Partition = p.Partition
	metadata := ""
	if p.Metadata != nil {
		metadata = *p.Metadata
	}
	if s.metadataTooLarge(metadata) {
		rp.ErrorCode = kerr.OffsetMetadataTooLarge.Code
		return rp
	}
	s.emitOffset(o, group, t.Topic, p.Partition, offset{
		offset:      p.Offset,
		leaderEpoch: p.LeaderEpoch,
		metadata:    metadata,
		commitMs:    o.nowMs(),
		expireMs:    expireMs,
		topicID:     t.TopicID,
	})
	return rp
}

func (s *Shard) metadataTooLarge(metadata string) bool {
	return len(metadata) > s.cfg.OffsetMetadataMaxSize && utf16Len(metadata) > s.cfg.OffsetMetadataMaxSize
}

// checkCommit says whether the sender may commit for the group. A commit keeps
// a member's session alive, except while it should be syncing.
func (s *Shard) checkCommit(now time.Time, req *kmsg.OffsetCommitRequest) (partitionCheck, error) {
	g := s.groups[req.Group]
	if g == nil {
		switch {
		case req.Generation < 0:
			return nil, nil // a simple group comes to be
		case req.Version >= commitGroupNotFound:
			return nil, kerr.GroupIDNotFound
		default:
			return nil, kerr.IllegalGeneration
		}
	}
	check, err := g.validateOffsetCommit(&committer{
		memberID: req.MemberID, instanceID: req.InstanceID, epoch: req.Generation, version: req.Version,
	})
	if err != nil {
		return nil, err
	}
	if c, ok := g.(*classicGroup); ok && (c.state == stateStable || c.state == statePreparingRebalance) {
		if m := c.byID[req.MemberID]; m != nil {
			s.touch(now, m)
		}
	}
	return check, nil
}

// checkPartitions refuses the whole request if one of its partitions may not be
// committed to.
func checkPartitions(check partitionCheck, req *kmsg.OffsetCommitRequest) error {
	if check == nil {
		return nil
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			if err := check(t.TopicID, t.Partitions[j].Partition); err != nil {
				return err
			}
		}
	}
	return nil
}
