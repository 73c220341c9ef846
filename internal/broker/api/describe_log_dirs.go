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
// bytes of the volume, KIP-827).
func (b *Broker) describeLogDirs(c *call, req *kmsg.DescribeLogDirsRequest) {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	asked := map[topicPartition]bool{}
	for i := range req.Topics {
		for _, index := range req.Topics[i].Partitions {
			asked[topicPartition{req.Topics[i].Topic, index}] = true
		}
	}
	held := map[*log.Dir][]*replica.Partition{}
	b.replicas.Each(func(p *replica.Partition) bool {
		if req.Topics == nil || asked[topicPartition{p.Topic, p.Index}] {
			held[p.Log().Dir()] = append(held[p.Log().Dir()], p)
		}
		return true
	})
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

func describeDir(d replica.Dir, held []*replica.Partition) kmsg.DescribeLogDirsResponseDir {
	out := kmsg.NewDescribeLogDirsResponseDir()
	out.Dir = d.Path()
	if d.Failed() != nil {
		out.ErrorCode = kerr.KafkaStorageError.Code
		return out
	}
	if free, total, err := d.Space(); err == nil {
		out.TotalBytes, out.UsableBytes = int64(total), int64(free)
	}
	slices.SortFunc(held, func(x, y *replica.Partition) int {
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Index, y.Index))
	})
	for _, p := range held {
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != p.Topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = p.Topic
			out.Topics = append(out.Topics, t)
		}
		t := &out.Topics[len(out.Topics)-1]
		part := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		part.Partition, part.Size = p.Index, p.Log().Size()
		t.Partitions = append(t.Partitions, part)
	}
	return out
}
