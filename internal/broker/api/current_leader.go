package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// nodeSet collects the addresses of the leaders that a Produce or Fetch
// response names, so that clients need not ask for metadata (KIP-951).
type nodeSet struct{ nodes []wire.NodeEndpoint }

// leaderFor returns who leads a partition now, for an answer that sends the
// client elsewhere; nil for all other codes.
func (s *nodeSet) leaderFor(b *Broker, c *call, t wire.TopicRef, byID bool, index int32, code int16) *wire.LeaderAndEpoch {
	if code != kerr.NotLeaderForPartition.Code && code != kerr.FencedLeaderEpoch.Code {
		return nil
	}
	img := b.metadata.Image()
	topic := img.Topic(t.Name)
	if byID {
		topic = img.TopicByID(metadata.TopicID(t.ID))
	}
	p := topic.Partition(index)
	if p == nil {
		return nil
	}
	s.add(img, p.Leader, c.listener().Name)
	return &wire.LeaderAndEpoch{LeaderID: p.Leader, LeaderEpoch: p.LeaderEpoch}
}

func (s *nodeSet) add(img *metadata.Image, id int32, listener string) {
	for i := range s.nodes {
		if s.nodes[i].NodeID == id {
			return
		}
	}
	br := img.Broker(id)
	if br == nil {
		return
	}
	e, ok := br.Listener(listener)
	if !ok {
		return
	}
	n := wire.NodeEndpoint{NodeID: id, Host: e.Host, Port: int32(e.Port)}
	if br.Rack != nil {
		n.Rack = *br.Rack
	}
	s.nodes = append(s.nodes, n)
}
