package wire

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func sampleProduceResponse(version int16) *kmsg.ProduceResponse {
	r := kmsg.NewPtrProduceResponse()
	r.Version = version
	r.ThrottleMillis = 30
	for i := range 3 {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = fmt.Sprint("t", i), [16]byte{byte(i)}
		for j := range i + 1 {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset = int32(j), int16(j), int64(j)*99
			p.LogAppendTime, p.LogStartOffset = 5, 6
			if j == 2 {
				message := "bad"
				p.ErrorMessage = &message
				e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
				e.RelativeOffset, e.ErrorMessage = 4, &message
				p.ErrorRecords = append(p.ErrorRecords, e, kmsg.NewProduceResponseTopicPartitionErrorRecord())
				if version >= 10 { // kmsg would write it in version 9 too
					p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 8, 9
				}
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		r.Topics = append(r.Topics, topic)
	}
	if version < 10 {
		return r
	}
	for i := range 2 {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port = int32(i), fmt.Sprint("host", i), 9092
		if i == 1 {
			rack := "r"
			b.Rack = &rack
		}
		r.Brokers = append(r.Brokers, b)
	}
	return r
}

func endpoints() []NodeEndpoint {
	return []NodeEndpoint{{NodeID: 0, Host: "host0", Port: 9092}, {NodeID: 1, Host: "host1", Port: 9092, Rack: "r"}}
}

func TestProduceResponseAsKmsg(t *testing.T) {
	for version := int16(0); version <= 13; version++ {
		want := sampleProduceResponse(version)
		var w ProduceWriter
		w.Start([]byte("front"), version, len(want.Topics))
		for _, topic := range want.Topics {
			w.Topic(TopicRef{Name: topic.Topic, ID: topic.TopicID}, len(topic.Partitions))
			for _, p := range topic.Partitions {
				out := ProducePartitionResponse{
					Index: p.Partition, ErrorCode: p.ErrorCode, BaseOffset: p.BaseOffset,
					LogAppendTimeMs: p.LogAppendTime, LogStartOffset: p.LogStartOffset,
				}
				if len(p.ErrorRecords) > 0 {
					out.ErrorMessage = *p.ErrorMessage
					out.RecordErrors = []RecordError{{4, "bad"}, {}}
					out.CurrentLeader = &LeaderAndEpoch{8, 9}
				}
				w.Partition(&out)
			}
		}
		got := w.End(30, endpoints())
		if diff := cmp.Diff(append([]byte("front"), want.AppendTo(nil)...), got); diff != "" {
			t.Fatalf("v%d: -kmsg +wire\n%s", version, diff)
		}
	}
}

func sampleFetchResponse(version int16) *kmsg.FetchResponse {
	r := kmsg.NewPtrFetchResponse()
	r.Version = version
	r.ThrottleMillis, r.ErrorCode, r.SessionID = 1, 2, 3
	for i := range 3 {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = fmt.Sprint("t", i), [16]byte{byte(i)}
		for j := range i + 1 {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.HighWatermark = int32(j), int16(j), 1000
			p.LastStableOffset, p.LogStartOffset, p.PreferredReadReplica = 900, 10, -1
			p.RecordBatches = bytes.Repeat([]byte{byte(i), byte(j)}, []int{0, 50, 5000}[j])
			if j == 1 {
				a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
				a.ProducerID, a.FirstOffset = 66, 77
				p.AbortedTransactions = append(p.AbortedTransactions, a)
				p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 2, 3
				p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 4, 5
				p.SnapshotID.Epoch, p.SnapshotID.EndOffset = 6, 7
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		r.Topics = append(r.Topics, topic)
	}
	if version < 16 { // kmsg would write them in version 12 too
		return r
	}
	for _, e := range endpoints() {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = e.NodeID, e.Host, e.Port
		if e.Rack != "" {
			b.Rack = &e.Rack
		}
		r.Brokers = append(r.Brokers, b)
	}
	return r
}

// writeFetch writes a kmsg response by a FetchWriter, large records as gaps if
// asked to, and puts the segments together.
func writeFetch(w *FetchWriter, src *kmsg.FetchResponse, gaps bool) []byte {
	h := Header{Key: KeyOf(Fetch), Version: src.Version, CorrelationID: 12}
	w.Start([]byte("front"), &h, FetchHead{
		ThrottleMs: src.ThrottleMillis, ErrorCode: src.ErrorCode, SessionID: src.SessionID, TopicCount: len(src.Topics),
	})
	var records [][]byte
	for i := range src.Topics {
		topic := &src.Topics[i]
		w.Topic(TopicRef{Name: topic.Topic, ID: topic.TopicID}, len(topic.Partitions))
		for j := range topic.Partitions {
			p := &topic.Partitions[j]
			out := FetchPartitionResponse{
				Index: p.Partition, ErrorCode: p.ErrorCode, HighWatermark: p.HighWatermark,
				LastStableOffset: p.LastStableOffset, LogStartOffset: p.LogStartOffset,
				PreferredReadReplica: p.PreferredReadReplica, Records: p.RecordBatches,
			}
			if len(p.AbortedTransactions) > 0 {
				out.Aborted = []AbortedTransaction{{66, 77}}
				out.Diverging = &EpochEndOffset{2, 3}
				out.CurrentLeader = &LeaderAndEpoch{4, 5}
				out.SnapshotID = &EpochEndOffset{6, 7}
			}
			records = append(records, p.RecordBatches)
			if gaps && len(p.RecordBatches) > 0 {
				out.FileBytes, out.Records = len(p.RecordBatches), nil
			}
			w.Partition(&out)
		}
	}
	size := w.Size()
	segments, _ := w.End(endpoints())
	var out []byte
	for _, s := range segments {
		if s.Bytes == nil {
			if s.FileBytes != len(records[s.Partition]) {
				panic("gap of the wrong size")
			}
			out = append(out, records[s.Partition]...)
			continue
		}
		out = append(out, s.Bytes...)
	}
	if size > len(out) {
		panic("size went back")
	}
	return out
}

func TestFetchResponseAsKmsg(t *testing.T) {
	var w FetchWriter // used again for each version
	for version := int16(4); version <= 18; version++ {
		src := sampleFetchResponse(version)
		h := Header{Key: KeyOf(Fetch), Version: version, CorrelationID: 12}
		want := src.AppendTo(AppendResponseHeader(nil, &h))
		SetLength(want, 0)
		for _, gaps := range []bool{false, true} {
			if diff := cmp.Diff(want, writeFetch(&w, src, gaps)); diff != "" {
				t.Fatalf("v%d gaps %v: -kmsg +wire\n%s", version, gaps, diff)
			}
		}
	}
}

// TestWritersAllocateNothing once their buffers have grown.
func TestWritersAllocateNothing(t *testing.T) {
	var w FetchWriter
	var buf []byte
	h := Header{Key: KeyOf(Fetch), Version: 18}
	part := FetchPartitionResponse{FileBytes: 1 << 20, HighWatermark: 5, PreferredReadReplica: -1}
	if n := testing.AllocsPerRun(100, func() {
		w.Start(buf[:0], &h, FetchHead{TopicCount: 1})
		w.Topic(TopicRef{}, 2)
		w.Partition(&part)
		w.Partition(&part)
		_, buf = w.End(nil)
	}); n != 0 {
		t.Errorf("fetch: %v allocations", n)
	}
	var pw ProduceWriter
	if n := testing.AllocsPerRun(100, func() {
		pw.Start(buf[:0], 13, 1)
		pw.Topic(TopicRef{}, 1)
		pw.Partition(&ProducePartitionResponse{BaseOffset: 4})
		buf = pw.End(0, nil)
	}); n != 0 {
		t.Errorf("produce: %v allocations", n)
	}
}
