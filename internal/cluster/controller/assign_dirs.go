package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

// assignReplicasToDirs records where a broker keeps its replicas (KIP-858,
// ReplicationControlManager.handleAssignReplicasToDirs).
func (c *Controller) assignReplicasToDirs(x *exchange, req *kmsg.AssignReplicasToDirsRequest, resp *kmsg.AssignReplicasToDirsResponse) error {
	if metadataVersion(x.img) < metadataVersion37IV2 {
		return faultf(kerr.UnsupportedVersion, "Directory assignment is not supported yet.")
	}
	b, err := checkEpoch(x.img, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return err
	}
	for _, d := range req.Directories {
		dir := kmsg.NewAssignReplicasToDirsResponseDirectory()
		dir.ID = d.ID
		for _, wanted := range d.Topics {
			topic := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
			topic.TopicID = wanted.TopicID
			t := x.img.TopicByID(wanted.TopicID)
			for _, p := range wanted.Partitions {
				out := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
				out.Partition = p.Partition
				out.ErrorCode = c.assignReplica(x, b, t, p.Partition, d.ID).code()
				topic.Partitions = append(topic.Partitions, out)
			}
			dir.Topics = append(dir.Topics, topic)
		}
		resp.Directories = append(resp.Directories, dir)
	}
	return nil
}

func refuseAssignReplicasToDirs(_ *kmsg.AssignReplicasToDirsRequest, resp *kmsg.AssignReplicasToDirsResponse, f *fault) {
	resp.ErrorCode = f.code()
}

// assignReplica records one replica's directory. A replica in a directory that
// is off line leaves ISR and leadership too; one that comes to a directory that
// works may lead what nobody leads.
func (c *Controller) assignReplica(x *exchange, b *metadata.Broker, t *metadata.Topic, index int32, dir metadata.UUID) *fault {
	if t == nil {
		return &fault{kind: kerr.UnknownTopicID}
	}
	p := t.Partition(index)
	if p == nil {
		return &fault{kind: kerr.UnknownTopicOrPartition}
	}
	if _, assigned := p.Directory(b.ID); !assigned {
		return &fault{kind: kerr.NotLeaderForPartition}
	}
	g := c.newChange(x.img, t, index).assignDirectory(b.ID, dir)
	if !b.HasOnlineDir(dir) {
		g.isr = without(g.isr, b.ID)
		g.allowUnclean(c.unclean(x.img, t.Name))
	}
	if r := g.build(); r != nil {
		x.emit(r)
	}
	return nil
}
