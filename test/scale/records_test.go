package scale

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxMessage leaves room for the request around a record within Kafka's default
// socket.request.max.bytes.
const maxMessage = 104_000_000

// TestLargeRecords writes and reads records of SCALE_RECORD_BYTES (16 MB; in
// full 100 MB) where message.max.bytes allows it, and meets the limit where it
// does not.
func TestLargeRecords(t *testing.T) {
	size := setting(t, "SCALE_RECORD_BYTES", 16_000_000)
	b := run(t, "message.max.bytes="+strconv.Itoa(maxMessage))
	topic(t, b, "large", nil)
	one := "1000000"
	topic(t, b, "small", map[string]*string{"max.message.bytes": &one})
	cl := b.client(kgo.ProducerBatchMaxBytes(maxMessage), kgo.BrokerMaxWriteBytes(1<<30), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.BrokerMaxReadBytes(1<<30), kgo.ConsumeTopics("large"), kgo.FetchMaxBytes(1<<20), kgo.MaxConcurrentFetches(1))
	defer cl.Close()
	value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for i := range 2 {
		value[0] = byte('A' + i)
		if err := cl.ProduceSync(patient(t), &kgo.Record{Topic: "large", Value: bytes.Clone(value)}).FirstErr(); err != nil {
			t.Fatalf("record %d of %d bytes: %v", i, len(value), err)
		}
	}
	err := cl.ProduceSync(patient(t), &kgo.Record{Topic: "small", Value: value}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record above max.message.bytes: %v", err)
	}
	for i, r := range consume(t, cl, 2) {
		value[0] = byte('A' + i)
		if r.Offset != int64(i) || !bytes.Equal(r.Value, value) {
			t.Errorf("record %d came back at %d with %d bytes, or others", i, r.Offset, len(r.Value))
		}
	}
	t.Logf("peak memory %d MiB", b.status("VmHWM")>>10)
}

// TestSmallRecords writes and reads SCALE_RECORDS records (200,000; in full
// 2,000,000) of a byte or none.
func TestSmallRecords(t *testing.T) {
	count := setting(t, "SCALE_RECORDS", 200_000)
	b := run(t)
	topic(t, b, "tiny", nil)
	cl := b.client(kgo.DefaultProduceTopic("tiny"), kgo.MaxBufferedRecords(1<<16))
	defer cl.Close()
	ctx := patient(t)
	failed := make(chan error, 1)
	for i := range count {
		r := &kgo.Record{}
		if i%2 == 1 {
			r.Value = []byte{byte(i)}
		}
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	reader := b.client(kgo.ConsumeTopics("tiny"))
	defer reader.Close()
	for i, r := range consume(t, reader, count) {
		if r.Offset != int64(i) || len(r.Value) != i%2 || len(r.Value) == 1 && r.Value[0] != byte(i) {
			t.Fatalf("record %d: offset %d, value %v", i, r.Offset, r.Value)
		}
	}
}

func topic(t *testing.T, b *broker, name string, configs map[string]*string) {
	t.Helper()
	cl := b.client()
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(patient(t), 1, 1, configs, name); err != nil {
		t.Fatal(err)
	}
}

// consume returns the next n records of a client with one partition.
func consume(t *testing.T, cl *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(all), n, err)
		}
		all = append(all, fs.Records()...)
	}
	return all
}
