package headrace

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/record"
)

func listOffsets(topic string, partition int32, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	lt := kmsg.NewListOffsetsRequestTopic()
	lp := kmsg.NewListOffsetsRequestTopicPartition()
	lp.Partition, lp.Timestamp, lp.CurrentLeaderEpoch = partition, timestamp, -1
	lt.Topic, lt.Partitions = topic, append(lt.Partitions, lp)
	req.ReplicaID, req.Topics = -1, append(req.Topics, lt)
	return req
}

// topicID asks for the id of a topic.
func topicID(c *wireClient, topic string) [16]byte {
	c.t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	return ask[*kmsg.MetadataResponse](c, req, 12).Topics[0].TopicID
}

// C07: from version 13 on a fetch names topics by their ids alone. C24: an id
// that nobody knows is an error of its partition, and the session goes on.
func TestFetchByTopicID(t *testing.T) {
	c := wireNode(t, "t", 1)
	produced(c, "t", batchOf(t, "x"))
	req := fetchRequest("", 0, 0, 0)
	req.Topics[0].TopicID = topicID(c, "t")
	unknown := req.Topics[0]
	unknown.TopicID = [16]byte{1, 2, 3}
	req.Topics = append(req.Topics, unknown)
	req.SessionEpoch = 0
	for v := int16(13); v <= 17; v++ {
		resp := ask[*kmsg.FetchResponse](c, req, v)
		if resp.ErrorCode != 0 || resp.SessionID == 0 || len(resp.Topics) != 2 {
			t.Fatalf("v%d: code %d, session %d, %d topics", v, resp.ErrorCode, resp.SessionID, len(resp.Topics))
		}
		for _, rt := range resp.Topics {
			want := int16(0)
			if rt.TopicID == unknown.TopicID {
				want = kerr.UnknownTopicID.Code
			}
			if p := rt.Partitions[0]; p.ErrorCode != want || (want == 0) != (len(p.RecordBatches) > 0) {
				t.Errorf("v%d: code %d, %d bytes", v, p.ErrorCode, len(p.RecordBatches))
			}
		}
		next := fetchRequest("", 0, 0, 0)
		next.Topics, next.SessionID, next.SessionEpoch = nil, resp.SessionID, 1
		if resp := ask[*kmsg.FetchResponse](c, next, v); resp.ErrorCode != 0 {
			t.Errorf("v%d: the session ended with code %d", v, resp.ErrorCode)
		}
	}
}

// C19: the first partition with records gives one whole batch, however large
// (KIP-74), and the answer is bounded over all partitions. C21: a partition at
// its limit is answered at once. C22: the log start offset is told.
func TestFetchLimits(t *testing.T) {
	c := wireNode(t, "t", 4)
	large := strings.Repeat("x", 50_000)
	for p := range int32(4) {
		for range 2 {
			if r := ask[*kmsg.ProduceResponse](c, produceRequest("t", p, -1, batchOf(t, large)), 9); r.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Fatalf("code %d", r.Topics[0].Partitions[0].ErrorCode)
			}
		}
	}
	all := func(maxBytes, partitionBytes, minBytes, wait int32) *kmsg.FetchRequest {
		req := fetchRequest("t", 0, 0, wait)
		one := req.Topics[0].Partitions[0]
		one.PartitionMaxBytes = partitionBytes
		req.Topics[0].Partitions = nil
		for p := range int32(4) {
			one.Partition = p
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, one)
		}
		req.MaxBytes, req.MinBytes = maxBytes, minBytes
		return req
	}
	sizes := func(r *kmsg.FetchResponse) (n []int) {
		for _, p := range r.Topics[0].Partitions {
			if p.LogStartOffset != 0 || p.HighWatermark != 2 {
				t.Errorf("log start offset %d, high watermark %d", p.LogStartOffset, p.HighWatermark)
			}
			n = append(n, len(p.RecordBatches))
		}
		return n
	}
	if n := sizes(ask[*kmsg.FetchResponse](c, all(10, 10, 1, 0), 12)); n[0] < 50_000 || n[0] > 60_000 || n[1]+n[2]+n[3] > 0 {
		t.Errorf("10 bytes allowed: %v", n)
	}
	if n := sizes(ask[*kmsg.FetchResponse](c, all(120_000, 1<<20, 1, 0), 12)); n[0]+n[1]+n[2]+n[3] > 170_000 {
		t.Errorf("120,000 bytes allowed: %v", n)
	}
	if n := sizes(ask[*kmsg.FetchResponse](c, all(1<<20, 60_000, 1<<20, 300_000), 12)); n[0] == 0 || n[3] == 0 {
		t.Errorf("partitions at their limits: %v", n)
	}
}

// C20: an offset within a batch gets the batch that holds it.
func TestFetchWithinABatch(t *testing.T) {
	c := wireNode(t, "t", 1)
	produced(c, "t", batchOf(t, "a", "b", "c"))
	produced(c, "t", batchOf(t, "d", "e", "f"))
	for from, want := range map[int64]int64{0: 0, 1: 0, 2: 0, 3: 3, 5: 3} {
		if got := stored(c, "t", from)[0].BaseOffset(); got != want {
			t.Errorf("a fetch at %d begins with the batch at %d, want %d", from, got, want)
		}
	}
}

// C26: a time is answered with the first record that is not older, at every
// version. C27: the newest record's offset is exact within a compressed batch.
func TestOffsetsByTime(t *testing.T) {
	c := wireNode(t, "t", 1)
	base := time.Now().UnixMilli() - 100_000
	for i, codec := range []record.Codec{record.None, record.Gzip, record.Zstd} {
		at := base + int64(i)*1000
		produced(c, "t", build(t, record.BatchOptions{Codec: codec}, keyed{value: "a", ts: at}, keyed{value: "b", ts: at + 200}, keyed{value: "c", ts: at + 100}))
	}
	for _, tc := range []struct{ at, offset, ts int64 }{
		{-1, 9, -1},
		{-2, 0, -1},
		{base - 5, 0, base},
		{base, 0, base},
		{base + 1, 1, base + 200},
		{base + 1001, 4, base + 1200},
		{base + 2150, 7, base + 2200},
		{base + 9999, -1, -1},
		{-3, 7, base + 2200},
	} {
		for v := int16(1); v <= 10; v++ {
			if tc.at == -3 && v < 7 {
				continue
			}
			p := ask[*kmsg.ListOffsetsResponse](c, listOffsets("t", 0, tc.at), v).Topics[0].Partitions[0]
			if p.ErrorCode != 0 || p.Offset != tc.offset || p.Timestamp != tc.ts {
				t.Errorf("v%d, time %d: code %d, offset %d at %d, want %d at %d", v, tc.at, p.ErrorCode, p.Offset, p.Timestamp, tc.offset, tc.ts)
			}
			if v >= 4 && tc.offset >= 0 && p.LeaderEpoch < 0 {
				t.Errorf("v%d, time %d: leader epoch %d", v, tc.at, p.LeaderEpoch) // C28
			}
		}
	}
}

// C28: the leader epoch that goes with an offset is the record's.
// C29: an epoch that has ended is answered with the start of the next one; a
// client that does not know the current epoch (-1) is not fenced, a wrong one is.
func TestEndOfAnEpoch(t *testing.T) {
	c := wireNode(t, "t", 1)
	produced(c, "t", batchOf(t, "a", "b"))
	end := func(current, epoch int32) kmsg.OffsetForLeaderEpochResponseTopicPartition {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.CurrentLeaderEpoch, rp.LeaderEpoch = current, epoch
		rt.Topic, rt.Partitions = "t", append(rt.Partitions, rp)
		req.ReplicaID, req.Topics = -2, append(req.Topics, rt)
		return ask[*kmsg.OffsetForLeaderEpochResponse](c, req, 4).Topics[0].Partitions[0]
	}
	now := ask[*kmsg.ListOffsetsResponse](c, listOffsets("t", 0, -1), 7).Topics[0].Partitions[0].LeaderEpoch
	if p := end(-1, now); p.ErrorCode != 0 || p.EndOffset != 2 || p.LeaderEpoch != now {
		t.Errorf("the current epoch: %+v", p)
	}
	if p := end(now, now+7); p.ErrorCode != 0 || p.EndOffset != -1 {
		t.Errorf("an epoch to come: %+v", p)
	}
	if p := end(now+1, now); p.ErrorCode != kerr.UnknownLeaderEpoch.Code {
		t.Errorf("a client from the future: code %d", p.ErrorCode)
	}
	if now > 0 {
		if p := end(now-1, now); p.ErrorCode != kerr.FencedLeaderEpoch.Code {
			t.Errorf("a client from the past: code %d", p.ErrorCode)
		}
	}
}
