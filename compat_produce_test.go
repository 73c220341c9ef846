package headrace

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/record"
)

// setTopic sets configs of a topic, as "key", "value" pairs.
func setTopic(c *wireClient, topic string, pairs ...string) {
	c.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for i := 0; i < len(pairs); i += 2 {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Value = pairs[i], kmsg.StringPtr(pairs[i+1])
		r.Configs = append(r.Configs, cfg)
	}
	req.Resources = append(req.Resources, r)
	if resp := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1); resp.Resources[0].ErrorCode != 0 {
		c.t.Fatalf("%s: code %d", pairs, resp.Resources[0].ErrorCode)
	}
}

// produced sends a batch to partition 0 and returns what is said of it.
func produced(c *wireClient, topic string, batch []byte) kmsg.ProduceResponseTopicPartition {
	c.t.Helper()
	return ask[*kmsg.ProduceResponse](c, produceRequest(topic, 0, -1, batch), 9).Topics[0].Partitions[0]
}

// stored reads the batches of partition 0 from an offset on.
func stored(c *wireClient, topic string, from int64) (batches []record.Batch) {
	c.t.Helper()
	p := ask[*kmsg.FetchResponse](c, fetchRequest(topic, 0, from, 0), 12).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		c.t.Fatalf("fetch: code %d", p.ErrorCode)
	}
	for rest := p.RecordBatches; len(rest) > 0; {
		b, r, err := record.Next(rest)
		if err == nil {
			err = b.CheckCRC()
		}
		if err != nil {
			c.t.Fatal(err)
		}
		batches, rest = append(batches, b), r
	}
	return batches
}

type keyed struct {
	key   []byte
	value string
	ts    int64
}

func build(t *testing.T, o record.BatchOptions, records ...keyed) []byte {
	t.Helper()
	var b record.Builder
	b.Reset(o)
	for _, r := range records {
		ts := r.ts
		if ts == 0 {
			ts = time.Now().UnixMilli()
		}
		b.Append(ts, r.key, []byte(r.value))
	}
	out, err := b.Build(&record.Compressor{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

// C10: max.message.bytes is about the batch as it is sent, compressed or not.
func TestLargestBatchIsTheCompressedOne(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "max.message.bytes", "10000")
	big := keyed{value: string(make([]byte, 100_000))}
	if p := produced(c, "t", build(t, record.BatchOptions{Codec: record.Zstd}, big)); p.ErrorCode != 0 {
		t.Errorf("100 kB that are few when compressed: code %d", p.ErrorCode)
	}
	if p := produced(c, "t", build(t, record.BatchOptions{}, big)); p.ErrorCode != kerr.MessageTooLarge.Code {
		t.Errorf("100 kB: code %d", p.ErrorCode)
	}
}

// C11: a record without a key cannot be kept by compaction: the batch is refused
// and the record named, also where it is compressed.
func TestCompactedTopicsWantKeys(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "cleanup.policy", "compact")
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Zstd} {
		p := produced(c, "t", build(t, record.BatchOptions{Codec: codec}, keyed{key: []byte("k"), value: "a"}, keyed{value: "b"}))
		if p.ErrorCode != kerr.InvalidRecord.Code || len(p.ErrorRecords) != 1 || p.ErrorRecords[0].RelativeOffset != 1 {
			t.Errorf("%v: code %d, records %+v", codec, p.ErrorCode, p.ErrorRecords)
		}
		if p.ErrorMessage == nil || *p.ErrorMessage == "" {
			t.Errorf("%v: no message", codec)
		}
	}
}

// C12: with LogAppendTime the answer tells the time, and the batch has it.
func TestLogAppendTime(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "message.timestamp.type", "LogAppendTime")
	before := time.Now().UnixMilli()
	for i, codec := range []record.Codec{record.None, record.LZ4} {
		p := produced(c, "t", build(t, record.BatchOptions{Codec: codec}, keyed{value: "a", ts: 5}, keyed{value: "b", ts: 9}))
		if p.ErrorCode != 0 || p.LogAppendTime < before || p.LogAppendTime > time.Now().UnixMilli() {
			t.Fatalf("%v: code %d, log append time %d", codec, p.ErrorCode, p.LogAppendTime)
		}
		b := stored(c, "t", int64(2*i))[0]
		if b.MaxTimestamp() != p.LogAppendTime || !b.Attributes().LogAppendTime() {
			t.Errorf("%v: the batch's time is %d, the answer's %d", codec, b.MaxTimestamp(), p.LogAppendTime)
		}
	}
}

// C13: sarama leaves the largest timestamp of a batch unset; who looks for a time
// finds its records all the same.
func TestUnsetMaxTimestamp(t *testing.T) {
	c := wireNode(t, "t", 1)
	at := time.Now().UnixMilli()
	batch := build(t, record.BatchOptions{}, keyed{value: "a", ts: at - 50}, keyed{value: "b", ts: at})
	p := produced(c, "t", sealed(be64(35, -1)(batch)))
	if p.ErrorCode != 0 {
		t.Fatalf("code %d", p.ErrorCode)
	}
	if got := stored(c, "t", 0)[0].MaxTimestamp(); got != at {
		t.Errorf("the largest timestamp is %d, want %d", got, at)
	}
	if got := ask[*kmsg.ListOffsetsResponse](c, listOffsets("t", 0, at-10), 7).Topics[0].Partitions[0]; got.Offset != 1 || got.Timestamp != at {
		t.Errorf("offset %d at %d", got.Offset, got.Timestamp)
	}
}

// C14: the bounds of timestamps are for what clients set, not for the log's own.
func TestTimestampBounds(t *testing.T) {
	c := wireNode(t, "t", 1)
	setTopic(c, "t", "message.timestamp.before.max.ms", "1000", "message.timestamp.after.max.ms", "1000")
	now := time.Now().UnixMilli()
	for name, ts := range map[string]int64{"before": now - 3_600_000, "after": now + 3_600_000} {
		if p := produced(c, "t", build(t, record.BatchOptions{}, keyed{value: "x", ts: ts})); p.ErrorCode != kerr.InvalidTimestamp.Code {
			t.Errorf("%s: code %d", name, p.ErrorCode)
		}
	}
	setTopic(c, "t", "message.timestamp.type", "LogAppendTime")
	if p := produced(c, "t", build(t, record.BatchOptions{}, keyed{value: "x", ts: 1})); p.ErrorCode != 0 {
		t.Errorf("with LogAppendTime: code %d", p.ErrorCode)
	}
}

// C15: one batch of magic 2 for each partition; anything else is refused and
// nothing of it is stored. C16: a client writes no control batch.
func TestOneBatchForAPartition(t *testing.T) {
	c := wireNode(t, "t", 1)
	for name, records := range map[string][]byte{
		"two batches": append(batchOf(t, "a"), batchOf(t, "b")...),
		"magic 1":     bent(t, magic(1)),
		"control":     sealed(bent(t, be16(atAttributes, 1<<5))),
	} {
		if p := produced(c, "t", records); p.ErrorCode != kerr.InvalidRecord.Code {
			t.Errorf("%s: code %d", name, p.ErrorCode)
		}
	}
	if got := stored(c, "t", 0); len(got) > 0 {
		t.Errorf("%d batches are there", len(got))
	}
}

// C17: a batch that is sent again is not stored again, and its old offset is
// told, for the last five; a producer that nobody knows may begin anywhere; one
// with a newer epoch begins at 0 (KIP-360).
func TestIdempotentProducer(t *testing.T) {
	c := wireNode(t, "t", 1)
	send := func(epoch int16, sequence int32) kmsg.ProduceResponseTopicPartition {
		t.Helper()
		o := record.BatchOptions{Producer: &record.Producer{ID: 4000, Epoch: epoch, BaseSequence: sequence}}
		return produced(c, "t", build(t, o, keyed{value: "x"}))
	}
	const first = 17
	for n := range int32(6) {
		if p := send(0, first+n); p.ErrorCode != 0 || p.BaseOffset != int64(n) {
			t.Fatalf("sequence %d: code %d, offset %d", first+n, p.ErrorCode, p.BaseOffset)
		}
	}
	for n := int32(1); n < 6; n++ {
		if p := send(0, first+n); p.ErrorCode != 0 || p.BaseOffset != int64(n) {
			t.Errorf("sequence %d again: code %d, offset %d", first+n, p.ErrorCode, p.BaseOffset)
		}
	}
	if p := send(0, first); p.ErrorCode != kerr.OutOfOrderSequenceNumber.Code && p.ErrorCode != kerr.DuplicateSequenceNumber.Code {
		t.Errorf("the sixth last: code %d", p.ErrorCode)
	}
	if p := send(0, first+9); p.ErrorCode != kerr.OutOfOrderSequenceNumber.Code {
		t.Errorf("a gap: code %d", p.ErrorCode)
	}
	if p := send(1, 3); p.ErrorCode != kerr.OutOfOrderSequenceNumber.Code {
		t.Errorf("a new epoch that begins at 3: code %d", p.ErrorCode)
	}
	if p := send(1, 0); p.ErrorCode != 0 || p.BaseOffset != 6 {
		t.Errorf("a new epoch: code %d, offset %d", p.ErrorCode, p.BaseOffset)
	}
	if p := send(0, first+6); p.ErrorCode != kerr.InvalidProducerEpoch.Code {
		t.Errorf("the old epoch: code %d", p.ErrorCode)
	}
}
