package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/cluster/metadata"
)

const (
	clientCount   = 4
	clientTimeout = 3 * time.Second
)

// rpc sends a request to a node over the network and calls done with the
// answer, or with an error when there was none in time.
func (r *quorumRun) rpc(from int, to *voterNode, req kmsg.Request, done func(kmsg.Response, error)) {
	finished := false
	finish := func(resp kmsg.Response, err error) {
		if !finished {
			finished = true
			done(resp, err)
		}
	}
	what := fmt.Sprintf("client %d->%d %s", from, to.id, kmsg.NameForKey(req.Key()))
	r.net.SendOnce(from, to.id, what, func() {
		to.submit(req, func(resp kmsg.Response, err error) {
			r.net.SendOnce(to.id, from, fmt.Sprintf("%s answered, error %v", what, err), func() { finish(resp, err) })
		})
	})
	r.After(clientTimeout, "", func() { finish(nil, errTimeout) })
}

var errTimeout = errors.New("no answer in time")

// simBroker registers with the controller and heartbeats, as a broker does.
type simBroker struct {
	run    *quorumRun
	id     int32
	epoch  int64
	target int
	beat   int64
}

func (b *simBroker) address() int { return clientAddress + 50 + int(b.id) }

// step registers or heartbeats, and again after a while.
func (b *simBroker) step() {
	r := b.run
	again := func(d time.Duration) { r.After(d, "", b.step) }
	if b.epoch < 0 {
		r.rpc(b.address(), r.nodes[b.target], b.registration(), func(resp kmsg.Response, err error) {
			if x, ok := resp.(*kmsg.BrokerRegistrationResponse); err == nil && ok && x.ErrorCode == 0 {
				b.epoch = x.BrokerEpoch
				r.Reach("broker registered")
				again(0)
				return
			}
			b.target = r.Rand.IntN(voterCount)
			again(r.Between(50*time.Millisecond, 500*time.Millisecond))
		})
		return
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = b.id, b.epoch, 1<<40
	r.rpc(b.address(), r.nodes[b.target], req, func(resp kmsg.Response, err error) {
		x, ok := resp.(*kmsg.BrokerHeartbeatResponse)
		switch {
		case err != nil || !ok:
			b.target = r.Rand.IntN(voterCount)
		case x.ErrorCode == kerr.StaleBrokerEpoch.Code || x.ErrorCode == kerr.BrokerIDNotRegistered.Code:
			b.epoch = -1
		case x.ErrorCode == 0 && !x.IsFenced:
			r.Reach("broker unfenced")
		}
		again(r.Between(300*time.Millisecond, time.Second))
	})
}

func (b *simBroker) registration() *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = 4
	req.BrokerID, req.ClusterID = b.id, simClusterID
	b.beat++
	req.IncarnationID = [16]byte{byte(b.id), byte(b.beat), byte(b.beat >> 8), 1}
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", "localhost", 9092
	req.Listeners = append(req.Listeners, l)
	req.LogDirs = [][16]byte{{1, byte(b.id), 5}}
	req.PreviousBrokerEpoch = -1
	for _, f := range metadata.SupportedFeatures() {
		x := kmsg.NewBrokerRegistrationRequestFeature()
		x.Name, x.MinSupportedVersion, x.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, x)
	}
	return req
}

// topicState is what a client knows about one of its topics.
type topicState int

const (
	topicCreating topicState = iota // asked for, never answered well
	topicPresent                    // acknowledged
	topicDeleting                   // deletion asked for
	topicGone                       // deletion acknowledged
)

// simTopic is a topic that only one client touches.
type simTopic struct {
	name     string
	id       [16]byte // zero where the answer that told it was lost
	state    topicState
	attempts int // of the request under way
}

// simClient creates and deletes topics, one request at a time, and repeats each
// until it has a definite answer.
type simClient struct {
	run    *quorumRun
	id     int
	target int
	topics []*simTopic
	acked  int
}

func (c *simClient) step() {
	r := c.run
	t := c.choose()
	t.attempts++
	var req kmsg.Request
	if t.state == topicCreating {
		req = createRequest(t.name, 1+int32(r.Rand.IntN(3)))
	} else {
		req = deleteRequest(t.name)
	}
	r.rpc(clientAddress+c.id, r.nodes[c.target], req, func(resp kmsg.Response, err error) {
		settled := err == nil && c.take(t, resp)
		if !settled {
			c.target = r.Rand.IntN(voterCount)
		}
		r.After(r.Between(time.Millisecond, 100*time.Millisecond), "", c.step)
	})
}

// choose picks the topic of the next request: one without a definite answer
// first, else a new one or one to delete.
func (c *simClient) choose() *simTopic {
	var present []*simTopic
	for _, t := range c.topics {
		switch t.state {
		case topicCreating, topicDeleting:
			return t
		case topicPresent:
			present = append(present, t)
		}
	}
	if len(present) > 0 && (len(present) > 4 || c.run.Chance(40)) {
		t := present[c.run.Rand.IntN(len(present))]
		t.state, t.attempts = topicDeleting, 0
		return t
	}
	t := &simTopic{name: fmt.Sprintf("topic-%d-%d", c.id, len(c.topics))}
	c.topics = append(c.topics, t)
	return t
}

// take handles an answer and tells whether it was definite.
func (c *simClient) take(t *simTopic, resp kmsg.Response) bool {
	switch resp := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		return c.takeCreated(t, resp.Topics[0])
	case *kmsg.DeleteTopicsResponse:
		return c.takeDeleted(t, resp.Topics[0].ErrorCode)
	}
	return false
}

func (c *simClient) takeCreated(t *simTopic, x kmsg.CreateTopicsResponseTopic) bool {
	switch x.ErrorCode {
	case 0:
		t.id = x.TopicID
	case kerr.TopicAlreadyExists.Code:
		if t.attempts == 1 {
			c.run.Fail("topic %s exists before anybody has created it", t.name)
		}
		c.run.Reach("repeated create found its topic")
	default:
		return false
	}
	t.state, t.attempts = topicPresent, 0
	c.acked++
	return true
}

func (c *simClient) takeDeleted(t *simTopic, code int16) bool {
	switch code {
	case 0:
	case kerr.UnknownTopicOrPartition.Code:
		if t.attempts == 1 {
			c.run.Fail("topic %s was acknowledged and is unknown to its first deletion", t.name)
		}
		c.run.Reach("repeated delete found it done")
	default:
		return false
	}
	t.state = topicGone
	c.acked++
	return true
}

func createRequest(name string, partitions int32) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	req.Topics = append(req.Topics, t)
	return req
}

func deleteRequest(name string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, t)
	return req
}

// check compares what clients were told with an image at the end of the run.
func (c *simClient) check(img *metadata.Image) {
	for _, t := range c.topics {
		got := img.Topic(t.name)
		switch {
		case t.state == topicPresent && got == nil:
			c.run.Fail("topic %s was acknowledged and is gone", t.name)
		case t.state == topicPresent && t.id != [16]byte{} && [16]byte(got.ID) != t.id:
			c.run.Fail("topic %s was acknowledged as %x and is %x", t.name, t.id, got.ID)
		case t.state == topicGone && got != nil:
			c.run.Fail("the deletion of topic %s was acknowledged and it is there", t.name)
		}
	}
}
