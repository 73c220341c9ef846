package api

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/broker/replica"
	"github.com/headrace/headrace/internal/broker/server"
	"github.com/headrace/headrace/internal/cluster/metadata"
	"github.com/headrace/headrace/internal/kafka/record"
	"github.com/headrace/headrace/internal/kafka/wire"
)

// maxProducePartitions bounds the partitions of one Produce request: each takes
// memory of ours beside the frame's.
const maxProducePartitions = 100_000

// produce answers Produce, versions 3 to 13 (3 transactional ids, KIP-98; 5 log
// start offset; 8 record errors, KIP-467; 10 the new leader, KIP-951; 13 topic
// ids, KIP-516). Versions 0 to 2 are advertised for librdkafka's sake and get
// UNSUPPORTED_FOR_MESSAGE_FORMAT. As KafkaApis.handleProduceRequest.
func (b *Broker) produce(c *call) {
	var req wire.ProduceRequest
	if c.header.Version < c.header.Key.Min {
		on((*Broker).refuseOldProduce)(b, c)
		return
	}
	if err := req.Decode(c.header.Version, c.body); err != nil {
		c.req.Fail(fmt.Sprintf("Produce v%d: %v", c.header.Version, err))
		return
	}
	c.req.CountTrailing(req.Trailing)
	if req.PartitionCount > maxProducePartitions {
		c.req.Fail(fmt.Sprintf("Produce for %d partitions, more than %d", req.PartitionCount, maxProducePartitions))
		return
	}
	p := &producing{b: b, c: c, acks: req.Acks, topics: req.TopicCount, parts: make([]produced, 0, req.PartitionCount)}
	p.appendAll(&req)
	p.wait(req.TimeoutMs)
}

// producing is a Produce request that has been appended and waits for its
// acknowledgements.
type producing struct {
	b      *Broker
	c      *call
	acks   int16
	topics int
	parts  []produced // in the order of the request; never grows after appendAll
	left   atomic.Int32
	timer  *time.Timer
}

// produced is the fate of one partition's records. It is the waiter for their
// commit.
type produced struct {
	owner *producing
	topic wire.TopicRef
	first bool  // the first partition of its topic
	count int32 // of the topic's partitions, where first is set
	index int32
	part  *replica.Partition // nil if it is not here
	err   error
	base  int64
	last  int64
	time  int64 // -1, or the log append time
	done  atomic.Bool
}

const (
	acksNone   = 0
	acksLeader = 1
	acksAll    = -1
)

func (p *producing) appendAll(req *wire.ProduceRequest) {
	now := time.Now()
	bad := p.acks != acksNone && p.acks != acksLeader && p.acks != acksAll
	for t := range req.Topics {
		ref := wire.TopicRef{Name: string(t.Name), ID: t.ID}
		first := true
		for part := range t.Partitions {
			p.parts = append(p.parts, produced{
				owner: p, topic: ref, first: first, count: int32(t.PartitionCount), index: part.Index, base: noOffset, time: -1,
			})
			first = false
			d := &p.parts[len(p.parts)-1]
			switch {
			case bad:
				d.err = fmt.Errorf("acks=%d is none of 0, 1 and -1: %w", p.acks, kerr.InvalidRequiredAcks)
			case req.TransactionalID != nil:
				d.err = fmt.Errorf("transactions are not served: %w", kerr.TransactionalIDAuthorizationFailed)
			default:
				p.append(d, req.Version, part.Records, now)
			}
		}
	}
}

func (p *producing) append(d *produced, version int16, records []byte, now time.Time) {
	if d.part = p.b.findPartition(version >= 13, d.topic, d.index); d.part == nil {
		d.err = p.b.absent(version >= 13, d.topic, d.index)
		return
	}
	a, err := d.part.Append(records, replica.AppendOptions{AllISR: p.acks == acksAll, LeaderEpoch: -1, NoZstd: version < 7, Now: now})
	if err != nil {
		d.err = err
		return
	}
	d.base, d.last = a.BaseOffset, a.LastOffset
	if d.part.Settings().Rules.TimestampType == record.LogAppendTime {
		d.time = a.Timestamp
	}
}

// findPartition finds a partition by the way in which a request names it.
func (b *Broker) findPartition(byID bool, t wire.TopicRef, index int32) *replica.Partition {
	if byID {
		return b.replicas.PartitionByID(t.ID, index)
	}
	return b.replicas.Partition(t.Name, index)
}

func (b *Broker) absent(byID bool, t wire.TopicRef, index int32) error {
	if !byID {
		return b.notHere(t.Name, index)
	}
	mt := b.metadata.Image().TopicByID(t.ID)
	if mt == nil {
		return fmt.Errorf("topic id %s does not exist: %w", metadata.TopicID(t.ID), kerr.UnknownTopicID)
	}
	return b.notHere(mt.Name, index)
}

// wait answers when all that is to be waited for is committed.
func (p *producing) wait(timeoutMs int32) {
	if p.acks == acksNone {
		p.finishUnacknowledged()
		return
	}
	if p.acks == acksLeader {
		p.finish()
		return
	}
	p.left.Store(int32(len(p.parts)) + 1) // one for this function, which lets go last
	for i := range p.parts {
		d := &p.parts[i]
		if d.err != nil {
			d.done.Store(true)
			p.left.Add(-1)
			continue
		}
		d.part.WhenCommitted(d.last+1, d)
	}
	// Only now, so that expire never meets a partition that is not waited for yet.
	if timeout := time.Duration(timeoutMs) * time.Millisecond; timeout > 0 {
		p.timer = time.AfterFunc(timeout, p.expire)
	} else {
		p.expire()
	}
	p.release()
}

// Committed implements replica.CommitWaiter.
func (d *produced) Committed(err error) {
	if d.done.Swap(true) {
		return
	}
	if err != nil {
		d.err, d.base = fmt.Errorf("%s: lost before it was acknowledged: %w", d.part.Name(), err), noOffset
	}
	d.owner.release()
}

// expire gives up waiting: the records stay, but nobody knows yet whether for
// good.
func (p *producing) expire() {
	for i := range p.parts {
		d := &p.parts[i]
		if d.done.Swap(true) {
			continue
		}
		d.err, d.base = fmt.Errorf("%s: not acknowledged in time: %w", d.part.Name(), kerr.RequestTimedOut), noOffset
		p.release()
	}
}

func (p *producing) release() {
	if p.left.Add(-1) == 0 {
		if p.timer != nil {
			p.timer.Stop()
		}
		p.finish()
	}
}

// finishUnacknowledged ends a request with acks=0. An error cannot be told but
// by closing the connection, which makes the client ask for metadata again.
func (p *producing) finishUnacknowledged() {
	for i := range p.parts {
		if err := p.parts[i].err; err != nil {
			p.b.logger.Info("closing connection: produce with acks=0 failed", "client", p.c.client,
				"peer", p.c.req.Conn().RemoteAddr(), "error", err)
			p.c.req.Fail("produce with acks=0 failed")
			return
		}
	}
	p.c.req.NoReply()
}

func (p *producing) finish() {
	h := &p.c.header
	frame := wire.AppendResponseHeader(make([]byte, 0, 128+64*len(p.parts)), h)
	var w wire.ProduceWriter
	var leaders nodeSet
	w.Start(frame, h.Version, p.topics)
	for i := range p.parts {
		d := &p.parts[i]
		if d.first {
			w.Topic(d.topic, int(d.count))
		}
		out := wire.ProducePartitionResponse{
			Index: d.index, ErrorCode: p.b.code(p.c, d.err), BaseOffset: d.base, LogAppendTimeMs: d.time, LogStartOffset: -1,
		}
		if d.err != nil {
			out.ErrorMessage, out.RecordErrors = wire.MessageOf(d.err), recordErrors(d.err)
			out.CurrentLeader = leaders.leaderFor(p.b, p.c, d.topic, h.Version >= 13, d.index, out.ErrorCode)
		} else {
			out.LogStartOffset = d.part.Log().StartOffset()
		}
		w.Partition(&out)
	}
	frame = w.End(0, leaders.nodes)
	wire.SetLength(frame, 0)
	p.c.req.Reply(server.Bytes(frame))
}

// recordErrors lists the records at fault (KIP-467).
func recordErrors(err error) []wire.RecordError {
	invalid, ok := errors.AsType[*record.InvalidError](err)
	if !ok {
		return nil
	}
	out := make([]wire.RecordError, len(invalid.Records))
	for i, r := range invalid.Records {
		out[i] = wire.RecordError{BatchIndex: r.Index, Message: r.Message}
	}
	return out
}

// refuseOldProduce answers versions 0 to 2, whose messages have the formats from
// before batches, with an error for each partition.
func (b *Broker) refuseOldProduce(c *call, req *kmsg.ProduceRequest) {
	if req.Acks == acksNone {
		c.req.Fail("Produce with acks=0 in a version that is no longer accepted")
		return
	}
	resp := kmsg.NewPtrProduceResponse()
	for i := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset = asked.Partition, kerr.UnsupportedVersion.Code, noOffset
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	c.reply(resp)
}
