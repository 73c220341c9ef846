package headrace

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka/record"
)

// Where the fields of a record batch stand (magic 2), for tests that bend them.
const (
	atBaseOffset      = 0
	atLength          = 8
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atProducerID      = 43
	atProducerEpoch   = 51
	atCount           = 57
	batchHeader       = 61
)

// bend is a change of a batch's bytes.
type bend func([]byte) []byte

func be16(at int, v int16) bend {
	return func(b []byte) []byte { binary.BigEndian.PutUint16(b[at:], uint16(v)); return b }
}

func be32(at int, v int32) bend {
	return func(b []byte) []byte { binary.BigEndian.PutUint32(b[at:], uint32(v)); return b }
}

func be64(at int, v int64) bend {
	return func(b []byte) []byte { binary.BigEndian.PutUint64(b[at:], uint64(v)); return b }
}

func magic(v int8) bend { return func(b []byte) []byte { b[atMagic] = byte(v); return b } }

// payload replaces the records.
func payload(p ...byte) bend {
	return func(b []byte) []byte {
		b = append(b[:batchHeader], p...)
		binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-12))
		return b
	}
}

// sealed makes the checksum right: what is wrong then is the content.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func bent(t *testing.T, bends ...bend) []byte {
	t.Helper()
	b := slices.Clone(batchOf(t, "x"))
	for _, f := range bends {
		b = f(b)
	}
	return b
}

// runLengthBomb is a zstd frame of blocks that each stand for 128 KiB of one
// byte, in four bytes.
func runLengthBomb(blocks int) []byte {
	out := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x38}
	for i := range blocks {
		head := uint32(128<<10)<<3 | 1<<1
		if i == blocks-1 {
			head |= 1
		}
		out = append(out, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return out
}

// gzipBomb is a batch of one record of so many zero bytes. The race detector
// takes ten seconds to make a big one, so that a short run has one that is
// merely larger than a batch may be.
func gzipBomb(t *testing.T, size int) []byte {
	t.Helper()
	if testing.Short() {
		return batchOf(t, strings.Repeat("x", 2<<20))
	}
	var b record.Builder
	b.Reset(record.BatchOptions{Codec: record.Gzip})
	b.Append(time.Now().UnixMilli(), nil, make([]byte, size))
	batch, err := b.Build(&record.Compressor{})
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// TestHostileProduce has rows 26 to 65 of the list of hostile inputs
// (docs/security.md): what a producer may send, and the code that it gets. Zero
// is an acceptance, as in Kafka.
func TestHostileProduce(t *testing.T) {
	c := wireNode(t, "h", 1)
	gzip, snappy, lz4, zstd := be16(atAttributes, 1), be16(atAttributes, 2), be16(atAttributes, 3), be16(atAttributes, 4)
	producer := be64(atProducerID, 7)
	for _, tc := range []struct {
		row  string
		acks int16 // 0 means -1
		req  []byte
		want *kerr.Error
		to   string // another topic than h
		part int32
		v    int16 // another version than 9
	}{
		{row: "26 acks 2", acks: 2, req: bent(t), want: kerr.InvalidRequiredAcks},
		{row: "27 acks -2", acks: -2, req: bent(t), want: kerr.InvalidRequiredAcks},
		{row: "28 wrong CRC", req: bent(t, be32(atCRC, 1)), want: kerr.CorruptMessage},
		{row: "29 count 2 with 1 record", req: sealed(bent(t, be32(atCount, 2))), want: kerr.InvalidRecord},
		{row: "30 count 2^31-1", req: sealed(bent(t, be32(atCount, math.MaxInt32), be32(atLastOffsetDelta, math.MaxInt32-1))), want: kerr.InvalidRecord},
		{row: "31 count 0", req: sealed(bent(t, be32(atCount, 0))), want: kerr.InvalidRecord},
		{row: "32 count -1", req: sealed(bent(t, be32(atCount, -1))), want: kerr.InvalidRecord},
		{row: "33 last offset delta 5", req: sealed(bent(t, be32(atLastOffsetDelta, 5))), want: kerr.InvalidRecord},
		{row: "33 last offset delta -1", req: sealed(bent(t, be32(atLastOffsetDelta, -1))), want: kerr.InvalidRecord},
		{row: "34 magic 1", req: bent(t, magic(1)), want: kerr.InvalidRecord},
		{row: "35 magic 3", req: bent(t, magic(3)), want: kerr.CorruptMessage},
		{row: "36 magic -1", req: bent(t, magic(-1)), want: kerr.CorruptMessage},
		{row: "37 base offset 100", req: sealed(bent(t, be64(atBaseOffset, 100))), want: kerr.InvalidRecord},
		{row: "38 control bit", req: sealed(bent(t, be16(atAttributes, 1<<5))), want: kerr.InvalidRecord},
		{row: "39 two batches", req: append(bent(t), bent(t)...), want: kerr.InvalidRecord},
		{row: "40 empty record set", req: []byte{}, want: kerr.InvalidRecord},
		{row: "41 null record set", req: nil, want: kerr.InvalidRecord},
		{row: "42 61 zero bytes", req: make([]byte, batchHeader), want: kerr.CorruptMessage},
		{row: "43 batch length 0", req: bent(t, be32(atLength, 0)), want: kerr.CorruptMessage},
		{row: "44 batch length -1", req: bent(t, be32(atLength, -1)), want: kerr.CorruptMessage},
		{row: "45 batch length 2^31-1", req: bent(t, be32(atLength, math.MaxInt32)), want: kerr.CorruptMessage},
		{row: "46 codec 7", req: sealed(bent(t, be16(atAttributes, 7))), want: kerr.UnsupportedCompressionType},
		{row: "47 gzip flag on plain records", req: sealed(bent(t, gzip)), want: kerr.CorruptMessage},
		{row: "48 zstd in Produce v3", v: 3, req: sealed(bent(t, zstd, payload(runLengthBomb(1)...))), want: kerr.UnsupportedCompressionType},
		{row: "49 undefined attribute bits", req: sealed(bent(t, be16(atAttributes, 0x0f80)))},
		{row: "50 record length 2^31-1", req: sealed(bent(t, payload(0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0))), want: kerr.InvalidRecord},
		{row: "51 record length negative", req: sealed(bent(t, payload(13, 0, 0, 0, 1, 1, 0))), want: kerr.InvalidRecord},
		{row: "52 header count 2^31-1", req: sealed(bent(t, payload(20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f))), want: kerr.InvalidRecord},
		{row: "53 timestamp 2^62", req: sealed(bent(t, be64(atBaseTimestamp, 1<<62))), want: kerr.InvalidTimestamp},
		{row: "54 unknown topic", to: "unknown", req: bent(t), want: kerr.UnknownTopicOrPartition},
		{row: "55 partition -1", part: -1, req: bent(t), want: kerr.UnknownTopicOrPartition},
		{row: "55 partition 2^31-1", part: math.MaxInt32, req: bent(t), want: kerr.UnknownTopicOrPartition},
		{row: "56 topic ../../etc/x", to: "../../etc/x", req: bent(t), want: kerr.UnknownTopicOrPartition},
		{row: "57 producer id, sequence -1", req: sealed(bent(t, producer, be16(atProducerEpoch, 0))), want: kerr.InvalidRecord},
		{row: "58 unknown producer id, sequence 5", req: sealed(bent(t, producer, be16(atProducerEpoch, 0), be32(53, 5)))},
		{row: "59 transactional batch without an id", req: sealed(bent(t, be16(atAttributes, 1<<4), producer, be16(atProducerEpoch, 0), be32(53, 0))), want: kerr.TransactionalIDAuthorizationFailed},
		{row: "61 producer id -1 with epoch 5", req: sealed(bent(t, be16(atProducerEpoch, 5))), want: kerr.InvalidRecord},
		{row: "62 gzip bomb of 300 MB", req: gzipBomb(t, 300<<20), want: kerr.MessageTooLarge},
		{row: "63 zstd run-length bomb of 2 GB", req: sealed(bent(t, zstd, payload(runLengthBomb(16384)...))), want: kerr.MessageTooLarge},
		{row: "63b zstd window 2^41", req: sealed(bent(t, zstd, payload(0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0))), want: kerr.CorruptMessage},
		{row: "63b snappy claims 2^31-1", req: sealed(bent(t, snappy, payload(append([]byte{0xff, 0xff, 0xff, 0xff, 7}, make([]byte, 30)...)...))), want: kerr.CorruptMessage},
		{row: "63b snappy claims 2^32-1", req: sealed(bent(t, snappy, payload(append([]byte{0xff, 0xff, 0xff, 0xff, 15}, make([]byte, 30)...)...))), want: kerr.CorruptMessage},
		{row: "63b lz4 garbage", req: sealed(bent(t, lz4, payload(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 9, 9, 9, 9, 9))), want: kerr.CorruptMessage},
		{row: "65 record of 2 MB", req: batchOf(t, strings.Repeat("x", 2<<20)), want: kerr.MessageTooLarge},
	} {
		t.Run(tc.row, func(t *testing.T) {
			c.t = t
			topic, acks, v := "h", int16(-1), int16(9)
			if tc.to != "" {
				topic = tc.to
			}
			if tc.acks != 0 {
				acks = tc.acks
			}
			if tc.v != 0 {
				v = tc.v
			}
			want := int16(0)
			if tc.want != nil {
				want = tc.want.Code
			}
			p := ask[*kmsg.ProduceResponse](c, produceRequest(topic, tc.part, acks, tc.req), v).Topics[0].Partitions[0]
			if p.ErrorCode != want {
				t.Errorf("code %d, want %d", p.ErrorCode, want)
			}
			if (p.BaseOffset >= 0) != (want == 0) {
				t.Errorf("base offset %d with code %d", p.BaseOffset, p.ErrorCode)
			}
		})
	}
	// Of all that, the two accepted records are there and nothing else.
	c.t = t
	got := ask[*kmsg.FetchResponse](c, fetchRequest("h", 0, 0, 0), 12).Topics[0].Partitions[0]
	if got.HighWatermark != 2 {
		t.Errorf("the high watermark is %d", got.HighWatermark)
	}
}
