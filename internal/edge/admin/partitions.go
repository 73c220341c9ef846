package admin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/edge/client"
	"github.com/headrace/headrace/internal/edge/javaerr"
)

// TopicPartition names a partition. Its text is Kafka's: the topic, a dash, the number.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is TopicPartition.toString.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Partition) }

// Compare orders partitions by topic, then number.
func (tp TopicPartition) Compare(other TopicPartition) int {
	return cmp.Or(cmp.Compare(tp.Topic, other.Topic), cmp.Compare(tp.Partition, other.Partition))
}

// Outcome is what became of one partition: its offset, or why there is none.
type Outcome struct {
	Offset int64
	Err    error
}

// Special timestamps of ListOffsets (ListOffsetsRequest).
const (
	Latest                int64 = -1
	Earliest              int64 = -2
	MaxTimestamp          int64 = -3
	EarliestLocal         int64 = -4
	LatestTiered          int64 = -5
	EarliestPendingUpload int64 = -6
)

// NoOffset says that no record is as late as the time that was asked for.
const NoOffset int64 = -1

// ListOffsets asks the leaders for the offsets of partitions at a time in milliseconds or at a special timestamp. Each
// partition has an outcome; the error is for all.
func (a *Admin) ListOffsets(ctx context.Context, of []TopicPartition, timestamp int64) (map[TopicPartition]Outcome, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for _, t := range byTopic(of) {
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = t.name
		for _, id := range t.ids {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp, p.CurrentLeaderEpoch = id, timestamp, -1
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
	}
	return a.askLeaders(ctx, leaderCall{"ListOffsets", "listOffsets(api=METADATA)"}, of, req, func(resp kmsg.Response, put outcomes) {
		for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				put(t.Topic, p.Partition, p.ErrorCode, p.Offset)
			}
		}
	})
}

// DeleteRecords deletes what is before the given offsets; -1 is the high watermark. The outcomes have the new starts of
// the logs. An error of one partition is in its outcome.
func (a *Admin) DeleteRecords(ctx context.Context, before map[TopicPartition]int64) (map[TopicPartition]Outcome, error) {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = int32(a.timeout.Milliseconds())
	var of []TopicPartition
	for tp := range before {
		of = append(of, tp)
	}
	for _, t := range byTopic(of) {
		topic := kmsg.NewDeleteRecordsRequestTopic()
		topic.Topic = t.name
		for _, id := range t.ids {
			p := kmsg.NewDeleteRecordsRequestTopicPartition()
			p.Partition, p.Offset = id, before[TopicPartition{t.name, id}]
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
	}
	return a.askLeaders(ctx, leaderCall{"DeleteRecords", "deleteRecords(api=METADATA)"}, of, req, func(resp kmsg.Response, put outcomes) {
		for _, t := range resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range t.Partitions {
				put(t.Topic, p.Partition, p.ErrorCode, p.LowWatermark)
			}
		}
	})
}

// outcomes takes what an answer says of one partition.
type outcomes func(topic string, partition int32, code int16, offset int64)

// leaderCall names a request that goes to the leaders of partitions.
type leaderCall struct {
	name string // as log lines have it
	call string // as the Java client names it in its messages
}

// askLeaders sends req to the leaders of partitions, in parts, and collects what they say. It tells the log of each
// partition that is refused, as the handlers of the Java client do.
func (a *Admin) askLeaders(ctx context.Context, c leaderCall, of []TopicPartition, req kmsg.Request,
	read func(kmsg.Response, outcomes),
) (map[TopicPartition]Outcome, error) {
	found := map[TopicPartition]Outcome{}
	if len(of) == 0 {
		return found, nil
	}
	put := func(topic string, partition int32, code int16, offset int64) {
		tp := TopicPartition{topic, partition}
		if code != 0 && a.log != nil {
			a.log.Error(fmt.Sprintf("[AdminClient clientId=%s] %s request for topic partition %s failed due to an unexpected error %s",
				cmp.Or(a.props["client.id"], "adminclient-1"), c.name, tp, javaerr.Name(kerr.ErrorForCode(code))),
				slog.String("class", "org.apache.kafka.clients.admin.internals."+c.name+"Handler"))
		}
		found[tp] = Outcome{offset, javaerr.Coded(code, "")}
	}
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	for again := true; again; {
		again = false
		shards, err := a.sharded(within, req)
		for _, shard := range shards {
			if shard.Err == nil {
				read(shard.Resp, put)
				continue
			}
			again = again || client.Unreachable(shard.Err) && within.Err() == nil
			for _, tp := range partitionsOf(shard.Req) {
				found[tp] = Outcome{NoOffset, c.failure(within, shard.Err)}
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, c.failure(within, err)
		}
	}
	for _, tp := range of {
		if _, ok := found[tp]; !ok {
			return nil, javaerr.From(fmt.Errorf("%s: no answer about partition %s", c.name, tp))
		}
	}
	return found, nil
}

// failure is err as the Java client names it.
func (c leaderCall) failure(ctx context.Context, err error) error {
	if ctx.Err() == nil && !isUndialled(err) {
		return javaerr.From(err)
	}
	e := javaerr.New("TimeoutException", "Timed out waiting for a node assignment. Call: %s", c.call)
	e.Cause = err
	return e
}

// sharded sends the parts of req to whom they belong and returns with the answers or when ctx ends, as request does.
func (a *Admin) sharded(ctx context.Context, req kmsg.Request) ([]kgo.ResponseShard, error) {
	answers := make(chan []kgo.ResponseShard, 1)
	a.requests.Go(func() { answers <- a.cl.RequestSharded(ctx, req) })
	select {
	case shards := <-answers:
		return shards, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// partitionsOf are the partitions that a request to their leader names.
func partitionsOf(req kmsg.Request) []TopicPartition {
	var of []TopicPartition
	switch req := req.(type) {
	case *kmsg.ListOffsetsRequest:
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				of = append(of, TopicPartition{t.Topic, p.Partition})
			}
		}
	case *kmsg.DeleteRecordsRequest:
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				of = append(of, TopicPartition{t.Topic, p.Partition})
			}
		}
	}
	return of
}

// topicIDs are the partitions asked of one topic.
type topicIDs struct {
	name string
	ids  []int32
}

// byTopic groups partitions, all in order.
func byTopic(of []TopicPartition) []topicIDs {
	of = slices.Clone(of)
	slices.SortFunc(of, TopicPartition.Compare)
	var out []topicIDs
	for _, tp := range slices.Compact(of) {
		if len(out) == 0 || out[len(out)-1].name != tp.Topic {
			out = append(out, topicIDs{name: tp.Topic})
		}
		last := &out[len(out)-1]
		last.ids = append(last.ids, tp.Partition)
	}
	return out
}
