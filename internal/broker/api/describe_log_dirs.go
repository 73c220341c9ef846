package api

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/log"
)

// describeLogDirs answers DescribeLogDirs, versions 1 to 5 (KIP-113; 4 adds the
// bytes of the volume, KIP-827). A partition on its way to another directory is
// in both.
func (b *Broker) describeLogDirs(c *call, req *kmsg.DescribeLogDirsRequest) {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	asked := map[topicPartition]bool{}
	for i := range req.Topics {
		for _, index := range req.Topics[i].Partitions {
			asked[topicPartition{req.Topics[i].Topic, index}] = true
		}
	}
	held := map[*log.Dir][]heldReplica{}
	hold := func(d *log.Dir, r heldReplica) {
		if req.Topics == nil || asked[topicPartition{r.topic, r.index}] {
			held[d] = append(held[d], r)
		}
	}
	b.replicas.Each(func(p *replica.Partition) bool {
		l := p.Log()
		hold(l.Dir(), heldReplica{topic: p.Topic, index: p.Index, size: l.Size(), lag: max(l.HighWatermark()-l.EndOffset(), 0)})
		return true
	})
	for _, mv := range b.replicas.Moves() {
		hold(mv.Dir, heldReplica{topic: mv.Partition.Topic, index: mv.Partition.Index, size: mv.Size, lag: mv.Lag, future: true})
	}
	for _, d := range b.replicas.Dirs() {
		resp.Dirs = append(resp.Dirs, describeDir(d, held[d.Dir]))
	}
	for _, d := range b.replicas.Absent() {
		out := kmsg.NewDescribeLogDirsResponseDir()
		out.Dir, out.ErrorCode = d.Path, kerr.KafkaStorageError.Code
		resp.Dirs = append(resp.Dirs, out)
	}
	c.reply(resp)
}

// heldReplica is a replica in a log directory.
type heldReplica struct {
	topic  string
	index  int32
	size   int64
	lag    int64 // in offsets
	future bool
}

func describeDir(d replica.Dir, held []heldReplica) kmsg.DescribeLogDirsResponseDir {
	out := kmsg.NewDescribeLogDirsResponseDir()
	out.Dir = d.Path()
	if d.Failed() != nil {
		out.ErrorCode = kerr.KafkaStorageError.Code
		return out
	}
	if free, total, err := d.Space(); err == nil {
		out.TotalBytes, out.UsableBytes = int64(total), int64(free)
	}
	slices.SortFunc(held, func(x, y heldReplica) int {
		return cmp.Or(cmp.Compare(x.topic, y.topic), cmp.Compare(x.index, y.index))
	})
	for _, r := range held {
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != r.topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = r.topic
			out.Topics = append(out.Topics, t)
		}
		t := &out.Topics[len(out.Topics)-1]
		part := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		part.Partition, part.Size, part.OffsetLag, part.IsFuture = r.index, r.size, r.lag, r.future
		t.Partitions = append(t.Partitions, part)
	}
	return out
}
