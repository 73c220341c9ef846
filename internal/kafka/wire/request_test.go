package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceKmsg builds what kmsg would have decoded.
func produceKmsg(r *ProduceRequest) *kmsg.ProduceRequest {
	out := kmsg.NewPtrProduceRequest()
	out.Version = r.Version
	out.TransactionID = optional(r.TransactionalID)
	out.Acks, out.TimeoutMillis = r.Acks, r.TimeoutMs
	for t := range r.Topics {
		kt := kmsg.NewProduceRequestTopic()
		kt.Topic, kt.TopicID = string(t.Name), t.ID
		for p := range t.Partitions {
			kp := kmsg.NewProduceRequestTopicPartition()
			kp.Partition, kp.Records = p.Index, p.Records
			kt.Partitions = append(kt.Partitions, kp)
		}
		out.Topics = append(out.Topics, kt)
	}
	return out
}

// fetchKmsg builds what kmsg would have decoded, but for the private field.
func fetchKmsg(r *FetchRequest) *kmsg.FetchRequest {
	out := kmsg.NewPtrFetchRequest()
	out.Version = r.Version
	out.ClusterID = optional(r.ClusterID)
	if r.Version < fetchReplicaTag {
		out.ReplicaID = r.ReplicaID
	} else {
		out.ReplicaState.ID, out.ReplicaState.Epoch = r.ReplicaID, r.ReplicaEpoch
	}
	out.MaxWaitMillis, out.MinBytes, out.MaxBytes = r.MaxWaitMs, r.MinBytes, r.MaxBytes
	out.IsolationLevel = r.IsolationLevel
	out.SessionID, out.SessionEpoch = r.SessionID, r.SessionEpoch
	out.Rack = string(r.RackID)
	for t := range r.Topics {
		kt := kmsg.NewFetchRequestTopic()
		kt.Topic, kt.TopicID = string(t.Name), t.ID
		for p := range t.Partitions {
			kp := kmsg.NewFetchRequestTopicPartition()
			kp.Partition, kp.CurrentLeaderEpoch, kp.FetchOffset = p.Index, p.CurrentLeaderEpoch, p.FetchOffset
			kp.LastFetchedEpoch, kp.LogStartOffset, kp.PartitionMaxBytes = p.LastFetchedEpoch, p.LogStartOffset, p.MaxBytes
			kp.ReplicaDirectoryID, kp.HighWatermark = p.ReplicaDirectoryID, p.HighWatermark
			kt.Partitions = append(kt.Partitions, kp)
		}
		out.Topics = append(out.Topics, kt)
	}
	for t := range r.Forgotten {
		kt := kmsg.NewFetchRequestForgottenTopic()
		kt.Topic, kt.TopicID = string(t.Name), t.ID
		for p := range t.Partitions {
			kt.Partitions = append(kt.Partitions, p)
		}
		out.ForgottenTopics = append(out.ForgottenTopics, kt)
	}
	return out
}

func optional(p []byte) *string {
	if p == nil {
		return nil
	}
	s := string(p)
	return &s
}

func sampleProduce(version int16) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version = version
	id := "txn"
	r.TransactionID = &id
	r.Acks, r.TimeoutMillis = -1, 1500
	for i := range 3 {
		topic := kmsg.NewProduceRequestTopic()
		if version >= produceTopicIDs {
			topic.TopicID = [16]byte{byte(i + 1), 15: 9}
		} else {
			topic.Topic = fmt.Sprint("topic", i)
		}
		for j := range i {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition = int32(j)
			if j > 0 {
				p.Records = bytes.Repeat([]byte{byte(j)}, 200)
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		r.Topics = append(r.Topics, topic)
	}
	return r
}

func sampleFetch(version int16) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.Version = version
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.IsolationLevel = 500, 1, 1<<20, 1
	if version < fetchReplicaTag {
		r.ReplicaID = 3
	} else {
		r.ReplicaState.ID, r.ReplicaState.Epoch = 3, 88
	}
	if version >= fetchSessions {
		r.SessionID, r.SessionEpoch = 7, 2
	}
	if version >= fetchRack {
		r.Rack = "r1"
	}
	if version >= fetchFlexible {
		id := "cluster"
		r.ClusterID = &id
	}
	for i := range 3 {
		topic, forgotten := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestForgottenTopic()
		if version >= fetchTopicIDs {
			topic.TopicID = [16]byte{byte(i + 1)}
			forgotten.TopicID = [16]byte{byte(i + 7)}
		} else {
			topic.Topic, forgotten.Topic = fmt.Sprint("topic", i), fmt.Sprint("gone", i)
		}
		for j := range i {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.FetchOffset, p.PartitionMaxBytes = int32(j), int64(j)<<33, 1<<20
			if version >= fetchLeaderEpoch {
				p.CurrentLeaderEpoch = 4
			}
			if version >= fetchFlexible {
				p.LastFetchedEpoch = 3
			}
			if version >= fetchLogStart {
				p.LogStartOffset = 11
			}
			if version >= fetchDirectoryID {
				p.ReplicaDirectoryID = [16]byte{5, 5}
			}
			if version >= fetchHighWatermark && j > 0 {
				p.HighWatermark = 12345
			}
			topic.Partitions = append(topic.Partitions, p)
			forgotten.Partitions = append(forgotten.Partitions, int32(j))
		}
		r.Topics = append(r.Topics, topic)
		if version >= fetchSessions {
			r.ForgottenTopics = append(r.ForgottenTopics, forgotten)
		}
	}
	return r
}

// sameRequest compares through the encoder, which makes nil and empty the same
// where the protocol does.
func sameRequest(t *testing.T, want, got kmsg.Request) {
	t.Helper()
	if a, b := want.AppendTo(nil), got.AppendTo(nil); !bytes.Equal(a, b) {
		t.Fatalf("-kmsg +wire\n%s", cmp.Diff(want, got))
	}
}

func TestProduceRequestAsKmsg(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		want := sampleProduce(version)
		var got ProduceRequest
		if err := got.Decode(version, append(want.AppendTo(nil), "trailing"...)); err != nil {
			t.Fatalf("v%d: %v", version, err)
		}
		if got.TopicCount != 3 || got.PartitionCount != 3 {
			t.Errorf("v%d: %d topics, %d partitions", version, got.TopicCount, got.PartitionCount)
		}
		sameRequest(t, want, produceKmsg(&got))
	}
}

func TestFetchRequestAsKmsg(t *testing.T) {
	for version := int16(4); version <= 18; version++ {
		want := sampleFetch(version)
		var got FetchRequest
		if err := got.Decode(version, append(want.AppendTo(nil), "trailing"...)); err != nil {
			t.Fatalf("v%d: %v", version, err)
		}
		if got.TopicCount != 3 || got.PartitionCount != 3 {
			t.Errorf("v%d: %d topics, %d partitions", version, got.TopicCount, got.PartitionCount)
		}
		sameRequest(t, want, fetchKmsg(&got))
	}
}

func TestFetchRequestDurableOffset(t *testing.T) {
	r := sampleFetch(18)
	p := &r.Topics[1].Partitions[0]
	p.UnknownTags.Set(TagDurableOffset, appendInt64(nil, 4711))
	var got FetchRequest
	if err := got.Decode(18, r.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	for topic := range got.Topics {
		for p := range topic.Partitions {
			offsets = append(offsets, p.DurableOffset)
		}
	}
	if diff := cmp.Diff([]int64{4711, -1, -1}, offsets); diff != "" {
		t.Error(diff)
	}
}

// TestRequestsTruncated cuts a request at every byte: all but the whole is
// malformed, in either decoder.
func TestRequestsTruncated(t *testing.T) {
	for version := int16(3); version <= 18; version++ {
		if version <= 13 {
			body := sampleProduce(version).AppendTo(nil)
			for n := range body {
				var r ProduceRequest
				if err := r.Decode(version, body[:n]); !errors.Is(err, ErrMalformed) {
					t.Fatalf("produce v%d, %d of %d bytes: %v", version, n, len(body), err)
				}
			}
		}
		if version >= 4 {
			body := sampleFetch(version).AppendTo(nil)
			for n := range body {
				var r FetchRequest
				if err := r.Decode(version, body[:n]); !errors.Is(err, ErrMalformed) {
					t.Fatalf("fetch v%d, %d of %d bytes: %v", version, n, len(body), err)
				}
			}
		}
	}
}

// TestArrayLengths: no length is believed beyond the bytes that are there, and
// null is no array.
func TestArrayLengths(t *testing.T) {
	for _, n := range []int32{math.MaxInt32, 1 << 20, -1, -5, math.MinInt32} {
		body := appendInt16(nil, -1)                   // transactional id
		body = appendInt32(appendInt16(body, 1), 1000) // acks, timeout
		body = append(appendInt32(body, n), make([]byte, 100)...)
		var r ProduceRequest
		if err := r.Decode(3, body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d topics: %v", n, err)
		}
	}
	body := append([]byte{0}, 0, 1, 0, 0, 0, 0, 0) // null topics in a flexible version
	var r ProduceRequest
	if err := r.Decode(9, append(body, 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("null topics: %v", err)
	}
}

// TestDecodeAllocatesNothing: reading and walking a request costs no memory,
// the hostile ones included.
func TestDecodeAllocatesNothing(t *testing.T) {
	produce, fetch := sampleProduce(13).AppendTo(nil), sampleFetch(18).AppendTo(nil)
	hostile := append(append([]byte{}, fetch[:len(fetch)-1]...), 0xff, 0xff, 0xff, 0x7f)
	var sum int64
	for name, run := range map[string]func(){
		"produce": func() {
			var r ProduceRequest
			if r.Decode(13, produce) != nil {
				t.Fatal("produce")
			}
			for topic := range r.Topics {
				for p := range topic.Partitions {
					sum += int64(p.Index) + int64(len(p.Records))
				}
			}
		},
		"fetch": func() {
			var r FetchRequest
			if r.Decode(18, fetch) != nil {
				t.Fatal("fetch")
			}
			for topic := range r.Topics {
				for p := range topic.Partitions {
					sum += p.FetchOffset + p.HighWatermark
				}
			}
			for topic := range r.Forgotten {
				for p := range topic.Partitions {
					sum += int64(p)
				}
			}
		},
		"hostile": func() {
			var r FetchRequest
			if r.Decode(18, hostile) == nil {
				t.Fatal("hostile")
			}
		},
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzProduceRequest: no panic, and what is valid is what kmsg reads.
func FuzzProduceRequest(f *testing.F) {
	for version := int16(3); version <= 13; version++ {
		f.Add(version, sampleProduce(version).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version < 3 || version > 13 {
			return
		}
		var got ProduceRequest
		if err := got.Decode(version, body); err != nil {
			return
		}
		want := kmsg.NewPtrProduceRequest()
		want.Version = version
		if err := want.ReadFrom(body); err != nil {
			t.Fatalf("kmsg refuses: %v", err)
		}
		dropTags(&want.UnknownTags)
		for i := range want.Topics {
			dropTags(&want.Topics[i].UnknownTags)
			for j := range want.Topics[i].Partitions {
				dropTags(&want.Topics[i].Partitions[j].UnknownTags)
			}
		}
		sameRequest(t, want, produceKmsg(&got))
	})
}

// FuzzFetchRequest: no panic, and what is valid is what kmsg reads.
func FuzzFetchRequest(f *testing.F) {
	for version := int16(4); version <= 18; version++ {
		f.Add(version, sampleFetch(version).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version < 4 || version > 18 {
			return
		}
		var got FetchRequest
		if err := got.Decode(version, body); err != nil {
			return
		}
		want := kmsg.NewPtrFetchRequest()
		want.Version = version
		if err := want.ReadFrom(body); err != nil {
			t.Fatalf("kmsg refuses: %v", err)
		}
		dropTags(&want.UnknownTags)
		dropTags(&want.ReplicaState.UnknownTags)
		for i := range want.Topics {
			dropTags(&want.Topics[i].UnknownTags)
			for j := range want.Topics[i].Partitions {
				dropTags(&want.Topics[i].Partitions[j].UnknownTags)
			}
		}
		for i := range want.ForgottenTopics {
			dropTags(&want.ForgottenTopics[i].UnknownTags)
		}
		sameRequest(t, want, fetchKmsg(&got))
	})
}

// dropTags forgets the tagged fields that the views do not keep.
func dropTags(tags *kmsg.Tags) { *tags = kmsg.Tags{} }

func BenchmarkProduceRequest(b *testing.B) {
	body := sampleProduce(13).AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		var r ProduceRequest
		if err := r.Decode(13, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetchRequest(b *testing.B) {
	body := sampleFetch(18).AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		var r FetchRequest
		if err := r.Decode(18, body); err != nil {
			b.Fatal(err)
		}
	}
}
